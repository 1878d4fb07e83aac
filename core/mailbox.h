/* SPDX-License-Identifier: MIT
 *
 * A service's queue of messages: many producers, one consumer, and the service's idle/ready edge in
 * the same word, so that exactly one producer sees the edge and no wake-up can be lost. The
 * protocol stands at the top of mailbox.c; a picture of the states is in core/README.md.
 */
#ifndef CORE_MAILBOX_H
#define CORE_MAILBOX_H

#include "core/base.h"
#include "core/atomics.h"
#include "core/bound.h"
#include "core/lock.h"
#include "core/message.h"

enum mailbox_pushed {
	MAILBOX_QUEUED,
	MAILBOX_WOKE,    /* it was idle: the caller must now make the service ready */
	MAILBOX_REFUSED, /* it is closed: the caller still owns the message */
	MAILBOX_FULL,    /* it has no place: the caller still owns the message */
	MAILBOX_WAITS,   /* it waits at the mailbox, which owns it, for a place */
};

struct mailbox {
	/* Everybody, lock-free: newest message, or one of the states empty, idle, closed. */
	_Atomic(struct message *) head;
	_Atomic uint32_t length; /* counted before a message is in and after it is out */

	/* Places for ordinary messages; 0: no bound, and producers never look at `bound`. Constant once another thread
	 * knows the mailbox. */
	uint32_t max;

	/* Written under `lock` by the consumer (fills, takes) and the closer (empties); the
	 * consumer may look at `first` without it, since nobody else ever fills it. */
	struct lock lock;
	_Atomic(struct message *) first; /* oldest one taken off `head`, linked by next */
	/* NULL: neither bounded nor ever shut. Else it has the lanes that `first` is not used for any more. Set before
	 * another thread knows the mailbox, or by the consumer under `lock`. */
	struct bound *bound;

	/* Figures, here and not in `bound`, since the monitor reads them without a reference. Producers write them. */
	_Atomic uint64_t rejected, dropped;
};

/* Empty and idle. Before any other thread knows it; also recycles a closed one that nobody uses, after mailbox_term. */
void mailbox_init(struct mailbox *b);
/* Gives back what an empty one that nobody uses holds beside its messages; also of one that is all zeros. */
void mailbox_term(struct mailbox *b);
/* From now on it has `max` places (not 0) for ordinary messages. Before any other thread knows it, while it is empty. */
void mailbox_set_bound(struct mailbox *b, uint32_t max, enum bound_policy policy);

/* Any thread; lock-free. The mailbox owns `m` unless the result is MAILBOX_REFUSED. Messages of one
 * producer come out in the order they went in. Asks for no place: of a bounded one, for control only. */
enum mailbox_pushed mailbox_push(struct mailbox *b, struct message *m);

/* The same for any message, in a place if it needs one. MAILBOX_FULL: there is none and the policy is not drop_old. With
 * drop_old *dropped is the message that made room, now the caller's; else NULL. Any thread. */
enum mailbox_pushed mailbox_offer(struct mailbox *b, struct message *m, struct message **dropped);

/* After MAILBOX_FULL of a mailbox with the policy block: `m` gets a place, or waits for one, first come first served.
 * `owner` and `ticket` (not 0) are for mailbox_withdraw, and with `tell` for mailbox_admitted. Any thread. */
enum mailbox_pushed mailbox_wait(struct mailbox *b, struct message *m, uint32_t owner,
				 int32_t ticket, bool tell);
/* Takes a message that waits for a place back. NULL: it does not, it has got one or the mailbox was closed. Any thread. */
struct message *mailbox_withdraw(struct mailbox *b, uint32_t owner, int32_t ticket);

/* Would a pop find nothing, as far as can be told without a lock? The consumer only. */
bool mailbox_has_run_empty(const struct mailbox *b);

/* Makes an idle mailbox active without a message, for whoever must run the service once (its start,
 * its end). True: it was idle and the caller must make the service ready. False: it is active or
 * closed. Any thread; lock-free. */
bool mailbox_rouse(struct mailbox *b);

/* The oldest message, now the caller's; NULL when there is none (the service stays active) or the
 * mailbox is closed. Only the consumer: whoever runs the service. */
struct message *mailbox_pop(struct mailbox *b);
/* Those that have got a place by mailbox_pop since this was asked last, linked by next, without their messages; the caller
 * mem_frees each. Only the consumer. */
struct bound_waiter *mailbox_admitted(struct mailbox *b);
/* From now on mailbox_pop gives control messages only, and ordinary ones do not keep the mailbox from resting; or all again.
 * Only the consumer. */
void mailbox_shut(struct mailbox *b, bool shut);

/* The consumer's end of work. True: nothing is queued, the mailbox is idle, and the caller must not
 * touch the service as its consumer again, for the next push may already have made it ready
 * elsewhere. False: messages arrived meanwhile, or it was closed: the service is still the
 * caller's. */
bool mailbox_rest(struct mailbox *b);

/* Closes for good: pushes are refused from now on, a concurrent or later pop gets NULL. Returns
 * what was queued, oldest first, linked by ->next, now the caller's; NULL when nothing was or it
 * was closed before. *was_idle (may be NULL): it was idle, so nobody runs the service and nobody
 * will unless the caller sees to it; if false, its consumer will find it closed. Any thread, also
 * while the consumer is stuck in a message. */
struct message *mailbox_close(struct mailbox *b, bool *was_idle);
/* After mailbox_close, once: those that waited for a place, with their messages, linked by next; the caller frees both. */
struct bound_waiter *mailbox_take_waiters(struct mailbox *b);

/* Any thread. Once true it stays so until mailbox_init. */
bool mailbox_is_closed(const struct mailbox *b);

/* How many messages are queued: never less than there are, at moments more. Those without a place are not among them. Any
 * thread. */
uint32_t mailbox_length(const struct mailbox *b);

#endif
