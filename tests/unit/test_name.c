/* SPDX-License-Identifier: MIT */
#include "core/name.h"
#include "core/mem.h"

#include <stdio.h>
#include <string.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static int teardown(void **state UNUSED)
{
	name_term();
	return 0;
}

static void test_first_wins(void **state UNUSED)
{
	assert_int_equal(name_find("launcher"), 0);
	assert_true(name_register("launcher", 5));
	assert_false(name_register("launcher", 6));
	assert_false(name_register("launcher", 5));
	assert_true(name_register("Launcher", 6));
	assert_int_equal(name_find("launcher"), 5);
	assert_int_equal(name_find("Launcher"), 6);
	assert_int_equal(name_find("launche"), 0);
	assert_int_equal(name_find(""), 0);
	assert_int_equal(name_count(), 2);
}

static void test_drop(void **state UNUSED)
{
	/* 7 and 71 share a bucket of 64. */
	assert_true(name_register("a", 7));
	assert_true(name_register("b", 71));
	assert_true(name_register("c", 7));
	assert_int_equal(name_drop(8), 0);
	assert_int_equal(name_drop(7), 2);
	assert_int_equal(name_drop(7), 0);
	assert_int_equal(name_find("a"), 0);
	assert_int_equal(name_find("c"), 0);
	assert_int_equal(name_find("b"), 71);
	assert_true(name_register("a", 9));
	assert_int_equal(name_find("a"), 9);
}

static void test_name_of(void **state UNUSED)
{
	char out[8] = "x";
	assert_false(name_of(3, out, sizeof(out)));
	assert_string_equal(out, "");
	assert_true(name_register("first_of_three", 3));
	assert_true(name_register("second", 3));
	assert_true(name_register("third", 3));
	assert_true(name_of(3, out, sizeof(out)));
	assert_string_equal(out, "first_o");
	assert_true(name_of(3, out, 1));
	assert_string_equal(out, "");
	assert_false(name_of(67, out, sizeof(out))); /* same bucket */
}

static void test_any_length(void **state UNUSED)
{
	enum { BYTES = 100000 };
	char *text = mem_alloc(BYTES + 1);
	memset(text, 'n', BYTES);
	text[BYTES] = '\0';
	assert_true(name_register(text, 1));
	assert_int_equal(name_find(text), 1);
	text[BYTES - 1] = 'm';
	assert_int_equal(name_find(text), 0);
	mem_free(text);
}

static void test_many(void **state UNUSED)
{
	char text[32], out[32];
	for (uint32_t i = 1; i <= 5000; i++) {
		for (uint32_t k = 0; k < 2; k++) {
			snprintf(text, sizeof(text), "name-%u-%u", i, k);
			assert_true(name_register(text, i));
		}
	}
	for (uint32_t i = 1; i <= 5000; i += 3)
		assert_int_equal(name_drop(i), 2);
	for (uint32_t i = 1; i <= 5000; i++) {
		snprintf(text, sizeof(text), "name-%u-0", i);
		bool dropped = i % 3 == 1;
		assert_int_equal(name_find(text), dropped ? 0 : i);
		assert_int_equal(name_of(i, out, sizeof(out)), !dropped);
		assert_string_equal(out, dropped ? "" : text); /* order survived the growing */
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_first_wins, teardown),
		cmocka_unit_test_teardown(test_drop, teardown),
		cmocka_unit_test_teardown(test_name_of, teardown),
		cmocka_unit_test_teardown(test_any_length, teardown),
		cmocka_unit_test_teardown(test_many, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
