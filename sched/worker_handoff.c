/* SPDX-License-Identifier: MIT
 *
 * The slot of a thread that is stuck in C code goes to a spare one, and the worker goes on. The thread keeps its
 * service, without a slot, until that can be stopped or its message is over.
 */
#include "core/clock.h"
#include "core/loop.h"
#include "sched/accounts.h"
#include "sched/affinity.h"
#include "sched/sched.h"
#include "sched/worker.h"

void worker_slow_down(struct thread *t, uint64_t epoch)
{
	/* Held in TAKING meanwhile, so that it cannot come home and take a slot with the low priority. */
	uint64_t want = run_word(epoch, RUN_DETACHED);
	if (!cas_strong_acq_rel(&t->run, &want, run_word(epoch, RUN_TAKING)))
		return;
	thread_slow_down(t);
	store_release(&t->run, run_word(epoch, RUN_DETACHED));
}

void worker_move_slot(struct worker *w, struct thread *t, struct thread *spare)
{
	uint64_t epoch = run_epoch_of(load_relaxed(&t->run));
	struct service *s = load_relaxed(&t->cur);
	add_relaxed(&s->parks[TIER_FOREIGN], 1);
	store_relaxed(&s->handed_off, true);
	add_relaxed(&sched.handoffs, 1);
	int64_t now = clock_mono_ns(), mark = load_relaxed(&s->message_mark_ns);
	int64_t used = accounts_detach(w, t, s, now);
	if (mark) /* what belongs to this message */
		add_relaxed(&s->message_cpu_ns, used < now - mark ? used : now - mark);
	store_relaxed(&s->message_mark_ns, now);
	runq_detached(&sched.queue, &s->entry, now);
	service_set_status(s, SERVICE_DETACHED);
	affinity_leave(load_acquire(&t->tid));
	thread_give_slot(spare, w);
	/* Release: the thread that finds DETACHED finds the rest done. Seq, for who rings the monitor next. */
	store_seq(&t->run, run_word(epoch, RUN_DETACHED));
	loop_async_send(sched.spawner);
}

enum hand_off_result worker_hand_off(struct worker *w, uint64_t epoch)
{
	struct thread *t = load_relaxed(&w->thread);
	struct thread *spare = thread_take_spare();
	if (spare == NULL) {
		loop_async_send(sched.spawner);
		return HAND_OFF_NO_SPARE;
	}
	uint64_t want = run_word(epoch, RUN_BODY);
	if (!cas_strong_acq_rel(&t->run, &want, run_word(epoch, RUN_TAKING))) {
		thread_return_spare(spare);
		return HAND_OFF_LATE;
	}
	worker_move_slot(w, t, spare);
	return HAND_OFF_DONE;
}
