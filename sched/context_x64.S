// Entering and leaving a process stack on x86-64 (System V ABI). base/run_state.h has the contract
// and the picture; context_a64.S is the same for AArch64.
//
//   worker stack while the process runs        process stack while it does not run
//     +56  return address of lr_resume           run->sp -> resume address
//     +8   rbp rbx r12 r13 r14 r15                          what the code there wants
//   host_sp -> address of .Lback
//
// Jumps replace returns throughout: the processor predicts a `ret` from the calls it has seen, and
// across a switch that guess is always wrong; an indirect jump is predicted by its own history.

#if defined(__x86_64__)

// Field offsets of RunState, asserted in base/run_state.h.
#define RUN_SP 0
#define RUN_HOST_SP 8

// Leave::Returned.
#define LEAVE_RETURNED 2

        .text

// Leave lr_resume(RunState* run)                                  rdi -> eax
        .globl  lr_resume
        .type   lr_resume, @function
        .p2align 5
lr_resume:
        // What the C ABI makes ours to keep. The return address and six registers are 56 bytes,
        // so the next word is where the stack is 16-byte aligned.
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        // The way back, for whoever leaves.
        leaq    .Lback(%rip), %rax
        pushq   %rax
        // Change stacks and go on where the process stopped; rdi still holds the RunState.
        movq    %rsp, RUN_HOST_SP(%rdi)
        movq    RUN_SP(%rdi), %rsp
        popq    %rax
        jmpq    *%rax

        // Somebody set rsp = host_sp, eax = reason and jumped here.
.Lback:
        addq    $8, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        // Our caller's address; jumped to for the reason above.
        popq    %rcx
        jmpq    *%rcx
        .size   lr_resume, . - lr_resume

// void lr_leave(RunState* run, Leave reason)                      rdi, esi
        .globl  lr_leave
        .type   lr_leave, @function
        .p2align 5
lr_leave:
        // Below the return address, the registers that our caller relies on.
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        // On top the address at which to go on.
        leaq    .Lgo_on(%rip), %rcx
        pushq   %rcx
        // Change stacks and return from lr_resume with the reason.
        movl    %esi, %eax
        movq    %rsp, RUN_SP(%rdi)
        movq    RUN_HOST_SP(%rdi), %rsp
        jmpq    *(%rsp)

        // Resumed; lr_resume has popped this address.
.Lgo_on:
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        popq    %rcx
        jmpq    *%rcx
        .size   lr_leave, . - lr_leave

// The first code on a stack that prepare_native() has built, the same on both machines:
//
//   run->sp ->  +0   lr_native_start   (lr_resume has popped it)
//               +8   unused
//              +16   entry
//              +24   argument
//              +32   the top, 16-byte aligned
        .globl  lr_native_start
        .type   lr_native_start, @function
        .p2align 4
lr_native_start:
        movq    8(%rsp), %rax
        movq    16(%rsp), %rsi
        // rsp is at +8: one word more aligns it for the call. rbx survives that, and rbp = 0 ends
        // backtraces that follow frame pointers.
        subq    $8, %rsp
        movq    %rdi, %rbx
        xorl    %ebp, %ebp
        callq   *%rax
        // The entry function has returned: leave for good.
        movq    %rbx, %rdi
        movl    $LEAVE_RETURNED, %esi
        callq   lr_leave
        ud2
        .size   lr_native_start, . - lr_native_start

#endif  // __x86_64__

        .section .note.GNU-stack, "", @progbits
