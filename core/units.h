/* SPDX-License-Identifier: MIT
 *
 * Times and sizes as people write them, in a config file and in Lua: "500us", "1.5s", "64KB". A value too
 * large for an int64_t is read as INT64_MAX: whoever has a range refuses it with the range in the message,
 * which helps more than "overflow" would.
 */
#ifndef CORE_UNITS_H
#define CORE_UNITS_H

#include "core/base.h"

#define UNITS_TEXT_BYTES 32

/* Digits, perhaps a fraction, and at once ns, us, ms, s, m or h; "0" needs no unit. Parts of a
 * nanosecond are dropped. False: not a time, `*out_ns` is untouched. Any thread. */
bool units_parse_time(const char *text, int64_t *out_ns);

/* The same with B, KB, MB, GB or TB (powers of 1024), or no unit: bytes. */
bool units_parse_size(const char *text, int64_t *out_bytes);

/* The shortest exact text in a single unit that parses back to the same value. */
void units_format_time(int64_t ns, char text[UNITS_TEXT_BYTES]);
void units_format_size(int64_t bytes, char text[UNITS_TEXT_BYTES]);

#endif
