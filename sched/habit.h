/* SPDX-License-Identifier: MIT
 *
 * How a service's runs have ended lately, which is the best guess at how the next one will. It decides nothing about
 * shares: only for how long a run is left alone, and whether to wait for its end instead of waking somebody.
 *
 * Whose last run ended by itself within its turn is *brief*: stopping the next one would cost more than waiting.
 * Whose runs were nearly all short as well is *steady*: 15 in 16 took less than HABIT_SHORT_NS, and hardly any had to be
 * stopped. For a steady one somebody may be left waiting up to HABIT_TRUST_NS. So one run of HABIT_LONG_NS (less than
 * the patience with a brief one of the usual slice) ends it for the next HABIT_BARRED runs: the trust is wrong at most once
 * in so many, whatever the service does in which order. One that computes for milliseconds at each hundredth message is
 * hardly ever steady. (Below 200 us it is too often the host that was busy, which our clocks do not tell from work.)
 *
 * Written by the owner of the run; read by anybody, since nothing is wrong with an old guess.
 */
#ifndef SCHED_HABIT_H
#define SCHED_HABIT_H

#include "core/atomics.h"
#include "core/base.h"

enum {
	HABIT_SHORT_NS = 50000,
	HABIT_LONG_NS = 200000,
	HABIT_TRUST_NS = 1000000,
	HABIT_STEADY_AT = 256,
	HABIT_BARRED = 2048,
};

struct habit {
	_Atomic bool brief;
	_Atomic int32_t steadiness; /* from -HABIT_BARRED to twice HABIT_STEADY_AT */
};

/* A run is over: by itself and within its turn, or not; how long it took, without what the host took away. The owner of
 * the run. */
void habit_note(struct habit *h, bool by_itself, int64_t took_ns);
/* How long a run is left alone although somebody more urgent waits, `min_ns` at least: a quarter of the slice of a brief one,
 * so that services that never use up a slice are not signalled. */
int64_t habit_patience_ns(const struct habit *h, int64_t slice_ns, int64_t min_ns);
/* When a run that is still short needs to be looked at: a steady one at the end of its slice, in HABIT_TRUST_NS at the
 * latest, others when the patience is over. For each dispatch that might have to be stopped in its middle the monitor
 * must be awake then, and waking it costs ten times as much as a small message. */
int64_t habit_trust_ns(const struct habit *h, int64_t slice_ns, int64_t min_ns);

static inline bool habit_is_steady(const struct habit *h)
{
	return load_relaxed(&h->steadiness) >= HABIT_STEADY_AT;
}

#endif
