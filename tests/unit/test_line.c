/* SPDX-License-Identifier: MIT */
#include "watchdog/line.h"
#include "core/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

#define WALL_NS 1764115200123456789ll
#define TS      "2025-11-26T00:00:00.123456Z"

static char out[512];

static void begin(struct line *l, enum line_format format, size_t size)
{
	memset(out, '#', sizeof(out));
	line_begin(l, format, out, size, WALL_NS);
}

static void ends_as(struct line *l, const char *want)
{
	size_t n = line_end(l);
	assert_string_equal(out, want);
	assert_int_equal(n, strlen(want));
}

static void test_logfmt(void **state UNUSED)
{
	struct line l;
	begin(&l, LINE_LOGFMT, sizeof(out));
	line_text(&l, "service", "battle");
	line_text(&l, "nothing", "");
	line_text(&l, "less", NULL);
	line_text(&l, "place", "a file.lua:1");
	line_text(&l, "odd", "x=\"y\"\\\n\t\x01");
	line_number(&l, "n", -12);
	line_address(&l, "address", 0xa);
	ends_as(&l, "ts=" TS " service=battle place=\"a file.lua:1\" "
		    "odd=\"x=\\\"y\\\"\\\\\\n\\t\\u0001\" n=-12 address=:0000000a");
}

static void test_json(void **state UNUSED)
{
	struct line l;
	begin(&l, LINE_JSON, sizeof(out));
	line_text(&l, "service", "battle");
	line_number(&l, "n", 12);
	line_text(&l, "odd", "\"\\\n\x7f");
	ends_as(&l, "{\"ts\":\"" TS
		    "\",\"service\":\"battle\",\"n\":12,\"odd\":\"\\\"\\\\\\n\\u007f\"}");
}

/* Whatever bytes a name is made of, the line is UTF-8. */
static void test_foreign_bytes(void **state UNUSED)
{
	struct line l;
	begin(&l, LINE_JSON, sizeof(out));
	line_text(&l, "a", "\xc3\xa4\xe6\x88\x98\xf0\x9f\x8c\x99");
	line_text(&l, "b", "\xff\x80x\xc3");
	line_text(&l, "c", "\xe6\x88");
	ends_as(&l, "{\"ts\":\"" TS "\",\"a\":\"\xc3\xa4\xe6\x88\x98\xf0\x9f\x8c\x99\","
		    "\"b\":\"??x?\",\"c\":\"??\"}");
}

/* At every size the line ends well, and holds the first fields whole or not at all. */
static void test_what_does_not_fit_is_left_out_whole(void **state UNUSED)
{
	for (size_t size = 64; size < 200; size++) {
		struct line l;
		begin(&l, LINE_JSON, size);
		line_text(&l, "long", "0123456789 0123456789 0123456789 0123456789 \"\"\"");
		line_number(&l, "n", 7);
		size_t n = line_end(&l);
		assert_true(n < size);
		assert_int_equal(n, strlen(out));
		assert_int_equal(out[n - 1], '}');
		assert_int_equal(out[size], '#');
		int quotes = 0;
		for (size_t i = 0; i < n; i++)
			quotes += out[i] == '"' && out[i - 1] != '\\';
		assert_int_equal(quotes % 2, 0);
		assert_true(strstr(out, ",,") == NULL && strstr(out, ",}") == NULL);
	}
}

static void test_utc(void **state UNUSED)
{
	char text[LOG_UTC_BYTES];
	log_put_utc(text, 0);
	assert_string_equal(text, "1970-01-01T00:00:00.000000Z");
	log_put_utc(text, 951782399999999999ll);
	assert_string_equal(text, "2000-02-28T23:59:59.999999Z");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_logfmt),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_foreign_bytes),
		cmocka_unit_test(test_what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(test_utc),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
