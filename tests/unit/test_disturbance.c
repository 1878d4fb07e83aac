/* SPDX-License-Identifier: MIT */
#include "watchdog/disturbance.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define MS 1000000ll
#define S  1000000000ll

static const struct machine_sample quiet = {
	.at_ns = 100 * S,
	.boot_ns = 500 * S,
	.slots_ns = 1000 * S,
	.taken_ns = 5 * S,
	.cpu_ticks = 100000,
	.steal_ticks = 50,
};

/* A second later, with everything as usual. */
static struct machine_sample later(void)
{
	struct machine_sample m = quiet;
	m.at_ns += S;
	m.boot_ns += S;
	m.slots_ns += 2 * S;
	m.taken_ns += 10 * MS;
	m.cpu_ticks += 200;
	m.steal_ticks += 2;
	return m;
}

static void expect(struct machine_sample now, enum disturbance want)
{
	assert_int_equal(disturbance_between(&quiet, &now, 50 * MS), want);
	assert_non_null(disturbance_name(want));
}

static void test_an_ordinary_second(void **state UNUSED)
{
	expect(later(), DISTURBED_NOT);
	expect(quiet, DISTURBED_NOT);
}

/* SIGSTOP and SIGCONT, a paused VM whose clock went on, gdb: the monitor was stopped with all others. */
static void test_a_stopped_process_is_late_itself(void **state UNUSED)
{
	struct machine_sample m = later();
	m.monitor_late_ns = 50 * MS - 1;
	expect(m, DISTURBED_NOT);
	m.monitor_late_ns = 50 * MS;
	expect(m, DISTURBED_LATE);
}

static void test_a_suspended_machine(void **state UNUSED)
{
	struct machine_sample m = later();
	m.boot_ns += 9 * MS;
	expect(m, DISTURBED_NOT);
	m.boot_ns += 2 * MS;
	expect(m, DISTURBED_SUSPENDED);
}

static void test_cores_that_are_taken_away(void **state UNUSED)
{
	struct machine_sample m = later();
	m.taken_ns = quiet.taken_ns + 599 * MS;
	expect(m, DISTURBED_NOT);
	m.taken_ns = quiet.taken_ns + 600 * MS;
	expect(m, DISTURBED_TAKEN);
	m = later();
	m.steal_ticks = quiet.steal_ticks + 59;
	expect(m, DISTURBED_NOT);
	m.steal_ticks = quiet.steal_ticks + 60;
	expect(m, DISTURBED_TAKEN);
	/* Nobody wanted to run: nothing can have been taken. */
	m = later();
	m.slots_ns = quiet.slots_ns;
	m.taken_ns = quiet.taken_ns;
	expect(m, DISTURBED_NOT);
}

static void test_a_debugger(void **state UNUSED)
{
	struct machine_sample m = later();
	m.traced = true;
	expect(m, DISTURBED_TRACED);
}

static void test_what_the_kernel_writes(void **state UNUSED)
{
	int64_t all = 0, steal = 0;
	assert_int_equal(disturbance_tracer("Name:\tx\nPid:\t7\nTracerPid:\t4711\nUid:\t0\n"),
			 4711);
	assert_int_equal(disturbance_tracer("Name:\tx\nTracerPid:\t0\n"), 0);
	assert_int_equal(disturbance_tracer(""), -1);
	assert_true(disturbance_ticks("cpu  1 2 3 4 5 6 7 80 9 10\ncpu0 1 1\n", &all, &steal));
	assert_int_equal(all, 108); /* guest time is in user time already */
	assert_int_equal(steal, 80);
	assert_false(disturbance_ticks("cpu  1 2 3\n", &all, &steal));
	assert_false(disturbance_ticks("", &all, &steal));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_an_ordinary_second),
		cmocka_unit_test(test_a_stopped_process_is_late_itself),
		cmocka_unit_test(test_a_suspended_machine),
		cmocka_unit_test(test_cores_that_are_taken_away),
		cmocka_unit_test(test_a_debugger),
		cmocka_unit_test(test_what_the_kernel_writes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
