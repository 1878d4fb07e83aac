/* SPDX-License-Identifier: MIT
 *
 * The table is an array of pointers to objects, a power of two long; a handle lives in slot
 * `handle & mask`. Writers are under a mutex, readers take nothing:
 *
 *   handle_grab(h)                         handle_retire(h), then recycling
 *   --------------                         --------------------------------
 *   table -> slot -> o (may be stale)      CAS o->listing: (h, refs) -> (0, refs)
 *   CAS o->listing: (h, n) -> (h, n + 1)   slot = NULL
 *                                          object_release ... refs 0: recycled, (h2, 1)
 *
 * The handle and the references are one word, so a reference is taken only while the object is h: a
 * reader with a stale pointer leaves no trace. (Taking a reference first and looking at the handle
 * after would work too, but the reader who undoes it may then be the last one to let go of a
 * stranger and would have to recycle it.) A listing cannot come back by ABA in a harmful way: if it
 * is (h, n) again, then the object is listed as h now and the reference is a good one.
 *
 * Growing publishes a copy; readers may go on in an old table until the process ends, since it
 * keeps every object that was listed when it was replaced, and all together they are not larger
 * than the current one. A handle registered later cannot be looked for in an old table by somebody
 * who was told the number: the telling orders the new table before the look.
 */
#include "core/handle.h"
#include "core/mem.h"

#include <pthread.h>

#define FIRST_SLOTS 64u

struct table {
	struct table *older; /* for handle_term */
	uint32_t mask;
	_Atomic(struct object *) slot[];
};

static struct {
	/* Written under `lock`, read by everybody. */
	_Atomic(struct table *) table;
	_Atomic uint32_t count;
	/* Under `lock`. */
	pthread_mutex_t lock;
	uint32_t next;  /* the number to try first */
	uint32_t floor; /* where the count starts again when it wraps */
} handles = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint32_t handle_in(uint64_t listing)
{
	return (uint32_t)(listing >> 32);
}

static uint32_t refs_in(uint64_t listing)
{
	return (uint32_t)listing;
}

static uint64_t listing_of(uint32_t handle, uint32_t refs)
{
	return (uint64_t)handle << 32 | refs;
}

void object_init(struct object *o)
{
	debug_ensure(refs_in(load_relaxed(&o->listing)) == 0);
	store_relaxed(&o->handle, 0);
	/* A stale reader may look at it at any time, but finds no handle in it. */
	store_relaxed(&o->listing, listing_of(0, 1));
}

void object_hold(struct object *o)
{
	uint64_t was = add_relaxed(&o->listing, 1);
	debug_ensure(refs_in(was) >= 1 && refs_in(was) < UINT32_MAX);
}

bool object_release(struct object *o)
{
	/* Releases the caller's writes to, and acquires those of, all who let go: the last one
	 * recycles. */
	uint64_t was = sub_acq_rel(&o->listing, 1);
	ensure(refs_in(was) >= 1);
	return refs_in(was) == 1;
}

uint32_t object_refs(const struct object *o)
{
	return refs_in(load_relaxed(&o->listing));
}

static struct table *table_new(uint32_t slots, struct table *older)
{
	struct table *t = mem_zalloc(sizeof(*t) + slots * sizeof(t->slot[0]));
	t->older = older;
	t->mask = slots - 1;
	return t;
}

void handle_init(void)
{
	ensure(load_relaxed(&handles.table) == NULL);
	handles.next = handles.floor = 1;
	store_relaxed(&handles.count, 0);
	store_release(&handles.table, table_new(FIRST_SLOTS, NULL)); /* pairs with current() */
}

void handle_term(void)
{
	struct table *t = load_relaxed(&handles.table);
	store_relaxed(&handles.table, NULL);
	while (t != NULL) {
		struct table *older = t->older;
		mem_free(t);
		t = older;
	}
}

static struct table *current(void)
{
	return load_acquire(&handles.table); /* acquires grow() and handle_init() */
}

static struct table *grow(struct table *t)
{
	struct table *larger = table_new((t->mask + 1) * 2, t);
	for (uint32_t i = 0; i <= t->mask; i++) {
		struct object *o = load_relaxed(&t->slot[i]);
		if (o != NULL)
			store_relaxed(&larger->slot[load_relaxed(&o->handle) & larger->mask], o);
	}
	store_release(&handles.table, larger); /* pairs with current() */
	return larger;
}

/* The next number whose slot is free; 0 when one turn round the table found none. */
static uint32_t find_free(const struct table *t)
{
	uint32_t handle = handles.next;
	for (uint32_t tries = 0; tries <= t->mask; tries++, handle++) {
		if (handle > HANDLE_MAX)
			handle = handles.floor;
		if (load_relaxed(&t->slot[handle & t->mask]) == NULL)
			return handle;
	}
	return 0;
}

/* Tables stay below three quarters full, which keeps the search short; only the largest one may
 * fill. A smaller one can also say "none" right after the count has wrapped (the jump skips slots):
 * then it grows as well. */
static uint32_t next_free(struct table **t)
{
	for (;;) {
		uint32_t slots = (*t)->mask + 1;
		bool largest = slots > HANDLE_MAX;
		if (largest || load_relaxed(&handles.count) < slots / 4 * 3) {
			uint32_t handle = find_free(*t);
			if (handle != 0 || largest)
				return handle;
		}
		*t = grow(*t);
	}
}

/* The handle half of the word changes while others take and give references. */
static void set_listed(struct object *o, uint32_t handle, int more_refs)
{
	uint64_t was = load_relaxed(&o->listing);
	/* Release: handle_grab acquires what the owner wrote before it registered. */
	while (!cas_weak_acq_rel(&o->listing, &was,
				 listing_of(handle, refs_in(was) + (uint32_t)more_refs)))
		;
}

uint32_t handle_register(struct object *o)
{
	ensure(object_refs(o) >= 1 && handle_in(load_relaxed(&o->listing)) == 0);
	pthread_mutex_lock(&handles.lock);
	struct table *t = load_relaxed(&handles.table);
	uint32_t handle = next_free(&t);
	if (handle != 0) {
		handles.next = handle + 1;
		store_relaxed(&o->handle, handle);
		set_listed(o, handle, 1);
		store_release(&t->slot[handle & t->mask], o); /* pairs with look() */
		add_relaxed(&handles.count, 1);
	}
	pthread_mutex_unlock(&handles.lock);
	return handle;
}

void handle_skip_to(uint32_t next)
{
	ensure(next >= 1 && next <= HANDLE_MAX);
	pthread_mutex_lock(&handles.lock);
	if (handles.floor < next)
		handles.floor = next;
	if (handles.next < next)
		handles.next = next;
	pthread_mutex_unlock(&handles.lock);
}

static struct object *look(const struct table *t, uint32_t handle)
{
	return load_acquire(&t->slot[handle & t->mask]); /* acquires handle_register */
}

struct object *handle_grab(uint32_t handle)
{
	struct object *o = look(current(), handle);
	if (o == NULL || handle == 0)
		return NULL;
	uint64_t was = load_relaxed(&o->listing);
	do {
		if (handle_in(was) != handle)
			return NULL;
		/* Acquires set_listed. A listed object has the table's reference, so it is never 0.
		 */
	} while (!cas_weak_acq_rel(&o->listing, &was, was + 1));
	return o;
}

struct object *handle_peek(uint32_t handle)
{
	struct object *o = handle ? look(current(), handle) : NULL;
	return o && handle_in(load_relaxed(&o->listing)) == handle ? o : NULL;
}

bool handle_retire(uint32_t handle)
{
	if (handle == 0)
		return false;
	pthread_mutex_lock(&handles.lock);
	struct table *t = load_relaxed(&handles.table);
	_Atomic(struct object *) *slot = &t->slot[handle & t->mask];
	struct object *o = load_relaxed(slot);
	bool mine = o != NULL && load_relaxed(&o->handle) == handle;
	if (mine) {
		set_listed(o, 0, 0);
		store_relaxed(slot, NULL);
		sub_relaxed(&handles.count, 1);
	}
	pthread_mutex_unlock(&handles.lock);
	return mine;
}

uint32_t handle_count(void)
{
	return load_relaxed(&handles.count);
}

static void sift_down(uint32_t *a, size_t at, size_t count)
{
	uint32_t moved = a[at];
	for (size_t child; (child = 2 * at + 1) < count; at = child) {
		if (child + 1 < count && a[child + 1] > a[child])
			child++;
		if (a[child] <= moved)
			break;
		a[at] = a[child];
	}
	a[at] = moved;
}

/* Heap sort, because libc's qsort may allocate and the monitor must not. */
static void sort(uint32_t *a, size_t count)
{
	for (size_t i = count / 2; i-- > 0;)
		sift_down(a, i, count);
	for (size_t end = count; end-- > 1;) {
		uint32_t largest = a[0];
		a[0] = a[end];
		a[end] = largest;
		sift_down(a, 0, end);
	}
}

size_t handle_list(uint32_t *out, size_t max)
{
	const struct table *t = current();
	size_t count = 0;
	for (uint32_t i = 0; i <= t->mask; i++) {
		struct object *o = look(t, i);
		uint32_t handle = o != NULL ? handle_in(load_relaxed(&o->listing)) : 0;
		/* Retired, or recycled into another slot, since we read the pointer. */
		if (handle == 0 || (handle & t->mask) != i)
			continue;
		if (count < max)
			out[count] = handle;
		count++;
	}
	sort(out, count < max ? count : max);
	return count;
}
