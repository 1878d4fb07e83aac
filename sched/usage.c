/* SPDX-License-Identifier: MIT */
#include "sched/usage.h"
#include "core/clock.h"

#include <string.h>

/* Makes `second` one of those in the ring. */
static void turn_to(struct usage *u, int64_t second)
{
	if (second - u->second >= USAGE_SECONDS) {
		memset(u->ns, 0, sizeof(u->ns));
		u->second = second;
	}
	while (u->second < second)
		u->ns[++u->second % USAGE_SECONDS] = 0;
}

static bool is_kept(const struct usage *u, int64_t second)
{
	return second <= u->second && second > u->second - USAGE_SECONDS && second >= 0;
}

static int64_t overlap_ns(int64_t second, int64_t from_ns, int64_t to_ns)
{
	int64_t begin = second * NS_PER_S, end = begin + NS_PER_S;
	int64_t from = from_ns > begin ? from_ns : begin, to = to_ns < end ? to_ns : end;
	return to > from ? to - from : 0;
}

void usage_add(struct usage *u, int64_t from_ns, int64_t to_ns, int64_t used_ns)
{
	int64_t last = to_ns / NS_PER_S, first = from_ns / NS_PER_S;
	if (used_ns <= 0)
		return;
	turn_to(u, last);
	if (first >= last) {
		u->ns[last % USAGE_SECONDS] += (uint32_t)(used_ns < NS_PER_S ? used_ns : NS_PER_S);
		return;
	}
	double part = (double)used_ns / (double)(to_ns - from_ns);
	if (first <= last - USAGE_SECONDS)
		first = last - USAGE_SECONDS + 1;
	for (int64_t s = first; s <= last; s++)
		u->ns[s % USAGE_SECONDS] +=
			(uint32_t)(part * (double)overlap_ns(s, from_ns, to_ns));
}

double usage_share(const struct usage *u, int64_t now_ns, int seconds)
{
	int64_t from_ns = now_ns - seconds * NS_PER_S;
	int64_t now = now_ns / NS_PER_S, oldest = now - seconds;
	double sum = 0;
	for (int64_t s = oldest; s <= now; s++) {
		if (!is_kept(u, s))
			continue;
		double part = (double)u->ns[s % USAGE_SECONDS];
		/* Of the oldest second only the end is in the window. */
		if (s == oldest)
			part *= (double)overlap_ns(s, from_ns, now_ns) / (double)NS_PER_S;
		sum += part;
	}
	double share = sum / (double)NS_PER_S / seconds;
	return share < 1 ? share : 1;
}
