/* SPDX-License-Identifier: MIT */
#include "core/units.h"

#include "core/clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

struct unit {
	const char *name;
	int64_t factor;
};

/* Both lists go from the largest to the smallest, which is what formatting needs. */
static const struct unit time_units[] = {
	{"h", 3600 * NS_PER_S}, {"m", 60 * NS_PER_S}, {"s", NS_PER_S},
	{"ms", NS_PER_MS},      {"us", NS_PER_US},    {"ns", 1},
};

static const struct unit size_units[] = {
	{"TB", 1ll << 40}, {"GB", 1ll << 30}, {"MB", 1ll << 20}, {"KB", 1ll << 10}, {"B", 1},
};

/* Eighteen digits of a fraction are finer than any unit can show, and 10^18 fits. */
#define FRACTION_DIGITS_MAX 18

struct decimal {
	int64_t whole; /* INT64_MAX: too large, whatever follows */
	int64_t fraction;
	int64_t fraction_scale; /* fraction / fraction_scale < 1 */
};

/* By hand and not with isdigit: the answer must not depend on the locale. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *read_fraction(const char *at, struct decimal *d)
{
	for (int digits = 0; is_digit(*at); at++, digits++) {
		if (digits < FRACTION_DIGITS_MAX) {
			d->fraction = d->fraction * 10 + (*at - '0');
			d->fraction_scale *= 10;
		}
	}
	return at;
}

/* Returns where the unit begins, NULL when it is no number. */
static const char *read_decimal(const char *at, struct decimal *d)
{
	*d = (struct decimal){.fraction_scale = 1};
	if (!is_digit(*at))
		return NULL;
	for (; is_digit(*at); at++) {
		if (__builtin_mul_overflow(d->whole, 10, &d->whole) ||
		    __builtin_add_overflow(d->whole, *at - '0', &d->whole))
			d->whole = INT64_MAX;
	}
	if (*at != '.')
		return at;
	return is_digit(at[1]) ? read_fraction(at + 1, d) : NULL;
}

static int64_t scaled(const struct decimal *d, int64_t factor)
{
	int64_t whole, part = (int64_t)((__int128)d->fraction * factor / d->fraction_scale);
	if (__builtin_mul_overflow(d->whole, factor, &whole) ||
	    __builtin_add_overflow(whole, part, &whole))
		return INT64_MAX;
	return whole;
}

static bool parse(const char *text, const struct unit *units, size_t count, int64_t *out)
{
	struct decimal d;
	const char *name = read_decimal(text, &d);
	if (name == NULL)
		return false;
	for (size_t i = 0; i < count; i++) {
		if (strcmp(name, units[i].name) == 0) {
			*out = scaled(&d, units[i].factor);
			return true;
		}
	}
	return false;
}

static bool has_digits_only(const char *text)
{
	return *text != '\0' && text[strspn(text, "0123456789")] == '\0';
}

bool units_parse_time(const char *text, int64_t *out_ns)
{
	if (strcmp(text, "0") == 0) {
		*out_ns = 0;
		return true;
	}
	return parse(text, time_units, COUNT_OF(time_units), out_ns);
}

bool units_parse_size(const char *text, int64_t *out_bytes)
{
	static const struct unit bare = {"", 1};
	if (has_digits_only(text))
		return parse(text, &bare, 1, out_bytes);
	return parse(text, size_units, COUNT_OF(size_units), out_bytes);
}

static void format(int64_t value, const struct unit *units, size_t count,
		   char text[UNITS_TEXT_BYTES])
{
	for (size_t i = 0; i < count; i++) {
		if (value != 0 && value % units[i].factor == 0) {
			snprintf(text, UNITS_TEXT_BYTES, "%" PRId64 "%s", value / units[i].factor,
				 units[i].name);
			return;
		}
	}
	snprintf(text, UNITS_TEXT_BYTES, "0");
}

void units_format_time(int64_t ns, char text[UNITS_TEXT_BYTES])
{
	format(ns, time_units, COUNT_OF(time_units), text);
}

void units_format_size(int64_t bytes, char text[UNITS_TEXT_BYTES])
{
	format(bytes, size_units, COUNT_OF(size_units), text);
}
