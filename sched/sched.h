/* SPDX-License-Identifier: MIT
 *
 * The scheduler as a whole: starting, stopping, sending, killing. One per process.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "sched/worker.h"

struct sched_options {
	int workers;
	int shards; /* of the run queue; 0: the usual number */
	int spares_max;
	size_t stack_bytes;
	int64_t min_run_ns;
	int64_t spare_idle_ns; /* a spare beyond those kept ready ends after so long; 0: 10 s */
	int64_t search_ns; /* an idle worker spins so long before it sleeps */
};

struct sched {
	/* Constant while running. */
	struct sched_options options;
	struct worker *worker;
	int searchers_max;          /* so many of them at a time */
	struct loop_async *spawner; /* rings for more spare threads */

	/* Internally locked. */
	struct runq queue;
	pthread_mutex_t change_lock; /* settings change one at a time */
	_Atomic int searching;       /* idle workers that spin */

	/* The monitor's bell: it sleeps on `bell` until `monitor_due_ns`; who needs it earlier rings. */
	futex_word bell;
	_Atomic int64_t monitor_due_ns;

	_Atomic bool stopping; /* workers end */
	_Atomic bool ending;   /* all services end: nobody is told of anybody's end any more */
	_Atomic uint64_t messages_dead; /* sent to nobody */
	_Atomic uint64_t signals;       /* preemption signals sent */
	_Atomic uint64_t handoffs; /* slots taken by the monitor, or given away before a call that may block */
	_Atomic uint64_t holds;    /* C code that stopped until its turn */
	_Atomic uint64_t not_aside; /* should have stepped aside, but there was no spare */
	_Atomic uint64_t interrupted_syscalls; /* that saw EINTR because of a signal of ours */
};

extern struct sched sched;

/* After handle_init, timer_init and text_init, before loop_start (it adds a doorbell). */
void sched_init(const struct sched_options *options);
/* Starts the workers. The loop must run. */
void sched_start(void);
/* Workers end as soon as their present message allows. false: some thread is stuck. */
bool sched_stop(int64_t timeout_ns);

/* Sends; takes ownership of `m` in every case. false: there is no such service. Any thread. */
bool sched_send(uint32_t dest, struct message *m);
/* The same for a new message of these parts. */
bool sched_post(uint32_t source, uint32_t dest, int type, int32_t session, void *data,
		size_t size_bytes);
/* Makes a service runnable that a push found idle, or that is new. Any thread. */
void sched_ready(struct service *s);

/* Kills or retires: names and handle are gone, whoever waits for an answer gets an error, messages that
 * wait are refused, and the service ends as soon as it can be stopped. false: it was doomed already. Any
 * thread; `s` referenced by the caller or its own service. */
bool sched_doom(struct service *s);
/* Answers a request with an error. */
void sched_answer_error(uint32_t from, uint32_t source, int32_t session);

/* New settings, in any state of the service; they count from now on. The caller holds a reference. Any thread. */
void sched_change(struct service *s, const struct settings *settings);
/* A service that nobody knows yet joins the group of its name, which has these settings if it is the first. */
void sched_join_group(struct service *s, const struct settings *settings);
void sched_settings_of(struct service *s, struct settings *out);
/* Takes most of the CPU away from a service, in any state: it gets what `batch` says, or its own where that is less,
 * and leaves its group. Until sched_restore, settings that are read or changed are those that it will get back. Each
 * does nothing when it is done already. Any thread that may allocate; the caller holds a reference. */
void sched_demote(struct service *s, const struct settings *batch);
void sched_restore(struct service *s);
/* Asks for an error in the handler of the message that `s` is at, in the name of `by`; the monitor sees to it. false:
 * it is between two messages. Any thread with a reference. */
bool sched_interrupt(struct service *s, uint32_t by);
/* Another min_run, from now on. Any thread. */
void sched_set_min_run(int64_t min_run_ns);

/* The monitor should look at `by_ns` at the latest. Any thread, async-signal-safe, cheap when it will. */
void sched_ring(int64_t by_ns);

/* All services, oldest handle first; references are the caller's to release. mem_free the list. */
struct service **sched_services(size_t *count);

#endif
