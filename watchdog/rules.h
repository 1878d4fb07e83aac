/* SPDX-License-Identifier: MIT
 *
 * The watchdog's rules: pure functions over what was sampled, without clocks, threads or I/O.
 */
#ifndef WATCHDOG_RULES_H
#define WATCHDOG_RULES_H

#include "core/base.h"

/* What was seen of one message being handled. */
struct sample {
	uint32_t service;
	uint64_t message_number; /* 0: none */
	int64_t cpu_ns;          /* CPU used by this message so far */
};

/* A thread's CPU clock at the looks at it. */
struct sight {
	uint64_t word;        /* the thread's run word, */
	int64_t mark_ns;      /* and since when its present message runs in that dispatch */
	int64_t before_ns;    /* CPU of that message up to the first look at it, */
	int64_t first_cpu_ns; /* and the clock then */
	int64_t last_cpu_ns;  /* at the last look, at whatever it was */
};
struct sight_now {
	uint64_t word;
	int64_t mark_ns, now_ns, cpu_ns;
};
/* CPU that the message has used since its mark. From the first look at it the clock tells. Of the time before, which the host
 * may have taken, no more counts than the thread has used since the last look, nor more than `unseen_ns`, in which it should
 * have been looked at. So it is too much by what its thread did for others between the last look and the mark at most. */
int64_t rule_used_ns(struct sight *s, const struct sight_now *now, int64_t unseen_ns);

/* One episode: a message that used more CPU than the threshold, from the first alert to its end. */
struct episode {
	uint32_t service; /* 0: free */
	uint64_t message_number;
	int64_t next_ns; /* CPU figure at which the next alert is due */
	int alerts;
};

/* CPU after which the message is worth an alert for the n-th time: warn, 2 warn, 4 warn, ... */
int64_t rule_threshold_ns(int64_t warn_ns, int alerts);

/* Is an alert due? Updates the episode, which begins when the first one is due. */
bool rule_long_message(struct episode *e, const struct sample *now, int64_t warn_ns);
/* Is the episode over: is the service at another message, or gone (`now` NULL)? */
bool rule_is_over(const struct episode *e, const struct sample *now);

/* An alert is due and its service was asked where it is. Is the alert to be written with what is known now? */
struct evidence_age {
	int64_t since_ask_ns;
	int looks; /* answers: places in Lua */
	int met;   /* times that it was met, answer or not: its handler ran, or it sleeps in the kernel */
	bool over; /* the message has ended meanwhile: nobody will be met any more */
};
bool rule_evidence_is_enough(const struct evidence_age *age);

/* A request to stop was made `since_ns` ago and not honoured. What next? */
enum request_step { REQUEST_WAIT, REQUEST_SIGNAL, REQUEST_HAND_OFF };
struct request_age {
	int64_t since_ask_ns, since_signal_ns;
	bool asleep;  /* in a system call: a signal would break it */
	bool again;   /* this message was handed off before */
	bool refused; /* the handler has said no at least once */
	bool unheard; /* but not since the last signal: it waits for a core of the host, or the signal was lost */
};
enum request_step rule_request(const struct request_age *age, int64_t retry_ns, int64_t handoff_ns);

/* A thread without a slot, in C code. What is it due? Both may be. */
struct detached_age {
	int64_t since_ns; /* since the hand-off, or since it was seen in this dispatch for the first time */
	int64_t cpu_ns;   /* used since the hand-off */
	bool busy;        /* it used some since it was looked at last, and does not sleep */
	bool doomed;      /* its service was killed: then its system call may be broken */
	bool aside;       /* it gave its slot away itself, because it may block */
	bool refused;     /* its handler has said no at least once */
};
/* A signal: back in Lua it is parked, in a C module it is held. */
bool rule_signal_detached(const struct detached_age *age, int64_t handoff_ns);
/* A low OS priority. */
bool rule_slow_detached(const struct detached_age *age);

/* How long to wait before looking at a detached thread again: twice as long as the last time, up to a limit. */
int64_t rule_backoff_ns(int64_t last_ns, int64_t max_ns);

/* Did the workers get anywhere since the last look? Their dispatches are counted; `waiting` services want a worker. */
bool rule_progress(uint64_t dispatches_before, uint64_t dispatches_now, int waiting);

/* How long one worker has been lost. */
struct lost {
	uint64_t epoch; /* the dispatch that does not stop; 0: none */
	int64_t seen_ns, held_ns;
};
/* `epoch` is the dispatch that was asked to stop and still runs, 0 if there is none. Of the time since the last look at
 * most `step_ns` counts. Returns how long it has been so. */
int64_t rule_lost_ns(struct lost *lost, uint64_t epoch, int64_t now_ns, int64_t step_ns);

#endif
