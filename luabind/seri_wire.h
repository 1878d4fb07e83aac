/* SPDX-License-Identifier: MIT
 *
 * The format, for the two halves of seri only: what both must agree on. A value starts with one
 * byte: its kind in the low three bits, a detail ("cookie") in the other five. Everything is
 * little-endian and unaligned.
 *
 *     nil      -
 *     bool     cookie 0 or 1
 *     number   cookie = enum seri_form, then so many raw bytes
 *     pointer  8 bytes: light userdata
 *     short    cookie = length < 32, then the text
 *     long     cookie 2 or 4 = bytes of the length that follows, then the text
 *     table    cookie = length of the array part n < 31, else 31 and n as a packed number; then n
 *              values; then key, value, key, value ... nil
 */
#ifndef LUABIND_SERI_WIRE_H
#define LUABIND_SERI_WIRE_H

#include "core/base.h"

#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
#error "scalars are copied as they lie in memory"
#endif

enum seri_kind {
	SERI_KIND_NIL = 0,
	SERI_KIND_BOOL = 1,
	SERI_KIND_NUMBER = 2,
	SERI_KIND_POINTER = 3,
	SERI_KIND_SHORT = 4,
	SERI_KIND_LONG = 5,
	SERI_KIND_TABLE = 6,
};

enum seri_form {
	SERI_FORM_ZERO = 0,
	SERI_FORM_U8 = 1,
	SERI_FORM_U16 = 2,
	SERI_FORM_I32 = 4,
	SERI_FORM_I64 = 6,
	SERI_FORM_DOUBLE = 8,
};

#define SERI_KIND_BITS  3
#define SERI_KIND_MASK  7
#define SERI_COOKIE_MAX 31 /* short strings go up to it, array lengths stay below it */
#define SERI_DEPTH_MAX  32
/* Lua stack that one level of nesting uses at most, on either side. */
#define SERI_FRAME_SLOTS 12

/* The first byte of a value. Any thread. */
static inline uint8_t seri_head(enum seri_kind kind, unsigned cookie)
{
	return (uint8_t)(kind | cookie << SERI_KIND_BITS);
}

#endif
