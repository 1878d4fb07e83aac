/* SPDX-License-Identifier: MIT
 *
 * One alert: what is wrong, where, since when and who waits for it, as one line (and a traceback). It is
 * written by the monitor itself with write(2) from memory that exists beforehand, so it appears with every
 * worker stuck and every lock of the allocator or of stdio held by a stuck thread.
 */
#ifndef WATCHDOG_ALERT_H
#define WATCHDOG_ALERT_H

#include "watchdog/line.h"

struct alert {
	uint32_t from, to; /* handles */
	uint64_t version; /* the message's number in its service: the same in all alerts about it */
	const char *service;
	int type;
	int32_t session;
	int64_t cpu_ns, wall_ns;
	uint64_t parks, handoffs;
	int waiting;
	int64_t first_waits_ns;
	const char *kind;      /* where it is: "compiled loop", "C code", ... */
	const char *place;     /* "main.lua:12" or "" */
	const char *traceback; /* lines, or "" */
	bool doomed;           /* it was killed and has not ended yet */
	int alerts;            /* of this episode, this one too */
	/* Not known: NULL or "". */
	const char *source;    /* name of `from` */
	const char *argument;  /* the first one of a message of type "lua": "\"login\"" */
	const char *shares;    /* who used the CPU lately: "battle 97 %, gate 2 %" */
	const char *waiters;   /* who waits: "gate 3 ms, db 1 ms" */
	uint32_t mailbox;      /* messages that wait for it */
	int64_t head_age_ns;   /* the first of them at least so long */
	size_t memory_bytes;   /* of Lua, after its last message */
	int looks, same;       /* so many looks at it, so many of them at the place of the first */
	/* For the closing line: what was done about it, by the CPU of the message then; 0: it was not. */
	int64_t demoted_ns, interrupted_ns, killed_ns;
	const char *raised_at; /* where the interrupt's error was raised */
	const char *end;       /* of one that was killed: how; NULL: it was not by the watchdog */
	int64_t end_ns;        /* how long that took */
	size_t freed_bytes;    /* Lua memory that it gave back */
	uint64_t suppressed;   /* alerts of its kind before it that were not written */
};

/* Formats it; the result is cut to the size. Returns its length. Allocates nothing. */
size_t alert_format(const struct alert *a, char *out, size_t size);
/* The same as fields for programs; see line.h. `over`: the line that closes the episode. */
size_t alert_format_fields(const struct alert *a, bool over, enum line_format format,
			   int64_t wall_ns, char *out, size_t size);
/* Formats and writes it to the log, in the format of notice_init; false: there were too many, it is counted. Monitor
 * only. */
bool alert_write(struct alert *a, int64_t now_ns);
/* The line that closes the episode. */
size_t alert_format_over(const struct alert *a, char *out, size_t size);
void alert_write_over(const struct alert *a);

#endif
