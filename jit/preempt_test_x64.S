// A function of the wasm convention that fills every register and the flags, waits, looks whether
// they are what they were, and does so again: (param i32) (result i64), rounds in eax, the number
// of differences in rax. It stands in for machine code of ours, so it is copied: nothing outside is
// named. Between the symbols is nothing on other machines.

        .text
        .globl  lr_test_keep_all, lr_test_keep_all_end
        .p2align 4
lr_test_keep_all:
#if defined(__x86_64__)
#define FLAGS 0x8d5  // Overflow, sign, zero, auxiliary carry, parity, carry.

        .macro  expect_flags value
        pushfq
        andl    $FLAGS, (%rsp)
        cmpl    $\value, (%rsp)
        leaq    8(%rsp), %rsp
        je      2f
        incq    8(%rsp)
2:
        .endm

        pushq   %rbx
        pushq   %rbp
        pushq   %r12
        subq    $16, %rsp
        movl    %eax, (%rsp)
        movq    $0, 8(%rsp)
1:
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movq    .Lvector + 16 * \n(%rip), %xmm\n
        movhps  .Lvector + 16 * \n + 8(%rip), %xmm\n
        .endr
        .irp    reg, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12
        movq    .L\reg(%rip), %\reg
        .endr
        pushq   $FLAGS
        popfq
        .rept   100
        nop
        .endr
        expect_flags FLAGS
        pushq   $0
        popfq
        .rept   100
        leaq    (%rax), %rax
        .endr
        expect_flags 0
        .irp    reg, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12
        cmpq    .L\reg(%rip), %\reg
        je      2f
        incq    8(%rsp)
2:
        .endr
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movq    %xmm\n, %rax
        cmpq    .Lvector + 16 * \n(%rip), %rax
        jne     3f
        psrldq  $8, %xmm\n
        movq    %xmm\n, %rax
        cmpq    .Lvector + 16 * \n + 8(%rip), %rax
        je      2f
3:      incq    8(%rsp)
2:
        .endr
        decl    (%rsp)
        jnz     1b
        movq    8(%rsp), %rax
        addq    $16, %rsp
        popq    %r12
        popq    %rbp
        popq    %rbx
        ret

        .p2align 3
        .set    value, 0x0123456789abcdef
        .irp    reg, rax, rcx, rdx, rbx, rbp, rsi, rdi, r8, r9, r10, r11, r12
.L\reg: .quad   value
        .set    value, value + 0x1111111111111111
        .endr
.Lvector:
        .rept   32
        .quad   value
        .set    value, value + 0x1010101010101011
        .endr
#endif
lr_test_keep_all_end:

        .section .note.GNU-stack, "", @progbits
