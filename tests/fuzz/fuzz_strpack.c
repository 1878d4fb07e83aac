/* SPDX-License-Identifier: MIT
 *
 * Any format over any bytes: the first input byte says how many bytes are the format. What unpack gives must pack
 * to bytes that unpack to the same again, and refusals are those that are known. In a VM with a memory limit.
 */
#include "fuzz/target.h"
#include "luabind/heap.h"
#include "luabind/strpack.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VM_BYTES ((size_t)16 << 20)

static const char check[] =
	"local format, data = ...\n"
	"local known = {'out of limits', 'not power of 2', 'invalid next option', 'invalid format "
	"option',\n"
	"  'missing size', 'too short', 'does not fit', 'unfinished string', 'variable-length', "
	"'too large',\n"
	"  'not enough memory', 'stack overflow', 'too many results', 'result too'}\n"
	"local function check(ok, ...)\n"
	"  if ok then return true, ... end\n"
	"  local text = tostring((...))\n"
	"  for _, part in ipairs(known) do if text:find(part, 1, true) then return false end end\n"
	"  error('unknown refusal: '..text..' of '..format, 0)\n"
	"end\n"
	"local function list(...) return select('#', ...), {...} end\n"
	"local function same(a, b) return a == b and type(a) == type(b) or a ~= a and b ~= b end\n"
	"local function try()\n"
	"  local fixed, size = check(pcall(string.packsize, format))\n"
	"  local n, values = list(check(pcall(string.unpack, format, data)))\n"
	"  if not values[1] then return false end\n"
	"  local packed, bytes = check(pcall(string.pack, format, unpack(values, 2, n - 1)))\n"
	"  if not packed then return false end\n"
	"  if #bytes ~= values[n] - 1 then error('another length: '..format, 0) end\n"
	"  if fixed and size ~= #bytes then error('packsize is wrong: '..format, 0) end\n"
	"  local m, again = list(string.unpack(format, bytes))\n"
	"  if m ~= n - 1 then error('another number of values: '..format, 0) end\n"
	"  for i = 1, m do\n"
	"    if not same(again[i], values[i + 1]) then error('value '..i..' differs: '..format, 0) "
	"end\n"
	"  end\n"
	"  return true\n"
	"end\n"
	"return try()\n";

static int body(lua_State *L)
{
	const char *data = lua_touserdata(L, 1);
	size_t size = (size_t)lua_tonumber(L, 2);
	size_t format = size ? (unsigned char)data[0] % size : 0;
	luaL_openlibs(L);
	strpack_open(L);
	if (luaL_loadbuffer(L, check, sizeof(check) - 1, "=check"))
		lua_error(L);
	lua_pushlstring(L, data + (size ? 1 : 0), format);
	lua_pushlstring(L, data + (size ? 1 : 0) + format, size ? size - 1 - format : 0);
	lua_call(L, 2, 1);
	return 1;
}

/* Returns whether the format and the bytes fitted; ends the process when a rule is broken. */
static bool try_input(const uint8_t *data, size_t size)
{
	struct heap *heap = heap_new(VM_BYTES);
	lua_State *L = lua_newstate(heap_alloc, heap);
	if (L == NULL)
		abort();
	lua_pushcfunction(L, body);
	lua_pushlightuserdata(L, (void *)(uintptr_t)data);
	lua_pushnumber(L, (lua_Number)size);
	bool good = false;
	if (lua_pcall(L, 2, 1, 0) == 0) {
		good = lua_toboolean(L, -1);
	} else if (strstr(lua_tostring(L, -1), "not enough memory") == NULL) {
		fprintf(stderr, "fuzz_strpack: %s\n", lua_tostring(L, -1));
		abort();
	}
	lua_close(L);
	heap_delete(heap);
	return good;
}

#define INPUT_BYTES 256

static size_t make_format(char *to)
{
	static const char *const items[] = {
		"b", "B", "h", "H",  "i",  "I3", "i5", "i8", "I9", "i16", "j", "J",   "T",  "l",
		"L", "f", "d", "n",  "s1", "s2", "s",  "z",  "c3", "c0",  "x", "Xi4", "Xd", "<",
		">", "=", "!", "!4", "!2", " ",  "!1", "s8", "s16", "I16", "!16", "!8", "Xs4", "Xx", "c1",
		/* faults, and what is too much */
		"c", "X", "y", "i17", "!3", "!17", "i0", "Xc1", "X<", "c2147483647", "c2147483648", "c99999999999", "s17",
		"i18446744073709551617"};
	size_t size = 0;
	for (uint32_t n = 1 + fuzz_random_below(6); n > 0; n--) {
		const char *item = items[fuzz_random_below(
			fuzz_random_below(10) ? COUNT_OF(items) - 14 : COUNT_OF(items))];
		size += (size_t)sprintf(to + size, "%s", item);
	}
	return size;
}

static size_t make_input(uint8_t *to)
{
	size_t format = make_format((char *)to + 1);
	size_t size = 1 + format + fuzz_random_below(100);
	/* Small bytes make lengths that fit, and zeros; large ones negative integers, and doubles that look like objects. */
	uint32_t kind = fuzz_random_below(4);
	for (size_t i = 1 + format; i < size; i++)
		to[i] = (uint8_t)(kind == 0 ? 0xff - fuzz_random_below(8) : fuzz_random_below(kind == 1 ? 256 : 4));
	to[0] = (uint8_t)format;
	return size > format + 1 ? size : 0;
}

const struct fuzz_target fuzz_target = {
	.name = "strpack",
	.good = "fitted",
	.inputs = 3000,
	.seed = 20251125,
	.input_bytes = INPUT_BYTES,
	.try_input = try_input,
	.make = make_input,
};
