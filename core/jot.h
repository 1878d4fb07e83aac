/* SPDX-License-Identifier: MIT
 *
 * A line put together by hand, for signal handlers: no stdio, no allocation, no locale. What does not fit is
 * cut off.
 */
#ifndef CORE_JOT_H
#define CORE_JOT_H

#include "core/base.h"

struct jot {
	size_t length;
	char text[512]; /* not terminated */
};

void jot_clear(struct jot *j);
/* All async-signal-safe. */
void jot_text(struct jot *j, const char *text);
void jot_number(struct jot *j, int64_t value);
/* Without "0x", at least `digits` digits. */
void jot_hex(struct jot *j, uint64_t value, int digits);

#endif
