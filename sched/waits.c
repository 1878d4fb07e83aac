/* SPDX-License-Identifier: MIT */
#include "sched/waits.h"

/* The first step is all below 2^FIRST_OCTAVE ns. */
enum { FIRST_OCTAVE = 10, STEPS_AN_OCTAVE = 4, SHIFT = 2 };

static int step_of(int64_t ns)
{
	if (ns < 1 << FIRST_OCTAVE)
		return 0;
	int octave = 63 - __builtin_clzll((unsigned long long)ns);
	int part = (int)(ns >> (octave - SHIFT)) & (STEPS_AN_OCTAVE - 1);
	int step = 1 + (octave - FIRST_OCTAVE) * STEPS_AN_OCTAVE + part;
	return step < WAITS_STEPS ? step : WAITS_STEPS - 1;
}

static int64_t end_of(int step)
{
	if (step == 0)
		return 1 << FIRST_OCTAVE;
	int octave = FIRST_OCTAVE + (step - 1) / STEPS_AN_OCTAVE;
	int part = (step - 1) % STEPS_AN_OCTAVE;
	return (int64_t)(STEPS_AN_OCTAVE + part + 1) << (octave - SHIFT);
}

static void fade(struct waits *w)
{
	w->recent = 0;
	for (int i = 0; i < WAITS_STEPS; i++)
		w->recent += w->step[i] /= 2;
}

void waits_add(struct waits *w, int64_t wait_ns)
{
	w->count++;
	w->sum_ns += wait_ns;
	if (wait_ns > w->longest_ns)
		w->longest_ns = wait_ns;
	w->step[step_of(wait_ns)]++;
	if (++w->recent >= WAITS_FADE_AT)
		fade(w);
}

int64_t waits_quantile_ns(const struct waits *w, double q)
{
	int64_t seen = 0, end = 0;
	double want = q * w->recent;
	for (int i = 0; i < WAITS_STEPS && w->recent > 0; i++) {
		seen += w->step[i];
		if (w->step[i] > 0)
			end = end_of(i);
		if ((double)seen >= want && seen > 0)
			break;
	}
	return end < w->longest_ns ? end : w->longest_ns;
}
