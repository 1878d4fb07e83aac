/* SPDX-License-Identifier: MIT */
#include "watchdog/alert.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct alert loop = {
	.from = 0x1,
	.to = 0xa,
	.version = 42,
	.service = "battle",
	.type = 10,
	.session = 7,
	.cpu_ns = 1234567890,
	.wall_ns = 61005999999,
	.parks = 12,
	.handoffs = 1,
	.waiting = 3,
	.first_waits_ns = 1500999,
	.kind = "compiled loop",
	.place = "main.lua:12",
	.traceback = "",
};

static void has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void test_has_skynets_text_and_the_figures(void **state UNUSED)
{
	char out[1024];
	size_t n = alert_format(&loop, out, sizeof(out));
	assert_int_equal(n, strlen(out));
	/* What scripts that watch skynet's log look for. */
	has(out, "error: A message from [ :00000001 ] to [ :0000000a ] maybe in an endless loop "
		 "(version = 42)");
	has(out, "service battle at main.lua:12 (compiled loop)");
	has(out, "1.234 s of CPU in 61.005 s");
	has(out, "message type 10 session 7");
	has(out, "preempted 12 times, handed off 1 times");
	has(out, "3 waiting (the first for 1500 us)");
	assert_null(strstr(out, "killed"));
	assert_null(strchr(out, '\n'));
}

static void test_optional_parts(void **state UNUSED)
{
	char out[1024];
	struct alert a = loop;
	a.place = "";
	a.traceback = "\tmain.lua:12: in function 'f'";
	a.doomed = true;
	alert_format(&a, out, sizeof(out));
	has(out, "service battle (compiled loop)");
	has(out, ", killed\nstack traceback:\n\tmain.lua:12: in function 'f'");
}

static void test_is_cut_to_any_size(void **state UNUSED)
{
	char whole[1024], out[1024];
	size_t full = alert_format(&loop, whole, sizeof(whole));
	for (size_t size = 1; size <= full + 2; size++) {
		memset(out, '#', sizeof(out));
		size_t want = size <= full ? size - 1 : full;
		assert_int_equal(alert_format(&loop, out, size), want);
		assert_memory_equal(out, whole, want);
		assert_int_equal(out[want], '\0');
		assert_int_equal(out[size], '#');
	}
}

static void test_milliseconds_have_three_digits(void **state UNUSED)
{
	char out[1024];
	struct alert a = loop;
	a.cpu_ns = 2007000000;
	a.wall_ns = 999999;
	alert_format(&a, out, sizeof(out));
	has(out, "2.007 s of CPU in 0.000 s");
}

static void test_the_line_that_closes_it(void **state UNUSED)
{
	char out[1024];
	struct alert a = loop;
	size_t n = alert_format_over(&a, out, sizeof(out));
	assert_int_equal(n, strlen(out));
	has(out, "The message from [ :00000001 ] to [ :0000000a ] is through: service battle, "
		 "1.234 s of CPU in 61.005 s");
	a.doomed = true;
	alert_format_over(&a, out, sizeof(out));
	has(out, "[ :0000000a ] was cut off: service battle");
	assert_int_equal(alert_format_over(&a, out, 10), 9);
	assert_string_equal(out, "The messa");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_has_skynets_text_and_the_figures),
		cmocka_unit_test(test_optional_parts),
		cmocka_unit_test(test_is_cut_to_any_size),
		cmocka_unit_test(test_milliseconds_have_three_digits),
		cmocka_unit_test(test_the_line_that_closes_it),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
