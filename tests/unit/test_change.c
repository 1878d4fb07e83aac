/* SPDX-License-Identifier: MIT */
#include "tests/unit/rooms.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct service_body body = {.kind = "fake"};

/* What settings do needs no thread. */
static int open_rooms(void **state UNUSED)
{
	rooms_open(1);
	return 0;
}

static struct service *make(const char *name, bool group)
{
	struct settings settings = {CLASS_NORMAL, NS_PER_MS, FAIR_CREDIT_NS, 200, group};
	struct service *s = service_new(&body, name, 0, &settings);
	object_hold(&s->object);
	assert_int_not_equal(service_publish(s), 0);
	return s;
}

static void in_force(struct service *s, int64_t slice_ns, int32_t weight, int64_t credit_ns,
		     bool group)
{
	struct settings now;
	runq_settings_of(&sched.queue, &s->entry, &now);
	assert_int_equal(now.slice_ns, slice_ns);
	assert_int_equal(now.weight, weight);
	assert_int_equal(now.credit_ns, credit_ns);
	assert_int_equal(now.group, group);
}

static void shown(struct service *s, int32_t weight, bool group, enum settings_class class)
{
	struct settings now;
	sched_settings_of(s, &now);
	assert_int_equal(now.weight, weight);
	assert_int_equal(now.group, group);
	assert_int_equal(now.class, class);
}

static const struct settings *batch = &settings_preset[CLASS_BATCH];

static void test_gets_less_and_all_of_it_back(void **state UNUSED)
{
	struct service *s = make("one", false);
	sched_demote(s, batch);
	assert_true(s->demoted);
	in_force(s, 4 * NS_PER_MS, 25, 0, false);
	shown(s, 200, false, CLASS_NORMAL);
	sched_demote(s, batch); /* twice is once */
	shown(s, 200, false, CLASS_NORMAL);
	sched_restore(s);
	assert_false(s->demoted);
	in_force(s, NS_PER_MS, 200, FAIR_CREDIT_NS, false);
	sched_restore(s);
	in_force(s, NS_PER_MS, 200, FAIR_CREDIT_NS, false);
}

/* A class batch that is more than the service has is no gift. */
static void test_never_gets_more(void **state UNUSED)
{
	struct settings rich = {CLASS_BATCH, 4 * NS_PER_MS, 90 * NS_PER_MS, 5000, true};
	struct service *s = make("two", false);
	sched_demote(s, &rich);
	in_force(s, 4 * NS_PER_MS, 200, FAIR_CREDIT_NS, false);
}

static void test_what_is_set_meanwhile_is_what_it_gets_back(void **state UNUSED)
{
	struct settings set = {CLASS_INTERACTIVE, 250 * NS_PER_US, 0, 70, false};
	struct service *s = make("three", false);
	sched_demote(s, batch);
	sched_change(s, &set);
	in_force(s, 4 * NS_PER_MS, 25, 0, false);
	shown(s, 70, false, CLASS_INTERACTIVE);
	sched_restore(s);
	in_force(s, 250 * NS_PER_US, 70, 0, false);
	shown(s, 70, false, CLASS_INTERACTIVE);
}

static void test_leaves_its_group_and_comes_back(void **state UNUSED)
{
	struct settings now;
	struct service *a = make("four", true), *b = make("four", true);
	sched_demote(a, batch);
	in_force(a, 4 * NS_PER_MS, 25, 0, false);
	in_force(b, NS_PER_MS, 200, FAIR_CREDIT_NS, true);
	shown(a, 200, true, CLASS_NORMAL);
	/* What the others agree on meanwhile counts. */
	sched_settings_of(b, &now);
	now.weight = 300;
	sched_change(b, &now);
	sched_restore(a);
	in_force(a, NS_PER_MS, 300, FAIR_CREDIT_NS, true);
	in_force(b, NS_PER_MS, 300, FAIR_CREDIT_NS, true);
	/* Unless it was set for this one, and so for all of them, while it was out. */
	sched_demote(a, batch);
	now.weight = 400;
	sched_change(a, &now);
	in_force(b, NS_PER_MS, 300, FAIR_CREDIT_NS, true);
	sched_restore(a);
	in_force(b, NS_PER_MS, 400, FAIR_CREDIT_NS, true);
	/* And one that was taken out of it stays out. */
	sched_demote(a, batch);
	now.group = false;
	sched_change(a, &now);
	sched_restore(a);
	in_force(a, NS_PER_MS, 400, FAIR_CREDIT_NS, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_gets_less_and_all_of_it_back),
		cmocka_unit_test(test_never_gets_more),
		cmocka_unit_test(test_what_is_set_meanwhile_is_what_it_gets_back),
		cmocka_unit_test(test_leaves_its_group_and_comes_back),
	};
	return cmocka_run_group_tests(tests, open_rooms, NULL);
}
