/* SPDX-License-Identifier: MIT */
#include "luabind/seri_peek.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

/* The bytes lie at the end of a block of their own, so that the address sanitizer sees a read beyond them. */
static void shows(const char *bytes, size_t size, const char *want)
{
	char out[64];
	char *copy = calloc(1, size + 1);
	memcpy(copy + 1, bytes, size);
	memset(out, '#', sizeof(out));
	seri_peek(copy + 1, size, out, sizeof(out));
	free(copy);
	assert_string_equal(out, want);
}
#define SHOWS(bytes, want) shows(bytes, sizeof(bytes) - 1, want)

static void test_values(void **state UNUSED)
{
	SHOWS("", "");
	SHOWS("\x00", "nil");
	SHOWS("\x01", "false");
	SHOWS("\x09", "true");
	SHOWS("\x02", "0");
	SHOWS("\x0a\xff", "255");
	SHOWS("\x12\x10\x27", "10000");
	SHOWS("\x22\xff\xff\xff\xff", "-1");
	SHOWS("\x32\x00\x00\x00\x00\x01\x00\x00\x00", "4294967296");
	SHOWS("\x42\x00\x00\x00\x00\x00\x00\xf8\x3f", "1.500");
	SHOWS("\x42\x00\x00\x00\x00\x00\x00\xf8\xbf", "-1.500");
	SHOWS("\x42\x00\x00\x00\x00\x00\x00\xf8\x7f", "a number"); /* NaN */
	SHOWS("\x03\x00\x00\x00\x00\x00\x00\x00\x00", "a pointer");
	SHOWS("\x0e", "a table");
	SHOWS("\x07", ""); /* no kind of ours */
}

static void test_strings(void **state UNUSED)
{
	SHOWS("\x04", "\"\"");
	SHOWS("\x2clogin and more", "\"login\"");
	SHOWS("\x15\x05\x00login", "\"login\"");
	SHOWS("\x25\x05\x00\x00\x00login", "\"login\"");
	SHOWS("\x2cl\ng\x7fn", "\"l?g?n\"");
	/* Cut by what is there. */
	SHOWS("\x2clog", "\"log...\"");
	SHOWS("\x15\xff\xfflog", "\"log...\"");
}

static void test_what_ends_too_soon(void **state UNUSED)
{
	SHOWS("\x12\x10", "");
	SHOWS("\x42\x00", "");
	SHOWS("\x15\x05", "");
	SHOWS("\x1d\x05\x00\x00", ""); /* no length has three bytes */
	SHOWS("\xfa\x01", "");
}

/* Whatever the bytes, the text ends within its room. */
static void test_any_bytes_into_any_room(void **state UNUSED)
{
	srand(1);
	for (int round = 0; round < 20000; round++) {
		char bytes[32], out[64];
		size_t size = (size_t)(rand() % (int)sizeof(bytes)), room = (size_t)(1 + rand() % 40);
		for (size_t i = 0; i < size; i++)
			bytes[i] = (char)rand();
		memset(out, '#', sizeof(out));
		seri_peek(bytes, size, out, room);
		assert_true(memchr(out, '\0', room) != NULL);
		assert_int_equal(out[room], '#');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_strings),
		cmocka_unit_test(test_what_ends_too_soon),
		cmocka_unit_test(test_any_bytes_into_any_room),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
