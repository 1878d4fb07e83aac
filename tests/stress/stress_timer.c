/* SPDX-License-Identifier: MIT
 *
 * Three threads add timers that are due within a millisecond and cancel half of them, often at the
 * moment at which they fire; the main thread is the loop. Whatever the interleaving, every timer
 * either fires once, not early, or is cancelled once, and in the end none is left.
 *
 * stress_timer [seed [rounds]]
 */
#include "core/atomics.h"
#include "core/clock.h"
#include "core/timer.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define THREADS        3
#define EACH           5000
#define WINDOW         64 /* cancels one of its last so many */
#define DEFAULT_ROUNDS 20

static _Atomic uint8_t fired[THREADS][EACH];
static _Atomic int64_t due[THREADS][EACH];
static _Atomic uint32_t running; /* threads */

struct thread {
	pthread_t id;
	uint32_t number;
	unsigned seed;
	uint8_t cancelled[EACH];
	uint32_t cancelled_count;
};

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "stress_timer: FAILED: %s\n", what);
	abort();
}

static void on_fire(uint32_t handle, int32_t session)
{
	check(handle < THREADS && session < EACH, "a timer that nobody added");
	check(clock_mono_ns() >= load_relaxed(&due[handle][session]), "never early");
	add_relaxed(&fired[handle][session], 1);
}

static void *add_and_cancel(void *arg)
{
	struct thread *t = arg;
	for (int32_t i = 0; i < EACH; i++) {
		int64_t at = clock_mono_ns() + rand_r(&t->seed) % (NS_PER_MS / 4);
		store_relaxed(&due[t->number][i], at);
		timer_add(at, t->number, i);
		int32_t back = rand_r(&t->seed) % WINDOW;
		if (back <= i && timer_cancel(t->number, i - back)) {
			t->cancelled[i - back]++;
			t->cancelled_count++;
		}
	}
	sub_acq_rel(&running, 1);
	return NULL;
}

/* The loop's part, until all threads are through and no timer is left. */
static void expire(void)
{
	struct pollfd p = {.fd = timer_fd(), .events = POLLIN};
	while (load_acquire(&running) > 0 || timer_count() > 0) {
		if (poll(&p, 1, 1) == 1)
			timer_expire();
	}
}

static void judge(const struct thread *t, uint64_t *fired_all, uint64_t *cancelled_all)
{
	for (int i = 0; i < EACH; i++) {
		int fates = load_relaxed(&fired[t->number][i]) + t->cancelled[i];
		check(fates == 1, "fired or cancelled, once");
	}
	*cancelled_all += t->cancelled_count;
	*fired_all += EACH - t->cancelled_count;
}

static void round_of(unsigned *seed, uint64_t *fired_all, uint64_t *cancelled_all)
{
	static struct thread thread[THREADS];
	memset(thread, 0, sizeof(thread));
	memset((void *)fired, 0, sizeof(fired));
	store_relaxed(&running, THREADS);
	for (uint32_t i = 0; i < THREADS; i++) {
		thread[i].number = i;
		thread[i].seed = (unsigned)rand_r(seed);
		ensure(pthread_create(&thread[i].id, NULL, add_and_cancel, &thread[i]) == 0);
	}
	expire();
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i].id, NULL);
		judge(&thread[i], fired_all, cancelled_all);
	}
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : (unsigned)clock_wall_ns();
	int rounds = argc > 2 ? atoi(argv[2]) : DEFAULT_ROUNDS;
	uint64_t fired_all = 0, cancelled_all = 0;
	printf("stress_timer: seed %u, %d rounds\n", seed, rounds);
	fflush(stdout);
	timer_init(on_fire);
	for (int i = 0; i < rounds; i++)
		round_of(&seed, &fired_all, &cancelled_all);
	timer_term();
	check(fired_all > 0 && cancelled_all > 0, "both things happen");
	printf("stress_timer: ok, %llu fired, %llu cancelled\n", (unsigned long long)fired_all,
	       (unsigned long long)cancelled_all);
	return 0;
}
