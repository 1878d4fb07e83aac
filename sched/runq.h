/* SPDX-License-Identifier: MIT
 *
 * The run queue: who waits, who runs where, which workers are idle, and what the virtual time is. It
 * decides; it starts no thread, reads no clock (times are passed in) and wakes nobody (it says whom to
 * wake), so the simulator runs this very code under a virtual clock.
 *
 * One heap for all workers under one lock: up to 8 workers the lock is held for some 100 ns a dispatch and
 * the order is exact. Callers use only this interface, so that one heap per worker can follow.
 *
 * The idle protocol needs no fences of its own: a worker looks into the heap and enlists itself as idle
 * under the same lock under which a waker looks for idle workers and pushes, so one of them sees the other.
 */
#ifndef SCHED_RUNQ_H
#define SCHED_RUNQ_H

#include "sched/heap.h"
#include "sched/settings.h"
#include <pthread.h>

enum { RUNQ_WORKERS_MAX = 1024 };

/* One service as the run queue sees it (embedded in struct service). All guarded by the queue's lock. */
struct runq_entry {
	struct heap_node node;
	int32_t worker;         /* on which it runs, -1: on none */
	int64_t charged_to_ns;  /* while running: charged until then */
	int64_t runnable_at_ns; /* since when it waits */
	int64_t longest_wait_ns;
	int64_t wait_sum_ns, waits;
	bool spawned; /* placed for the first time already */
	/* Its last run ended by itself: it will most likely do so again soon, and stopping it would cost more than
	 * waiting. Written by the owner of the run, without the lock. */
	_Atomic bool brief;
};

struct runq_worker {
	struct runq_entry *running; /* NULL: idle, or between two services */
	int64_t started_ns;         /* when `running` was dispatched */
	int64_t slice_left_ns; /* of its request at that moment; its own thread may read it too */
	uint64_t epoch;        /* names one dispatch, of all workers': it grows by their number */
	struct runq_entry *handed; /* given to an idle worker, which sleeps until it sees it */
	bool idle;
};

struct runq {
	pthread_mutex_t lock;
	int64_t v_ns; /* the virtual time */
	struct order_heap heap;
	int workers;
	int idle_count;
	int64_t min_run_ns; /* a service is not preempted by a wake-up before it ran this long */
	_Atomic int32_t waiting; /* heap.count for those who only want to look */
	struct runq_worker worker[RUNQ_WORKERS_MAX];
};

enum runq_how {
	RUNQ_WAKE,
	RUNQ_REQUEUE, /* by a worker that looks for its next service at once: no idle one is woken */
	RUNQ_RETURN,  /* by a thread that has no slot */
};

/* What the caller must do after putting a service into the queue, once the lock is released. */
struct runq_action {
	enum { RUNQ_QUEUED, RUNQ_HANDED, RUNQ_PREEMPT } kind;
	int worker;         /* to wake (HANDED) or to ask (PREEMPT) */
	uint64_t epoch;     /* of the dispatch to preempt */
	int64_t look_at_ns; /* QUEUED: when the monitor must look at the latest; INT64_MAX: it knows */
};

void runq_init(struct runq *q, int workers, int64_t min_run_ns);
void runq_term(struct runq *q);

/* A service became runnable (RUNQ_WAKE) or was stopped while it still is (RUNQ_REQUEUE). Any thread. */
struct runq_action runq_put(struct runq *q, struct runq_entry *e, enum runq_how how,
			    int64_t now_ns);
/* The next service for this worker, already marked as running there; NULL: none, and the worker is now
 * enlisted as idle: it sleeps until runq_handed gives it one. */
struct runq_entry *runq_next(struct runq *q, int worker, int64_t now_ns);
struct runq_entry *runq_handed(struct runq *q, int worker, int64_t now_ns);
/* An idle worker that gives up (shutdown). false: it was handed a service meanwhile. */
bool runq_not_idle(struct runq *q, int worker);
/* The service stopped running here. It is charged up to now, less what the host took away. */
void runq_stopped(struct runq *q, struct runq_entry *e, int64_t now_ns, int64_t stolen_ns);
/* The worker lost its service to a hand-off: the service runs on without a slot and is charged with
 * runq_charge from now on. */
void runq_detached(struct runq *q, struct runq_entry *e, int64_t now_ns);
void runq_charge(struct runq *q, struct runq_entry *e, int64_t real_ns);
/* Settings and waits of one service. Any thread. */
struct runq_figures {
	int64_t slice_ns, longest_wait_ns, wait_sum_ns, waits;
	int32_t weight;
};
void runq_figures(struct runq *q, const struct runq_entry *e, struct runq_figures *out);
/* Takes a waiting service out of the queue; false when it is not in it. */
bool runq_remove(struct runq *q, struct runq_entry *e);
/* New settings; any thread, in any state. */
void runq_change(struct runq *q, struct runq_entry *e, const struct settings *settings);
/* All but the class. */
void runq_settings_of(struct runq *q, struct runq_entry *e, struct settings *out);

/* What the monitor does about those who wait: whom to ask to stop now, and when to look again. */
struct runq_due {
	int asked;
	struct {
		int worker;
		uint64_t epoch;
	} ask[16];
	int64_t look_again_ns;  /* INT64_MAX: when somebody waits again */
	int waiting;            /* how many */
	int64_t first_waits_ns; /* how long the first of them has waited */
};
/* false: the lock was taken; try again soon. Monitor only. */
bool runq_due(struct runq *q, int64_t now_ns, struct runq_due *due);

static inline struct runq_entry *runq_entry_of(struct heap_node *n)
{
	return n ? container_of(n, struct runq_entry, node) : NULL;
}

#endif
