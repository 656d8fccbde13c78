// The fixed machine code that runs on process stacks, for x86-64. What is generated for a signature
// is in stubs.cc; entry_a64.S is the same as this for AArch64. base/run_state.h has the contract of
// entering and leaving a process; jit/entry.h names the structs.
//
// Register roles (masm/target_x64.cc): r15 Context, r14 memory base, r13 memory extent, r11
// scratch, r10 call target; rbx, rbp and r12 survive calls. No stack alignment is assumed.

#if defined(__x86_64__)

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

// Every register but rsp: 15 integer registers and the low 128 bits of 16 vector registers.
#define SAVE_BYTES 376
#define SAVED_R11 80
#define SAVED_R15 112

.macro save_all
        subq    $SAVE_BYTES, %rsp
        movq    %rax, 0(%rsp)
        movq    %rcx, 8(%rsp)
        movq    %rdx, 16(%rsp)
        movq    %rbx, 24(%rsp)
        movq    %rbp, 32(%rsp)
        movq    %rsi, 40(%rsp)
        movq    %rdi, 48(%rsp)
        movq    %r8, 56(%rsp)
        movq    %r9, 64(%rsp)
        movq    %r10, 72(%rsp)
        movq    %r11, SAVED_R11(%rsp)
        movq    %r12, 88(%rsp)
        movq    %r13, 96(%rsp)
        movq    %r14, 104(%rsp)
        movq    %r15, SAVED_R15(%rsp)
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movups  %xmm\n, 120 + 16 * \n(%rsp)
        .endr
.endm

.macro restore_all
        .irp    n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
        movups  120 + 16 * \n(%rsp), %xmm\n
        .endr
        movq    0(%rsp), %rax
        movq    8(%rsp), %rcx
        movq    16(%rsp), %rdx
        movq    24(%rsp), %rbx
        movq    32(%rsp), %rbp
        movq    40(%rsp), %rsi
        movq    48(%rsp), %rdi
        movq    56(%rsp), %r8
        movq    64(%rsp), %r9
        movq    72(%rsp), %r10
        movq    SAVED_R11(%rsp), %r11
        movq    88(%rsp), %r12
        movq    96(%rsp), %r13
        movq    104(%rsp), %r14
        movq    SAVED_R15(%rsp), %r15
        addq    $SAVE_BYTES, %rsp
.endm

// At a moving point: memory may have grown or moved meanwhile.
.macro reload_memory
        movq    CONTEXT_MEMORY_BASE(%r15), %r14
        movq    CONTEXT_MEMORY_EXTENT(%r15), %r13
.endm

// Calls C++ on the worker's stack, with the Context before its other arguments. Afterwards the
// RunState is in rdi.
.macro call_host function
        movq    CONTEXT_RUN(%r15), %rbx
        movq    %r15, %rdi
        movq    %rsp, RUN_SP(%rbx)
        movq    RUN_HOST_SP(%rbx), %rsp
        callq   \function
        movq    RUN_SP(%rbx), %rsp
        movq    %rbx, %rdi
.endm

// Gives the worker back. The RunState is in rdi; execution continues at `resume`.
.macro leave_process reason, resume
        leaq    \resume(%rip), %rax
        pushq   %rax
        movq    %rsp, RUN_SP(%rdi)
        movq    RUN_HOST_SP(%rdi), %rsp
        movl    $\reason, %eax
        jmpq    *(%rsp)
.endm

        .section .rodata
        .globl  lr_full_save_bytes, lr_host_wait_bytes, lr_host_wait_status
        .p2align 3
lr_full_save_bytes:
        .quad   SAVE_BYTES
lr_host_wait_bytes:
        .quad   56
lr_host_wait_status:
        .quad   8

        .text

// -- Traps --------------------------------------------------------------------------------------
// One entry of 16 bytes for each trap, called: the pc is on top of the stack.
        .globl  lr_trap_entries
        .p2align 4
lr_trap_entries:
        .set    code, 0
        .rept   32
        .p2align 4
        movl    $code, %r11d
        jmp     .Ltrap
        .set    code, code + 1
        .endr

        .p2align 4
        // The RunState is in rdi, and everything on the stack.
.Lsaved_trap:
        addq    $SAVE_BYTES, %rsp
        jmp     lr_trap_leave

        .p2align 4
.Ltrap:
        movq    CONTEXT_RUN(%r15), %rdi
        movl    %r11d, RUN_TRAP_CODE(%rdi)
        .globl  lr_trap_leave
lr_trap_leave:
        movq    %rsp, RUN_SP(%rdi)
        movq    RUN_HOST_SP(%rdi), %rsp
        movl    $LEAVE_TRAPPED, %eax
        jmpq    *(%rsp)

// -- Yield --------------------------------------------------------------------------------------
// Called from a poll. What the caller finds afterwards is what it had, memory registers included.
        .globl  lr_yield
        .p2align 4
lr_yield:
        save_all
        movq    CONTEXT_RUN(%r15), %rdi
        leave_process LEAVE_YIELD, lr_yield_resume
        .globl  lr_yield_resume
lr_yield_resume:
        restore_all
        ret

// -- Interrupted ----------------------------------------------------------------------------------
// A signal's handler has put the pc on the stack and come here, from anywhere in a function. The
// flags are saved too: nothing may change before the process goes on.
        .globl  lr_interrupted
        .p2align 4
lr_interrupted:
        pushfq
        save_all
        movq    CONTEXT_RUN(%r15), %rdi
        leave_process LEAVE_YIELD, lr_interrupted_resume
        .globl  lr_interrupted_resume
lr_interrupted_resume:
        restore_all
        popfq
        ret

// -- Fuel ---------------------------------------------------------------------------------------
// Called where a slice's fuel is used up. Yields with another slice, or traps.
        .globl  lr_fuel
        .p2align 4
lr_fuel:
        save_all
        call_host lr_do_fuel
        testl   %eax, %eax
        jnz     .Lsaved_trap
        leave_process LEAVE_YIELD, lr_yield_resume

// -- StackCheck ---------------------------------------------------------------------------------
// Called from a prologue whose compare failed; r11 is the frame's size. Either the stack is really
// full, or somebody has rung.
        .globl  lr_stack_check
        .p2align 4
lr_stack_check:
        save_all
        movq    CONTEXT_RUN(%r15), %rdi
        leaq    SAVE_BYTES + 8(%rsp), %rax
        subq    %r11, %rax
        cmpq    RUN_STACK_LIMIT(%rdi), %rax
        jae     .Lrung
        movl    %r11d, RUN_STACK_NEED(%rdi)
        leave_process LEAVE_STACK_FULL, lr_stack_check_resume
.Lrung:
        leave_process LEAVE_YIELD, lr_stack_check_resume
        .globl  lr_stack_check_resume
lr_stack_check_resume:
        restore_all
        reload_memory
        ret

// -- ExtentMiss ---------------------------------------------------------------------------------
// Called from a failed bounds check; r11 is index + end, the memory is the first. Or number and sum
// are on the caller's stack.
        .globl  lr_extent_miss, lr_extent_miss_any
        .p2align 4
lr_extent_miss_any:
        save_all
        movq    SAVE_BYTES + 8(%rsp), %rdx
        movq    SAVE_BYTES + 16(%rsp), %r11
        jmp     .Lextent_miss
        .p2align 4
lr_extent_miss:
        save_all
        xorl    %edx, %edx
.Lextent_miss:
        movq    %r11, %rsi
        call_host lr_do_extent_miss
        testl   %eax, %eax
        jnz     .Lsaved_trap
        restore_all
        movq    CONTEXT_MEMORY_EXTENT(%r15), %r13
        ret

// -- Lazy compilation ---------------------------------------------------------------------------
// Jumped to by the mini-stub of an absent function; r11 is its index, everything else belongs to
// the call. On top of the stack is the return address.
        .globl  lr_lazy
        .p2align 4
lr_lazy:
        save_all
.Llazy_again:
        movl    %r11d, %esi
        call_host lr_do_lazy
        cmpq    $1, %rax
        jb      .Llazy_later
        je      .Lsaved_trap
        // Enter the function as if it had been called directly.
        movq    %rax, SAVED_R11(%rsp)
        restore_all
        reload_memory
        jmpq    *%r11
.Llazy_later:
        leave_process LEAVE_YIELD, lr_lazy_resume
        .globl  lr_lazy_resume
lr_lazy_resume:
        movq    SAVED_R15(%rsp), %r15
        movq    SAVED_R11(%rsp), %r11
        jmp     .Llazy_again

// -- Objects --------------------------------------------------------------------------------------
// r11 is an object's size, and its address afterwards. Whatever refers to an object is on the stack
// while C++ runs.
        .globl  lr_gc_allocate
        .p2align 4
lr_gc_allocate:
        save_all
.Lgc_again:
        movq    SAVED_R11(%rsp), %rsi
        call_host lr_do_gc_allocate
        cmpq    $1, %rax
        jb      .Lgc_later
        je      .Lsaved_trap
        movq    %rax, SAVED_R11(%rsp)
        restore_all
        ret
.Lgc_later:
        leave_process LEAVE_YIELD, lr_gc_resume
        .globl  lr_gc_resume
lr_gc_resume:
        movq    SAVED_R15(%rsp), %r15
        jmp     .Lgc_again

// -- Imports ------------------------------------------------------------------------------------
// ImportSlot::code of a function of another instance: r11 is the index of the import.
        .globl  lr_import_cross
        .p2align 4
lr_import_cross:
        shlq    $4, %r11
        movq    CONTEXT_IMPORTS + 8(%r15, %r11), %r10
        jmpq    *FUNCREF_CROSS_CODE(%r10)

// -- Exceptions ---------------------------------------------------------------------------------
// Called at a throw: r11 is the tag's index and r10 the offset of the payload, or r10 is the
// exception. What calls preserve goes to a ThrowState and comes back as the catcher's frame wants.
        .globl  lr_throw, lr_throw_ref
        .p2align 4
lr_throw:
        leaq    lr_do_throw(%rip), %rax
        xorl    %ecx, %ecx
        jmp     .Lthrow
        .p2align 4
lr_throw_ref:
        leaq    lr_do_throw_ref(%rip), %rax
        xorl    %ecx, %ecx
.Lthrow:
        movq    CONTEXT_RUN(%r15), %rdx
        movq    %rsp, RUN_SP(%rdx)
        movq    RUN_HOST_SP(%rdx), %rsp
        subq    $THROW_BYTES, %rsp
        movq    %rbx, 0(%rsp)
        movq    %rbp, 8(%rsp)
        movq    %r12, 16(%rsp)
        movq    %r15, THROW_CONTEXT(%rsp)
        movq    %rcx, THROW_ROOM(%rsp)
        movq    %rax, THROW_WHICH(%rsp)
        movq    %r10, THROW_OPERAND(%rsp)
        movq    %r11, THROW_TAG(%rsp)
        movq    %rsp, %rdi
        movq    %r10, %rsi
        movl    %r11d, %edx
        callq   *%rax
        cmpq    $1, %rax
        jb      .Lnobody_catches
        je      .Lthrow_collect
        movq    %rax, %r11
        movq    0(%rsp), %rbx
        movq    8(%rsp), %rbp
        movq    16(%rsp), %r12
        movq    THROW_CONTEXT(%rsp), %r15
        movq    THROW_EXCEPTION(%rsp), %rax
        movq    THROW_SP(%rsp), %rsp
        reload_memory
        jmpq    *%r11
        // Room in the heap, which may take long, and once more.
.Lthrow_collect:
        movq    THROW_ROOM(%rsp), %rcx
        movq    THROW_WHICH(%rsp), %rax
        movq    THROW_OPERAND(%rsp), %r10
        movq    THROW_TAG(%rsp), %r11
        movq    CONTEXT_RUN(%r15), %rdx
        movq    RUN_SP(%rdx), %rsp
        pushq   %rax
        pushq   %r11
        movq    %rcx, %r11
        callq   lr_gc_allocate
        movq    %r11, %rcx
        popq    %r11
        popq    %rax
        jmp     .Lthrow
.Lnobody_catches:
        movq    CONTEXT_RUN(%r15), %rdi
        movq    RUN_SP(%rdi), %rsp
        jmp     lr_trap_leave

// -- Host calls that are not done ---------------------------------------------------------------
// Called by a host-call stub on the process stack; eax is the HostStatus. The stub needs r15
// afterwards, its caller rbx, rbp and r12: C++ has kept them so far, the next process will not.
        .globl  lr_host_leave
        .p2align 4
lr_host_leave:
        movq    CONTEXT_RUN(%r15), %rdi
        cmpl    $HOST_STATUS_TRAP, %eax
        je      lr_trap_leave
        pushq   %r15
        pushq   %r12
        pushq   %rbp
        pushq   %rbx
        // The status, lr_host_wait_status from run.sp once the resume address is pushed.
        cmpl    $HOST_STATUS_AGAIN, %eax
        je      .Lhost_again
        pushq   $0
        leave_process LEAVE_HOST_WAIT, lr_host_resume
.Lhost_again:
        pushq   $HOST_STATUS_AGAIN
        leave_process LEAVE_YIELD, lr_host_resume
        .globl  lr_host_resume
lr_host_resume:
        popq    %rax
        popq    %rbx
        popq    %rbp
        popq    %r12
        popq    %r15
        cmpl    $HOST_STATUS_TRAP, %eax
        je      lr_trap_leave
        ret

// -- Activations --------------------------------------------------------------------------------
// rdi is the RunState, rsp points behind the first word of an ActivationRecord. The thunk takes
// everything else from the record and returns here; the context register is the root's throughout.
        .globl  lr_activation_start
        .p2align 4
lr_activation_start:
        addq    $8, %rsp
        movq    ACTIVATION_ROOT(%rsp), %r15
        reload_memory
        callq   *ACTIVATION_THUNK(%rsp)
        .globl  lr_activation_return
lr_activation_return:
        movq    CONTEXT_RUN(%r15), %rdi
        movq    ACTIVATION_PREVIOUS(%rsp), %rax
        movq    %rax, CONTEXT_ACTIVATION(%r15)
        // The doorbell of what is suspended above is the process's again. Its limit is stale if
        // the stack has moved meanwhile, and the alarm word may count fuel.
        movq    ACTIVATION_BELL(%rsp), %rax
        addq    $ACTIVATION_BYTES, %rsp
        testq   %rax, %rax
        jz      1f
        movq    RUN_STACK_LIMIT(%rdi), %rcx
        movq    %rcx, (%rax)
        movq    CONTEXT_ALARM(%r15), %rcx
        movq    %rcx, CONTEXT_ALARM(%rax)
1:      movq    %rax, RUN_DOORBELL(%rdi)
        movq    %rsp, RUN_SP(%rdi)
        movq    RUN_HOST_SP(%rdi), %rsp
        movl    $LEAVE_RETURNED, %eax
        jmpq    *(%rsp)

#endif  // __x86_64__

        .section .note.GNU-stack, "", @progbits
