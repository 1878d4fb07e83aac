/* SPDX-License-Identifier: MIT
 *
 * A worker: a slot in which one service at a time runs. `thread = N` in the config makes N of them. A
 * thread holds the slot; when it gets stuck in C code the slot moves to another thread.
 */
#ifndef SCHED_WORKER_H
#define SCHED_WORKER_H

#include "sched/ledger.h"
#include "sched/thread.h"

struct worker {
	int id;
	futex_word wake; /* an idle worker sleeps on it; changed by who hands it a service */
	_Atomic bool
		sleeping; /* seq, see wake_up in worker.c: else nobody needs the kernel to wake it */
	_Atomic(struct thread *) thread; /* who holds it; written by who gives it away */
	_Atomic int64_t woken_ns; /* when it was last handed a service while it was idle */
	struct ledger ledger;     /* of the thread that holds it; see ledger.h */
};

/* The entry of every pooled stack: the worker loop. */
void worker_loop(void);

/* Does what the run queue asks for after a service was put. */
void worker_act(const struct runq_action *action, int64_t now_ns);

/* Asks the service of that dispatch to stop: a flag, and a signal if it is inside a handler. Best effort,
 * idempotent, harmless when late. Any thread. */
void worker_ask(struct worker *w, uint64_t epoch);

/* `t` is about to run the body of `s`, which was dispatched on its slot, or goes on in it, from `now_ns` on. Own thread. */
void worker_enter_body(struct thread *t, struct service *s, int64_t now_ns);
/* Books the run that ends; returns how long it took by the wall clock, less what is known to have been taken by the host. Own
 * thread; `detached`: without a slot. */
int64_t worker_account(struct thread *t, struct service *s, bool detached);
/* Puts a service into the run queue and wakes or asks whom that concerns. Any thread, also in the handler where the
 * interrupted code is not ours. The service is the queue's afterwards. */
void worker_put(struct service *s, enum runq_how how);
/* Moves the slot from `t`, whose word is TAKING by the caller's CAS, to `spare`; afterwards the word is DETACHED. */
void worker_move_slot(struct worker *w, struct thread *t, struct thread *spare);

/* Queues a service that was parked on `t` by the switch that has just completed (thread_settle only). */
void worker_settle_parked(struct thread *t, struct service *s, bool detached);

/* Ends a service that was left for good at the end of its C stack, which is in s->stack (overflow.c only). Own thread, on
 * a fresh stack, with the body left. */
void worker_end_overflown(struct thread *t, struct service *s, bool detached);

/* Lowers the OS priority of a thread that has lost its slot in that dispatch and is still without. Monitor. */
void worker_slow_down(struct thread *t, uint64_t epoch);

/* Gives the slot to a spare thread if its thread is still in that dispatch. Monitor only. */
enum hand_off_result { HAND_OFF_DONE, HAND_OFF_LATE, HAND_OFF_NO_SPARE };
enum hand_off_result worker_hand_off(struct worker *w, uint64_t epoch);

#endif
