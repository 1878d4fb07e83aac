/* SPDX-License-Identifier: MIT */
#include "core/jot.h"

#include <string.h>

enum { DIGITS_MAX = 20 };

void jot_clear(struct jot *j)
{
	j->length = 0;
}

static void put(struct jot *j, const char *text, size_t bytes)
{
	size_t room = sizeof(j->text) - j->length;
	if (bytes > room)
		bytes = room;
	memcpy(j->text + j->length, text, bytes);
	j->length += bytes;
}

void jot_text(struct jot *j, const char *text)
{
	put(j, text, strnlen(text, sizeof(j->text)));
}

static void put_digits(struct jot *j, uint64_t value, unsigned base, int digits)
{
	char text[DIGITS_MAX];
	int at = DIGITS_MAX;
	do {
		text[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (at > 0 && (value > 0 || DIGITS_MAX - at < digits));
	put(j, text + at, (size_t)(DIGITS_MAX - at));
}

void jot_number(struct jot *j, int64_t value)
{
	uint64_t size = value < 0 ? -(uint64_t)value : (uint64_t)value;
	if (value < 0)
		put(j, "-", 1);
	put_digits(j, size, 10, 1);
}

void jot_hex(struct jot *j, uint64_t value, int digits)
{
	put_digits(j, value, 16, digits);
}
