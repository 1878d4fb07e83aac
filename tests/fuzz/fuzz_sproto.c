/* SPDX-License-Identifier: MIT
 *
 * Arbitrary bytes are decoded by a schema that has every kind of field, and unpacked; and they are read as a schema.
 * What decodes must encode, and decode to the same again. With -DFUZZ_STANDALONE it has a main() of its own that damages
 * good messages from a seed (argv: number of inputs, seed).
 */
#include "luabind/cmodule.h"
#include "luabind/embedded.h"
#include "luabind/heap.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VM_BYTES ((size_t)64 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	"  li 8 : *integer lb 9 : *boolean ls 10 : *string ld 11 : *double lt 12 : *T mt 14 : *T(i) .KV { k 0 : string v 1 : T }\n"
	"  kv 15 : *KV() lf 20 : *integer(3) }\n"
	"p 1 { request T response nil }]]\n"
	"schema = parser.parse(text)\n"
	"local sp = sproto.new(schema)\n"
	"sample = sp:encode('T', {i = 2^40, b = true, s = 'some text', d = 0.5, f = 1.25, t = {i = -5, t = {}},\n"
	"  li = {1, -2^33, 3}, lb = {true, false}, ls = {'a', 'b', ''}, ld = {1, 2.5}, lt = {{}, {s = 'x'}},\n"
	"  mt = {[5] = {i = 5}}, kv = {k = {b = false}}, lf = {1.5, -7}})\n"
	"local function by_identity(k) return type(k) == 'cdata' or type(k) == 'table' end\n"
	"local function same(a, b)\n"
	"  if type(a) == 'number' and a ~= a then return b ~= b end\n"
	"  if type(a) ~= 'table' or type(b) ~= 'table' then return a == b end\n"
	"  for k, v in pairs(a) do if not by_identity(k) and not same(v, b[k]) then return false end end\n"
	"  for k in pairs(b) do if not by_identity(k) and a[k] == nil then return false end end\n"
	"  return true\n"
	"end\n"
	"local function refused(text)\n"
	"  for _, known in ipairs{'decode error', \"Can't find\", 'too deep', 'Invalid unpack stream', 'not enough memory'} do\n"
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
	"  if not encoded then assert(again:find('is not an integer', 1, true), again) return true end\n"
	"  local back = sp:decode('T', again)\n"
	"  assert(bytes ~= sample or same(got, back))\n"
	"  assert(same(sp:decode('T', sp:encode('T', back)), back), 'came back different')\n"
	"  return true\n"
	"end\n";

static lua_State *vm;

static lua_State *open_vm(void)
{
	lua_State *L = lua_newstate(heap_alloc, heap_new(VM_BYTES));
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
	if (vm == NULL)
		vm = open_vm();
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	try_input(data, size);
	return 0;
}

#ifdef FUZZ_STANDALONE
#define INPUT_BYTES 2048

static uint64_t random_state;

/* xorshift64* */
static uint32_t random_below(uint32_t bound)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1dull) >> 32) % bound;
}

/* The sample or the schema, with a few bytes changed, and cut off now and then. */
static size_t make_input(uint8_t to[INPUT_BYTES])
{
	size_t size;
	lua_getglobal(vm, random_below(3) ? "sample" : "schema");
	const char *from = lua_tolstring(vm, -1, &size);
	memcpy(to, from, size < INPUT_BYTES ? size : INPUT_BYTES);
	lua_pop(vm, 1);
	for (uint32_t changes = random_below(4); changes > 0; changes--)
		to[random_below((uint32_t)size)] = (uint8_t)(random_below(2) ? random_below(8) : random_below(256));
	return random_below(8) == 0 ? random_below((uint32_t)size) : size;
}

int main(int argc, char **argv)
{
	unsigned long inputs = argc > 1 ? strtoul(argv[1], NULL, 0) : 5000;
	unsigned long seed = argc > 2 ? strtoul(argv[2], NULL, 0) : 20261126;
	unsigned long good = 0;
	printf("fuzz_sproto: %lu inputs, seed %lu\n", inputs, seed);
	random_state = seed * 2 + 1;
	vm = open_vm();
	for (unsigned long i = 0; i < inputs; i++) {
		uint8_t input[INPUT_BYTES];
		size_t size = make_input(input);
		good += try_input(input, size);
	}
	printf("fuzz_sproto: %lu decoded\n", good);
	/* A generator that makes nothing good, or nothing bad, tests only half. */
	return good > inputs / 20 && good < inputs - inputs / 20 ? 0 : 1;
}
#endif
