/* SPDX-License-Identifier: MIT
 *
 * Golden bytes at every boundary of the format, round trips, and every way to raise. Cases are Lua
 * chunks, run in a fresh VM each, with the functions under test as globals; `raises(f, ...)`
 * returns the message. A leak when something raises shows under AddressSanitizer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "luabind/rawtable.h"
#include "luabind/seri.h"

#include "core/mem.h"
#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>
#include <string.h>

static int lua_light(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)luaL_checknumber(L, 1));
	return 1;
}

static int lua_full_userdata(lua_State *L)
{
	lua_newuserdata(L, 8);
	return 1;
}

static int give_string(lua_State *L, void *given, const void *bytes, size_t size_bytes, void *block)
{
	static char copy[16 << 20]; /* pushing may raise, and nobody would own the block then */
	assert_true(bytes != NULL && (block == NULL || block == bytes) && size_bytes <= sizeof(copy));
	*(size_t *)given += size_bytes;
	memcpy(copy, bytes, size_bytes);
	mem_free(block);
	lua_pushlstring(L, copy, size_bytes);
	return 1;
}

/* (skipped, skipped, ...) -> the bytes, by the way that messages go */
static int lua_packed_to(lua_State *L)
{
	size_t given = 0;
	int results = seri_pack_to(L, 2, give_string, &given);
	assert_int_equal(given, lua_objlen(L, -1));
	return results;
}

static const char prelude[] =
	"function hex(s) return (s:gsub('.', function(c) return ('%02x'):format(c:byte()) end)) "
	"end\n"
	"function bytes(h) return (h:gsub('%x%x', function(x) return string.char(tonumber(x, 16)) "
	"end)) end\n"
	"function packs(want, ...)\n"
	"  local got = hex(packstring(...))\n"
	"  if got ~= want then error('bytes are '..got..', not '..want, 2) end\n"
	"  assert(hex(packed_to(print, nil, ...)) == want, 'packed_to gives other bytes')\n"
	"  local block, size = pack(...)\n"
	"  assert(hex(tostring_bytes(block, size)) == want, 'pack gives other bytes')\n"
	"  trash(block, size)\n"
	"end\n"
	"function raises(f, ...)\n"
	"  local ok, text = pcall(f, ...)\n"
	"  if ok then error('did not raise', 2) end\n"
	"  return text\n"
	"end\n"
	"function same(a, b)\n"
	"  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b and type(a) == type(b) "
	"end\n"
	"  for k, v in pairs(a) do if not same(v, b[k]) then return false end end\n"
	"  for k in pairs(b) do if a[k] == nil then return false end end\n"
	"  return true\n"
	"end\n"
	"function counted(n, ...)\n"
	"  if n > 5 then assert(select('#', ...) == 1) return unpack(..., 1, n) end\n"
	"  assert(select('#', ...) == n)\n"
	"  return ...\n"
	"end\n"
	"function round(...)\n"
	"  local want = {n = select('#', ...), ...}\n"
	"  local function check(...)\n"
	"    if not same({n = select('#', ...), ...}, want) then error('came back different', 3) "
	"end\n"
	"  end\n"
	"  check(unpack_bytes(packstring(...)))\n"
	"  local block, size = pack(...)\n"
	"  local as_string = tostring_bytes(block, size)\n"
	"  check(unpack_bytes(block, size))\n"
	"  check(counted(unpack_counted(block, size)))\n"
	"  check(counted(unpack_counted(as_string)))\n"
	"  trash(block, size)\n"
	"  assert(as_string == packstring(...))\n"
	"  assert(as_string == packed_to('not this', {print}, ...))\n"
	"end\n"
	"function nested(n) local t = {} for i = 2, n do t = {t} end return t end\n";

static void run(lua_State *L, const char *chunk)
{
	if (luaL_loadbuffer(L, chunk, strlen(chunk), "=case") || lua_pcall(L, 0, 0, 0))
		fail_msg("%s\nin: %s", lua_tostring(L, -1), chunk);
}

/* An allocator that says no at the nth growth: each nth raises somewhere else, and nothing leaks. All VMs have it, since
 * AddressSanitizer does not know what LuaJIT's own has given back. */
struct stingy {
	size_t left;
};

static void *stingy_alloc(void *ud, void *block, size_t old_bytes, size_t new_bytes)
{
	struct stingy *s = ud;
	if (new_bytes == 0) {
		free(block);
		return NULL;
	}
	if (new_bytes > old_bytes && s->left-- == 0) {
		s->left = 0;
		return NULL;
	}
	return realloc(block, new_bytes);
}

static lua_State *open_vm(bool with_libs)
{
	static const luaL_Reg functions[] = {
		{"pack", seri_pack},
		{"packstring", seri_packstring},
		{"unpack_bytes", seri_unpack},
		{"unpack_counted", seri_unpack_counted},
		{"tostring_bytes", seri_tostring},
		{"trash", seri_trash},
		{"packed_to", lua_packed_to},
		{"light", lua_light},
		{"full_userdata", lua_full_userdata},
		{NULL, NULL},
	};
	static struct stingy generous;
	generous.left = SIZE_MAX;
	lua_State *L = lua_newstate(stingy_alloc, &generous);
	assert_non_null(L);
	if (with_libs)
		luaL_openlibs(L);
	for (const luaL_Reg *f = functions; f->name != NULL; f++)
		lua_register(L, f->name, f->func);
	lua_pushboolean(L, rawtable_proven());
	lua_setglobal(L, "raw");
	if (with_libs)
		run(L, prelude);
	return L;
}

static void run_case(const char *chunk)
{
	lua_State *L = open_vm(true);
	run(L, chunk);
	lua_close(L);
}

static void test_golden_scalars(void **state)
{
	(void)state;
	run_case("packs('')\n"
		 "packs('00', nil)\n"
		 "packs('01', false) packs('09', true)\n"
		 "packs('000109', nil, false, true)\n"
		 "packs('03efbeadde00000000', light(0xdeadbeef))");
}

static void test_golden_numbers(void **state)
{
	(void)state;
	run_case("packs('02', 0)\n"
		 "packs('0a01', 1) packs('0aff', 255)\n"
		 "packs('120001', 256) packs('12ffff', 65535)\n"
		 "packs('2200000100', 65536) packs('22ffffff7f', 2^31 - 1)\n"
		 "packs('22ffffffff', -1) packs('2200000080', -2^31)\n"
		 "packs('320000008000000000', 2^31) packs('32ffffff7fffffffff', -2^31 - 1)\n"
		 "packs('320000000000002000', 2^53)\n"
		 "packs('3200fcffffffffff7f', 2^63 - 1024)\n"
		 "packs('320004000000000080', -2^63 + 1024)");
}

static void test_golden_doubles(void **state)
{
	(void)state;
	run_case("packs('42000000000000e03f', 0.5)\n"
		 "packs('420000000000000080', -0.0)\n"
		 "packs('42000000000000f07f', 1/0) packs('42000000000000f0ff', -1/0)\n"
		 "packs('42000000000000e043', 2^63) packs('42000000000000e0c3', -2^63)");
}

static void test_golden_strings(void **state)
{
	(void)state;
	run_case("packs('04', '') packs('0c61', 'a')\n"
		 "local function long(n) return ('x'):rep(n), ('78'):rep(n) end\n"
		 "local s, h = long(31) packs('fc'..h, s)\n"
		 "s, h = long(32) packs('152000'..h, s)\n"
		 "s, h = long(65535) packs('15ffff'..h, s)\n"
		 "s, h = long(65536) packs('2500000100'..h, s)\n"
		 "packs('1c610062', 'a\\0b')");
}

static void test_golden_tables(void **state)
{
	(void)state;
	run_case("packs('0600', {})\n"
		 "packs('160a010a0200', {1, 2})\n"
		 "packs('060c610a0100', {a = 1})\n"
		 "packs('0e0a070c610900', {7, a = true})\n"
		 "packs('06020a0500', {[0] = 5})\n"
		 "packs('0e0a0a020a0500', {[0] = 5, 10})\n"
		 "local function ones(n) local t = {} for i = 1, n do t[i] = 1 end return t, "
		 "('0a01'):rep(n) end\n"
		 "local t, h = ones(30) packs('f6'..h..'00', t)\n"
		 "t, h = ones(31) packs('fe0a1f'..h..'00', t)\n"
		 "t, h = ones(32) packs('fe0a20'..h..'00', t)\n"
		 "t, h = ones(1000) packs('fe12e803'..h..'00', t)");
}

static void test_pairs_is_honoured(void **state)
{
	(void)state;
	run_case("local hidden = setmetatable({1, 2}, {__pairs = function(t)\n"
		 "  return function(s, k) k = (k or 0) + 1 if k <= 2 then return k, s[k] * 10 end "
		 "end, t, nil\n"
		 "end})\n"
		 "packs('060a010a0a0a020a1400', hidden)\n"
		 "packs('0e060a010a0a0a020a140000', {hidden})\n"
		 "packs('0e0a0100', setmetatable({1}, {__index = {}}))\n"
		 "local t = unpack_bytes(packstring(setmetatable({1}, {__index = {}})))\n"
		 "assert(getmetatable(t) == nil)");
}

static void test_pairs_may_pack_and_allocate(void **state)
{
	(void)state;
	run_case("local function iterator(t)\n"
		 "  return function(_, k)\n"
		 "    if k then return end\n"
		 "    collectgarbage()\n"
		 "    return 1, packstring({('z'):rep(3000)})\n"
		 "  end, t, nil\n"
		 "end\n"
		 "local list = {}\n"
		 "for i = 1, 40 do list[i] = setmetatable({}, {__pairs = iterator}) end\n"
		 "local back = unpack_bytes(packstring(list))\n"
		 "assert(#back == 40)\n"
		 "for i = 1, 40 do assert(#unpack_bytes(back[i][1])[1] == 3000) end");
}

static void test_round_trips(void **state)
{
	(void)state;
	run_case("round() round(nil) round(nil, nil) round(1, nil, 3, nil)\n"
		 "round(true, false, 0, 1, -1, 255, 256, 65535, 65536, 2^31, -2^31, 2^40, -2^40, "
		 "1.5)\n"
		 "round('', 'a', ('b'):rep(31), ('c'):rep(32), ('d'):rep(65536), ('e'):rep(1e6))\n"
		 "round({1, {2, {3, x = {y = {}}}}, [-1] = 'neg', [1.5] = 'frac', [true] = {}, s = "
		 "'s'})\n"
		 "round({[0] = 'zero', 'one', 'two', three = 3})\n"
		 "round({[0] = 'zero'}, {[2^40] = 1}, {[1e9] = 1, [1] = 2})\n"
		 "for _, n in ipairs{1, 2, 29, 30, 31, 32, 33, 1000, 100000} do\n"
		 "  local t = {} for i = 1, n do t[i] = i * 3 end round(t)\n"
		 "  t.name = 'n' t[0] = 0 t[-1] = -1 round(t)\n"
		 "end\n"
		 "local many = {} for i = 1, 7000 do many[i] = i end round(unpack(many))");
}

/* Arrays that LuaJIT keeps in the hash part, in odd orders and with holes. */
static void test_arrays_of_all_shapes(void **state)
{
	(void)state;
	run_case("local t = {} for i = 40, 1, -1 do t[i] = i end round(t)\n"
		 "t = {} for i = 1, 4 do t[i] = i end t.a = 1 t.b = 2 t[5] = 5 t[6] = 6 round(t)\n"
		 "t = {1, nil, 3} round(t)\n"
		 "t = {nil, nil, 3} round(t)\n"
		 "t = {1, 2, 3, 4, 5, 6, 7, 8} t[4] = nil round(t) t[8] = nil round(t)\n"
		 "t = {[1] = 'a', [2] = 'b', [3] = 'c', [0] = 'z'} round(t)\n"
		 "math.randomseed(7)\n"
		 "for round_number = 1, 300 do\n"
		 "  t = {}\n"
		 "  for i = 1, math.random(40) do\n"
		 "    t[math.random(-2, 20)] = i\n"
		 "    if math.random(3) == 1 then t[math.random(1, 20)] = nil end\n"
		 "    if math.random(5) == 1 then t['k'..i] = {i} end\n"
		 "  end\n"
		 "  round(t)\n"
		 "end");
}

/* In a table of so many flags that lie in the hash part, `#` is the last one (unless LuaJIT has put some into the array). */
static void test_sparse_arrays(void **state)
{
	(void)state;
	run_case("for flags = 10, 31 do\n"
		 "  local source = {}\n"
		 "  for i = 1, flags do source[i] = ('[%d] = x'):format(2 ^ (i - 1)) end\n"
		 "  local t = loadstring('local x = 7 return {' .. table.concat(source, ',') .. '}')()\n"
		 "  assert(#packstring(t) < 1400)\n"
		 "  round(t)\n"
		 "end\n"
		 "local t = {}\n"
		 "for i = 1, 5000 do t[i] = i end\n"
		 "for i = 3, 4998, 3 do t[i] = nil end\n"
		 "t.x = 1\n"
		 "round(t)\n"
		 "assert(#packstring(t) < 5000 * 3.1)");
}

static void test_special_numbers_come_back(void **state)
{
	(void)state;
	run_case("local a, b, c, d = unpack_bytes(packstring(-0.0, 1/0, -1/0, 0/0))\n"
		 "assert(1/a == -1/0 and b == 1/0 and c == -1/0 and d ~= d)\n"
		 "a, b, c = unpack_bytes(packstring(2^63, -2^63, 2^63 - 1024))\n"
		 "assert(a == 2^63 and b == -2^63 and c == 2^63 - 1024)");
}

static void test_integers_beyond_doubles(void **state)
{
	(void)state;
	run_case("local v = unpack_bytes(bytes('320100000000002000'))\n"
		 "assert(type(v) == 'cdata' and v == 9007199254740993LL)\n"
		 "packs('320100000000002000', v)\n"
		 "v = unpack_bytes(bytes('32ffffffffffffff7f'))\n"
		 "assert(v == 0x7fffffffffffffffLL) packs('32ffffffffffffff7f', v)\n"
		 "v = unpack_bytes(bytes('320000000000000080')) assert(v == -2^63 and type(v) == "
		 "'number')\n"
		 "v = unpack_bytes(bytes('320000000000002000')) assert(v == 2^53 and type(v) == "
		 "'number')\n"
		 "packs('02', 0LL) packs('0a05', 5ULL) packs('22ffffffff', -1LL)\n"
		 "packs('22ffffffff', 0xffffffffffffffffULL)\n"
		 "packs('1632010000000000200032020000000000400000', {2^53 + 1LL, 2^54 + 2LL})");
}

static void test_integers_beyond_doubles_as_keys(void **state)
{
	(void)state;
	run_case("local t = unpack_bytes(bytes('063201000000000020000a0500'))\n"
		 "local k, v = next(t)\n"
		 "assert(k == 9007199254740993LL and v == 5 and next(t, k) == nil)");
}

static void test_integers_without_ffi(void **state)
{
	(void)state;
	/* No FFI yet and no libraries: the first big integer brings it. */
	lua_State *L = open_vm(false);
	static const uint8_t big[] = {0x32, 1, 0, 0, 0, 0, 0, 0x20, 0};
	int64_t value;
	assert_int_equal(seri_unpack_bytes(L, big, sizeof(big)), 1);
	int type = lua_type(L, -1);
	if (type == LUA_TNUMBER) {
		assert_true(lua_tonumber(L, -1) == 0x1p53);
	} else {
		memcpy(&value, lua_topointer(L, -1), sizeof(value));
		assert_true(value == (1ll << 53) + 1);
	}
	lua_close(L);
	/* Taken away on purpose: the nearest double. */
	run_case("local ffi = require 'ffi' package.loaded.ffi = nil\n"
		 "local v = unpack_bytes(bytes('320100000000002000'))\n"
		 "assert(v == 2^53 and type(v) == 'number')\n"
		 "assert(raw and hex(packstring(1LL)) == '0a01' or raises(packstring, 1LL):find('Unsupport type cdata to serialize', 1, "
		 "true))");
}

static void test_pack_errors(void **state)
{
	(void)state;
	run_case("local function to(...) return packed_to(1, 2, ...) end\n"
		 "local function text(want, ...)\n"
		 "  for _, f in ipairs{pack, packstring, to} do\n"
		 "    local got = raises(f, ...)\n"
		 "    if not got:find(want, 1, true) then error(got..' is not '..want, 2) end\n"
		 "  end\n"
		 "end\n"
		 "local big = ('x'):rep(100000)\n"
		 "text('Unsupport type function to serialize', print)\n"
		 "text('Unsupport type function to serialize', big, {big, {print}})\n"
		 "text('Unsupport type function to serialize', {[print] = 1})\n"
		 "text('Unsupport type thread to serialize', coroutine.create(print))\n"
		 "text('Unsupport type userdata to serialize', full_userdata())\n"
		 "text('Unsupport type cdata to serialize', require'ffi'.new('int[2]'))\n"
		 "text('Unsupport type cdata to serialize', require'ffi'.new('int64_t[1]'))\n"
		 "text('from my pairs', big, setmetatable({}, {__pairs = function() error('from my "
		 "pairs') end}))\n"
		 "text('from my next', big, setmetatable({}, {__pairs = function()\n"
		 "  return function() error('from my next') end end}))");
}

static void test_depth(void **state)
{
	(void)state;
	run_case("local deep = \"serialize can't pack too depth table\"\n"
		 "round(nested(33))\n"
		 "assert(raises(packstring, nested(34)):find(deep, 1, true))\n"
		 "local loop = {} loop[1] = loop\n"
		 "assert(raises(pack, loop):find(deep, 1, true))\n"
		 "loop = {} loop.x = loop\n"
		 "assert(raises(pack, loop):find(deep, 1, true))\n"
		 "local function levels(n) return bytes(('0e'):rep(n)..('00'):rep(n)) end\n"
		 "unpack_bytes(bytes(('0e'):rep(32)..'06'..('00'):rep(33)))\n"
		 "assert(raises(unpack_bytes, "
		 "bytes(('0e'):rep(33)..'06'..('00'):rep(34))):find('Invalid serialize stream'))\n"
		 "assert(raises(unpack_bytes, levels(100000)):find('Invalid serialize stream'))\n"
		 "assert(raises(unpack_bytes, "
		 "bytes(('0e'):rep(33)..'0a01'..('00'):rep(33))):find('Invalid serialize stream'))");
}

static void test_malformed_bytes(void **state)
{
	(void)state;
	run_case("for _, h in ipairs{'07', '0a', '1201', '22010203', '3201020304050607', '4201', "
		 "'1a', '2a',\n"
		 "  '3a', '4a', '52', '03', '0301020304050607', '03ffffffffffffffff', '0c', "
		 "'1461', '15', '1501',\n"
		 "  '1502006161'..'07', '250100', '25ffffffff61', '0d', '1d', '06', '0e', '0e00', "
		 "'060c61', '060c6100',\n"
		 "  '0642000000000000f87f0a0100', 'fe', 'fe0c', 'fe42000000000000f03f', "
		 "'fe22ffffffff',\n"
		 "  'fe22ffffff7f00', 'fe32ffffffffffffff7f', 'fe0a0100'} do\n"
		 "  local text = raises(unpack_bytes, bytes(h))\n"
		 "  if not text:find('Invalid serialize stream %d+ %(line:%d+%)') then error(h..': "
		 "'..text) end\n"
		 "end");
}

/* Every cut of a good stream is malformed or is a shorter good stream. The copy has the exact size,
 * so that reading beyond the end shows under AddressSanitizer. */
/* The bits of a double that is no number may look like a tag and an address of LuaJIT. They must never become one,
 * neither alone nor in an array. */
static void test_doubles_that_look_like_objects(void **state)
{
	(void)state;
	run_case("for _, bits in ipairs {'ffffffffffffffff', '000000000000fbff', 'efbeadde0000faff', 'efbeadde0080fdff',\n"
		 "    '010000000000f07f', '000000000000f87f', '000000000000f8ff', '010000000000f0ff'} do\n"
		 "  for _, form in ipairs {'42%s', '0e42%s00', '1642%s0900', '160942%s00'} do\n"
		 "    local v = unpack_bytes(bytes(form:format(bits)))\n"
		 "    if type(v) == 'table' then v = v[form:match('^1609') and 2 or 1] end\n"
		 "    if type(v) ~= 'number' then error(form..' '..bits..' is a '..type(v)) end\n"
		 "  end\n"
		 "end");
}

static void test_cut_streams(void **state)
{
	(void)state;
	lua_State *L = open_vm(true);
	run(L, "whole = packstring(1, 300, 70000, 2^40, 0.5, 'abc', ('x'):rep(40), {1, 2, {a = "
	       "'b'}}, light(1))");
	lua_getglobal(L, "whole");
	size_t size;
	const char *whole = lua_tolstring(L, -1, &size);
	for (size_t cut = 0; cut <= size; cut++) {
		char *copy = malloc(cut ? cut : 1);
		assert_non_null(copy);
		memcpy(copy, whole, cut);
		lua_pushcfunction(L, seri_unpack);
		lua_pushlightuserdata(L, copy);
		lua_pushnumber(L, (lua_Number)cut);
		int status = lua_pcall(L, 2, LUA_MULTRET, 0);
		assert_true(status == 0 || status == LUA_ERRRUN);
		assert_true(status == 0 || strstr(lua_tostring(L, -1), "Invalid serialize stream"));
		if (cut == size)
			assert_int_equal(status, 0);
		lua_settop(L, 1);
		free(copy);
	}
	lua_close(L);
}

/* ---- tables of known shapes ---- */

static void test_shapes_are_remembered(void **state)
{
	(void)state;
	run_case("if not raw then return end\n"
		 "local function shapes()\n"
		 "  local n = 0\n"
		 "  for _, shape in pairs(debug.getregistry()[-24177] or {}) do\n"
		 "    if type(shape) == 'table' then n = n + 1 end\n"
		 "  end\n"
		 "  return n\n"
		 "end\n"
		 "local s = packstring({a = 1, b = 2})\n"
		 "unpack_bytes(packstring(1, 'x', {1, 2, {3}})) assert(shapes() == 0)\n"
		 "unpack_bytes(s) assert(shapes() == 1)\n"
		 "unpack_bytes(s) unpack_bytes(s) assert(shapes() == 1)\n"
		 "unpack_bytes(packstring({b = {a = 1}})) assert(shapes() == 3)\n"
		 "s = packstring({[1.5] = 1, a = 2}) for i = 1, 4 do unpack_bytes(s) end assert(shapes() == 3)\n"
		 "s = packstring({__gc = 1}) for i = 1, 4 do unpack_bytes(s) end assert(shapes() == 3)\n"
		 /* Maps with keys of their own do not push out a shape that is of use. */
		 "s = packstring({a = 1, b = 2})\n"
		 "local kept = debug.getregistry()[-24177]\n"
		 "for i = 1, 1000 do unpack_bytes(s) unpack_bytes(packstring({['k' .. i] = 1, ['x' .. i] = 2, ['y' .. i] = 3})) end\n"
		 "assert(debug.getregistry()[-24177] == kept and shapes() <= 16)\n"
		 "local found = false\n"
		 "for _, shape in pairs(kept) do found = found or type(shape) == 'table' and shape.a and shape.b and #shape >= 5 end\n"
		 "assert(found)");
}

static void test_tables_come_back_again_and_again(void **state)
{
	(void)state;
	run_case("local function again(...) for _ = 1, 5 do round(...) end end\n"
		 "for n = 1, 40 do\n"
		 "  local t, u, v = {}, {}, {}\n"
		 "  for i = 1, n do\n"
		 "    t['k' .. i] = i u[('long key '):rep(i % 6) .. i] = {i, 's' .. i} v[i] = {x = i, y = 's', z = {i}}\n"
		 "  end\n"
		 "  again(t) again(u) again(v) again(t, u, {t, u, v, t, t}) t[1] = 'one' t[2] = {} again(t)\n"
		 "end\n"
		 "again({a = true, b = false, c = 0, d = -1, e = 300, f = 1e6, g = 2^40, h = 0.5, i = '', [''] = 'x', j = {}})\n"
		 "again({[1] = 1, [true] = 2, [-1] = 3, [0.5] = 4, s = 5, [0] = 6})\n"
		 "again({a = {a = {a = {b = 1}, b = 2}, b = 3}, b = {a = 4, b = {}}})\n"
		 "for _, n in ipairs{1, 15, 16, 17, 63, 64, 65, 66, 200} do\n"
		 "  local t = {} for i = 1, n do t[i] = i % 3 == 0 and {id = i} or i % 3 == 1 and 's' .. i or i * 0.5 end\n"
		 "  again(t) t.n = n t.name = 'list' again(t) t[0] = 'zero' again(t)\n"
		 "end");
}

/* What has been made at once must be a table like any other: for the compiler, for new keys, for `next`, as a metatable. */
static void test_tables_of_known_shapes_are_tables(void **state)
{
	(void)state;
	run_case("local s, sum = packstring({id = 7, name = 'x', list = {1, 2, 3}}), 0\n"
		 "for i = 1, 500 do\n"
		 "  local t = unpack_bytes(s)\n"
		 "  t.extra = i t.id = t.id + 1 t[i] = i t.list[4] = 4\n"
		 "  for k, v in pairs(t) do if k ~= 'list' and k ~= 'name' then sum = sum + v end end\n"
		 "  for j = 1, 20 do t['new' .. j] = j end\n"
		 "  t.name = nil\n"
		 "  assert(t.id == 8 and t.extra == i and t[i] == i and t.new20 == 20 and t.name == nil and #t.list == 4 and t.none == nil)\n"
		 "  local n = 0 for k in pairs(t) do n = n + 1 end\n"
		 "  assert(n == 24)\n"
		 "end\n"
		 "assert(sum == 500 * 8 + 2 * 500 * 501 / 2)\n"
		 "for _, name in ipairs{'__index', '__gc', '__mode', '__eq', '__x', '_', 'plain'} do\n"
		 "  local bytes = packstring({[name] = {found = true}, other = 1})\n"
		 "  for i = 1, 4 do\n"
		 "    local t = unpack_bytes(bytes)\n"
		 "    assert(setmetatable({}, t).found == (name == '__index' or nil) and t[name].found)\n"
		 "  end\n"
		 "end");
}

/* Good streams that nobody packs: a key twice, values that are nil. */
static void test_odd_tables(void **state)
{
	(void)state;
	run_case("local function count(t) local n = 0 for _ in pairs(t) do n = n + 1 end return n end\n"
		 "for i = 1, 5 do\n"
		 "  local t = unpack_bytes(bytes('060c610a010c610a0200')) assert(t.a == 2 and count(t) == 1)\n"
		 "  t = unpack_bytes(bytes('060c610a010c620a020c610a0300')) assert(t.a == 3 and t.b == 2 and count(t) == 2)\n"
		 "  t = unpack_bytes(bytes('060c61000c620a0200')) assert(t.a == nil and t.b == 2 and count(t) == 1)\n"
		 "  t.a = 5 assert(t.a == 5 and count(t) == 2)\n"
		 "  t = unpack_bytes(bytes('06040a010c620a0200')) assert(t[''] == 1 and t.b == 2 and count(t) == 2)\n"
		 "  t = unpack_bytes(bytes('060c620a0408')) assert(t.b == 4)\n"
		 "  t = unpack_bytes(bytes('1600000c61000c620000')) assert(#t == 0 and count(t) == 0)\n"
		 "  t = unpack_bytes(bytes('1e0a0100090c610a0100')) assert(t[1] == 1 and t[2] == nil and t[3] == true and t.a == 1)\n"
		 "end");
}

/* Shapes that begin alike, and more shapes than are remembered, in all orders. */
static void test_shapes_that_take_turns(void **state)
{
	(void)state;
	run_case("local a, b = '060c610a010c620a020c630a0300', '060c610a010c620a020c640a0400'\n"
		 "local c, d = '060c610a010c620a0200', '060c610a010c620a020c630a030c640a0400'\n"
		 "local want = {[a] = {a = 1, b = 2, c = 3}, [b] = {a = 1, b = 2, d = 4}, [c] = {a = 1, b = 2},\n"
		 "  [d] = {a = 1, b = 2, c = 3, d = 4}}\n"
		 "local list = {a, b, c, d}\n"
		 "math.randomseed(3)\n"
		 "for i = 1, 2000 do\n"
		 "  local h = list[i < 500 and i % 4 + 1 or math.random(math.random(4))]\n"
		 "  assert(same(unpack_bytes(bytes(h)), want[h]))\n"
		 "end\n"
		 "local function many(n)\n"
		 "  for i = 1, n do\n"
		 "    local t = {} for k = 1, i % 35 do t['key' .. i .. 'x' .. k] = k end\n"
		 "    local s = packstring(t)\n"
		 "    for j = 1, 3 do assert(same(unpack_bytes(s), t)) end\n"
		 "    local nodes, shapes = 0, raw and debug.getregistry()[-24177] or {}\n"
		 "    for _, shape in pairs(shapes) do if type(shape) == 'table' then nodes = nodes + shape[0] end end\n"
		 "    assert(nodes <= 128 and (nodes > 0 or not raw or i == 35))\n"
		 "  end\n"
		 "  collectgarbage() collectgarbage()\n"
		 "  return collectgarbage 'count'\n"
		 "end\n"
		 "many(40)\n"
		 "local before = many(40)\n"
		 "assert(many(300) < before + 12)");
}

/* Bits that look like a tag and an address, at every place where a value is put as it is. */
static void test_doubles_in_tables_of_known_shapes(void **state)
{
	(void)state;
	run_case("for _, bits in ipairs {'ffffffffffffffff', '000000000000fbff', 'efbeadde0000faff', '010000000000f07f'} do\n"
		 "  for _, form in ipairs {'060c6142%s00', '160c7842%s0c6142%s00', '160c7842%s00', '060c610e42%s0000'} do\n"
		 "    for i = 1, 4 do\n"
		 "      local t = unpack_bytes(bytes((form:gsub('%%s', bits))))\n"
		 "      for _, v in pairs(t) do\n"
		 "        if type(v) == 'table' then v = v[1] end\n"
		 "        assert(v ~= v or v == 'x', form)\n"
		 "      end\n"
		 "    end\n"
		 "  end\n"
		 "end");
}

/* Finalizers run in the middle of unpacking, and unpack themselves; the collector is as busy as it can be. What is not held by
 * it shows under AddressSanitizer. */
static void test_collections_while_unpacking(void **state)
{
	(void)state;
	run_case("collectgarbage('setpause', 1) collectgarbage('setstepmul', 100000)\n"
		 "local room = {name = ('n'):rep(20), list = {}}\n"
		 "for i = 1, 10 do room.list[i] = {id = i, pos = {i + 0.5, i}, tags = {'a' .. i, 'b' .. i}, own = {who = 'w' .. i}} end\n"
		 "local big = {} for i = 1, 300 do big[i] = {('v'):rep(i), key = 'k' .. i} end\n"
		 "local one, two = packstring(room, 'between', {x = 'x' .. 1, y = {}}), packstring(big)\n"
		 "local other = packstring({z = {'q', r = 's'}, list = {}}, {a = 'b', c = {d = 'e'}})\n"
		 "local turns, depth = 0, 0\n"
		 "local function make()\n"
		 "  local p = newproxy(true)\n"
		 "  getmetatable(p).__gc = function()\n"
		 "    turns = turns + 1\n"
		 "    if turns > 600 then return end\n"
		 "    make()\n"
		 "    for i = 1, 3 do unpack_bytes(other) end\n"
		 "    unpack_bytes(packstring({['t' .. turns % 50] = 'x', u = {v = turns}}))\n"
		 "  end\n"
		 "end\n"
		 "make()\n"
		 "local kept = {}\n"
		 "for i = 1, 24 do\n"
		 "  local r, between, xy = unpack_bytes(one)\n"
		 "  assert(same(r, room) and between == 'between' and xy.x == 'x1')\n"
		 "  kept[i % 7] = r\n"
		 "  if i % 8 == 0 then kept[-1] = unpack_bytes(two) assert(same(kept[-1], big)) end\n"
		 "  for _, k in pairs(kept) do assert(k == kept[-1] or same(k, room)) end\n"
		 "end\n"
		 "collectgarbage()\n"
		 "for _, k in pairs(kept) do assert(same(k, k == kept[-1] and big or room)) end\n"
		 "assert(turns > 20)");
}

/* The Lua stack is made larger by unpacking, and smaller by the collector meanwhile. */
static void test_stacks_that_shrink(void **state)
{
	(void)state;
	run_case("collectgarbage('setpause', 1) collectgarbage('setstepmul', 100000)\n"
		 "local values, t = {}, {}\n"
		 "for i = 1, 60 do t[i] = {'s' .. i, {a = i, b = {i}}, i} end\n"
		 "for i = 1, 300 do values[i] = i % 50 == 0 and {n = i, 'x' .. i} or 'v' .. i end\n"
		 "for i = 1, 3 do\n"
		 "  coroutine.wrap(function() round(t, 1, 2, t) round(unpack(values)) round(t) end)()\n"
		 "  round(t)\n"
		 "end\n"
		 "local many = {} for i = 1, 3850 do many[i] = i end\n"
		 "many[3851] = {1, {a = 2}} many[3852] = {b = {3}}\n"
		 "local s = packstring(unpack(many))\n"
		 "for i = 1, 3 do assert(same({unpack_bytes(s)}, many)) end");
}

/* Every cut of tables whose shapes are known raises, and the next whole one is right. */
static void test_cut_tables(void **state)
{
	(void)state;
	run_case("local want = {id = 300, name = 'player', pos = {1.5, 2}, list = {{id = 1, x = 2}, {id = 3, x = 4}}}\n"
		 "local s = packstring(want)\n"
		 "for cut = 1, #s - 1 do\n"
		 "  unpack_bytes(s)\n"
		 "  assert(raises(unpack_bytes, s:sub(1, cut)):find('Invalid serialize stream', 1, true))\n"
		 "  assert(same(unpack_bytes(s), want))\n"
		 "end\n"
		 "local function levels(n) return bytes(('060c61'):rep(n)..'0a01'..('00'):rep(n)) end\n"
		 "for i = 1, 4 do\n"
		 "  unpack_bytes(levels(32))\n"
		 "  assert(raises(unpack_bytes, levels(33)):find('Invalid serialize stream'))\n"
		 "end");
}

/* Each finalizer changes the table that is being packed, whenever the buffer grows and the collector gets a turn. */
static void test_finalizers_may_change_the_table(void **state)
{
	(void)state;
	run_case("collectgarbage('setpause', 10) collectgarbage('setstepmul', 10000)\n"
		 "for n = 100, 500, 100 do\n"
		 "  local t = {}\n"
		 "  for i = 1, n do t[i] = {('x'):rep(i % 50), i, k = {i}} t['k' .. i] = {} end\n"
		 "  local turn = 0\n"
		 "  local function change()\n"
		 "    turn = turn + 1\n"
		 "    for i = turn, n, 3 do t[i] = nil t['k' .. i] = nil t['new' .. i] = {i} end\n"
		 "    if turn < 5 then local p = newproxy(true) getmetatable(p).__gc = change end\n"
		 "  end\n"
		 "  change()\n"
		 "  local ok, s = pcall(packstring, t)\n"
		 "  assert(ok and type(unpack_bytes(s)) == 'table' or not raw and s:find(\"invalid key to 'next'\"))\n"
		 "end");
}

static void test_arguments(void **state)
{
	(void)state;
	run_case(
		"local block, size = pack()\n"
		"assert(type(block) == 'userdata' and size == 0)\n"
		"assert(select('#', unpack_bytes(block, size)) == 0)\n"
		"assert(tostring_bytes(block, size) == '') trash(block, size)\n"
		"assert(select('#', unpack_bytes()) == 0 and select('#', unpack_bytes(nil)) == 0)\n"
		"assert(select('#', unpack_bytes('')) == 0 and select('#', unpack_bytes(nil, 0)) "
		"== 0)\n"
		"assert(select('#', tostring_bytes()) == 0 and tostring_bytes('abc') == 'abc')\n"
		"trash() trash(nil) trash('text')\n"
		"raises(unpack_bytes, {}) raises(unpack_bytes, 5) raises(unpack_bytes, light(0), "
		"5)\n"
		"raises(unpack_bytes, light(4096), -1) raises(trash, {}) raises(trash, "
		"light(4096))\n"
		"raises(tostring_bytes, light(4096))");
}

static int body_of_no_memory(lua_State *L)
{
	lua_settop(L, 0);
	lua_pushnil(L);
	lua_pushnil(L);
	lua_getglobal(L, "value");
	assert_int_equal(lua_packed_to(L), 1);
	lua_settop(L, 0);
	lua_getglobal(L, "value");
	seri_pack(L);
	void *block = lua_touserdata(L, -2);
	size_t size = (size_t)lua_tonumber(L, -1);
	lua_settop(L, 0);
	/* The block is no longer guarded by anything: unpack what can raise from a string. */
	char copy[8192];
	assert_true(size <= sizeof(copy));
	memcpy(copy, block, size);
	mem_free(block);
	assert_int_equal(seri_unpack_bytes(L, copy, size), 1);
	return 0;
}

static void test_no_memory_leaks_nothing(void **state)
{
	(void)state;
	struct stingy s = {SIZE_MAX};
	lua_State *L = lua_newstate(stingy_alloc, &s);
	assert_non_null(L);
	luaL_openlibs(L);
	run(L, "value = {a = ('x'):rep(2000), b = {1, 2, 3, {c = 'd'}}, 4, 5, 2^53 + 1LL, {c = 1}, {c = {}}, {c = 2}}");
	lua_gc(L, LUA_GCSTOP, 0);
	size_t refused = 0;
	int status = -1;
	for (size_t n = 0; n < 1000 && status != 0; n++) {
		lua_pushcfunction(L, body_of_no_memory);
		s.left = n;
		status = lua_pcall(L, 0, 0, 0);
		s.left = SIZE_MAX;
		if (status != 0)
			assert_string_equal(lua_tostring(L, -1), "not enough memory");
		refused += status != 0;
		lua_settop(L, 0);
	}
	assert_int_equal(status, 0);
	assert_true(refused > 5);
	lua_close(L);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden_scalars),
		cmocka_unit_test(test_golden_numbers),
		cmocka_unit_test(test_golden_doubles),
		cmocka_unit_test(test_golden_strings),
		cmocka_unit_test(test_golden_tables),
		cmocka_unit_test(test_pairs_is_honoured),
		cmocka_unit_test(test_pairs_may_pack_and_allocate),
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_arrays_of_all_shapes),
		cmocka_unit_test(test_sparse_arrays),
		cmocka_unit_test(test_special_numbers_come_back),
		cmocka_unit_test(test_integers_beyond_doubles),
		cmocka_unit_test(test_integers_beyond_doubles_as_keys),
		cmocka_unit_test(test_integers_without_ffi),
		cmocka_unit_test(test_pack_errors),
		cmocka_unit_test(test_depth),
		cmocka_unit_test(test_malformed_bytes),
		cmocka_unit_test(test_doubles_that_look_like_objects),
		cmocka_unit_test(test_cut_streams),
		cmocka_unit_test(test_shapes_are_remembered),
		cmocka_unit_test(test_tables_come_back_again_and_again),
		cmocka_unit_test(test_tables_of_known_shapes_are_tables),
		cmocka_unit_test(test_odd_tables),
		cmocka_unit_test(test_shapes_that_take_turns),
		cmocka_unit_test(test_doubles_in_tables_of_known_shapes),
		cmocka_unit_test(test_collections_while_unpacking),
		cmocka_unit_test(test_stacks_that_shrink),
		cmocka_unit_test(test_cut_tables),
		cmocka_unit_test(test_finalizers_may_change_the_table),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_no_memory_leaks_nothing),
	};
	/* Both ways to the same bytes: as tables lie in memory, and by the API. */
	if (!rawtable_prove())
		return 1;
	int failed = cmocka_run_group_tests_name("raw", tests, NULL, NULL);
	rawtable_distrust();
	return failed + cmocka_run_group_tests_name("by the API", tests, NULL, NULL);
}
