/* SPDX-License-Identifier: MIT
 *
 * How long one service has waited for a worker, each time: counts in logarithmic steps (four to an octave, from
 * 1 us to a minute), so that quantiles cost a fixed 432 bytes a service. Old waits fade: whenever the counts add up
 * to a certain number all are halved. The longest and the sum stay.
 *
 * Guarded by the lock of the run queue's entry that it is part of.
 */
#ifndef SCHED_WAITS_H
#define SCHED_WAITS_H

#include "core/base.h"

enum { WAITS_STEPS = 106, WAITS_FADE_AT = 1 << 16 };

struct waits {
	int64_t longest_ns, sum_ns, count; /* since the start */
	int32_t recent;                    /* sum of `step` */
	int32_t step[WAITS_STEPS];
};

void waits_add(struct waits *w, int64_t wait_ns);
/* The upper end of the step in which the quantile `q` (0..1) lies, so up to 19 % too high, and never more than the
 * longest; 0 without waits. */
int64_t waits_quantile_ns(const struct waits *w, double q);

#endif
