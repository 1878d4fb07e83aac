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
 *
 * A mailbox that is bounded, or was ever shut, has two lanes instead of that list (core/bound.h). Those are written by
 * producers too, so of such a one the rest takes the lock: between a producer's exchange of `head` and its sorting the
 * messages are in neither, and a rest in this moment would leave them there for ever.
 */
#include "core/mailbox.h"
#include "core/mem.h"

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
	store_relaxed(&b->rejected, 0);
	store_relaxed(&b->dropped, 0);
	b->max = 0;
	b->bound = NULL;
}

static void free_waiters(struct bound_waiter *w)
{
	while (w != NULL) {
		struct bound_waiter *next = w->next;
		mem_free(w);
		w = next;
	}
}

void mailbox_term(struct mailbox *b)
{
	if (b->bound == NULL)
		return;
	debug_ensure(b->bound->first_waiter == NULL && b->bound->control.first == NULL &&
		     b->bound->ordinary.first == NULL);
	free_waiters(b->bound->admitted);
	mem_free(b->bound);
	b->bound = NULL;
}

void mailbox_set_bound(struct mailbox *b, uint32_t max, enum bound_policy policy)
{
	debug_ensure(max > 0 && b->bound == NULL && mailbox_length(b) == 0);
	b->max = max;
	b->bound = bound_new(max, policy);
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

/* ---- bounded or shut ones ---- */

/* Under the lock: what is at the head goes into the lanes. */
static void collect(struct mailbox *b)
{
	bound_sort_in(b->bound, take_all(b));
}

/* The oldest ordinary message makes room for `m`. */
static enum mailbox_pushed replace_oldest(struct mailbox *b, struct message *m,
					  struct message **dropped)
{
	lock_take(&b->lock);
	collect(b);
	*dropped = bound_take_oldest(b->bound);
	lock_release(&b->lock);
	if (*dropped == NULL) {
		/* Those who have the places have not pushed yet: ours is older than theirs. */
		if (mailbox_is_closed(b))
			return MAILBOX_REFUSED;
		add_relaxed(&b->dropped, 1);
		return MAILBOX_FULL;
	}
	sub_relaxed(&b->length, 1);
	add_relaxed(&b->dropped, 1);
	return mailbox_push(b, m); /* in the place of the other one */
}

static enum mailbox_pushed offer_bounded(struct mailbox *b, struct message *m,
					 struct message **dropped)
{
	struct bound *bound = b->bound;
	/* A place in a mailbox that is closed meanwhile needs no giving back. */
	if (bound_reserve(bound))
		return mailbox_push(b, m);
	if (bound->policy == BOUND_DROP_OLD)
		return replace_oldest(b, m, dropped);
	if (mailbox_is_closed(b))
		return MAILBOX_REFUSED;
	if (bound->policy == BOUND_REJECT)
		add_relaxed(&b->rejected, 1);
	else if (bound->policy == BOUND_DROP_NEW)
		add_relaxed(&b->dropped, 1);
	return MAILBOX_FULL;
}

enum mailbox_pushed mailbox_offer(struct mailbox *b, struct message *m, struct message **dropped)
{
	*dropped = NULL;
	if (LIKELY(b->max == 0) || message_is_control(m))
		return mailbox_push(b, m);
	return offer_bounded(b, m, dropped);
}

enum mailbox_pushed mailbox_wait(struct mailbox *b, struct message *m, uint32_t owner,
				 int32_t ticket, bool tell)
{
	struct bound_waiter *w = mem_alloc(sizeof(*w));
	*w = (struct bound_waiter){NULL, m, owner, ticket, tell};
	lock_take(&b->lock);
	bool closed = load_relaxed(&b->head) == CLOSED;
	/* Places are given back under the lock: none is now, and whoever frees one sees us. */
	bool waits = !closed && !bound_reserve(b->bound);
	if (waits)
		bound_add_waiter(b->bound, w);
	lock_release(&b->lock);
	if (waits)
		return MAILBOX_WAITS;
	mem_free(w);
	return closed ? MAILBOX_REFUSED : mailbox_push(b, m);
}

struct message *mailbox_withdraw(struct mailbox *b, uint32_t owner, int32_t ticket)
{
	if (b->max == 0 || load_relaxed(&b->bound->waiting) == 0)
		return NULL;
	lock_take(&b->lock);
	struct bound_waiter *w = bound_remove_waiter(b->bound, owner, ticket);
	lock_release(&b->lock);
	struct message *m = w != NULL ? w->message : NULL;
	mem_free(w);
	return m;
}

/* Under the lock: an ordinary message has left its place. */
static void free_place(struct mailbox *b)
{
	if (b->bound->first_waiter != NULL)
		collect(b); /* older than who waits */
	if (bound_pass_place(b->bound))
		add_relaxed(&b->length, 1);
	else
		sub_relaxed(&b->bound->taken, 1);
}

static struct message *pop_bounded(struct mailbox *b)
{
	lock_take(&b->lock);
	if (!bound_has_next(b->bound))
		collect(b);
	struct message *m = bound_next(b->bound);
	if (m != NULL && b->max > 0 && !message_is_control(m))
		free_place(b);
	lock_release(&b->lock);
	if (m != NULL)
		sub_relaxed(&b->length, 1);
	return m;
}

struct bound_waiter *mailbox_admitted(struct mailbox *b)
{
	if (LIKELY(b->bound == NULL))
		return NULL;
	struct bound_waiter *list = b->bound->admitted;
	b->bound->admitted = NULL;
	return list;
}

static void make_lanes(struct mailbox *b)
{
	struct bound *bound = bound_new(0, BOUND_REJECT);
	lock_take(&b->lock);
	bound_sort_in(bound, load_relaxed(&b->first));
	store_relaxed(&b->first, NULL);
	b->bound = bound;
	lock_release(&b->lock);
}

void mailbox_shut(struct mailbox *b, bool shut)
{
	if (b->bound == NULL && !shut)
		return;
	if (b->bound == NULL)
		make_lanes(b);
	b->bound->shut = shut;
}

static bool rest_bounded(struct mailbox *b)
{
	struct message *want = EMPTY;
	lock_take(&b->lock);
	/* Releases the service to the push or rouse that finds IDLE. */
	bool rests = !bound_has_next(b->bound) && cas_strong_acq_rel(&b->head, &want, IDLE);
	lock_release(&b->lock);
	return rests;
}

/* ---- the consumer ---- */

bool mailbox_has_run_empty(const struct mailbox *b)
{
	return b->bound == NULL && load_relaxed(&b->first) == NULL &&
	       !is_message(load_relaxed(&b->head));
}

struct message *mailbox_pop(struct mailbox *b)
{
	if (UNLIKELY(b->bound != NULL))
		return pop_bounded(b);
	if (mailbox_has_run_empty(b))
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
	if (UNLIKELY(b->bound != NULL))
		return rest_bounded(b);
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
	struct message *list = b->bound ? bound_take_all(b->bound) : load_relaxed(&b->first);
	store_relaxed(&b->first, NULL);
	lock_release(&b->lock);
	if (was_idle)
		*was_idle = top == IDLE;
	sub_relaxed(&b->length, join(&list, is_message(top) ? reversed(top) : NULL));
	return list;
}

struct bound_waiter *mailbox_take_waiters(struct mailbox *b)
{
	if (b->bound == NULL)
		return NULL;
	/* Whoever is in mailbox_withdraw may still be looking. */
	lock_take(&b->lock);
	struct bound_waiter *list = b->bound->first_waiter;
	b->bound->first_waiter = b->bound->last_waiter = NULL;
	store_relaxed(&b->bound->waiting, 0);
	lock_release(&b->lock);
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
