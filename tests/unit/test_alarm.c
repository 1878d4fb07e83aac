/* SPDX-License-Identifier: MIT */
#include "core/alarm.h"
#include "core/clock.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct alarm a;

static int begin(void **state UNUSED)
{
	alarm_init(&a);
	return 0;
}

static void sleep_until_due(void)
{
	while (clock_mono_ns() < alarm_due_ns(&a))
		alarm_sleep(&a);
}

static void test_it_is_only_set_earlier(void **state UNUSED)
{
	assert_true(alarm_due_ns(&a) == INT64_MAX);
	int64_t now = clock_mono_ns();
	alarm_by(&a, now + 100 * NS_PER_S);
	alarm_by(&a, now + 200 * NS_PER_S);
	assert_true(alarm_due_ns(&a) == now + 100 * NS_PER_S);
	alarm_lower(&a, now + 90 * NS_PER_S);
	assert_true(alarm_due_ns(&a) == now + 90 * NS_PER_S);
	alarm_rest(&a, INT64_MAX);
	assert_true(alarm_due_ns(&a) == INT64_MAX);
}

static void test_it_wakes_when_it_is_due(void **state UNUSED)
{
	int64_t due = clock_mono_ns() + 5 * NS_PER_MS;
	alarm_rest(&a, INT64_MAX);
	alarm_lower(&a, due);
	sleep_until_due();
	assert_true(clock_mono_ns() >= due);
	/* A time that is over, however old. */
	alarm_by(&a, -1);
	alarm_sleep(&a);
	alarm_rest(&a, INT64_MAX);
}

static void *set_earlier(void *by_ns)
{
	alarm_by(&a, *(int64_t *)by_ns);
	return NULL;
}

/* Would sleep for a day. */
static void test_another_thread_sets_it_earlier(void **state UNUSED)
{
	pthread_t thread;
	int64_t now = clock_mono_ns(), by_ns = now + 20 * NS_PER_MS;
	alarm_rest(&a, now + 86400 * NS_PER_S);
	assert_int_equal(pthread_create(&thread, NULL, set_earlier, &by_ns), 0);
	while (clock_mono_ns() < by_ns)
		alarm_sleep(&a);
	assert_int_equal(pthread_join(thread, NULL), 0);
	assert_true(alarm_due_ns(&a) == by_ns);
}

/* ---- nobody is slept through ---- */

enum { NEEDS = 3000, THREADS = 2 };

static _Atomic int64_t needed[THREADS]; /* counts up; the sleeper must see each number */
static _Atomic int64_t seen[THREADS];

/* Odd needs are for now; even ones for a moment later, which the others may overtake. */
static void *need(void *which)
{
	int me = (int)(intptr_t)which;
	for (int64_t i = 1; i <= NEEDS; i++) {
		store_seq(&needed[me], i);
		alarm_by(&a, i % 2 ? 0 : clock_mono_ns() + 20 * NS_PER_US);
		while (load_acquire(&seen[me]) != i)
			sched_yield();
	}
	return NULL;
}

static bool look(void)
{
	bool all = true;
	for (int i = 0; i < THREADS; i++) {
		store_release(&seen[i], load_seq(&needed[i]));
		all = all && load_relaxed(&seen[i]) == NEEDS;
	}
	return all;
}

/* A need that is slept through hangs this test. */
static void test_nobody_is_slept_through(void **state UNUSED)
{
	pthread_t thread[THREADS];
	alarm_rest(&a, INT64_MAX);
	for (intptr_t i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, need, (void *)i), 0);
	do {
		sleep_until_due();
		alarm_rest(&a, INT64_MAX);
	} while (!look());
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_join(thread[i], NULL), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_it_is_only_set_earlier),
		cmocka_unit_test(test_it_wakes_when_it_is_due),
		cmocka_unit_test(test_another_thread_sets_it_earlier),
		cmocka_unit_test(test_nobody_is_slept_through),
	};
	return cmocka_run_group_tests(tests, begin, NULL);
}
