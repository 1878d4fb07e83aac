/* SPDX-License-Identifier: MIT
 *
 * Bytes to Lua values; seri_wire.h has the format. The bytes may come from anybody: a length is
 * believed only as far as there are bytes behind it, and nothing is allocated on its word alone.
 */
#include "luabind/seri.h"

#include "core/mem.h"
#include "luabind/rawtable.h"
#include "luabind/seri_int64.h"
#include "luabind/seri_wire.h"
#include <lauxlib.h>
#include <math.h>
#include <string.h>

struct reader {
	lua_State *L;
	const uint8_t *at, *end;
	/* How many array slots may still be allocated ahead of their values. It starts as the
	 * number of bytes, which honest lengths cannot exceed in sum; hostile ones get no more than
	 * that. */
	size_t slots;
};

static PARKABLE size_t left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

static PARKABLE NORETURN NOINLINE void bad_stream(const struct reader *r, int line)
{
	luaL_error(r->L, "Invalid serialize stream %d (line:%d)", (int)left(r), line);
	__builtin_unreachable();
}

/* Reads so many bytes into `to`. */
static PARKABLE inline void take(struct reader *r, void *to, size_t bytes)
{
	if (UNLIKELY(left(r) < bytes))
		bad_stream(r, __LINE__);
	memcpy(to, r->at, bytes);
	r->at += bytes;
}

static PARKABLE int64_t unpack_integer(struct reader *r, unsigned form)
{
	uint8_t u8;
	uint16_t u16;
	int32_t i32;
	int64_t i64;
	switch (form) {
	case SERI_FORM_ZERO:
		return 0;
	case SERI_FORM_U8:
		take(r, &u8, sizeof(u8));
		return u8;
	case SERI_FORM_U16:
		take(r, &u16, sizeof(u16));
		return u16;
	case SERI_FORM_I32:
		take(r, &i32, sizeof(i32));
		return i32;
	case SERI_FORM_I64:
		take(r, &i64, sizeof(i64));
		return i64;
	}
	bad_stream(r, __LINE__);
}

static PARKABLE inline void unpack_number(struct reader *r, unsigned form)
{
	if (form == SERI_FORM_DOUBLE) {
		double value;
		take(r, &value, sizeof(value));
		lua_pushnumber(r->L, value);
	} else if (form == SERI_FORM_I64) {
		seri_int64_push(r->L, unpack_integer(r, form));
	} else {
		lua_pushnumber(r->L, (lua_Number)unpack_integer(r, form));
	}
}

static PARKABLE void unpack_pointer(struct reader *r)
{
	uint64_t address;
	take(r, &address, sizeof(address));
	/* What is no user-space address LuaJIT cannot hold. */
	if (address >> 47 != 0)
		bad_stream(r, __LINE__);
	lua_pushlightuserdata(r->L, (void *)(uintptr_t)address);
}

static PARKABLE inline void unpack_string(struct reader *r, size_t length)
{
	if (UNLIKELY(left(r) < length))
		bad_stream(r, __LINE__);
	lua_pushlstring(r->L, (const char *)r->at, length);
	r->at += length;
}

static PARKABLE void unpack_long_string(struct reader *r, unsigned field)
{
	uint32_t length = 0;
	if (field != 2 && field != 4)
		bad_stream(r, __LINE__);
	take(r, &length, field);
	unpack_string(r, length);
}

/* Bytes behind a head that holds no further values; SIZE_MAX: cannot tell. */
static PARKABLE inline size_t body_bytes(const uint8_t *at, const uint8_t *end)
{
	static const uint8_t number_bytes[SERI_COOKIE_MAX + 1] = {
		[SERI_FORM_U8] = 1,  [SERI_FORM_U16] = 2,   [SERI_FORM_I32] = 4,
		[SERI_FORM_I64] = 8, [SERI_FORM_DOUBLE] = 8};
	unsigned kind = *at & SERI_KIND_MASK, cookie = *at >> SERI_KIND_BITS;
	uint32_t length = 0;
	/* The usual ones by comparisons: a switch is a jump that the processor guesses wrong. */
	if (LIKELY(kind == SERI_KIND_SHORT))
		return cookie;
	if (LIKELY(kind == SERI_KIND_NUMBER))
		return number_bytes[cookie];
	if (kind <= SERI_KIND_BOOL)
		return 0;
	if (kind == SERI_KIND_POINTER)
		return 8;
	if (kind != SERI_KIND_LONG || cookie > sizeof(length) || (size_t)(end - at) <= cookie)
		return SIZE_MAX;
	memcpy(&length, at + 1, cookie);
	return cookie + (size_t)length;
}

/* How many keys will follow, to spare the table most of its rehashing? Looks at up to 32 pairs, and
 * not beyond a nested table; whatever it says is only a hint. */
static PARKABLE int guess_pairs(const struct reader *r)
{
	const uint8_t *at = r->at;
	int values = 0;
	while (values < 64 && at < r->end) {
		if (*at == seri_head(SERI_KIND_NIL, 0) && values % 2 == 0)
			break;
		size_t bytes = body_bytes(at, r->end);
		if (bytes >= (size_t)(r->end - at)) {
			values++;
			break;
		}
		at += 1 + bytes;
		values++;
	}
	return (values + 1) / 2;
}

static PARKABLE void unpack_value(struct reader *r, int depth);

static PARKABLE size_t unpack_array_length(struct reader *r, unsigned cookie)
{
	if (cookie < SERI_COOKIE_MAX)
		return cookie;
	uint8_t number;
	take(r, &number, 1);
	if ((number & SERI_KIND_MASK) != SERI_KIND_NUMBER)
		bad_stream(r, __LINE__);
	int64_t length = unpack_integer(r, number >> SERI_KIND_BITS);
	/* Each value has at least one byte. */
	if (length < 0 || (uint64_t)length > left(r))
		bad_stream(r, __LINE__);
	return (size_t)length;
}

/* Is the next value a number that becomes a Lua number for sure? Most of what arrays are made of. */
static PARKABLE inline bool is_plain_number(const struct reader *r)
{
	int64_t integer;
	if ((*r->at & SERI_KIND_MASK) != SERI_KIND_NUMBER)
		return false;
	if (LIKELY(*r->at >> SERI_KIND_BITS != SERI_FORM_I64))
		return true;
	if (left(r) <= sizeof(integer))
		return false;
	memcpy(&integer, r->at + 1, sizeof(integer));
	return integer > -(1ll << 53) && integer < 1ll << 53;
}

static PARKABLE inline double take_plain_number(struct reader *r)
{
	unsigned form = *r->at++ >> SERI_KIND_BITS;
	double value;
	if (form != SERI_FORM_DOUBLE)
		return (double)unpack_integer(r, form);
	take(r, &value, sizeof(value));
	return value;
}

/* Values 1 .. length into the table on top. Numbers go straight to their place where there is one. */
static PARKABLE void unpack_array(struct reader *r, size_t length, int depth)
{
	lua_State *L = r->L;
	bool at_once = length > 0 && depth <= SERI_DEPTH_MAX && rawtable_proven();
	const struct rawtable *t = at_once ? lua_topointer(L, -1) : NULL;
	for (size_t i = 1; i <= length; i++) {
		if (t && i < t->asize && r->at < r->end && is_plain_number(r)) {
			rawtable_put_number(t, (uint32_t)i, take_plain_number(r));
			continue;
		}
		unpack_value(r, depth);
		lua_rawseti(L, -2, (int)i);
	}
}

static PARKABLE void unpack_pairs(struct reader *r, int depth)
{
	lua_State *L = r->L;
	for (;;) {
		if (UNLIKELY(r->at == r->end))
			bad_stream(r, __LINE__);
		uint8_t head = *r->at;
		if ((head & SERI_KIND_MASK) == SERI_KIND_NIL)
			break;
		unpack_value(r, depth);
		if (UNLIKELY(head == seri_head(SERI_KIND_NUMBER, SERI_FORM_DOUBLE)) && isnan(lua_tonumber(L, -1)))
			bad_stream(r, __LINE__);
		unpack_value(r, depth);
		lua_rawset(L, -3);
	}
	r->at++;
}

static PARKABLE void unpack_table(struct reader *r, unsigned cookie, int depth)
{
	lua_State *L = r->L;
	luaL_checkstack(L, SERI_FRAME_SLOTS, "serialize");
	size_t length = unpack_array_length(r, cookie);
	size_t slots = length < r->slots ? length : r->slots;
	r->slots -= slots;
	lua_createtable(L, (int)slots, length == 0 ? guess_pairs(r) : 0);
	unpack_array(r, length, depth);
	unpack_pairs(r, depth);
}

static PARKABLE void unpack_value(struct reader *r, int depth)
{
	if (UNLIKELY(r->at == r->end || depth > SERI_DEPTH_MAX))
		bad_stream(r, __LINE__);
	uint8_t first = *r->at++;
	unsigned cookie = first >> SERI_KIND_BITS;
	if (LIKELY((first & SERI_KIND_MASK) == SERI_KIND_SHORT)) {
		unpack_string(r, cookie);
		return;
	}
	switch (first & SERI_KIND_MASK) {
	case SERI_KIND_NIL:
		lua_pushnil(r->L);
		break;
	case SERI_KIND_BOOL:
		lua_pushboolean(r->L, cookie != 0);
		break;
	case SERI_KIND_NUMBER:
		unpack_number(r, cookie);
		break;
	case SERI_KIND_POINTER:
		unpack_pointer(r);
		break;
	case SERI_KIND_LONG:
		unpack_long_string(r, cookie);
		break;
	case SERI_KIND_TABLE:
		unpack_table(r, cookie, depth + 1);
		break;
	default:
		bad_stream(r, __LINE__);
	}
}

PARKABLE int seri_unpack_bytes(lua_State *L, const void *data, size_t size_bytes)
{
	if (size_bytes == 0)
		return 0;
	const uint8_t *bytes = data;
	struct reader r = {.L = L, .at = bytes, .end = bytes + size_bytes, .slots = size_bytes};
	int count = 0;
	while (r.at < r.end) {
		/* LuaJIT gives a C function twenty places, of which two are taken at the most. */
		if (count > 0 && count % 8 == 0)
			luaL_checkstack(L, SERI_FRAME_SLOTS + 8, "serialize");
		unpack_value(&r, 0);
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

PARKABLE int seri_unpack(lua_State *L)
{
	size_t size_bytes;
	const char *bytes;
	check_bytes(L, &bytes, &size_bytes);
	return seri_unpack_bytes(L, bytes, size_bytes);
}

PARKABLE int seri_tostring(lua_State *L)
{
	size_t size_bytes;
	const char *bytes;
	if (check_bytes(L, &bytes, &size_bytes) <= LUA_TNIL)
		return 0;
	lua_pushlstring(L, bytes != NULL ? bytes : "", size_bytes);
	return 1;
}

int seri_trash(lua_State *L)
{
	size_t size_bytes;
	const char *bytes;
	if (check_bytes(L, &bytes, &size_bytes) == LUA_TLIGHTUSERDATA)
		mem_free((void *)bytes);
	return 0;
}
