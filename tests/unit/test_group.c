/* SPDX-License-Identifier: MIT
 *
 * Groups by themselves and in the run queue.
 */
#include "sched/groups.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define MS 1000000ll

static struct runq q;
static const struct settings usual = {
	.slice_ns = MS, .weight = 100, .credit_ns = MS, .group = true};

static struct runq_entry member(struct group *g)
{
	struct runq_entry e;
	runq_entry_init(&e, &usual);
	if (g)
		runq_change(&q, &e, &usual, g, 0);
	return e;
}

/* Two members and one on its own, all endless, one worker: half for the two together. */
static void test_members_share_one_weight(void **state UNUSED)
{
	runq_init(&q, 1, 0, 50000);
	struct group *g = groups_named(&q, "team", &usual);
	struct runq_entry e[3] = {member(g), member(g), member(NULL)};
	int64_t used[3] = {0}, now = 0;
	for (int i = 0; i < 3; i++)
		runq_put(&q, &e[i], RUNQ_RETURN, now);
	for (int i = 0; i < 400; i++, now += MS) {
		struct runq_entry *next = runq_next(&q, 0, now);
		used[next - e] += MS;
		runq_stopped(&q, next, now + MS, 0);
		runq_put(&q, next, RUNQ_REQUEUE, now + MS);
	}
	assert_in_range(used[2], 199 * MS, 201 * MS);
	assert_in_range(used[0], 99 * MS, 101 * MS);
	assert_in_range(used[1], 99 * MS, 101 * MS);
	runq_term(&q);
	groups_term();
}

/* A slice is paid when a member starts, so that a second worker does not find the group at the head again. */
static void test_dispatch_is_paid_in_advance(void **state UNUSED)
{
	runq_init(&q, 2, 0, 50000);
	struct group *g = groups_named(&q, "team", &usual);
	struct runq_entry a = member(g), b = member(g), other = member(NULL);
	runq_put(&q, &a, RUNQ_RETURN, 0);
	runq_put(&q, &b, RUNQ_RETURN, 0);
	runq_put(&q, &other, RUNQ_RETURN, 0);
	int64_t ve_ns = g->node.fair.ve_ns;
	struct runq_entry *first = runq_next(&q, 0, 0);
	if (first == &other)
		first = runq_next(&q, 1, 0);
	assert_true(first == &a || first == &b);
	assert_int_equal(g->node.fair.ve_ns, ve_ns + MS);
	assert_int_equal(g->running, 1);
	/* It stopped early: the rest is given back. */
	runq_stopped(&q, first, MS / 4, 0);
	assert_int_equal(g->node.fair.ve_ns, ve_ns + MS / 4);
	assert_int_equal(g->running, 0);
	runq_term(&q);
	groups_term();
}

static void test_waking_in_turns_earns_no_credit(void **state UNUSED)
{
	runq_init(&q, 1, 0, 50000);
	struct group *g = groups_named(&q, "team", &usual);
	struct runq_entry a = member(g), b = member(g), hog = member(NULL);
	runq_put(&q, &hog, RUNQ_RETURN, 0);
	runq_put(&q, &a, RUNQ_WAKE, 0);
	int64_t own = 0, theirs = 0, now = 0;
	struct runq_entry *asleep = &b;
	for (int i = 0; i < 400; i++, now += MS) {
		struct runq_entry *next = runq_next(&q, 0, now);
		runq_stopped(&q, next, now + MS, 0);
		if (next == &hog) {
			own += MS;
			runq_put(&q, &hog, RUNQ_REQUEUE, now + MS);
		} else {
			/* Goes to sleep and wakes the other one. */
			theirs += MS;
			runq_put(&q, asleep, RUNQ_WAKE, now + MS);
			asleep = next;
		}
	}
	assert_in_range(theirs, 190 * MS, 204 * MS);
	assert_in_range(own, 196 * MS, 210 * MS);
	runq_term(&q);
	groups_term();
}

static void test_joining_and_leaving_in_every_state(void **state UNUSED)
{
	runq_init(&q, 2, 2, 50000);
	struct group *g = groups_named(&q, "team", &usual);
	struct settings alone = usual;
	alone.group = false;
	alone.weight = 300;
	struct runq_entry a = member(NULL), b = member(NULL);
	runq_put(&q, &a, RUNQ_RETURN, 0);
	runq_put(&q, &b, RUNQ_RETURN, 0);
	/* Waiting: into the group, and it still waits. */
	runq_change(&q, &a, &usual, g, 0);
	runq_change(&q, &b, &usual, g, 0);
	assert_int_equal(q.waiting, 2);
	assert_int_equal(g->waiting.count, 2);
	struct runq_entry *running = runq_next(&q, 0, 0);
	assert_int_equal(g->running, 1);
	/* Running: out of it, and the group pays nothing more. */
	runq_change(&q, running, &alone, NULL, 0);
	assert_int_equal(g->running, 0);
	struct settings now;
	runq_settings_of(&q, running, &now);
	assert_int_equal(now.weight, 300);
	assert_false(now.group);
	runq_change(&q, running, &usual, g, 0);
	assert_int_equal(g->running, 1);
	runq_stopped(&q, running, MS, 0);
	assert_int_equal(g->running, 0);
	/* The last one that waits leaves: the group's node leaves the heap. */
	struct runq_entry *waits = running == &a ? &b : &a;
	runq_change(&q, waits, &alone, NULL, MS);
	assert_int_equal(g->waiting.count, 0);
	assert_int_equal(g->node.place, -1);
	assert_int_equal(q.waiting, 1);
	assert_ptr_equal(runq_next(&q, 1, MS), waits);
	runq_term(&q);
	groups_term();
}

static void test_settings_are_the_groups(void **state UNUSED)
{
	runq_init(&q, 1, 0, 50000);
	struct group *g = groups_named(&q, "team", &usual);
	assert_ptr_equal(groups_named(&q, "team", &usual), g);
	assert_ptr_not_equal(groups_named(&q, "other", &usual), g);
	struct runq_entry a = member(g), b = member(g);
	struct settings heavy = usual, got;
	heavy.weight = 700;
	heavy.credit_ns = 5;
	runq_change(&q, &a, &heavy, g, 0);
	runq_settings_of(&q, &b, &got);
	assert_int_equal(got.weight, 700);
	assert_int_equal(got.credit_ns, 5);
	assert_true(got.group);
	runq_term(&q);
	groups_term();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_members_share_one_weight),
		cmocka_unit_test(test_dispatch_is_paid_in_advance),
		cmocka_unit_test(test_waking_in_turns_earns_no_credit),
		cmocka_unit_test(test_joining_and_leaving_in_every_state),
		cmocka_unit_test(test_settings_are_the_groups),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
