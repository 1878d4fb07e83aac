/* SPDX-License-Identifier: MIT
 *
 * How it sleeps: `sched.monitor_due_ns` says until when. It is written before the monitor looks at the
 * world for the last time, and whoever changes the world looks at it afterwards (sched_ring), so one of
 * the two sees the other and nothing is slept through:
 *
 *	monitor                                 worker
 *	-------                                 ------
 *	due = INT64_MAX (seq)                   push / enter a body (release)
 *	pass over everything -> next            load due (seq); later than I need?
 *	due = min(due, next)                      due = min(due, mine), bell++, wake
 *	sleep until due, or the bell changes
 *
 * Being rung only shortens the sleep: the pass comes when it is due. So a process whose services run a few
 * microseconds now and then has ten passes a second, and an idle one has none.
 */
#include "watchdog/monitor.h"
#include "core/altstack.h"
#include "core/clock.h"
#include "sched/sched.h"
#include "watchdog/demoted.h"
#include "watchdog/endless.h"
#include "watchdog/health.h"
#include "watchdog/notice.h"
#include "watchdog/slots.h"
#include "watchdog/steps.h"
#include "watchdog/survey.h"

#include <pthread.h>
#include <sys/prctl.h>
#include <sys/resource.h>

static struct {
	pthread_t thread;
	bool running;
	_Atomic bool stopping;
	_Atomic uint64_t passes;
} monitor;

/* The tick must come on time although the workers keep every core busy. Real-time priority if we may,
 * else the highest ordinary one, else as we are. */
static void raise_priority(void)
{
	struct sched_param fifo = {.sched_priority = 1};
	prctl(PR_SET_NAME, "eq-monitor");
	prctl(PR_SET_TIMERSLACK, 1);
	if (pthread_setschedparam(pthread_self(), SCHED_FIFO, &fifo) != 0)
		setpriority(PRIO_PROCESS, 0, -15);
}

static int64_t pass(int64_t now, int64_t late)
{
	struct runq_due due;
	due.waiting = 0;
	due.first_waits_ns = 0;
	int64_t slots_next = slots_pass(now, &due);
	int64_t endless_next = endless_pass(now, &due);
	int64_t demoted_next = demoted_pass(now);
	endless_next = demoted_next < endless_next ? demoted_next : endless_next;
	int64_t health_next = health_pass(now);
	int64_t survey_next = survey_pass(now, late);
	int64_t next = slots_next < endless_next ? slots_next : endless_next;
	next = next < health_next ? next : health_next;
	return next < survey_next ? next : survey_next;
}

/* Publishes when it will look again by itself; who wanted an earlier time since the pass began keeps it. */
static void publish(int64_t next)
{
	int64_t due = load_seq(&sched.monitor_due_ns);
	while (next < due && !cas_strong_seq(&sched.monitor_due_ns, &due, next))
		;
}

static void *monitor_main(void *unused)
{
	raise_priority();
	altstack_install();
	while (!load_acquire(&monitor.stopping)) {
		uint32_t bell = load_acquire(&sched.bell);
		int64_t due = load_seq(&sched.monitor_due_ns);
		int64_t now = clock_mono_ns();
		if (due > now) {
			futex_wait(&sched.bell, bell, due == INT64_MAX ? -1 : due - now);
			continue;
		}
		store_seq(&sched.monitor_due_ns, INT64_MAX);
		publish(pass(now, now - due));
		add_relaxed(&monitor.passes, 1);
	}
	altstack_remove();
	return unused;
}

void monitor_start(const struct monitor_options *options)
{
	struct slots_options slots = {
		.retry_ns = 100 * NS_PER_US,
		.handoff_ns = options->handoff_ns,
		.doomed_ns = 20 * NS_PER_MS,
	};
	int max_threads = sched.options.workers + sched.options.spares_max;
	slots_init(&slots, max_threads);
	endless_init(max_threads);
	steps_init();
	demoted_init(options->restore_ns);
	health_init(options->abort_ns, sched.options.workers);
	notice_init(options->format);
	survey_init(options->limit, max_threads);
	store_release(&monitor.stopping, false);
	if (pthread_create(&monitor.thread, NULL, monitor_main, NULL) != 0)
		panic("cannot create the monitor thread");
	monitor.running = true;
	sched_ring(clock_mono_ns()); /* the service manager waits for the first beat */
}

void monitor_stop(void)
{
	if (!monitor.running)
		return;
	store_release(&monitor.stopping, true);
	add_acq_rel(&sched.bell, 1);
	futex_wake(&sched.bell);
	pthread_join(monitor.thread, NULL);
	monitor.running = false;
	notice_flush();
	slots_term();
	endless_term();
	health_term();
	survey_term();
}

uint64_t monitor_passes(void)
{
	return load_relaxed(&monitor.passes);
}

uint64_t monitor_alerts(void)
{
	return endless_alerts();
}
