/* SPDX-License-Identifier: MIT
 *
 * Ringing it (sched_ring) only sets the alarm clock earlier: the pass comes when it is due. So a process whose services run a
 * few microseconds now and then has ten passes a second, and an idle one has none.
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

/* In a storm many dispatches begin during one pass, and hardly one of them needs a look before the next one. So where passes follow
 * each other closely there is always a next one, a little earlier than those dispatches need it (RUNQ_OWED_NS). */
static const int64_t REST_NS = RUNQ_OWED_NS - 50 * NS_PER_US;

static struct {
	pthread_t thread;
	bool running, timed;
	_Atomic int64_t rules_ns, timing_ns; /* if `timed` */
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

static int64_t rules_pass(int64_t now, int64_t late, const struct runq_due *due)
{
	int64_t endless_next = endless_pass(now, due);
	int64_t demoted_next = demoted_pass(now);
	int64_t health_next = health_pass(now);
	int64_t survey_next = survey_pass(now, late);
	return ns_min(ns_min(endless_next, demoted_next), ns_min(health_next, survey_next));
}

/* Reading the clock takes longer than a pass in which nothing is due: what that takes here and now is measured too, and
 * taken off. */
static int64_t timed_rules_pass(int64_t now, int64_t late, const struct runq_due *due)
{
	int64_t before = clock_cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	int64_t begin = clock_cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	int64_t next = rules_pass(now, late, due);
	int64_t end = clock_cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	add_relaxed(&monitor.rules_ns, end - begin - (begin - before));
	add_relaxed(&monitor.timing_ns, 3 * (begin - before));
	return next;
}

static int64_t pass(int64_t now, int64_t late)
{
	struct runq_due due;
	due.waiting = 0;
	due.first_waits_ns = 0;
	int64_t slots_next = slots_pass(now, &due);
	int64_t rules_next = monitor.timed ? timed_rules_pass(now, late, &due)
					   : rules_pass(now, late, &due);
	return ns_min(slots_next, rules_next);
}

static void *monitor_main(void *unused)
{
	bool close = false; /* are passes following each other closely? */
	raise_priority();
	altstack_install();
	while (!load_acquire(&monitor.stopping)) {
		int64_t due = alarm_due_ns(&sched.alarm);
		int64_t now = clock_mono_ns();
		if (due > now) {
			alarm_sleep(&sched.alarm);
			continue;
		}
		alarm_rest(&sched.alarm, close ? now + REST_NS : INT64_MAX);
		int64_t next = pass(now, now - due);
		alarm_lower(&sched.alarm, next);
		close = next <= now + RUNQ_OWED_NS;
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
	monitor.timed = options->timed;
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
	sched_ring(0);
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

struct monitor_cpu monitor_cpu(void)
{
	clockid_t clock;
	struct monitor_cpu cpu = {.rules_ns = load_relaxed(&monitor.rules_ns)};
	if (monitor.running && pthread_getcpuclockid(monitor.thread, &clock) == 0)
		cpu.slices_ns = clock_cpu_ns(clock) - cpu.rules_ns - load_relaxed(&monitor.timing_ns);
	return cpu;
}

uint64_t monitor_alerts(void)
{
	return endless_alerts();
}
