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

static void test_trust_grows(void **state UNUSED)
{
	assert_int_equal(patience_ns(), 50 * US);
	assert_int_equal(trust_ns(), 50 * US);
	short_runs(HABIT_STEADY_AT - 1);
	assert_int_equal(patience_ns(), MS);
	assert_int_equal(trust_ns(), MS);
	short_runs(1);
	assert_int_equal(patience_ns(), MS);
	assert_int_equal(habit_trust_ns(&h, 900 * US, 50 * US), 900 * US);
	assert_int_equal(habit_trust_ns(&h, 2 * MS, 50 * US), HABIT_TRUST_NS);
	assert_int_equal(habit_trust_ns(&h, 100 * MS, 50 * US), 25 * MS);
	/* It is steady still, but where the last run stopped the next one goes on. */
	short_runs(100000);
	habit_note(&h, false, 100 * US);
	assert_true(habit_is_steady(&h));
	assert_int_equal(trust_ns(), 50 * US);
	assert_int_equal(habit_patience_ns(&h, 10 * US, 50 * US), 50 * US);
	short_runs(1);
	assert_int_equal(habit_patience_ns(&h, 100 * US, 50 * US), 50 * US);
}

/* However long it was steady. */
static void test_two_that_had_to_be_stopped_end_it(void **state UNUSED)
{
	short_runs(100000);
	habit_note(&h, false, 100 * US);
	assert_true(habit_is_steady(&h));
	habit_note(&h, false, 100 * US);
	assert_false(habit_is_steady(&h));
}

/* By itself or not: somebody may have waited for it. */
static void test_one_long_run_ends_it_for_thousands(void **state UNUSED)
{
	for (int by_itself = 0; by_itself < 2; by_itself++) {
		begin(NULL);
		short_runs(100000);
		habit_note(&h, by_itself, HABIT_LONG_NS);
		for (int i = 0; i < 100; i++)
			habit_note(&h, by_itself, MS); /* no worse for that */
		short_runs(HABIT_BARRED + HABIT_STEADY_AT - 1);
		assert_false(habit_is_steady(&h));
		short_runs(1);
		assert_true(habit_is_steady(&h));
	}
}

/* Long runs while it is not trusted hurt nobody: code that is compiled, a start. */
static void test_a_beginner_is_not_barred(void **state UNUSED)
{
	short_runs(HABIT_STEADY_AT - 1);
	habit_note(&h, true, 10 * MS);
	short_runs(HABIT_STEADY_AT);
	assert_true(habit_is_steady(&h));
}

static bool becomes_steady(int one_in, bool by_itself)
{
	bool ever = false;
	begin(NULL);
	for (int i = 0; i < 1000; i++) {
		short_runs(one_in - 1);
		habit_note(&h, by_itself, by_itself ? HABIT_SHORT_NS : 100 * US);
		ever |= habit_is_steady(&h);
	}
	return ever;
}

static void test_how_many_may_be_long(void **state UNUSED)
{
	assert_true(becomes_steady(20, true));
	assert_false(becomes_steady(16, true));
	assert_true(becomes_steady(300, false));
	assert_false(becomes_steady(200, false));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_trust_grows, begin),
		cmocka_unit_test_setup(test_two_that_had_to_be_stopped_end_it, begin),
		cmocka_unit_test_setup(test_one_long_run_ends_it_for_thousands, begin),
		cmocka_unit_test_setup(test_a_beginner_is_not_barred, begin),
		cmocka_unit_test_setup(test_how_many_may_be_long, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
