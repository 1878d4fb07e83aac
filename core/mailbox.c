/* SPDX-License-Identifier: MIT
 *
 * One word, `head`, says both what is queued and who must act:
 *
 *   a message   the newest one; older ones hang on its `next`. The service is active
 *   EMPTY       nothing is queued here; the service is active: its consumer will look again
 *   IDLE        nothing is queued and nobody will look: the next producer makes it ready
 *   CLOSED      for good
 *
 * Two sides, and why no wake-up is lost and none is doubled:
 *
 *   producer                          consumer
 *   --------                          --------
 *   CAS head: IDLE -> m     WOKE      pop: exchange head -> EMPTY, turn what was there
 *   CAS head: EMPTY -> m    QUEUED         round, give the oldest
 *   CAS head: m' -> m       QUEUED    pop says NULL
 *                                     rest: CAS head: EMPTY -> IDLE
 *                                           fails: a message came or it was closed, go on
 *
 * Both change the same word, so they have an order. If the message is first, the rest fails and the
 * consumer pops it. If the rest is first, the producer finds IDLE, and since its CAS removes IDLE,
 * no other producer finds it. Closing is such a step too: the closer finds IDLE and must see to the
 * service's end, or the consumer's rest fails and the consumer does. There is no "publish mine,
 * then look at yours" here and so no need for sequential consistency: one word has one history
 * anyway.
 *
 * The consumer takes everything at once, so a producer's CAS cannot suffer from ABA: it links m to
 * what it saw on top, and if the same message is on top again, that is still the right link.
 *
 * What the consumer took waits in a list of its own, oldest first. That list has a lock only
 * because of mailbox_close: a killer must empty the mailbox of a service whose thread is stuck in
 * C, and at this very moment the thread may come back and pop. The closer takes the lock first and
 * closes `head` under it, so that the list and the stack are one unbroken sequence. Taking the list
 * by atomic exchange instead would need the consumer to put back the rest, where a closer could
 * miss it.
 */
#include "core/mailbox.h"

/* Addresses no message can have. */
static struct message idle_mark, closed_mark;

#define EMPTY  ((struct message *)NULL)
#define IDLE   (&idle_mark)
#define CLOSED (&closed_mark)

static bool is_message(const struct message *m)
{
	return m != EMPTY && m != IDLE && m != CLOSED;
}

void mailbox_init(struct mailbox *b)
{
	store_relaxed(&b->head, IDLE);
	store_relaxed(&b->length, 0);
	store_relaxed(&b->first, NULL);
	lock_init(&b->lock);
}

enum mailbox_pushed mailbox_push(struct mailbox *b, struct message *m)
{
	/* Before it can be popped, so that the count never falls below zero. */
	add_relaxed(&b->length, 1);
	struct message *top = load_relaxed(&b->head);
	do {
		if (top == CLOSED) {
			sub_relaxed(&b->length, 1);
			m->next = NULL;
			return MAILBOX_REFUSED;
		}
		m->next = is_message(top) ? top : NULL;
		/* Releases the message to take_all. Acquires mailbox_rest: whoever makes the
		 * service ready sees what its last consumer left. */
	} while (!cas_weak_acq_rel(&b->head, &top, m));
	return top == IDLE ? MAILBOX_WOKE : MAILBOX_QUEUED;
}

bool mailbox_rouse(struct mailbox *b)
{
	struct message *want = IDLE;
	/* Acquires mailbox_rest, as a push does. */
	return cas_strong_acq_rel(&b->head, &want, EMPTY);
}

static struct message *reversed(struct message *newest)
{
	struct message *oldest = NULL;
	while (newest != NULL) {
		struct message *older = newest->next;
		newest->next = oldest;
		oldest = newest;
		newest = older;
	}
	return oldest;
}

/* Everything in `head`, oldest first, which is then EMPTY; NULL if there is no message. Under the
 * lock, so that it cannot become CLOSED in between. */
static struct message *take_all(struct mailbox *b)
{
	if (!is_message(load_relaxed(&b->head)))
		return NULL;
	/* Acquires every push in the stack: each CAS continues the release of those before. */
	return reversed(exchange_acq_rel(&b->head, EMPTY));
}

struct message *mailbox_pop(struct mailbox *b)
{
	if (load_relaxed(&b->first) == NULL && !is_message(load_relaxed(&b->head)))
		return NULL;
	lock_take(&b->lock);
	struct message *m = load_relaxed(&b->first);
	if (m == NULL)
		m = take_all(b);
	store_relaxed(&b->first, m != NULL ? m->next : NULL);
	lock_release(&b->lock);
	if (m == NULL)
		return NULL;
	sub_relaxed(&b->length, 1);
	m->next = NULL;
	return m;
}

bool mailbox_rest(struct mailbox *b)
{
	struct message *want = EMPTY;
	if (load_relaxed(&b->first) != NULL)
		return false;
	/* Releases the service to the push or rouse that finds IDLE. */
	if (cas_strong_acq_rel(&b->head, &want, IDLE))
		return true;
	debug_ensure(want != IDLE);
	return false;
}

/* Puts `tail` behind the list and counts both. */
static uint32_t join(struct message **list, struct message *tail)
{
	uint32_t count = 0;
	struct message **link = list;
	for (; *link != NULL; link = &(*link)->next)
		count++;
	*link = tail;
	for (; tail != NULL; tail = tail->next)
		count++;
	return count;
}

struct message *mailbox_close(struct mailbox *b, bool *was_idle)
{
	lock_take(&b->lock);
	/* Acquires the pushes; releases the closing to mailbox_is_closed. */
	struct message *top = exchange_acq_rel(&b->head, CLOSED);
	struct message *list = load_relaxed(&b->first);
	store_relaxed(&b->first, NULL);
	lock_release(&b->lock);
	if (was_idle)
		*was_idle = top == IDLE;
	sub_relaxed(&b->length, join(&list, is_message(top) ? reversed(top) : NULL));
	return list;
}

bool mailbox_is_closed(const struct mailbox *b)
{
	/* Acquires mailbox_close. */
	return load_acquire(&b->head) == CLOSED;
}

uint32_t mailbox_length(const struct mailbox *b)
{
	return load_relaxed(&b->length);
}
