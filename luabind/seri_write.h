/* SPDX-License-Identifier: MIT
 *
 * Bytes of packed values, written where there is room for them: for the two that pack, by the API and without it.
 */
#ifndef LUABIND_SERI_WRITE_H
#define LUABIND_SERI_WRITE_H

#include "luabind/seri_wire.h"

#include <math.h>
#include <string.h>

/* Room that each function but seri_put_text needs. The scalars write all of it, whatever they use: a store of eight
 * bytes is cheaper than a choice of how many. */
#define SERI_SCALAR_MAX 10

struct seri_writer {
	char *start, *at, *end;
};

static inline PARKABLE size_t seri_room(const struct seri_writer *w)
{
	return (size_t)(w->end - w->at);
}

static inline PARKABLE void seri_put_head(struct seri_writer *w, enum seri_kind kind, unsigned cookie)
{
	*w->at++ = (char)seri_head(kind, cookie);
}

/* A head, and the low `bytes` of `raw`. */
static inline PARKABLE void seri_put_scalar(struct seri_writer *w, enum seri_kind kind, unsigned cookie, uint64_t raw,
					    size_t bytes)
{
	w->at[0] = (char)seri_head(kind, cookie);
	memcpy(w->at + 1, &raw, sizeof(raw));
	w->at += 1 + bytes;
}

static inline PARKABLE void seri_put_integer(struct seri_writer *w, int64_t value)
{
	uint64_t raw = (uint64_t)value;
	if (value == 0)
		seri_put_head(w, SERI_KIND_NUMBER, SERI_FORM_ZERO);
	else if (raw <= UINT8_MAX)
		seri_put_scalar(w, SERI_KIND_NUMBER, SERI_FORM_U8, raw, 1);
	else if (raw <= UINT16_MAX)
		seri_put_scalar(w, SERI_KIND_NUMBER, SERI_FORM_U16, raw, 2);
	else if (value >= INT32_MIN && value <= INT32_MAX)
		seri_put_scalar(w, SERI_KIND_NUMBER, SERI_FORM_I32, raw, 4);
	else
		seri_put_scalar(w, SERI_KIND_NUMBER, SERI_FORM_I64, raw, 8);
}

static inline PARKABLE void seri_put_number(struct seri_writer *w, double value)
{
	/* The range first: casting anything else is undefined. NaN fails both comparisons. */
	if (value > -0x1p63 && value < 0x1p63) {
		int64_t integer = (int64_t)value;
		if ((double)integer == value && (integer != 0 || !signbit(value))) {
			seri_put_integer(w, integer);
			return;
		}
	}
	uint64_t raw;
	memcpy(&raw, &value, sizeof(raw));
	seri_put_scalar(w, SERI_KIND_NUMBER, SERI_FORM_DOUBLE, raw, 8);
}

/* The first byte of a table, and the length if that does not fit into it. */
static inline PARKABLE void seri_put_array_head(struct seri_writer *w, size_t length)
{
	if (length < SERI_COOKIE_MAX) {
		seri_put_head(w, SERI_KIND_TABLE, (unsigned)length);
	} else {
		seri_put_head(w, SERI_KIND_TABLE, SERI_COOKIE_MAX);
		seri_put_integer(w, (int64_t)length);
	}
}

/* Needs room for `length` and SERI_SCALAR_MAX. */
static inline PARKABLE void seri_put_text(struct seri_writer *w, const char *text, size_t length)
{
	if (length <= SERI_COOKIE_MAX) {
		seri_put_head(w, SERI_KIND_SHORT, (unsigned)length);
	} else {
		size_t field = length <= UINT16_MAX ? 2 : 4;
		seri_put_scalar(w, SERI_KIND_LONG, (unsigned)field, length, field);
	}
	memcpy(w->at, text, length);
	w->at += length;
}

#endif
