/* SPDX-License-Identifier: MIT
 *
 * One long message: the evidence that is asked of its service's own thread, the alerts that are written of it, what
 * was done about it (steps.h), and the line that closes it. Monitor thread only.
 */
#ifndef WATCHDOG_INCIDENT_H
#define WATCHDOG_INCIDENT_H

#include "core/clock.h"
#include "sched/runq.h"
#include "watchdog/alert.h"
#include "watchdog/native.h"
#include "watchdog/rules.h"
#include "watchdog/steps.h"

/* Between two signals that ask for evidence. */
#define INCIDENT_RETRY_NS (5 * NS_PER_MS)

/* An episode and its evidence. All fields are the monitor's; of the evidence, see sched/evidence.h. */
struct incident {
	struct episode episode;
	/* Type-stable memory, so it may be read at any time; it is still the episode's service while it has
	 * its handle, which a killed one keeps until it is dead. */
	struct service *subject;
	struct evidence evidence;
	struct steps steps; /* what was done about it */
	char raised_at[sizeof(((struct evidence *)0)->place)];
	bool told;   /* one of its alerts at least was written */
	bool asking; /* an alert is due and waits for evidence */
	int64_t asked_ns, signalled_ns;
	/* The first of the looks of this alert; all of them in `alert`. */
	const char *kind;
	bool in_c; /* that is the line that has called C code */
	char place[sizeof(((struct evidence *)0)->place)];
	char traceback[sizeof(((struct evidence *)0)->traceback)];
	int64_t look_ns; /* when the next one is due */
	/* Which dispatch was asked last, and where it or one before it was met. */
	struct thread *asked;
	uint64_t asked_word;
	int met; /* how often it was, of the times that it was asked for this alert */
	uint8_t met_in; /* kinds of code, 1 << enum park_tier */
	struct native native;
	char source[sizeof(((struct service *)0)->name)];
	char argument[64];
	struct alert alert; /* as of the moment when it became due */
	char service[sizeof(((struct service *)0)->name)];
};

/* A record that is free is for this message of `s` from now on; the first alert is due at `first_ns` of CPU. */
void incident_begin(struct incident *in, struct service *s, const struct sample *sample, int64_t first_ns,
		    int64_t now_ns);
/* The message is over, or the service is `gone`. */
bool incident_is_over(const struct incident *in, bool *gone);
/* An alert is due: asks the service, seen on `t` with that run word, where it is. */
void incident_begin_alert(struct incident *in, struct thread *t, uint64_t word,
			  const struct sample *sample, int64_t now_ns);
/* It is seen again: asks once more, if that is due. */
void incident_look(struct incident *in, struct thread *t, uint64_t word, int64_t now_ns);
/* Each pass: takes what was written down. true: it was enough, and the alert was written. */
bool incident_tend(struct incident *in, int64_t now_ns, const struct runq_due *due);
/* Nobody waits for evidence any more: an alert that was due is not written. */
void incident_stop_asking(struct incident *in);
/* An interrupt was sent: the hook that raises will say where. */
void incident_expect_raise(struct incident *in);
/* The message is over, or the service is `gone`: the closing line, and the record is free. */
void incident_end(struct incident *in, bool gone);

#endif
