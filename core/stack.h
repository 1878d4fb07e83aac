/* SPDX-License-Identifier: MIT
 *
 * C stacks and switching between them. The worker loop runs on such a stack, so a service that is parked
 * simply keeps the stack it was running on and the loop starts anew on another one. A stack is also the
 * whole context: where it stopped is `sp`, everything else lies on it.
 *
 * This file knows x86-64 (with stack_x86_64.S) and the sanitizers' fiber calls; nobody else does.
 */
#ifndef CORE_STACK_H
#define CORE_STACK_H

#include "core/base.h"

struct stack {
	struct stack *next; /* pool's list */
	void *sp;           /* where it stopped; valid while nobody runs on it */
	char *low;          /* lowest usable byte (above the guard page) */
	size_t size_bytes;
	void *fake;  /* AddressSanitizer's fake stack while switched away */
	void *fiber; /* ThreadSanitizer's fiber */
};

/* Sets the size of the stacks handed out from now on (rounded up to pages). Before any thread starts. */
void stack_init(size_t size_bytes);
/* Gives all pooled stacks back. */
void stack_term(void);

/* A stack from the pool. Any thread; also from the park path, which holds no lock when it calls. Panics
 * when the system has no address space left. */
struct stack *stack_get(void);
/* Gives a stack back; nobody may run on it. */
void stack_put(struct stack *stack);

/* Describes the calling thread's own (pthread) stack. */
void stack_of_thread(struct stack *stack);

/* Makes the next switch to `stack` enter `entry`, which must never return. */
void stack_prepare(struct stack *stack, void (*entry)(void));

/* With which program counter and stack pointer a prepared stack begins, for a signal handler that returns to it instead
 * of switching. Without sanitizers only: they are not told. */
void stack_beginning(const struct stack *stack, uintptr_t *pc, uintptr_t *sp);
/* Is it the address of the guard below the stack? */
bool stack_is_guard(const struct stack *stack, uintptr_t address);

/* Stops here (on `from`) and goes on with `to`. Returns when somebody switches to `from` again, maybe on
 * another thread: do not keep thread-local addresses across it. */
void stack_switch(struct stack *from, struct stack *to);
/* The same, but nothing on `from` is needed any more. */
NORETURN void stack_leave(struct stack *from, struct stack *to);

/* Clears the stack below the caller's frame, 8 KB. For functions of ours that go deep into libc and are called
 * from inside a VM: what such a call leaves behind looks like live frames to the park check (core/text.c), for
 * as long as a later frame of the VM lies over it without writing there. */
void stack_scrub(void);

/* Calls fn(arg) with every callee-saved register zeroed and *mark set to the stack pointer at the call:
 * what lies below the mark belongs to fn. Zeroed, because the callee saves those registers in its frame
 * and the park check would take an old code address among them for a frame of foreign code. */
void stack_call_marked(void (*fn)(void *), void *arg, uintptr_t *mark);

#endif
