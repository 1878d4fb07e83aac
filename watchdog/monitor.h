/* SPDX-License-Identifier: MIT
 *
 * The monitor thread: it ends slices, repeats requests, hands slots off, and writes the alerts. It never
 * allocates, uses no stdio buffers, loads nothing and creates no threads, so it works while any other
 * thread is stuck anywhere.
 */
#ifndef WATCHDOG_MONITOR_H
#define WATCHDOG_MONITOR_H

#include "watchdog/line.h"
#include "watchdog/rule.h"

struct monitor_options {
	int64_t restore_ns; /* so long a demoted service must behave */
	int64_t limit[RULE_KINDS]; /* of the other rules; 0: off */
	enum line_format format;   /* of alerts */
	int64_t handoff_ns; /* how long a request may go unheard in C code */
	int64_t abort_ns;   /* how long most workers may be lost; 0: for ever */
};

/* After sched_init. */
void monitor_start(const struct monitor_options *options);
void monitor_stop(void);

/* For tests and figures: wake-ups of the monitor so far, alerts written. Any thread. */
uint64_t monitor_passes(void);
uint64_t monitor_alerts(void);

#endif
