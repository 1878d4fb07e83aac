/* SPDX-License-Identifier: MIT */
#include "sched/habit.h"

static int32_t next_bar(int32_t bar, int32_t since)
{
	if (bar == 0 || since == HABIT_BARRED)
		return HABIT_BARRED_FIRST;
	return bar < HABIT_BARRED ? bar * 2 : HABIT_BARRED;
}

void habit_note(struct habit *h, bool by_itself, int64_t took_ns)
{
	int32_t since = load_relaxed(&h->since);
	store_relaxed(&h->brief, by_itself);
	if (took_ns >= HABIT_LONG_NS) {
		store_relaxed(&h->bar, next_bar(load_relaxed(&h->bar), since));
		store_relaxed(&h->since, 0);
	} else if (since < HABIT_BARRED) {
		store_relaxed(&h->since, since + 1);
	}
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
	bool trusted = load_relaxed(&h->brief) && habit_is_trusted(h);
	return trusted && trust_ns > patience_ns ? trust_ns : patience_ns;
}
