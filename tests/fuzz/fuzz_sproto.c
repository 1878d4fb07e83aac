/* SPDX-License-Identifier: MIT
 *
 * Arbitrary bytes are decoded by a schema that has every kind of field, and unpacked; and they are read as a schema.
 * What decodes must encode, and decode to the same again.
 */
#include "fuzz/target.h"
#include "luabind/cmodule.h"
#include "luabind/embedded.h"
#include "luabind/heap.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VM_BYTES ((size_t)64 << 20)

static int find_module(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	const struct embedded *e = embedded_find("module", name);
	if (e == NULL)
		lua_pushcfunction(L, cmodule_find(name));
	else if (luaL_loadbuffer(L, (const char *)e->source, e->size_bytes, e->chunkname))
		lua_error(L);
	return 1;
}

static const char checker[] =
	"package.loaders[2] = find_module\n"
	"local sproto, core = require 'sproto', require 'sproto.core'\n"
	"local parser = require 'sprotoparser'\n"
	"local text = [[\n"
	".T { i 0 : integer b 1 : boolean s 2 : string d 3 : double f 4 : integer(2) t 5 : T\n"
	"  li 8 : *integer lb 9 : *boolean ls 10 : *string ld 11 : *double lt 12 : *T mt 14 : "
	"*T(i) .KV { k 0 : string v 1 : T }\n"
	"  kv 15 : *KV() lf 20 : *integer(3) }\n"
	"p 1 { request T response nil }]]\n"
	"schema = parser.parse(text)\n"
	"local sp = sproto.new(schema)\n"
	"sample = sp:encode('T', {i = 2^40, b = true, s = 'some text', d = 0.5, f = 1.25, t = {i = "
	"-5, t = {}},\n"
	"  li = {1, -2^33, 3}, lb = {true, false}, ls = {'a', 'b', ''}, ld = {1, 2.5}, lt = {{}, "
	"{s = 'x'}},\n"
	"  mt = {[5] = {i = 5}}, kv = {k = {b = false}}, lf = {1.5, -7}})\n"
	"local function by_identity(k) return type(k) == 'cdata' or type(k) == 'table' end\n"
	"local function same(a, b)\n"
	"  if type(a) == 'number' and a ~= a then return b ~= b end\n"
	"  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end\n"
	"  for k, v in pairs(a) do if not by_identity(k) and not same(v, b[k]) then return false "
	"end end\n"
	"  for k in pairs(b) do if not by_identity(k) and a[k] == nil then return false end end\n"
	"  return true\n"
	"end\n"
	"local function refused(text)\n"
	"  for _, known in ipairs{'decode error', \"Can't find\", 'too deep', 'Invalid unpack "
	"stream', 'not enough memory'} do\n"
	"    if tostring(text):find(known, 1, true) then return false end\n"
	"  end\n"
	"  error('unknown refusal: '..tostring(text))\n"
	"end\n"
	"return function(bytes)\n"
	"  local s = core.newproto(bytes)\n"
	"  if s and core.querytype(s, 'T') then core.default(core.querytype(s, 'T')) end\n"
	"  local unpacked, raw = pcall(core.unpack, bytes)\n"
	"  if unpacked then assert(core.unpack(core.pack(raw)) == raw) else refused(raw) end\n"
	"  assert(core.unpack(core.pack(bytes)):sub(1, #bytes) == bytes)\n"
	"  local ok, got, taken = pcall(sp.decode, sp, 'T', bytes)\n"
	"  if not ok then return refused(got) end\n"
	"  assert(taken <= #bytes)\n"
	/* Fixed-point numbers beyond 2^53 do not come back to the last digit, or at all. */
	"  local encoded, again = pcall(sp.encode, sp, 'T', got)\n"
	"  if not encoded then assert(again:find('is not an integer', 1, true), again) return true "
	"end\n"
	"  local back = sp:decode('T', again)\n"
	"  assert(bytes ~= sample or same(got, back))\n"
	"  assert(same(sp:decode('T', sp:encode('T', back)), back), 'came back different')\n"
	"  return true\n"
	"end\n";

/* Opened by its first use. */
static lua_State *the_vm(void)
{
	static lua_State *L;
	if (L)
		return L;
	L = lua_newstate(heap_alloc, heap_new(VM_BYTES));
	if (L == NULL)
		abort();
	luaL_openlibs(L);
	lua_register(L, "find_module", find_module);
	if (luaL_loadbuffer(L, checker, sizeof(checker) - 1, "=checker") || lua_pcall(L, 0, 1, 0)) {
		fprintf(stderr, "fuzz_sproto: %s\n", lua_tostring(L, -1));
		abort();
	}
	return L;
}

static bool try_input(const uint8_t *data, size_t size)
{
	lua_State *vm = the_vm();
	lua_pushvalue(vm, -1);
	lua_pushlstring(vm, (const char *)data, size);
	if (lua_pcall(vm, 1, 1, 0) != 0) {
		fprintf(stderr, "fuzz_sproto: %s\n", lua_tostring(vm, -1));
		abort();
	}
	bool good = lua_toboolean(vm, -1);
	lua_pop(vm, 1);
	return good;
}

#define INPUT_BYTES 2048

/* The sample or the schema, with a few bytes changed, and cut off now and then. */
static size_t make_input(uint8_t *to)
{
	lua_State *vm = the_vm();
	size_t size;
	lua_getglobal(vm, fuzz_random_below(3) ? "sample" : "schema");
	const char *from = lua_tolstring(vm, -1, &size);
	memcpy(to, from, size < INPUT_BYTES ? size : INPUT_BYTES);
	lua_pop(vm, 1);
	for (uint32_t changes = fuzz_random_below(4); changes > 0; changes--)
		to[fuzz_random_below((uint32_t)size)] =
			(uint8_t)(fuzz_random_below(2) ? fuzz_random_below(8)
						       : fuzz_random_below(256));
	/* A double that would be an object if it were taken as it is; a length or a number of eight bytes that is none. */
	if (fuzz_random_below(4) == 0)
		memset(to + fuzz_random_below((uint32_t)size - 8), fuzz_random_below(2) ? 0xff : 0x7f,
		       1 + fuzz_random_below(8));
	return fuzz_random_below(8) == 0 ? fuzz_random_below((uint32_t)size) : size;
}

static void put_u16(uint8_t *to, uint32_t value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
}

/* A struct of any words, with blocks that hold structs again, numbers, or anything. */
static size_t make_struct(uint8_t *to, size_t room, int depth)
{
	uint32_t words = fuzz_random_below(24);
	size_t at = 2 + 2 * (size_t)words;
	if (room < at)
		return 0;
	put_u16(to, fuzz_random_below(32) ? words : fuzz_random_below(65536));
	for (uint32_t i = 0; i < words; i++) {
		uint32_t kind = fuzz_random_below(8);
		put_u16(to + 2 + 2 * i, kind < 5 ? 0 : kind == 5 ? 2 * fuzz_random_below(100) : kind == 6 ? 1 : fuzz_random_below(65536));
	}
	for (uint32_t i = 0; i < words && at + 64 < room; i++) {
		static const uint8_t sizes[] = {0, 1, 4, 5, 8, 9, 16, 17, 33};
		uint8_t *length = to + at;
		size_t size = sizes[fuzz_random_below(COUNT_OF(sizes))];
		at += 4;
		if (depth < 8 && fuzz_random_below(3) == 0)
			size = make_struct(to + at, room - at - 48, depth + 1);
		else
			for (size_t byte = 0; byte < size; byte++)
				to[at + byte] = (uint8_t)(byte == 0 ? size - 1 : fuzz_random_below(2) ? 0xff : fuzz_random_below(256));
		at += size;
		put_u16(length, (uint32_t)size);
		put_u16(length + 2, fuzz_random_below(32) ? 0 : fuzz_random_below(65536));
	}
	return at;
}

static size_t make_any(uint8_t *to)
{
	return fuzz_random_below(4) ? make_input(to) : make_struct(to, INPUT_BYTES, 0);
}

const struct fuzz_target fuzz_target = {
	.name = "sproto",
	.good = "decoded",
	.inputs = 5000,
	.seed = 20261126,
	.input_bytes = INPUT_BYTES,
	.try_input = try_input,
	.make = make_any,
};
