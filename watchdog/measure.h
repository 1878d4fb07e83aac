/* SPDX-License-Identifier: MIT
 *
 * Figures for the rules from what was sampled, once or twice. Pure: no clocks, threads or I/O.
 */
#ifndef WATCHDOG_MEASURE_H
#define WATCHDOG_MEASURE_H

#include "core/base.h"

/* One service at one moment. */
struct service_sample {
	int64_t at_ns;
	uint64_t messages; /* begun since it was born */
	uint32_t mailbox;  /* messages that wait */
	uint64_t errors;   /* messages that ended in one, since it was born */
	uint64_t refused;  /* messages that its mailbox had no place for, since it was born */
};

/* Messages in a mailbox from which nothing was taken between two samples; 0 when something was: the service itself
 * speaks up then. */
int64_t measure_stalled_mailbox(const struct service_sample *before,
				const struct service_sample *now);
/* Messages a second that ended in an error, between two samples. */
int64_t measure_error_rate(const struct service_sample *before, const struct service_sample *now);

/* Messages a second that its mailbox refused or dropped, between two samples. */
int64_t measure_refusal_rate(const struct service_sample *before,
			     const struct service_sample *now);

/* Messages carry no time: at some moment the last one that waits is remembered, by its number, and as long as it
 * has not been begun the first one has waited at least since then. Once it has, the next is chosen. So the figure is
 * a lower bound, and at its highest the whole wait of a message. */
struct age_mark {
	int64_t at_ns;
	uint64_t last; /* number of the message that was the last one then */
};
/* At least so long the first message of the mailbox has waited. Updates the mark. */
int64_t measure_head_age_ns(struct age_mark *mark, const struct service_sample *now);

/* How much a service collects, from looks at it that were taken at even intervals while it ran: so many of them met its
 * collector. Too few looks say nothing, so they are gathered until there are enough, and the figure of the last time holds
 * until then; a service of which there are never enough uses little CPU. */
struct collector_window {
	int64_t at_ns, cpu_ns; /* since when; the service's CPU then */
	uint32_t samples, met; /* its counters then */
	int64_t figure_ns;
};
/* CPU in the collector for each second, 0: not known. Updates the window. */
int64_t measure_collector_ns(struct collector_window *w, int64_t now_ns, int64_t cpu_ns,
			     uint32_t samples, uint32_t met);

/* How long a runnable service may have to wait for its turn when all is well. */
struct entitlement {
	int64_t slice_ns;
	int32_t weight;
	int64_t ahead_ns;     /* virtual run time beyond the virtual time: what it has had in advance */
	int64_t total_weight; /* of all that wait or run, its own too */
	int workers;
	int members; /* that wait in its group, it among them; 1 without */
};
int64_t measure_entitled_ns(const struct entitlement *e);
/* From this wait on it is starved. */
int64_t measure_starved_limit_ns(int64_t least_ns, int64_t entitled_ns);

/* How long something has lasted since `since_ns` (0: it does not), of which all before `baseline_ns` proves nothing. */
int64_t measure_age_ns(int64_t now_ns, int64_t since_ns, int64_t baseline_ns);

#endif
