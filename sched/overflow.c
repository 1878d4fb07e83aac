/* SPDX-License-Identifier: MIT
 *
 * Endless recursion through C: callbacks of string.gsub in each other, coroutines that resume each other. The heap
 * refuses memory near the end of the stack, which ends most of it as an error in Lua. What allocates nothing on
 * its way runs into the guard below the stack.
 *
 * That stack is left for good. It is allowed where nothing on it can hold a lock: there is only code of the Lua
 * library, machine code and our parkable code between the fault and the mark (the question of the park check, but
 * for thread-local addresses, since nobody goes on with that code). Then the service is killed, and its VM
 * abandoned where it stands, as one that was killed and could not be closed. Else it is a crash like any other.
 *
 * The handler does not switch stacks. It changes what sigreturn restores: the first instruction on a fresh
 * stack. So the kernel itself puts the signal mask and the alternate stack in order.
 *
 * Two ways to meet the end of the stack have nothing to do with what the service was just calling:
 *
 *   - The preemption signal comes when the kernel has no room for its frame: then it sends SIGSEGV (si_code
 *     SI_KERNEL, no address) instead, and the interrupted registers are those of the service.
 *   - There was room for the frame, but the handler ran into the guard. The service's registers are in that frame. The
 *     handler holds a lock only while it parks, and by then it has no `cur` any more; near to the end of a stack it
 *     does not even begin to (PARK_ROOM_BYTES). A storm of signals can interrupt the handler again and again.
 */
#include "sched/overflow.h"
#include "core/altstack.h"
#include "core/frames.h"
#include "core/text.h"
#include "sched/park.h"
#include "sched/worker.h"

#include <sched.h>
#include <string.h>
#include <sys/auxv.h>

#ifndef AT_MINSIGSTKSZ
#define AT_MINSIGSTKSZ 51
#endif
#ifndef SI_KERNEL
#define SI_KERNEL 0x80
#endif

enum { RED_ZONE_BYTES = 128, FRAME_BYTES_LEAST = 4096 };

static _Atomic uint64_t count;

uint64_t overflow_count(void)
{
	return load_relaxed(&count);
}

struct place {
	uintptr_t pc, sp, rbp;
};

static struct place place_of(const ucontext_t *uc)
{
	const greg_t *reg = uc->uc_mcontext.gregs;
	return (struct place){(uintptr_t)reg[REG_RIP], (uintptr_t)reg[REG_RSP],
			      (uintptr_t)reg[REG_RBP]};
}

/* What the kernel needs below an interrupted stack pointer for the frame of a signal. */
static size_t signal_frame_bytes(void)
{
	size_t least = getauxval(AT_MINSIGSTKSZ);
	return RED_ZONE_BYTES + (least > FRAME_BYTES_LEAST ? least : FRAME_BYTES_LEAST);
}

/* Where the signal frame lies whose handler is interrupted at `p`, 0: none. In the restorer the handler has returned
 * already. */
static uintptr_t frame_above(const struct place *p, uintptr_t low, uintptr_t high)
{
	enum { RESTORER_BYTES = 9 };
	uintptr_t restorer = (uintptr_t)park_restorer;
	if (p->pc >= restorer && p->pc < restorer + RESTORER_BYTES)
		return p->sp;
	return frames_return_to(p->pc, p->sp, p->rbp, low, high, restorer);
}

/* May everything on the stack be left for good? Where the fault is in our own preemption handler, what counts is what that
 * one interrupted: the frame of its signal lies behind the address that it returns to. It may have been interrupted
 * itself, as often as there is room for: where the host is slow, the next signal can come before the handler's first
 * instruction, eighty times in a row. Each step goes up, so there is no bound but the stack's end. */
static bool may_be_left(const struct stack *stack, const struct service *s, struct place p)
{
	uintptr_t low = (uintptr_t)stack->low, high = low + stack->size_bytes;
	for (;;) {
		if (p.sp < s->mark && frames_abandonable(p.pc, p.sp, p.rbp, low, s->mark))
			return true;
		uintptr_t frame = frame_above(&p, low, high);
		if (frame < low || frame + sizeof(ucontext_t) > high)
			return false;
		p = place_of((const ucontext_t *)frame);
		if (p.sp < frame || p.sp >= s->mark)
			return false;
	}
}

enum verdict { NOT_OURS, ENDED, GO_ON };

/* The kernel could not deliver the preemption signal. In code that must not be left, that signal is lost and no more
 * harm done; but a true fault of that code would come again at the same place. So may the next signal, before
 * the code has got on by one instruction, and the next, while somebody sends them faster than they are handled: a hundred
 * in a row prove nothing yet. So many take a tenth of a second. */
static enum verdict undelivered(const struct place *p, bool may_leave)
{
	enum { AGAIN_MAX = 10000 };
	static _Atomic uintptr_t last_pc, last_sp;
	static _Atomic uint32_t times;
	if (may_leave)
		return ENDED;
	bool again = exchange_acq_rel(&last_pc, p->pc) == p->pc;
	again = exchange_acq_rel(&last_sp, p->sp) == p->sp && again;
	if (!again)
		store_relaxed(&times, 0);
	return add_relaxed(&times, 1) < AGAIN_MAX ? GO_ON : NOT_OURS;
}

static enum verdict judge(const struct thread *t, const struct service *s, const siginfo_t *info,
			  const ucontext_t *uc)
{
	const struct stack *stack = t->stack;
	struct place p = place_of(uc);
	uintptr_t low = (uintptr_t)stack->low;
	bool near = p.sp >= low && p.sp < low + signal_frame_bytes();
	bool no_room = info->si_code == SI_KERNEL && near;
	bool guard =
		info->si_code == SEGV_ACCERR && stack_is_guard(stack, (uintptr_t)info->si_addr);
	if (s->mark == 0 || (!no_room && !guard))
		return NOT_OURS;
	bool may_leave = may_be_left(stack, s, p);
	if (no_room)
		return undelivered(&p, may_leave);
	return may_leave ? ENDED : NOT_OURS;
}

/* The first thing on the fresh stack. */
static void go_on(void)
{
	struct thread *t = thread_self();
	struct service *s = t->settle;
	bool detached = t->settle_detached;
	t->settle = NULL;
	add_relaxed(&count, 1);
	worker_end_overflown(t, s, detached);
	if (detached)
		thread_go_home();
	worker_loop();
}

/* As the parking handler, but it cannot try again later. */
static bool leave_body(struct thread *t)
{
	for (;;) {
		uint64_t word = load_acquire(&t->run);
		if (run_state_of(word) == RUN_TAKING)
			sched_yield();
		else if (cas_strong_acq_rel(&t->run, &word, run_word(run_epoch_of(word), RUN_LOOP)))
			return run_state_of(word) == RUN_DETACHED;
	}
}

bool overflow_caught(const siginfo_t *info, ucontext_t *uc)
{
	struct thread *t = thread_self();
	struct service *s = t ? load_relaxed(&t->cur) : NULL;
	/* A fault on the alternate stack is one of the handler's own. */
	if (s == NULL || t->stack == NULL || altstack_holds(place_of(uc).sp))
		return false;
	/* The handler is just leaving the body. */
	if (run_state_of(load_acquire(&t->run)) == RUN_LOOP)
		return false;
	enum verdict verdict = judge(t, s, info, uc);
	if (verdict != ENDED)
		return verdict == GO_ON;
	t->settle_detached = leave_body(t);
	t->settle = s;
	s->stack = t->stack;
	store_relaxed(&t->cur, NULL);
	store_relaxed(&t->in_handler, false);
	t->stack = thread_fresh_stack(t);
	stack_prepare(t->stack, go_on);
	uintptr_t pc, sp;
	stack_beginning(t->stack, &pc, &sp);
	uc->uc_mcontext.gregs[REG_RIP] = (greg_t)pc;
	uc->uc_mcontext.gregs[REG_RSP] = (greg_t)sp;
	uc->uc_mcontext.gregs[REG_RBP] = 0;
	uc->uc_mcontext.gregs[REG_EFL] &= ~(greg_t)0x400; /* the direction flag */
	return true;
}
