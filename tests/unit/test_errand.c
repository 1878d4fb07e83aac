/* SPDX-License-Identifier: MIT */
#include "watchdog/errand.h"
#include "core/clock.h"
#include "core/handle.h"
#include "core/loop.h"
#include "core/text.h"
#include "core/timer.h"
#include "sched/sched.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>
#include <cmocka.h>

enum { ROOM = 256 };

static const struct service_body body = {.kind = "fake"};
static _Atomic int batches;

static void batch(struct settings *out)
{
	*out = settings_preset[CLASS_BATCH];
	add_relaxed(&batches, 1);
}

static void no_timer(uint32_t handle, int32_t session)
{
	(void)handle;
	(void)session;
}

static struct service *make(void)
{
	struct service *s = service_new(&body, "hog", 0, &settings_preset[CLASS_NORMAL]);
	object_hold(&s->object);
	assert_int_not_equal(service_publish(s), 0);
	return s;
}

static void wait_for(uint64_t ticket)
{
	while (!errand_is_done(ticket))
		usleep(100);
}

static uint64_t post(enum errand_kind kind, struct service *s, uint64_t number)
{
	uint64_t ticket = 0;
	assert_true(errand_post(&(struct errand){kind, service_handle(s), number}, &ticket));
	return ticket;
}

/* Before the loop runs nobody takes anything, so it fills up. */
static void test_a_full_ring_refuses_and_loses_nothing(void **state UNUSED)
{
	uint64_t ticket = 0;
	struct errand e = {ERRAND_RESTORE, HANDLE_MAX, 0};
	assert_false(errand_post(&e, NULL)); /* without errand_init */
	errand_init(batch);
	for (int i = 0; i < ROOM; i++)
		assert_true(errand_post(&e, &ticket));
	assert_false(errand_post(&e, NULL));
	assert_int_equal(ticket, ROOM);
	assert_false(errand_is_done(1));
	loop_start();
	wait_for(ROOM);
	assert_false(errand_is_done(ROOM + 1));
	/* There is room again, round and round. */
	for (int i = 0; i < 10 * ROOM; i++)
		while (!errand_post(&e, &ticket))
			usleep(100);
	wait_for(11 * ROOM);
}

static void test_only_for_the_message_that_was_meant(void **state UNUSED)
{
	struct service *s = make();
	store_relaxed(&s->message_number, 7);
	wait_for(post(ERRAND_DEMOTE, s, 6));
	assert_false(s->demoted);
	wait_for(post(ERRAND_KILL, s, 6));
	assert_false(s->doomed);
	assert_int_equal(batches, 0);
	wait_for(post(ERRAND_DEMOTE, s, 7));
	assert_true(s->demoted);
	assert_int_equal(batches, 1);
	store_relaxed(&s->message_number, 0);
	wait_for(post(ERRAND_RESTORE, s, 0));
	assert_false(s->demoted);
}

static void test_a_kill_is_a_kill(void **state UNUSED)
{
	struct service *s = make();
	uint32_t handle = service_handle(s);
	store_relaxed(&s->message_number, 3);
	service_set_status(s, SERVICE_READY), service_set_status(s, SERVICE_RUNNING);
	mailbox_push(&s->mailbox, message_new(0, MESSAGE_TEXT, 0, NULL, 0)); /* not idle */
	wait_for(post(ERRAND_KILL, s, 3));
	assert_true(s->doomed);
	assert_null(service_grab(handle));
	/* Gone is gone. */
	wait_for(post(ERRAND_KILL, s, 3));
}

/* When the process ends everybody is killed anyway, and nobody is started again. */
static void test_nothing_is_done_at_the_end(void **state UNUSED)
{
	struct service *s = make();
	store_relaxed(&s->message_number, 3);
	store_relaxed(&sched.ending, true);
	wait_for(post(ERRAND_KILL, s, 3));
	assert_false(s->doomed);
	store_relaxed(&sched.ending, false);
}

static int open_rooms(void **state UNUSED)
{
	struct sched_options options = {.workers = 1,
					.spares_max = 2,
					.stack_bytes = 128 * 1024,
					.min_run_ns = 50 * NS_PER_US};
	loop_block_signals();
	handle_init();
	timer_init(no_timer);
	text_init(NULL);
	sched_init(&options);
	return 0;
}

static int close_loop(void **state UNUSED)
{
	loop_stop();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_full_ring_refuses_and_loses_nothing),
		cmocka_unit_test(test_only_for_the_message_that_was_meant),
		cmocka_unit_test(test_a_kill_is_a_kill),
		cmocka_unit_test(test_nothing_is_done_at_the_end),
	};
	return cmocka_run_group_tests(tests, open_rooms, close_loop);
}
