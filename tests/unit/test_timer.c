/* SPDX-License-Identifier: MIT */
#include "core/timer.h"
#include "core/clock.h"
#include "core/mem.h"

#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

/* What fired, in order; `due` is looked up by session. */
static int32_t fired[2000000];
static int64_t due[2000000];
static size_t fired_count;
static bool early;
static int64_t add_on_fire; /* this many more, each added by the one before */

static void record(uint32_t handle, int32_t session)
{
	assert_int_equal(handle, (uint32_t)session + 7);
	early |= clock_mono_ns() < due[session];
	fired[fired_count++] = session;
	if (add_on_fire > 0) {
		add_on_fire--;
		timer_add(0, (uint32_t)session + 8, session + 1);
	}
}

static int setup(void **state UNUSED)
{
	fired_count = 0;
	early = false;
	add_on_fire = 0;
	timer_init(record);
	return 0;
}

static int teardown(void **state UNUSED)
{
	timer_term();
	return 0;
}

static void add(int64_t due_ns, int32_t session)
{
	due[session] = due_ns;
	timer_add(due_ns, (uint32_t)session + 7, session);
}

/* False when it did not become readable within `timeout_ms`. */
static bool wait_readable(int timeout_ms)
{
	struct pollfd p = {.fd = timer_fd(), .events = POLLIN};
	return poll(&p, 1, timeout_ms) == 1;
}

/* The loop's part until `count` have fired. */
static void run_until(size_t count)
{
	while (fired_count < count) {
		assert_true(wait_readable(10000));
		timer_expire();
	}
	assert_int_equal(fired_count, count);
	assert_false(early);
}

static void test_order(void **state UNUSED)
{
	int64_t now = clock_mono_ns();
	add(now + 3 * NS_PER_MS, 0);
	add(now + 1 * NS_PER_MS, 1);
	add(now + 2 * NS_PER_MS, 2);
	add(now + 1 * NS_PER_MS, 3);
	add(-5, 4);
	add(0, 5);
	assert_int_equal(timer_count(), 6);
	run_until(6);
	static const int32_t expected[] = {4, 5, 1, 3, 2, 0};
	assert_memory_equal(fired, expected, sizeof(expected));
	assert_int_equal(timer_count(), 0);
	assert_false(wait_readable(0));
}

static void test_fifo_among_equals(void **state UNUSED)
{
	for (int32_t i = 0; i < 1000; i++)
		add(1, i);
	run_until(1000);
	for (int32_t i = 0; i < 1000; i++)
		assert_int_equal(fired[i], i);
}

/* An earlier head must set the timerfd anew: the first would keep the test waiting for an hour. */
static void test_earlier_head_rearms(void **state UNUSED)
{
	int64_t now = clock_mono_ns();
	add(now + 3600 * NS_PER_S, 0);
	assert_false(wait_readable(0));
	timer_expire(); /* for nothing, which must do no harm */
	assert_int_equal(fired_count, 0);
	add(now + NS_PER_MS, 1);
	run_until(1);
	assert_int_equal(fired[0], 1);
	assert_int_equal(timer_count(), 1);
	assert_false(wait_readable(0)); /* and armed for the hour again */
}

static void test_adding_while_firing_ends(void **state UNUSED)
{
	add_on_fire = 500;
	add(0, 0);
	timer_expire();
	assert_int_equal(fired_count, 1);
	run_until(501);
}

static void test_many_random(void **state UNUSED)
{
	enum { COUNT = WITH_ASAN || WITH_TSAN ? 100000 : 1000000 };
	unsigned seed = 12345;
	for (int32_t i = 0; i < COUNT; i++)
		add(1 + rand_r(&seed) % 100000, i);
	assert_int_equal(timer_count(), COUNT);
	run_until(COUNT);
	for (int32_t i = 1; i < COUNT; i++) {
		int32_t a = fired[i - 1], b = fired[i];
		if (due[a] > due[b] || (due[a] == due[b] && a > b))
			fail_msg("%d fired before %d", a, b);
	}
}

static bool cancel(int32_t session)
{
	return timer_cancel((uint32_t)session + 7, session);
}

static void test_cancel(void **state UNUSED)
{
	int64_t now = clock_mono_ns();
	add(now + NS_PER_MS, 0);
	add(now + 2 * NS_PER_MS, 1);
	add(now + 3 * NS_PER_MS, 2);
	assert_false(timer_cancel(7, 1)); /* handle of one, session of another */
	assert_true(cancel(0));
	assert_false(cancel(0));
	assert_true(cancel(2));
	assert_int_equal(timer_count(), 1);
	run_until(1);
	assert_int_equal(fired[0], 1);
	assert_false(cancel(1));
	assert_false(wait_readable(20));
}

/* Removing from the middle keeps the order of the rest; the arrays grow and shrink meanwhile. */
static void test_cancel_random(void **state UNUSED)
{
	enum { COUNT = 20000 };
	static bool gone[COUNT];
	unsigned seed = 4321;
	size_t left = COUNT;
	for (int32_t i = 0; i < COUNT; i++)
		add(1 + rand_r(&seed) % 1000, i);
	for (int i = 0; i < COUNT * 9 / 10; i++) {
		int32_t victim = rand_r(&seed) % COUNT;
		assert_int_equal(cancel(victim), !gone[victim]);
		left -= !gone[victim];
		gone[victim] = true;
		if (i % 3 == 0)
			assert_true(cancel((add(INT64_MAX, COUNT), COUNT)));
	}
	assert_int_equal(timer_count(), left);
	run_until(left);
	for (size_t i = 0; i < left; i++) {
		assert_false(gone[fired[i]]);
		int32_t a = i ? fired[i - 1] : fired[0], b = fired[i];
		assert_true(due[a] < due[b] || (due[a] == due[b] && a <= b));
	}
}

#define THREADS 4
#define EACH    2000

static void *add_some(void *arg)
{
	int32_t base = *(int32_t *)arg;
	unsigned seed = (unsigned)base + 1;
	for (int32_t i = 0; i < EACH; i++)
		timer_add(clock_mono_ns() + rand_r(&seed) % NS_PER_MS, (uint32_t)(base + i) + 7,
			  base + i);
	return NULL;
}

static void test_threads(void **state UNUSED)
{
	pthread_t thread[THREADS];
	int32_t base[THREADS];
	for (int i = 0; i < THREADS * EACH; i++)
		due[i] = 0;
	for (int i = 0; i < THREADS; i++) {
		base[i] = i * EACH;
		assert_int_equal(pthread_create(&thread[i], NULL, add_some, &base[i]), 0);
	}
	run_until(THREADS * EACH);
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	bool *seen = mem_zalloc(THREADS * EACH);
	for (int i = 0; i < THREADS * EACH; i++) {
		assert_false(seen[fired[i]]);
		seen[fired[i]] = true;
	}
	mem_free(seen);
}

static void test_lateness(void **state UNUSED)
{
	int64_t now = clock_mono_ns();
	add(now - 50 * NS_PER_MS, 0); /* as if it had been kept from firing */
	add(now - 500 * NS_PER_MS, 1);
	timer_expire();
	int64_t late = timer_take_lateness_ns();
	assert_in_range(late, 500 * NS_PER_MS, 500 * NS_PER_MS + clock_mono_ns() - now);
	assert_int_equal(timer_take_lateness_ns(), 0);
	/* "At once" is not late. */
	add(0, 2);
	add(-5, 3);
	timer_expire();
	assert_int_equal(timer_take_lateness_ns(), 0);
	assert_int_equal(fired_count, 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_order, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fifo_among_equals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_earlier_head_rearms, setup, teardown),
		cmocka_unit_test_setup_teardown(test_adding_while_firing_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_random, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel, setup, teardown),
		cmocka_unit_test_setup_teardown(test_cancel_random, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lateness, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
