/* SPDX-License-Identifier: MIT
 *
 * Unpacks arbitrary bytes in a VM with little memory, several times, since tables of known shapes are made in another way, and by
 * the API: always the same must come. What unpacks must pack again, and the result must unpack to the same values.
 */
#include "fuzz/target.h"
#include "luabind/heap.h"
#include "luabind/rawtable.h"
#include "luabind/seri.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VM_BYTES ((size_t)16 << 20)

/* Tables and cdata as keys are new objects after each unpacking, so they are only counted. */
static const char check[] =
	"local packstring, unpack_bytes, data, distrust, trust, pack, tostring_bytes, trash = ...\n"
	"local function by_identity(k) return type(k) == 'table' or type(k) == 'cdata' end\n"
	"local function bits(n) return n == 0 and 1 / n or n end\n"
	"local same\n"
	"local function count(t)\n"
	"  local known, others = 0, 0\n"
	"  for k in pairs(t) do\n"
	"    if by_identity(k) then others = others + 1 else known = known + 1 end\n"
	"  end\n"
	"  return known, others\n"
	"end\n"
	"function same(a, b)\n"
	"  if type(a) ~= type(b) then return false end\n"
	"  if type(a) == 'table' then\n"
	"    for k, v in pairs(a) do\n"
	"      if not by_identity(k) and not same(v, b[k]) then return false end\n"
	"    end\n"
	"    local known, others = count(a)\n"
	"    local its_known, its_others = count(b)\n"
	"    return known == its_known and others == its_others\n"
	"  elseif type(a) == 'number' then return bits(a) == bits(b) or a ~= a and b ~= b\n"
	"  end\n"
	"  return a == b\n"
	"end\n"
	"local function list(...) return select('#', ...), {...} end\n"
	"local function attempt()\n"
	"  local ok, n, first = pcall(function() return list(unpack_bytes(data)) end)\n"
	"  local text = not ok and tostring(n)\n"
	"  local short = text and (text:find('not enough memory', 1, true) or text:find('stack overflow', 1, true))\n"
	"  if text and not short and not text:find('Invalid serialize stream', 1, true) then error('unknown refusal: '..text) end\n"
	"  return ok, n, first, short\n"
	"end\n"
	"local ok, n, first, short = attempt()\n"
	/* Shapes are known from the third time on. The last time it is the API that unpacks. */
	"for i = 1, 4 do\n"
	"  if i == 4 then distrust() end\n"
	"  local ok2, n2, again, short2 = attempt()\n"
	"  if not (short or short2) then\n"
	"    if ok ~= ok2 or ok and n ~= n2 then error('another time it is '..tostring(ok2)..' '..tostring(n2)) end\n"
	"    for v = 1, ok and n or 0 do\n"
	"      if not same(first[v], again[v]) then error('another time value '..v..' is different') end\n"
	"    end\n"
	"  end\n"
	"end\n"
	"trust()\n"
	"if not ok then return false end\n"
	"local bytes = packstring(unpack(first, 1, n))\n"
	"local block, size = pack(unpack(first, 1, n))\n"
	"local in_block = tostring_bytes(block, size)\n"
	"trash(block, size)\n"
	"if in_block ~= bytes then error('bytes in a block differ') end\n"
	"distrust()\n"
	"if packstring(unpack(first, 1, n)) ~= bytes then error('raw bytes differ') end\n"
	"local again, second = list(unpack_bytes(bytes))\n"
	"if again ~= n then error('came back '..again..' values, not '..n) end\n"
	"for i = 1, n do\n"
	"  if not same(first[i], second[i]) then error('value '..i..' came back different') end\n"
	"end\n"
	"return true\n";

/* The values are packed by the API from here on: it must come to the same bytes. */
static int distrust(lua_State *L)
{
	(void)L;
	rawtable_distrust();
	return 0;
}

static int trust(lua_State *L)
{
	(void)L;
	rawtable_layout.proven = true;
	return 0;
}

static int body(lua_State *L)
{
	const uint8_t *data = lua_touserdata(L, 1);
	size_t size = (size_t)lua_tonumber(L, 2);
	luaL_openlibs(L);
	if (luaL_loadbuffer(L, check, sizeof(check) - 1, "=check"))
		lua_error(L);
	lua_pushcfunction(L, seri_packstring);
	lua_pushcfunction(L, seri_unpack);
	lua_pushlstring(L, (const char *)data, size);
	lua_pushcfunction(L, distrust);
	lua_pushcfunction(L, trust);
	lua_pushcfunction(L, seri_pack);
	lua_pushcfunction(L, seri_tostring);
	lua_pushcfunction(L, seri_trash);
	lua_call(L, 8, 1);
	return 1;
}

static void rawtable_prove_once(void)
{
	static bool done;
	if (!done && !rawtable_prove())
		abort();
	done = true;
}

/* Returns whether the bytes were a good stream; ends the process when a rule is broken. */
static bool try_input(const uint8_t *data, size_t size)
{
	struct heap *heap = heap_new(VM_BYTES);
	lua_State *L = lua_newstate(heap_alloc, heap);
	if (L == NULL)
		abort();
	lua_pushcfunction(L, body);
	lua_pushlightuserdata(L, (void *)data);
	lua_pushnumber(L, (lua_Number)size);
	bool good = false;
	rawtable_prove_once();
	rawtable_layout.proven = true; /* the last input has left it distrusted */
	if (lua_pcall(L, 2, 1, 0) == 0) {
		good = lua_toboolean(L, -1);
	} else if (strstr(lua_tostring(L, -1), "not enough memory") == NULL &&
		   strstr(lua_tostring(L, -1), "too many results to unpack") == NULL &&
		   strstr(lua_tostring(L, -1), "stack overflow") == NULL) {
		fprintf(stderr, "fuzz_seri: %s\n", lua_tostring(L, -1));
		abort();
	}
	lua_close(L);
	heap_delete(heap);
	return good;
}

#define INPUT_BYTES 2048

static size_t make_scalar(uint8_t *to)
{
	static const uint8_t heads[] = {0x00, 0x01, 0x09, 0x02, 0x0a, 0x12, 0x22, 0x32,
					0x42, 0x03, 0x04, 0x0c, 0x1c, 0xfc, 0x15, 0x25};
	static const uint8_t follows[] = {0, 0, 0, 0, 1, 2, 4, 8, 8, 8, 0, 1, 3, 31, 7, 9};
	uint32_t which = fuzz_random_below(sizeof(heads));
	to[0] = heads[which];
	for (uint32_t i = 1; i <= follows[which]; i++)
		to[i] = (uint8_t)fuzz_random_below(256);
	/* The long strings: a length that fits what follows. Pointers: of user space. */
	if (heads[which] == 0x15 || heads[which] == 0x25)
		memset(to + 1, 0, heads[which] >> 3), to[1] = 5;
	if (heads[which] == 0x03)
		to[7] = to[8] = to[6] = 0;
	/* Doubles that would be tagged values if they were taken as they are. */
	if (heads[which] == 0x42 && fuzz_random_below(4) == 0)
		to[8] = 0xff, to[7] |= 0xf8;
	return 1u + follows[which];
}

/* A table whose array has its length behind the head: numbers go straight into such an array, but for those that are no plain
 * ones. Now and then the length is a lie. */
static size_t make_long_array(uint8_t *to, size_t room)
{
	uint32_t length = fuzz_random_below(60), written = length, kind = fuzz_random_below(4);
	size_t at = 0;
	if (room < 64)
		return 0;
	if (fuzz_random_below(8) == 0)
		written = fuzz_random_below(60);
	to[at++] = 0xfe;
	to[at++] = 0x0a;
	to[at++] = (uint8_t)length;
	for (uint32_t i = 0; i < written && at + 48 < room; i++) {
		if (kind != 0 && fuzz_random_below(8) != 0) {
			to[at++] = 0x42;
			for (int byte = 0; byte < 8; byte++)
				to[at++] = (uint8_t)(byte < 6 ? fuzz_random_below(256) : 0xff - fuzz_random_below(9));
		} else if (fuzz_random_below(16) == 0) {
			to[at++] = (uint8_t)(6 | fuzz_random_below(3) << 3); /* a table may be the last thing that is right */
			to[at++] = 0;
		} else {
			at += make_scalar(to + at);
		}
	}
	to[at++] = 0;
	return at;
}

/* So many tables in each other: more than may be, sometimes. */
static size_t make_deep(uint8_t *to)
{
	uint32_t depth = 25 + fuzz_random_below(14);
	memset(to, 0x0e, depth);
	to[depth] = 0x02;
	memset(to + depth + 1, 0, depth);
	return 2 * depth + 1;
}

/* Heads that nobody writes: kinds and forms that there are not, lengths and counts beyond the end. */
static size_t make_wrong(uint8_t *to)
{
	static const uint8_t wrong[][11] = {
		{1, 0x07}, {1, 0xff}, {2, 0x1a, 0}, {2, 0x3a, 0}, {1, 0xfa}, {1, 0x11}, {9, 0x03, 0, 0, 0, 0, 0, 0x80, 0, 0},
		{9, 0x03, 255, 255, 255, 255, 255, 255, 255, 255}, {5, 0x25, 255, 255, 255, 255}, {5, 0x25, 0, 0, 0, 0x80},
		{3, 0x15, 255, 255}, {2, 0x0d, 1}, {2, 0xfe, 0x02}, {4, 0xfe, 0x12, 255, 255}, {6, 0xfe, 0x22, 255, 255, 255, 255},
		{10, 0xfe, 0x32, 255, 255, 255, 255, 255, 255, 255, 127}, {10, 0xfe, 0x42, 0, 0, 0, 0, 0, 0, 0xf0, 0x3f},
		{2, 0xfe, 0x00}, {1, 0xf6}, {10, 0x06, 0x42, 0, 0, 0, 0, 0, 0, 0xf8, 0x7f}};
	const uint8_t *one = wrong[fuzz_random_below(COUNT_OF(wrong))];
	memcpy(to, one + 1, one[0]);
	return one[0];
}

/* A key of few, so that tables have the same keys, begin with the same ones, or have one twice. */
static size_t make_key(uint8_t *to)
{
	static const char *const keys[] = {"", "a", "b", "id", "pos", "name", "__index", "long_keys_too", "another_long_key"};
	const char *key = keys[fuzz_random_below(sizeof(keys) / sizeof(*keys))];
	size_t length = strlen(key);
	to[0] = (uint8_t)(4 | length << 3);
	memcpy(to + 1, key, length);
	return 1 + length;
}

/* Mostly a good stream: a value, tables now and then. `to` has room for INPUT_BYTES at each level.
 */
static size_t make_value(uint8_t *to, size_t room, int depth)
{
	if (room < 64 || depth > 5 || fuzz_random_below(3) != 0)
		return room < 40 ? (to[0] = 0x01, 1) : make_scalar(to);
	uint32_t length = fuzz_random_below(4);
	size_t at = 0;
	to[at++] = (uint8_t)(6 | length << 3);
	for (uint32_t i = 0; i < length && at + 64 < room; i++)
		at += make_value(to + at, room - at - 16, depth + 1);
	for (uint32_t i = fuzz_random_below(4); i > 0 && at + 128 < room; i--) {
		size_t key = at;
		at += fuzz_random_below(4) ? make_key(to + at) : make_value(to + at, room - at - 64, depth + 1);
		if ((to[key] & 7) == 0)
			to[key] = 0x01;
		at += make_value(to + at, room - at - 16, depth + 1);
	}
	to[at++] = 0;
	return at;
}

static size_t make_input(uint8_t *to)
{
	size_t size = 0;
	if (fuzz_random_below(4) == 0) {
		size = fuzz_random_below(INPUT_BYTES);
		for (size_t i = 0; i < size; i++)
			to[i] = (uint8_t)fuzz_random_below(256);
		return size;
	}
	for (uint32_t values = fuzz_random_below(5); values > 0 && size + 100 < INPUT_BYTES;
	     values--)
		size += make_value(to + size, INPUT_BYTES - size, 0);
	if (fuzz_random_below(4) == 0)
		size += make_long_array(to + size, INPUT_BYTES - size);
	if (fuzz_random_below(16) == 0 && size + 100 < INPUT_BYTES)
		size += make_deep(to + size);
	if (fuzz_random_below(16) == 0 && size + 100 < INPUT_BYTES)
		size += make_wrong(to + size);
	if (fuzz_random_below(3) != 0 || size == 0)
		return size;
	for (uint32_t changes = 1 + fuzz_random_below(4); changes > 0; changes--)
		to[fuzz_random_below((uint32_t)size)] ^= (uint8_t)(1u << fuzz_random_below(8));
	return fuzz_random_below(4) == 0 ? fuzz_random_below((uint32_t)size) : size;
}

const struct fuzz_target fuzz_target = {
	.name = "seri",
	.good = "were good streams",
	.inputs = 2000,
	.seed = 20240229,
	.input_bytes = INPUT_BYTES,
	.try_input = try_input,
	.make = make_input,
};
