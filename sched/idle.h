/* SPDX-License-Identifier: MIT
 *
 * Which workers are idle, so that a waker claims exactly one of them.
 *
 * A worker that found nothing enlists, and then looks at all queues once more; a waker puts its service into a
 * queue, and then looks here. Both sides are sequentially consistent, so one of them sees the other and nothing
 * waits beside a worker that sleeps. Claiming is one fetch-and: a bit is taken by one waker, and the worker itself
 * learns from retracting whether it was claimed (then something is on its way to it).
 *
 * tests/model/idle.pml searches it.
 */
#ifndef SCHED_IDLE_H
#define SCHED_IDLE_H

#include "core/atomics.h"
#include "core/base.h"

enum { IDLE_WORKERS_MAX = 1024 };

struct idle {
	_Atomic uint64_t mask[IDLE_WORKERS_MAX / 64];
	_Atomic int32_t
		count; /* grows before the enlisted worker looks again, so 0 means: nobody sleeps yet */
	int workers;
};

void idle_init(struct idle *i, int workers);
/* The worker itself; look at the queues afterwards. */
void idle_enlist(struct idle *i, int worker);
/* The worker itself; false: somebody has claimed it. */
bool idle_retract(struct idle *i, int worker);
/* Claims one, `preferred` (-1: none) if it is idle; -1: nobody is. Any thread. */
int idle_claim(struct idle *i, int preferred);

/* Is it enlisted? Out of date at once. Any thread. */
static inline bool idle_has(const struct idle *i, int worker)
{
	return load_relaxed(&i->mask[worker / 64]) >> (worker & 63) & 1;
}

static inline int idle_count(const struct idle *i)
{
	return load_relaxed(&i->count);
}

#endif
