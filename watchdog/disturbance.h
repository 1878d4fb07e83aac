/* SPDX-License-Identifier: MIT
 *
 * Was the machine itself the reason? A process that is stopped (SIGSTOP, a paused VM, a suspended laptop), traced by a
 * debugger, or robbed of its cores by the host or by other processes is late everywhere, and nobody in it is to blame.
 * Rules that go by the wall clock then begin anew: what was before the disturbance proves nothing.
 */
#ifndef WATCHDOG_DISTURBANCE_H
#define WATCHDOG_DISTURBANCE_H

#include "core/base.h"

struct machine_sample {
	int64_t at_ns;           /* monotonic */
	int64_t boot_ns;         /* the clock that goes on while the machine is suspended */
	int64_t monitor_late_ns; /* how late the monitor's pass came */
	int64_t slots_ns;        /* that the workers wanted to run so far: all of their time that was not idle */
	int64_t taken_ns;        /* of it, taken away by the host or the kernel */
	int64_t cpu_ticks;       /* of all cores so far, 0: unknown */
	int64_t steal_ticks;     /* of them, stolen by the host */
	bool traced;
};

enum disturbance {
	DISTURBED_NOT,
	DISTURBED_LATE,      /* the monitor itself came late */
	DISTURBED_SUSPENDED, /* the monotonic clock stood still */
	DISTURBED_TAKEN,     /* 30 % of what the workers wanted was taken from them, or of all cores stolen */
	DISTURBED_TRACED,
};

/* Pure. `late_ns`: the monitor's lateness that counts. */
enum disturbance disturbance_between(const struct machine_sample *before,
				     const struct machine_sample *now, int64_t late_ns);
const char *disturbance_name(enum disturbance d);

/* ---- taking samples; the monitor ---- */

/* Opens what is read of /proc, so that nothing is opened later. */
void disturbance_init(void);
void disturbance_term(void);
/* `before`: the last one; what is dear to ask is taken from there unless `full`. */
void disturbance_sample(struct machine_sample *out, const struct machine_sample *before,
			int64_t now_ns, int64_t monitor_late_ns, bool full);

/* Parsers of what the kernel writes, for tests. -1: not in there. */
int64_t disturbance_tracer(const char *status_text);
bool disturbance_ticks(const char *stat_text, int64_t *all, int64_t *steal);

#endif
