/* SPDX-License-Identifier: MIT
 *
 * A stream of bytes from hostile peers, cut into socket messages in any way, goes through netpack.filter. What comes
 * out must be exactly the packages that a reader of the whole stream finds, in their order, for each socket. The
 * input: a byte says which of four sockets and how many bytes of the rest are its next message (0: it is closed).
 */
#include "fuzz/target.h"
#include "core/mem.h"
#include "luabind/cmodule.h"
#include "luabind/socketmsg.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* (netpack, id, light) with the queue, the expected and the seen in globals */
static const char checker[] =
	"local netpack = ...\n"
	"local queue, stream, seen = nil, {'', '', '', ''}, {{}, {}, {}, {}}\n"
	"local function take(id, block, size)\n"
	"  table.insert(seen[id], netpack.tostring(block, size))\n"
	"end\n"
	"local function filter(id, bytes, message, size)\n"
	"  local what, fd, block, length\n"
	"  queue, what, fd, block, length = netpack.filter(queue, message, size)\n"
	"  if what == 'data' then assert(fd == id) take(fd, block, length)\n"
	"  elseif what == 'more' then for f, b, s in netpack.pop, queue do take(f, b, s) end\n"
	"  elseif what == 'close' then bytes = nil\n"
	"  else assert(what == nil) end\n"
	"  if bytes then stream[id] = stream[id]..bytes else stream[id], seen[id] = '', {} end\n"
	"  local at, rest = 1, stream[id]\n"
	"  for i, got in ipairs(seen[id]) do\n"
	"    local n = rest:byte(at) * 256 + rest:byte(at + 1)\n"
	"    assert(rest:sub(at + 2, at + 1 + n) == got and #got == n, 'a wrong package')\n"
	"    at = at + 2 + n\n"
	"  end\n"
	"  local high, low = rest:byte(at, at + 1)\n"
	"  assert(low == nil or #rest - at - 1 < high * 256 + low, 'a package that was not seen')\n"
	"  return #seen[id]\n"
	"end\n"
	"return filter\n";

/* The stack has the checker on top; hands it one socket message. Returns how many packages came. */
static size_t feed(lua_State *L, int id, const uint8_t *bytes, size_t size)
{
	struct socketmsg m = {size ? SOCKETMSG_DATA : SOCKETMSG_CLOSE, id, (int)size, NULL};
	if (size)
		m.buffer = memcpy(mem_alloc(size), bytes, size);
	lua_pushvalue(L, -1);
	lua_pushinteger(L, id);
	lua_pushlstring(L, (const char *)bytes, size);
	lua_pushlightuserdata(L, &m);
	lua_pushinteger(L, sizeof(m));
	if (lua_pcall(L, 4, 1, 0) != 0) {
		fprintf(stderr, "fuzz_netpack: %s\n", lua_tostring(L, -1));
		abort();
	}
	size_t packages = (size_t)lua_tointeger(L, -1);
	lua_pop(L, 1);
	return packages;
}

static bool try_input(const uint8_t *data, size_t size)
{
	size_t packages = 0;
	lua_State *L = luaL_newstate();
	if (L == NULL)
		abort();
	luaL_openlibs(L);
	if (luaL_loadbuffer(L, checker, sizeof(checker) - 1, "=checker"))
		abort();
	lua_pushcfunction(L, netpack_open);
	lua_call(L, 0, 1);
	lua_call(L, 1, 1);
	for (size_t at = 0; at < size;) {
		uint8_t head = data[at++];
		size_t length = head >> 2;
		if (length > size - at)
			length = size - at;
		packages += feed(L, 1 + (head & 3), data + at, length);
		at += length;
	}
	lua_close(L);
	return packages > 0;
}

#define INPUT_BYTES 600

/* Small lengths mostly, or no package would ever be complete. */
static size_t make_input(uint8_t *to)
{
	for (size_t i = 0; i < INPUT_BYTES; i++)
		to[i] = (uint8_t)(fuzz_random_below(3) ? fuzz_random_below(8)
						       : fuzz_random_below(256));
	for (size_t i = 1; i < INPUT_BYTES; i++)
		if (fuzz_random_below(2))
			to[i] = 0;
	return fuzz_random_below(INPUT_BYTES) + 1;
}

const struct fuzz_target fuzz_target = {
	.name = "netpack",
	.good = "gave a package",
	.inputs = 1000,
	.seed = 20261126,
	.input_bytes = INPUT_BYTES,
	.try_input = try_input,
	.make = make_input,
};
