/* SPDX-License-Identifier: MIT
 *
 * An alert of one of the rules (rule.h) as a line, in the format that the config asks for. Alerts about long messages have
 * more to tell: alert.h. Which of them are written is decided here too, by a bucket for each kind; what is left out is
 * counted and told. Monitor only, but for notice_format.
 */
#ifndef WATCHDOG_NOTICE_H
#define WATCHDOG_NOTICE_H

#include "watchdog/line.h"
#include "watchdog/rule.h"

struct notice {
	enum rule_kind kind;
	enum rule_verdict verdict; /* BEGINS, LASTS or OVER */
	uint32_t service;          /* 0: it is about the process */
	const char *name;          /* of the service */
	int64_t figure, limit, worst, lasted_ns;
	uint64_t suppressed; /* of this kind, before it */
	/* Of native.h, where the alert is about C code; NULL or "" otherwise. */
	const char *syscall, *frames;
};

/* Formats it; the result is cut to the size (LOGFMT and JSON: at least 64). Returns its length. Allocates nothing. */
size_t notice_format(const struct notice *n, enum line_format format, int64_t wall_ns, char *out,
		     size_t size);

/* For all alerts, those of alert.h too. */
void notice_init(enum line_format format);
enum line_format notice_line_format(void);
/* Writes to the log what was formatted that way: as a line of `source`, or bare for programs. Any thread. */
void notice_log(uint32_t source, const char *line, size_t bytes);
/* May one of this kind be written now? Otherwise it is counted. */
bool notice_may(enum rule_kind kind, int64_t now_ns);
/* How many were left out before it. */
uint64_t notice_suppressed(enum rule_kind kind);

/* Writes it, or counts it: then it says false. The end of an episode is always written. */
bool notice_write(struct notice *n, int64_t now_ns);
/* Says what was left out, when it may. Returns when it is worth the next call; INT64_MAX: nothing was. */
int64_t notice_pass(int64_t now_ns);
/* Says what was left out, at the end. */
void notice_flush(void);

#endif
