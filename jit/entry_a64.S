// The fixed machine code that runs on process stacks, for AArch64; entry_x64.S says what each piece
// does and is the same for x86-64. base/run_state.h has the contract of entering and leaving a
// process; jit/entry.h names the structs.
//
// Register roles (masm/target_a64.cc): x28 Context, x27 memory base, x26 memory extent, x16
// scratch, x15 call target; x19, x20 and x21 survive calls. The stack pointer is a multiple of 16,
// so an address on the stack takes 16 bytes. What is called leaves its return address in x30.

#if defined(__aarch64__)

// base/run_state.h
#define RUN_SP 0
#define RUN_HOST_SP 8
#define RUN_STACK_LIMIT 16
#define RUN_TRAP_CODE 32
#define RUN_STACK_NEED 36
#define RUN_DOORBELL 48
#define LEAVE_YIELD 0
#define LEAVE_HOST_WAIT 1
#define LEAVE_RETURNED 2
#define LEAVE_TRAPPED 3
#define LEAVE_STACK_FULL 4
// jit/context.h
#define CONTEXT_STACK_LIMIT 0
#define CONTEXT_ALARM 8
#define CONTEXT_MEMORY_BASE 16
#define CONTEXT_MEMORY_EXTENT 24
#define CONTEXT_RUN 32
#define CONTEXT_ACTIVATION 56
#define CONTEXT_IMPORTS 64
#define FUNCREF_CROSS_CODE 16
// jit/host_function.h
#define HOST_STATUS_TRAP 2
#define HOST_STATUS_AGAIN 3
// jit/unwind.h: ThrowState, 16-byte aligned
#define THROW_CONTEXT 32
#define THROW_SP 40
#define THROW_EXCEPTION 48
#define THROW_ROOM 56
#define THROW_WHICH 64
#define THROW_OPERAND 72
#define THROW_TAG 80
#define THROW_BYTES 96
// jit/entry.h: ActivationRecord, seen behind its first two words
#define ACTIVATION_THUNK 0
#define ACTIVATION_BELL 24
#define ACTIVATION_PREVIOUS 32
#define ACTIVATION_ROOT 40
#define ACTIVATION_BYTES 48

// x0 to x17, x19 to x28, q0 to q31; above them x30, as a return address.
#define SAVE_BYTES 736
#define SAVED_X16 128
#define SAVED_X28 216
#define SAVED_VECTORS 224

        .macro  save_all
        str     x30, [sp, #-16]!
        sub     sp, sp, #SAVE_BYTES
        stp     x0, x1, [sp, #0]
        stp     x2, x3, [sp, #16]
        stp     x4, x5, [sp, #32]
        stp     x6, x7, [sp, #48]
        stp     x8, x9, [sp, #64]
        stp     x10, x11, [sp, #80]
        stp     x12, x13, [sp, #96]
        stp     x14, x15, [sp, #112]
        stp     x16, x17, [sp, #SAVED_X16]
        stp     x19, x20, [sp, #144]
        stp     x21, x22, [sp, #160]
        stp     x23, x24, [sp, #176]
        stp     x25, x26, [sp, #192]
        stp     x27, x28, [sp, #208]
        .irp    n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
        str     q\n, [sp, #(SAVED_VECTORS + 16 * \n)]
        .endr
        .irp    n, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
        str     q\n, [sp, #(SAVED_VECTORS + 16 * \n)]
        .endr
        .endm

        .macro  restore_all
        .irp    n, 0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30
        ldr     q\n, [sp, #(SAVED_VECTORS + 16 * \n)]
        .endr
        .irp    n, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31
        ldr     q\n, [sp, #(SAVED_VECTORS + 16 * \n)]
        .endr
        ldp     x0, x1, [sp, #0]
        ldp     x2, x3, [sp, #16]
        ldp     x4, x5, [sp, #32]
        ldp     x6, x7, [sp, #48]
        ldp     x8, x9, [sp, #64]
        ldp     x10, x11, [sp, #80]
        ldp     x12, x13, [sp, #96]
        ldp     x14, x15, [sp, #112]
        ldp     x16, x17, [sp, #SAVED_X16]
        ldp     x19, x20, [sp, #144]
        ldp     x21, x22, [sp, #160]
        ldp     x23, x24, [sp, #176]
        ldp     x25, x26, [sp, #192]
        ldp     x27, x28, [sp, #208]
        add     sp, sp, #SAVE_BYTES
        ldr     x30, [sp], #16
        .endm

// At a moving point: memory may have grown or moved meanwhile.
        .macro  reload_memory
        ldr     x27, [x28, #CONTEXT_MEMORY_BASE]
        ldr     x26, [x28, #CONTEXT_MEMORY_EXTENT]
        .endm

// To the worker's stack; the RunState is in \run, x9 and x10 change.
        .macro  hop_to_host run
        mov     x9, sp
        str     x9, [\run, #RUN_SP]
        ldr     x10, [\run, #RUN_HOST_SP]
        mov     sp, x10
        .endm
        .macro  hop_back run
        ldr     x9, [\run, #RUN_SP]
        mov     sp, x9
        .endm

// Calls C++ on the worker's stack, with the Context before its other arguments. Afterwards the
// RunState is in x0 and the result in x1.
        .macro  call_host function
        ldr     x19, [x28, #CONTEXT_RUN]
        mov     x0, x28
        hop_to_host x19
        bl      \function
        hop_back x19
        mov     x1, x0
        mov     x0, x19
        .endm

// Gives the worker back. The RunState is in x0; execution continues at `resume`.
        .macro  leave_process reason, resume
        adr     x9, \resume
        str     x9, [sp, #-16]!
        hop_to_host x0
        mov     w0, #\reason
        ldr     x9, [sp]
        br      x9
        .endm

        .section .rodata
        .globl  lr_full_save_bytes, lr_host_wait_bytes, lr_host_wait_status
        .p2align 3
lr_full_save_bytes:
        .quad   SAVE_BYTES
lr_host_wait_bytes:
        .quad   80
lr_host_wait_status:
        .quad   16

        .text

// -- Traps --------------------------------------------------------------------------------------
        .globl  lr_trap_entries
        .p2align 4
lr_trap_entries:
        .set    code, 0
        .rept   32
        .p2align 4
        mov     w16, #code
        b       .Ltrap
        .set    code, code + 1
        .endr

        // The RunState is in x0, and everything on the stack.
.Lsaved_trap:
        add     sp, sp, #SAVE_BYTES
        b       lr_trap_leave

        .p2align 4
.Ltrap:
        ldr     x0, [x28, #CONTEXT_RUN]
        str     w16, [x0, #RUN_TRAP_CODE]
.Ltrap_here:
        str     x30, [sp, #-16]!
        .globl  lr_trap_leave
lr_trap_leave:
        hop_to_host x0
        mov     w0, #LEAVE_TRAPPED
        ldr     x9, [sp]
        br      x9

// -- Yield --------------------------------------------------------------------------------------
        .globl  lr_yield
        .p2align 4
lr_yield:
        save_all
        ldr     x0, [x28, #CONTEXT_RUN]
        leave_process LEAVE_YIELD, lr_yield_resume
        .globl  lr_yield_resume
lr_yield_resume:
        restore_all
        ret

// -- Interrupted ----------------------------------------------------------------------------------
// The pc is in the 16 bytes on top of the stack. It is returned to through x18, which no code of
// ours uses; the flags are saved in the other half of its place.
        .globl  lr_interrupted
        .p2align 4
lr_interrupted:
        mrs     x18, nzcv
        str     x18, [sp, #8]
        save_all
        ldr     x0, [x28, #CONTEXT_RUN]
        leave_process LEAVE_YIELD, lr_interrupted_resume
        .globl  lr_interrupted_resume
lr_interrupted_resume:
        restore_all
        ldr     x18, [sp, #8]
        msr     nzcv, x18
        ldr     x18, [sp], #16
        br      x18

// -- Fuel ---------------------------------------------------------------------------------------
        .globl  lr_fuel
        .p2align 4
lr_fuel:
        save_all
        call_host lr_do_fuel
        cbnz    w1, .Lsaved_trap
        leave_process LEAVE_YIELD, lr_yield_resume

// -- StackCheck ---------------------------------------------------------------------------------
// The function's own return address stands in 16 bytes above (Masm::call_stub_before_frame).
        .globl  lr_stack_check
        .p2align 4
lr_stack_check:
        save_all
        ldr     x0, [x28, #CONTEXT_RUN]
        add     x9, sp, #(SAVE_BYTES + 32)
        sub     x9, x9, x16
        ldr     x10, [x0, #RUN_STACK_LIMIT]
        cmp     x9, x10
        b.hs    .Lrung
        str     w16, [x0, #RUN_STACK_NEED]
        leave_process LEAVE_STACK_FULL, lr_stack_check_resume
.Lrung:
        leave_process LEAVE_YIELD, lr_stack_check_resume
        .globl  lr_stack_check_resume
lr_stack_check_resume:
        restore_all
        reload_memory
        ret

// -- ExtentMiss ---------------------------------------------------------------------------------
        .globl  lr_extent_miss, lr_extent_miss_any
        .p2align 4
lr_extent_miss_any:
        save_all
        ldr     x2, [sp, #(SAVE_BYTES + 16)]
        ldr     x16, [sp, #(SAVE_BYTES + 24)]
        b       .Lextent_miss
        .p2align 4
lr_extent_miss:
        save_all
        mov     x2, #0
.Lextent_miss:
        mov     x1, x16
        call_host lr_do_extent_miss
        cbnz    w1, .Lsaved_trap
        restore_all
        ldr     x26, [x28, #CONTEXT_MEMORY_EXTENT]
        ret

// -- Lazy compilation ---------------------------------------------------------------------------
        .globl  lr_lazy
        .p2align 4
lr_lazy:
        save_all
.Llazy_again:
        mov     w1, w16
        call_host lr_do_lazy
        cmp     x1, #1
        b.lo    .Llazy_later
        b.eq    .Lsaved_trap
        // Enter the function as if it had been called directly.
        str     x1, [sp, #SAVED_X16]
        restore_all
        reload_memory
        br      x16
.Llazy_later:
        leave_process LEAVE_YIELD, lr_lazy_resume
        .globl  lr_lazy_resume
lr_lazy_resume:
        ldr     x28, [sp, #SAVED_X28]
        ldr     x16, [sp, #SAVED_X16]
        b       .Llazy_again

// -- Objects --------------------------------------------------------------------------------------
        .globl  lr_gc_allocate
        .p2align 4
lr_gc_allocate:
        save_all
.Lgc_again:
        ldr     x1, [sp, #SAVED_X16]
        call_host lr_do_gc_allocate
        cmp     x1, #1
        b.lo    .Lgc_later
        b.eq    .Lsaved_trap
        str     x1, [sp, #SAVED_X16]
        restore_all
        ret
.Lgc_later:
        leave_process LEAVE_YIELD, lr_gc_resume
        .globl  lr_gc_resume
lr_gc_resume:
        ldr     x28, [sp, #SAVED_X28]
        b       .Lgc_again

// -- Imports ------------------------------------------------------------------------------------
        .globl  lr_import_cross
        .p2align 4
lr_import_cross:
        add     x16, x28, x16, lsl #4
        ldr     x15, [x16, #(CONTEXT_IMPORTS + 8)]
        ldr     x17, [x15, #FUNCREF_CROSS_CODE]
        br      x17

// -- Exceptions ---------------------------------------------------------------------------------
        .globl  lr_throw, lr_throw_ref
        .p2align 4
lr_throw:
        adrp    x11, lr_do_throw
        add     x11, x11, :lo12:lr_do_throw
        mov     x12, #0
        b       .Lthrow
        .p2align 4
lr_throw_ref:
        adrp    x11, lr_do_throw_ref
        add     x11, x11, :lo12:lr_do_throw_ref
        mov     x12, #0
.Lthrow:
        str     x30, [sp, #-16]!
        ldr     x0, [x28, #CONTEXT_RUN]
        hop_to_host x0
        sub     sp, sp, #THROW_BYTES
        stp     x19, x20, [sp, #0]
        str     x21, [sp, #16]
        str     x28, [sp, #THROW_CONTEXT]
        str     x12, [sp, #THROW_ROOM]
        str     x11, [sp, #THROW_WHICH]
        str     x15, [sp, #THROW_OPERAND]
        str     x16, [sp, #THROW_TAG]
        mov     x0, sp
        mov     x1, x15
        mov     w2, w16
        blr     x11
        cmp     x0, #1
        b.lo    .Lnobody_catches
        b.eq    .Lthrow_collect
        mov     x16, x0
        ldp     x19, x20, [sp, #0]
        ldr     x21, [sp, #16]
        ldr     x28, [sp, #THROW_CONTEXT]
        ldr     x0, [sp, #THROW_EXCEPTION]
        ldr     x9, [sp, #THROW_SP]
        mov     sp, x9
        reload_memory
        br      x16
        // Room in the heap, which may take long, and once more.
.Lthrow_collect:
        ldr     x12, [sp, #THROW_ROOM]
        ldr     x11, [sp, #THROW_WHICH]
        ldr     x15, [sp, #THROW_OPERAND]
        ldr     x16, [sp, #THROW_TAG]
        ldr     x0, [x28, #CONTEXT_RUN]
        hop_back x0
        stp     x11, x16, [sp, #-16]!
        mov     x16, x12
        bl      lr_gc_allocate
        mov     x12, x16
        ldp     x11, x16, [sp], #16
        ldr     x30, [sp], #16
        b       .Lthrow
.Lnobody_catches:
        ldr     x0, [x28, #CONTEXT_RUN]
        hop_back x0
        b       lr_trap_leave

// -- Host calls that are not done ---------------------------------------------------------------
        .globl  lr_host_leave
        .p2align 4
lr_host_leave:
        mov     w9, w0
        ldr     x0, [x28, #CONTEXT_RUN]
        cmp     w9, #HOST_STATUS_TRAP
        b.eq    .Ltrap_here
        str     x30, [sp, #-16]!
        stp     x21, x28, [sp, #-16]!
        stp     x19, x20, [sp, #-16]!
        // The status, lr_host_wait_status from run.sp once the resume address is pushed.
        cmp     w9, #HOST_STATUS_AGAIN
        b.eq    .Lhost_again
        str     xzr, [sp, #-16]!
        leave_process LEAVE_HOST_WAIT, lr_host_resume
.Lhost_again:
        mov     x9, #HOST_STATUS_AGAIN
        str     x9, [sp, #-16]!
        leave_process LEAVE_YIELD, lr_host_resume
        .globl  lr_host_resume
lr_host_resume:
        ldr     x9, [sp], #16
        ldp     x19, x20, [sp], #16
        ldp     x21, x28, [sp], #16
        ldr     x30, [sp], #16
        mov     w0, w9
        cmp     w9, #HOST_STATUS_TRAP
        b.eq    .Ltrap_here
        ret

// -- Activations --------------------------------------------------------------------------------
// x0 is the RunState, sp points behind the first two words of an ActivationRecord.
        .globl  lr_activation_start
        .p2align 4
lr_activation_start:
        ldr     x28, [sp, #ACTIVATION_ROOT]
        reload_memory
        ldr     x9, [sp, #ACTIVATION_THUNK]
        blr     x9
        .globl  lr_activation_return
lr_activation_return:
        ldr     x0, [x28, #CONTEXT_RUN]
        ldr     x9, [sp, #ACTIVATION_PREVIOUS]
        str     x9, [x28, #CONTEXT_ACTIVATION]
        // The doorbell of what is suspended above is the process's again. Its limit is stale if
        // the stack has moved meanwhile.
        ldr     x9, [sp, #ACTIVATION_BELL]
        add     sp, sp, #ACTIVATION_BYTES
        cbz     x9, 1f
        ldr     x10, [x0, #RUN_STACK_LIMIT]
        str     x10, [x9]
        ldr     x10, [x28, #CONTEXT_ALARM]
        str     x10, [x9, #CONTEXT_ALARM]
1:      str     x9, [x0, #RUN_DOORBELL]
        hop_to_host x0
        mov     w0, #LEAVE_RETURNED
        ldr     x9, [sp]
        br      x9

#endif  // __aarch64__

        .section .note.GNU-stack, "", %progbits
