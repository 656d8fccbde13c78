// Code for switch_test.cc that a compiler could not promise to make.

#if defined(__aarch64__)

#define RUN_TRAP_CODE 32
#define LEAVE_YIELD 0

        .text

// void lr_test_recurse(RunState* run, u64 depth)                  x0, x1
// Each frame keeps `run` on the stack; the bottom one leaves. On the way back each counts one in
// run->trap_code.
        .globl  lr_test_recurse
        .type   lr_test_recurse, %function
lr_test_recurse:
        stp     x0, x30, [sp, #-16]!
        cbz     x1, 1f
        sub     x1, x1, #1
        bl      lr_test_recurse
        ldp     x0, x30, [sp], #16
        ldr     w2, [x0, #RUN_TRAP_CODE]
        add     w2, w2, #1
        str     w2, [x0, #RUN_TRAP_CODE]
        ret
1:      mov     w1, #LEAVE_YIELD
        bl      lr_leave
        ldp     x0, x30, [sp], #16
        ret
        .size   lr_test_recurse, . - lr_test_recurse

// u64 lr_test_keep_registers(RunState* run)                       x0 -> x0
// What was lost, all differences in one word.
        .globl  lr_test_keep_registers
        .type   lr_test_keep_registers, %function
lr_test_keep_registers:
        stp     x29, x30, [sp, #-112]!
        stp     x19, x20, [sp, #16]
        stp     x21, x22, [sp, #32]
        stp     x23, x24, [sp, #48]
        stp     x25, x26, [sp, #64]
        stp     x27, x28, [sp, #80]
        stp     d8, d15, [sp, #96]
        mov     x19, #1
        mov     x20, #2
        mov     x21, #3
        mov     x22, #4
        mov     x23, #5
        mov     x24, #6
        mov     x25, #7
        mov     x26, #8
        mov     x27, #9
        mov     x28, #10
        fmov    d8, x19
        fmov    d15, x20
        mov     w1, #LEAVE_YIELD
        bl      lr_leave
        fmov    x2, d8
        fmov    x3, d15
        eor     x0, x19, x2
        eor     x3, x3, x20
        orr     x0, x0, x3
        eor     x19, x19, #1
        eor     x20, x20, #2
        eor     x21, x21, #3
        eor     x22, x22, #4
        sub     x23, x23, #5
        eor     x24, x24, #6
        eor     x25, x25, #7
        eor     x26, x26, #8
        sub     x27, x27, #9
        sub     x28, x28, #10
        orr     x0, x0, x19
        orr     x0, x0, x20
        orr     x0, x0, x21
        orr     x0, x0, x22
        orr     x0, x0, x23
        orr     x0, x0, x24
        orr     x0, x0, x25
        orr     x0, x0, x26
        orr     x0, x0, x27
        orr     x0, x0, x28
        ldp     x19, x20, [sp, #16]
        ldp     x21, x22, [sp, #32]
        ldp     x23, x24, [sp, #48]
        ldp     x25, x26, [sp, #64]
        ldp     x27, x28, [sp, #80]
        ldp     d8, d15, [sp, #96]
        ldp     x29, x30, [sp], #112
        ret
        .size   lr_test_keep_registers, . - lr_test_keep_registers

#endif  // __aarch64__

        .section .note.GNU-stack, "", %progbits
