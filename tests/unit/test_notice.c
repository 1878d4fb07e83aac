/* SPDX-License-Identifier: MIT */
#include "watchdog/notice.h"
#include "core/log.h"
#include "watchdog/bucket.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <cmocka.h>

#define MS 1000000ll
#define S  1000000000ll

static const struct notice starved = {
	.kind = RULE_STARVED,
	.verdict = RULE_BEGINS,
	.service = 0xa,
	.name = "battle",
	.figure = 212 * MS,
	.limit = 100 * MS,
	.worst = 212 * MS,
};

static void has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static void test_as_a_line_to_read(void **state UNUSED)
{
	char out[1024];
	size_t n = notice_format(&starved, LINE_SKYNET, 0, out, sizeof(out));
	assert_int_equal(n, strlen(out));
	has(out, "error: starved: service battle [ :0000000a ] has waited 212 ms for a worker "
		 "(limit 100 ms); ");
	has(out, rule_table[RULE_STARVED].advice);
	assert_null(strstr(out, "more of this kind"));
}

static void test_skynets_texts(void **state UNUSED)
{
	char out[1024];
	struct notice n = starved;
	n.kind = RULE_MEMORY;
	n.figure = (32ll << 20) + 60000;
	notice_format(&n, LINE_SKYNET, 0, out, sizeof(out));
	assert_string_equal(out, "Memory warning 32.05 M");
	n.kind = RULE_MAILBOX;
	n.figure = 1535;
	notice_format(&n, LINE_SKYNET, 0, out, sizeof(out));
	has(out, "May overload, message queue length = 1535");
}

static void test_of_the_process_and_what_was_left_out(void **state UNUSED)
{
	char out[1024];
	struct notice n = starved;
	n.kind = RULE_TIMER_LATE;
	n.service = 0;
	n.suppressed = 17;
	notice_format(&n, LINE_SKYNET, 0, out, sizeof(out));
	has(out, "error: timer_late: the process fires timers 212 ms late (limit 100 ms); 17 more "
		 "of this kind were not written; ");
}

static void test_the_end(void **state UNUSED)
{
	char out[1024];
	struct notice n = starved;
	n.verdict = RULE_OVER;
	n.lasted_ns = 3200 * MS;
	notice_format(&n, LINE_SKYNET, 0, out, sizeof(out));
	assert_string_equal(out, "starved of service battle [ :0000000a ] is over after 3.200 s: "
				 "at the most 212 ms");
}

static void test_where_in_c_code(void **state UNUSED)
{
	char out[1024];
	struct notice n = starved;
	n.kind = RULE_BLOCKED;
	n.syscall = "nanosleep(...)";
	n.frames = "\tnap+0x1 (x.so+0x2)";
	notice_format(&n, LINE_SKYNET, 0, out, sizeof(out));
	has(out, "asleep in a system call for 212 ms (limit 100 ms), in nanosleep(...); ");
	has(out, "\nnative frames:\n\tnap+0x1 (x.so+0x2)");
	notice_format(&n, LINE_JSON, 0, out, sizeof(out));
	has(out, ",\"syscall\":\"nanosleep(...)\",\"frames\":\"\\tnap+0x1 (x.so+0x2)\"}");
	n.verdict = RULE_OVER;
	notice_format(&n, LINE_LOGFMT, 0, out, sizeof(out));
	assert_null(strstr(out, "frames"));
}

static void test_as_fields(void **state UNUSED)
{
	char out[1024];
	notice_format(&starved, LINE_LOGFMT, 0, out, sizeof(out));
	has(out, "ts=1970-01-01T00:00:00.000000Z level=error alert=starved state=begins "
		 "address=:0000000a service=battle value_ms=212 limit_ms=100 msg=\"has waited 212 "
		 "ms for a worker\" advice=\"");
	struct notice n = starved;
	n.verdict = RULE_OVER;
	n.lasted_ns = 3200 * MS;
	notice_format(&n, LINE_JSON, 0, out, sizeof(out));
	assert_string_equal(out, "{\"ts\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"info\","
				 "\"alert\":\"starved\",\"state\":\"over\",\"address\":\":0000000a\","
				 "\"service\":\"battle\",\"value_ms\":212,\"limit_ms\":100,"
				 "\"lasted_ms\":3200,\"msg\":\"has waited 212 ms for a worker\"}");
	n.kind = RULE_MEMORY;
	notice_format(&n, LINE_JSON, 0, out, sizeof(out));
	has(out, "\"value_bytes\":212000000");
}

static void test_is_cut_to_any_size(void **state UNUSED)
{
	char out[1024];
	for (size_t size = 64; size < 400; size++) {
		for (int format = 0; format <= LINE_JSON; format++) {
			memset(out, '#', sizeof(out));
			size_t n = notice_format(&starved, (enum line_format)format, 0, out, size);
			assert_true(n < size);
			assert_int_equal(out[n], '\0');
			assert_int_equal(out[size], '#');
		}
	}
}

/* What was written and what is said to have been left out add up, whatever the times. */
static void test_nothing_is_lost_by_the_limit(void **state UNUSED)
{
	char path[] = "/tmp/equilune-notice-XXXXXX", text[1024];
	int fd = mkstemp(path);
	long written = 0, told = 0, asked = 0;
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(log_open(path), 0);
	notice_init(LINE_LOGFMT);
	for (int64_t now = S; now < 200 * S; now += S) {
		for (int i = 0; i < 3; i++, asked++) {
			struct notice n = starved;
			notice_write(&n, now);
		}
		assert_true(notice_pass(now) > now);
	}
	notice_flush();
	log_close();
	FILE *in = fopen(path, "r");
	while (fgets(text, sizeof(text), in)) {
		const char *at = strstr(text, "suppressed=");
		written += strstr(text, "state=begins") != NULL;
		told += at ? strtol(at + 11, NULL, 10) : 0;
	}
	fclose(in);
	unlink(path);
	assert_int_equal(written + told, asked);
	assert_true(written >= BUCKET_TOKENS && written < asked / 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_a_line_to_read),
		cmocka_unit_test(test_skynets_texts),
		cmocka_unit_test(test_of_the_process_and_what_was_left_out),
		cmocka_unit_test(test_the_end),
		cmocka_unit_test(test_where_in_c_code),
		cmocka_unit_test(test_as_fields),
		cmocka_unit_test(test_is_cut_to_any_size),
		cmocka_unit_test(test_nothing_is_lost_by_the_limit),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
