/* SPDX-License-Identifier: MIT
 *
 * The CPU that one service used lately, by the second: a ring of whole seconds, written when CPU is charged and
 * read as a window that slides. Nobody samples, so an idle process stays asleep.
 *
 * Guarded by the lock of the run queue's entry that it is part of.
 */
#ifndef SCHED_USAGE_H
#define SCHED_USAGE_H

#include "core/base.h"

enum { USAGE_SECONDS = 12, USAGE_WINDOW_MAX_S = 10 };

struct usage {
	int64_t second; /* the latest one that is written */
	uint32_t ns
		[USAGE_SECONDS]; /* [second % USAGE_SECONDS]; a service has one worker at a time */
};

/* `used_ns` of CPU, spread evenly over [from_ns, to_ns] (to_ns: now, or the recent past). */
void usage_add(struct usage *u, int64_t from_ns, int64_t to_ns, int64_t used_ns);
/* CPU time over the last `seconds` (at most USAGE_WINDOW_MAX_S), as a part of one worker: 0 .. 1. */
double usage_share(const struct usage *u, int64_t now_ns, int seconds);

#endif
