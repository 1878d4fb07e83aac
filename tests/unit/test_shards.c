/* SPDX-License-Identifier: MIT
 *
 * The run queue with a heap per worker: where those who wait lie, who is kicked, and the backstop.
 */
#include "sched/runq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define US 1000ll
#define MS 1000000ll

static struct runq q;

static struct runq_entry entry(int64_t slice_ns, int32_t weight)
{
	struct runq_entry e;
	runq_entry_init(
		&e, &(struct settings){.slice_ns = slice_ns, .weight = weight, .credit_ns = MS});
	return e;
}

static void test_one_shard_up_to_eight_workers(void **state UNUSED)
{
	runq_init(&q, 8, 0, 50 * US);
	assert_int_equal(q.shards, 1);
	runq_term(&q);
	runq_init(&q, 9, 0, 50 * US);
	assert_int_equal(q.shards, 9);
	runq_term(&q);
}

/* With the worker that it preempts, which then looks nowhere else. */
static void test_a_waker_waits_where_it_preempts(void **state UNUSED)
{
	runq_init(&q, 3, 3, 50 * US);
	struct runq_entry hog[3], light = entry(MS, 100);
	for (int i = 0; i < 3; i++) {
		hog[i] = entry((i == 1 ? 9 : 3) * MS, 100);
		runq_put(&q, &hog[i], RUNQ_REQUEUE, 0);
		assert_non_null(runq_next(&q, i, 0));
	}
	struct runq_action a = runq_put(&q, &light, RUNQ_WAKE, 100 * US);
	assert_int_equal(a.kind, RUNQ_PREEMPT);
	assert_int_equal(a.worker, hog[1].worker);
	assert_int_equal(light.shard, hog[1].worker);
	/* A second one chooses another worker, since that one was asked. */
	struct runq_entry second = entry(MS, 100);
	struct runq_action b = runq_put(&q, &second, RUNQ_WAKE, 100 * US);
	assert_int_equal(b.kind, RUNQ_PREEMPT);
	assert_int_not_equal(b.worker, a.worker);
	runq_stopped(&q, &hog[1], 110 * US, 0);
	runq_put(&q, &hog[1], RUNQ_REQUEUE, 110 * US);
	assert_ptr_equal(runq_next(&q, a.worker, 111 * US), &light);
	runq_term(&q);
}

/* Whoever is put into a shard while somebody is idle: that one is told to look. */
static void test_an_idle_worker_is_kicked(void **state UNUSED)
{
	runq_init(&q, 2, 2, 50 * US);
	struct runq_entry a = entry(MS, 100), b = entry(MS, 100);
	assert_null(runq_next(&q, 1, 0));
	struct runq_action action = runq_put(&q, &a, RUNQ_REQUEUE, 0);
	assert_int_equal(action.kind, RUNQ_HANDED);
	assert_int_equal(action.worker, 1);
	assert_ptr_equal(runq_handed(&q, 1, 10), &a);
	/* Kicked, but somebody else was faster: it is enlisted again. */
	assert_null(runq_next(&q, 0, 20));
	action = runq_put(&q, &b, RUNQ_REQUEUE, 20);
	assert_int_equal(action.worker, 0);
	runq_stopped(&q, &a, 30, 0);
	assert_ptr_equal(runq_next(&q, 1, 30), &b);
	assert_null(runq_handed(&q, 0, 40));
	assert_int_equal(idle_count(&q.idle), 1);
	runq_term(&q);
}

/* A worker whose own heap is empty finds who waits in any other. */
static void test_nearly_empty_shards_look_at_all(void **state UNUSED)
{
	runq_init(&q, 40, 40, 50 * US);
	struct runq_entry e = entry(MS, 100);
	runq_put(&q, &e, RUNQ_RETURN, 0);
	for (int i = 0; i < 40; i += 39) {
		assert_ptr_equal(runq_next(&q, i, 0), &e);
		runq_stopped(&q, &e, 10, 0);
		runq_put(&q, &e, RUNQ_REQUEUE, 10);
	}
	runq_term(&q);
}

static void pass_over(struct runq *queue, int worker, int dispatches)
{
	struct run_view what = {.fair = {.slice_ns = MS, .weight = 100, .vd_ns = 900 * MS}};
	for (int i = 0; i < dispatches; i++) {
		struct running *run = &queue->worker[worker].run;
		what.epoch = running_epoch(run) + 2;
		running_begin(run, &what);
		if (i + 1 < dispatches)
			running_end(run);
	}
}

/* The virtual time has left it behind, and the other worker goes on dispatching: it is moved there and counted. */
static void test_backstop(void **state UNUSED)
{
	runq_init(&q, 2, 2, 50 * US);
	struct runq_entry e = entry(MS, 100), later = entry(MS, 100);
	struct runq_due due;
	runq_put(&q, &e, RUNQ_RETURN, 0);
	int home = e.shard, other = 1 - home;
	later.shard = other;
	later.last_worker = other;
	runq_put(&q, &later, RUNQ_REQUEUE, 0);
	assert_int_equal(later.shard, other);
	store_relaxed(&q.v_ns, 500 * MS);
	pass_over(&q, other, 1000);
	/* Late, but nobody has been dispatched since that was noticed. */
	assert_true(runq_due(&q, 100 * MS, &due));
	assert_int_equal(q.starved, 0);
	pass_over(&q, other, 16 * 4);
	running_end(&q.worker[other].run);
	pass_over(&q, other, 2);
	assert_true(runq_due(&q, 101 * MS, &due));
	assert_int_equal(q.starved, 1);
	assert_int_equal(e.shard, other);
	assert_int_equal(due.ask[due.asked - 1].worker, other);
	running_end(&q.worker[other].run);
	assert_ptr_equal(runq_next(&q, other, 101 * MS), &e);
	runq_term(&q);
}

/* Late by the clock alone is nobody. */
static void test_a_slow_machine_is_no_starvation(void **state UNUSED)
{
	runq_init(&q, 2, 2, 50 * US);
	struct runq_entry e = entry(MS, 100);
	struct runq_due due;
	runq_put(&q, &e, RUNQ_RETURN, 0);
	pass_over(&q, 0, 1000);
	assert_true(runq_due(&q, 10000 * MS, &due));
	assert_true(runq_due(&q, 20000 * MS, &due));
	assert_int_equal(q.starved, 0);
	runq_term(&q);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_shard_up_to_eight_workers),
		cmocka_unit_test(test_a_waker_waits_where_it_preempts),
		cmocka_unit_test(test_an_idle_worker_is_kicked),
		cmocka_unit_test(test_nearly_empty_shards_look_at_all),
		cmocka_unit_test(test_backstop),
		cmocka_unit_test(test_a_slow_machine_is_no_starvation),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
