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

static void test_what_was_done_about_it(void **state UNUSED)
{
	char out[1024];
	struct alert a = loop;
	a.demoted_ns = 205000000;
	a.interrupted_ns = 1003000000;
	a.raised_at = "x.lua:6";
	alert_format_over(&a, out, sizeof(out));
	has(out, "61.005 s, demoted at 205 ms, interrupted at 1.003 s (x.lua:6)");
	assert_null(strstr(out, "killed"));
	a.raised_at = "";
	a.killed_ns = 1103000000;
	a.doomed = true;
	alert_format_over(&a, out, sizeof(out));
	has(out, "was cut off: service battle, 1.234 s of CPU in 61.005 s, demoted at 205 ms, "
		 "interrupted at 1.003 s, killed at 1.103 s");
	a.end = "closed with its finalizers";
	a.end_ns = 12999999;
	a.freed_bytes = 3 << 20;
	alert_format_over(&a, out, sizeof(out));
	has(out, "killed at 1.103 s: closed with its finalizers, after 12 ms; 3.00 M of memory given back");
	alert_format_fields(&a, true, LINE_LOGFMT, 0, out, sizeof(out));
	has(out, "killed=true demoted_cpu_ms=205 interrupted_cpu_ms=1003 killed_cpu_ms=1103 "
		 "end=\"closed with its finalizers\" end_ms=12 freed_bytes=3145728");
	alert_format_fields(&a, false, LINE_LOGFMT, 0, out, sizeof(out));
	assert_null(strstr(out, "demoted_cpu_ms"));
}

static void test_the_message_the_looks_and_the_others(void **state UNUSED)
{
	char out[2048];
	struct alert a = loop;
	alert_format(&a, out, sizeof(out));
	assert_null(strstr(out, "sent by"));
	assert_null(strstr(out, "looks"));
	a.source = "gate";
	a.argument = "\"login\"";
	a.shares = "battle 97.1 %, gate 2.0 %";
	a.waiters = "gate 1500 us, db 3 us";
	a.looks = a.same = 3;
	a.mailbox = 12;
	a.memory_bytes = 3 << 20;
	alert_format(&a, out, sizeof(out));
	has(out, "(the first for 1500 us), sent by gate, first argument \"login\", 3 of 3 looks at "
		 "this place, 12 in its mailbox, 3.00 M of memory, CPU lately: battle 97.1 %, gate 2.0 %, waiting: gate 1500 us, db 3 us");
	a.same = 1;
	a.head_age_ns = 3200000000;
	a.suppressed = 5;
	alert_format(&a, out, sizeof(out));
	has(out, "1 of 3 looks at this place (so it gets on)");
	has(out, ", 12 in its mailbox (the first for 3.200 s or longer), ");
	has(out, ", 5 more alerts of this kind were not written");
}

static void test_as_fields(void **state UNUSED)
{
	char out[2048];
	struct alert a = loop;
	a.alerts = 2;
	a.argument = "\"login\"";
	a.traceback = "\tmain.lua:12: in function 'f'\n\tmain.lua:3";
	alert_format_fields(&a, false, LINE_LOGFMT, 0, out, sizeof(out));
	has(out, "ts=1970-01-01T00:00:00.000000Z level=error alert=long_message state=lasts "
		 "address=:0000000a service=battle from=:00000001 version=42 type=10 session=7 "
		 "cpu_ms=1234 wall_ms=61005 place=main.lua:12 where=\"compiled loop\" "
		 "argument=\"\\\"login\\\"\" mailbox=0 head_age_ms=0 memory_bytes=0 looks=0");
	has(out, "msg=\"A message from [ :00000001 ] to [ :0000000a ] maybe in an endless loop "
		 "(version = 42)\" traceback=\"\\tmain.lua:12: in function 'f'\\n\\tmain.lua:3\"");
	assert_null(strchr(out, '\n'));
	a.doomed = true;
	alert_format_fields(&a, true, LINE_JSON, 0, out, sizeof(out));
	has(out, "\"level\":\"info\",\"alert\":\"long_message\",\"state\":\"over\"");
	has(out, "\"cpu_ms\":1234,\"wall_ms\":61005,\"killed\":\"true\"}");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_has_skynets_text_and_the_figures),
		cmocka_unit_test(test_optional_parts),
		cmocka_unit_test(test_is_cut_to_any_size),
		cmocka_unit_test(test_milliseconds_have_three_digits),
		cmocka_unit_test(test_the_line_that_closes_it),
		cmocka_unit_test(test_what_was_done_about_it),
		cmocka_unit_test(test_the_message_the_looks_and_the_others),
		cmocka_unit_test(test_as_fields),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
