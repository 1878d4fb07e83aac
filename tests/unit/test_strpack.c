/* SPDX-License-Identifier: MIT
 *
 * string.pack and its like, utf8, and the small functions of compat.c, each at its edges, in a VM whose memory ends
 * somewhere: what raises leaves nothing behind. The long lists of cases are tests/lua/services/t_strpack.lua and
 * t_compat.lua; here they run under the sanitizers. Cases are Lua chunks; `raises(part, f, ...)` checks an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "luabind/compat.h"
#include "luabind/heap.h"
#include "luabind/stdlib.h"

#include <lauxlib.h>
#include <string.h>

static const char prelude[] =
	"function hex(s) return (s:gsub('.', function(c) return ('%02x'):format(c:byte()) end)) "
	"end\n"
	"function raises(part, f, ...)\n"
	"  local ok, text = pcall(f, ...)\n"
	"  if ok then error('did not raise '..part, 2) end\n"
	"  if not text:find(part, 1, true) then error(text..' is not '..part, 2) end\n"
	"end\n"
	"pack, unpack_, size = string.pack, string.unpack, string.packsize\n";

static int open_all(lua_State *L)
{
	stdlib_open(L);
	compat_open(L);
	return 0;
}

/* NULL, or the error; in a VM of at most `limit_bytes`. */
static const char *run_within(const char *chunk, size_t limit_bytes, char *out, size_t out_size)
{
	struct heap *heap = heap_new(0);
	lua_State *L = lua_newstate(heap_alloc, heap);
	assert_non_null(L);
	assert_int_equal(lua_cpcall(L, open_all, NULL), 0);
	assert_int_equal(luaL_loadbuffer(L, prelude, sizeof(prelude) - 1, "=prelude"), 0);
	assert_int_equal(lua_pcall(L, 0, 0, 0), 0);
	bool failed = luaL_loadbuffer(L, chunk, strlen(chunk), "=case") != 0;
	heap_set_limit_bytes(heap, limit_bytes ? heap_used_bytes(heap) + limit_bytes : 0);
	failed = failed || lua_pcall(L, 0, 0, 0) != 0;
	if (failed)
		snprintf(out, out_size, "%s", lua_tostring(L, -1));
	heap_set_limit_bytes(heap, 0);
	lua_close(L);
	assert_int_equal(heap_used_bytes(heap), 0);
	heap_delete(heap);
	return failed ? out : NULL;
}

static void run(const char *chunk)
{
	char error[256];
	if (run_within(chunk, 0, error, sizeof(error)))
		fail_msg("%s\nin: %s", error, chunk);
}

static void test_integers(void **state)
{
	(void)state;
	run("for n = 1, 16 do for _, e in ipairs {'<', '>'} do\n"
	    "  for _, v in ipairs {0, 1, -1, 127, -128} do\n"
	    "    local s = pack(e..'i'..n, v)\n"
	    "    assert(#s == n and unpack_(e..'i'..n, s) == v)\n"
	    "    assert(size('i'..n) == n)\n"
	    "  end\n"
	    "  if n < 7 then\n"
	    "    local top = 2 ^ (n * 8 - 1)\n"
	    "    assert(unpack_(e..'i'..n, pack(e..'i'..n, top - 1)) == top - 1)\n"
	    "    assert(unpack_(e..'i'..n, pack(e..'i'..n, -top)) == -top)\n"
	    "    assert(unpack_(e..'I'..n, pack(e..'I'..n, 2 * top - 1)) == 2 * top - 1)\n"
	    "    raises('integer overflow', pack, 'i'..n, top)\n"
	    "    raises('integer overflow', pack, 'i'..n, -top - 1)\n"
	    "    raises('unsigned overflow', pack, 'I'..n, 2 * top)\n"
	    "  end\n"
	    "end end");
	run("local id = 0x7edcba9876543211LL\n"
	    "assert(unpack_('<i8', pack('<i8', id)) == id and unpack_('>i12', pack('>i12', -id)) "
	    "== -id)\n"
	    "assert(unpack_('J', pack('J', 0xffffffffffffffffULL)) == -1)\n"
	    "raises('does not fit', unpack_, 'I9', ('\\1'):rep(9))");
}

static void test_layout(void **state)
{
	(void)state;
	run("assert(hex(pack('<!4 b i4 b !2 i8', 1, 2, 3, 4)) == "
	    "'01000000'..'02000000'..'0300'..'0400000000000000')\n"
	    "assert(size('!8 b Xd') == 8 and size('b Xd') == 1 and size('!2 b Xi16') == 2)\n"
	    "assert(hex(pack('>s2 z c3', 'ab', 'cd', 'e')) == '00026162'..'636400'..'650000')\n"
	    "raises('not power of 2', pack, '!8 i3', 1)\n"
	    "raises('too short', unpack_, '!8 b d', 'x')\n"
	    "raises('too short', unpack_, 's8', ('\\255'):rep(8))");
}

static void test_utf8(void **state)
{
	(void)state;
	run("for _, c in ipairs {0, 0x7f, 0x80, 0x7ff, 0x800, 0xd7ff, 0xe000, 0xffff, 0x10000, "
	    "0x10ffff} do\n"
	    "  local s = utf8.char(c)\n"
	    "  assert(utf8.codepoint(s) == c and utf8.len(s) == 1 and utf8.offset(s, 2) == #s + "
	    "1)\n"
	    "  assert(s:match('^'..utf8.charpattern..'$') == s)\n"
	    "  for i = 1, #s - 1 do assert(utf8.len(s:sub(1, i)) == nil) end\n"
	    "end\n"
	    "for _, c in ipairs {0xd800, 0xdfff, 0x110000, 0x7fffffff} do\n"
	    "  local s = utf8.char(c)\n"
	    "  assert(utf8.len(s) == nil and utf8.codepoint(s, 1, 1, true) == c)\n"
	    "end\n"
	    "for i = 128, 255 do assert(utf8.len(string.char(i)) == nil) end\n"
	    /* Positions that no string has, also those that fit into no integer. */
	    "for _, far in ipairs {2 ^ 53, 2 ^ 63, 1e300, 1 / 0} do\n"
	    "  raises('out of bounds', utf8.len, 'abc', far) raises('out of bounds', utf8.len, 'abc', 1, far)\n"
	    "  raises('out of bounds', utf8.codepoint, 'abc', 1, far)\n"
	    "  raises('out of bounds', utf8.offset, 'abc', 1, far)\n"
	    "  assert(utf8.offset('abc', far) == nil and utf8.offset('abc', -far) == nil)\n"
	    "  assert(utf8.codes('abc')('abc', far) == nil and utf8.codes('abc')('abc', -far) == nil)\n"
	    "  assert(utf8.len('abc', 1, -far) == 0)\n"
	    "end");
}

static void test_compat(void **state)
{
	(void)state;
	run("assert(math.type(1) == 'integer' and math.type(0.5) == 'float' and math.type('1') == "
	    "nil)\n"
	    "assert(math.type(2 ^ 63) == 'float' and math.type(-2 ^ 63) == 'integer' and "
	    "math.type(1ULL) == 'integer')\n"
	    "assert(math.tointeger('3') == 3 and math.tointeger(0 / 0) == nil and math.ult(1, "
	    "-1))\n"
	    "local co, main = coroutine.running() assert(main and type(co) == 'thread')\n"
	    "coroutine.wrap(function() assert(select(2, coroutine.running()) == false) end)()\n"
	    "assert(rawlen({1, 2}) == 2 and table.pack(nil, nil).n == 2 and select('#', "
	    "table.unpack({}, 1, 3)) == 3)");
}

/* However little memory there is: an error that says so, or success. */
static void test_no_memory(void **state)
{
	static const char chunk[] =
		"local s = pack('s4 z i8', ('x'):rep(9000), ('y'):rep(5000), 1)\n"
		"assert(unpack_('s4', s) and utf8.char(s:byte(1, 200)) and table.pack(s:byte(1, "
		"200)))";
	char error[256];
	size_t limit = 1;
	(void)state;
	while (run_within(chunk, limit, error, sizeof(error))) {
		assert_non_null(strstr(error, "not enough memory"));
		limit += 1 + limit / 8;
		assert_true(limit < 10000000);
	}
	assert_true(limit > 9000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_integers),  cmocka_unit_test(test_layout),
		cmocka_unit_test(test_utf8),      cmocka_unit_test(test_compat),
		cmocka_unit_test(test_no_memory),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
