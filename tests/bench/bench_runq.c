/* SPDX-License-Identifier: MIT
 *
 * ns per cycle of the run queue: the running service stops, is put back, and the next one is taken, with
 * 1, 100 and 10,000 waiting. Medians of 31 rounds, one thread: the lock is never contended.
 */
#include "sched/runq.h"
#include "core/clock.h"
#include "core/mem.h"

#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 31
#define LOOPS  20000

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static struct runq queue;

static double time_cycle(int waiting)
{
	double ns[ROUNDS];
	int64_t now = 0;
	struct runq_entry *entry = mem_zalloc((size_t)(waiting + 1) * sizeof(*entry));
	runq_init(&queue, 1, 0, 50000);
	for (int i = 0; i <= waiting; i++) {
		struct settings settings = {.slice_ns = 1000000, .weight = 50 + i % 100};
		runq_entry_init(&entry[i], &settings);
		runq_put(&queue, &entry[i], RUNQ_REQUEUE, now);
	}
	struct runq_entry *e = runq_next(&queue, 0, now);
	for (int round = 0; round < ROUNDS; round++) {
		int64_t start_ns = clock_mono_ns();
		for (int i = 0; i < LOOPS; i++) {
			now += 700000;
			runq_stopped(&queue, e, now, 0);
			runq_put(&queue, e, RUNQ_REQUEUE, now);
			e = runq_next(&queue, 0, now);
		}
		ns[round] = (double)(clock_mono_ns() - start_ns) / LOOPS;
	}
	runq_term(&queue);
	mem_free(entry);
	qsort(ns, ROUNDS, sizeof(*ns), compare);
	return ns[ROUNDS / 2];
}

int main(void)
{
	const int waiting[] = {1, 100, 10000};
	for (size_t i = 0; i < COUNT_OF(waiting); i++)
		printf("stopped + put + next, %5d waiting: %6.1f ns\n", waiting[i],
		       time_cycle(waiting[i]));
	return 0;
}
