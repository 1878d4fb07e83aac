/* SPDX-License-Identifier: MIT
 *
 * Under a clock of its own, and with errands that are done when the test says so: errand_post and errand_is_done are
 * ours.
 */
#include "watchdog/demoted.h"
#include "core/clock.h"
#include "core/handle.h"
#include "sched/service.h"
#include "watchdog/errand.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static const struct service_body body = {.kind = "fake"};
static int posted[3]; /* by kind */
static uint64_t tickets, done;
static bool full;

bool errand_post(const struct errand *e, uint64_t *ticket)
{
	if (full)
		return false;
	posted[e->kind]++;
	*ticket = ++tickets;
	return true;
}

bool errand_is_done(uint64_t ticket)
{
	return ticket <= done;
}

static struct service *make(void)
{
	struct service *s = service_new(&body, "hog", 0, &settings_preset[CLASS_NORMAL]);
	assert_int_not_equal(service_publish(s), 0);
	return s;
}

static int begin(void **state UNUSED)
{
	demoted_init(10 * NS_PER_S);
	posted[0] = posted[1] = posted[2] = 0;
	done = tickets;
	full = false;
	return 0;
}

#define AT(s) ((int64_t)((s)*NS_PER_S))

static void test_demoted_until_it_has_behaved(void **state UNUSED)
{
	struct service *s = make();
	uint32_t handle = service_handle(s);
	assert_int_equal(demoted_pass(AT(0)), INT64_MAX);
	assert_true(demoted_begin(handle, s->name, 5, AT(5), "x.lua:1", AT(100)));
	assert_int_equal(posted[ERRAND_DEMOTE], 1);
	assert_false(demoted_begin(handle, s->name, 5, AT(5), "x.lua:1", AT(100)));
	assert_true(demoted_pass(AT(100)) < AT(101)); /* not done yet: looks again soon */
	done = tickets;
	store_relaxed(&s->demoted, true);
	demoted_pass(AT(100.1));
	assert_int_equal(demoted_pass(AT(100.2)), AT(110));
	/* The message lasts, and then one more is as bad. */
	demoted_misbehaves(handle, AT(107));
	assert_int_equal(demoted_pass(AT(110)), AT(117));
	demoted_misbehaves(handle, AT(116.9));
	assert_int_equal(demoted_pass(AT(117)), AT(126.9));
	assert_int_equal(posted[ERRAND_RESTORE], 0);
	assert_true(demoted_pass(AT(127)) < AT(128));
	assert_int_equal(posted[ERRAND_RESTORE], 1);
	done = tickets;
	store_relaxed(&s->demoted, false);
	assert_int_equal(demoted_pass(AT(127.1)), INT64_MAX);
	/* From the beginning. */
	assert_true(demoted_begin(handle, s->name, 6, AT(5), "x.lua:1", AT(200)));
}

static void test_the_message_had_ended(void **state UNUSED)
{
	struct service *s = make();
	assert_true(demoted_begin(service_handle(s), s->name, 5, AT(5), "", AT(1)));
	done = tickets;
	assert_int_equal(demoted_pass(AT(1)), INT64_MAX);
	assert_true(demoted_begin(service_handle(s), s->name, 6, AT(5), "", AT(2)));
}

static void test_the_service_is_gone(void **state UNUSED)
{
	struct service *s = make();
	uint32_t handle = service_handle(s);
	assert_true(demoted_begin(handle, s->name, 5, AT(5), "", AT(1)));
	assert_true(handle_retire(handle));
	assert_int_equal(demoted_pass(AT(1)), INT64_MAX);
}

static void test_no_room(void **state UNUSED)
{
	struct service *s = make();
	uint32_t handle = service_handle(s);
	full = true;
	assert_false(demoted_begin(handle, s->name, 5, AT(5), "", AT(1)));
	full = false;
	assert_true(demoted_begin(handle, s->name, 5, AT(5), "", AT(1)));
	done = tickets;
	store_relaxed(&s->demoted, true);
	demoted_pass(AT(1));
	full = true;
	assert_true(demoted_pass(AT(12)) < AT(13)); /* tried again soon */
	assert_int_equal(posted[ERRAND_RESTORE], 0);
	full = false;
	demoted_pass(AT(13));
	assert_int_equal(posted[ERRAND_RESTORE], 1);
}

static void test_as_many_as_there_are_records(void **state UNUSED)
{
	enum { MOST = 256 };
	uint32_t handle[MOST + 1];
	for (int i = 0; i <= MOST; i++)
		handle[i] = service_handle(make());
	for (int i = 0; i < MOST; i++)
		assert_true(demoted_begin(handle[i], "hog", 1, AT(5), "", AT(1)));
	assert_false(demoted_begin(handle[MOST], "hog", 1, AT(5), "", AT(1)));
	assert_true(handle_retire(handle[0]));
	demoted_pass(AT(1));
	assert_true(demoted_begin(handle[MOST], "hog", 1, AT(5), "", AT(1)));
}

static int open_rooms(void **state UNUSED)
{
	handle_init();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_demoted_until_it_has_behaved, begin),
		cmocka_unit_test_setup(test_the_message_had_ended, begin),
		cmocka_unit_test_setup(test_the_service_is_gone, begin),
		cmocka_unit_test_setup(test_no_room, begin),
		cmocka_unit_test_setup(test_as_many_as_there_are_records, begin),
	};
	return cmocka_run_group_tests(tests, open_rooms, NULL);
}
