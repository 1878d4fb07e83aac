/* SPDX-License-Identifier: MIT */
#include "sched/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static const struct service_body body = {.kind = "fake"};

/* Row: from, column: to, in the order of enum service_status. Written down once more, not read from
 * service.c. */
static const char *const allowed[] = {
	/*            I R r P D H X */
	/* idle     */ "-+-----",
	/* ready    */ "--+----",
	/* running  */ "++-++++",
	/* parked   */ "--+---+",
	/* detached */ "++-+-++",
	/* held     */ "--+----",
	/* dead     */ "+------",
};

enum { STATUSES = 7 };

static struct service *in_status(int status)
{
	static const int way[STATUSES][4] = {
		{-1},
		{SERVICE_READY, -1},
		{SERVICE_READY, SERVICE_RUNNING, -1},
		{SERVICE_READY, SERVICE_RUNNING, SERVICE_PARKED, -1},
		{SERVICE_READY, SERVICE_RUNNING, SERVICE_DETACHED, -1},
		{SERVICE_READY, SERVICE_RUNNING, SERVICE_HELD, -1},
		{SERVICE_READY, SERVICE_RUNNING, SERVICE_DEAD, -1},
	};
	struct service *s = service_new(&body, "test", 0, &settings_preset[CLASS_NORMAL]);
	for (int i = 0; way[status][i] >= 0; i++)
		service_set_status(s, (enum service_status)way[status][i]);
	assert_int_equal(s->status, status);
	return s;
}

/* Does the process survive the transition? */
static bool survives(int from, int to)
{
	int end = 0;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct service *s = in_status(from);
		close(STDERR_FILENO);
		signal(SIGABRT, SIG_DFL);
		service_set_status(s, (enum service_status)to);
		_exit(s->status == to ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &end, 0), child);
	return WIFEXITED(end) && WEXITSTATUS(end) == 0;
}

static void test_every_transition(void **state UNUSED)
{
	for (int from = 0; from < STATUSES; from++) {
		for (int to = 0; to < STATUSES; to++) {
			bool good = allowed[from][to] == '+';
#ifdef NDEBUG
			if (!good)
				continue; /* not checked in release builds */
#endif
			if (survives(from, to) != good)
				fail_msg("%s -> %s", service_status_name(from),
					 service_status_name(to));
		}
	}
}

static void test_names(void **state UNUSED)
{
	assert_string_equal(service_status_name(SERVICE_IDLE), "idle");
	assert_string_equal(service_status_name(SERVICE_DEAD), "dead");
	assert_string_equal(service_status_name(-1), "?");
	assert_string_equal(service_status_name(STATUSES), "?");
}

static void die(struct service *s)
{
	service_set_status(s, SERVICE_READY);
	service_set_status(s, SERVICE_RUNNING);
	service_set_status(s, SERVICE_DEAD);
}

static void test_life(void **state UNUSED)
{
	int living = service_living();
	struct service *s = service_new(
		&body, "battle", 3, &(struct settings){.slice_ns = 500000, .weight = 400});
	assert_int_equal(service_living(), living + 1);
	assert_string_equal(s->name, "battle");
	assert_int_equal(s->creator, 3);
	assert_int_equal(s->entry.node.fair.slice_ns, 500000);
	assert_int_equal(s->entry.node.fair.weight, 400);
	assert_int_equal(s->entry.worker, -1);
	assert_int_equal(s->entry.node.place, -1);
	uint32_t handle = service_publish(s);
	assert_int_not_equal(handle, 0);
	assert_ptr_equal(service_grab(handle), s);
	assert_int_equal(service_handle(s), handle);
	assert_null(service_grab(handle + 1));
	service_release(s);
	assert_true(handle_retire(handle));
	assert_null(service_grab(handle));
	die(s);
	service_release(s);
	assert_int_equal(service_living(), living);
}

static void test_memory_is_recycled_clean(void **state UNUSED)
{
	struct service *s = service_new(&body, "first", 1, &settings_preset[CLASS_NORMAL]);
	requests_open(&s->open, 9, 9);
	s->entry.spawned = true;
	s->cpu_ns = 5;
	s->doomed = true;
	s->message_number = 8;
	service_new_session(s);
	die(s);
	service_release(s);
	struct service *again = service_new(&body, "second", 2, &settings_preset[CLASS_BATCH]);
	assert_ptr_equal(again, s);
	assert_int_equal(again->open.count, 0);
	assert_false(again->entry.spawned);
	assert_int_equal(again->cpu_ns, 0);
	assert_false(again->doomed);
	assert_int_equal(again->message_number, 0);
	assert_int_equal(service_new_session(again), 1);
	die(again);
	service_release(again);
}

static void test_long_names_are_cut(void **state UNUSED)
{
	char name[200];
	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	struct service *s = service_new(&body, name, 0, &settings_preset[CLASS_NORMAL]);
	assert_int_equal(strlen(s->name), sizeof(s->name) - 1);
	die(s);
	service_release(s);
}

static void test_sessions_are_positive_and_wrap(void **state UNUSED)
{
	struct service *s = service_new(&body, "s", 0, &settings_preset[CLASS_NORMAL]);
	assert_int_equal(service_new_session(s), 1);
	assert_int_equal(service_new_session(s), 2);
	s->sessions = INT32_MAX - 1;
	assert_int_equal(service_new_session(s), INT32_MAX);
	assert_int_equal(service_new_session(s), 1);
	die(s);
	service_release(s);
}

static int end(void **state UNUSED)
{
	service_term();
	handle_term();
	return 0;
}

static int start(void **state UNUSED)
{
	handle_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_transition),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_life),
		cmocka_unit_test(test_memory_is_recycled_clean),
		cmocka_unit_test(test_long_names_are_cut),
		cmocka_unit_test(test_sessions_are_positive_and_wrap),
	};
	return cmocka_run_group_tests(tests, start, end);
}
