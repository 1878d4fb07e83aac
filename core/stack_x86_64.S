/* SPDX-License-Identifier: MIT
 *
 * Switching C stacks on x86-64 (System V). Saved on the stack that is left: the callee-saved registers,
 * MXCSR and the x87 control word. Not saved: the signal mask (the same on all workers) and FS (thread-local
 * storage stays with the thread).
 */
	.text
	.globl	stack_swap_sp
	.hidden	stack_swap_sp
	.type	stack_swap_sp, @function
/* void stack_swap_sp(void **save, void *load) */
stack_swap_sp:
	.cfi_startproc
	pushq	%rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	subq	$8, %rsp
	stmxcsr	(%rsp)
	fnstcw	4(%rsp)
	movq	%rsp, (%rdi)
	movq	%rsi, %rsp
	ldmxcsr	(%rsp)
	fldcw	4(%rsp)
	addq	$8, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	ret
	.cfi_endproc
	.size	stack_swap_sp, .-stack_swap_sp

/* What earlier calls left on the stack below us would look like frames of foreign code in the gaps of the
 * callee's first frames, for as long as those live. */
#define STALE_BYTES 512

/* The marked call lies in the parkable section: its return address is on every parked stack. */
	.section parkable_text, "ax", @progbits
	.globl	stack_call_marked
	.type	stack_call_marked, @function
/* void stack_call_marked(void (*fn)(void *), void *arg, uintptr_t *mark) */
stack_call_marked:
	.cfi_startproc
	pushq	%rbp
	.cfi_def_cfa_offset 16
	.cfi_offset %rbp, -16
	movq	%rsp, %rbp
	.cfi_def_cfa_register %rbp
	pushq	%rbx
	pushq	%r12
	pushq	%r13
	pushq	%r14
	pushq	%r15
	subq	$8, %rsp
	.cfi_offset %rbx, -24
	.cfi_offset %r12, -32
	.cfi_offset %r13, -40
	.cfi_offset %r14, -48
	.cfi_offset %r15, -56
	movq	%rsp, (%rdx)
	movq	%rdi, %rax
	movq	%rsi, %rdi
	/* Not by `rep stosq`, which takes longer to begin than this does as a whole. */
	pxor	%xmm0, %xmm0
	.set	below, 0
	.rept	STALE_BYTES / 16
	.set	below, below + 16
	movups	%xmm0, -below(%rsp)
	.endr
	xorl	%ebx, %ebx
	xorl	%r12d, %r12d
	xorl	%r13d, %r13d
	xorl	%r14d, %r14d
	xorl	%r15d, %r15d
	call	*%rax
	addq	$8, %rsp
	popq	%r15
	popq	%r14
	popq	%r13
	popq	%r12
	popq	%rbx
	popq	%rbp
	.cfi_def_cfa %rsp, 8
	ret
	.cfi_endproc
	.size	stack_call_marked, .-stack_call_marked

	.section .note.GNU-stack, "", @progbits
