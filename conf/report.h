/* SPDX-License-Identifier: MIT
 *
 * What is wrong with a config file, line by line, so that one run shows the user everything. The
 * first REPORT_LINES_MAX lines of each severity are kept, the rest is counted.
 */
#ifndef CONF_REPORT_H
#define CONF_REPORT_H

#include "core/base.h"

#include <stdarg.h>
#include <stdio.h>

#define REPORT_LINES_MAX 20

enum report_severity {
	REPORT_ERROR,
	REPORT_WARNING,
	REPORT_SEVERITIES,
};

struct conf_report_line {
	enum report_severity severity;
	char *text; /* owned; no line end, no control characters */
};

/* Owned by one thread. All zero is an empty report. */
struct conf_report {
	struct conf_report_line lines[REPORT_SEVERITIES * REPORT_LINES_MAX];
	size_t line_count;
	size_t total[REPORT_SEVERITIES]; /* also of those that were not kept */
};

/* Adds "FILE:LINE: KEY: TEXT"; the line is left out when it is 0, the key when it is NULL. */
void report_add(struct conf_report *r, enum report_severity severity, const char *file, int line,
		const char *key, const char *text, ...) PRINTF(6, 7);
/* Adds a line that already says where. */
void report_add_text(struct conf_report *r, enum report_severity severity, const char *text);

static inline bool report_has_errors(const struct conf_report *r)
{
	return r->total[REPORT_ERROR] > 0;
}

/* One line each, with "error: " or "warning: " in front, and how many more there are. */
void report_print(const struct conf_report *r, FILE *out);
/* Frees the lines; the report is empty again. */
void report_clear(struct conf_report *r);

#endif
