/* SPDX-License-Identifier: MIT
 *
 * The steps of the ladder and what is said of them. The thread is a fake whose handler is `meet`; nobody does the errands.
 */
#include "watchdog/steps.h"
#include "core/log.h"
#include "tests/unit/rooms.h"
#include "watchdog/errand.h"
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

enum { EPOCH = 7, MESSAGE = 3, INTERRUPT_MS = 100, STUCK_MS = INTERRUPT_MS + LADDER_STUCK_NS / 1000000 };
static const struct service_body body = {.kind = "fake"};

static char log_path[] = "/tmp/test_steps_XXXXXX";
static struct thread thread; /* without an id, so that no signal is sent, and never asleep */
static struct service *service;
static struct steps steps;

static void said(const char *part, bool wanted)
{
	static char text[1 << 16];
	FILE *f = fopen(log_path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	if ((strstr(text, part) != NULL) != wanted)
		fail_msg("\"%s\" is %sin \"%s\"", part, wanted ? "not " : "", text);
}

static void begin(void)
{
	struct limits limits = {.at_ns = {[STEP_INTERRUPT] = INTERRUPT_MS * NS_PER_MS}};
	assert_int_equal(truncate(log_path, 0), 0);
	service = service_new(&body, "hog", 0, &settings_preset[CLASS_NORMAL]);
	assert_int_not_equal(service_publish(service), 0);
	service_set_limits(service, &limits);
	store_relaxed(&service->message_number, MESSAGE);
	steps_end(&steps);
}

static void look(int64_t cpu_ms)
{
	bool raising;
	struct steps_look now = {
		.thread = &thread,
		.epoch = EPOCH,
		.service = service,
		.handle = service_handle(service),
		.number = MESSAGE,
		.cpu_ns = cpu_ms * NS_PER_MS,
		.now_ns = cpu_ms * NS_PER_MS,
		.name = "hog",
		.place = "",
		.told = true,
	};
	steps_take(&steps, &now, &raising);
}

/* The signal handler, told to raise the error. */
static void meet(enum park_tier tier)
{
	assert_int_equal(load_relaxed(&service->raise_number), MESSAGE);
	assert_int_equal(load_relaxed(&thread.raise), EPOCH);
	store_relaxed(&service->seen_tier, tier);
	or_relaxed(&service->raises_met_in, 1u << tier);
	add_relaxed(&service->raises_met, 1);
}

static void test_the_reason_comes_from_all_meetings(void **state UNUSED)
{
	begin();
	look(INTERRUPT_MS);
	said("error: interrupt: service hog", true);
	meet(TIER_FOREIGN);
	meet(TIER_VM);
	meet(TIER_FOREIGN);
	look(STUCK_MS);
	said("within 100 ms of CPU: it is in a C function of the Lua library", true);
}

/* Nor do those count that are of an interrupt which came out. */
static void test_but_not_from_those_before(void **state UNUSED)
{
	begin();
	store_relaxed(&service->seen_tier, TIER_MACHINE_CODE); /* of a preemption, long ago */
	look(INTERRUPT_MS);
	meet(TIER_VM);
	add_relaxed(&service->interrupts, 1);
	look(INTERRUPT_MS + 1);
	look(2 * INTERRUPT_MS + 1); /* the next one */
	for (int i = 0; i < LADDER_MEETINGS; i++)
		meet(TIER_FOREIGN);
	look(2 * INTERRUPT_MS);
	said("error: kill", false);
	look(INTERRUPT_MS + 1 + STUCK_MS);
	said("within 100 ms of CPU: it is in C code: no hook fires there", true);
}

static int open_rooms(void **state UNUSED)
{
	int fd = mkstemp(log_path);
	if (fd < 0 || close(fd) != 0 || log_open(log_path) != 0)
		return -1;
	rooms_open(1);
	notice_init(LINE_SKYNET);
	errand_init(NULL);
	steps_init();
	store_relaxed(&thread.stat_fd, -1);
	return 0;
}

static int remove_log(void **state UNUSED)
{
	steps_end(&steps);
	log_close();
	return unlink(log_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_reason_comes_from_all_meetings),
		cmocka_unit_test(test_but_not_from_those_before),
	};
	return cmocka_run_group_tests(tests, open_rooms, remove_log);
}
