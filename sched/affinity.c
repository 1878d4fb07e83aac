/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_setaffinity */
#endif
#include "sched/affinity.h"
#include "core/atomics.h"
#include "core/log.h"

#include <errno.h>
#include <sched.h>
#include <string.h>

enum { WORD_BITS = 8 * (int)sizeof(unsigned long) };

/* Not cpu_set_t: see core/cpus.c. */
struct mask {
	unsigned long word[CPUS_MAX / WORD_BITS];
};

/* Constant once the workers run, but for `failed`. */
static struct {
	struct cpus list;
	struct mask allowed; /* to the process */
	_Atomic bool failed; /* it was said that a CPU cannot be had */
} affinity;

static void add(struct mask *m, int cpu)
{
	m->word[cpu / WORD_BITS] |= 1ul << (cpu % WORD_BITS);
}

static bool apply(int tid, const struct mask *m)
{
	return sched_setaffinity(tid, sizeof(*m), (const cpu_set_t *)(const void *)m) == 0;
}

void affinity_init(const struct cpus *list)
{
	static struct cpus allowed; /* too large for a stack that we do not know */
	affinity.list = *list;
	store_relaxed(&affinity.failed, false);
	memset(&affinity.allowed, 0, sizeof(affinity.allowed));
	cpus_allowed(&allowed);
	for (int i = 0; i < allowed.count; i++)
		add(&affinity.allowed, allowed.number[i]);
}

void affinity_take(int slot)
{
	struct mask one = {{0}};
	if (affinity.list.count == 0)
		return;
	int cpu = affinity.list.number[slot % affinity.list.count];
	add(&one, cpu);
	/* The list was checked at the start: somebody has taken the CPU from the process since. */
	if (!apply(0, &one) && !exchange_acq_rel(&affinity.failed, true))
		log_printf(0, "affinity: CPU %d cannot be had any more: %s", cpu, strerror(errno));
}

void affinity_leave(int tid)
{
	if (affinity.list.count > 0 && tid != 0)
		apply(tid, &affinity.allowed);
}
