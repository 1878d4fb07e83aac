/* SPDX-License-Identifier: MIT
 *
 * On code that the LuaJIT of this machine makes: each place that is reported is one of the two sequences, and they are
 * found where the Lua source has them.
 */
#include "luabind/halfway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

/* Compiles the loop and leaves the code of all its traces on the stack, as strings. Returns how many. */
static int compile(lua_State *L, const char *loop)
{
	static const char collect[] = "local util = require 'jit.util'\n"
				      "jit.flush()\n"
				      "loadstring(...)()\n"
				      "local codes = {}\n"
				      "for i = 1, 50 do\n"
				      "  if util.traceinfo(i) then codes[#codes + 1] = util.tracemc(i) end\n"
				      "end\n"
				      "return unpack(codes)\n";
	luaL_openlibs(L);
	assert_int_equal(luaL_loadstring(L, collect), 0);
	lua_pushstring(L, loop);
	if (lua_pcall(L, 1, LUA_MULTRET, 0) != 0)
		fail_msg("%s", lua_tostring(L, -1));
	assert_int_not_equal(lua_gettop(L), 0);
	return lua_gettop(L);
}

/* Runs of places in a row, over all traces; `longest` of them in bytes, and whether each begins behind a call. */
struct found {
	int runs, behind_calls;
	size_t longest;
};

static struct found look(const char *loop)
{
	struct found f = {0};
	lua_State *L = luaL_newstate();
	int traces = compile(L, loop);
	for (int i = 1; i <= traces; i++) {
		size_t size, run = 0;
		const uint8_t *code = (const uint8_t *)lua_tolstring(L, i, &size);
		for (size_t at = 0; at < size; at++) {
			bool halfway = halfway_at(code, size, at);
			if (halfway && run++ == 0) {
				f.runs++;
				f.behind_calls += at >= 5 && code[at - 5] == 0xe8;
			}
			if (run > f.longest)
				f.longest = run;
			if (!halfway)
				run = 0;
		}
	}
	lua_close(L);
	return f;
}

static void new_cdata(void **state UNUSED)
{
	struct found f = look("local keep, x = {}, 0LL\n"
			      "for i = 1, 200 do x = x + i keep[1] = x end");
	assert_true(f.runs > 0);
	/* Each from the end of the call that allocates to its last store. */
	assert_true(f.behind_calls > 0);
	assert_true(f.longest >= 17 && f.longest <= 18);
}

static void black_table(void **state UNUSED)
{
	struct found f = look("local keep, names = {}, {'a', 'b'}\n"
			      "for i = 1, 200 do keep[i % 8 + 1] = names[i % 2 + 1] end");
	assert_true(f.runs > 0);
	assert_int_equal(f.behind_calls, 0);
	assert_true(f.longest >= 14 && f.longest <= 15);
}

static void nothing_of_it(void **state UNUSED)
{
	struct found f = look("local x, t = 0, {1, 2, 3}\n"
			      "for i = 1, 1000 do x = x + t[i % 3 + 1] * 2.5 end");
	assert_int_equal(f.runs, 0);
}

static void at_the_ends(void **state UNUSED)
{
	static const uint8_t code[] = {0x81, 0xc9, 0x00, 0x0a, 0x0b, 0x00, 0x89, 0x48, 0x08};
	assert_true(halfway_at(code, sizeof(code), 0));
	assert_true(halfway_at(code, sizeof(code), 6));
	assert_false(halfway_at(code, sizeof(code), 7));
	assert_false(halfway_at(code, sizeof(code) - 1, 0)); /* its last byte is not ours to read */
	assert_false(halfway_at(code + 6, 3, 0));
	assert_false(halfway_at(code, 0, 0));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(new_cdata),
		cmocka_unit_test(black_table),
		cmocka_unit_test(nothing_of_it),
		cmocka_unit_test(at_the_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
