/* SPDX-License-Identifier: MIT
 *
 * What the watchdog watches, once: one row for each kind of alert but the request rules of slots (rules.h). Names,
 * defaults and config keys, what counts as over, and what the operator should do. And the machine that makes episodes
 * of figures. Pure: no clocks, threads or I/O.
 *
 * An episode begins when the figure has reached its limit at two looks in a row, at least `persist_ns` apart; it is over
 * when the figure is below `clear_percent` of the limit. In between it is repeated after REPEAT_NS, then after twice
 * that, and so on.
 */
#ifndef WATCHDOG_RULE_H
#define WATCHDOG_RULE_H

#include "core/base.h"

enum rule_kind {
	RULE_LONG_MESSAGE, /* its episodes are by CPU, not by time: rules.h */
	RULE_STARVED,
	RULE_SLOT,
	RULE_BLOCKED,
	RULE_STUCK,
	RULE_MAILBOX,
	RULE_MAILBOX_AGE,
	RULE_MAILBOX_FULL,
	RULE_TASKS,
	RULE_MEMORY,
	RULE_ERRORS,
	RULE_GC,
	RULE_TIMER_LATE,
	RULE_LOOP_LATE,
	RULE_MONITOR_LATE, /* gives no alert: it takes the others' word away (disturbance.h) */
	RULE_KINDS
};

enum rule_unit { RULE_UNIT_NS, RULE_UNIT_COUNT, RULE_UNIT_BYTES };

enum rule_flag {
	RULE_WALL = 1,  /* by the wall clock: a round in which the machine was disturbed proves nothing */
	RULE_GRACE = 2, /* and neither do the first seconds of a service */
	RULE_MARK = 4,  /* a high-water mark: one line for each doubling, never repeated, never over */
	RULE_VETO = 8,  /* no alert of its own */
	RULE_SLOW = 16, /* looked at once a second, else ten times */
};

struct rule {
	const char *name; /* in logs */
	const char *key;  /* in the table `watchdog` of the config */
	enum rule_unit unit;
	int64_t limit; /* default; 0 in the config: this rule is off */
	unsigned flags;
	int clear_percent;
	int64_t persist_ns;
	const char *before, *after; /* the alert's text: before, figure, after */
	const char *advice;
};

extern const struct rule rule_table[RULE_KINDS];

/* Lateness proves nothing so long after a service was born. */
#define RULE_GRACE_NS  10000000000
#define RULE_REPEAT_NS 10000000000

struct rule_state {
	int64_t above_ns; /* when the figure was first seen at its limit; 0: it is not */
	int64_t begun_ns; /* 0: no episode */
	int64_t next_ns;  /* when it is worth the next line */
	int64_t worst;    /* figure of the episode */
	int64_t mark;     /* of RULE_MARK: the figure that is worth the next line; 0: the limit */
	int lines;
};

struct rule_look {
	int64_t now_ns, born_ns; /* of the service; of the process for what is no service's */
	int64_t figure, limit;
	bool disturbed;
	bool unmet; /* the thread that the figure is about was asked where it is and has had no core to answer */
};

enum rule_verdict { RULE_QUIET, RULE_BEGINS, RULE_LASTS, RULE_OVER };
/* One look at one figure. A state of zeros is that of something that was never looked at. */
enum rule_verdict rule_judge(enum rule_kind kind, struct rule_state *s,
			     const struct rule_look *look);

/* "1.234 s", "212 ms", "17", "32.05 M". */
void rule_format(enum rule_unit unit, int64_t figure, char *out, size_t size);

#endif
