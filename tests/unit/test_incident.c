/* SPDX-License-Identifier: MIT
 *
 * When an alert is written, and what it says of where its service is. The thread is a fake that runs when the test says so: its
 * handler is `meet`, its count hook `answer`. Time is the test's.
 */
#include "watchdog/incident.h"
#include "core/log.h"
#include "tests/unit/rooms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

enum { EPOCH = 7, MESSAGE = 3 };
static const struct service_body body = {.kind = "fake"};
static const struct runq_due nobody_waits;
static const int64_t MS = NS_PER_MS;

static char log_path[] = "/tmp/test_incident_XXXXXX";
static struct thread thread; /* without an id, so that no signal is sent, and never asleep */
static struct service *service;
static struct incident incident;
static int64_t begun_ns, tended_ns;

static uint64_t word(void)
{
	return run_word(EPOCH, RUN_BODY);
}

static void begin(void)
{
	static struct incident none;
	struct sample sample = {service_handle(service), MESSAGE, 80 * MS};
	incident = none;
	store_relaxed(&service->evidence, NULL);
	store_relaxed(&service->message_number, MESSAGE);
	store_relaxed(&service->seen_tier, TIER_VM); /* of a preemption, long ago */
	store_relaxed(&thread.run, word());
	store_relaxed(&thread.sighting.word, 0);
	tended_ns = begun_ns = clock_mono_ns();
	assert_int_equal(truncate(log_path, 0), 0);
	incident_begin(&incident, service, &sample, 80 * MS, begun_ns);
	incident_begin_alert(&incident, &thread, word(), &sample, begun_ns);
}

/* The signal handler has run, in C code. */
static void meet(void)
{
	uintptr_t stack[1] = {0};
	sighting_take(&thread.sighting, EPOCH, (uintptr_t)meet, (uintptr_t)stack, 0, (uintptr_t)stack, false);
}

static void answer(void)
{
	struct evidence *e = exchange_acq_rel(&service->evidence, NULL);
	assert_ptr_equal(e, &incident.evidence);
	e->kind = "interpreted";
	strcpy(e->place, "main.lua:12");
	store_release(&e->state, EVIDENCE_READY);
}

/* The monitor's passes until so many ms after the alert was due. Returns when it was written, -1: not yet. */
static int64_t tend_until(int64_t ms)
{
	for (; tended_ns <= begun_ns + ms * MS; tended_ns += INCIDENT_RETRY_NS) {
		incident_look(&incident, &thread, word(), tended_ns);
		if (incident_tend(&incident, tended_ns, &nobody_waits))
			return (tended_ns - begun_ns) / MS;
	}
	return -1;
}

static void said(const char *part)
{
	static char text[1 << 16];
	FILE *f = fopen(log_path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

/* The host has taken its core away, or it waits for its turn: that is no reason to say that it has no line. */
static void test_who_does_not_run_is_waited_for(void **state UNUSED)
{
	begin();
	assert_int_equal(tend_until(400), -1);
	answer();
	assert_int_not_equal(tend_until(500), -1);
	said("at main.lua:12 (interpreted)");
}

/* It was met, but lost its core before it came to the next instruction. */
static void test_one_meeting_is_not_enough(void **state UNUSED)
{
	begin();
	meet();
	assert_int_equal(tend_until(400), -1);
	answer();
	assert_int_not_equal(tend_until(500), -1);
	said("at main.lua:12 (interpreted)");
}

static void test_but_not_for_ever(void **state UNUSED)
{
	begin();
	assert_int_equal(tend_until(2000), 1000);
	said("(not met: it has had no core or no turn since it was asked)");
}

static void test_who_is_met_in_c_each_time_has_no_line(void **state UNUSED)
{
	int64_t at = -1;
	begin();
	for (int64_t ms = 0; at < 0 && ms < 200; ms += 5) {
		meet();
		at = tend_until(ms);
	}
	assert_int_equal(at, 50);
	said("(in a C function of the Lua library such as string.find, or a finalizer: no Lua line to be had)");
}

/* The handler takes some places in the library for code of others. */
static void test_once_in_the_library_is_in_the_library(void **state UNUSED)
{
	int64_t at = -1;
	begin();
	for (int64_t ms = 0; at < 0 && ms < 200; ms += 5) {
		store_relaxed(&service->seen_tier, ms == 5 ? TIER_VM : TIER_FOREIGN);
		meet();
		at = tend_until(ms);
	}
	said("(in a C function of the Lua library");
	begin();
	store_relaxed(&service->seen_tier, TIER_FOREIGN);
	for (int64_t ms = at = 0; at <= 0 && ms < 200; ms += 5) {
		meet();
		at = tend_until(ms);
	}
	said("(C code or a system call, no Lua line to be had)");
}

static void test_the_first_answer_needs_no_other_after_50_ms(void **state UNUSED)
{
	begin();
	answer();
	assert_int_equal(tend_until(200), 50);
	said("at main.lua:12 (interpreted)");
}

static void test_a_message_that_is_over_is_not_waited_for(void **state UNUSED)
{
	begin();
	store_relaxed(&service->message_number, MESSAGE + 1);
	assert_int_equal(tend_until(200), 50);
	said("(not met: its message ended just then)");
}

static int open_rooms(void **state UNUSED)
{
	int fd = mkstemp(log_path);
	if (fd < 0 || close(fd) != 0 || log_open(log_path) != 0)
		return -1;
	rooms_open(1);
	store_relaxed(&thread.stat_fd, -1);
	service = service_new(&body, "hog", 0, &settings_preset[CLASS_NORMAL]);
	return service_publish(service) != 0 ? 0 : -1;
}

static int remove_log(void **state UNUSED)
{
	log_close();
	return unlink(log_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_who_does_not_run_is_waited_for),
		cmocka_unit_test(test_one_meeting_is_not_enough),
		cmocka_unit_test(test_but_not_for_ever),
		cmocka_unit_test(test_who_is_met_in_c_each_time_has_no_line),
		cmocka_unit_test(test_once_in_the_library_is_in_the_library),
		cmocka_unit_test(test_the_first_answer_needs_no_other_after_50_ms),
		cmocka_unit_test(test_a_message_that_is_over_is_not_waited_for),
	};
	return cmocka_run_group_tests(tests, open_rooms, remove_log);
}
