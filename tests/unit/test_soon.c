/* SPDX-License-Identifier: MIT
 *
 * Who leaves the service that it wakes to its own worker, although another one is idle (sched_ready). The times are so far
 * off that it does not matter how long the test takes.
 */
#include "sched/park.h"
#include "tests/unit/rooms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct service_body body = {.kind = "fake"};
static struct thread me;

static int open_rooms(void **state UNUSED)
{
	rooms_open(2);
	thread_set_self(&me);
	me.slot = &sched.worker[0];
	assert_null(runq_next(&sched.queue, 1, 0)); /* it is idle */
	return 0;
}

static struct service *make(uint64_t messages)
{
	struct settings usual = {.slice_ns = NS_PER_MS, .weight = 100, .credit_ns = FAIR_CREDIT_NS};
	struct service *s = service_new(&body, "fake", 0, &usual);
	store_relaxed(&s->messages, messages);
	return s;
}

struct waker {
	uint64_t messages;
	bool ran_long, asks;
	int64_t last_took_ns;
};

static void run_on_our_worker(struct service *s, const struct waker *w)
{
	habit_note(&s->entry.habit, true, w->last_took_ns);
	service_set_status(s, SERVICE_READY);
	runq_put(&sched.queue, &s->entry, RUNQ_REQUEUE, 0);
	assert_ptr_equal(runq_next(&sched.queue, 0, 0), &s->entry);
	service_set_status(s, SERVICE_RUNNING);
	store_relaxed(&me.cur, s);
	store_relaxed(&me.run, run_word(running_epoch(&sched.queue.worker[0].run), RUN_BODY));
	me.run_since_ns = clock_mono_ns() + (w->ran_long ? -NS_PER_S : 3600 * NS_PER_S);
	me.owes = false;
}

/* Is a service that has had so many messages left to our worker? */
static bool leaves(struct waker w, uint64_t woken_messages)
{
	struct runq *q = &sched.queue;
	struct service *runs = make(w.messages), *woken = make(woken_messages);
	uint32_t wake = load_relaxed(&sched.worker[1].wake);
	run_on_our_worker(runs, &w);
	sched_ready(woken, w.asks);
	bool left = load_relaxed(&sched.worker[1].wake) == wake;
	assert_int_equal(me.owes, left);
	runq_stopped(q, &runs->entry, 1, 0);
	assert_ptr_equal(left ? runq_next(q, 0, 1) : runq_handed(q, 1, 1), &woken->entry);
	runq_stopped(q, &woken->entry, 2, 0);
	if (!left)
		assert_null(runq_next(q, 1, 2));
	return left;
}

enum { MANY = 100 };

static void test_who_has_only_begun_and_is_trusted(void **state UNUSED)
{
	assert_true(leaves((struct waker){.messages = MANY}, MANY));
	assert_false(leaves((struct waker){.messages = MANY, .ran_long = true}, MANY));
	assert_false(leaves((struct waker){.messages = MANY, .last_took_ns = HABIT_LONG_NS}, MANY));
}

static void test_who_asks_and_waits(void **state UNUSED)
{
	struct waker w = {.messages = MANY, .asks = true, .ran_long = true, .last_took_ns = HABIT_LONG_NS};
	assert_true(leaves(w, MANY));
}

static void test_who_starts(void **state UNUSED)
{
	assert_true(leaves((struct waker){.messages = 2, .last_took_ns = HABIT_LONG_NS}, MANY));
	assert_false(leaves((struct waker){.messages = 3, .last_took_ns = HABIT_LONG_NS}, MANY));
	/* What it does there takes long, so it may take longer. */
	assert_false(leaves((struct waker){.messages = 2, .ran_long = true}, MANY));
}

static void test_whoever_is_new(void **state UNUSED)
{
	struct waker w = {.messages = MANY, .ran_long = true, .last_took_ns = HABIT_LONG_NS};
	assert_true(leaves(w, 0));
	assert_false(leaves(w, 1));
}

/* It has no worker of its own. */
static void test_nobody_without_a_slot(void **state UNUSED)
{
	struct service *runs = make(MANY), *woken = make(MANY);
	uint32_t wake = load_relaxed(&sched.worker[1].wake);
	store_relaxed(&me.cur, runs);
	store_relaxed(&me.run, run_word(0, RUN_DETACHED));
	me.owes = false;
	sched_ready(woken, true);
	assert_int_equal(load_relaxed(&sched.worker[1].wake), wake + 1);
	assert_false(me.owes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_has_only_begun_and_is_trusted),
		cmocka_unit_test(test_who_asks_and_waits),
		cmocka_unit_test(test_who_starts),
		cmocka_unit_test(test_whoever_is_new),
		cmocka_unit_test(test_nobody_without_a_slot),
	};
	return cmocka_run_group_tests(tests, open_rooms, NULL);
}
