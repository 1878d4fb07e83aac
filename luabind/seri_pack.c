/* SPDX-License-Identifier: MIT
 *
 * Lua values to bytes; seri_wire.h has the format.
 *
 * Packing may raise at nearly any point (a function in the table, a `__pairs` of the user's, no
 * memory), and a Lua error is a longjmp or an unwind over our frames that runs no cleanup here. So
 * the bytes grow in memory that nobody has to free: first a block of the C stack, then userdata
 * pinned on the Lua stack. Only finish_block() makes the mem_alloc block, when nothing can raise
 * any more.
 */
#include "luabind/seri.h"

#include "core/mem.h"
#include "luabind/seri_int64.h"
#include "luabind/seri_wire.h"
#include <lauxlib.h>
#include <math.h>
#include <string.h>

#define FIRST_BYTES 1024
#define SCALAR_MAX  9 /* bytes of a packed number or pointer */
/* Lua's type number of a cdata; lua.h does not name it. */
#define TYPE_CDATA 10

struct packer {
	lua_State *L;
	char *start, *at, *end;
	int slot; /* of the Lua stack: what keeps the userdata alive */
	char first[FIRST_BYTES];
};

static PARKABLE NOINLINE void packer_grow(struct packer *p, size_t bytes)
{
	size_t used = (size_t)(p->at - p->start);
	size_t capacity = (used + bytes) * 2;
	char *bigger = lua_newuserdata(p->L, capacity);
	memcpy(bigger, p->start, used);
	lua_replace(p->L, p->slot);
	p->start = bigger;
	p->at = bigger + used;
	p->end = bigger + capacity;
}

/* Makes room for `bytes`. The result is the place to write to; the caller moves p->at. */
static PARKABLE inline char *reserve(struct packer *p, size_t bytes)
{
	if (UNLIKELY((size_t)(p->end - p->at) < bytes))
		packer_grow(p, bytes);
	return p->at;
}

static PARKABLE inline void pack_head(struct packer *p, enum seri_kind kind, unsigned cookie)
{
	*reserve(p, 1) = (char)seri_head(kind, cookie);
	p->at++;
}

static PARKABLE inline void pack_scalar(struct packer *p, enum seri_kind kind, unsigned cookie,
			       const void *raw, size_t bytes)
{
	char *to = reserve(p, SCALAR_MAX);
	to[0] = (char)seri_head(kind, cookie);
	memcpy(to + 1, raw, bytes);
	p->at = to + 1 + bytes;
}

static PARKABLE inline void pack_integer(struct packer *p, int64_t value)
{
	if (value == 0)
		pack_head(p, SERI_KIND_NUMBER, SERI_FORM_ZERO);
	else if (value > 0 && value <= UINT8_MAX)
		pack_scalar(p, SERI_KIND_NUMBER, SERI_FORM_U8, &value, 1);
	else if (value > 0 && value <= UINT16_MAX)
		pack_scalar(p, SERI_KIND_NUMBER, SERI_FORM_U16, &value, 2);
	else if (value >= INT32_MIN && value <= INT32_MAX)
		pack_scalar(p, SERI_KIND_NUMBER, SERI_FORM_I32, &value, 4);
	else
		pack_scalar(p, SERI_KIND_NUMBER, SERI_FORM_I64, &value, 8);
}

static PARKABLE inline void pack_number(struct packer *p, double value)
{
	/* The range first: casting anything else is undefined. NaN fails both comparisons. */
	if (value > -0x1p63 && value < 0x1p63) {
		int64_t integer = (int64_t)value;
		if ((double)integer == value && (integer != 0 || !signbit(value))) {
			pack_integer(p, integer);
			return;
		}
	}
	pack_scalar(p, SERI_KIND_NUMBER, SERI_FORM_DOUBLE, &value, sizeof(value));
}

static PARKABLE inline void pack_string(struct packer *p, const char *text, size_t length)
{
	char *to = reserve(p, length + 5);
	if (length <= SERI_COOKIE_MAX) {
		*to++ = (char)seri_head(SERI_KIND_SHORT, (unsigned)length);
	} else {
		size_t field = length <= UINT16_MAX ? 2 : 4;
		*to++ = (char)seri_head(SERI_KIND_LONG, (unsigned)field);
		memcpy(to, &length, field);
		to += field;
	}
	memcpy(to, text, length);
	p->at = to + length;
}

static PARKABLE void pack_value(struct packer *p, int index, int depth);

/* A table that iterates by itself has no array part on the wire. */
static PARKABLE void pack_by_iterator(struct packer *p, int table, int depth)
{
	lua_State *L = p->L;
	pack_head(p, SERI_KIND_TABLE, 0);
	lua_pushvalue(L, table);
	lua_call(L, 1, 3);
	int next = lua_gettop(L) - 2;
	for (;;) {
		lua_pushvalue(L, next);
		lua_insert(L, -2);
		lua_pushvalue(L, next + 1);
		lua_insert(L, -2);
		lua_call(L, 2, 2);
		if (lua_isnil(L, -2))
			break;
		pack_value(p, -2, depth);
		pack_value(p, -1, depth);
		lua_pop(L, 1);
	}
	lua_settop(L, next - 1);
	pack_head(p, SERI_KIND_NIL, 0);
}

static PARKABLE void pack_array_head(struct packer *p, size_t length)
{
	if (length < SERI_COOKIE_MAX) {
		pack_head(p, SERI_KIND_TABLE, (unsigned)length);
	} else {
		pack_head(p, SERI_KIND_TABLE, SERI_COOKIE_MAX);
		pack_integer(p, (int64_t)length);
	}
}

static PARKABLE inline bool key_is(lua_State *L, double wanted)
{
	return lua_type(L, -2) == LUA_TNUMBER && lua_tonumber(L, -2) == wanted;
}

/* Packs values 1 .. length in one walk of lua_next for as long as that meets them in this order,
 * which is the rule; it puts 0 before 1. Leaves the last key met on the stack. Returns how many it
 * packed; only if those are all, the rest of the walk is the rest of the table. */
static PARKABLE size_t pack_array_by_walk(struct packer *p, int table, size_t length, int depth,
				 bool *met_zero)
{
	lua_State *L = p->L;
	size_t done = 0;
	lua_pushnil(L);
	*met_zero = false;
	while (done < length && lua_next(L, table)) {
		if (LIKELY(key_is(L, (double)(done + 1)))) {
			if (lua_type(L, -1) == LUA_TNUMBER && depth <= SERI_DEPTH_MAX)
				pack_number(p, lua_tonumber(L, -1));
			else
				pack_value(p, -1, depth);
			done++;
		} else if (done == 0 && !*met_zero && key_is(L, 0)) {
			*met_zero = true;
		} else {
			lua_pop(L, 1);
			return done;
		}
		lua_pop(L, 1);
	}
	return done;
}

static PARKABLE bool in_array(lua_State *L, size_t length)
{
	if (lua_type(L, -2) != LUA_TNUMBER)
		return false;
	double key = lua_tonumber(L, -2);
	return key >= 1 && key <= (double)length && floor(key) == key;
}

/* Packs what lua_next finds after the key on top of the stack, without keys 1 .. skip. */
static PARKABLE void pack_pairs(struct packer *p, int table, size_t skip, int depth)
{
	lua_State *L = p->L;
	while (lua_next(L, table)) {
		if (skip == 0 || !in_array(L, skip)) {
			pack_value(p, -2, depth);
			pack_value(p, -1, depth);
		}
		lua_pop(L, 1);
	}
}

static PARKABLE void pack_plain(struct packer *p, int table, int depth)
{
	lua_State *L = p->L;
	size_t length = lua_objlen(L, table);
	bool met_zero;
	pack_array_head(p, length);
	size_t done = pack_array_by_walk(p, table, length, depth, &met_zero);
	if (done == length) {
		if (met_zero) {
			pack_integer(p, 0);
			lua_rawgeti(L, table, 0);
			pack_value(p, -1, depth);
			lua_pop(L, 1);
		}
		pack_pairs(p, table, 0, depth);
	} else {
		lua_settop(L, table);
		for (size_t i = done + 1; i <= length; i++) {
			lua_rawgeti(L, table, (int)i);
			pack_value(p, -1, depth);
			lua_pop(L, 1);
		}
		lua_pushnil(L);
		pack_pairs(p, table, length, depth);
	}
	pack_head(p, SERI_KIND_NIL, 0);
}

static PARKABLE void pack_table(struct packer *p, int index, int depth)
{
	lua_State *L = p->L;
	luaL_checkstack(L, SERI_FRAME_SLOTS, "serialize");
	/* On top, so that `table` is both its place and the height of the stack to go back to. */
	lua_pushvalue(L, index);
	int table = lua_gettop(L);
	if (luaL_getmetafield(L, table, "__pairs"))
		pack_by_iterator(p, table, depth + 1);
	else
		pack_plain(p, table, depth + 1);
	lua_settop(L, table - 1);
}

static PARKABLE NOINLINE void pack_rare(struct packer *p, int index, int type, int depth)
{
	int64_t integer;
	void *pointer;
	switch (type) {
	case LUA_TLIGHTUSERDATA:
		pointer = lua_touserdata(p->L, index);
		pack_scalar(p, SERI_KIND_POINTER, 0, &pointer, sizeof(pointer));
		return;
	case TYPE_CDATA:
		if (seri_int64_read(p->L, index, &integer)) {
			pack_integer(p, integer);
			return;
		}
		break;
	case LUA_TUSERDATA:
		/* Shared data is one, and is read like a table. */
		if (luaL_getmetafield(p->L, index, "__pairs")) {
			lua_pop(p->L, 1);
			pack_table(p, index, depth);
			return;
		}
		break;
	}
	luaL_error(p->L, "Unsupport type %s to serialize", lua_typename(p->L, type));
}

static PARKABLE void pack_value(struct packer *p, int index, int depth)
{
	lua_State *L = p->L;
	if (UNLIKELY(depth > SERI_DEPTH_MAX))
		luaL_error(L, "serialize can't pack too depth table");
	int type = lua_type(L, index);
	size_t length;
	const char *text;
	switch (type) {
	case LUA_TNIL:
		pack_head(p, SERI_KIND_NIL, 0);
		break;
	case LUA_TBOOLEAN:
		pack_head(p, SERI_KIND_BOOL, (unsigned)lua_toboolean(L, index));
		break;
	case LUA_TNUMBER:
		pack_number(p, lua_tonumber(L, index));
		break;
	case LUA_TSTRING:
		text = lua_tolstring(L, index, &length);
		pack_string(p, text, length);
		break;
	case LUA_TTABLE:
		pack_table(p, index, depth);
		break;
	default:
		pack_rare(p, index, type, depth);
	}
}

/* Packs the arguments of the running function. Returns the number of bytes. */
static PARKABLE size_t pack_arguments(struct packer *p, lua_State *L)
{
	int count = lua_gettop(L);
	p->L = L;
	p->start = p->at = p->first;
	p->end = p->first + sizeof(p->first);
	luaL_checkstack(L, SERI_FRAME_SLOTS, "serialize");
	lua_pushnil(L);
	p->slot = count + 1;
	for (int i = 1; i <= count; i++)
		pack_value(p, i, 0);
	return (size_t)(p->at - p->start);
}

/* LuaJIT keeps the upper bits of light userdata in a table of 512 GB segments, which grows, and may
 * fail to, at the first pointer into a segment. */
static uintptr_t pointer_segment(const void *pointer)
{
	return (uintptr_t)pointer >> 39;
}

static int push_and_drop(lua_State *L)
{
	lua_pushlightuserdata(L, lua_touserdata(L, 1));
	return 0;
}

/* Copies the bytes into a block that the caller of Lua owns, and pushes it. What lies in the
 * segment of `L` can be pushed safely afterwards; anything else is tried out under protection
 * first. */
/* (Not parkable: until it is pushed, the block is nobody's.) */
static NOINLINE void finish_block(struct packer *p, size_t bytes)
{
	lua_State *L = p->L;
	lua_pushlightuserdata(L, L);
	lua_pop(L, 1);
	void *block = mem_alloc(bytes);
	if (UNLIKELY(pointer_segment(block) != pointer_segment(L)) &&
	    lua_cpcall(L, push_and_drop, block) != 0) {
		mem_free(block);
		lua_error(L);
	}
	memcpy(block, p->start, bytes);
	lua_pushlightuserdata(L, block);
}

PARKABLE int seri_pack(lua_State *L)
{
	struct packer p;
	size_t bytes = pack_arguments(&p, L);
	if (bytes == 0)
		lua_pushlightuserdata(L, NULL);
	else
		finish_block(&p, bytes);
	lua_pushnumber(L, (lua_Number)bytes);
	return 2;
}

PARKABLE int seri_packstring(lua_State *L)
{
	struct packer p;
	size_t bytes = pack_arguments(&p, L);
	lua_pushlstring(L, p.start, bytes);
	return 1;
}
