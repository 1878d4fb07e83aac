/* SPDX-License-Identifier: MIT
 *
 * The scheduler as a whole: starting, stopping, sending, killing. One per process.
 */
#ifndef SCHED_SCHED_H
#define SCHED_SCHED_H

#include "core/alarm.h"
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

	/* The monitor sleeps by it; who needs it earlier rings. */
	struct alarm alarm;

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

enum sched_sent {
	SENT_IN,           /* it is in the mailbox */
	SENT_FOR_OLD,   /* so it is, and an older message was dropped for it */
	SENT_TO_NOBODY, /* there is no such service */
	SENT_REJECTED,  /* the mailbox is full */
	SENT_DROPPED,   /* so it is, and its policy is to drop what is new */
	SENT_MUST_WAIT, /* so it is, and its policy is to wait: `m` is still the caller's */
	SENT_WAITS,     /* it waits for a place */
};
/* Sends; owns `m` unless the result is SENT_MUST_WAIT. Whoever waits for an answer to a message that is dropped for this one
 * gets an error; about `m` itself nobody is told but the caller. Any thread. */
enum sched_sent sched_offer(uint32_t dest, struct message *m);
/* After SENT_MUST_WAIT: SENT_IN, SENT_TO_NOBODY, or SENT_WAITS until there is a place. `owner`: who sends; `ticket`: one of
 * its sessions, by which it can take the message back; with `tell` it gets a RESPONSE to it when there is a place, an ERROR
 * when the receiver has ended. Owns `m`. Any thread. */
enum sched_sent sched_send_waiting(uint32_t dest, struct message *m, uint32_t owner, int32_t ticket,
				   bool tell);
/* Takes back, and frees, a message that waits for a place. false: it does not. Any thread. */
bool sched_withdraw(uint32_t dest, uint32_t owner, int32_t ticket);
/* After mailbox_pop of the service that the caller runs: those whose messages have got a place may go on. */
void sched_tell_admitted(struct service *s);
/* For the runtime's own messages: sched_offer, and what would have to wait is rejected. false: it did not get in. */
bool sched_send(uint32_t dest, struct message *m);
/* The same for a new message of these parts. */
bool sched_post(uint32_t source, uint32_t dest, int type, int32_t session, void *data,
		size_t size_bytes);
/* Makes a service runnable that a push found idle, or that is new. `asks`: the service that the caller runs will wait for its
 * answer. Any thread. */
void sched_ready(struct service *s, bool asks);
/* Somebody waits, and the caller, which runs a service that was to be through by now (sched_ready), is not: wakes an idle worker,
 * which takes who comes first. false: nobody is idle. Any thread. */
bool sched_pay_owed(int64_t now_ns);

/* Kills or retires: names and handle are gone, whoever waits for an answer gets an error, messages that
 * wait are refused, and the service ends as soon as it can be stopped. false: it was doomed already. Any
 * thread; `s` referenced by the caller or its own service. */
bool sched_doom(struct service *s);
/* Answers a request with an error. */
void sched_answer_error(uint32_t from, uint32_t source, int32_t session);
/* The same with a reason for people, which follows `call failed: `. */
void sched_answer_why(uint32_t from, uint32_t source, int32_t session, const char *reason);
#define SCHED_WHY_ENDED "the service has ended"
#define SCHED_WHY_FULL  "mailbox full"

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
/* Asks for an error in the handler of the message that `s` is at, in the name of `by`; the monitor sees to it at its next
 * look, within 100 ms. false: it is between two messages. Any thread with a reference. */
bool sched_interrupt(struct service *s, uint32_t by);
/* Another min_run, from now on. Any thread. */
void sched_set_min_run(int64_t min_run_ns);

/* The monitor should look at `by_ns` at the latest. Any thread, async-signal-safe, cheap when it will. */
void sched_ring(int64_t by_ns);

/* All services, oldest handle first; references are the caller's to release. mem_free the list. */
struct service **sched_services(size_t *count);

#endif
