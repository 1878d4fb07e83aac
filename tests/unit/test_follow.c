/* SPDX-License-Identifier: MIT
 *
 * What is woken by a service that runs: it follows on the same worker, and an idle one is not woken for it. */
#include "tests/unit/rooms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define US      1000ll
#define MS      1000000ll
#define MIN_RUN (50 * US)

static struct runq q;
static struct runq_entry a, b, c;

static void begin(int workers, int shards)
{
	struct settings usual = {.slice_ns = MS, .weight = 100, .credit_ns = MS};
	runq_init(&q, workers, shards, MIN_RUN);
	runq_entry_init(&a, &usual);
	runq_entry_init(&b, &usual);
	runq_entry_init(&c, &usual);
}

/* Nobody waited before, or everybody goes before it. */
static void run(struct runq_entry *e, int worker, int64_t now_ns)
{
	runq_put(&q, e, RUNQ_REQUEUE, now_ns);
	assert_ptr_equal(runq_next(&q, worker, now_ns), e);
}

static void test_one_that_will_be_through_soon_wakes_no_idle_worker(void **state UNUSED)
{
	begin(2, 1);
	run(&a, 0, 0);
	assert_null(runq_next(&q, 1, 0));
	struct runq_action action = runq_follow(&q, &b, 0, true, US);
	assert_int_equal(action.kind, RUNQ_QUEUED);
	assert_int_equal(action.look_at_ns, US + RUNQ_OWED_NS);
	assert_int_equal(idle_count(&q.idle), 1);
	/* One more: the first worker can only take one of them. */
	action = runq_follow(&q, &c, 0, true, 2 * US);
	assert_int_equal(action.kind, RUNQ_HANDED);
	assert_int_equal(action.worker, 1);
	assert_ptr_equal(runq_handed(&q, 1, 3 * US), &c);
	runq_stopped(&q, &a, 4 * US, 0);
	assert_ptr_equal(runq_next(&q, 0, 4 * US), &b);
	runq_term(&q);
}

static void test_who_may_run_long_wakes_an_idle_worker(void **state UNUSED)
{
	begin(2, 1);
	run(&a, 0, 0);
	assert_null(runq_next(&q, 1, 0));
	struct runq_action action = runq_follow(&q, &b, 0, false, US);
	assert_int_equal(action.kind, RUNQ_HANDED);
	assert_int_equal(action.worker, 1);
	runq_term(&q);
}

static void test_the_monitor_gives_what_is_owed(void **state UNUSED)
{
	struct runq_due due;
	begin(2, 1);
	run(&a, 0, 0);
	assert_null(runq_next(&q, 1, 0));
	runq_follow(&q, &b, 0, true, US);
	/* It may still be a matter of microseconds. */
	assert_true(runq_due(&q, 10 * US, &due));
	assert_int_equal(due.woken, -1);
	assert_true(due.look_again_ns <= 10 * US + RUNQ_OWED_NS);
	assert_true(runq_due(&q, 60 * US, &due));
	assert_int_equal(due.woken, 1);
	assert_int_equal(due.asked, 0); /* nobody needs to stop for it */
	assert_int_equal(idle_count(&q.idle), 0);
	assert_ptr_equal(runq_handed(&q, 1, 61 * US), &b);
	runq_term(&q);
}

/* Between two of its messages, with the real workers' words: the idle one is told once, and finds who waits. */
static void test_who_owes_pays(void **state UNUSED)
{
	struct runq *real = &sched.queue;
	begin(2, 1); /* for the entries */
	rooms_open(2);
	struct worker *idle = &sched.worker[1];
	assert_false(sched_pay_owed(0)); /* nobody is idle */
	runq_put(real, &a, RUNQ_REQUEUE, 0);
	assert_ptr_equal(runq_next(real, 0, 0), &a);
	assert_null(runq_next(real, 1, 0));
	runq_follow(real, &b, 0, true, US);
	assert_null(runq_handed(real, 1, 2 * US));
	uint32_t word = load_relaxed(&idle->wake);
	assert_true(sched_pay_owed(60 * US));
	assert_int_equal(load_relaxed(&idle->wake), word + 1);
	assert_int_equal(load_relaxed(&idle->woken_ns), 60 * US);
	assert_false(sched_pay_owed(61 * US)); /* it is on its way: nobody is idle now */
	assert_int_equal(load_relaxed(&idle->wake), word + 1);
	assert_ptr_equal(runq_handed(real, 1, 62 * US), &b);
	assert_int_equal(load_relaxed(&sched.worker[0].wake), 0);
}

/* It was stopped instead: of the two that wait now the other worker takes one. */
static void test_one_that_is_stopped_wakes_whom_it_owes(void **state UNUSED)
{
	begin(2, 1);
	run(&a, 0, 0);
	assert_null(runq_next(&q, 1, 0));
	runq_follow(&q, &b, 0, true, US);
	runq_stopped(&q, &a, MS, 0);
	struct runq_action action = runq_put(&q, &a, RUNQ_REQUEUE, MS);
	assert_int_equal(action.kind, RUNQ_HANDED);
	assert_int_equal(action.worker, 1);
	assert_int_equal(idle_count(&q.idle), 0);
	runq_term(&q);
}

/* The one who was woken is taken before those whose turn it is, for a while: 50 us. */
static void test_a_follower_goes_first_for_a_while(void **state UNUSED)
{
	struct runq_entry *next, *all[] = {&a, &b, &c};
	begin(1, 1);
	/* The first request of a new service is a short one. */
	for (int i = 0; i < 3; i++) {
		run(all[i], 0, 0);
		runq_stopped(&q, all[i], 0, 0);
	}
	runq_put(&q, &a, RUNQ_WAKE, 10 * US);
	assert_ptr_equal(runq_next(&q, 0, 10 * US), &a);
	runq_put(&q, &c, RUNQ_WAKE, 10 * US);
	struct runq_entry *runs = &a, *other = &b;
	int turns = 0;
	int64_t now = 10 * US;
	do {
		now += 5 * US;
		runq_follow(&q, other, 0, false, now);
		runq_stopped(&q, runs, now, 0);
		next = runq_next(&q, 0, now);
		other = runs;
		runs = next;
		turns++;
	} while (next != &c && turns < 100);
	assert_ptr_equal(next, &c);
	assert_int_equal(turns, 10);
	runq_term(&q);
}

/* Far ahead of its share nobody is favoured. */
static void test_a_follower_far_ahead_waits_for_its_turn(void **state UNUSED)
{
	begin(1, 1);
	run(&b, 0, 0);
	runq_stopped(&q, &b, 3 * MS, 0);
	run(&a, 0, 3 * MS);
	store_relaxed(&q.v_ns, 0);
	runq_put(&q, &c, RUNQ_WAKE, 3 * MS);
	runq_follow(&q, &b, 0, false, 3 * MS + US);
	assert_ptr_equal(load_relaxed(&q.worker[0].follower), &b);
	runq_stopped(&q, &a, 3 * MS + 2 * US, 0);
	assert_ptr_equal(runq_next(&q, 0, 3 * MS + 2 * US), &c);
	runq_term(&q);
}

/* Taken by another worker, or moved to another heap, it follows nobody. */
static void test_nobody_follows_who_is_gone(void **state UNUSED)
{
	begin(2, 1);
	run(&a, 0, 0);
	runq_follow(&q, &b, 0, true, US);
	runq_follow(&q, &c, 0, true, US); /* the first one stays it */
	assert_ptr_equal(load_relaxed(&q.worker[0].follower), &b);
	assert_ptr_equal(runq_next(&q, 1, 2 * US), &b);
	assert_null(load_relaxed(&q.worker[0].follower));
	assert_int_equal(b.follows, -1);
	runq_term(&q);

	begin(2, 2);
	run(&a, 0, 0);
	runq_follow(&q, &b, 0, true, US);
	assert_int_equal(b.shard, 0);
	assert_ptr_equal(load_relaxed(&q.worker[0].follower), &b);
	struct settings settings = {.slice_ns = MS, .weight = 100};
	struct group g;
	group_init(&g, 1, &settings, 0);
	runq_change(&q, &b, &settings, &g, 2 * US);
	assert_null(load_relaxed(&q.worker[0].follower));
	runq_term(&q);
	group_term(&g);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_that_will_be_through_soon_wakes_no_idle_worker),
		cmocka_unit_test(test_who_may_run_long_wakes_an_idle_worker),
		cmocka_unit_test(test_the_monitor_gives_what_is_owed),
		cmocka_unit_test(test_who_owes_pays),
		cmocka_unit_test(test_one_that_is_stopped_wakes_whom_it_owes),
		cmocka_unit_test(test_a_follower_goes_first_for_a_while),
		cmocka_unit_test(test_a_follower_far_ahead_waits_for_its_turn),
		cmocka_unit_test(test_nobody_follows_who_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
