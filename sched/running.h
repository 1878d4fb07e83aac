/* SPDX-License-Identifier: MIT
 *
 * What runs on one worker, published for those who look for somebody to preempt: a waker compares deadlines of all
 * workers without taking a lock, and the monitor plans by the same words.
 *
 * One writer at a time: the thread that holds the slot (or the monitor, while it takes the slot away). Readers get
 * a copy that belongs together, or none (`version` is odd while it is written, and different afterwards). Data are
 * stored with release and loaded with acquire instead of by fences, which the thread sanitizer does not know; on
 * x86 both cost nothing.
 */
#ifndef SCHED_RUNNING_H
#define SCHED_RUNNING_H

#include "core/atomics.h"
#include "core/base.h"
#include "sched/fair.h"
#include "sched/habit.h"

struct running {
	_Atomic uint32_t version;
	_Atomic uint64_t epoch; /* names one dispatch, of all workers': it grows by their number */
	_Atomic int64_t started_ns;    /* when it was dispatched; RUNNING_NOTHING */
	_Atomic int64_t slice_left_ns; /* of its request at that moment */
	_Atomic int64_t slice_ns;
	_Atomic int64_t patience_ns;  /* it runs so long before somebody more urgent may stop it; */
	_Atomic int64_t trust_ns;     /* so long while nobody has seen it run for more than a moment */
	_Atomic int64_t ve_ns, vd_ns; /* at that moment */
	_Atomic int32_t weight;
} __attribute__((aligned(CACHE_LINE_BYTES)));

#define RUNNING_NOTHING INT64_MIN

/* A copy. */
struct run_view {
	uint64_t epoch;
	int64_t started_ns, slice_left_ns, patience_ns, trust_ns;
	struct fair fair; /* ve and vd of the dispatch, slice and weight */
};

void running_init(struct running *r, uint64_t epoch);
/* The writer only. */
void running_begin(struct running *r, const struct run_view *what);
/* It began only now. */
void running_delay(struct running *r, int64_t now_ns);
void running_end(struct running *r);
/* false: nothing runs there, or it is changing just now. Any thread. */
bool running_read(const struct running *r, struct run_view *out);

/* The key that it would have if it were charged now: beyond its slice it is in its next request. */
struct fair run_view_key(const struct run_view *view, int64_t now_ns);

/* How long its turn lasts while others wait: what is left of the request, but never less than its patience, or a
 * brief service would be stopped for a request that has some microseconds left. It is charged for all of it. */
static inline int64_t run_view_turn_ns(const struct run_view *view)
{
	return view->slice_left_ns > view->patience_ns ? view->slice_left_ns : view->patience_ns;
}

/* When somebody more urgent may stop it, as far as is known at `now_ns`. */
static inline int64_t run_view_stoppable_at_ns(const struct run_view *view, int64_t now_ns)
{
	bool short_so_far = now_ns - view->started_ns < HABIT_SHORT_NS;
	return view->started_ns + (short_so_far ? view->trust_ns : view->patience_ns);
}

/* The same as run_view_turn_ns, for the thread that has the slot. */
static inline int64_t running_turn_ns(const struct running *r)
{
	int64_t left_ns = load_relaxed(&r->slice_left_ns);
	int64_t patience_ns = load_relaxed(&r->patience_ns);
	return left_ns > patience_ns ? left_ns : patience_ns;
}

/* A run that begins needs no look before that time is over. The same thread. */
static inline int64_t running_unseen_ns(const struct running *r)
{
	int64_t turn_ns = running_turn_ns(r), trust_ns = load_relaxed(&r->trust_ns);
	return turn_ns > trust_ns ? turn_ns : trust_ns;
}

static inline uint64_t running_epoch(const struct running *r)
{
	return load_relaxed(&r->epoch);
}

#endif
