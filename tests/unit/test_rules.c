/* SPDX-License-Identifier: MIT */
#include "watchdog/rules.h"
#include "core/clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static void test_threshold_doubles_up_to_a_limit(void **state UNUSED)
{
	assert_int_equal(rule_threshold_ns(1000, 0), 1000);
	assert_int_equal(rule_threshold_ns(1000, 1), 2000);
	assert_int_equal(rule_threshold_ns(1000, 5), 32000);
	assert_int_equal(rule_threshold_ns(1000, 20), 1000ll << 20);
	assert_int_equal(rule_threshold_ns(1000, 21), 1000ll << 20);
}

static bool enough(int64_t since_ms, int looks, int met, bool over)
{
	return rule_evidence_is_enough(&(struct evidence_age){since_ms * NS_PER_MS, looks, met, over});
}

static void test_evidence_has_a_short_time_while_there_is_somebody_to_meet(void **state UNUSED)
{
	assert_true(enough(20, 3, 3, false));
	assert_false(enough(49, 2, 9, false));
	assert_true(enough(50, 1, 1, false));
	/* In C code each time: no line to be had. */
	assert_false(enough(49, 0, 9, false));
	assert_true(enough(50, 0, 3, false));
	/* Its message is over. */
	assert_false(enough(49, 0, 0, true));
	assert_true(enough(50, 0, 0, true));
}

static void test_who_has_not_been_met_has_a_second_to_answer(void **state UNUSED)
{
	assert_false(enough(50, 0, 0, false));
	assert_false(enough(999, 0, 2, false));
	assert_true(enough(1000, 0, 0, false));
}

/* In ms: at `now`, in the run `word`, the message that began at `mark`, with the thread's clock at `cpu`. */
static int64_t used(struct sight *s, uint64_t word, int64_t mark, int64_t now, int64_t cpu)
{
	struct sight_now look = {word, mark * NS_PER_MS, now * NS_PER_MS, cpu * NS_PER_MS};
	return rule_used_ns(s, &look, 200 * NS_PER_MS) / NS_PER_MS;
}

static void test_of_a_message_the_clock_of_its_thread_counts(void **state UNUSED)
{
	struct sight s = {0};
	assert_int_equal(used(&s, 1, 1000, 1030, 500), 30);
	assert_int_equal(used(&s, 1, 1000, 1100, 570), 100);
	/* The host has taken its core away. */
	assert_int_equal(used(&s, 1, 1000, 6000, 580), 110);
}

static void test_a_message_in_a_run_that_was_seen_before_is_no_other_case(void **state UNUSED)
{
	struct sight s = {0};
	used(&s, 1, 1000, 1000, 500);
	/* All of the time since its beginning was its own. */
	assert_int_equal(used(&s, 1, 1040, 1100, 600), 60);
	/* Hardly any was: 5 s were taken away. */
	assert_int_equal(used(&s, 1, 1150, 6150, 620), 20);
	assert_int_equal(used(&s, 1, 1150, 6250, 720), 120);
	assert_int_equal(used(&s, 1, 1150, 9250, 720), 120);
}

static void test_nor_is_one_in_a_new_run(void **state UNUSED)
{
	struct sight s = {0};
	used(&s, 1, 1000, 1000, 500);
	assert_int_equal(used(&s, 2, 1150, 6150, 620), 120);
	/* Nor has anybody looked at what it did before. */
	assert_int_equal(used(&s, 3, 7000, 9000, 2620), 200);
	/* Another thread, whose clock begins anew. */
	assert_int_equal(used(&s, 4, 9050, 9100, 40), 40);
}

static bool seen(struct episode *e, uint32_t service, uint64_t number, int64_t cpu_ns)
{
	return rule_long_message(e, &(struct sample){service, number, cpu_ns}, 100);
}

static void test_one_alert_for_each_doubling(void **state UNUSED)
{
	struct episode e = {0};
	assert_false(seen(&e, 7, 1, 99));
	assert_int_equal(e.service, 7);
	assert_int_equal(e.alerts, 0);
	assert_true(seen(&e, 7, 1, 100));
	assert_int_equal(e.alerts, 1);
	assert_false(seen(&e, 7, 1, 199));
	assert_true(seen(&e, 7, 1, 200));
	assert_false(seen(&e, 7, 1, 399));
	assert_true(seen(&e, 7, 1, 400));
	/* Three thresholds passed between two samples are one alert. */
	assert_true(seen(&e, 7, 1, 3300));
	assert_int_equal(e.next_ns, 6400);
	assert_false(seen(&e, 7, 1, 6399));
}

static void test_another_message_or_service_begins_anew(void **state UNUSED)
{
	struct episode e = {0};
	assert_true(seen(&e, 7, 1, 1000));
	assert_false(seen(&e, 7, 2, 50));
	assert_int_equal(e.alerts, 0);
	assert_true(seen(&e, 7, 2, 100));
	assert_true(seen(&e, 8, 2, 100));
	assert_int_equal(e.service, 8);
}

static void test_episode_ends_with_the_message(void **state UNUSED)
{
	struct episode e = {7, 3, 0, 1};
	assert_false(rule_is_over(&e, &(struct sample){7, 3, 0}));
	assert_true(rule_is_over(&e, &(struct sample){7, 4, 0}));
	assert_true(rule_is_over(&e, &(struct sample){7, 0, 0}));
	assert_true(rule_is_over(&e, NULL));
}

enum { RETRY = 100, HANDOFF = 2000 };

static void expect(struct request_age age, enum request_step step)
{
	assert_int_equal(rule_request(&age, RETRY, HANDOFF), step);
}

static void test_request_waits_then_signals_again(void **state UNUSED)
{
	expect((struct request_age){.since_ask_ns = 99, .since_signal_ns = 99}, REQUEST_WAIT);
	expect((struct request_age){.since_ask_ns = 100, .since_signal_ns = 100}, REQUEST_SIGNAL);
	expect((struct request_age){.since_ask_ns = 500, .since_signal_ns = 50}, REQUEST_WAIT);
}

static void test_request_leaves_sleepers_alone_and_hands_off(void **state UNUSED)
{
	struct request_age age = {.since_ask_ns = 1999, .since_signal_ns = 1999, .asleep = true};
	expect(age, REQUEST_WAIT);
	age.since_ask_ns = HANDOFF;
	expect(age, REQUEST_HAND_OFF);
}

static void test_request_refused_hands_off_after_grace(void **state UNUSED)
{
	struct request_age age = {.since_ask_ns = 1999, .since_signal_ns = 1999, .refused = true};
	expect(age, REQUEST_SIGNAL);
	age.since_ask_ns = HANDOFF;
	expect(age, REQUEST_HAND_OFF);
}

static void test_request_has_less_patience_the_second_time(void **state UNUSED)
{
	struct request_age age = {.since_ask_ns = 3 * RETRY - 1, .refused = true, .again = true};
	expect(age, REQUEST_WAIT);
	age.since_ask_ns = 3 * RETRY;
	expect(age, REQUEST_HAND_OFF);
	/* `again` alone, without a refusal, is no reason. */
	age.refused = false;
	expect(age, REQUEST_WAIT);
	/* Never more patience than the first time. */
	age = (struct request_age){.since_ask_ns = 150, .asleep = true, .again = true};
	assert_int_equal(rule_request(&age, RETRY, 150), REQUEST_HAND_OFF);
}

static void test_request_that_nobody_heard_is_not_repeated_so_often(void **state UNUSED)
{
	struct request_age age = {.since_signal_ns = 10 * RETRY - 1, .unheard = true};
	expect(age, REQUEST_WAIT);
	age.since_signal_ns++;
	expect(age, REQUEST_SIGNAL);
	age.since_signal_ns--;
	age.unheard = false;
	expect(age, REQUEST_SIGNAL);
}

static void test_request_never_answered_hands_off_in_the_end(void **state UNUSED)
{
	expect((struct request_age){.since_ask_ns = 50 * HANDOFF - 1}, REQUEST_WAIT);
	expect((struct request_age){.since_ask_ns = 50 * HANDOFF}, REQUEST_HAND_OFF);
}

static void test_detached_is_signalled_while_it_computes(void **state UNUSED)
{
	struct detached_age age = {.since_ns = HANDOFF, .cpu_ns = 10 * HANDOFF};
	assert_false(rule_signal_detached(&age, HANDOFF));
	age.busy = true;
	assert_true(rule_signal_detached(&age, HANDOFF));
	/* Who stepped aside may compute a little around what blocks. */
	age.aside = true;
	assert_true(rule_signal_detached(&age, HANDOFF));
	age.cpu_ns = HANDOFF - 1;
	assert_false(rule_signal_detached(&age, HANDOFF));
	/* A killed one comes home, asleep or not. */
	age = (struct detached_age){.aside = true, .doomed = true};
	assert_true(rule_signal_detached(&age, HANDOFF));
}

static void test_detached_is_slowed_only_if_it_takes_cpu_and_cannot_be_held(void **state UNUSED)
{
	const struct detached_age stuck = {
		.since_ns = 50 * NS_PER_MS, .busy = true, .refused = true};
	assert_true(rule_slow_detached(&stuck));
	struct detached_age age = stuck;
	age.since_ns--;
	assert_false(rule_slow_detached(&age));
	age = stuck;
	age.busy = false;
	assert_false(rule_slow_detached(&age));
	age = stuck;
	age.refused = false;
	assert_false(rule_slow_detached(&age));
	age = stuck;
	age.aside = true;
	assert_false(rule_slow_detached(&age));
}

static void test_backoff_doubles_until_the_limit(void **state UNUSED)
{
	assert_int_equal(rule_backoff_ns(10, 70), 20);
	assert_int_equal(rule_backoff_ns(20, 70), 40);
	assert_int_equal(rule_backoff_ns(40, 70), 70);
	assert_int_equal(rule_backoff_ns(70, 70), 70);
	/* The limit is a higher one now: the thread is stuck. */
	assert_int_equal(rule_backoff_ns(70, 1000), 140);
}

static void test_progress(void **state UNUSED)
{
	assert_true(rule_progress(5, 6, 3));
	assert_true(rule_progress(5, 5, 0)); /* nobody waits */
	assert_false(rule_progress(5, 5, 1));
	assert_true(rule_progress(6, 5, 1)); /* a slot changed its thread */
}

static void test_a_lost_worker_is_timed_while_it_is_looked_at(void **state UNUSED)
{
	struct lost lost = {0};
	assert_int_equal(rule_lost_ns(&lost, 0, 100, 50), 0);
	assert_int_equal(rule_lost_ns(&lost, 7, 200, 50), 0);
	assert_int_equal(rule_lost_ns(&lost, 7, 230, 50), 30);
	/* The process was stopped: one step, not all of it. */
	assert_int_equal(rule_lost_ns(&lost, 7, 100000, 50), 80);
	assert_int_equal(rule_lost_ns(&lost, 7, 100050, 50), 130);
	/* Another dispatch, or none: from the beginning. */
	assert_int_equal(rule_lost_ns(&lost, 8, 100060, 50), 0);
	assert_int_equal(rule_lost_ns(&lost, 8, 100070, 50), 10);
	assert_int_equal(rule_lost_ns(&lost, 0, 100080, 50), 0);
	assert_int_equal(rule_lost_ns(&lost, 8, 100090, 50), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_threshold_doubles_up_to_a_limit),
		cmocka_unit_test(test_of_a_message_the_clock_of_its_thread_counts),
		cmocka_unit_test(test_a_message_in_a_run_that_was_seen_before_is_no_other_case),
		cmocka_unit_test(test_nor_is_one_in_a_new_run),
		cmocka_unit_test(test_one_alert_for_each_doubling),
		cmocka_unit_test(test_another_message_or_service_begins_anew),
		cmocka_unit_test(test_episode_ends_with_the_message),
		cmocka_unit_test(test_evidence_has_a_short_time_while_there_is_somebody_to_meet),
		cmocka_unit_test(test_who_has_not_been_met_has_a_second_to_answer),
		cmocka_unit_test(test_request_waits_then_signals_again),
		cmocka_unit_test(test_request_leaves_sleepers_alone_and_hands_off),
		cmocka_unit_test(test_request_refused_hands_off_after_grace),
		cmocka_unit_test(test_request_has_less_patience_the_second_time),
		cmocka_unit_test(test_request_that_nobody_heard_is_not_repeated_so_often),
		cmocka_unit_test(test_request_never_answered_hands_off_in_the_end),
		cmocka_unit_test(test_detached_is_signalled_while_it_computes),
		cmocka_unit_test(test_detached_is_slowed_only_if_it_takes_cpu_and_cannot_be_held),
		cmocka_unit_test(test_backoff_doubles_until_the_limit),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_a_lost_worker_is_timed_while_it_is_looked_at),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
