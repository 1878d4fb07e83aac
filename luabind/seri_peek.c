/* SPDX-License-Identifier: MIT */
#include "luabind/seri_peek.h"
#include "luabind/seri_wire.h"

#include <stdio.h>
#include <string.h>

/* Integers are printed; of other numbers three digits, since printf of a double may allocate. */
static void put_double(double value, char *out, size_t out_size)
{
	bool negative = value < 0;
	double size = negative ? -value : value;
	if (!(size < 1e15)) {
		snprintf(out, out_size, "a number");
		return;
	}
	long long thousandths = (long long)(size * 1000 + 0.5) % 1000;
	long long whole = (long long)(size + 0.0005);
	snprintf(out, out_size, "%s%lld.%03lld", negative ? "-" : "", whole, thousandths);
}

static void put_number(const uint8_t *at, size_t left, unsigned form, char *out, size_t out_size)
{
	uint8_t u8;
	uint16_t u16;
	int32_t i32;
	int64_t value = 0;
	double real;
	/* The form is also the number of bytes, but for those of eight. */
	size_t bytes = form == SERI_FORM_I64 ? sizeof(value) : form;
	if (bytes > left)
		return;
	switch (form) {
	case SERI_FORM_ZERO:
		break;
	case SERI_FORM_U8:
		memcpy(&u8, at, sizeof(u8));
		value = u8;
		break;
	case SERI_FORM_U16:
		memcpy(&u16, at, sizeof(u16));
		value = u16;
		break;
	case SERI_FORM_I32:
		memcpy(&i32, at, sizeof(i32));
		value = i32;
		break;
	case SERI_FORM_I64:
		memcpy(&value, at, sizeof(value));
		break;
	case SERI_FORM_DOUBLE:
		memcpy(&real, at, sizeof(real));
		put_double(real, out, out_size);
		return;
	default:
		return;
	}
	snprintf(out, out_size, "%lld", (long long)value);
}

static void put_string(const uint8_t *at, size_t left, size_t length, char *out, size_t out_size)
{
	static const char end[] = "...\"";
	size_t room = out_size > sizeof(end) + 1 ? out_size - sizeof(end) - 1 : 0;
	size_t shown = length < left ? length : left;
	if (room == 0)
		return;
	shown = shown < room ? shown : room;
	*out++ = '"';
	for (size_t i = 0; i < shown; i++)
		*out++ = at[i] >= ' ' && at[i] != 0x7f ? (char)at[i] : '?';
	strcpy(out, shown < length ? end : end + 3);
}

static void put_long_string(const uint8_t *at, size_t left, unsigned field, char *out,
			    size_t out_size)
{
	uint32_t length = 0;
	if ((field != 2 && field != 4) || field > left)
		return;
	memcpy(&length, at, field);
	put_string(at + field, left - field, length, out, out_size);
}

void seri_peek(const void *bytes, size_t size_bytes, char *out, size_t out_size)
{
	const uint8_t *at = bytes;
	out[0] = '\0';
	if (size_bytes == 0)
		return;
	size_t left = size_bytes - 1;
	unsigned cookie = *at >> SERI_KIND_BITS;
	switch (*at++ & SERI_KIND_MASK) {
	case SERI_KIND_NIL:
		snprintf(out, out_size, "nil");
		break;
	case SERI_KIND_BOOL:
		snprintf(out, out_size, "%s", cookie ? "true" : "false");
		break;
	case SERI_KIND_NUMBER:
		put_number(at, left, cookie, out, out_size);
		break;
	case SERI_KIND_POINTER:
		snprintf(out, out_size, "a pointer");
		break;
	case SERI_KIND_SHORT:
		put_string(at, left, cookie, out, out_size);
		break;
	case SERI_KIND_LONG:
		put_long_string(at, left, cookie, out, out_size);
		break;
	case SERI_KIND_TABLE:
		snprintf(out, out_size, "a table");
		break;
	}
}
