/* SPDX-License-Identifier: MIT */
#include "sched/runq.h"
#include "core/atomics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define US      1000ll
#define MS      1000000ll
#define MIN_RUN (50 * US)

static struct runq q;

static struct runq_entry entry(int64_t slice_ns, int32_t weight)
{
	struct runq_entry e;
	runq_entry_init(&e, &(struct settings){
				    .slice_ns = slice_ns, .weight = weight, .credit_ns = MS});
	return e;
}

static void begin(int workers)
{
	runq_init(&q, workers, 0, MIN_RUN);
}

static void expect(struct runq_action a, int kind, int worker, uint64_t epoch, int64_t look_at_ns)
{
	assert_int_equal(a.kind, kind);
	assert_int_equal(a.worker, worker);
	if (kind == RUNQ_PREEMPT)
		assert_int_equal(a.epoch, epoch);
	if (kind == RUNQ_QUEUED)
		assert_int_equal(a.look_at_ns, look_at_ns);
}

/* Puts a service into an empty queue and runs it. */
static void run(struct runq_entry *e, int worker, int64_t now_ns)
{
	assert_int_equal(runq_put(&q, e, RUNQ_REQUEUE, now_ns).kind, RUNQ_QUEUED);
	assert_ptr_equal(runq_next(&q, worker, now_ns), e);
}

static void test_idle_worker_is_handed_the_service(void **state UNUSED)
{
	begin(2);
	struct runq_entry e = entry(MS, 100);
	assert_null(runq_next(&q, 1, 0));
	assert_int_equal(idle_count(&q.idle), 1);
	assert_null(runq_handed(&q, 1, 0));
	assert_int_equal(idle_count(&q.idle), 1);
	expect(runq_put(&q, &e, RUNQ_WAKE, 10), RUNQ_HANDED, 1, 0, 0);
	assert_int_equal(idle_count(&q.idle), 0);
	assert_int_equal(q.shard[0].heap.count, 0);
	assert_int_equal(e.worker, -1);
	assert_ptr_equal(runq_handed(&q, 1, 30), &e);
	assert_int_equal(e.worker, 1);
	assert_int_equal(running_epoch(&q.worker[1].run), 3); /* it starts at the number, steps of two */
	assert_int_equal(e.waits.count, 1);
	assert_int_equal(e.waits.longest_ns, 20);
	assert_int_equal(e.waits.sum_ns, 20);
	assert_null(runq_handed(&q, 1, 40));
	runq_term(&q);
}

static void test_giving_up_idleness(void **state UNUSED)
{
	begin(1);
	struct runq_entry e = entry(MS, 100);
	assert_null(runq_next(&q, 0, 0));
	assert_true(runq_not_idle(&q, 0));
	assert_int_equal(idle_count(&q.idle), 0);
	assert_false(runq_not_idle(&q, 0));
	assert_null(runq_next(&q, 0, 0));
	runq_put(&q, &e, RUNQ_WAKE, 0);
	/* It was handed one meanwhile and must take it. */
	assert_false(runq_not_idle(&q, 0));
	assert_ptr_equal(runq_handed(&q, 0, 0), &e);
	runq_term(&q);
}

static void test_requeue_wakes_no_idle_worker_but_return_does(void **state UNUSED)
{
	begin(2);
	struct runq_entry a = entry(MS, 100), b = entry(MS, 100);
	assert_null(runq_next(&q, 0, 0));
	/* Nobody runs: whoever begins sees that somebody waits. */
	expect(runq_put(&q, &a, RUNQ_REQUEUE, 5), RUNQ_QUEUED, -1, 0, INT64_MAX);
	expect(runq_put(&q, &b, RUNQ_RETURN, 6), RUNQ_HANDED, 0, 0, 0);
	assert_ptr_equal(runq_next(&q, 1, 7), &a);
	runq_term(&q);
}

static void test_wake_preempts_the_latest_deadline(void **state UNUSED)
{
	begin(3);
	struct runq_entry a = entry(2 * MS, 100), b = entry(8 * MS, 100), c = entry(4 * MS, 100);
	struct runq_entry light = entry(MS, 100), late = entry(100 * MS, 100);
	run(&a, 0, 0);
	run(&b, 1, 0);
	run(&c, 2, 0);
	/* Later than all of them: it waits, and the monitor starts to look. */
	expect(runq_put(&q, &late, RUNQ_WAKE, MIN_RUN), RUNQ_QUEUED, -1, 0, MIN_RUN);
	expect(runq_put(&q, &light, RUNQ_WAKE, MIN_RUN), RUNQ_PREEMPT, 1, running_epoch(&q.worker[1].run), 0);
	assert_int_equal(q.waiting, 2);
	assert_ptr_equal(order_heap_first(&q.shard[0].heap), &light.node);
	runq_stopped(&q, &b, 60 * US, 0);
	assert_int_equal(b.worker, -1);
	assert_false(running_read(&q.worker[1].run, &(struct run_view){0}));
	expect(runq_put(&q, &b, RUNQ_REQUEUE, 60 * US), RUNQ_QUEUED, -1, 0, INT64_MAX);
	assert_ptr_equal(runq_next(&q, 1, 61 * US), &light);
	assert_int_equal(light.waits.longest_ns, 11 * US);
	runq_term(&q);
}

static void test_nobody_is_preempted_before_min_run(void **state UNUSED)
{
	begin(1);
	struct runq_entry hog = entry(8 * MS, 100), light = entry(MS, 100);
	struct runq_due due;
	run(&hog, 0, 1000);
	expect(runq_put(&q, &light, RUNQ_WAKE, 2000), RUNQ_QUEUED, -1, 0, 1000 + MIN_RUN);
	assert_true(runq_due(&q, 2000, &due));
	assert_int_equal(due.asked, 0);
	assert_int_equal(due.waiting, 1);
	assert_int_equal(due.look_again_ns, 1000 + MIN_RUN);
	assert_true(runq_due(&q, 1000 + MIN_RUN, &due));
	assert_int_equal(due.asked, 1);
	assert_int_equal(due.ask[0].worker, 0);
	assert_int_equal(due.ask[0].epoch, running_epoch(&q.worker[0].run));
	assert_int_equal(due.first_waits_ns, 1000 + MIN_RUN - 2000);
	/* The hog was chosen for the first one, and the monitor knows when. */
	struct runq_entry other = entry(MS, 100);
	expect(runq_put(&q, &other, RUNQ_WAKE, 3000), RUNQ_QUEUED, -1, 0, INT64_MAX);
	runq_term(&q);
}

static void test_due_without_anybody_waiting(void **state UNUSED)
{
	begin(1);
	struct runq_entry hog = entry(MS, 100);
	struct runq_due due;
	run(&hog, 0, 0);
	assert_true(runq_due(&q, 100 * MS, &due));
	assert_int_equal(due.asked, 0);
	assert_int_equal(due.waiting, 0);
	assert_int_equal(due.first_waits_ns, 0);
	assert_true(due.look_again_ns == INT64_MAX);
	runq_term(&q);
}

static void test_due_at_the_end_of_the_slice(void **state UNUSED)
{
	begin(1);
	struct runq_entry a = entry(MS, 100), b = entry(100 * MS, 100);
	struct runq_due due;
	run(&a, 0, 0);
	runq_put(&q, &b, RUNQ_WAKE, 100 * US);
	assert_true(runq_due(&q, 100 * US, &due));
	assert_int_equal(due.asked, 0);
	assert_int_equal(due.look_again_ns, MS);
	assert_true(runq_due(&q, MS, &due));
	assert_int_equal(due.asked, 1);
	assert_int_equal(due.look_again_ns, MS + 100 * US);
	runq_stopped(&q, &a, MS, 0);
	assert_true(runq_due(&q, MS, &due));
	assert_int_equal(due.asked, 0);
	/* Whoever comes next rings, should that be too late for it. */
	assert_int_equal(due.look_again_ns, MS + RUNQ_OWED_NS);
	runq_term(&q);
}

static void test_the_end_of_a_request_stops_nobody_who_is_brief(void **state UNUSED)
{
	begin(1);
	struct runq_entry a = entry(MS, 100), b = entry(100 * MS, 100);
	struct runq_due due;
	run(&a, 0, 0);
	runq_stopped(&q, &a, MS - 10 * US, 0);
	store_relaxed(&a.habit.brief, true);
	run(&a, 0, MS);
	/* 10 us are left of its request, but it was brief: its turn is a quarter of the slice. Nobody looks sooner, and while it has
	 * only begun not even then, since it is trusted. */
	assert_int_equal(running_turn_ns(&q.worker[0].run), MS / 4);
	expect(runq_put(&q, &b, RUNQ_WAKE, MS + 5 * US), RUNQ_QUEUED, -1, 0, MS + MS);
	assert_true(runq_due(&q, MS + 20 * US, &due));
	assert_int_equal(due.asked, 0);
	assert_int_equal(due.look_again_ns, MS + MS);
	assert_true(runq_due(&q, MS + 60 * US, &due));
	assert_int_equal(due.look_again_ns, MS + MS / 4);
	assert_true(runq_due(&q, MS + MS / 4, &due));
	assert_int_equal(due.asked, 1);
	runq_term(&q);
}

static int64_t look_after_dispatches(int count, int64_t from_ns, int64_t until_ns)
{
	struct runq_entry e = entry(MS, 100);
	struct runq_due due;
	for (int i = 0; i < count; i++) {
		run(&e, 0, from_ns);
		runq_stopped(&q, &e, from_ns, 0);
	}
	assert_true(runq_due(&q, until_ns, &due));
	return due.look_again_ns;
}

static void test_a_lull_is_short_in_a_storm_only(void **state UNUSED)
{
	begin(1);
	assert_true(look_after_dispatches(1, 0, 0) == INT64_MAX);
	assert_int_equal(look_after_dispatches(100, 0, 100 * US), 100 * US + RUNQ_OWED_NS);
	/* Over, too few, too few for the time. */
	assert_true(look_after_dispatches(0, 0, 200 * US) == INT64_MAX);
	assert_true(look_after_dispatches(7, 200 * US, 300 * US) == INT64_MAX);
	assert_true(look_after_dispatches(60, 300 * US, 2 * MS) == INT64_MAX);
	/* However long it has lasted already. */
	assert_int_equal(look_after_dispatches(10000, 2 * MS, 100 * MS), 100 * MS + RUNQ_OWED_NS);
	runq_term(&q);
}

static void test_due_asks_as_many_as_wait(void **state UNUSED)
{
	begin(4);
	struct runq_entry hog[4], light[2] = {entry(MS, 100), entry(MS, 100)},
				  late = entry(90 * MS, 1);
	struct runq_due due;
	for (int i = 0; i < 4; i++) {
		hog[i] = entry((2 + i % 3) * MS, 100);
		run(&hog[i], i, 0);
	}
	runq_put(&q, &late, RUNQ_WAKE, 0);
	runq_put(&q, &light[0], RUNQ_WAKE, 0);
	/* One light: only the worker with the latest deadline, though `late` waits too. */
	assert_true(runq_due(&q, MIN_RUN, &due));
	assert_int_equal(due.asked, 1);
	assert_int_equal(due.ask[0].worker, 2);
	runq_put(&q, &light[1], RUNQ_WAKE, 0);
	assert_true(runq_due(&q, MIN_RUN, &due));
	assert_int_equal(due.asked, 2);
	assert_int_equal(due.ask[0].worker, 1);
	assert_int_equal(due.ask[1].worker, 2);
	/* All slices are over: as many as wait. */
	assert_true(runq_due(&q, 10 * MS, &due));
	assert_int_equal(due.asked, 3);
	runq_term(&q);
}

static void test_due_does_not_wait_for_the_lock(void **state UNUSED)
{
	begin(1);
	struct runq_entry a = entry(MS, 100);
	struct runq_due due;
	runq_put(&q, &a, RUNQ_REQUEUE, 0);
	lock_take(&q.shard[0].lock);
	assert_false(runq_due(&q, 0, &due));
	assert_int_equal(due.asked, 0);
	assert_true(due.look_again_ns == INT64_MAX);
	lock_release(&q.shard[0].lock);
	assert_true(runq_due(&q, 0, &due));
	runq_term(&q);
}

static void test_time_alone_takes_v_along(void **state UNUSED)
{
	begin(1);
	struct runq_entry hog = entry(MS, 100), other = entry(MS, 100);
	run(&hog, 0, 0);
	assert_int_equal(q.v_ns, 0);
	/* 10 s alone cost nothing: the newcomer starts beside it, not 10 s ahead. */
	runq_put(&q, &other, RUNQ_WAKE, 10000 * MS);
	assert_int_equal(q.v_ns, 10000 * MS);
	assert_int_equal(other.node.fair.ve_ns, 10000 * MS);
	/* From now on somebody waits: charged, and V stays. */
	runq_stopped(&q, &hog, 10003 * MS, 0);
	assert_int_equal(hog.node.fair.ve_ns, 10003 * MS);
	assert_int_equal(q.v_ns, 10000 * MS);
	runq_term(&q);
}

static void test_stopping_alone_takes_v_along(void **state UNUSED)
{
	begin(1);
	struct runq_entry hog = entry(MS, 100);
	run(&hog, 0, 0);
	runq_stopped(&q, &hog, 500 * MS, 0);
	assert_int_equal(q.v_ns, 500 * MS);
	runq_term(&q);
}

static void test_stolen_time_is_not_charged(void **state UNUSED)
{
	begin(1);
	struct runq_entry a = entry(10 * MS, 100), b = entry(MS, 100);
	run(&a, 0, 0);
	runq_put(&q, &b, RUNQ_WAKE, 0);
	runq_stopped(&q, &a, 5 * MS, 3 * MS);
	assert_int_equal(a.node.fair.ve_ns, 2 * MS);
	assert_int_equal(a.node.fair.used_ns, 2 * MS);
	runq_term(&q);
}

static void test_a_late_start_is_not_charged(void **state UNUSED)
{
	begin(1);
	struct runq_entry e = entry(MS, 100), other = entry(MS, 100);
	struct runq_due due;
	run(&e, 0, 0);
	runq_put(&q, &other, RUNQ_WAKE, 0);
	runq_began(&q, &e, 5 * MS);
	/* Its slice ends later by as much. */
	int64_t end = 5 * MS + fair_left_ns(&e.node.fair);
	assert_true(runq_due(&q, end - 1, &due));
	assert_int_equal(due.asked, 0);
	assert_int_equal(due.look_again_ns, end);
	int64_t before = e.node.fair.ve_ns;
	runq_stopped(&q, &e, 5 * MS + 100 * US, 0);
	assert_int_equal(e.node.fair.ve_ns - before, 100 * US);
	runq_term(&q);
}

static void test_detached_leaves_its_worker_and_is_charged(void **state UNUSED)
{
	begin(1);
	struct runq_entry a = entry(MS, 200), b = entry(MS, 100);
	run(&a, 0, 0);
	runq_put(&q, &b, RUNQ_WAKE, 0);
	runq_detached(&q, &a, 2 * MS);
	assert_int_equal(a.worker, -1);
	assert_int_equal(a.node.fair.ve_ns, MS);
	assert_ptr_equal(runq_next(&q, 0, 2 * MS), &b);
	runq_charge(&q, &a, 8 * MS, 6 * MS);
	assert_int_equal(a.node.fair.ve_ns, 4 * MS);
	expect(runq_put(&q, &a, RUNQ_RETURN, 8 * MS), RUNQ_QUEUED, -1, 0, 8 * MS);
	runq_term(&q);
}

static void test_change(void **state UNUSED)
{
	begin(1);
	struct runq_entry hog = entry(MS, 100), a = entry(MS, 100), b = entry(4 * MS, 100);
	run(&hog, 0, 0);
	runq_put(&q, &a, RUNQ_WAKE, 0);
	runq_put(&q, &b, RUNQ_WAKE, 0);
	assert_ptr_equal(order_heap_first(&q.shard[0].heap), &a.node);
	/* The order follows at once. */
	runq_change(&q, &b, &(struct settings){.slice_ns = MS / 2, .weight = 1000}, NULL, 0);
	assert_ptr_equal(order_heap_first(&q.shard[0].heap), &b.node);
	assert_true(order_heap_is_valid(&q.shard[0].heap));
	/* Of a running one too. */
	runq_change(&q, &hog, &(struct settings){.slice_ns = 3 * MS, .weight = 300}, NULL, 0);
	assert_int_equal(hog.node.fair.slice_ns, 3 * MS);
	assert_int_equal(b.node.fair.weight, 1000);
	runq_term(&q);
}

static void test_epochs_name_dispatches(void **state UNUSED)
{
	begin(1);
	struct runq_entry a = entry(MS, 100);
	run(&a, 0, 0);
	uint64_t first = running_epoch(&q.worker[0].run);
	runq_stopped(&q, &a, 10, 0);
	run(&a, 0, 20);
	assert_int_equal(running_epoch(&q.worker[0].run), first + 1);
	assert_int_equal(q.worker[0].run.started_ns, 20);
	runq_term(&q);
}

static void test_a_brief_one_is_given_a_quarter_of_its_slice(void **state UNUSED)
{
	struct runq_entry runs = entry(MS, 100), wakes = entry(MS, 100);
	begin(1);
	runq_put(&q, &runs, RUNQ_WAKE, 0);
	assert_ptr_equal(runq_next(&q, 0, 0), &runs);
	runq_stopped(&q, &runs, 10 * MS, 0);
	runq_put(&q, &runs, RUNQ_REQUEUE, 10 * MS);
	store_relaxed(&runs.habit.brief, true);
	assert_ptr_equal(runq_next(&q, 0, 10 * MS), &runs);
	struct runq_action action = runq_put(&q, &wakes, RUNQ_WAKE, 10 * MS + 100 * US);
	assert_int_equal(action.kind, RUNQ_QUEUED);
	struct runq_due due;
	assert_true(runq_due(&q, 10 * MS + 249 * US, &due));
	assert_int_equal(due.asked, 0);
	assert_true(runq_due(&q, 10 * MS + 250 * US, &due));
	assert_int_equal(due.asked, 1);
	runq_term(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_idle_worker_is_handed_the_service),
		cmocka_unit_test(test_giving_up_idleness),
		cmocka_unit_test(test_requeue_wakes_no_idle_worker_but_return_does),
		cmocka_unit_test(test_wake_preempts_the_latest_deadline),
		cmocka_unit_test(test_nobody_is_preempted_before_min_run),
		cmocka_unit_test(test_a_brief_one_is_given_a_quarter_of_its_slice),
		cmocka_unit_test(test_due_without_anybody_waiting),
		cmocka_unit_test(test_due_at_the_end_of_the_slice),
		cmocka_unit_test(test_the_end_of_a_request_stops_nobody_who_is_brief),
		cmocka_unit_test(test_a_lull_is_short_in_a_storm_only),
		cmocka_unit_test(test_due_asks_as_many_as_wait),
		cmocka_unit_test(test_due_does_not_wait_for_the_lock),
		cmocka_unit_test(test_time_alone_takes_v_along),
		cmocka_unit_test(test_stopping_alone_takes_v_along),
		cmocka_unit_test(test_stolen_time_is_not_charged),
		cmocka_unit_test(test_a_late_start_is_not_charged),
		cmocka_unit_test(test_detached_leaves_its_worker_and_is_charged),
		cmocka_unit_test(test_change),
		cmocka_unit_test(test_epochs_name_dispatches),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
