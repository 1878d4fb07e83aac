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
	assert_int_equal(trust_ns(), 4 * MS);
	/* It is steady still, but where the last run stopped the next one goes on. */
	short_runs(100000);
	habit_note(&h, false, 5 * MS);
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
	habit_note(&h, false, MS);
	assert_true(habit_is_steady(&h));
	habit_note(&h, false, MS);
	assert_false(habit_is_steady(&h));
}

static bool becomes_steady(int one_in, bool by_itself)
{
	bool ever = false;
	begin(NULL);
	for (int i = 0; i < 1000; i++) {
		short_runs(one_in - 1);
		habit_note(&h, by_itself, by_itself ? HABIT_SHORT_NS : MS);
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
		cmocka_unit_test_setup(test_how_many_may_be_long, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
