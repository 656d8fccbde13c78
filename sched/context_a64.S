// Entering and leaving a process stack on AArch64 (AAPCS64). base/run_state.h has the contract and
// the picture; context_x64.S is the same for x86-64.
//
//   worker stack while the process runs        process stack while it does not run
//     +16  x29 x30 x19 ... x28 d8 ... d15        run->sp -> resume address
//   host_sp -> address of .Lback, 8 unused                  8 unused
//                                                           what the code there wants
//
// The stack pointer must be a multiple of 16 whenever it is used, so an address is pushed and
// popped as 16 bytes. The ABI also makes the low halves of v8 to v15 ours to keep.

#if defined(__aarch64__)

// Field offsets of RunState, asserted in base/run_state.h.
#define RUN_SP 0
#define RUN_HOST_SP 8

// Leave::Returned.
#define LEAVE_RETURNED 2

// Pushes, and pops, the callee-saved registers: 160 bytes. x30 is the return address.
        .macro  push_saved
        stp     x29, x30, [sp, #-160]!
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        stp     d8, d9, [sp, #96]
        stp     d10, d11, [sp, #112]
        stp     d12, d13, [sp, #128]
        stp     d14, d15, [sp, #144]
        .endm
        .macro  pop_saved
        ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     d8, d9, [sp, #96]
        ldp     d10, d11, [sp, #112]
        ldp     d12, d13, [sp, #128]
        ldp     d14, d15, [sp, #144]
        ldp     x29, x30, [sp], #160
        .endm

        .text

// Leave lr_resume(RunState* run)                                  x0 -> w0
        .globl  lr_resume
        .type   lr_resume, %function
        .p2align 5
lr_resume:
        push_saved
        // The way back, for whoever leaves.
        adr     x1, .Lback
        str     x1, [sp, #-16]!
        // Change stacks and go on where the process stopped; x0 still holds the RunState.
        mov     x2, sp
        str     x2, [x0, #RUN_HOST_SP]
        ldr     x2, [x0, #RUN_SP]
        mov     sp, x2
        ldr     x1, [sp], #16
        br      x1

        // Somebody set sp = host_sp, w0 = reason and jumped here.
.Lback:
        add     sp, sp, #16
        pop_saved
        // A jump, not a return: the processor's guess from past calls is wrong across a switch.
        br      x30
        .size   lr_resume, . - lr_resume

// void lr_leave(RunState* run, Leave reason)                      x0, w1
        .globl  lr_leave
        .type   lr_leave, %function
        .p2align 5
lr_leave:
        // What our caller relies on, and on top the address at which to go on.
        push_saved
        adr     x2, .Lgo_on
        str     x2, [sp, #-16]!
        // Change stacks and return from lr_resume with the reason.
        mov     x2, sp
        str     x2, [x0, #RUN_SP]
        ldr     x2, [x0, #RUN_HOST_SP]
        mov     sp, x2
        mov     w0, w1
        ldr     x2, [sp]
        br      x2

        // Resumed; lr_resume has popped this address.
.Lgo_on:
        pop_saved
        br      x30
        .size   lr_leave, . - lr_leave

// The first code on a stack that prepare_native() has built, the same on both machines:
//
//   run->sp ->  +0   lr_native_start, unused   (lr_resume has popped both)
//              +16   entry
//              +24   argument
//              +32   the top, 16-byte aligned
        .globl  lr_native_start
        .type   lr_native_start, %function
        .p2align 4
lr_native_start:
        ldp     x2, x1, [sp], #16
        // x19 survives the call; x29 and x30 of 0 end backtraces.
        mov     x19, x0
        mov     x29, #0
        mov     x30, #0
        blr     x2
        // The entry function has returned: leave for good.
        mov     x0, x19
        mov     w1, #LEAVE_RETURNED
        bl      lr_leave
        brk     #0
        .size   lr_native_start, . - lr_native_start

#endif  // __aarch64__

        .section .note.GNU-stack, "", %progbits
