// Code for switch_test.cc that a compiler could not promise to make.

#if defined(__x86_64__)

#define RUN_TRAP_CODE 32
#define LEAVE_YIELD 0

        .text

// void lr_test_recurse(RunState* run, u64 depth)                  rdi, rsi
// Each frame keeps `run` on the stack; the bottom one leaves. On the way back each counts one in
// run->trap_code.
        .globl  lr_test_recurse
        .type   lr_test_recurse, @function
lr_test_recurse:
        pushq   %rdi
        testq   %rsi, %rsi
        jz      1f
        decq    %rsi
        callq   lr_test_recurse
        popq    %rdi
        incl    RUN_TRAP_CODE(%rdi)
        retq
1:      movl    $LEAVE_YIELD, %esi
        callq   lr_leave
        popq    %rdi
        retq
        .size   lr_test_recurse, . - lr_test_recurse

// u64 lr_test_keep_registers(RunState* run)                       rdi -> rax
// The sum of what was lost, as differences.
        .globl  lr_test_keep_registers
        .type   lr_test_keep_registers, @function
lr_test_keep_registers:
        pushq   %rbp
        pushq   %rbx
        pushq   %r12
        pushq   %r13
        pushq   %r14
        pushq   %r15
        subq    $8, %rsp
        movl    $1, %ebp
        movl    $2, %ebx
        movl    $4, %r12d
        movl    $8, %r13d
        movl    $16, %r14d
        movl    $32, %r15d
        movl    $LEAVE_YIELD, %esi
        callq   lr_leave
        // Each difference in a place of its own, so that none makes up for another.
        xorq    $1, %rbp
        xorq    $2, %rbx
        xorq    $4, %r12
        xorq    $8, %r13
        xorq    $16, %r14
        xorq    $32, %r15
        movq    %rbp, %rax
        orq     %rbx, %rax
        orq     %r12, %rax
        orq     %r13, %rax
        orq     %r14, %rax
        orq     %r15, %rax
        addq    $8, %rsp
        popq    %r15
        popq    %r14
        popq    %r13
        popq    %r12
        popq    %rbx
        popq    %rbp
        retq
        .size   lr_test_keep_registers, . - lr_test_keep_registers

#endif  // __x86_64__

        .section .note.GNU-stack, "", @progbits
