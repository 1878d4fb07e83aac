/* SPDX-License-Identifier: MIT */
#include "sched/habit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define US 1000ll
#define MS 1000000ll

static struct habit h;

static int begin(void **state UNUSED)
{
	memset(&h, 0, sizeof(h));
	return 0;
}

static void short_runs(int count)
{
	for (int i = 0; i < count; i++)
		habit_note(&h, true, US);
}

static int64_t patience_ns(void)
{
	return habit_patience_ns(&h, 4 * MS, 50 * US);
}

static int64_t trust_ns(void)
{
	return habit_trust_ns(&h, 4 * MS, 50 * US);
}

static void test_patience_is_with_the_brief(void **state UNUSED)
{
	assert_int_equal(patience_ns(), 50 * US);
	assert_int_equal(trust_ns(), 50 * US);
	short_runs(1);
	assert_int_equal(patience_ns(), MS);
	assert_int_equal(habit_patience_ns(&h, 100 * US, 50 * US), 50 * US);
	assert_int_equal(habit_trust_ns(&h, 900 * US, 50 * US), 900 * US);
	assert_int_equal(habit_trust_ns(&h, 2 * MS, 50 * US), HABIT_TRUST_NS);
	assert_int_equal(habit_trust_ns(&h, 100 * MS, 50 * US), 25 * MS);
	/* Where the last run was stopped the next one goes on. */
	habit_note(&h, false, 100 * US);
	assert_true(habit_is_trusted(&h));
	assert_int_equal(trust_ns(), 50 * US);
	assert_int_equal(habit_patience_ns(&h, 10 * US, 50 * US), 50 * US);
}

/* By itself or not: somebody may have waited for it. */
static void test_a_long_run_ends_it_for_a_while(void **state UNUSED)
{
	for (int by_itself = 0; by_itself < 2; by_itself++) {
		begin(NULL);
		short_runs(100000);
		habit_note(&h, by_itself, HABIT_LONG_NS - 1);
		assert_true(habit_is_trusted(&h));
		habit_note(&h, by_itself, HABIT_LONG_NS);
		short_runs(HABIT_BARRED_FIRST - 1);
		assert_false(habit_is_trusted(&h));
		assert_int_equal(trust_ns(), MS); /* the patience */
		short_runs(1);
		assert_true(habit_is_trusted(&h));
	}
}

/* A long run after every `between` shorter ones: how often was it one of a service that was trusted? */
static int broken_trusts(int between, int times)
{
	int broken = 0;
	begin(NULL);
	for (int i = 0; i < times; i++) {
		short_runs(between);
		broken += habit_is_trusted(&h);
		habit_note(&h, true, MS);
	}
	return broken;
}

static void test_whoever_does_it_again_is_barred_for_longer(void **state UNUSED)
{
	assert_int_equal(broken_trusts(0, 1000), 1);
	assert_int_equal(broken_trusts(15, 1000), 1);
	assert_int_equal(broken_trusts(16, 1000), 2);
	assert_int_equal(broken_trusts(100, 1000), 4);
	assert_int_equal(broken_trusts(HABIT_BARRED - 1, 1000), 5);
	/* That seldom it may. */
	assert_int_equal(broken_trusts(HABIT_BARRED, 1000), 1000);
}

static void test_all_is_forgotten(void **state UNUSED)
{
	broken_trusts(100, 1000);
	short_runs(HABIT_BARRED);
	assert_true(habit_is_trusted(&h));
	habit_note(&h, true, MS);
	short_runs(HABIT_BARRED_FIRST);
	assert_true(habit_is_trusted(&h));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_patience_is_with_the_brief, begin),
		cmocka_unit_test_setup(test_a_long_run_ends_it_for_a_while, begin),
		cmocka_unit_test_setup(test_whoever_does_it_again_is_barred_for_longer, begin),
		cmocka_unit_test_setup(test_all_is_forgotten, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
