/* SPDX-License-Identifier: MIT
 *
 * What the watchdog does about a service, as a line in the format that the config asks for. An alert says what is
 * wrong; these say what was done. Never suppressed: each is a change of what the operator has set up, and the ladder
 * cannot come round faster than its limits.
 */
#ifndef WATCHDOG_ACTION_H
#define WATCHDOG_ACTION_H

#include "watchdog/line.h"

enum action_kind { ACTION_DEMOTE, ACTION_RESTORE, ACTION_DUMP, ACTION_INTERRUPT, ACTION_KILL, ACTION_RESTART };

struct action {
	enum action_kind kind;
	uint32_t service;
	const char *name;
	bool is_error;     /* somebody should look */
	int64_t cpu_ns;    /* of the message; 0: it is not about one */
	const char *place; /* "main.lua:12"; "" or NULL: not known */
	const char *text;  /* what was done and why */
};

/* Formats it; the result is cut to the size (LOGFMT and JSON: at least 64). Returns its length. Allocates nothing. */
size_t action_format(const struct action *a, enum line_format format, int64_t wall_ns, char *out,
		     size_t size);
/* Writes it to the log. Any thread. */
void action_write(const struct action *a);

/* "it is in a compiled loop: no hook fires there", for the kinds of code in which it was met, 1 << enum park_tier each; 0: it
 * never was. */
const char *action_no_hook(uint32_t met_in);

#endif
