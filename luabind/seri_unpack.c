/* SPDX-License-Identifier: MIT
 *
 * Bytes to Lua values; seri_wire.h has the format, seri_table.c makes the tables. The bytes may come from anybody: a length is
 * believed only as far as there are bytes behind it, and nothing is allocated on its word alone.
 */
#include "luabind/seri.h"

#include "core/mem.h"
#include "luabind/seri_int64.h"
#include "luabind/seri_reader.h"
#include <lauxlib.h>

PARKABLE NORETURN NOINLINE void seri_bad_stream(const struct seri_reader *r, const uint8_t *at, int line)
{
	luaL_error(r->L, "Invalid serialize stream %d (line:%d)", (int)(r->end - at), line);
	__builtin_unreachable();
}

/* Reads so many bytes into `to`. Returns what is behind them. */
static PARKABLE inline const uint8_t *take(const struct seri_reader *r, const uint8_t *at, void *to, size_t bytes)
{
	if (UNLIKELY((size_t)(r->end - at) < bytes))
		seri_bad_stream(r, at, __LINE__);
	memcpy(to, at, bytes);
	return at + bytes;
}

static PARKABLE const uint8_t *unpack_number(const struct seri_reader *r, const uint8_t *at, unsigned form)
{
	rawvalue number;
	int64_t integer;
	const uint8_t *behind = seri_read_number(at, r->end, form, &number);
	if (behind != NULL) {
		seri_push_number(r, number);
		return behind;
	}
	if (form != SERI_FORM_I64)
		seri_bad_stream(r, at, __LINE__);
	behind = take(r, at, &integer, sizeof(integer));
	seri_int64_push(r->L, integer);
	return behind;
}

static PARKABLE const uint8_t *unpack_pointer(const struct seri_reader *r, const uint8_t *at)
{
	uint64_t address;
	const uint8_t *behind = take(r, at, &address, sizeof(address));
	/* What is no user-space address LuaJIT cannot hold. */
	if (address >> 47 != 0)
		seri_bad_stream(r, at, __LINE__);
	lua_pushlightuserdata(r->L, (void *)(uintptr_t)address);
	return behind;
}

static PARKABLE const uint8_t *unpack_string(const struct seri_reader *r, const uint8_t *at, size_t length)
{
	if (UNLIKELY((size_t)(r->end - at) < length))
		seri_bad_stream(r, at, __LINE__);
	lua_pushlstring(r->L, (const char *)at, length);
	return at + length;
}

static PARKABLE const uint8_t *unpack_long_string(const struct seri_reader *r, const uint8_t *at, unsigned field)
{
	uint32_t length = 0;
	if (field != 2 && field != 4)
		seri_bad_stream(r, at, __LINE__);
	at = take(r, at, &length, field);
	return unpack_string(r, at, length);
}

PARKABLE const uint8_t *seri_unpack_value(struct seri_reader *r, const uint8_t *at, int depth)
{
	uint8_t head;
	at = take(r, at, &head, 1);
	unsigned cookie = head >> SERI_KIND_BITS;
	switch (head & SERI_KIND_MASK) {
	case SERI_KIND_NIL:
		lua_pushnil(r->L);
		return at;
	case SERI_KIND_BOOL:
		seri_push_bool(r, cookie != 0);
		return at;
	case SERI_KIND_NUMBER:
		return unpack_number(r, at, cookie);
	case SERI_KIND_POINTER:
		return unpack_pointer(r, at);
	case SERI_KIND_SHORT:
		return unpack_string(r, at, cookie);
	case SERI_KIND_LONG:
		return unpack_long_string(r, at, cookie);
	case SERI_KIND_TABLE:
		return seri_unpack_table(r, at, cookie, depth + 1);
	}
	seri_bad_stream(r, at, __LINE__);
}

PARKABLE int seri_unpack_bytes(lua_State *L, const void *data, size_t size_bytes)
{
	if (size_bytes == 0)
		return 0;
	const uint8_t *at = data, *end = at + size_bytes;
	struct seri_reader r = {.L = L, .end = end, .slots = size_bytes, .raw = rawtable_proven()};
	int count = 0;
	while (at < end) {
		/* LuaJIT gives a C function twenty places, of which three are taken at the most. */
		if (count > 0 && count % 8 == 0)
			luaL_checkstack(L, SERI_FRAME_SLOTS + 8, "serialize");
		at = seri_value(&r, at, 0);
		count++;
	}
	return count;
}

/* Reads (lightuserdata, size | string | nil). NULL and 0 for nil. Returns the type of the first argument. */
static PARKABLE int check_bytes(lua_State *L, const char **bytes, size_t *size_bytes)
{
	int type = lua_type(L, 1);
	*bytes = NULL;
	*size_bytes = 0;
	if (LIKELY(type == LUA_TLIGHTUSERDATA)) {
		*bytes = lua_touserdata(L, 1);
		lua_Number size = luaL_checknumber(L, 2);
		luaL_argcheck(L, size >= 0 && size < 0x1p47, 2, "not a size");
		luaL_argcheck(L, *bytes != NULL || size == 0, 1, "null pointer");
		*size_bytes = (size_t)size;
	} else if (type == LUA_TSTRING) {
		*bytes = lua_tolstring(L, 1, size_bytes);
	} else if (type > LUA_TNIL) {
		luaL_typerror(L, 1, "string or lightuserdata");
	}
	return type;
}

/* Are the arguments a block and its size, as they nearly always are? Then check_bytes would say the same, in more time. */
static PARKABLE inline bool is_block(lua_State *L, const char **bytes, size_t *size_bytes)
{
	size_t count;
	if (UNLIKELY(!rawtable_proven()))
		return false;
	const rawvalue *values = raw_stack(L, &count);
	if (count < 2 || raw_tag(values[0]) != RAW_TAG_LIGHT || !raw_is_number(values[1]))
		return false;
	double size = raw_number(values[1]);
	if (!(size >= 0 && size < 0x1p47))
		return false;
	*bytes = lua_touserdata(L, 1);
	*size_bytes = (size_t)size;
	return *bytes != NULL;
}

PARKABLE int seri_unpack(lua_State *L)
{
	size_t size_bytes;
	const char *bytes;
	if (UNLIKELY(!is_block(L, &bytes, &size_bytes)))
		check_bytes(L, &bytes, &size_bytes);
	return seri_unpack_bytes(L, bytes, size_bytes);
}

PARKABLE int seri_unpack_counted(lua_State *L)
{
	size_t height;
	bool raw = LIKELY(rawtable_proven());
	if (UNLIKELY(!raw || raw_height(L) != 2))
		lua_settop(L, 2);
	lua_pushnil(L); /* the place of the count */
	int values = seri_unpack(L);
	if (LIKELY(raw)) {
		raw_stack(L, &height)[2] = raw_of_number(values);
	} else {
		lua_pushinteger(L, values);
		lua_replace(L, 3);
	}
	if (LIKELY(values <= SERI_COUNTED_MAX))
		return 1 + values;
	lua_createtable(L, values, 0);
	lua_insert(L, 4);
	for (int i = values; i > 0; i--)
		lua_rawseti(L, 4, i);
	return 2;
}

PARKABLE int seri_tostring(lua_State *L)
{
	size_t size_bytes;
	const char *bytes;
	/* nil with a size is the payload of an empty message, which is a text for skynet's services; nil alone is nothing. */
	if (check_bytes(L, &bytes, &size_bytes) <= LUA_TNIL && lua_type(L, 2) != LUA_TNUMBER)
		return 0;
	lua_pushlstring(L, bytes != NULL ? bytes : "", bytes != NULL ? size_bytes : 0);
	return 1;
}

int seri_trash(lua_State *L)
{
	size_t size_bytes;
	const char *bytes;
	if (is_block(L, &bytes, &size_bytes) || check_bytes(L, &bytes, &size_bytes) == LUA_TLIGHTUSERDATA)
		mem_free((void *)bytes);
	return 0;
}
