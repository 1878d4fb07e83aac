/* SPDX-License-Identifier: MIT
 *
 * Parking from the signal frame.
 *
 * A worker that overran its slice gets PARK_SIGNAL. The kernel has put the complete state of the
 * interrupted code (all registers, vector state, flags) on the service's stack; all we add is a switch to
 * another stack. Whoever resumes the service, on whatever thread, switches back, the handler returns, and
 * the kernel restores the state as if nothing had happened.
 *
 * It is allowed where the interrupted code neither holds a lock nor keeps anything that belongs to the
 * thread: in machine code made by LuaJIT (tier A), and inside the LuaJIT library (tier B) when no frame of
 * other code lies between it and our entry into the VM. The frames are walked with the compilers' tables
 * (core/frames.c). Where those end, in machine code above all, the raw stack is searched: a word in
 * [sp, mark) that may be a return address into such code counts as a frame (core/text.c), so a stale word can
 * only make us refuse. Functions of the library that cache thread-local addresses (core/fragile.h) count as foreign.
 *
 * Everywhere else (tier C) the handler returns, and the monitor tries again or gives the worker's slot to
 * another thread; but where C modules compute, with no frame of anybody else's code on the stack, the thread waits
 * here for its service's next turn (hold.c).
 *
 * Rejected alternatives: yielding from a count hook (preempts the innermost coroutine, cannot pass
 * gsub/sort callbacks, never fires in machine code); parking in the hook (the library's hook dispatcher
 * has cached &errno of this thread); blocking the OS thread in the handler for every preemption (one
 * thread per parked service, so only where the thread cannot leave the stack).
 *
 * Details that each cost somebody a day: sigreturn installs the alternate signal stack of the thread that
 * parked, so uc_stack is refreshed; errno is saved and restored through a fresh address; nothing here is
 * instrumented by sanitizers, and the handler is installed by a raw system call, because ThreadSanitizer
 * holds signals back until the next intercepted call, which compiled code never makes.
 */
#include "sched/park.h"
#include "core/frames.h"
#include "core/text.h"
#include "sched/hold.h"
#include "sched/sched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

struct kernel_sigaction {
	void (*handler)(int, siginfo_t *, void *);
	unsigned long flags;
	void (*restorer)(void);
	uint64_t mask;
};

#define SA_RESTORER 0x04000000ul

/* The byte pattern is what debuggers and unwinders know a signal frame by. */
__asm__(".text\n"
	".globl park_restorer\n"
	".hidden park_restorer\n"
	".type park_restorer, @function\n"
	"park_restorer:\n"
	"	movq $15, %rax\n"
	"	syscall\n"
	".size park_restorer, .-park_restorer\n");

static bool is_parkable_machine_code(struct service *s, uintptr_t pc, uintptr_t sp, uintptr_t rbp)
{
	struct frames_base base;
	if (frames_parkable(pc, sp, rbp, s->mark))
		return true;
	return s->body->frame && s->body->frame(s, &base) && frames_parkable_below(sp, &base, s->mark);
}

static enum park_tier tier_at(struct service *s, const struct stack *stack, uintptr_t pc,
			      uintptr_t sp, uintptr_t rbp)
{
	enum text_kind kind = text_kind_of(pc);
	if (kind != TEXT_NONE && kind != TEXT_VM && kind != TEXT_PARKABLE)
		return TIER_FOREIGN;
	/* A C module may run Lua on a stack of its own. */
	if (s->mark == 0 || sp >= s->mark || sp < (uintptr_t)stack->low + PARK_ROOM_BYTES)
		return TIER_FOREIGN;
	if (kind == TEXT_NONE)
		return is_parkable_machine_code(s, pc, sp, rbp) ? TIER_MACHINE_CODE : TIER_FOREIGN;
	return frames_parkable(pc, sp, rbp, s->mark) ? TIER_VM : TIER_FOREIGN;
}

/* How far the service's part of the stack goes up; where the code has a stack of its own nothing is known. */
static uintptr_t end_of_stack(const struct service *s, const struct stack *stack, uintptr_t sp)
{
	return s->mark > sp && sp >= (uintptr_t)stack->low ? s->mark : sp;
}

/* The thread leaves the service. false: the monitor is just taking the slot, try later. */
static bool leave_body(struct thread *t, bool *detached)
{
	uint64_t word = load_acquire(&t->run);
	uint64_t epoch = run_epoch_of(word);
	*detached = run_state_of(word) == RUN_DETACHED;
	if (run_state_of(word) != RUN_BODY && !*detached)
		return false;
	/* Release: whoever takes the slot next sees what we did with it. */
	return cas_strong_acq_rel(&t->run, &word, run_word(epoch, RUN_LOOP));
}

/* Stops the service here; returns when it is resumed, maybe on another thread. */
static void park(struct thread *t, struct service *s, enum park_tier tier, bool detached)
{
	struct stack *mine = t->stack;
	s->tier = tier;
	s->stack = mine;
	t->settle = s;
	t->settle_detached = detached;
	store_relaxed(&t->cur, NULL);
	atomic_signal_fence(memory_order_seq_cst);
	store_relaxed(&t->in_handler, false);
	/* From here on a second signal finds no service and returns. */
	if (detached) {
		/* As in thread_go_home: at home it must not find the slot that it lost. */
		t->slot = NULL;
		t->stack = NULL;
		stack_switch(mine, &t->base);
	} else {
		t->stack = thread_fresh_stack(t);
		stack_switch(mine, t->stack);
	}
	thread_settle();
}

/* Not where it may be parked, and the frames are none of ours, of libc's or the like. */
static bool is_holdable(const struct service *s, const struct stack *stack, uintptr_t pc, uintptr_t sp)
{
	return s->mark != 0 && sp < s->mark && sp >= (uintptr_t)stack->low + PARK_ROOM_BYTES &&
	       text_holdable(pc, sp, s->mark);
}

/* The kernel has given up a system call because of this signal, and its caller will see it. Those that begin
 * again (SA_RESTART) have the program counter back in front of the instruction. */
static bool broke_system_call(uintptr_t pc, const ucontext_t *uc)
{
	const uint8_t *before = (const uint8_t *)pc - 2;
	return uc->uc_mcontext.gregs[REG_RAX] == -EINTR && text_kind_of(pc - 2) != TEXT_NONE &&
	       before[0] == 0x0f && before[1] == 0x05;
}

static void take_sample(struct thread *t, struct service *s, uintptr_t pc, uintptr_t sp, uintptr_t rbp)
{
	store_relaxed(&t->sample, 0);
	add_relaxed(&s->samples, 1);
	if (walk_meets(LANDMARK_COLLECTOR, pc, sp, rbp, end_of_stack(s, t->stack, sp)))
		add_relaxed(&s->collector_samples, 1);
}

static void probe(struct thread *t, struct service *s, const struct unwind_frame *at, enum park_tier tier)
{
	s->body->interrupt(s, INTERRUPT_PROBE, at->pc, tier);
	bool has_room = at->sp >= (uintptr_t)t->stack->low + PARK_ROOM_BYTES && at->sp < s->mark;
	if (s->body->witness && tier != TIER_MACHINE_CODE && has_room)
		s->body->witness(s, at, s->mark);
}

static bool is_to_die(const struct service *s)
{
	return load_acquire(&s->doomed) && !load_relaxed(&s->closing);
}

/* Both: the message, since one dispatch may handle several; the dispatch, since the monitor may have looked at a service that
 * has ended and whose memory is another's now. */
static bool is_to_raise(const struct thread *t, const struct service *s, uint64_t epoch)
{
	uint64_t number = load_relaxed(&s->raise_number);
	return load_relaxed(&t->raise) == epoch && number &&
	       number == load_relaxed(&s->message_number);
}

static void on_signal(int signo, siginfo_t *info, void *context);

/* The handler itself is interrupted, before it could say that it runs: two signals came on the kernel's way back. The
 * outer one sees to everything, and from here the service's own frames could not be seen. */
static bool has_just_begun(uintptr_t pc)
{
	enum { PROLOGUE_BYTES = 64 };
	return pc - (uintptr_t)on_signal < PROLOGUE_BYTES;
}

static void on_signal(int signo, siginfo_t *info, void *context)
{
	struct thread *t = thread_self();
	struct service *s = t ? load_relaxed(&t->cur) : NULL;
	ucontext_t *uc = context;
	uintptr_t pc = (uintptr_t)uc->uc_mcontext.gregs[REG_RIP];
	if (s == NULL || load_relaxed(&t->in_handler) || has_just_begun(pc))
		return;
	int saved_errno = errno_get();
	uintptr_t sp = (uintptr_t)uc->uc_mcontext.gregs[REG_RSP];
	uintptr_t rbp = (uintptr_t)uc->uc_mcontext.gregs[REG_RBP];
	uint64_t epoch = run_epoch_of(load_acquire(&t->run));
	bool detached = false;
	store_relaxed(&t->in_handler, true);
	atomic_signal_fence(memory_order_seq_cst);
	enum park_tier tier = tier_at(s, t->stack, pc, sp, rbp);
	store_relaxed(&s->seen_tier, tier);
	if (load_relaxed(&t->sample) == epoch)
		take_sample(t, s, pc, sp, rbp);
	sighting_take(&t->sighting, epoch, pc, sp, rbp, end_of_stack(s, t->stack, sp),
		      tier == TIER_MACHINE_CODE);
	if (load_relaxed(&t->probe) == epoch)
		probe(t, s, &(struct unwind_frame){pc, sp, rbp, true}, tier);
	/* Wherever it is: a killed service that is met in C every time ends when it is back in Lua. */
	if (is_to_die(s)) {
		s->body->interrupt(s, INTERRUPT_KILL, pc, tier);
	} else if (is_to_raise(t, s, epoch)) {
		or_relaxed(&s->raises_met_in, 1u << tier);
		add_relaxed(&s->raises_met, 1);
		s->body->interrupt(s, INTERRUPT_RAISE, pc, tier);
	}
	/* Those of a killed service are broken on purpose. */
	if (!is_to_die(s) && broke_system_call(pc, uc))
		add_relaxed(&sched.interrupted_syscalls, 1);
	if (load_relaxed(&t->wanted) != epoch) {
		store_relaxed(&t->in_handler, false);
	} else if (tier != TIER_FOREIGN && park_is_possible() && leave_body(t, &detached)) {
		s->parked_pc = pc;
		park(t, s, tier, detached);
		if (is_to_die(s))
			s->body->interrupt(s, INTERRUPT_KILL, pc, tier);
		sigaltstack(NULL, &uc->uc_stack);
	} else if (tier == TIER_FOREIGN && is_holdable(s, t->stack, pc, sp) && hold_here(t, s)) {
		if (is_to_die(s))
			s->body->interrupt(s, INTERRUPT_KILL, pc, tier);
		store_relaxed(&t->in_handler, false);
	} else {
		add_relaxed(&t->refused, 1);
		store_relaxed(&t->in_handler, false);
	}
	errno_set(saved_errno);
	(void)signo;
	(void)info;
}

/* Shadow stacks remember return addresses in memory that we cannot switch. */
static bool has_shadow_stack(void)
{
	unsigned long features = 0;
	/* ARCH_SHSTK_STATUS; fails on kernels without them. */
	return syscall(SYS_arch_prctl, 0x5005, &features) == 0 && (features & 1);
}

static bool possible;

bool park_is_possible(void)
{
	return possible;
}

void park_init(void)
{
	struct kernel_sigaction action = {
		.handler = on_signal,
		.flags = SA_SIGINFO | SA_RESTART | SA_NODEFER | SA_RESTORER,
		.restorer = park_restorer,
	};
	possible = !has_shadow_stack();
	if (syscall(SYS_rt_sigaction, PARK_SIGNAL, &action, NULL, sizeof(action.mask)) != 0)
		panic("cannot install the preemption signal's handler");
}
