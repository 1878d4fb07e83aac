/* SPDX-License-Identifier: MIT */
#include "conf/report.h"

#include "core/mem.h"

#include <string.h>

static size_t kept(const struct conf_report *r, enum report_severity severity)
{
	size_t total = r->total[severity];
	return total < REPORT_LINES_MAX ? total : REPORT_LINES_MAX;
}

/* Takes `text`. A key or a value may hold anything: the terminal must not obey it. */
static void keep(struct conf_report *r, enum report_severity severity, char *text)
{
	if (r->total[severity]++ >= REPORT_LINES_MAX) {
		mem_free(text);
		return;
	}
	for (char *c = text; *c != '\0'; c++) {
		if ((unsigned char)*c < ' ' || *c == 127)
			*c = '?';
	}
	r->lines[r->line_count++] = (struct conf_report_line){severity, text};
}

void report_add_text(struct conf_report *r, enum report_severity severity, const char *text)
{
	keep(r, severity, mem_strdup(text));
}

static char *format(const char *text, va_list args)
{
	va_list again;
	ensure(text != NULL); /* gcc with UBSan warns without it */
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, text, again);
	va_end(again);
	ensure(length >= 0);
	char *made = mem_alloc((size_t)length + 1);
	vsnprintf(made, (size_t)length + 1, text, args);
	return made;
}

PRINTF(1, 2) static char *formatted(const char *text, ...)
{
	va_list args;
	va_start(args, text);
	char *made = format(text, args);
	va_end(args);
	return made;
}

void report_add(struct conf_report *r, enum report_severity severity, const char *file, int line,
		const char *key, const char *text, ...)
{
	va_list args;
	va_start(args, text);
	char *what = format(text, args);
	va_end(args);
	char number[16] = "";
	if (line > 0)
		snprintf(number, sizeof(number), "%d:", line);
	keep(r, severity,
	     formatted("%s:%s %s%s%s", file, number, key ? key : "", key ? ": " : "", what));
	mem_free(what);
}

void report_print(const struct conf_report *r, FILE *out)
{
	static const char *const names[REPORT_SEVERITIES] = {"error", "warning"};
	for (size_t i = 0; i < r->line_count; i++)
		fprintf(out, "%s: %s\n", names[r->lines[i].severity], r->lines[i].text);
	for (int s = 0; s < REPORT_SEVERITIES; s++) {
		size_t more = r->total[s] - kept(r, (enum report_severity)s);
		if (more > 0)
			fprintf(out, "... and %zu more %ss\n", more, names[s]);
	}
}

void report_clear(struct conf_report *r)
{
	for (size_t i = 0; i < r->line_count; i++)
		mem_free(r->lines[i].text);
	memset(r, 0, sizeof(*r));
}
