/* SPDX-License-Identifier: MIT
 *
 * ns per cycle of the run queue: the running service stops, is put back, and the next one is taken. Medians of 31
 * rounds.
 *
 * First with 1, 100 and 10,000 waiting, on one thread: the lock is never contended. Then what a pick costs with many
 * workers, each with a heap of its own and three services for each: one thread plays all of them in turn, so caches
 * are kinder than in life. Then several threads at full speed, each one worker, with one heap for all and with one
 * each: how much the lock shows. More threads than cores are oversubscribed.
 */
#include "sched/runq.h"
#include "core/clock.h"
#include "core/mem.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

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

/* ---- many workers ---- */

enum { EACH = 3 };

static struct runq_entry *fill(int workers, int shards)
{
	int n = workers * EACH;
	struct runq_entry *entry = mem_zalloc((size_t)n * sizeof(*entry));
	runq_init(&queue, workers, shards, 50000);
	for (int i = 0; i < n; i++) {
		struct settings settings = {.slice_ns = 1000000, .weight = 50 + i % 100};
		runq_entry_init(&entry[i], &settings);
		entry[i].last_worker = i % workers;
		runq_put(&queue, &entry[i], RUNQ_REQUEUE, 0);
	}
	return entry;
}

static double time_workers(int workers, int shards)
{
	double ns[ROUNDS];
	int64_t now = 0;
	struct runq_entry *running[RUNQ_WORKERS_MAX], *entry = fill(workers, shards);
	for (int i = 0; i < workers; i++)
		running[i] = runq_next(&queue, i, now);
	for (int round = 0; round < ROUNDS; round++) {
		int64_t start_ns = clock_mono_ns();
		for (int i = 0; i < LOOPS; i++) {
			int w = i % workers;
			now += 1000000 / workers;
			runq_stopped(&queue, running[w], now, 0);
			runq_put(&queue, running[w], RUNQ_REQUEUE, now);
			running[w] = runq_next(&queue, w, now);
		}
		ns[round] = (double)(clock_mono_ns() - start_ns) / LOOPS;
	}
	runq_term(&queue);
	mem_free(entry);
	qsort(ns, ROUNDS, sizeof(*ns), compare);
	return ns[ROUNDS / 2];
}

/* ---- several threads ---- */

static _Atomic bool over;

struct player {
	pthread_t thread;
	int worker;
	int64_t cycles, cpu_ns;
};

static void *play(void *arg)
{
	struct player *p = arg;
	int64_t now = clock_mono_ns(), begin = clock_self_cpu_ns();
	struct runq_entry *e = runq_next(&queue, p->worker, now);
	while (e && !load_relaxed(&over)) {
		now = clock_mono_ns();
		runq_stopped(&queue, e, now, 0);
		runq_put(&queue, e, RUNQ_REQUEUE, now);
		e = runq_next(&queue, p->worker, now);
		p->cycles++;
	}
	p->cpu_ns = clock_self_cpu_ns() - begin;
	return NULL;
}

static void time_threads(int threads, int shards)
{
	struct player player[8] = {0};
	struct runq_entry *entry = fill(threads, shards);
	struct timespec pause = {.tv_nsec = 300000000};
	int64_t cycles = 0, cpu_ns = 0;
	store_relaxed(&over, false);
	for (int i = 0; i < threads; i++) {
		player[i].worker = i;
		ensure(pthread_create(&player[i].thread, NULL, play, &player[i]) == 0);
	}
	nanosleep(&pause, NULL);
	store_relaxed(&over, true);
	for (int i = 0; i < threads; i++) {
		pthread_join(player[i].thread, NULL);
		cycles += player[i].cycles;
		cpu_ns += player[i].cpu_ns;
	}
	printf("%d threads at full speed, %d heap%s: %7.1f ns of CPU a cycle\n", threads,
	       queue.shards, queue.shards == 1 ? " " : "s", (double)cpu_ns / (double)cycles);
	runq_term(&queue);
	mem_free(entry);
}

int main(void)
{
	const int waiting[] = {1, 100, 10000};
	for (size_t i = 0; i < COUNT_OF(waiting); i++)
		printf("stopped + put + next, %5d waiting: %6.1f ns\n", waiting[i],
		       time_cycle(waiting[i]));
	const int workers[] = {1, 8, 9, 16, 64, 128};
	for (size_t i = 0; i < COUNT_OF(workers); i++)
		printf("stopped + put + next, %3d workers: %6.1f ns\n", workers[i],
		       time_workers(workers[i], 0));
	printf("stopped + put + next,  64 workers, one heap for all: %6.1f ns\n",
	       time_workers(64, 1));
	for (int threads = 1; threads <= 8; threads *= 2) {
		time_threads(threads, 1);
		if (threads > 1)
			time_threads(threads, threads);
	}
	return 0;
}
