/* SPDX-License-Identifier: MIT */
#include "watchdog/ladder.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

enum {
	DEMOTE = 1 << STEP_DEMOTE,
	DUMP = 1 << STEP_DUMP,
	INTERRUPT = 1 << STEP_INTERRUPT,
	KILL = 1 << STEP_KILL
};

#define MS 1000000ll

/* warn, demote, dump, interrupt, kill */
static const int64_t all[STEP_COUNT] = {1000 * MS, 5000 * MS, 10000 * MS, 20000 * MS, 30000 * MS};

/* One look, in which everything that is due is taken, as the monitor does when nothing is full. */
static unsigned look(struct ladder *l, const int64_t *at_ns, const struct ladder_look *seen,
		     bool *stuck)
{
	unsigned due = ladder_due(l, at_ns, seen, stuck);
	for (int i = 0; i < STEP_COUNT; i++)
		if (due & 1u << i)
			ladder_take(l, (enum limit_step)i, seen);
	return due;
}

static unsigned at(struct ladder *l, const int64_t *at_ns, int64_t cpu_ns)
{
	bool stuck;
	return look(l, at_ns, &(struct ladder_look){.cpu_ns = cpu_ns}, &stuck);
}

static void test_each_step_once_at_its_time(void **state UNUSED)
{
	struct ladder l = {0};
	assert_int_equal(at(&l, all, 4999 * MS), 0);
	assert_int_equal(at(&l, all, 5000 * MS), DEMOTE);
	assert_int_equal(at(&l, all, 5001 * MS), 0);
	assert_int_equal(at(&l, all, 10000 * MS), DUMP);
	assert_int_equal(at(&l, all, 19999 * MS), 0);
	assert_int_equal(at(&l, all, 20000 * MS), INTERRUPT);
	assert_int_equal(at(&l, all, 20001 * MS), 0);
}

static void test_zero_leaves_a_step_out(void **state UNUSED)
{
	const int64_t none[STEP_COUNT] = {1000 * MS};
	const int64_t only_kill[STEP_COUNT] = {[STEP_KILL] = 500 * MS};
	struct ladder l = {0};
	assert_int_equal(at(&l, none, INT64_MAX), 0);
	assert_int_equal(ladder_first_ns(none), 1000 * MS);
	assert_int_equal(ladder_next_ns(&l, none, 0), INT64_MAX);
	assert_int_equal(at(&l, only_kill, 499 * MS), 0);
	assert_int_equal(ladder_first_ns(only_kill), 500 * MS);
	assert_int_equal(at(&l, only_kill, 500 * MS), KILL);
	assert_int_equal(ladder_first_ns((const int64_t[STEP_COUNT]){0}), INT64_MAX);
}

static void test_what_was_not_handed_over_is_due_again(void **state UNUSED)
{
	struct ladder l = {0};
	bool stuck;
	struct ladder_look seen = {.cpu_ns = 6000 * MS};
	assert_int_equal(ladder_due(&l, all, &seen, &stuck), DEMOTE);
	assert_int_equal(ladder_due(&l, all, &seen, &stuck), DEMOTE);
	assert_int_equal(ladder_next_ns(&l, all, seen.cpu_ns), seen.cpu_ns);
	ladder_take(&l, STEP_DEMOTE, &seen);
	assert_int_equal(ladder_due(&l, all, &seen, &stuck), 0);
	assert_int_equal(ladder_next_ns(&l, all, seen.cpu_ns), 10000 * MS);
}

static void test_what_is_so_already_is_not_due(void **state UNUSED)
{
	struct ladder l = {0};
	bool stuck;
	struct ladder_look demoted = {.cpu_ns = 6000 * MS, .demoted = true};
	struct ladder_look doomed = {.cpu_ns = 40000 * MS, .demoted = true, .doomed = true};
	assert_int_equal(look(&l, all, &demoted, &stuck), 0);
	assert_int_equal(look(&l, all, &doomed, &stuck), DUMP);
}

static void test_all_at_once_is_a_kill_without_an_interrupt(void **state UNUSED)
{
	struct ladder l = {0};
	assert_int_equal(at(&l, all, 40000 * MS), DEMOTE | DUMP | KILL);
}

static void test_an_interrupt_that_does_not_come_out_becomes_a_kill(void **state UNUSED)
{
	struct ladder l = {0};
	bool stuck;
	struct ladder_look seen = {.cpu_ns = 20000 * MS, .demoted = true};
	assert_int_equal(look(&l, all, &seen, &stuck), DUMP | INTERRUPT);
	assert_int_equal(ladder_next_ns(&l, all, seen.cpu_ns), seen.cpu_ns + LADDER_STUCK_NS);
	seen.met = LADDER_MEETINGS;
	seen.cpu_ns += LADDER_STUCK_NS - 1;
	assert_int_equal(look(&l, all, &seen, &stuck), 0);
	seen.cpu_ns += 1;
	assert_int_equal(look(&l, all, &seen, &stuck), KILL);
	assert_true(stuck);
	seen.cpu_ns += LADDER_STUCK_NS;
	assert_int_equal(look(&l, all, &seen, &stuck), 0);
}

/* The host has taken its core away, and its clock goes on: it has had no chance to raise the error. */
static void test_an_interrupt_of_which_nobody_has_heard_is_waited_for(void **state UNUSED)
{
	const int64_t limits[STEP_COUNT] = {[STEP_INTERRUPT] = 300 * MS};
	struct ladder l = {0};
	bool stuck;
	struct ladder_look seen = {.cpu_ns = 300 * MS, .met = 5};
	assert_int_equal(look(&l, limits, &seen, &stuck), INTERRUPT);
	seen.cpu_ns += 5 * LADDER_STUCK_NS;
	seen.met += LADDER_MEETINGS - 1;
	assert_int_equal(look(&l, limits, &seen, &stuck), 0);
	struct ladder deaf = l;
	struct ladder_look still = seen;
	seen.met++;
	assert_int_equal(look(&l, limits, &seen, &stuck), KILL);
	assert_true(stuck);
	/* It has blocked the signal. */
	still.cpu_ns += 5 * LADDER_STUCK_NS;
	assert_int_equal(look(&deaf, limits, &still, &stuck), KILL);
}

/* The error is out, but the message goes on with other tasks: they get as much as the first one had. */
static void test_the_next_interrupt_waits_as_long_as_the_first(void **state UNUSED)
{
	const int64_t limits[STEP_COUNT] = {[STEP_INTERRUPT] = 300 * MS};
	struct ladder l = {0};
	bool stuck;
	struct ladder_look seen = {.cpu_ns = 310 * MS, .interrupts = 7};
	assert_int_equal(look(&l, limits, &seen, &stuck), INTERRUPT);
	seen.cpu_ns = 320 * MS;
	seen.interrupts = 8;
	assert_int_equal(look(&l, limits, &seen, &stuck), 0);
	assert_int_equal(ladder_next_ns(&l, limits, seen.cpu_ns), 620 * MS);
	seen.cpu_ns = 619 * MS;
	assert_int_equal(look(&l, limits, &seen, &stuck), 0);
	seen.cpu_ns = 620 * MS;
	assert_int_equal(look(&l, limits, &seen, &stuck), INTERRUPT);
	assert_false(stuck);
}

static void test_by_hand_at_any_time(void **state UNUSED)
{
	const int64_t none[STEP_COUNT] = {0};
	struct ladder l = {0};
	bool stuck;
	struct ladder_look seen = {.cpu_ns = 1, .by_hand = true};
	assert_int_equal(look(&l, none, &seen, &stuck), INTERRUPT);
	/* One is on its way. */
	assert_int_equal(look(&l, none, &seen, &stuck), 0);
	seen.interrupts = 1;
	assert_int_equal(look(&l, none, &seen, &stuck), INTERRUPT);
	seen.by_hand = false;
	seen.met += LADDER_MEETINGS;
	seen.cpu_ns += LADDER_STUCK_NS;
	assert_int_equal(look(&l, none, &seen, &stuck), KILL);
	assert_true(stuck);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_step_once_at_its_time),
		cmocka_unit_test(test_zero_leaves_a_step_out),
		cmocka_unit_test(test_what_was_not_handed_over_is_due_again),
		cmocka_unit_test(test_what_is_so_already_is_not_due),
		cmocka_unit_test(test_all_at_once_is_a_kill_without_an_interrupt),
		cmocka_unit_test(test_an_interrupt_that_does_not_come_out_becomes_a_kill),
		cmocka_unit_test(test_an_interrupt_of_which_nobody_has_heard_is_waited_for),
		cmocka_unit_test(test_the_next_interrupt_waits_as_long_as_the_first),
		cmocka_unit_test(test_by_hand_at_any_time),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
