/* SPDX-License-Identifier: MIT */
#include "core/lock.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define THREADS 4
#define ROUNDS  20000

static struct lock lock;
static uint64_t shared, copy; /* equal whenever the lock is free */

static void *count(void *arg)
{
	uint64_t *unequal = arg;
	for (int i = 0; i < ROUNDS; i++) {
		lock_take(&lock);
		*unequal += shared != copy;
		shared++;
		copy++;
		lock_release(&lock);
	}
	return NULL;
}

static void test_excludes(void **state UNUSED)
{
	pthread_t thread[THREADS];
	uint64_t unequal[THREADS] = {0};
	lock_init(&lock);
	for (int i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, count, &unequal[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i], NULL);
		assert_int_equal(unequal[i], 0);
	}
	assert_int_equal(shared, THREADS * ROUNDS);
}

static void *take_once(void *arg)
{
	_Atomic int *step = arg;
	store_release(step, 1); /* pairs with the test */
	lock_take(&lock);
	store_release(step, 2); /* pairs with the test */
	lock_release(&lock);
	return NULL;
}

/* A sleeper must be woken: the taker is given time to fall asleep (the state says so) first. */
static void test_wakes_sleeper(void **state UNUSED)
{
	pthread_t thread;
	_Atomic int step = 0;
	lock_init(&lock);
	lock_take(&lock);
	uint32_t held = load_relaxed(&lock.state);
	assert_int_equal(pthread_create(&thread, NULL, take_once, &step), 0);
	while (load_acquire(&step) == 0 || load_relaxed(&lock.state) == held)
		;
	assert_int_equal(load_acquire(&step), 1);
	lock_release(&lock);
	pthread_join(thread, NULL);
	assert_int_equal(load_acquire(&step), 2);
	lock_take(&lock); /* free again, or this hangs */
	lock_release(&lock);
}

static void test_try_never_waits(void **state UNUSED)
{
	lock_init(&lock);
	assert_true(lock_try(&lock));
	assert_false(lock_try(&lock));
	lock_release(&lock);
	assert_true(lock_try(&lock));
	lock_release(&lock);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_excludes),
		cmocka_unit_test(test_try_never_waits),
		cmocka_unit_test(test_wakes_sleeper),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
