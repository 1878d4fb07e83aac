/* SPDX-License-Identifier: MIT
 *
 * What the rules look at. Time is the test's; a round that the machine has disturbed proves nothing, so whoever is to be found
 * gets as many rounds as it takes.
 */
#include "watchdog/survey.h"
#include "core/log.h"
#include "tests/unit/rooms.h"
#include "watchdog/notice.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { EPOCH = 7, ROUNDS = 10000 };
static const int64_t ROUND_NS = 100 * NS_PER_MS;
static const struct service_body body = {.kind = "fake"};

static char log_path[] = "/tmp/test_survey_XXXXXX";
static int64_t now_ns;

static struct service *make(const char *name)
{
	struct service *s = service_new(&body, name, 0, &settings_preset[CLASS_NORMAL]);
	object_hold(&s->object);
	assert_int_not_equal(service_publish(s), 0);
	return s;
}

static bool is_said(const char *part)
{
	static char text[1 << 16];
	FILE *f = fopen(log_path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	return strstr(text, part) != NULL;
}

/* Rounds until an alert of that rule begins, or ends. */
static void look_until(const char *part)
{
	for (int i = 0; i < ROUNDS && !is_said(part); i++) {
		now_ns += ROUND_NS;
		survey_pass(now_ns, 0);
	}
	if (!is_said(part))
		fail_msg("no \"%s\"", part);
}

/* A spare thread that sleeps, as if that were in the body of `s`, without a slot. */
static struct thread *put_on_thread(struct service *s)
{
	struct thread *t = thread_at(0);
	while (!thread_is_asleep(t))
		usleep(1000);
	store_relaxed(&t->cur, s);
	store_release(&t->run, run_word(EPOCH, RUN_DETACHED));
	return t;
}

static void test_one_killed_asleep_has_a_name(void **state UNUSED)
{
	struct service *s = make("sleeper");
	struct thread *t = put_on_thread(s);
	s->seen.handle = service_handle(s); /* known for long: no grace */
	mailbox_close(&s->mailbox, NULL);   /* as if it were not idle: its killer does not queue it */
	assert_true(sched_doom(s));
	look_until("error: blocked: service sleeper [ :");
	store_release(&t->run, run_word(EPOCH, RUN_LOOP));
	store_relaxed(&t->cur, NULL);
	look_until("blocked of service sleeper [ :");
}

/* The killer has found it idle, so it waits for a worker to end on. */
static void test_one_killed_that_waits_has_a_name(void **state UNUSED)
{
	struct service *s = make("waiter");
	assert_true(sched_doom(s));
	assert_int_equal(load_relaxed(&sched.queue.waiting), 1);
	look_until("error: starved: service waiter [ :");
	assert_ptr_equal(runq_next(&sched.queue, 0, now_ns), &s->entry);
	look_until("starved of service waiter [ :");
}

static int open_rooms(void **state UNUSED)
{
	int64_t limit[RULE_KINDS] = {[RULE_STARVED] = ROUND_NS,
				     [RULE_BLOCKED] = NS_PER_S,
				     [RULE_MONITOR_LATE] = 50 * NS_PER_MS};
	int fd = mkstemp(log_path);
	if (fd < 0 || close(fd) != 0 || log_open(log_path) != 0)
		return -1;
	rooms_open(1);
	thread_top_up();
	notice_init(LINE_SKYNET);
	survey_init(limit, thread_count());
	now_ns = clock_mono_ns() + 20 * NS_PER_S; /* the grace of new services is over */
	return 0;
}

static int close_rooms(void **state UNUSED)
{
	survey_term();
	log_close();
	return unlink(log_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_killed_asleep_has_a_name),
		cmocka_unit_test(test_one_killed_that_waits_has_a_name),
	};
	return cmocka_run_group_tests(tests, open_rooms, close_rooms);
}
