/* SPDX-License-Identifier: MIT */
#include "sched/waiters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <cmocka.h>

#define MS 1000000ll

static struct runq q;
static struct service pool[40];
static struct waiters waiters;

static struct service *waits(int i, int32_t weight, struct group *g, int64_t since_ns)
{
	struct service *s = &pool[i];
	struct settings settings = {.slice_ns = 2 * MS, .weight = weight, .credit_ns = MS};
	memset(s, 0, sizeof(*s));
	snprintf(s->name, sizeof(s->name), "s%d", i);
	store_relaxed(&s->object.handle, (uint32_t)i + 1);
	s->born_ns = 5;
	runq_entry_init(&s->entry, &settings);
	if (g)
		runq_change(&q, &s->entry, &settings, g, 0);
	runq_put(&q, &s->entry, RUNQ_REQUEUE, since_ns);
	return s;
}

static void test_the_longest_first(void **state UNUSED)
{
	runq_init(&q, 1, 1, MS);
	waits(0, 100, NULL, 30 * MS);
	waits(1, 200, NULL, 10 * MS);
	waits(2, 50, NULL, 20 * MS);
	waits(3, 50, NULL, 95 * MS);
	waiters_read(&q, 100 * MS, 10 * MS, &waiters);
	assert_int_equal(waiters.count, 3);
	assert_int_equal(waiters.total_weight, 400);
	assert_string_equal(waiters.longest[0].name, "s1");
	assert_int_equal(waiters.longest[0].handle, 2);
	assert_int_equal(waiters.longest[0].since_ns, 10 * MS);
	assert_int_equal(waiters.longest[0].born_ns, 5);
	assert_int_equal(waiters.longest[0].weight, 200);
	assert_int_equal(waiters.longest[0].slice_ns, 2 * MS);
	assert_int_equal(waiters.longest[0].members, 1);
	assert_string_equal(waiters.longest[1].name, "s2");
	assert_string_equal(waiters.longest[2].name, "s0");
	runq_term(&q);
}

static void test_sixteen_are_enough(void **state UNUSED)
{
	runq_init(&q, 2, 2, MS);
	for (int i = 0; i < 40; i++)
		waits(i, 100, NULL, (i * 7 % 40) * MS);
	waiters_read(&q, 100 * MS, MS, &waiters);
	assert_int_equal(waiters.count, 16);
	assert_int_equal(waiters.total_weight, 4000);
	for (int i = 0; i < 16; i++)
		assert_int_equal(waiters.longest[i].since_ns, i * MS);
	runq_term(&q);
}

static void test_one_that_runs_counts_by_its_weight_only(void **state UNUSED)
{
	runq_init(&q, 1, 1, MS);
	waits(0, 300, NULL, MS);
	assert_ptr_equal(runq_next(&q, 0, MS), &pool[0].entry);
	waits(1, 100, NULL, 2 * MS);
	waiters_read(&q, 200 * MS, MS, &waiters);
	assert_int_equal(waiters.total_weight, 400);
	assert_int_equal(waiters.count, 1);
	assert_string_equal(waiters.longest[0].name, "s1");
	runq_term(&q);
}

static void test_a_group_counts_once(void **state UNUSED)
{
	struct group g;
	struct settings settings = {.slice_ns = 2 * MS, .weight = 70, .credit_ns = MS};
	runq_init(&q, 1, 1, MS);
	group_init(&g, 0, &settings, 0);
	for (int i = 0; i < 3; i++)
		waits(i, 70, &g, i * MS);
	waiters_read(&q, 100 * MS, MS, &waiters);
	assert_int_equal(waiters.total_weight, 70);
	assert_int_equal(waiters.count, 3);
	assert_int_equal(waiters.longest[2].members, 3);
	assert_int_equal(waiters.longest[2].weight, 70);
	runq_term(&q);
	group_term(&g);
}

/* Whoever holds a shard's lock is not waited for. */
static void test_a_taken_lock_is_passed_over(void **state UNUSED)
{
	runq_init(&q, 1, 1, MS);
	waits(0, 100, NULL, MS);
	lock_take(&q.shard[0].lock);
	waiters_read(&q, 100 * MS, MS, &waiters);
	lock_release(&q.shard[0].lock);
	assert_int_equal(waiters.count, 0);
	runq_term(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_longest_first),
		cmocka_unit_test(test_sixteen_are_enough),
		cmocka_unit_test(test_one_that_runs_counts_by_its_weight_only),
		cmocka_unit_test(test_a_group_counts_once),
		cmocka_unit_test(test_a_taken_lock_is_passed_over),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
