/* SPDX-License-Identifier: MIT */
#include "luabind/offer.h"

#include "core/atomics.h"

#include <assert.h>
#include <pthread.h>

enum { ROOM = 1024 }; /* lists; a power of two */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct offer *lists[ROOM]; /* under the lock, by number */
static uint64_t last_number;      /* under the lock */

void offer_begin(struct offer *o, void (*destroy)(struct offer *))
{
	store_relaxed(&o->references, 1);
	o->destroy = destroy;
	pthread_mutex_lock(&lock);
	o->number = ++last_number;
	struct offer **list = &lists[o->number % ROOM];
	o->next = *list;
	*list = o;
	pthread_mutex_unlock(&lock);
}

/* Under the lock. The link that leads to it, or the empty one at the end. */
static struct offer **link_of(uint64_t number)
{
	struct offer **at = &lists[number % ROOM];
	while (*at && (*at)->number != number)
		at = &(*at)->next;
	return at;
}

void offer_withdraw(struct offer *o)
{
	pthread_mutex_lock(&lock);
	struct offer **at = link_of(o->number);
	if (*at)
		*at = o->next;
	pthread_mutex_unlock(&lock);
}

struct offer *offer_take(uint64_t number, void (*destroy)(struct offer *))
{
	pthread_mutex_lock(&lock);
	struct offer *o = *link_of(number);
	if (o && o->destroy != destroy)
		o = NULL;
	if (o)
		add_relaxed(&o->references, 1); /* its maker's keeps it alive meanwhile */
	pthread_mutex_unlock(&lock);
	return o;
}

void offer_release(struct offer *o)
{
	uint32_t before = sub_acq_rel(&o->references, 1);
	assert(before > 0);
	if (before == 1)
		o->destroy(o);
}
