/* SPDX-License-Identifier: MIT */
#include "sched/idle.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct idle idle;

static void test_claim(void **state UNUSED)
{
	idle_init(&idle, 130);
	assert_int_equal(idle_claim(&idle, -1), -1);
	assert_int_equal(idle_claim(&idle, 5), -1);
	idle_enlist(&idle, 3);
	idle_enlist(&idle, 70);
	idle_enlist(&idle, 129);
	assert_int_equal(idle_count(&idle), 3);
	assert_int_equal(idle_claim(&idle, 129), 129);
	assert_int_equal(idle_claim(&idle, 64), 3); /* is busy: another one */
	assert_int_equal(idle_claim(&idle, -1), 70);
	assert_int_equal(idle_claim(&idle, -1), -1);
	assert_int_equal(idle_count(&idle), 0);
}

static void test_retract(void **state UNUSED)
{
	idle_init(&idle, 2);
	idle_enlist(&idle, 1);
	assert_true(idle_retract(&idle, 1));
	assert_false(idle_retract(&idle, 1));
	idle_enlist(&idle, 1);
	assert_int_equal(idle_claim(&idle, 0), 1);
	assert_false(idle_retract(&idle, 1)); /* somebody has claimed it */
}

/* Each enlisting ends in exactly one claim or retraction. */
enum { WAKERS = 3, SLEEPERS = 3, ROUNDS = 5000 };
static _Atomic int claimed[SLEEPERS], total_claims, sleepers_left;

static void *waker(void *unused)
{
	while (load_acquire(&sleepers_left) > 0) {
		int worker = idle_claim(&idle, -1);
		if (worker >= 0) {
			add_relaxed(&total_claims, 1);
			add_acq_rel(&claimed[worker], 1);
		} else {
			sched_yield(); /* there may be one core for all of us */
		}
	}
	return unused;
}

static void *sleeper(void *arg)
{
	int worker = (int)(intptr_t)arg, retracted = 0, taken = 0;
	for (int i = 0; i < ROUNDS; i++) {
		idle_enlist(&idle, worker);
		if (i % 3 && idle_retract(&idle, worker)) {
			retracted++;
			continue;
		}
		while (load_acquire(&claimed[worker]) == taken)
			sched_yield();
		taken++;
	}
	sub_acq_rel(&sleepers_left, 1);
	return (void *)(intptr_t)(retracted + taken);
}

static void test_one_claim_each(void **state UNUSED)
{
	pthread_t thread[WAKERS + SLEEPERS];
	idle_init(&idle, SLEEPERS);
	store_relaxed(&sleepers_left, SLEEPERS);
	for (int i = 0; i < SLEEPERS + WAKERS; i++)
		assert_int_equal(pthread_create(&thread[i], NULL, i < SLEEPERS ? sleeper : waker,
						(void *)(intptr_t)i),
				 0);
	for (int i = 0; i < SLEEPERS + WAKERS; i++) {
		void *rounds;
		pthread_join(thread[i], &rounds);
		if (i < SLEEPERS)
			assert_int_equal((intptr_t)rounds, ROUNDS);
	}
	int sum = 0;
	for (int i = 0; i < SLEEPERS; i++)
		sum += load_relaxed(&claimed[i]);
	assert_int_equal(sum, load_relaxed(&total_claims));
	assert_int_equal(idle_count(&idle), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_claim),
		cmocka_unit_test(test_retract),
		cmocka_unit_test(test_one_claim_each),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
