/* SPDX-License-Identifier: MIT
 *
 * The arithmetic of fairness: no threads, no clocks, no I/O; integer nanoseconds.
 *
 * Service i has weight w_i (100 is normal) and a virtual run time ve_i that grows by
 *
 *	d(ve_i) = d(cpu_i) x 100 / w_i.
 *
 * If all ve_i of the services that want the CPU are kept equal, each gets CPU in proportion to its weight.
 * They cannot be equal at every instant (one worker runs one service), so a service runs for a request of
 * length r_i (its slice) at a time, and the request has a virtual deadline
 *
 *	vd_i = ve_i(start of request) + r_i x 100 / w_i.
 *
 * The run queue picks the earliest vd. Two services with equal ve: the one with the shorter slice or the
 * larger weight comes first, and none of them is ever more than about one request ahead: that is why a
 * short slice buys latency and not CPU (Stoica & Abdel-Wahab 1995; Linux calls it EEVDF).
 *
 * V, the virtual time, is what ve a newcomer is given. It is the start tag of the service dispatched last
 * (start-time fair queueing, Goyal 1996): monotone, and limited in its jumps to two requests of that
 * service, so that one service that ran far ahead does not carry V with it. It jumps freely only over time
 * in which nobody waited: whoever runs alone takes nothing from anybody.
 *
 * Waking: ve = max(ve, V - B x 100 / w). ve is remembered over sleep: a service that ran ahead waits until V
 * has caught up, so splitting work by sleeping earns nothing; one that slept long gets at most B of credit,
 * which is part of its settings (`credit_ns`; 0 for batch work). B is what keeps the tail short when many wake at
 * once (reference: B of one slice gave p99 of 1.4 ms, 1 ms gave 75 us, 4 ms no further gain).
 *
 * Requeueing: ve = max(ve, V - 2 r x 100 / w): a service whose weight entitles it to more than one worker
 * cannot use it and would pile up credit without bound ("infeasible weight").
 */
#ifndef SCHED_FAIR_H
#define SCHED_FAIR_H

#include "core/base.h"

enum {
	FAIR_WEIGHT_NORMAL = 100,
	FAIR_WEIGHT_MIN = 1,
	FAIR_WEIGHT_MAX = 10000,
	FAIR_CREDIT_NS = 1000000, /* B of a normal service */
};

struct fair {
	int64_t ve_ns;   /* virtual run time */
	int64_t vd_ns;   /* virtual deadline of the current request */
	int64_t used_ns; /* real time used of the current request */
	int64_t slice_ns;
	int64_t credit_ns; /* B */
	int32_t weight;
};

/* Real time to virtual time of this service. */
int64_t fair_virtual(const struct fair *f, int64_t real_ns);

/* A new service: at V, with half a slice, so that it starts soon without pushing ahead of those that have
 * waited. */
void fair_spawn(struct fair *f, int64_t v_ns, int64_t slice_ns, int32_t weight);
/* It has something to do again. */
void fair_wake(struct fair *f, int64_t v_ns);
/* It was stopped and still has something to do. */
void fair_requeue(struct fair *f, int64_t v_ns);
/* It used `real_ns` of CPU. Starts a new request when this one is used up. */
void fair_charge(struct fair *f, int64_t real_ns);
/* Changes weight and slice; what it is owed or owes (ve - V) keeps its worth in real time. */
void fair_change(struct fair *f, int64_t v_ns, int64_t slice_ns, int32_t weight);

/* What is left of the request, at least 0. */
int64_t fair_left_ns(const struct fair *f);
/* V after `f` is dispatched. */
int64_t fair_dispatched(const struct fair *f, int64_t v_ns);
/* V after `f` ran while nobody waited. */
int64_t fair_ran_alone(const struct fair *f, int64_t v_ns);

/* Order of the run queue: earlier deadline, then less run time. Differences, so that it would survive a
 * wrap of the clock. */
static inline bool fair_before(const struct fair *a, const struct fair *b)
{
	int64_t d = a->vd_ns - b->vd_ns;
	return d < 0 || (d == 0 && a->ve_ns - b->ve_ns < 0);
}

#endif
