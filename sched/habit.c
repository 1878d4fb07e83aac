/* SPDX-License-Identifier: MIT */
#include "sched/habit.h"

/* What a long run takes away, as many short ones must give back. One that had to be stopped takes half. */
enum { LONG_RUN = 16, STEADINESS_MAX = 2 * HABIT_STEADY_AT };

static int next_steadiness(int now, bool by_itself, int64_t took_ns)
{
	if (!by_itself)
		return now / 2;
	if (took_ns >= HABIT_SHORT_NS)
		return now > LONG_RUN ? now - LONG_RUN : 0;
	return now < STEADINESS_MAX ? now + 1 : now;
}

void habit_note(struct habit *h, bool by_itself, int64_t took_ns)
{
	int next = next_steadiness(load_relaxed(&h->steadiness), by_itself, took_ns);
	store_relaxed(&h->steadiness, (uint16_t)next);
	store_relaxed(&h->brief, by_itself);
}

int64_t habit_patience_ns(const struct habit *h, int64_t slice_ns, int64_t min_ns)
{
	bool brief = load_relaxed(&h->brief);
	return brief && slice_ns / 4 > min_ns ? slice_ns / 4 : min_ns;
}

int64_t habit_trust_ns(const struct habit *h, int64_t slice_ns, int64_t min_ns)
{
	bool trusted = load_relaxed(&h->brief) && habit_is_steady(h) && slice_ns > min_ns;
	return trusted ? slice_ns : habit_patience_ns(h, slice_ns, min_ns);
}
