/* SPDX-License-Identifier: MIT
 *
 * The format. A value starts with one byte: its kind in the low three bits, a detail ("cookie") in
 * the other five. Everything is little-endian and unaligned.
 *
 *     nil      -
 *     bool     cookie 0 or 1
 *     number   cookie = enum number_form, then so many raw bytes
 *     pointer  8 bytes: light userdata
 *     short    cookie = length < 32, then the text
 *     long     cookie 2 or 4 = bytes of the length that follows, then the text
 *     table    cookie = length of the array part n < 31, else 31 and n as a packed number; then n
 *              values; then key, value, key, value ... nil
 *
 * Packing may raise at nearly any point (a function in the table, a `__pairs` of the user's, no
 * memory), and a Lua error is a longjmp or an unwind over our frames that runs no cleanup here. So
 * the bytes grow in memory that nobody has to free: first a block of the C stack, then userdata
 * pinned on the Lua stack. Only finish_block() makes the mem_alloc block, when nothing can raise
 * any more.
 */
#include "luabind/seri.h"

#include "core/mem.h"
#include <lauxlib.h>
#include <math.h>
#include <string.h>

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "scalars are copied as they lie in memory"
#endif

enum kind {
	KIND_NIL = 0,
	KIND_BOOL = 1,
	KIND_NUMBER = 2,
	KIND_POINTER = 3,
	KIND_SHORT = 4,
	KIND_LONG = 5,
	KIND_TABLE = 6,
};

enum number_form {
	FORM_ZERO = 0,
	FORM_U8 = 1,
	FORM_U16 = 2,
	FORM_I32 = 4,
	FORM_I64 = 6,
	FORM_DOUBLE = 8,
};

#define COOKIE_MAX  31 /* short strings go up to it, array lengths stay below it */
#define DEPTH_MAX   32
#define FIRST_BYTES 1024
#define FRAME_SLOTS 12 /* Lua stack that one level of nesting uses at most */
#define SCALAR_MAX  9  /* bytes of a packed number or pointer */
/* Lua's type number of a cdata; lua.h does not name it. */
#define TYPE_CDATA 10

static const char int64_key, is_int64_key; /* their addresses are keys in the registry */

static uint8_t head(enum kind kind, unsigned cookie)
{
	return (uint8_t)(kind | cookie << 3);
}

/* -- 64-bit integers that are cdata ------------------------------------------------------------ */

/* Puts two helpers into the registry: the int64_t ctype, and a function that tells whether a cdata
 * is a 64-bit integer. False where the VM's FFI is missing or has been taken away from it. */
static bool int64_open(lua_State *L)
{
	static const char helpers[] =
		"local ffi = ...\n"
		"local istype = ffi.istype\n"
		"local int64, uint64 = ffi.typeof('int64_t'), ffi.typeof('uint64_t')\n"
		"return int64, function(x) return istype(int64, x) or istype(uint64, x) end\n";
	/* Reading a 64-bit literal makes LuaJIT set up its FFI if nobody has. Calling luaopen_ffi
	 * instead could set it up twice, which breaks the C types that exist. */
	int failed = luaL_loadstring(L, "return 0LL");
	if (failed == LUA_ERRMEM)
		lua_error(L);
	lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
	if (lua_istable(L, -1))
		lua_getfield(L, -1, "ffi");
	if (failed || !lua_istable(L, -1))
		return false;
	if (luaL_loadbuffer(L, helpers, sizeof(helpers) - 1, "=seri"))
		lua_error(L);
	lua_insert(L, -2);
	lua_call(L, 1, 2);
	lua_pushlightuserdata(L, (void *)&is_int64_key);
	lua_insert(L, -2);
	lua_rawset(L, LUA_REGISTRYINDEX);
	lua_pushlightuserdata(L, (void *)&int64_key);
	lua_insert(L, -2);
	lua_rawset(L, LUA_REGISTRYINDEX);
	return true;
}

/* Pushes a helper; pushes nothing and is false when there is no FFI. */
static bool int64_push_helper(lua_State *L, const void *key)
{
	int top = lua_gettop(L);
	for (int attempt = 0; attempt < 2; attempt++) {
		lua_pushlightuserdata(L, (void *)key);
		lua_rawget(L, LUA_REGISTRYINDEX);
		if (!lua_isnil(L, -1))
			return true;
		bool opened = int64_open(L);
		lua_settop(L, top);
		if (!opened)
			break;
	}
	return false;
}

static void push_int64(lua_State *L, int64_t value)
{
	double as_double = (double)value;
	/* 2^63 itself would not fit back. */
	bool exact = as_double < 0x1p63 && (int64_t)as_double == value;
	if (exact || !int64_push_helper(L, &int64_key)) {
		lua_pushnumber(L, as_double);
		return;
	}
	lua_call(L, 0, 1);
	memcpy((void *)lua_topointer(L, -1), &value, sizeof(value));
}

/* Is the cdata at `index` a 64-bit integer? Reads it then. */
static bool read_int64(lua_State *L, int index, int64_t *value)
{
	lua_pushvalue(L, index);
	if (!int64_push_helper(L, &is_int64_key)) {
		lua_pop(L, 1);
		return false;
	}
	lua_pushvalue(L, -2);
	lua_call(L, 1, 1);
	bool is = lua_toboolean(L, -1);
	if (is)
		memcpy(value, lua_topointer(L, -2), sizeof(*value));
	lua_pop(L, 2);
	return is;
}

/* -- packing ----------------------------------------------------------------------------------- */

struct packer {
	lua_State *L;
	char *start, *at, *end;
	int slot; /* of the Lua stack: what keeps the userdata alive */
	char first[FIRST_BYTES];
};

static NOINLINE void packer_grow(struct packer *p, size_t bytes)
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
static inline char *reserve(struct packer *p, size_t bytes)
{
	if (UNLIKELY((size_t)(p->end - p->at) < bytes))
		packer_grow(p, bytes);
	return p->at;
}

static inline void pack_head(struct packer *p, enum kind kind, unsigned cookie)
{
	*reserve(p, 1) = (char)head(kind, cookie);
	p->at++;
}

static inline void pack_scalar(struct packer *p, enum kind kind, unsigned cookie, const void *raw,
			       size_t bytes)
{
	char *to = reserve(p, SCALAR_MAX);
	to[0] = (char)head(kind, cookie);
	memcpy(to + 1, raw, bytes);
	p->at = to + 1 + bytes;
}

static inline void pack_integer(struct packer *p, int64_t value)
{
	if (value == 0)
		pack_head(p, KIND_NUMBER, FORM_ZERO);
	else if (value > 0 && value <= UINT8_MAX)
		pack_scalar(p, KIND_NUMBER, FORM_U8, &value, 1);
	else if (value > 0 && value <= UINT16_MAX)
		pack_scalar(p, KIND_NUMBER, FORM_U16, &value, 2);
	else if (value >= INT32_MIN && value <= INT32_MAX)
		pack_scalar(p, KIND_NUMBER, FORM_I32, &value, 4);
	else
		pack_scalar(p, KIND_NUMBER, FORM_I64, &value, 8);
}

static inline void pack_number(struct packer *p, double value)
{
	/* The range first: casting anything else is undefined. NaN fails both comparisons. */
	if (value > -0x1p63 && value < 0x1p63) {
		int64_t integer = (int64_t)value;
		if ((double)integer == value && (integer != 0 || !signbit(value))) {
			pack_integer(p, integer);
			return;
		}
	}
	pack_scalar(p, KIND_NUMBER, FORM_DOUBLE, &value, sizeof(value));
}

static inline void pack_string(struct packer *p, const char *text, size_t length)
{
	char *to = reserve(p, length + 5);
	if (length <= COOKIE_MAX) {
		*to++ = (char)head(KIND_SHORT, (unsigned)length);
	} else {
		size_t field = length <= UINT16_MAX ? 2 : 4;
		*to++ = (char)head(KIND_LONG, (unsigned)field);
		memcpy(to, &length, field);
		to += field;
	}
	memcpy(to, text, length);
	p->at = to + length;
}

static void pack_value(struct packer *p, int index, int depth);

/* A table that iterates by itself has no array part on the wire. */
static void pack_by_iterator(struct packer *p, int table, int depth)
{
	lua_State *L = p->L;
	pack_head(p, KIND_TABLE, 0);
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
	pack_head(p, KIND_NIL, 0);
}

static void pack_array_head(struct packer *p, size_t length)
{
	if (length < COOKIE_MAX) {
		pack_head(p, KIND_TABLE, (unsigned)length);
	} else {
		pack_head(p, KIND_TABLE, COOKIE_MAX);
		pack_integer(p, (int64_t)length);
	}
}

static inline bool key_is(lua_State *L, double wanted)
{
	return lua_type(L, -2) == LUA_TNUMBER && lua_tonumber(L, -2) == wanted;
}

/* Packs values 1 .. length in one walk of lua_next for as long as that meets them in this order,
 * which is the rule; it puts 0 before 1. Leaves the last key met on the stack. Returns how many it
 * packed; only if those are all, the rest of the walk is the rest of the table. */
static size_t pack_array_by_walk(struct packer *p, int table, size_t length, int depth,
				 bool *met_zero)
{
	lua_State *L = p->L;
	size_t done = 0;
	lua_pushnil(L);
	*met_zero = false;
	while (done < length && lua_next(L, table)) {
		if (LIKELY(key_is(L, (double)(done + 1)))) {
			if (lua_type(L, -1) == LUA_TNUMBER && depth <= DEPTH_MAX)
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

static bool in_array(lua_State *L, size_t length)
{
	if (lua_type(L, -2) != LUA_TNUMBER)
		return false;
	double key = lua_tonumber(L, -2);
	return key >= 1 && key <= (double)length && floor(key) == key;
}

/* Packs what lua_next finds after the key on top of the stack, without keys 1 .. skip. */
static void pack_pairs(struct packer *p, int table, size_t skip, int depth)
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

static void pack_plain(struct packer *p, int table, int depth)
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
	pack_head(p, KIND_NIL, 0);
}

static void pack_table(struct packer *p, int index, int depth)
{
	lua_State *L = p->L;
	luaL_checkstack(L, FRAME_SLOTS, "serialize");
	/* On top, so that `table` is both its place and the height of the stack to go back to. */
	lua_pushvalue(L, index);
	int table = lua_gettop(L);
	if (luaL_getmetafield(L, table, "__pairs"))
		pack_by_iterator(p, table, depth + 1);
	else
		pack_plain(p, table, depth + 1);
	lua_settop(L, table - 1);
}

static NOINLINE void pack_rare(struct packer *p, int index, int type)
{
	int64_t integer;
	void *pointer;
	switch (type) {
	case LUA_TLIGHTUSERDATA:
		pointer = lua_touserdata(p->L, index);
		pack_scalar(p, KIND_POINTER, 0, &pointer, sizeof(pointer));
		return;
	case TYPE_CDATA:
		if (read_int64(p->L, index, &integer)) {
			pack_integer(p, integer);
			return;
		}
		break;
	}
	luaL_error(p->L, "Unsupport type %s to serialize", lua_typename(p->L, type));
}

static void pack_value(struct packer *p, int index, int depth)
{
	lua_State *L = p->L;
	if (UNLIKELY(depth > DEPTH_MAX))
		luaL_error(L, "serialize can't pack too depth table");
	int type = lua_type(L, index);
	size_t length;
	const char *text;
	switch (type) {
	case LUA_TNIL:
		pack_head(p, KIND_NIL, 0);
		break;
	case LUA_TBOOLEAN:
		pack_head(p, KIND_BOOL, (unsigned)lua_toboolean(L, index));
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
		pack_rare(p, index, type);
	}
}

/* Packs the arguments of the running function. Returns the number of bytes. */
static size_t pack_arguments(struct packer *p, lua_State *L)
{
	int count = lua_gettop(L);
	p->L = L;
	p->start = p->at = p->first;
	p->end = p->first + sizeof(p->first);
	luaL_checkstack(L, FRAME_SLOTS, "serialize");
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
static void finish_block(struct packer *p, size_t bytes)
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

int seri_pack(lua_State *L)
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

int seri_packstring(lua_State *L)
{
	struct packer p;
	size_t bytes = pack_arguments(&p, L);
	lua_pushlstring(L, p.start, bytes);
	return 1;
}

/* -- unpacking --------------------------------------------------------------------------------- */

struct reader {
	lua_State *L;
	const uint8_t *at, *end;
	/* How many array slots may still be allocated ahead of their values. It starts as the
	 * number of bytes, which honest lengths cannot exceed in sum; hostile ones get no more than
	 * that. */
	size_t slots;
};

static size_t left(const struct reader *r)
{
	return (size_t)(r->end - r->at);
}

static NORETURN NOINLINE void bad_stream(const struct reader *r, int line)
{
	luaL_error(r->L, "Invalid serialize stream %d (line:%d)", (int)left(r), line);
	__builtin_unreachable();
}

/* Reads so many bytes into `to`. */
static inline void take(struct reader *r, void *to, size_t bytes)
{
	if (UNLIKELY(left(r) < bytes))
		bad_stream(r, __LINE__);
	memcpy(to, r->at, bytes);
	r->at += bytes;
}

static int64_t unpack_integer(struct reader *r, unsigned form)
{
	uint8_t u8;
	uint16_t u16;
	int32_t i32;
	int64_t i64;
	switch (form) {
	case FORM_ZERO:
		return 0;
	case FORM_U8:
		take(r, &u8, sizeof(u8));
		return u8;
	case FORM_U16:
		take(r, &u16, sizeof(u16));
		return u16;
	case FORM_I32:
		take(r, &i32, sizeof(i32));
		return i32;
	case FORM_I64:
		take(r, &i64, sizeof(i64));
		return i64;
	}
	bad_stream(r, __LINE__);
}

static inline void unpack_number(struct reader *r, unsigned form)
{
	if (form == FORM_DOUBLE) {
		double value;
		take(r, &value, sizeof(value));
		lua_pushnumber(r->L, value);
	} else if (form == FORM_I64) {
		push_int64(r->L, unpack_integer(r, form));
	} else {
		lua_pushnumber(r->L, (lua_Number)unpack_integer(r, form));
	}
}

static void unpack_pointer(struct reader *r)
{
	uint64_t address;
	take(r, &address, sizeof(address));
	/* What is no user-space address LuaJIT cannot hold. */
	if (address >> 47 != 0)
		bad_stream(r, __LINE__);
	lua_pushlightuserdata(r->L, (void *)(uintptr_t)address);
}

static inline void unpack_string(struct reader *r, size_t length)
{
	if (UNLIKELY(left(r) < length))
		bad_stream(r, __LINE__);
	lua_pushlstring(r->L, (const char *)r->at, length);
	r->at += length;
}

static void unpack_long_string(struct reader *r, unsigned field)
{
	uint32_t length = 0;
	if (field != 2 && field != 4)
		bad_stream(r, __LINE__);
	take(r, &length, field);
	unpack_string(r, length);
}

/* Bytes behind a head that holds no further values; SIZE_MAX: cannot tell. */
static size_t body_bytes(const uint8_t *at, const uint8_t *end)
{
	static const uint8_t number_bytes[] = {
		[FORM_U8] = 1, [FORM_U16] = 2, [FORM_I32] = 4, [FORM_I64] = 8, [FORM_DOUBLE] = 8};
	unsigned cookie = *at >> 3;
	uint32_t length = 0;
	switch (*at & 7) {
	case KIND_NIL:
	case KIND_BOOL:
		return 0;
	case KIND_NUMBER:
		return cookie < COUNT_OF(number_bytes) ? number_bytes[cookie] : SIZE_MAX;
	case KIND_POINTER:
		return 8;
	case KIND_SHORT:
		return cookie;
	case KIND_LONG:
		if (cookie > sizeof(length) || (size_t)(end - at) <= cookie)
			return SIZE_MAX;
		memcpy(&length, at + 1, cookie);
		return cookie + (size_t)length;
	}
	return SIZE_MAX;
}

/* How many keys will follow, to spare the table most of its rehashing? Looks at up to 32 pairs, and
 * not beyond a nested table; whatever it says is only a hint. */
static int guess_pairs(const struct reader *r)
{
	const uint8_t *at = r->at;
	int values = 0;
	while (values < 64 && at < r->end) {
		if (*at == head(KIND_NIL, 0) && values % 2 == 0)
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

static void unpack_value(struct reader *r, int depth);

static size_t unpack_array_length(struct reader *r, unsigned cookie)
{
	if (cookie < COOKIE_MAX)
		return cookie;
	uint8_t number;
	take(r, &number, 1);
	if ((number & 7) != KIND_NUMBER)
		bad_stream(r, __LINE__);
	int64_t length = unpack_integer(r, number >> 3);
	/* Each value has at least one byte. */
	if (length < 0 || (uint64_t)length > left(r))
		bad_stream(r, __LINE__);
	return (size_t)length;
}

static bool key_is_nan(lua_State *L)
{
	if (lua_type(L, -1) != LUA_TNUMBER)
		return false;
	double key = lua_tonumber(L, -1);
	return isnan(key);
}

static void unpack_table(struct reader *r, unsigned cookie, int depth)
{
	lua_State *L = r->L;
	luaL_checkstack(L, FRAME_SLOTS, "serialize");
	size_t length = unpack_array_length(r, cookie);
	size_t slots = length < r->slots ? length : r->slots;
	r->slots -= slots;
	lua_createtable(L, (int)slots, length == 0 ? guess_pairs(r) : 0);
	for (size_t i = 1; i <= length; i++) {
		unpack_value(r, depth);
		lua_rawseti(L, -2, (int)i);
	}
	for (;;) {
		if (UNLIKELY(r->at == r->end))
			bad_stream(r, __LINE__);
		if ((*r->at & 7) == KIND_NIL)
			break;
		unpack_value(r, depth);
		if (UNLIKELY(key_is_nan(L)))
			bad_stream(r, __LINE__);
		unpack_value(r, depth);
		lua_rawset(L, -3);
	}
	r->at++;
}

static void unpack_value(struct reader *r, int depth)
{
	if (UNLIKELY(r->at == r->end || depth > DEPTH_MAX))
		bad_stream(r, __LINE__);
	uint8_t first = *r->at++;
	unsigned cookie = first >> 3;
	switch (first & 7) {
	case KIND_NIL:
		lua_pushnil(r->L);
		break;
	case KIND_BOOL:
		lua_pushboolean(r->L, cookie != 0);
		break;
	case KIND_NUMBER:
		unpack_number(r, cookie);
		break;
	case KIND_POINTER:
		unpack_pointer(r);
		break;
	case KIND_SHORT:
		unpack_string(r, cookie);
		break;
	case KIND_LONG:
		unpack_long_string(r, cookie);
		break;
	case KIND_TABLE:
		unpack_table(r, cookie, depth + 1);
		break;
	default:
		bad_stream(r, __LINE__);
	}
}

int seri_unpack_bytes(lua_State *L, const void *data, size_t size_bytes)
{
	if (size_bytes == 0)
		return 0;
	const uint8_t *bytes = data;
	struct reader r = {.L = L, .at = bytes, .end = bytes + size_bytes, .slots = size_bytes};
	int count = 0;
	while (r.at < r.end) {
		if (count % 8 == 0)
			luaL_checkstack(L, FRAME_SLOTS + 8, "serialize");
		unpack_value(&r, 0);
		count++;
	}
	return count;
}

/* -- blocks of bytes ----------------------------------------------------------------------------
 */

/* Reads (lightuserdata, size | string | nil). NULL and 0 for nil. */
static const char *check_bytes(lua_State *L, size_t *size_bytes)
{
	*size_bytes = 0;
	if (lua_isnoneornil(L, 1))
		return NULL;
	if (lua_type(L, 1) == LUA_TSTRING)
		return lua_tolstring(L, 1, size_bytes);
	if (lua_type(L, 1) != LUA_TLIGHTUSERDATA)
		luaL_typerror(L, 1, "string or lightuserdata");
	const char *block = lua_touserdata(L, 1);
	lua_Number size = luaL_checknumber(L, 2);
	luaL_argcheck(L, size >= 0 && size < 0x1p47, 2, "not a size");
	luaL_argcheck(L, block != NULL || size == 0, 1, "null pointer");
	*size_bytes = (size_t)size;
	return block;
}

int seri_unpack(lua_State *L)
{
	size_t size_bytes;
	const char *bytes = check_bytes(L, &size_bytes);
	return seri_unpack_bytes(L, bytes, size_bytes);
}

int seri_tostring(lua_State *L)
{
	size_t size_bytes;
	const char *bytes = check_bytes(L, &size_bytes);
	if (lua_isnoneornil(L, 1))
		return 0;
	lua_pushlstring(L, bytes != NULL ? bytes : "", size_bytes);
	return 1;
}

int seri_trash(lua_State *L)
{
	size_t size_bytes;
	const char *bytes = check_bytes(L, &size_bytes);
	if (lua_type(L, 1) == LUA_TLIGHTUSERDATA)
		mem_free((void *)bytes);
	return 0;
}
