/* SPDX-License-Identifier: MIT
 *
 * One line of fields for programs that read the log: logfmt (`key=value key="a value"`) or JSON (one object). Into memory
 * of the caller, cut at its end: a field that does not fit is left out whole, so that what is there can be parsed.
 * Allocates nothing.
 */
#ifndef WATCHDOG_LINE_H
#define WATCHDOG_LINE_H

#include "core/base.h"

enum line_format { LINE_SKYNET, LINE_LOGFMT, LINE_JSON };

struct line {
	enum line_format format; /* LOGFMT or JSON */
	char *out;
	size_t size, used;
};

/* Begins with `ts`, in UTC. `size` at least 64. */
void line_begin(struct line *l, enum line_format format, char *out, size_t size, int64_t wall_ns);
/* Keys are constant words of ours; values may be anything. NULL and "" are left out. */
void line_text(struct line *l, const char *key, const char *value);
void line_number(struct line *l, const char *key, int64_t value);
/* ":0000000a" */
void line_address(struct line *l, const char *key, uint32_t handle);
/* Returns the length; the text ends in a 0, without a newline. */
size_t line_end(struct line *l);

#endif
