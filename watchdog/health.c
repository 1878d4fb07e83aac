/* SPDX-License-Identifier: MIT
 *
 * A worker is lost when its service was asked to stop, did not, and could not be handed off either: all spares are
 * stuck themselves. Its time is counted while the monitor looks, in steps of at most LOOK_NS: what passes while the whole
 * process is stopped (SIGSTOP, a debugger, a sleeping machine) counts for one step.
 *
 * Progress: workers took something new to run since the last beat, or nobody waits. A single service that runs for ever
 * while nobody else wants the worker keeps nobody from anything; that is what alerts are for.
 */
#include "watchdog/health.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/mem.h"
#include "core/notify.h"
#include "sched/sched.h"
#include "watchdog/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const int64_t LOOK_NS = 50 * NS_PER_MS;

static struct {
	int64_t abort_ns;
	struct lost *lost;            /* [worker] */
	int64_t beat_ns, beat_due_ns; /* 0: the service manager expects none */
	uint64_t dispatches;          /* at the last beat */
} health;

/* The monitor's. */
static char text[512];

void health_init(int64_t abort_ns, int max_workers)
{
	memset(&health, 0, sizeof(health));
	health.abort_ns = abort_ns;
	health.lost = mem_zalloc((size_t)max_workers * sizeof(health.lost[0]));
	/* Twice as often as it must be. */
	health.beat_ns = notify_watchdog_ns() / 2;
}

void health_term(void)
{
	mem_free(health.lost);
	health.lost = NULL;
}

static uint64_t word_of(int worker)
{
	struct thread *t = load_relaxed(&sched.worker[worker].thread);
	return t ? load_acquire(&t->run) : 0;
}

/* ---- the service manager's watchdog ---- */

static uint64_t count_dispatches(void)
{
	uint64_t sum = 0;
	for (int i = 0; i < sched.options.workers; i++)
		sum += run_epoch_of(word_of(i));
	return sum;
}

static int64_t beat(int64_t now)
{
	if (health.beat_ns == 0)
		return INT64_MAX;
	if (now < health.beat_due_ns)
		return health.beat_due_ns;
	uint64_t dispatches = count_dispatches();
	int waiting = load_relaxed(&sched.queue.waiting);
	if (rule_progress(health.dispatches, dispatches, waiting)) {
		snprintf(text, sizeof(text),
			 "WATCHDOG=1\nSTATUS=%d services, %d waiting for %d workers",
			 service_living(), waiting, sched.options.workers);
		notify_send(text);
	}
	health.dispatches = dispatches;
	health.beat_due_ns = now + health.beat_ns;
	return health.beat_due_ns;
}

/* ---- lost workers ---- */

static void say_holder(int worker)
{
	struct thread *t = load_relaxed(&sched.worker[worker].thread);
	struct service *s = t ? load_relaxed(&t->cur) : NULL;
	if (s == NULL)
		return;
	int n = snprintf(
		text, sizeof(text),
		"error: watchdog: worker %d is held by service %s [ :%08x ], message %llu from "
		"[ :%08x ] type %d session %d, for %lld ms%s",
		worker, s->name, service_handle(s),
		(unsigned long long)load_relaxed(&s->message_number),
		load_relaxed(&s->message_source), load_relaxed(&s->message_type),
		load_relaxed(&s->message_session),
		(long long)(health.lost[worker].held_ns / NS_PER_MS),
		load_relaxed(&s->doomed) ? ", killed" : "");
	log_write(0, text, n > 0 ? (size_t)n : 0);
}

NORETURN static void give_up(int count)
{
	int n = snprintf(text, sizeof(text),
			 "error: watchdog: %d of %d workers could not be taken back for %lld ms "
			 "(watchdog.abort), no spare thread is left: ending the process by SIGABRT",
			 count, sched.options.workers, (long long)(health.abort_ns / NS_PER_MS));
	log_write(0, text, n > 0 ? (size_t)n : 0);
	for (int i = 0; i < sched.options.workers; i++)
		if (health.lost[i].held_ns >= health.abort_ns)
			say_holder(i);
	notify_send("STATUS=ended by its own watchdog: workers are lost");
	abort();
}

static int64_t count_lost(int64_t now)
{
	int count = 0;
	int64_t next = INT64_MAX;
	for (int i = 0; i < sched.options.workers && health.abort_ns > 0; i++) {
		struct thread *t = load_relaxed(&sched.worker[i].thread);
		uint64_t word = word_of(i), epoch = run_epoch_of(word);
		bool asked =
			t && run_state_of(word) == RUN_BODY && load_relaxed(&t->wanted) == epoch;
		if (asked)
			next = now + LOOK_NS;
		count += rule_lost_ns(&health.lost[i], asked ? epoch : 0, now, LOOK_NS) >=
			 health.abort_ns;
	}
	if (count * 2 > sched.options.workers)
		give_up(count);
	return next;
}

int64_t health_pass(int64_t now)
{
	int64_t beat_next = beat(now), lost_next = count_lost(now);
	return beat_next < lost_next ? beat_next : lost_next;
}
