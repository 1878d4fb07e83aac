/* SPDX-License-Identifier: MIT */
#include "watchdog/measure.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define MS 1000000ll
#define S  1000000000ll

static struct service_sample sample(int64_t at_ns, uint64_t messages, uint32_t mailbox,
				    uint64_t errors)
{
	return (struct service_sample){at_ns, messages, mailbox, errors, 0};
}

static void test_a_mailbox_counts_while_nothing_is_taken(void **state UNUSED)
{
	struct service_sample a = sample(0, 7, 10, 0), b = sample(S, 7, 5000, 0);
	assert_int_equal(measure_stalled_mailbox(&a, &b), 5000);
	b.messages = 8;
	assert_int_equal(measure_stalled_mailbox(&a, &b), 0);
}

static void test_errors_a_second(void **state UNUSED)
{
	struct service_sample a = sample(S, 0, 0, 100), b = sample(3 * S, 0, 0, 700);
	assert_int_equal(measure_error_rate(&a, &b), 300);
	assert_int_equal(measure_error_rate(&a, &a), 0);
	/* A late round sees more of them, at the same rate. */
	b = sample(11 * S, 0, 0, 3100);
	assert_int_equal(measure_error_rate(&a, &b), 300);
}

static void test_refusals_a_second(void **state UNUSED)
{
	struct service_sample a = sample(S, 0, 0, 0), b = sample(3 * S, 0, 0, 0);
	assert_int_equal(measure_refusal_rate(&a, &b), 0);
	b.refused = 10;
	assert_int_equal(measure_refusal_rate(&a, &b), 5);
	b.refused = 1; /* not none */
	assert_int_equal(measure_refusal_rate(&a, &b), 1);
	assert_int_equal(measure_refusal_rate(&b, &b), 0);
}

/* A stuck service: the age grows from the first look on. */
static void test_head_age_of_a_service_that_takes_nothing(void **state UNUSED)
{
	struct age_mark mark = {0, 0};
	struct service_sample now = sample(5 * S, 100, 3, 0);
	assert_int_equal(measure_head_age_ns(&mark, &now), 0);
	now = sample(6 * S, 100, 50, 0);
	assert_int_equal(measure_head_age_ns(&mark, &now), S);
	now = sample(9 * S, 100, 90, 0);
	assert_int_equal(measure_head_age_ns(&mark, &now), 4 * S);
	/* The three of the first look have been taken: a new mark. */
	now = sample(10 * S, 103, 90, 0);
	assert_int_equal(measure_head_age_ns(&mark, &now), 0);
}

/* 100 messages a second in and out with 500 waiting: each waits for 5 s, and that is never exceeded. */
static void test_head_age_of_a_steady_queue_is_its_wait(void **state UNUSED)
{
	struct age_mark mark = {0, 0};
	int64_t worst = 0;
	for (int64_t s = 1; s < 100; s++) {
		struct service_sample now = sample(s * S, (uint64_t)s * 100, 500, 0);
		int64_t age = measure_head_age_ns(&mark, &now);
		worst = age > worst ? age : worst;
		assert_true(age <= 5 * S);
	}
	assert_true(worst >= 4 * S);
	/* An empty mailbox has no age. */
	struct service_sample empty = sample(200 * S, 0, 0, 0);
	assert_int_equal(measure_head_age_ns(&mark, &empty), 0);
}

static void test_entitled_wait(void **state UNUSED)
{
	struct entitlement e = {.slice_ns = MS, .weight = 100, .total_weight = 1000, .workers = 1,
				.members = 1};
	assert_int_equal(measure_entitled_ns(&e), 10 * MS);
	e.workers = 5;
	assert_int_equal(measure_entitled_ns(&e), 2 * MS);
	/* Fewer who wait than workers: at the most a slice of somebody else. */
	e.total_weight = 200;
	assert_int_equal(measure_entitled_ns(&e), MS);
	/* A light weight waits longer for its slice; the members of a group share one weight. */
	e = (struct entitlement){MS, 1, 0, 1001, 1, 1};
	assert_int_equal(measure_entitled_ns(&e), 1001 * MS);
	e = (struct entitlement){MS, 100, 0, 1000, 1, 10};
	assert_int_equal(measure_entitled_ns(&e), 100 * MS);
	/* Who ran ahead by 50 ms waits until the others have had as much. */
	e = (struct entitlement){MS, 100, 50 * MS, 1000, 1, 1};
	assert_int_equal(measure_entitled_ns(&e), 510 * MS);
}

static void test_starved_is_four_times_that(void **state UNUSED)
{
	assert_int_equal(measure_starved_limit_ns(100 * MS, 10 * MS), 100 * MS);
	assert_int_equal(measure_starved_limit_ns(100 * MS, 25 * MS), 100 * MS);
	assert_int_equal(measure_starved_limit_ns(100 * MS, 26 * MS), 104 * MS);
}

static void test_age_counts_from_the_baseline(void **state UNUSED)
{
	assert_int_equal(measure_age_ns(10 * S, 4 * S, 0), 6 * S);
	assert_int_equal(measure_age_ns(10 * S, 4 * S, 9 * S), S);
	assert_int_equal(measure_age_ns(10 * S, 4 * S, 10 * S), 0);
	assert_int_equal(measure_age_ns(10 * S, 0, 0), 0);
	assert_int_equal(measure_age_ns(10 * S, 11 * S, 0), 0);
}

static void test_collector(void **state UNUSED)
{
	struct collector_window w = {.at_ns = 100 * S, .cpu_ns = 7 * S, .samples = 1000, .met = 500};
	/* Too few looks: nothing is known. */
	assert_int_equal(measure_collector_ns(&w, 101 * S, 8 * S, 1010, 510), 0);
	assert_int_equal(measure_collector_ns(&w, 104 * S, 10 * S, 1039, 539), 0);
	/* Ten of forty looks at 3 s of CPU in 5 s. */
	assert_int_equal(measure_collector_ns(&w, 105 * S, 10 * S, 1040, 510), 150 * MS);
	/* It holds until there are as many again. */
	assert_int_equal(measure_collector_ns(&w, 106 * S, 11 * S, 1050, 520), 150 * MS);
	assert_int_equal(measure_collector_ns(&w, 109 * S, 14 * S, 1080, 550), S);
	/* Never enough: it hardly runs. */
	assert_int_equal(measure_collector_ns(&w, 123 * S, 14 * S, 1081, 551), S);
	assert_int_equal(measure_collector_ns(&w, 124 * S, 14 * S, 1082, 552), 0);
	/* The counters may go over their end. */
	w = (struct collector_window){.samples = UINT32_MAX - 9, .met = UINT32_MAX - 1};
	assert_int_equal(measure_collector_ns(&w, 10 * S, 10 * S, 30, 18), 500 * MS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_mailbox_counts_while_nothing_is_taken),
		cmocka_unit_test(test_errors_a_second),
		cmocka_unit_test(test_refusals_a_second),
		cmocka_unit_test(test_head_age_of_a_service_that_takes_nothing),
		cmocka_unit_test(test_head_age_of_a_steady_queue_is_its_wait),
		cmocka_unit_test(test_entitled_wait),
		cmocka_unit_test(test_starved_is_four_times_that),
		cmocka_unit_test(test_age_counts_from_the_baseline),
		cmocka_unit_test(test_collector),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
