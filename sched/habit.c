/* SPDX-License-Identifier: MIT */
#include "sched/habit.h"

/* What a run takes away that is not short, as many short ones must give back. One that had to be stopped takes half. */
enum { NOT_SHORT = 16, STEADINESS_MAX = 2 * HABIT_STEADY_AT };

/* Who is barred (below 0) gets nearer by short runs only. */
static int next_steadiness(int now, bool by_itself, int64_t took_ns)
{
	if (took_ns >= HABIT_LONG_NS && now >= HABIT_STEADY_AT)
		return -HABIT_BARRED;
	if (by_itself && took_ns < HABIT_SHORT_NS)
		return now < STEADINESS_MAX ? now + 1 : now;
	if (now <= 0)
		return now;
	if (took_ns >= HABIT_LONG_NS)
		return 0;
	if (!by_itself)
		return now / 2;
	return now > NOT_SHORT ? now - NOT_SHORT : 0;
}

void habit_note(struct habit *h, bool by_itself, int64_t took_ns)
{
	int next = next_steadiness(load_relaxed(&h->steadiness), by_itself, took_ns);
	store_relaxed(&h->steadiness, next);
	store_relaxed(&h->brief, by_itself);
}

int64_t habit_patience_ns(const struct habit *h, int64_t slice_ns, int64_t min_ns)
{
	bool brief = load_relaxed(&h->brief);
	return brief && slice_ns / 4 > min_ns ? slice_ns / 4 : min_ns;
}

int64_t habit_trust_ns(const struct habit *h, int64_t slice_ns, int64_t min_ns)
{
	int64_t patience_ns = habit_patience_ns(h, slice_ns, min_ns);
	int64_t trust_ns = slice_ns < HABIT_TRUST_NS ? slice_ns : HABIT_TRUST_NS;
	bool trusted = load_relaxed(&h->brief) && habit_is_steady(h);
	return trusted && trust_ns > patience_ns ? trust_ns : patience_ns;
}
