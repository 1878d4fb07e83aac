/* SPDX-License-Identifier: MIT
 *
 * How a service's runs have ended lately, which is the best guess at how the next one will. It decides nothing about
 * shares: only for how long a run is left alone, and whether to wait for its end instead of waking somebody.
 *
 * Whose last run ended by itself within its turn is *brief*: stopping the next one would cost more than waiting.
 * Who has had no run of HABIT_LONG_NS lately is *trusted*: somebody may be left waiting for it, for HABIT_TRUST_NS at the
 * most. Such a run ends that until 16 shorter ones have followed it; the next one soon after it until 32 have, and so on up to
 * HABIT_BARRED; and all is forgotten after so many. So in the long run the trust is wrong at most once in HABIT_BARRED
 * runs, whatever the service does in which order, and one that computes for milliseconds at each hundredth message is not
 * trusted any more after the fourth time. (Below 200 us it is too often the host that was busy, which our clocks do not tell from
 * work. The beginning is mild since a stall of the host, a collection or a compiled trace makes one of them now and then, and a chain of
 * services that is trusted but for one of them wakes idle workers all the same.)
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
	HABIT_BARRED = 256,
	HABIT_BARRED_FIRST = 16,
};

struct habit {
	_Atomic bool brief;
	_Atomic int32_t since; /* runs since the last long one, up to HABIT_BARRED; */
	_Atomic int32_t bar;   /* it is trusted when they are so many */
};

/* A run is over: by itself and within its turn, or not; how long it took, without what the host took away. The owner of
 * the run. */
void habit_note(struct habit *h, bool by_itself, int64_t took_ns);
/* How long a run is left alone although somebody more urgent waits, `min_ns` at least: a quarter of the slice of a brief one,
 * so that services that never use up a slice are not signalled. */
int64_t habit_patience_ns(const struct habit *h, int64_t slice_ns, int64_t min_ns);
/* When a run that is still short needs to be looked at: one that is trusted at the end of its slice, in HABIT_TRUST_NS at the
 * latest, others when the patience is over. For each dispatch that might have to be stopped in its middle the monitor
 * must be awake then, and waking it costs ten times as much as a small message. */
int64_t habit_trust_ns(const struct habit *h, int64_t slice_ns, int64_t min_ns);

static inline bool habit_is_trusted(const struct habit *h)
{
	return load_relaxed(&h->since) >= load_relaxed(&h->bar);
}

#endif
