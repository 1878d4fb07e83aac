/* SPDX-License-Identifier: MIT */
#include "sched/waits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static struct waits w;

static int begin(void **state UNUSED)
{
	memset(&w, 0, sizeof(w));
	return 0;
}

static void test_empty(void **state UNUSED)
{
	assert_int_equal(waits_quantile_ns(&w, 0.5), 0);
}

static void test_one_wait_is_exact(void **state UNUSED)
{
	waits_add(&w, 123456);
	assert_int_equal(waits_quantile_ns(&w, 0.5), 123456);
	assert_int_equal(waits_quantile_ns(&w, 0.99), 123456);
	assert_int_equal(w.longest_ns, 123456);
	assert_int_equal(w.sum_ns, 123456);
}

/* Whatever the size, the quantile is at most a fifth too high and never too low. */
static void test_steps_are_narrow(void **state UNUSED)
{
	for (int64_t ns = 1024; ns < 60000000000; ns += ns / 7 + 1) {
		begin(NULL);
		waits_add(&w, ns);
		waits_add(&w, INT64_MAX / 2); /* so that the longest does not cap it */
		int64_t median = waits_quantile_ns(&w, 0.5);
		assert_true(median >= ns);
		assert_true(median <= ns + ns / 4);
	}
	begin(NULL);
	waits_add(&w, 0);
	waits_add(&w, 1 << 20);
	assert_int_equal(waits_quantile_ns(&w, 0.5), 1024);
}

static void test_quantiles(void **state UNUSED)
{
	for (int i = 0; i < 99; i++)
		waits_add(&w, 10000);
	waits_add(&w, 5000000);
	int64_t median = waits_quantile_ns(&w, 0.5);
	assert_true(median >= 10000 && median <= 12500);
	assert_int_equal(waits_quantile_ns(&w, 0.99), median);
	assert_int_equal(waits_quantile_ns(&w, 1), 5000000);
}

/* A bad hour is forgotten by the quantiles, not by the longest. */
static void test_old_waits_fade(void **state UNUSED)
{
	for (int i = 0; i < WAITS_FADE_AT - 1; i++)
		waits_add(&w, 50000000);
	for (int i = 0; i < 8 * WAITS_FADE_AT; i++)
		waits_add(&w, 2000);
	assert_true(waits_quantile_ns(&w, 0.99) < 3000);
	assert_int_equal(w.longest_ns, 50000000);
	assert_true(w.recent < WAITS_FADE_AT);
	assert_int_equal(w.count, 9 * WAITS_FADE_AT - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_empty, begin),
		cmocka_unit_test_setup(test_one_wait_is_exact, begin),
		cmocka_unit_test_setup(test_steps_are_narrow, begin),
		cmocka_unit_test_setup(test_quantiles, begin),
		cmocka_unit_test_setup(test_old_waits_fade, begin),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
