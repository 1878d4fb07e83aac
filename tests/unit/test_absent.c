/* SPDX-License-Identifier: MIT
 *
 * What the process remembers of modules that no file takes the place of.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "luabind/absent.h"
#include <stdio.h>

static const char name[] = "skynet.task", other[] = "skynet.call";

static void test_known_where_it_was_looked_for(void **state)
{
	(void)state;
	struct absent_place here = {"./?.lua", "./?.so", 1}, path = {"./x/?.lua", "./?.so", 1},
			    cpath = {"./?.lua", "./x/?.so", 1};
	assert_false(absent_known(&here, name));
	absent_note(&here, name);
	assert_true(absent_known(&here, name));
	assert_false(absent_known(&here, other));
	assert_false(absent_known(&path, name));
	assert_false(absent_known(&cpath, name));
}

/* After a clear everything is looked for again, and a search that began before it tells nothing. */
static void test_clear_forgets(void **state)
{
	(void)state;
	struct absent_place before = {"clear/?.lua", "", 1}, after = {"clear/?.lua", "", 2};
	absent_note(&before, name);
	assert_false(absent_known(&after, name));
	absent_note(&after, other);
	assert_true(absent_known(&after, other));
	assert_false(absent_known(&after, name));
	absent_note(&before, name);
	assert_false(absent_known(&after, name));
	assert_false(absent_known(&before, name));
}

static void test_only_what_ships(void **state)
{
	(void)state;
	struct absent_place here = {"./?.lua", "./?.so", 1};
	absent_note(&here, "no.such_module");
	assert_false(absent_known(&here, "no.such_module"));
}

static void test_bounded(void **state)
{
	(void)state;
	char path[32];
	for (int i = 0; i < 1000; i++) {
		snprintf(path, sizeof(path), "dir%d/?.lua", i);
		struct absent_place place = {path, "", 1};
		absent_note(&place, name);
	}
	struct absent_place last = {path, "", 1};
	assert_false(absent_known(&last, name));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known_where_it_was_looked_for),
		cmocka_unit_test(test_clear_forgets),
		cmocka_unit_test(test_only_what_ships),
		cmocka_unit_test(test_bounded),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
