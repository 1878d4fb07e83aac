/* SPDX-License-Identifier: MIT */
#include "core/bound.h"
#include "core/mem.h"

#include <string.h>

static const char *const policy_name[BOUND_POLICIES] = {
	[BOUND_REJECT] = "reject",
	[BOUND_DROP_NEW] = "drop_new",
	[BOUND_DROP_OLD] = "drop_old",
	[BOUND_BLOCK] = "block",
};

const char *bound_policy_name(enum bound_policy policy)
{
	return policy_name[policy];
}

bool bound_policy_of(const char *name, enum bound_policy *out)
{
	for (int i = 0; i < BOUND_POLICIES; i++) {
		if (strcmp(name, policy_name[i]) == 0) {
			*out = (enum bound_policy)i;
			return true;
		}
	}
	return false;
}

struct bound *bound_new(uint32_t max, enum bound_policy policy)
{
	struct bound *b = mem_zalloc(sizeof(*b));
	b->max = max;
	b->policy = policy;
	return b;
}

bool bound_reserve(struct bound *b)
{
	/* Orders nothing: what is in a place comes by the mailbox's head. */
	uint32_t taken = load_relaxed(&b->taken);
	do {
		if (taken >= b->max)
			return false;
	} while (!cas_weak_acq_rel(&b->taken, &taken, taken + 1));
	return true;
}

/* ---- the lanes ---- */

static void append(struct bound_chain *c, struct message *m)
{
	m->next = NULL;
	if (c->first == NULL)
		c->first = m;
	else
		c->last->next = m;
	c->last = m;
}

static struct message *take_first(struct bound_chain *c)
{
	struct message *m = c->first;
	if (m == NULL)
		return NULL;
	c->first = m->next;
	m->next = NULL;
	return m;
}

static void sort_in_one(struct bound *b, struct message *m)
{
	m->order = ++b->order;
	append(message_is_control(m) ? &b->control : &b->ordinary, m);
}

void bound_sort_in(struct bound *b, struct message *list)
{
	while (list != NULL) {
		struct message *m = list;
		list = m->next;
		sort_in_one(b, m);
	}
}

bool bound_has_next(const struct bound *b)
{
	return b->control.first != NULL || (!b->shut && b->ordinary.first != NULL);
}

/* The lane whose first message came before that of the other. The numbers go round. */
static struct bound_chain *older_lane(struct bound *b)
{
	const struct message *control = b->control.first, *ordinary = b->ordinary.first;
	if (ordinary == NULL)
		return &b->control;
	if (control == NULL)
		return &b->ordinary;
	return (int32_t)(control->order - ordinary->order) < 0 ? &b->control : &b->ordinary;
}

struct message *bound_next(struct bound *b)
{
	return take_first(b->shut ? &b->control : older_lane(b));
}

struct message *bound_take_oldest(struct bound *b)
{
	return take_first(&b->ordinary);
}

struct message *bound_take_all(struct bound *b)
{
	struct bound_chain all = {NULL, NULL};
	struct message *m;
	while ((m = take_first(older_lane(b))) != NULL)
		append(&all, m);
	return all.first;
}

/* ---- who waits ---- */

void bound_add_waiter(struct bound *b, struct bound_waiter *w)
{
	w->next = NULL;
	if (b->first_waiter == NULL)
		b->first_waiter = w;
	else
		b->last_waiter->next = w;
	b->last_waiter = w;
	add_relaxed(&b->waiting, 1);
	add_relaxed(&b->waited, 1);
}

static void unlink_after(struct bound *b, struct bound_waiter *before, struct bound_waiter *w)
{
	if (before == NULL)
		b->first_waiter = w->next;
	else
		before->next = w->next;
	if (b->last_waiter == w)
		b->last_waiter = before;
	w->next = NULL;
	sub_relaxed(&b->waiting, 1);
}

struct bound_waiter *bound_remove_waiter(struct bound *b, uint32_t owner, int32_t ticket)
{
	struct bound_waiter *before = NULL;
	for (struct bound_waiter *w = b->first_waiter; w != NULL; before = w, w = w->next) {
		if (w->owner != owner || w->ticket != ticket)
			continue;
		unlink_after(b, before, w);
		return w;
	}
	return NULL;
}

bool bound_pass_place(struct bound *b)
{
	struct bound_waiter *w = b->first_waiter;
	if (w == NULL)
		return false;
	unlink_after(b, NULL, w);
	sort_in_one(b, w->message);
	w->message = NULL;
	w->next = b->admitted;
	b->admitted = w;
	return true;
}
