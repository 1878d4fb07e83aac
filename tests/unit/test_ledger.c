/* SPDX-License-Identifier: MIT */
#include "sched/ledger.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define US 1000ll
#define MS 1000000ll

/* A slot and its thread in virtual time: what really happens to it, beside what the ledger makes of it. */
static struct {
	struct ledger ledger;
	int64_t now, cpu, delay, sleeps;
	int64_t billed, taken;
} slot;

static struct ledger_look look(bool full)
{
	return (struct ledger_look){
		.cpu_ns = slot.cpu,
		.full = full,
		.delay_ns = slot.delay,
		.sleeps = slot.sleeps,
	};
}

static void begin(void)
{
	slot.now = 1000 * MS;
	slot.cpu = slot.delay = slot.sleeps = slot.billed = slot.taken = 0;
	ledger_open(&slot.ledger, slot.now);
	struct ledger_look first = look(true);
	ledger_take(&slot.ledger, 0, slot.now, &first);
}

static void works(int64_t ns)
{
	slot.now += ns;
	slot.cpu += ns;
}

/* The kernel runs somebody else. */
static void waits(int64_t ns)
{
	slot.now += ns;
	slot.delay += ns;
}

/* The host runs somebody else. */
static void stolen(int64_t ns)
{
	slot.now += ns;
}

static void sleeps(int64_t ns)
{
	slot.now += ns;
	slot.sleeps++;
}

static void look_if_due(bool full)
{
	struct ledger_look now = look(full);
	if (ledger_is_due(&slot.ledger, slot.now))
		ledger_look(&slot.ledger, slot.now, &now);
}

static void enter(void)
{
	look_if_due(true);
	ledger_move(&slot.ledger, LEDGER_RUN, &slot, slot.now);
}

static void leave(void)
{
	look_if_due(true);
	struct ledger_run run = ledger_leave(&slot.ledger, LEDGER_SCHED, slot.now);
	slot.billed += run.used_ns;
	slot.taken = run.taken_ns;
}

static struct ledger_columns columns(void)
{
	struct ledger_columns c;
	ledger_read(&slot.ledger, slot.now, &c);
	assert_int_equal(c.services_ns + c.overhead_ns + c.idle_ns + c.taken_ns, c.wall_ns);
	assert_int_equal(c.wall_ns, slot.now - 1000 * MS);
	return c;
}

static void expect(int64_t services, int64_t overhead, int64_t idle, int64_t taken)
{
	struct ledger_columns c = columns();
	assert_int_equal(c.services_ns, services);
	assert_int_equal(c.overhead_ns, overhead);
	assert_int_equal(c.idle_ns, idle);
	assert_int_equal(c.taken_ns, taken);
}

static void test_undisturbed(void **state UNUSED)
{
	begin();
	works(10 * US);
	enter();
	works(3 * MS);
	leave();
	works(20 * US);
	ledger_move(&slot.ledger, LEDGER_IDLE, NULL, slot.now);
	sleeps(5 * MS);
	ledger_wake(&slot.ledger, slot.now, slot.now);
	expect(3 * MS, 30 * US, 5 * MS, 0);
	assert_int_equal(slot.billed, 3 * MS);
}

static void test_the_present_stretch_counts(void **state UNUSED)
{
	begin();
	works(10 * US);
	enter();
	works(7 * MS);
	expect(7 * MS, 10 * US, 0, 0);
	assert_int_equal(ledger_run_ns(&slot.ledger, slot.now), 7 * MS);
	leave();
	ledger_move(&slot.ledger, LEDGER_IDLE, NULL, slot.now);
	sleeps(MS);
	expect(7 * MS, 10 * US, MS, 0);
}

static void test_what_a_long_run_lost_is_not_billed(void **state UNUSED)
{
	begin();
	enter();
	works(MS);
	waits(4 * MS);
	stolen(2 * MS);
	leave();
	expect(MS, 0, 0, 6 * MS);
	assert_int_equal(slot.billed, MS);
	assert_int_equal(slot.taken, 6 * MS);
	/* And the next run is not concerned. */
	enter();
	works(MS);
	leave();
	assert_int_equal(slot.billed, 2 * MS);
	assert_int_equal(slot.taken, 0);
}

/* A run that is short but for the loss: the loss itself makes it long enough for a look. */
static void test_the_victim_is_known(void **state UNUSED)
{
	begin();
	for (int i = 0; i < 10; i++) {
		enter();
		works(10 * US);
		leave();
		works(US);
	}
	enter();
	works(10 * US);
	waits(3 * MS);
	leave();
	assert_int_equal(slot.billed, 110 * US);
	assert_int_equal(slot.taken, 3 * MS);
	expect(110 * US, 10 * US, 0, 3 * MS);
}

static void test_the_scheduler_can_be_the_victim(void **state UNUSED)
{
	begin();
	enter();
	works(10 * US);
	leave();
	waits(2 * MS);
	enter();
	expect(10 * US, 0, 0, 2 * MS);
	assert_int_equal(slot.billed, 10 * US);
}

/* Losses too small for a look are found after a while, and the next services pay. */
static void test_small_losses_become_a_debt(void **state UNUSED)
{
	begin();
	int64_t truth = 0;
	for (int i = 0; i < 1000; i++) {
		enter();
		works(80 * US);
		stolen(20 * US);
		leave();
		truth += 80 * US;
	}
	struct ledger_columns c = columns();
	assert_int_equal(slot.billed, c.services_ns + c.debt_ns);
	/* But for the window that is open. */
	assert_true(slot.billed >= truth && slot.billed <= truth + LEDGER_WINDOW_NS);
	assert_true(c.taken_ns <= 20 * MS && c.taken_ns >= 19 * MS);
}

static void test_sleep_on_the_slot_is_idle(void **state UNUSED)
{
	begin();
	enter();
	works(100 * US);
	sleeps(30 * MS);
	works(100 * US);
	leave();
	expect(200 * US, 0, 30 * MS, 0);
	assert_int_equal(columns().asleep_ns, 30 * MS);
	assert_int_equal(slot.billed, 200 * US);
	/* It held the slot: nothing to be taken off its share. */
	assert_int_equal(slot.taken, 0);
}

static void test_run_delay_within_sleep_is_taken(void **state UNUSED)
{
	begin();
	enter();
	works(100 * US);
	sleeps(30 * MS);
	waits(5 * MS);
	leave();
	expect(100 * US, 0, 30 * MS, 5 * MS);
	assert_int_equal(slot.taken, 5 * MS);
}

/* The worker's own sleeps, and run delay that is booked, do not make a service's sleep or delay. */
static void test_what_is_explained_is_not_explained_twice(void **state UNUSED)
{
	begin();
	ledger_move(&slot.ledger, LEDGER_IDLE, NULL, slot.now);
	sleeps(MS);
	waits(4 * MS);
	ledger_wake(&slot.ledger, slot.now - 4 * MS, slot.now);
	enter();
	works(100 * US);
	stolen(3 * MS);
	leave();
	expect(100 * US, 0, MS, 7 * MS);
	ledger_move(&slot.ledger, LEDGER_IDLE, NULL, slot.now);
	sleeps(MS);
	waits(4 * MS);
	ledger_wake(&slot.ledger, slot.now - 4 * MS, slot.now);
	enter();
	sleeps(6 * MS);
	leave();
	expect(100 * US, 0, 8 * MS, 11 * MS);
	assert_int_equal(columns().asleep_ns, 6 * MS);
}

static void test_without_run_delay_figures(void **state UNUSED)
{
	begin();
	enter();
	works(MS);
	waits(4 * MS);
	sleeps(5 * MS);
	struct ledger_look blind = look(true);
	blind.delay_ns = -1;
	ledger_look(&slot.ledger, slot.now, &blind);
	leave();
	expect(MS, 0, 9 * MS, 0);
}

static void test_woken_late(void **state UNUSED)
{
	begin();
	ledger_move(&slot.ledger, LEDGER_IDLE, NULL, slot.now);
	sleeps(10 * MS);
	ledger_wake(&slot.ledger, slot.now - 2 * MS, slot.now);
	expect(0, 0, 8 * MS, 2 * MS);
	/* An ordinary wake-up. */
	ledger_move(&slot.ledger, LEDGER_IDLE, NULL, slot.now);
	sleeps(10 * MS);
	ledger_wake(&slot.ledger, slot.now - 30 * US, slot.now);
	expect(0, 0, 18 * MS, 2 * MS);
}

static void test_the_way_to_sleep_is_overhead(void **state UNUSED)
{
	begin();
	for (int i = 0; i < 100; i++) {
		enter();
		works(30 * US);
		leave();
		ledger_move(&slot.ledger, LEDGER_IDLE, NULL, slot.now);
		works(5 * US);
		sleeps(15 * US);
		ledger_wake(&slot.ledger, slot.now, slot.now);
	}
	struct ledger_look now = look(false);
	ledger_look(&slot.ledger, slot.now, &now);
	expect(3 * MS, 500 * US, 1500 * US, 0);
}

static void test_hand_off(void **state UNUSED)
{
	begin();
	enter();
	works(2 * MS);
	struct ledger_look last = look(true);
	ledger_look(&slot.ledger, slot.now, &last);
	assert_int_equal(ledger_leave(&slot.ledger, LEDGER_IDLE, slot.now).used_ns, 2 * MS);
	assert_int_equal(load_relaxed(&slot.ledger.holder), -1);
	slot.now += 100 * US; /* until the spare is awake; its clocks are others */
	slot.cpu = 77 * MS;
	slot.delay = 5 * MS;
	slot.sleeps = 12;
	struct ledger_look first = look(true);
	ledger_take(&slot.ledger, 3, slot.now, &first);
	assert_int_equal(load_relaxed(&slot.ledger.holder), 3);
	enter();
	works(3 * MS);
	leave();
	expect(5 * MS, 0, 100 * US, 0);
}

static void test_copies(void **state UNUSED)
{
	begin();
	enter();
	works(2 * MS);
	struct ledger copy;
	ledger_copy(&slot.ledger, &copy);
	assert_int_equal(ledger_version(&slot.ledger), ledger_version(&copy));
	assert_ptr_equal(load_relaxed(&copy.who), &slot);
	leave();
	assert_int_not_equal(ledger_version(&slot.ledger), ledger_version(&copy));
	struct ledger_columns c;
	ledger_read(&copy, slot.now, &c);
	assert_int_equal(c.services_ns, 2 * MS);
}

/* At random: the columns against what really happened. */
static void one_life(unsigned seed)
{
	srand(seed);
	begin();
	int64_t truth = 0, taken = 0, asleep = 0, idle = 0, start = slot.cpu;
	for (int i = 0; i < 20000; i++) {
		works(1 + rand() % 2000);
		enter();
		int64_t run = rand() % 100 ? rand() % 50000 : rand() % (10 * MS);
		works(run);
		truth += run;
		int64_t lost = rand() % 200 ? 0 : rand() % (20 * MS);
		int what = rand() % 3;
		if (lost) {
			what == 0 ? waits(lost) : what == 1 ? stolen(lost) : sleeps(lost);
			*(what == 2 ? &asleep : &taken) += lost;
		}
		leave();
		if (rand() % 4)
			continue;
		ledger_move(&slot.ledger, LEDGER_IDLE, NULL, slot.now);
		int64_t rest = rand() % (2 * MS), late = rand() % 50 ? 0 : rand() % (9 * MS);
		sleeps(rest);
		waits(late);
		ledger_wake(&slot.ledger, slot.now - late, slot.now);
		idle += rest;
		taken += late;
	}
	struct ledger_columns c = columns();
	int64_t slack = c.wall_ns / 200;
	assert_int_equal(slot.billed, c.services_ns + c.debt_ns);
	assert_true(llabs(c.services_ns - truth) < slack);
	assert_true(llabs(c.overhead_ns - (slot.cpu - start - truth)) < slack);
	assert_true(llabs(c.taken_ns - taken) < slack);
	assert_true(llabs(c.asleep_ns - asleep) < slack);
	assert_true(llabs(c.idle_ns - idle - asleep) < slack);
}

static void test_at_random(void **state UNUSED)
{
	for (unsigned seed = 1; seed <= 50; seed++)
		one_life(seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_undisturbed),
		cmocka_unit_test(test_the_present_stretch_counts),
		cmocka_unit_test(test_what_a_long_run_lost_is_not_billed),
		cmocka_unit_test(test_the_victim_is_known),
		cmocka_unit_test(test_the_scheduler_can_be_the_victim),
		cmocka_unit_test(test_small_losses_become_a_debt),
		cmocka_unit_test(test_sleep_on_the_slot_is_idle),
		cmocka_unit_test(test_run_delay_within_sleep_is_taken),
		cmocka_unit_test(test_what_is_explained_is_not_explained_twice),
		cmocka_unit_test(test_without_run_delay_figures),
		cmocka_unit_test(test_woken_late),
		cmocka_unit_test(test_the_way_to_sleep_is_overhead),
		cmocka_unit_test(test_hand_off),
		cmocka_unit_test(test_copies),
		cmocka_unit_test(test_at_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
