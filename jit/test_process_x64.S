// The other side of base/run_state.h, for tests of jit, which does not know the scheduler.

#if defined(__x86_64__)

        .text
// Leave lr_test_resume(RunState* run)                             rdi -> eax
        .globl  lr_test_resume
        .type   lr_test_resume, @function
lr_test_resume:
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        // Below the return address and six registers the stack is aligned for this word.
        leaq    1f(%rip), %rax
        pushq   %rax
        movq    %rsp, 8(%rdi)
        movq    (%rdi), %rsp
        ret
1:      addq    $8, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        ret

#endif  // __x86_64__

        .section .note.GNU-stack, "", @progbits
