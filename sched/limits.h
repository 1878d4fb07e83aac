/* SPDX-License-Identifier: MIT
 *
 * How much CPU one message of a service may use before the watchdog takes a step (watchdog/ladder.h says what each
 * is), and what becomes of the service when the watchdog has killed it. Kept with the service, since the steps differ
 * between services; the config decides (conf/setup.h).
 */
#ifndef SCHED_LIMITS_H
#define SCHED_LIMITS_H

#include "core/base.h"

/* From mild to hard. */
enum limit_step { STEP_WARN, STEP_DEMOTE, STEP_DUMP, STEP_INTERRUPT, STEP_KILL, STEP_COUNT };

struct limits {
	int64_t at_ns[STEP_COUNT]; /* CPU in one message; 0: this step is not taken */
	/* At most so many restarts within that time, the first after `backoff_ns`. 0: it is not started again. */
	int32_t restart_max;
	int64_t within_ns, backoff_ns;
};

static inline bool limits_same(const struct limits *a, const struct limits *b)
{
	bool same = a->restart_max == b->restart_max && a->within_ns == b->within_ns &&
		    a->backoff_ns == b->backoff_ns;
	for (int i = 0; i < STEP_COUNT; i++)
		same = same && a->at_ns[i] == b->at_ns[i];
	return same;
}

#endif
