/* SPDX-License-Identifier: MIT */
#include "watchdog/rule.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define MS 1000000ll
#define S  1000000000ll

static struct rule_state state_of_it;

static int setup(void **state UNUSED)
{
	memset(&state_of_it, 0, sizeof(state_of_it));
	return 0;
}

/* One look at something that is old enough, on a quiet machine. */
static enum rule_verdict at(enum rule_kind kind, int64_t now_ns, int64_t figure, int64_t limit)
{
	struct rule_look look = {now_ns, -3600 * S, figure, limit, false, false};
	return rule_judge(kind, &state_of_it, &look);
}

static void test_every_rule_is_described(void **state UNUSED)
{
	for (int i = 0; i < RULE_KINDS; i++) {
		const struct rule *r = &rule_table[i];
		assert_true(r->name[0] && r->key[0] && r->before[0] && r->advice[0]);
		assert_true(r->limit > 0);
		assert_true(r->clear_percent > 0 && r->clear_percent < 100);
		for (int j = 0; j < i; j++) {
			assert_string_not_equal(r->name, rule_table[j].name);
			assert_string_not_equal(r->key, rule_table[j].key);
		}
	}
}

static void test_two_looks_make_an_episode(void **state UNUSED)
{
	assert_int_equal(at(RULE_TASKS, S, 99, 100), RULE_QUIET);
	assert_int_equal(at(RULE_TASKS, 2 * S, 100, 100), RULE_QUIET);
	assert_int_equal(at(RULE_TASKS, 3 * S, 99, 100), RULE_QUIET);
	assert_int_equal(at(RULE_TASKS, 4 * S, 500, 100), RULE_QUIET);
	assert_int_equal(at(RULE_TASKS, 5 * S, 100, 100), RULE_BEGINS);
	assert_int_equal(at(RULE_TASKS, 6 * S, 1000, 100), RULE_QUIET);
}

static void test_who_has_had_no_core_to_say_where_it_is_has_some_seconds(void **state UNUSED)
{
	struct rule_look look = {S, -3600 * S, 500, 100, false, true};
	assert_int_equal(rule_judge(RULE_STUCK, &state_of_it, &look), RULE_QUIET);
	look.now_ns = 5 * S;
	assert_int_equal(rule_judge(RULE_STUCK, &state_of_it, &look), RULE_QUIET);
	struct rule_state waits = state_of_it;
	look.unmet = false;
	assert_int_equal(rule_judge(RULE_STUCK, &state_of_it, &look), RULE_BEGINS);
	look = (struct rule_look){6 * S, -3600 * S, 500, 100, false, true};
	assert_int_equal(rule_judge(RULE_STUCK, &waits, &look), RULE_BEGINS);
}

static void test_a_little_less_is_not_over(void **state UNUSED)
{
	at(RULE_TASKS, S, 100, 100);
	assert_int_equal(at(RULE_TASKS, 2 * S, 100, 100), RULE_BEGINS);
	assert_int_equal(at(RULE_TASKS, 3 * S, 300, 100), RULE_QUIET);
	assert_int_equal(at(RULE_TASKS, 4 * S, 50, 100), RULE_QUIET);
	assert_int_equal(at(RULE_TASKS, 5 * S, 49, 100), RULE_OVER);
	assert_int_equal(state_of_it.worst, 300);
	/* And then it begins anew. */
	assert_int_equal(at(RULE_TASKS, 6 * S, 100, 100), RULE_QUIET);
	assert_int_equal(at(RULE_TASKS, 7 * S, 100, 100), RULE_BEGINS);
}

static void test_repeats_at_growing_intervals(void **state UNUSED)
{
	int64_t lines[8] = {0};
	int count = 0;
	for (int64_t now = S; now < 160 * S; now += S) {
		enum rule_verdict v = at(RULE_TASKS, now, 100, 100);
		if (v != RULE_QUIET)
			lines[count++] = now / S;
		assert_int_not_equal(v, RULE_OVER);
	}
	assert_int_equal(count, 5);
	assert_int_equal(lines[0], 2);
	assert_int_equal(lines[1], 12);
	assert_int_equal(lines[2], 32);
	assert_int_equal(lines[3], 72);
	assert_int_equal(lines[4], 152);
}

static void test_timers_must_be_late_for_a_while(void **state UNUSED)
{
	assert_int_equal(at(RULE_TIMER_LATE, S, S, 100 * MS), RULE_QUIET);
	assert_int_equal(at(RULE_TIMER_LATE, S + 999 * MS, S, 100 * MS), RULE_QUIET);
	assert_int_equal(at(RULE_TIMER_LATE, 2 * S, S, 100 * MS), RULE_BEGINS);
}

static void test_memory_is_one_line_for_each_doubling(void **state UNUSED)
{
	assert_int_equal(at(RULE_MEMORY, S, 31, 32), RULE_QUIET);
	assert_int_equal(at(RULE_MEMORY, 2 * S, 32, 32), RULE_BEGINS);
	assert_int_equal(at(RULE_MEMORY, 3 * S, 63, 32), RULE_QUIET);
	assert_int_equal(at(RULE_MEMORY, 4 * S, 1, 32), RULE_QUIET); /* never over, never reset */
	assert_int_equal(at(RULE_MEMORY, 5 * S, 40, 32), RULE_QUIET);
	assert_int_equal(at(RULE_MEMORY, 6 * S, 300, 32), RULE_BEGINS); /* one, not three */
	assert_int_equal(state_of_it.mark, 512);
}

/* Nothing that goes by the wall clock may begin in a round in which the machine was disturbed. */
static void test_no_alarm_while_the_machine_is_disturbed(void **state UNUSED)
{
	for (int kind = 0; kind < RULE_KINDS; kind++) {
		bool wall = rule_table[kind].flags & RULE_WALL;
		memset(&state_of_it, 0, sizeof(state_of_it));
		for (int64_t now = S; now < 100 * S; now += S) {
			struct rule_look look = {now, -3600 * S, 1000, 100, true, false};
			enum rule_verdict v =
				rule_judge((enum rule_kind)kind, &state_of_it, &look);
			assert_false(wall && v != RULE_QUIET);
		}
	}
	/* A disturbed look between two good ones begins the count anew. */
	memset(&state_of_it, 0, sizeof(state_of_it));
	struct rule_look bad = {2 * S, -3600 * S, 1000, 100, true, false};
	assert_int_equal(at(RULE_STARVED, S, 1000, 100), RULE_QUIET);
	assert_int_equal(rule_judge(RULE_STARVED, &state_of_it, &bad), RULE_QUIET);
	assert_int_equal(at(RULE_STARVED, 3 * S, 1000, 100), RULE_QUIET);
	assert_int_equal(at(RULE_STARVED, 4 * S, 1000, 100), RULE_BEGINS);
}

static void test_lateness_has_a_grace_and_long_work_has_none(void **state UNUSED)
{
	const enum rule_kind late[] = {RULE_STARVED, RULE_BLOCKED, RULE_MAILBOX_AGE,
				       RULE_TIMER_LATE, RULE_LOOP_LATE};
	for (size_t i = 0; i < COUNT_OF(late); i++) {
		memset(&state_of_it, 0, sizeof(state_of_it));
		for (int64_t now = S; now < 10 * S; now += S) {
			struct rule_look look = {now, 0, 1000 * S, 100, false, false};
			assert_int_equal(rule_judge(late[i], &state_of_it, &look), RULE_QUIET);
		}
		struct rule_look first = {10 * S, 0, 1000 * S, 100, false, false};
		struct rule_look second = {11 * S, 0, 1000 * S, 100, false, false};
		assert_int_equal(rule_judge(late[i], &state_of_it, &first), RULE_QUIET);
		assert_int_equal(rule_judge(late[i], &state_of_it, &second), RULE_BEGINS);
	}
	assert_false(rule_table[RULE_LONG_MESSAGE].flags & RULE_GRACE);
	struct rule_look first = {S, S, 1000, 100, false, false}, second = {2 * S, S, 1000, 100, false, false};
	memset(&state_of_it, 0, sizeof(state_of_it));
	rule_judge(RULE_STUCK, &state_of_it, &first);
	assert_int_equal(rule_judge(RULE_STUCK, &state_of_it, &second), RULE_BEGINS);
}

static void test_off_and_veto_say_nothing(void **state UNUSED)
{
	for (int64_t now = S; now < 10 * S; now += S) {
		assert_int_equal(at(RULE_TASKS, now, INT64_MAX, 0), RULE_QUIET);
		assert_int_equal(at(RULE_MONITOR_LATE, now, INT64_MAX, 1), RULE_QUIET);
	}
}

static void says(enum rule_unit unit, int64_t figure, const char *want)
{
	char text[32];
	rule_format(unit, figure, text, sizeof(text));
	assert_string_equal(text, want);
}

static void test_figures_as_text(void **state UNUSED)
{
	says(RULE_UNIT_NS, 0, "0 ms");
	says(RULE_UNIT_NS, 999 * MS + 999999, "999 ms");
	says(RULE_UNIT_NS, S, "1.000 s");
	says(RULE_UNIT_NS, 61 * S + 7 * MS, "61.007 s");
	says(RULE_UNIT_COUNT, 12345, "12345");
	says(RULE_UNIT_BYTES, 32ll << 20, "32.00 M");
	says(RULE_UNIT_BYTES, (32ll << 20) + 60000, "32.05 M");
	says(RULE_UNIT_BYTES, 1ll << 50, "1073741824.00 M");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_every_rule_is_described, setup),
		cmocka_unit_test_setup(test_two_looks_make_an_episode, setup),
		cmocka_unit_test_setup(test_who_has_had_no_core_to_say_where_it_is_has_some_seconds, setup),
		cmocka_unit_test_setup(test_a_little_less_is_not_over, setup),
		cmocka_unit_test_setup(test_repeats_at_growing_intervals, setup),
		cmocka_unit_test_setup(test_timers_must_be_late_for_a_while, setup),
		cmocka_unit_test_setup(test_memory_is_one_line_for_each_doubling, setup),
		cmocka_unit_test_setup(test_no_alarm_while_the_machine_is_disturbed, setup),
		cmocka_unit_test_setup(test_lateness_has_a_grace_and_long_work_has_none, setup),
		cmocka_unit_test_setup(test_off_and_veto_say_nothing, setup),
		cmocka_unit_test_setup(test_figures_as_text, setup),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
