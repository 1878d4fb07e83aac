/* SPDX-License-Identifier: MIT
 *
 * What a mailbox has more when it is limited: places for ordinary messages, what becomes of one that finds none, and two
 * lanes for what the consumer has taken off the head. Lists and counters only; who may call what when is mailbox.c's
 * business, and all lists are guarded by the mailbox's lock. The idea stands in core/README.md.
 */
#ifndef CORE_BOUND_H
#define CORE_BOUND_H

#include "core/atomics.h"
#include "core/message.h"

enum bound_policy { BOUND_REJECT, BOUND_DROP_NEW, BOUND_DROP_OLD, BOUND_BLOCK, BOUND_POLICIES };

/* "reject", "drop_new", "drop_old", "block". */
const char *bound_policy_name(enum bound_policy policy);
/* false: there is no policy of that name. */
bool bound_policy_of(const char *name, enum bound_policy *out);

struct bound_chain {
	struct message *first, *last;
};

/* Somebody's message that waits for a place. */
struct bound_waiter {
	struct bound_waiter *next;
	struct message *message; /* NULL: it has got a place */
	uint32_t owner;          /* who sent it; message->source may be somebody else */
	int32_t ticket;          /* of the owner, not 0 */
	bool tell;               /* the owner waits for this ticket, and not for an answer only */
};

struct bound {
	/* Constant. */
	uint32_t max; /* places; 0: as many as come */
	enum bound_policy policy;

	/* Any thread, lock-free. */
	_Atomic uint32_t taken;   /* places, of `max` */
	_Atomic uint32_t waiting; /* messages without one; written under the lock */
	_Atomic uint64_t waited;  /* how many had to, since it was made */

	/* The mailbox's lock. */
	struct bound_chain control, ordinary;
	uint32_t order; /* of the message that was sorted in last */
	struct bound_waiter *first_waiter, *last_waiter;

	/* The consumer. */
	bool shut;                     /* no ordinary messages for now */
	struct bound_waiter *admitted; /* have got a place, and nobody has told them */
};

/* mem_free it, when it is empty. */
struct bound *bound_new(uint32_t max, enum bound_policy policy);

/* Takes a place. false: there is none. Lock-free, any thread. */
bool bound_reserve(struct bound *b);

/* Behind what the lanes hold: messages linked by next, oldest first. */
void bound_sort_in(struct bound *b, struct message *list);
/* Is there a message that may be taken out? */
bool bound_has_next(const struct bound *b);
/* The oldest message that may be taken out, unlinked; NULL: none. */
struct message *bound_next(struct bound *b);
/* The oldest ordinary message, unlinked, whose place the caller inherits; NULL: none. */
struct message *bound_take_oldest(struct bound *b);
/* All messages of both lanes, oldest first, linked by next. */
struct message *bound_take_all(struct bound *b);

/* A place that was taken is free: the first waiter gets it and is sorted in. false: nobody waits, it is free for all. What
 * is still at the head is older than any waiter: sort it in before. */
bool bound_pass_place(struct bound *b);
void bound_add_waiter(struct bound *b, struct bound_waiter *w);
/* Unlinks the waiter, NULL: it does not wait here. */
struct bound_waiter *bound_remove_waiter(struct bound *b, uint32_t owner, int32_t ticket);

#endif
