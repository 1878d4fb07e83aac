/* SPDX-License-Identifier: MIT */
#include "core/jot.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static void expect(const struct jot *j, const char *text)
{
	assert_int_equal(j->length, strlen(text));
	assert_memory_equal(j->text, text, j->length);
}

static void test_texts_and_numbers(void **state UNUSED)
{
	struct jot j;
	jot_clear(&j);
	jot_text(&j, "a ");
	jot_number(&j, 0);
	jot_text(&j, " ");
	jot_number(&j, -42);
	jot_text(&j, " ");
	jot_number(&j, INT64_MIN);
	expect(&j, "a 0 -42 -9223372036854775808");
	jot_clear(&j);
	expect(&j, "");
}

static void test_hex(void **state UNUSED)
{
	struct jot j;
	jot_clear(&j);
	jot_hex(&j, 0, 1);
	jot_text(&j, " ");
	jot_hex(&j, 0xab, 8);
	jot_text(&j, " ");
	jot_hex(&j, UINT64_MAX, 1);
	expect(&j, "0 000000ab ffffffffffffffff");
}

static void test_what_does_not_fit_is_cut(void **state UNUSED)
{
	struct jot j;
	char text[100];
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	jot_clear(&j);
	for (int i = 0; i < 10; i++)
		jot_text(&j, text);
	jot_number(&j, 123456);
	assert_int_equal(j.length, sizeof(j.text));
	assert_int_equal(j.text[sizeof(j.text) - 1], 'x');
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts_and_numbers),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_what_does_not_fit_is_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
