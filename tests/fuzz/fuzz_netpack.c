/* SPDX-License-Identifier: MIT
 *
 * A stream of bytes from hostile peers, cut into socket messages in any way, goes through netpack.filter. What comes
 * out must be exactly the packages that a reader of the whole stream finds, in their order, for each socket. The
 * input: a byte says which of 64 sockets it is, and the next one how many bytes of the rest are its message. Of none: the socket
 * is closed, or fails, or another event comes that changes nothing.
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
	"local queue, stream, seen = nil, {}, {}\n"
	"for i = 1, 64 do stream[i], seen[i] = '', {} end\n"
	"local function take(id, block, size)\n"
	"  table.insert(seen[id], netpack.tostring(block, size))\n"
	"end\n"
	"local function filter(id, bytes, message, size)\n"
	"  local what, fd, block, length\n"
	"  queue, what, fd, block, length = netpack.filter(queue, message, size)\n"
	"  if what == 'data' then assert(fd == id) take(fd, block, length)\n"
	"  elseif what == 'more' then for f, b, s in netpack.pop, queue do take(f, b, s) end\n"
	"  elseif what == 'close' or what == 'error' then bytes = nil\n"
	"  elseif what == 'warning' or what == 'init' then assert(fd == id and bytes == '')\n"
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

enum { SOCKETS = 64 };

/* What the first byte says beside the socket, of a message without bytes. */
static const int events[4] = {SOCKETMSG_CLOSE, SOCKETMSG_ERROR, SOCKETMSG_WARNING, SOCKETMSG_CONNECT};

/* The stack has the checker on top; hands it one socket message. Returns how many packages came. */
static size_t feed(lua_State *L, uint8_t head, const uint8_t *bytes, size_t size)
{
	int id = 1 + head % SOCKETS;
	struct socketmsg m = {size ? SOCKETMSG_DATA : events[head / SOCKETS], id, (int)size, NULL};
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
	for (size_t at = 0; at + 1 < size;) {
		uint8_t head = data[at++];
		size_t length = data[at++];
		if (length > size - at)
			length = size - at;
		packages += feed(L, head, data + at, length);
		at += length;
	}
	lua_close(L);
	return packages > 0;
}

#define INPUT_BYTES 3000

/* What a socket sends: the package that it is in. */
struct stream {
	uint32_t length, left;
	bool head_is_cut; /* the low byte of the length is to come */
};

static uint8_t next_byte(struct stream *s)
{
	if (s->head_is_cut) {
		s->head_is_cut = false;
		s->left = s->length;
		return (uint8_t)s->length;
	}
	if (s->left > 0) {
		s->left--;
		return (uint8_t)fuzz_random_below(256);
	}
	s->length = fuzz_random_below(8) ? fuzz_random_below(20) : fuzz_random_below(fuzz_random_below(4) ? 600 : 65536);
	s->head_is_cut = true;
	return (uint8_t)(s->length >> 8);
}

/* Few sockets mostly, or no package would ever be complete; sometimes so many that the queue's table grows. */
static size_t make_input(uint8_t *to)
{
	struct stream streams[SOCKETS] = {{0}};
	uint32_t sockets = fuzz_random_below(3) ? 3 : SOCKETS;
	size_t wanted = 2 + fuzz_random_below(INPUT_BYTES - 300), size = 0;
	while (size < wanted) {
		uint32_t id = fuzz_random_below(sockets), event = fuzz_random_below(4);
		uint32_t length = fuzz_random_below(16) == 0 ? 0 : 1 + fuzz_random_below(fuzz_random_below(4) ? 8 : 255);
		to[size++] = (uint8_t)(id + event * SOCKETS);
		to[size++] = (uint8_t)length;
		for (uint32_t i = 0; i < length; i++)
			to[size++] = next_byte(&streams[id]);
		if (length == 0 && event < 2)
			streams[id] = (struct stream){0};
	}
	return size;
}

const struct fuzz_target fuzz_target = {
	.name = "netpack",
	.good = "gave a package",
	.inputs = 500,
	.seed = 20261126,
	.input_bytes = INPUT_BYTES,
	.try_input = try_input,
	.make = make_input,
};
