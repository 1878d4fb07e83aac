/* SPDX-License-Identifier: MIT
 *
 * The reading side of seri: where it is in the bytes, numbers and what is pushed for them. For seri_unpack (the
 * values), seri_table (tables) and seri_shape (keys).
 *
 * A position in the bytes is handed from function to function and back, not kept in the struct: a value would otherwise wait
 * for the store of the one before it, which costs more than reading it.
 */
#ifndef LUABIND_SERI_READER_H
#define LUABIND_SERI_READER_H

#include "luabind/rawtable.h"
#include "luabind/seri_wire.h"

#include <lua.h>
#include <string.h>

struct seri_reader {
	lua_State *L;
	const uint8_t *end;
	/* How many array slots may still be allocated ahead of their values. It starts as the
	 * number of bytes, which honest lengths cannot exceed in sum; hostile ones get no more than
	 * that. */
	size_t slots;
	bool raw; /* rawtable_proven() */
};

/* Raises. */
NORETURN void seri_bad_stream(const struct seri_reader *r, const uint8_t *at, int line);
/* Reads and pushes the value at `at`, which may be the end. Returns what is behind it. `depth`: how many tables it is in. */
const uint8_t *seri_unpack_value(struct seri_reader *r, const uint8_t *at, int depth);
/* The same of a table whose first byte has been read: `cookie` is of it. `depth` is that of its values. */
const uint8_t *seri_unpack_table(struct seri_reader *r, const uint8_t *at, unsigned cookie, int depth);

/* Reads a number that is a Lua number for sure, which integers of 64 bits need not be. Returns what is behind it;
 * NULL: it is none such, or cut short. Comparisons, since a switch is a jump that the processor guesses wrong. Stores
 * a value of LuaJIT's whether the layout is proven or not: raw_number() has the number then. */
static PARKABLE inline const uint8_t *seri_read_number(const uint8_t *at, const uint8_t *end, unsigned form, rawvalue *number)
{
	size_t left = (size_t)(end - at);
	uint16_t u16;
	int32_t i32;
	int64_t i64;
	double anything;
	if (form == SERI_FORM_U8 && left >= 1) {
		*number = raw_of_number(*at);
		return at + 1;
	}
	if (form == SERI_FORM_U16 && left >= sizeof(u16)) {
		memcpy(&u16, at, sizeof(u16));
		*number = raw_of_number(u16);
		return at + sizeof(u16);
	}
	if (form == SERI_FORM_DOUBLE && left >= sizeof(anything)) {
		memcpy(&anything, at, sizeof(anything));
		*number = raw_of_any_number(anything);
		return at + sizeof(anything);
	}
	if (form == SERI_FORM_I32 && left >= sizeof(i32)) {
		memcpy(&i32, at, sizeof(i32));
		*number = raw_of_number(i32);
		return at + sizeof(i32);
	}
	if (form == SERI_FORM_I64 && left >= sizeof(i64)) {
		memcpy(&i64, at, sizeof(i64));
		*number = raw_of_number((double)i64);
		return i64 > -(1ll << 53) && i64 < 1ll << 53 ? at + sizeof(i64) : NULL;
	}
	*number = raw_of_number(0);
	return form == SERI_FORM_ZERO ? at : NULL;
}

/* Bytes behind a head that holds no further values; SIZE_MAX: cannot tell. */
static PARKABLE inline size_t seri_body_bytes(const uint8_t *at, const uint8_t *end)
{
	static const uint8_t number_bytes[SERI_COOKIE_MAX + 1] = {
		[SERI_FORM_U8] = 1,  [SERI_FORM_U16] = 2,   [SERI_FORM_I32] = 4,
		[SERI_FORM_I64] = 8, [SERI_FORM_DOUBLE] = 8};
	unsigned kind = *at & SERI_KIND_MASK, cookie = *at >> SERI_KIND_BITS;
	uint32_t length = 0;
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

/* The end of a table's pairs? `at` may be the end of the bytes. */
static PARKABLE inline bool seri_is_nil(const struct seri_reader *r, const uint8_t *at)
{
	return at < r->end && (*at & SERI_KIND_MASK) == SERI_KIND_NIL;
}

/* Those that push look for room every time, since the collector makes a large stack smaller; the API makes room. */
static PARKABLE inline bool seri_may_push(const struct seri_reader *r)
{
	return LIKELY(r->raw) && LIKELY(raw_has_room(r->L, 1));
}

static PARKABLE inline void seri_push_number(const struct seri_reader *r, rawvalue number)
{
	if (seri_may_push(r))
		raw_push(r->L, number);
	else
		lua_pushnumber(r->L, raw_number(number));
}

static PARKABLE inline void seri_push_bool(const struct seri_reader *r, bool is)
{
	if (seri_may_push(r))
		raw_push(r->L, raw_of_tag(is ? RAW_TAG_TRUE : RAW_TAG_FALSE));
	else
		lua_pushboolean(r->L, is);
}

/* seri_unpack_value, with the usual ones in the caller's code. */
static PARKABLE inline const uint8_t *seri_value(struct seri_reader *r, const uint8_t *at, int depth)
{
	if (UNLIKELY(at == r->end))
		seri_bad_stream(r, at, __LINE__);
	unsigned kind = *at & SERI_KIND_MASK, cookie = *at >> SERI_KIND_BITS;
	if (LIKELY(kind == SERI_KIND_SHORT) && LIKELY((size_t)(r->end - at) > cookie)) {
		lua_pushlstring(r->L, (const char *)at + 1, cookie);
		return at + 1 + cookie;
	}
	rawvalue number;
	const uint8_t *behind = kind == SERI_KIND_NUMBER ? seri_read_number(at + 1, r->end, cookie, &number) : NULL;
	if (UNLIKELY(behind == NULL))
		return seri_unpack_value(r, at, depth);
	seri_push_number(r, number);
	return behind;
}

#endif
