/* SPDX-License-Identifier: MIT
 *
 * All of this stays on one thread and one stack, so nothing here has to be asked anew after the sleep.
 *
 * Rejected alternative: a counter `preempt_off` around everything of ours that holds a lock. Whether code of ours is on the
 * stack is seen when it matters (text_holdable), and costs nothing while it does not.
 */
#include "sched/hold.h"
#include "core/clock.h"
#include "core/loop.h"
#include "sched/accounts.h"
#include "sched/affinity.h"
#include "sched/sched.h"

#include <sched.h>

/* HANDOVER: whoever picks the service from now on gives `t` a slot. */
static void queue_held(struct thread *t, struct service *s, enum runq_how how)
{
	s->held_on = t;
	add_relaxed(&s->holds, 1);
	add_relaxed(&sched.holds, 1);
	service_set_status(s, SERVICE_HELD);
	worker_put(s, how);
}

static void wait_for_turn(struct thread *t, struct service *s)
{
	thread_wait_turn(t);
	int64_t now = clock_mono_ns();
	runq_began(&sched.queue, &s->entry, now);
	worker_enter_body(t, s, now);
}

/* The calling thread is through with its slot and gives it to another one. */
static void pass_slot(struct thread *t, struct worker *w, struct thread *to)
{
	accounts_idle(w, clock_mono_ns());
	affinity_leave(load_relaxed(&t->tid));
	thread_give_slot(to, w);
}

static bool change(struct thread *t, uint64_t epoch, enum run_state from, enum run_state to)
{
	uint64_t want = run_word(epoch, from);
	/* Acquires the monitor's DETACHED; releases nothing that others read by this word. */
	return cas_strong_acq_rel(&t->run, &want, run_word(epoch, to));
}

static struct thread *spare_or_ring(void)
{
	struct thread *spare = thread_take_spare();
	/* It has a moment: whoever needs it next finds it. */
	if (spare == NULL || thread_spare_count() == 0)
		loop_async_send(sched.spawner);
	return spare;
}

static bool hold_on_slot(struct thread *t, struct service *s, uint64_t epoch)
{
	/* Without anybody who waits it would only come back to us. And the first time the monitor is more patient. */
	if (load_relaxed(&sched.queue.waiting) == 0 || !load_relaxed(&s->handed_off))
		return false;
	struct worker *w = t->slot;
	struct thread *spare = spare_or_ring();
	if (spare == NULL)
		return false;
	if (!change(t, epoch, RUN_BODY, RUN_HELD)) {
		thread_return_spare(spare);
		return false;
	}
	add_relaxed(&s->parks[TIER_FOREIGN], 1);
	habit_note(&s->entry.habit, false, worker_account(t, s, false));
	/* As soon as the service is queued we may be given another slot. */
	t->slot = NULL;
	/* The spare looks into the queue at once. */
	queue_held(t, s, RUNQ_REQUEUE);
	pass_slot(t, w, spare);
	wait_for_turn(t, s);
	return true;
}

static bool hold_detached(struct thread *t, struct service *s, uint64_t epoch)
{
	/* Slow on a slot would be worse than slow without one. */
	if (!thread_restore_priority(t) || !change(t, epoch, RUN_DETACHED, RUN_HELD))
		return false;
	habit_note(&s->entry.habit, false, worker_account(t, s, true));
	t->slot = NULL;
	queue_held(t, s, RUNQ_RETURN);
	wait_for_turn(t, s);
	return true;
}

bool hold_here(struct thread *t, struct service *s)
{
	uint64_t word = load_acquire(&t->run), epoch = run_epoch_of(word);
	if (run_state_of(word) == RUN_BODY)
		return hold_on_slot(t, s, epoch);
	return run_state_of(word) == RUN_DETACHED && hold_detached(t, s, epoch);
}

void hold_give_turn(struct service *s)
{
	struct thread *t = thread_self();
	pass_slot(t, t->slot, s->held_on);
	thread_go_home();
}

/* What the thread's word says when the monitor is not at it. */
static uint64_t settled_word(struct thread *t)
{
	uint64_t word;
	while (run_state_of(word = load_acquire(&t->run)) == RUN_TAKING)
		sched_yield(); /* a few instructions */
	return word;
}

bool hold_step_aside(void)
{
	struct thread *t = thread_self();
	struct service *s = load_relaxed(&t->cur);
	struct worker *w = t->slot;
	struct thread *spare = spare_or_ring();
	if (spare == NULL) {
		add_relaxed(&sched.not_aside, 1);
		return false;
	}
	store_relaxed(&s->aside, true);
	uint64_t word = settled_word(t);
	while (run_state_of(word) == RUN_BODY &&
	       !change(t, run_epoch_of(word), RUN_BODY, RUN_TAKING))
		word = settled_word(t);
	if (run_state_of(word) == RUN_BODY)
		worker_move_slot(w, t, spare), sched_ring(clock_mono_ns() + NS_PER_MS);
	else
		thread_return_spare(spare); /* the monitor was faster */
	return true;
}

void hold_come_back(void)
{
	struct thread *t = thread_self();
	struct service *s = load_relaxed(&t->cur);
	store_relaxed(&s->aside, false);
	/* The monitor may be about to lower our priority: then we see DETACHED again. */
	for (uint64_t word = settled_word(t); run_state_of(word) == RUN_DETACHED;
	     word = settled_word(t))
		if (!thread_restore_priority(t) || hold_detached(t, s, run_epoch_of(word)))
			return;
}
