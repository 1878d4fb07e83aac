/* SPDX-License-Identifier: MIT
 *
 * skynet.netpack: every cut of a stream gives the same packages, the kinds of results, and who frees what (leaks show
 * under AddressSanitizer). Lua chunks with netpack as a global; `data(queue, id, bytes)` filters a message of a
 * socket and returns what filter does; `message(type, id, ud, text)` makes any other.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"
#include "luabind/cmodule.h"
#include "luabind/socketmsg.h"

#include <lauxlib.h>
#include <lualib.h>
#include <string.h>

/* (filter, queue, id, bytes) */
static int filter_data(lua_State *L)
{
	size_t size;
	const char *bytes = luaL_checklstring(L, 4, &size);
	struct socketmsg m = {SOCKETMSG_DATA, (int)luaL_checkinteger(L, 3), (int)size, mem_alloc(size + 1)};
	memcpy(m.buffer, bytes, size);
	lua_settop(L, 2);
	lua_pushlightuserdata(L, &m);
	lua_pushinteger(L, sizeof(m));
	lua_call(L, 3, LUA_MULTRET);
	return lua_gettop(L);
}

/* (filter, queue, type, id, ud, text) */
static int filter_other(lua_State *L)
{
	size_t size;
	const char *text = luaL_checklstring(L, 6, &size);
	struct socketmsg *m = lua_newuserdata(L, sizeof(*m) + size);
	*m = (struct socketmsg){(int)lua_tointeger(L, 3), (int)lua_tointeger(L, 4), (int)lua_tointeger(L, 5), NULL};
	memcpy(m + 1, text, size);
	lua_pushlightuserdata(L, m);
	lua_replace(L, 3);
	lua_pushinteger(L, (lua_Integer)(sizeof(*m) + size));
	lua_replace(L, 4);
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, 3);
	lua_pushvalue(L, 4);
	lua_call(L, 3, LUA_MULTRET);
	return lua_gettop(L) - 7;
}

static const char prelude[] =
	"function is(got, want) if got ~= want then error(tostring(got)..' is not '..tostring(want), 2) end end\n"
	"function raises(part, f, ...)\n"
	"  local ok, text = pcall(f, ...)\n"
	"  if ok or not text:find(part, 1, true) then error('no error '..part..' but '..tostring(text), 2) end\n"
	"end\n"
	"function data(q, id, bytes) return filter_data(netpack.filter, q, id, bytes) end\n"
	"function message(q, type, id, ud, text) return filter_other(netpack.filter, q, type, id, ud, text or '') end\n"
	"function framed(s) return netpack.tostring(netpack.pack(s)) end\n"
	/* Filters and gives the packages that are complete then, as id:text. */
	"function feed(q, id, bytes, out)\n"
	"  local q, what, fd, block, size = data(q, id, bytes)\n"
	"  if what == 'data' then out[#out + 1] = fd..':'..netpack.tostring(block, size) end\n"
	"  if what == 'more' then\n"
	"    is(fd, nil)\n"
	"    for fd, block, size in netpack.pop, q do out[#out + 1] = fd..':'..netpack.tostring(block, size) end\n"
	"  end\n"
	"  return q, what\n"
	"end\n";

static void run(lua_State *L, const char *chunk)
{
	if (luaL_loadbuffer(L, chunk, strlen(chunk), "=case") || lua_pcall(L, 0, 0, 0))
		fail_msg("%s\nin: %s", lua_tostring(L, -1), chunk);
}

static void run_case(const char *chunk)
{
	lua_State *L = luaL_newstate();
	assert_non_null(L);
	luaL_openlibs(L);
	lua_pushcfunction(L, cmodule_find("skynet.netpack"));
	lua_call(L, 0, 1);
	lua_setglobal(L, "netpack");
	lua_register(L, "filter_data", filter_data);
	lua_register(L, "filter_other", filter_other);
	run(L, prelude);
	run(L, chunk);
	lua_close(L);
}

static void test_pack(void **state)
{
	(void)state;
	run_case("is(framed(''), '\\0\\0') is(framed('abc'), '\\0\\3abc')\n"
		 "is(framed(('x'):rep(65535)), '\\255\\255'..('x'):rep(65535))\n"
		 "raises('Invalid size (too long) of data : 65536', netpack.pack, ('x'):rep(65536))\n"
		 "local block, size = netpack.pack('abc')\n"
		 "is(size, 5)\n"
		 "local again, longer = netpack.pack(block, size)\n"
		 "is(netpack.tostring(again, longer), '\\0\\5\\0\\3abc')\n"
		 "is(netpack.tostring(block, size), '\\0\\3abc')\n"
		 "is(netpack.tostring(nil, 0), '')\n"
		 "raises('a size expected', netpack.tostring, nil, -1)\n"
		 "raises('string expected', netpack.pack, nil)");
}

/* An object is no block: it would be freed. */
static void test_objects(void **state)
{
	(void)state;
	run_case("for _, f in ipairs{netpack.tostring, netpack.pack} do\n"
		 "  raises('a pointer expected, not an object', f, newproxy(true), 3)\n"
		 "end\n"
		 "raises('a pointer expected, not an object', netpack.filter, nil, newproxy(true), 1000)\n"
		 "local block, size = netpack.pack('abc')\n"
		 "for _, wrong in ipairs{-1, 65536, 2 ^ 64, -2 ^ 70, 0 / 0} do\n"
		 "  raises('Invalid size (too long)', netpack.pack, block, wrong)\n"
		 "end\n"
		 "is(netpack.tostring(block, size), '\\0\\3abc')");
}

static void test_kinds(void **state)
{
	(void)state;
	run_case("local out = {}\n"
		 "local q, what = feed(nil, 7, framed('one'), out)\n"
		 "is(what, 'data') is(out[1], '7:one')\n"
		 "q, what = feed(q, 7, framed('two')..framed(''), out)\n"
		 "is(what, 'more') is(out[2], '7:two') is(out[3], '7:')\n"
		 "q, what = feed(q, 7, framed('three')..'\\0', out)\n"
		 "is(what, 'more') is(out[4], '7:three')\n"
		 "q, what = feed(q, 7, '\\4fou', out) is(what, nil)\n"
		 "q, what = feed(q, 7, '', out) is(what, nil)\n"
		 "q, what = feed(q, 7, 'r', out) is(what, 'data') is(out[5], '7:four') is(#out, 5)\n"
		 "is(netpack.pop(q), nil) is(netpack.pop(nil), nil)\n"
		 /* What nobody has popped stays, and a package alone is still returned at once. */
		 "q, what = data(q, 1, framed('a')..framed('b')) is(what, 'more')\n"
		 "q, what = feed(q, 2, framed('c'), out) is(what, 'data') is(out[6], '2:c')\n"
		 "local id, block, size = netpack.pop(q) is(id..netpack.tostring(block, size), '1a')\n"
		 "id, block, size = netpack.pop(q) is(id..netpack.tostring(block, size), '1b')");
}

static void test_every_cut(void **state)
{
	(void)state;
	run_case("local words, stream = {}, ''\n"
		 "for i = 0, 6 do words[i + 1] = ('w'):rep(i * i) stream = stream..framed(words[i + 1]) end\n"
		 "for first = 0, #stream do\n"
		 "  for second = first, #stream, 3 do\n"
		 "    local out, q = {}\n"
		 "    q = feed(q, 9, stream:sub(1, first), out)\n"
		 "    q = feed(q, 9, stream:sub(first + 1, second), out)\n"
		 "    q = feed(q, 9, stream:sub(second + 1), out)\n"
		 "    is(table.concat(out, ' '), '9:'..table.concat(words, ' 9:'))\n"
		 "  end\n"
		 "end\n"
		 "local out, q = {}\n"
		 "for i = 1, #stream do q = feed(q, 9, stream:sub(i, i), out) end\n"
		 "is(#out, #words)");
}

static void test_many_sockets(void **state)
{
	(void)state;
	run_case("local out, q = {}\n"
		 "for id = -500, 4000 do q = feed(q, id, '\\0', out) end\n"
		 "for id = 4000, -500, -1 do q = feed(q, id, '\\2'..'a', out) end\n"
		 "is(#out, 0)\n"
		 "for id = -500, 4000 do q = feed(q, id, 'b', out) is(out[#out], id..':ab') end\n"
		 "is(#out, 4501)\n"
		 /* More packages than the ring has room for, with its head in the middle. */
		 "local q, what = data(q, 1, framed('x'):rep(10))\n"
		 "for i = 1, 5 do netpack.tostring(select(2, netpack.pop(q))) end\n"
		 "data(q, 1, framed('y'):rep(3000)..'\\0')\n"
		 "local all = {}\n"
		 "for id, block, size in netpack.pop, q do all[#all + 1] = netpack.tostring(block, size) end\n"
		 "is(table.concat(all), ('x'):rep(5)..('y'):rep(3000))");
}

static void test_events(void **state)
{
	(void)state;
	run_case("local function list(...) return table.concat({select('#', ...) - 1, select(2, ...)}, ' ') end\n"
		 "is(list(message(nil, 2, 5, 8888, '127.0.0.1')), '4 init 5 127.0.0.1 8888')\n"
		 "is(list(message(nil, 4, 5, 6, '10.0.0.1:99')), '3 open 6 10.0.0.1:99')\n"
		 "is(list(message(nil, 3, 5, 0)), '2 close 5')\n"
		 "is(list(message(nil, 5, 5, 0, 'reset')), '3 error 5 reset')\n"
		 "is(list(message(nil, 7, 5, 128)), '3 warning 5 128')\n"
		 "is(list(message(nil, 6, 5, 3)), '0') is(list(message(nil, 99, 5, 3)), '0')\n"
		 "is((message(nil, 3, 5, 0)), nil)\n"
		 /* What a closed or broken socket has left is not the beginning of its successor's. */
		 "local out, q, what = {}\n"
		 "for _, type in ipairs{3, 5} do\n"
		 "  q = feed(q, 5, '\\0\\9abc', out)\n"
		 "  is((message(q, type, 5, 0)), q)\n"
		 "  q, what = feed(q, 5, framed('new'), out)\n"
		 "  is(what, 'data') is(out[#out], '5:new')\n"
		 "end");
}

static void test_ends(void **state)
{
	(void)state;
	run_case("local q = data(nil, 1, framed('left')..framed('behind')..'\\0\\5abc')\n"
		 "netpack.clear(q) netpack.clear(nil)\n"
		 "is(netpack.pop(q), nil)\n"
		 "local _, what, id, block, size = data(q, 1, framed('again')) netpack.tostring(block, size)\n"
		 "for _, bad in ipairs{io.stdout, 'text', {}, 7, true} do\n"
		 "  raises('a queue of netpack expected', netpack.pop, bad)\n"
		 "  raises('a queue of netpack expected', netpack.clear, bad)\n"
		 "end\n"
		 "raises('a socket message expected', netpack.filter, nil, nil, 0)\n"
		 "garbage = data(nil, 1, framed('for')..framed('the collector')..'\\0\\5abc')");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pack),      cmocka_unit_test(test_objects),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_every_cut), cmocka_unit_test(test_many_sockets),
		cmocka_unit_test(test_events),    cmocka_unit_test(test_ends),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
