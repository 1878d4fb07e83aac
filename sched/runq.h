/* SPDX-License-Identifier: MIT
 *
 * The run queue: who waits, who runs where, which workers are idle, and what the virtual time is. It
 * decides; it starts no thread, reads no clock (times are passed in) and wakes nobody (it says whom to
 * wake), so the simulator runs this very code under a virtual clock.
 *
 * Those who wait lie in shards (shard.h): one for up to 8 workers, whose order is exact; beyond that one a worker.
 * With many, a pick compares the own shard's head with that of one random other, and with all when the own shard
 * is nearly empty: the first keeps the shards' deadlines together (a MultiQueue: a head is out of order by 5/6 of the
 * number of shards in the mean), the second the shares when there are hardly more services than workers. A waker
 * puts its service into the shard of the worker that it preempts. A backstop finds whoever is passed over all the
 * same: see runq_due.
 *
 * What guards what: a service's entry, waiting or not, is guarded by the lock of the shard that `shard` names, and
 * whoever changes `shard` holds the old one. No two shard locks are held at once, but by the backstop, which only
 * tries the second. What runs on a worker is published without a lock (running.h); only the thread that holds the slot
 * writes it.
 *
 * No wake-up is lost: see idle.h. `waiting` is the word that both sides use: it is raised after a push and before
 * the waker looks for idle workers; a worker enlists as idle before it reads it.
 */
#ifndef SCHED_RUNQ_H
#define SCHED_RUNQ_H

#include "sched/group.h"
#include "sched/habit.h"
#include "sched/idle.h"
#include "sched/running.h"
#include "sched/settings.h"
#include "sched/shard.h"
#include "sched/usage.h"
#include "sched/waits.h"

enum { RUNQ_WORKERS_MAX = IDLE_WORKERS_MAX, RUNQ_ONE_SHARD_MAX = 8 };

/* One service as the run queue sees it (embedded in struct service). Guarded as told above. */
struct runq_entry {
	struct heap_node node;
	struct group *group;    /* NULL: it has a weight of its own */
	_Atomic int32_t shard;  /* whose lock guards the entry */
	int32_t worker;         /* on which it runs, -1: on none */
	int32_t last_worker;    /* -1: it has not run yet */
	int64_t charged_to_ns;  /* while running: charged until then */
	int64_t prepaid_ns;     /* while running: what its group has paid for it in advance */
	int64_t runnable_at_ns; /* since when it waits */
	struct usage usage;
	bool spawned;       /* placed for the first time already */
	int32_t follows;    /* the worker whose `follower` it is, -1: none's */
	struct habit habit; /* written by the owner of the run, without the lock */
	struct waits waits; /* last, since it is long */
};

struct runq_worker {
	struct running run;                  /* written by the thread that holds the slot */
	_Atomic(struct runq_entry *) handed; /* for an idle worker: a service, or the kick mark */
	_Atomic uint64_t
		asked; /* the dispatch that a wake-up has chosen already: the next one chooses another */
	/* With the lock of the worker's shard, where it waits: the service that the one that runs, or ran last, has
	 * woken first. Its data are warm here, so it may come next a little before its turn. */
	_Atomic(struct runq_entry *) follower;
	int64_t in_turn_ns; /* with that lock: when the last one was taken in its turn */
};

struct runq {
	int workers, shards;
	_Atomic int64_t v_ns; /* the virtual time: only grows */
	_Atomic int64_t
		min_run_ns; /* a service is not preempted by a wake-up before it ran this long */
	_Atomic int32_t waiting;  /* in all shards */
	_Atomic uint64_t starved; /* how often the backstop had to move somebody */
	struct idle idle;
	int64_t looked_ns; /* this and the next one: the monitor's, of its last look */
	uint64_t looked_dispatches;
	struct runq_worker worker[RUNQ_WORKERS_MAX];
	struct shard shard[RUNQ_WORKERS_MAX];
};

enum runq_how {
	RUNQ_WAKE,
	RUNQ_REQUEUE, /* by a worker that looks for its next service at once: no idle one is woken */
	RUNQ_RETURN,  /* by a thread that has no slot */
};

/* What the caller must do after putting a service into the queue. */
struct runq_action {
	enum { RUNQ_QUEUED, RUNQ_HANDED, RUNQ_PREEMPT } kind;
	int worker;         /* to wake (HANDED) or to ask (PREEMPT) */
	uint64_t epoch;     /* of the dispatch to preempt */
	int64_t look_at_ns; /* QUEUED: when the monitor must look at the latest; INT64_MAX: it knows */
};

/* `shards`: 0 for the usual number; tests force others (1 or `workers`). */
void runq_init(struct runq *q, int workers, int shards, int64_t min_run_ns);
void runq_term(struct runq *q);
/* An entry that nobody knows yet, in no queue. */
void runq_entry_init(struct runq_entry *e, const struct settings *settings);

/* A service became runnable (RUNQ_WAKE) or was stopped while it still is (RUNQ_REQUEUE). Any thread. */
struct runq_action runq_put(struct runq *q, struct runq_entry *e, enum runq_how how,
			    int64_t now_ns);
/* The same for one that was woken by the service that runs on worker `by`. `soon`: that one will be through in a moment,
 * and the monitor looks by RUNQ_OWED_NS or will be rung for it; then no idle worker is woken while nobody else waits. */
struct runq_action runq_follow(struct runq *q, struct runq_entry *e, int by, bool soon,
			       int64_t now_ns);
/* The next service for this worker, already marked as running there; NULL: none, and the worker is now
 * enlisted as idle: it sleeps until runq_handed gives it one. */
struct runq_entry *runq_next(struct runq *q, int worker, int64_t now_ns);
/* For a worker that is enlisted: what it was handed. It may also be told to look again, and then this does as
 * runq_next does. NULL: nothing yet. */
struct runq_entry *runq_handed(struct runq *q, int worker, int64_t now_ns);
/* A service that was taken by runq_next or runq_handed begins only now, on a thread that had to wake up first: it is not
 * charged for that, and its slice begins here. The thread that has the slot. */
void runq_began(struct runq *q, struct runq_entry *e, int64_t now_ns);
/* Somebody waits and should not: claims an idle worker, which the caller wakes as after RUNQ_HANDED, to look for itself; -1:
 * nobody is idle. Any thread. */
int runq_kick(struct runq *q);
/* An idle worker that gives up (shutdown). false: it was handed a service meanwhile, or soon will be. */
bool runq_not_idle(struct runq *q, int worker);
/* The service stopped running here. It is charged up to now, less what the host took away. */
void runq_stopped(struct runq *q, struct runq_entry *e, int64_t now_ns, int64_t stolen_ns);
/* The worker lost its service to a hand-off: the service runs on without a slot and is charged with
 * runq_charge from now on. */
void runq_detached(struct runq *q, struct runq_entry *e, int64_t now_ns);
/* CPU used in the time up to `now_ns`, without a slot. */
void runq_charge(struct runq *q, struct runq_entry *e, int64_t now_ns, int64_t real_ns);

/* Settings, shares and waits of one service. Any thread. */
struct runq_figures {
	int64_t slice_ns, longest_wait_ns, wait_sum_ns, waits;
	int64_t wait_p50_ns, wait_p99_ns;
	int64_t lag_ns; /* CPU that it is owed (> 0) or has had ahead of its turn, while it is active */
	double share_1s, share_10s; /* CPU in the last seconds, 1: one whole worker */
	int32_t weight;
};
void runq_figures(struct runq *q, struct runq_entry *e, int64_t now_ns, struct runq_figures *out);

/* New settings; in any state. With a group (of its name; NULL: none) weight, slice and credit are the group's, and so
 * those of all its members. What is to be done afterwards is answered as by runq_put. One caller at a time. */
struct runq_action runq_change(struct runq *q, struct runq_entry *e,
			       const struct settings *settings, struct group *group,
			       int64_t now_ns);
/* A new service, which waits nowhere yet, becomes a member; it takes the settings that the group has. */
void runq_join(struct runq *q, struct runq_entry *e, struct group *group);
/* All but the class. Any thread. */
void runq_settings_of(struct runq *q, struct runq_entry *e, struct settings *out);
/* What a group has: slice, credit and weight; the rest of `out` stays. Any thread. */
void runq_group_settings(struct runq *q, struct group *group, struct settings *out);

/* What the monitor does about those who wait: whom to ask to stop now, and when to look again. */
struct runq_due {
	int asked;
	struct {
		int worker;
		uint64_t epoch;
	} ask[16];
	int64_t look_again_ns; /* INT64_MAX: when somebody waits again */
	int woken;             /* an idle worker that is to be woken, as after RUNQ_HANDED; -1: none */
	int waiting;           /* how many */
	int64_t first_waits_ns; /* how long the first of them has waited (of the shards' heads the longest) */
};
/* false: a lock was taken, and what it guards was not looked at; try again soon. Monitor only.
 *
 * The backstop is in here: a head whose deadline the virtual time has passed by RUNQ_STARVED_NS and four of its
 * slices, and which goes on waiting while there are 16 dispatches for everybody who waits, has been passed over. It is
 * put first, into the shard of the worker whose service has the latest deadline, that one is asked to stop, and `starved`
 * counts it. The bound is in virtual time and in dispatches: what the machine does to us is no starvation. */
bool runq_due(struct runq *q, int64_t now_ns, struct runq_due *due);
#define RUNQ_STARVED_NS 20000000
/* Somebody may wait so long beside an idle worker: see runq_follow. */
#define RUNQ_OWED_NS HABIT_TRUST_NS

static inline struct runq_entry *runq_entry_of(struct heap_node *n)
{
	return n ? container_of(n, struct runq_entry, node) : NULL;
}

#endif
