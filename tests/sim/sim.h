/* SPDX-License-Identifier: MIT
 *
 * A world for the real run queue (sched/fair.c, heap.c, runq.c): a virtual clock, workers that cost time to
 * switch and to wake, a monitor that is late, preemptions that take a while and services whose bodies are
 * a list of (run, sleep) pairs. One thread, no wall clock: a seed gives the same run on every machine.
 *
 * The steps between the run queue's calls are those of worker.c and monitor.c, and they take time one by
 * one, so that the monitor or a waker may come between any two of them. What is not modelled: caches, the
 * mailbox (a service has its next message, or it sleeps) and time that the host takes away.
 */
#ifndef SIM_SIM_H
#define SIM_SIM_H

#include "sched/runq.h"

enum { SIM_SERVICES_MAX = 10240, SIM_WORKERS_MAX = 128, SIM_BUCKETS = 400 };

struct sim;
struct sim_service;

/* The next message: how much CPU it takes (at least 1), and how long the service sleeps after it; 0: the
 * next one is there already. */
typedef void sim_body(struct sim *sim, struct sim_service *s, int64_t *run_ns, int64_t *sleep_ns);

/* Logarithmic buckets, 16 an octave: at most 4.5 % too high. */
struct sim_times {
	int64_t bucket[SIM_BUCKETS];
	int64_t count, max_ns;
};

enum sim_status { SIM_ASLEEP, SIM_WAITING, SIM_RUNNING, SIM_STOPPING, SIM_DETACHED };

struct sim_service {
	struct runq_entry entry; /* first */
	sim_body *body;
	int64_t a, b; /* the body's own */
	bool in_c;    /* its messages are C code from end to end: it stops for nobody */
	struct sim_service *calls; /* whom it wakes in each message, at the begin or at the end; it sleeps until it is woken */
	bool has_called; /* in this message */
	bool called;     /* since it ran last */
	enum sim_status status;
	int64_t left_ns, sleep_ns; /* of the message being handled */
	int64_t cpu_ns;            /* without the present segment */
	int64_t since_ns;          /* of the present segment */
	int64_t woke_ns;           /* -1: it was not woken since it ran last */
	int64_t messages, preempted;
	struct sim_times *wake_times; /* wake to run, NULL: nobody wants to know */
};

struct sim_worker {
	struct sim_service *running;
	int64_t run_since_ns;
	bool owes; /* as in struct thread */
	uint64_t wanted; /* epoch that is asked to stop */
	uint64_t stamp;  /* of the segment: an end of message that bears another one is stale */
};

struct sim_event;

struct sim_config {
	int workers, shards; /* 0: the usual number */
	int64_t min_run_ns;
	int64_t step_ns;          /* from stopping to requeueing */
	int64_t switch_ns;        /* from stopping to the next pick */
	int64_t wake_idle_ns;     /* from handing over to an idle worker until it sees it */
	int64_t signal_ns;        /* from asking to stopping in Lua code, mean */
	int64_t foreign_ns;       /* the same in C code, mean */
	int foreign_percent;      /* how often it is C code */
	int64_t handoff_ns;       /* a service that has not stopped by then loses the slot */
	int64_t monitor_late_ns;  /* the monitor comes at most so late */
	int64_t monitor_retry_ns; /* it looks at open requests so often */
};

struct sim {
	struct sim_config config;
	uint64_t seed, random;
	int64_t now_ns;
	struct runq queue; /* of one shard or many */
	struct sim_worker worker[SIM_WORKERS_MAX];
	struct sim_service service[SIM_SERVICES_MAX];
	int services;
	int64_t monitor_due_ns;
	int64_t sample_every_ns; /* calls `sample` so often after sim_start_sampling */
	void (*sample)(struct sim *sim);
	void *data; /* the sampler's own */

	/* Found out on the way. */
	int64_t dispatches, wakes, follows, broken_trusts, preemptions, handoffs, monitor_passes;
	int64_t idle_beside_waiting_ns, idle_beside_waiting_longest_ns;
	int64_t idle_since_ns; /* -1: not so now */

	struct sim_event *event; /* a binary heap by time, then by age */
	int events, event_room;
	uint64_t event_number;
};

/* What the machine of the reference measurements costs. */
struct sim_config sim_config_usual(int workers);

struct sim *sim_new(const struct sim_config *config, uint64_t seed);
void sim_free(struct sim *sim);
/* It is woken for the first time after `start_ns`. */
struct sim_service *sim_add(struct sim *sim, sim_body *body, int64_t slice_ns, int32_t weight,
			    int64_t start_ns);
/* From now on it shares the weight of the group with the other members, and has the group's slice. */
void sim_join(struct sim *sim, struct sim_service *s, struct group *group,
	      const struct settings *settings);
void sim_start_sampling(struct sim *sim);
/* Goes on for so long. */
void sim_run(struct sim *sim, int64_t duration_ns);
int64_t sim_cpu_ns(const struct sim *sim, const struct sim_service *s);

uint64_t sim_random(struct sim *sim);
/* Uniform in [low, high]. */
int64_t sim_between(struct sim *sim, int64_t low, int64_t high);
/* As likely between 1 and 10 as between 10 and 100. */
int64_t sim_log_between(struct sim *sim, int64_t low, int64_t high);
/* Exponential, at least 1. */
int64_t sim_exponential(struct sim *sim, int64_t mean);

void sim_times_add(struct sim_times *t, int64_t ns);
int64_t sim_times_quantile(const struct sim_times *t, double q);

#endif
