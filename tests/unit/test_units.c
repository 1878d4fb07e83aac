/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/spell.h"
#include "core/units.h"
#include "core/base.h"

#include <limits.h>
#include <string.h>

struct sample {
	const char *text;
	int64_t value;
};

static void good_times(void **state)
{
	static const struct sample samples[] = {
		{"0", 0},
		{"0s", 0},
		{"1ns", 1},
		{"500us", 500000},
		{"2ms", 2000000},
		{"1s", 1000000000},
		{"1.5s", 1500000000},
		{"0.25ms", 250000},
		{"1.9ns", 1},
		{"2m", 120000000000},
		{"1h", 3600000000000},
		{"007s", 7000000000},
		{"0.1234567890123456789999s", 123456789},
		{"9223372036854775807ns", INT64_MAX},
		{"9223372036s", 9223372036000000000},
		{"9223372036.854775807s", INT64_MAX},
	};
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		int64_t ns = -1;
		assert_true(units_parse_time(samples[i].text, &ns));
		assert_int_equal(ns, samples[i].value);
	}
	(void)state;
}

static void bad_times(void **state)
{
	static const char *const samples[] = {
		"",    "s",   "1",     "1 s",  " 1s",  "1s ", "-1s",  "+1s", "1 hour", "1S",
		".5s", "1.s", "1..5s", "1e3s", "0x1s", "1ss", "1sec", "1MB", "ms1",    "1,5s",
	};
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		int64_t ns = -1;
		assert_false(units_parse_time(samples[i], &ns));
		assert_int_equal(ns, -1);
	}
	(void)state;
}

static void good_sizes(void **state)
{
	static const struct sample samples[] = {
		{"0", 0},
		{"1", 1},
		{"4096", 4096},
		{"10B", 10},
		{"64KB", 65536},
		{"32MB", 33554432},
		{"1GB", 1073741824},
		{"1.5KB", 1536},
		{"2TB", 2199023255552},
		{"9223372036854775807", INT64_MAX},
	};
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		int64_t bytes = -1;
		assert_true(units_parse_size(samples[i].text, &bytes));
		assert_int_equal(bytes, samples[i].value);
	}
	(void)state;
}

static void bad_sizes(void **state)
{
	static const char *const samples[] = {"",   "KB",  "-1",   "1.5",  "1 KB", "1kb",
					      "1K", "1XB", "1KB ", "1KBB", "1s"};
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		int64_t bytes = -1;
		assert_false(units_parse_size(samples[i], &bytes));
		assert_int_equal(bytes, -1);
	}
	(void)state;
}

/* Every way to leave the range must end at its top and never wrap to something small. */
static void overflow_saturates(void **state)
{
	static const char *const times[] = {
		"9223372036854775808ns",       "9223372037s", "9223372036.854775808s",
		"99999999999999999999999999h", "2562048h",    "99999999999999999999.5ms"};
	static const char *const sizes[] = {"9223372036854775808", "8388608TB",
					    "99999999999999999999999999999", "9007199254740992KB"};
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		int64_t ns = -1;
		assert_true(units_parse_time(times[i], &ns));
		assert_int_equal(ns, INT64_MAX);
	}
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		int64_t bytes = -1;
		assert_true(units_parse_size(sizes[i], &bytes));
		assert_int_equal(bytes, INT64_MAX);
	}
	(void)state;
}

static void formats(void **state)
{
	static const struct sample times[] = {
		{"0", 0},
		{"1h", 3600000000000},
		{"90s", 90000000000},
		{"1500ms", 1500000000},
		{"50us", 50000},
		{"1001ns", 1001},
	};
	static const struct sample sizes[] = {
		{"0", 0}, {"1TB", 1ll << 40}, {"64KB", 65536}, {"1537B", 1537}, {"1536B", 1536}};
	char text[UNITS_TEXT_BYTES];
	for (size_t i = 0; i < COUNT_OF(times); i++) {
		units_format_time(times[i].value, text);
		assert_string_equal(text, times[i].text);
	}
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		units_format_size(sizes[i].value, text);
		assert_string_equal(text, sizes[i].text);
	}
	(void)state;
}

static void formatted_values_parse_back(void **state)
{
	char text[UNITS_TEXT_BYTES];
	uint64_t x = 88172645463325252ull; /* xorshift: any spread of magnitudes will do */
	for (int i = 0; i < 10000; i++) {
		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		int64_t value = (int64_t)(x >> (1 + i % 63)), back = -1;
		units_format_time(value, text);
		assert_true(units_parse_time(text, &back));
		assert_int_equal(back, value);
		units_format_size(value, text);
		assert_true(units_parse_size(text, &back));
		assert_int_equal(back, value);
	}
	(void)state;
}

static void spelling(void **state)
{
	assert_int_equal(spell_distance("slice", "slice"), 0);
	assert_int_equal(spell_distance("slice", "slcie"), 1);
	assert_int_equal(spell_distance("thread", "threads"), 1);
	assert_int_equal(spell_distance("weight", "wait"), 3);
	assert_int_equal(spell_distance("", "abc"), 3);
	char far[SPELL_LETTERS_MAX + 2];
	memset(far, 'a', sizeof(far) - 1);
	far[sizeof(far) - 1] = '\0';
	assert_int_equal(spell_distance(far, far), INT_MAX);

	struct spell s = spell_for("wieght");
	assert_null(spell_guess(&s));
	spell_offer(&s, "slice");
	assert_null(spell_guess(&s));
	spell_offer(&s, "weight");
	spell_offer(&s, "jit");
	assert_string_equal(spell_guess(&s), "weight");
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(good_times),
		cmocka_unit_test(bad_times),
		cmocka_unit_test(good_sizes),
		cmocka_unit_test(bad_sizes),
		cmocka_unit_test(overflow_saturates),
		cmocka_unit_test(formats),
		cmocka_unit_test(formatted_values_parse_back),
		cmocka_unit_test(spelling),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
