/* SPDX-License-Identifier: MIT */
#include "sched/idle.h"

#include <string.h>

void idle_init(struct idle *i, int workers)
{
	ensure(workers > 0 && workers <= IDLE_WORKERS_MAX);
	memset(i, 0, sizeof(*i));
	i->workers = workers;
}

void idle_enlist(struct idle *i, int worker)
{
	uint64_t bit = (uint64_t)1 << (worker & 63);
	/* First: the count is never lower than the bits, or a waker could take 0 for "nobody sleeps". */
	atomic_fetch_add(&i->count, 1);
	uint64_t before = atomic_fetch_or(&i->mask[worker / 64], bit);
	debug_ensure((before & bit) == 0);
	(void)before;
}

/* Exactly one caller gets the bit. Acquires what the worker did before it enlisted. */
static bool take(struct idle *i, int worker)
{
	uint64_t bit = (uint64_t)1 << (worker & 63);
	if ((atomic_fetch_and(&i->mask[worker / 64], ~bit) & bit) == 0)
		return false;
	atomic_fetch_sub(&i->count, 1);
	return true;
}

bool idle_retract(struct idle *i, int worker)
{
	return take(i, worker);
}

int idle_claim(struct idle *i, int preferred)
{
	if (load_seq(&i->count) == 0)
		return -1;
	if (preferred >= 0 && idle_has(i, preferred) && take(i, preferred))
		return preferred;
	for (int word = 0; word * 64 < i->workers; word++) {
		uint64_t mask;
		while ((mask = load_seq(&i->mask[word])) != 0) {
			int worker = word * 64 + __builtin_ctzll(mask);
			if (take(i, worker))
				return worker;
		}
	}
	return -1;
}
