/* SPDX-License-Identifier: MIT */
#include "sched/fair.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define MS 1000000ll

static struct fair spawned(int64_t v_ns, int64_t slice_ns, int32_t weight)
{
	struct fair f = {.credit_ns = FAIR_CREDIT_NS};
	fair_spawn(&f, v_ns, slice_ns, weight);
	return f;
}

static void test_virtual_time_is_exact(void **state UNUSED)
{
	struct fair f = spawned(0, MS, 100);
	assert_int_equal(fair_virtual(&f, 12345), 12345);
	f.weight = 400;
	assert_int_equal(fair_virtual(&f, MS), MS / 4);
	f.weight = FAIR_WEIGHT_MIN;
	assert_int_equal(fair_virtual(&f, MS), 100 * MS);
	f.weight = FAIR_WEIGHT_MAX;
	assert_int_equal(fair_virtual(&f, MS), MS / 100);
	/* Rounds towards zero: a nanosecond of virtual time at the most. */
	f.weight = 300;
	assert_int_equal(fair_virtual(&f, 10), 3);
	/* An hour in one piece at the smallest weight. */
	f.weight = FAIR_WEIGHT_MIN;
	assert_int_equal(fair_virtual(&f, 3600000 * MS), 360000000 * MS);
}

static void test_spawn_is_at_v_with_half_a_slice(void **state UNUSED)
{
	struct fair f = spawned(7000, MS, 200);
	assert_int_equal(f.ve_ns, 7000);
	assert_int_equal(f.vd_ns, 7000 + MS / 4);
	assert_int_equal(f.used_ns, 0);
	assert_int_equal(fair_left_ns(&f), MS);
}

static void test_charge_moves_ve_and_renews_the_request(void **state UNUSED)
{
	struct fair f = spawned(0, MS, 200);
	fair_charge(&f, 400000);
	assert_int_equal(f.ve_ns, 200000);
	assert_int_equal(f.vd_ns, 250000);
	assert_int_equal(fair_left_ns(&f), 600000);
	fair_charge(&f, 0);
	fair_charge(&f, -5);
	assert_int_equal(f.ve_ns, 200000);
	assert_int_equal(f.used_ns, 400000);
	fair_charge(&f, 599999);
	assert_int_equal(fair_left_ns(&f), 1);
	assert_int_equal(f.vd_ns, 250000);
	fair_charge(&f, 1);
	assert_int_equal(f.used_ns, 0);
	/* 599,999 and 1 at weight 200 lose half a nanosecond each. */
	assert_int_equal(f.ve_ns, 499999);
	assert_int_equal(f.vd_ns, f.ve_ns + MS / 2);
}

static void test_charge_beyond_the_slice_is_charged_in_full(void **state UNUSED)
{
	struct fair f = spawned(0, MS, 100);
	fair_charge(&f, 50 * MS);
	assert_int_equal(f.ve_ns, 50 * MS);
	assert_int_equal(f.vd_ns, 51 * MS);
	assert_int_equal(fair_left_ns(&f), MS);
}

static void test_wake_gives_at_most_the_credit(void **state UNUSED)
{
	struct fair f = spawned(0, 2 * MS, 200);
	fair_charge(&f, MS);
	fair_wake(&f, 100 * MS);
	assert_int_equal(f.ve_ns, 100 * MS - FAIR_CREDIT_NS / 2);
	assert_int_equal(f.vd_ns, f.ve_ns + MS);
	assert_int_equal(f.used_ns, 0);
}

static void test_wake_forgets_no_debt(void **state UNUSED)
{
	struct fair f = spawned(10 * MS, MS, 100);
	fair_charge(&f, 5 * MS);
	fair_wake(&f, 11 * MS);
	assert_int_equal(f.ve_ns, 15 * MS);
	assert_int_equal(f.vd_ns, 16 * MS);
	/* Credit that is smaller than the limit stays what it is. */
	fair_wake(&f, 15 * MS + 300000);
	assert_int_equal(f.ve_ns, 15 * MS);
	fair_wake(&f, 15 * MS + FAIR_CREDIT_NS + 1);
	assert_int_equal(f.ve_ns, 15 * MS + 1);
}

static void test_requeue_keeps_the_request(void **state UNUSED)
{
	struct fair f = spawned(0, MS, 100), before;
	fair_charge(&f, 300000);
	before = f;
	fair_requeue(&f, 2 * MS);
	assert_memory_equal(&f, &before, sizeof(f));
	/* 2.3 ms behind with a slice of 1 ms: exactly at the floor. */
	fair_requeue(&f, 2300000);
	assert_memory_equal(&f, &before, sizeof(f));
}

static void test_requeue_clamps_credit_of_an_infeasible_weight(void **state UNUSED)
{
	struct fair f = spawned(0, MS, 1000);
	int64_t ahead = f.vd_ns - f.ve_ns;
	fair_requeue(&f, 50 * MS);
	assert_int_equal(f.ve_ns, 50 * MS - 200000);
	assert_int_equal(f.vd_ns - f.ve_ns, ahead);
}

static void test_change_keeps_what_is_owed(void **state UNUSED)
{
	struct fair f = spawned(10 * MS, MS, 100);
	fair_charge(&f, 600000); /* 0.6 ms ahead in virtual and in real time */
	fair_change(&f, 10 * MS, 2 * MS, 400);
	assert_int_equal(f.ve_ns, 10 * MS + 150000);
	assert_int_equal((f.ve_ns - 10 * MS) * f.weight / 100, 600000);
	assert_int_equal(fair_left_ns(&f), 1400000);
	assert_int_equal(f.vd_ns, f.ve_ns + 350000);
	/* Behind: the same with the other sign. */
	f = spawned(0, MS, 400);
	fair_change(&f, MS, MS, 100);
	assert_int_equal(f.ve_ns, MS - 4 * MS);
	/* A slice shorter than what is used up already leaves nothing. */
	fair_charge(&f, 500000);
	fair_change(&f, MS, 100000, 100);
	assert_int_equal(fair_left_ns(&f), 0);
	assert_int_equal(f.vd_ns, f.ve_ns);
}

static void test_v_is_the_start_tag_dispatched_last(void **state UNUSED)
{
	struct fair f = spawned(5 * MS, MS, 100);
	assert_int_equal(fair_dispatched(&f, 4 * MS), 5 * MS);
	/* Never back. */
	assert_int_equal(fair_dispatched(&f, 6 * MS), 6 * MS);
	/* Where the request began, not where a preempted one goes on. */
	fair_charge(&f, 900000);
	assert_int_equal(fair_dispatched(&f, 4 * MS), 5 * MS);
	/* Two requests at the most. */
	assert_int_equal(fair_dispatched(&f, 0), 2 * MS);
	f.weight = 1000;
	assert_int_equal(fair_dispatched(&f, 0), 200000);
}

static void test_running_alone_takes_v_along_without_limit(void **state UNUSED)
{
	struct fair f = spawned(0, MS, 100);
	fair_charge(&f, 1000 * MS);
	assert_int_equal(fair_ran_alone(&f, 0), 1000 * MS);
	fair_charge(&f, 400000);
	assert_int_equal(fair_ran_alone(&f, 0), 1000 * MS);
	assert_int_equal(fair_ran_alone(&f, 2000 * MS), 2000 * MS);
}

static void test_order_is_deadline_then_run_time(void **state UNUSED)
{
	struct fair a = {.ve_ns = 5, .vd_ns = 10}, b = {.ve_ns = 1, .vd_ns = 11};
	assert_true(fair_before(&a, &b));
	assert_false(fair_before(&b, &a));
	b.vd_ns = 10;
	assert_true(fair_before(&b, &a));
	assert_false(fair_before(&a, &b));
	b.ve_ns = 5;
	assert_false(fair_before(&a, &b));
	assert_false(fair_before(&b, &a));
}

/* Nothing depends on where zero is: the same story at any origin gives the same differences. */
static void test_origin_does_not_matter(void **state UNUSED)
{
	const int64_t origin[] = {0, -3 * MS, -1, 1ll << 61, -(1ll << 61)};
	for (size_t i = 0; i < COUNT_OF(origin); i++) {
		int64_t o = origin[i];
		struct fair a = spawned(o, MS, 100), b = spawned(o, 2 * MS, 50);
		fair_charge(&a, 3 * MS);
		fair_wake(&b, o + 9 * MS);
		fair_requeue(&a, o + 6 * MS);
		fair_change(&a, o + 6 * MS, MS, 200);
		assert_int_equal(a.ve_ns - o, 5 * MS);
		assert_int_equal(b.ve_ns - o, 7 * MS);
		assert_int_equal(b.vd_ns - o, 11 * MS);
		assert_true(fair_before(&a, &b));
		assert_int_equal(fair_dispatched(&b, o + 3 * MS) - o, 7 * MS);
		assert_int_equal(fair_ran_alone(&a, o) - o, 5 * MS);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_virtual_time_is_exact),
		cmocka_unit_test(test_spawn_is_at_v_with_half_a_slice),
		cmocka_unit_test(test_charge_moves_ve_and_renews_the_request),
		cmocka_unit_test(test_charge_beyond_the_slice_is_charged_in_full),
		cmocka_unit_test(test_wake_gives_at_most_the_credit),
		cmocka_unit_test(test_wake_forgets_no_debt),
		cmocka_unit_test(test_requeue_keeps_the_request),
		cmocka_unit_test(test_requeue_clamps_credit_of_an_infeasible_weight),
		cmocka_unit_test(test_change_keeps_what_is_owed),
		cmocka_unit_test(test_v_is_the_start_tag_dispatched_last),
		cmocka_unit_test(test_running_alone_takes_v_along_without_limit),
		cmocka_unit_test(test_order_is_deadline_then_run_time),
		cmocka_unit_test(test_origin_does_not_matter),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
