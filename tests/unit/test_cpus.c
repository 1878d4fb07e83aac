/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/cpus.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct cpus list;

static void good_lists(void **state)
{
	static const char *const texts[][2] = {
		{"0", "0"},         {"0-3,5", "0-3,5"},   {"5,0-3", "5,0-3"}, {"3,2,1", "3,2,1"},
		{"0,1,2", "0-2"},   {"1-1", "1"},         {"8191", "8191"},   {"007", "7"},
		{"0,2-3", "0,2-3"}, {"0-8191", "0-8191"},
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		char text[64];
		assert_true(cpus_parse(texts[i][0], &list));
		cpus_format(&list, text, sizeof(text));
		assert_string_equal(text, texts[i][1]);
	}
	assert_int_equal(list.count, CPUS_MAX);
	assert_true(cpus_parse("5,0-3", &list));
	assert_int_equal(list.count, 5);
	assert_int_equal(list.number[0], 5);
	assert_int_equal(list.number[4], 3);
	assert_true(cpus_have(&list, 2));
	assert_false(cpus_have(&list, 4));
	(void)state;
}

static void bad_lists(void **state)
{
	static const char *const texts[] = {
		"",       ",",   "0,",    ",0",          "0,,1",  "a",   "0-",
		"-1",     "3-1", "0 1",   " 0",          "0 ",    "0x1", "8192",
		"0-8192", "1,1", "0-3,2", "99999999999", "1-2-3", "0;1", "0-3\n",
	};
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		assert_false(cpus_parse(texts[i], &list));
	(void)state;
}

static void long_lists_are_cut(void **state)
{
	char text[8];
	assert_true(cpus_parse("10,12,14,16", &list));
	cpus_format(&list, text, sizeof(text));
	assert_string_equal(text, "10,12,1");
	(void)state;
}

static void the_process_has_some(void **state)
{
	cpus_allowed(&list);
	assert_true(list.count >= 1);
	for (int i = 1; i < list.count; i++)
		assert_true(list.number[i] > list.number[i - 1]);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_lists),
		cmocka_unit_test(bad_lists),
		cmocka_unit_test(long_lists_are_cut),
		cmocka_unit_test(the_process_has_some),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
