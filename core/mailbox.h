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
#include "core/lock.h"
#include "core/message.h"

enum mailbox_pushed {
	MAILBOX_QUEUED,
	MAILBOX_WOKE,    /* it was idle: the caller must now make the service ready */
	MAILBOX_REFUSED, /* it is closed: the caller still owns the message */
};

struct mailbox {
	/* Everybody, lock-free: newest message, or one of the states empty, idle, closed. */
	_Atomic(struct message *) head;
	_Atomic uint32_t length; /* counted before a message is in and after it is out */

	/* Written under `lock` by the consumer (fills, takes) and the closer (empties); the
	 * consumer may look at `first` without it, since nobody else ever fills it. */
	struct lock lock;
	_Atomic(struct message *) first; /* oldest one taken off `head`, linked by next */
};

/* Empty and idle. Before any other thread knows it; also recycles a closed one that nobody uses. */
void mailbox_init(struct mailbox *b);

/* Any thread; lock-free. The mailbox owns `m` unless the result is MAILBOX_REFUSED. Messages of one
 * producer come out in the order they went in. */
enum mailbox_pushed mailbox_push(struct mailbox *b, struct message *m);

/* Makes an idle mailbox active without a message, for whoever must run the service once (its start,
 * its end). True: it was idle and the caller must make the service ready. False: it is active or
 * closed. Any thread; lock-free. */
bool mailbox_rouse(struct mailbox *b);

/* The oldest message, now the caller's; NULL when there is none (the service stays active) or the
 * mailbox is closed. Only the consumer: whoever runs the service. */
struct message *mailbox_pop(struct mailbox *b);

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

/* Any thread. Once true it stays so until mailbox_init. */
bool mailbox_is_closed(const struct mailbox *b);

/* How many messages are queued: never less than there are, at moments more. Any thread. */
uint32_t mailbox_length(const struct mailbox *b);

#endif
