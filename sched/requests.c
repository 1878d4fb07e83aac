/* SPDX-License-Identifier: MIT */
#include "sched/requests.h"
#include "core/mem.h"

#include <string.h>

enum { ROOM_FIRST = 8 };

void requests_init(struct requests *r)
{
	memset(r, 0, sizeof(*r));
	lock_init(&r->lock);
}

void requests_term(struct requests *r)
{
	mem_free(r->slot);
	r->slot = NULL;
	r->room = r->count = 0;
}

static uint32_t home_of(const struct requests *r, uint32_t source, int32_t session)
{
	uint32_t mixed = (source * 0x9e3779b1u) ^ ((uint32_t)session * 0x85ebca6bu);
	return (mixed ^ mixed >> 15) & (r->room - 1);
}

/* The place where it is or would be. There is always a free place. */
static uint32_t find(const struct requests *r, uint32_t source, int32_t session)
{
	uint32_t i = home_of(r, source, session);
	while (r->slot[i].source != 0 &&
	       (r->slot[i].source != source || r->slot[i].session != session))
		i = (i + 1) & (r->room - 1);
	return i;
}

static void move_all(struct requests *r, struct request *old, uint32_t old_room)
{
	for (uint32_t i = 0; i < old_room; i++)
		if (old[i].source != 0)
			r->slot[find(r, old[i].source, old[i].session)] = old[i];
}

static bool is_full(const struct requests *r)
{
	return (r->count + 1) * 4 > r->room * 3;
}

static void insert(struct requests *r, uint32_t source, int32_t session)
{
	struct request *at = &r->slot[find(r, source, session)];
	r->count += at->source == 0;
	*at = (struct request){source, session};
}

/* With the lock: the larger table takes the place of the old one, which is returned. */
static struct request *move_to(struct requests *r, struct request *larger, uint32_t room)
{
	struct request *old = r->slot;
	uint32_t old_room = r->room;
	r->slot = larger;
	r->room = room;
	move_all(r, old, old_room);
	return old;
}

/* The lock must not be held while allocating, so it is given back for that; only the service itself opens requests, so
 * in between the set can only become emptier or be drained. */
static NOINLINE bool open_in_larger(struct requests *r, uint32_t source, int32_t session)
{
	uint32_t room = r->room ? r->room * 2 : ROOM_FIRST;
	lock_release(&r->lock);
	struct request *unused = mem_zalloc(room * sizeof(*unused));
	lock_take(&r->lock);
	bool opened = !r->closed;
	if (opened) {
		unused = move_to(r, unused, room);
		insert(r, source, session);
	}
	lock_release(&r->lock);
	mem_free(unused);
	return opened;
}

bool requests_open(struct requests *r, uint32_t source, int32_t session)
{
	lock_take(&r->lock);
	bool opened = !r->closed;
	if (UNLIKELY(opened && is_full(r)))
		return open_in_larger(r, source, session);
	if (opened)
		insert(r, source, session);
	lock_release(&r->lock);
	return opened;
}

/* Takes a place out without leaving a hole in somebody's probe sequence. */
static void vacate(struct requests *r, uint32_t hole)
{
	uint32_t i = hole;
	for (;;) {
		i = (i + 1) & (r->room - 1);
		struct request *next = &r->slot[i];
		if (next->source == 0)
			break;
		uint32_t home = home_of(r, next->source, next->session);
		if (((i - home) & (r->room - 1)) < ((i - hole) & (r->room - 1)))
			continue;
		r->slot[hole] = *next;
		hole = i;
	}
	r->slot[hole] = (struct request){0, 0};
	r->count--;
}

bool requests_forget(struct requests *r, uint32_t source, int32_t session)
{
	lock_take(&r->lock);
	bool found = false;
	if (r->count > 0) {
		uint32_t i = find(r, source, session);
		found = r->slot[i].source != 0;
		if (found)
			vacate(r, i);
	}
	lock_release(&r->lock);
	return found;
}

bool requests_is_open(struct requests *r, uint32_t source, int32_t session)
{
	lock_take(&r->lock);
	bool found = r->count > 0 && r->slot[find(r, source, session)].source != 0;
	lock_release(&r->lock);
	return found;
}

struct request *requests_drain(struct requests *r, uint32_t *count)
{
	lock_take(&r->lock);
	struct request *list = r->slot;
	uint32_t room = r->room, n = 0;
	r->slot = NULL;
	r->room = r->count = 0;
	r->closed = true;
	lock_release(&r->lock);
	for (uint32_t i = 0; i < room; i++)
		if (list[i].source != 0)
			list[n++] = list[i];
	*count = n;
	return list;
}
