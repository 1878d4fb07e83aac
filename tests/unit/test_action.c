/* SPDX-License-Identifier: MIT */
#include "watchdog/action.h"
#include "core/clock.h"
#include "sched/service.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const struct action killed = {
	.kind = ACTION_KILL,
	.service = 0xa,
	.name = "battle",
	.is_error = true,
	.cpu_ns = 12034567890,
	.place = "main.lua:12",
	.text = "killed",
};

static const struct action restored = {
	.kind = ACTION_RESTORE,
	.service = 0xa,
	.name = "battle",
	.text = "it has behaved: its settings are back",
};

static void is(const struct action *a, enum line_format format, const char *wanted)
{
	char out[512];
	size_t n = action_format(a, format, 0, out, sizeof(out));
	assert_int_equal(n, strlen(out));
	assert_string_equal(out, wanted);
}

static void test_as_a_line_to_read(void **state UNUSED)
{
	is(&killed, LINE_SKYNET,
	   "error: kill: service battle [ :0000000a ] has used 12.034 s of CPU in one message at "
	   "main.lua:12: killed");
	is(&restored, LINE_SKYNET,
	   "restore: service battle [ :0000000a ]: it has behaved: its settings are back");
}

static void test_as_fields(void **state UNUSED)
{
	is(&killed, LINE_LOGFMT,
	   "ts=1970-01-01T00:00:00.000000Z level=error action=kill address=:0000000a "
	   "service=battle "
	   "cpu_ms=12034 place=main.lua:12 msg=killed");
	is(&restored, LINE_JSON,
	   "{\"ts\":\"1970-01-01T00:00:00.000000Z\",\"level\":\"info\",\"action\":\"restore\","
	   "\"address\":\":0000000a\",\"service\":\"battle\","
	   "\"msg\":\"it has behaved: its settings are back\"}");
}

static void test_is_cut_to_the_size(void **state UNUSED)
{
	char out[64];
	assert_int_equal(action_format(&killed, LINE_SKYNET, 0, out, sizeof(out)), sizeof(out) - 1);
	assert_int_equal(strlen(out), sizeof(out) - 1);
	assert_true(action_format(&killed, LINE_JSON, 0, out, sizeof(out)) < sizeof(out));
	assert_int_equal(out[strlen(out) - 1], '}');
}

static void test_why_no_hook(void **state UNUSED)
{
	const uint32_t loop = 1 << TIER_MACHINE_CODE, library = 1 << TIER_VM, c = 1 << TIER_FOREIGN;
	assert_string_equal(action_no_hook(loop), "it is in a compiled loop: no hook fires there");
	assert_string_equal(action_no_hook(loop | library | c), action_no_hook(loop));
	assert_string_equal(action_no_hook(library), "it is in a C function of the Lua library, a finalizer or the "
						     "message handler of an xpcall: no hook fires there");
	assert_string_equal(action_no_hook(library | c), action_no_hook(library));
	assert_string_equal(action_no_hook(c), "it is in C code: no hook fires there");
	assert_string_equal(action_no_hook(0), action_no_hook(c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_as_a_line_to_read),
		cmocka_unit_test(test_as_fields),
		cmocka_unit_test(test_is_cut_to_the_size),
		cmocka_unit_test(test_why_no_hook),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
