/* SPDX-License-Identifier: MIT */
#include "watchdog/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define S 1000000000ll

static int take(struct bucket *b, int64_t now_ns, int times)
{
	int taken = 0;
	for (int i = 0; i < times; i++)
		taken += bucket_take(b, now_ns);
	return taken;
}

static void test_a_burst_and_then_one_for_each_refill(void **state UNUSED)
{
	struct bucket b = {0};
	assert_int_equal(take(&b, S, 100), BUCKET_TOKENS);
	assert_int_equal(take(&b, S + BUCKET_REFILL_NS - 1, 1), 0);
	assert_int_equal(take(&b, S + BUCKET_REFILL_NS, 5), 1);
	assert_int_equal(take(&b, S + 3 * BUCKET_REFILL_NS, 5), 2);
	/* It holds no more than it holds. */
	assert_int_equal(take(&b, S + 1000 * BUCKET_REFILL_NS, 100), BUCKET_TOKENS);
}

static void test_what_is_refused_is_told_once_and_whole(void **state UNUSED)
{
	struct bucket b = {0};
	uint64_t told = 0;
	int taken = 0;
	assert_int_equal(bucket_due_ns(&b), INT64_MAX);
	for (int64_t now = S; now < 1000 * S; now += S) {
		taken += take(&b, now, 7);
		told += bucket_tell(&b, now);
	}
	told += bucket_take_suppressed(&b);
	assert_int_equal((uint64_t)taken + told, 999 * 7);
	assert_int_equal(bucket_take_suppressed(&b), 0);
	assert_int_equal(bucket_tell(&b, 2000 * S), 0);
}

static void test_telling_waits_for_a_token(void **state UNUSED)
{
	struct bucket b = {0};
	take(&b, S, BUCKET_TOKENS + 3);
	assert_int_equal(bucket_tell(&b, 2 * S), 0);
	assert_int_equal(bucket_due_ns(&b), S + BUCKET_REFILL_NS);
	assert_int_equal(bucket_tell(&b, S + BUCKET_REFILL_NS), 3);
	assert_int_equal(bucket_due_ns(&b), INT64_MAX);
	assert_false(bucket_take(&b, S + BUCKET_REFILL_NS)); /* that was the token */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_burst_and_then_one_for_each_refill),
		cmocka_unit_test(test_what_is_refused_is_told_once_and_whole),
		cmocka_unit_test(test_telling_waits_for_a_token),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
