/* SPDX-License-Identifier: MIT
 *
 * The run queue as the monitor sees it: who must make room now, when to look again, and the backstop.
 */
#include "sched/runq_internal.h"

/* The monitor does not come back sooner than this for what it cannot plan. */
enum { LOOK_NS = 50000 };
/* Nor sooner than this for who should have stopped: he was asked, now or before, or enough others were. */
enum { LATE_NS = 100000 };
/* In a *storm* services wake each other every few microseconds: so many dispatches in each stretch since the last look. */
enum { STORM_NS = 200000, STORM_DISPATCHES = 8 };

static void look_at(struct runq_due *due, int64_t at_ns)
{
	if (at_ns < due->look_again_ns)
		due->look_again_ns = at_ns;
}

static void ask(struct runq_due *due, int worker, uint64_t epoch)
{
	if (due->asked >= (int)COUNT_OF(due->ask))
		return;
	due->ask[due->asked].worker = worker;
	due->ask[due->asked++].epoch = epoch;
}

/* How many run with a later deadline than `key` on worker i: they are stopped before it. */
static int rank_of(struct runq *q, int i, const struct fair *key, int64_t now_ns)
{
	int rank = 0;
	for (int j = 0; j < q->workers; j++) {
		struct run_view view;
		if (j == i || !running_read(&q->worker[j].run, &view))
			continue;
		struct fair its = run_view_key(&view, now_ns);
		if (fair_before(key, &its) || (j < i && !fair_before(&its, key)))
			rank++;
	}
	return rank;
}

/* When the service on worker i must make room: at the end of its slice, or, if one of those who wait in its shard
 * goes before it and has not got the place of somebody with a later deadline, as soon as its patience is over. */
static int64_t due_at(struct runq *q, const struct shard *s, int i, const struct run_view *view,
		      int64_t now_ns)
{
	int64_t end = view->started_ns + run_view_turn_ns(view);
	int64_t soon = run_view_stoppable_at_ns(view, now_ns);
	const struct heap_node *first = shard_first(s);
	struct fair key = run_view_key(view, now_ns);
	if (soon >= end)
		return soon; /* short so far: looked at when it is not */
	if (first == NULL || !fair_before(&first->fair, &key))
		return end;
	int rank = q->shards == 1 ? rank_of(q, i, &key, now_ns) : 0;
	return order_heap_before(&s->heap, &key, rank + 1) > rank ? soon : end;
}

/* Not now, although the monitor may sleep: in a pair of services that call each other every message is the first to
 * wait, and waking the monitor costs more than the message. A run that we do not see sees that somebody waits: see "The
 * wake-up protocols". */
int64_t runq_first_due_ns(const struct runq *q, int64_t now_ns)
{
	int64_t due_ns = INT64_MAX;
	for (int i = 0; i < q->workers; i++) {
		struct run_view view;
		if (!running_read(&q->worker[i].run, &view))
			continue;
		int64_t at_ns = run_view_stoppable_at_ns(&view, now_ns);
		if (at_ns < due_ns)
			due_ns = at_ns;
	}
	return due_ns > now_ns ? due_ns : now_ns;
}

static void look_at_worker(struct runq *q, const struct shard *s, int i, int waiting,
			   int64_t now_ns, struct runq_due *due)
{
	struct run_view view;
	bool runs = running_read(&q->worker[i].run, &view);
	if (!runs) {
		/* Whoever comes next there rings for its own sake. But it will come, and being rung costs two wake-ups. */
		if (!idle_has(&q->idle, i))
			look_at(due, now_ns + RUNQ_OWED_NS);
		return;
	}
	int64_t at = due_at(q, s, i, &view, now_ns);
	if (at > now_ns) {
		look_at(due, at);
		return;
	}
	look_at(due, now_ns + LATE_NS);
	if (due->asked < waiting - (due->woken >= 0))
		ask(due, i, view.epoch);
}

/* ---- the backstop ---- */

/* So many dispatches for each who waits and each worker may go by while somebody seems to be passed over: as many
 * picks have compared with its shard by then that chance is no explanation (e^-16), and a machine that keeps a
 * thread from running is none either. */
enum { PATIENT_DISPATCHES = 16 };

static bool is_late(const struct runq *q, struct heap_node *first, int64_t now_ns)
{
	const struct fair *f = &first->fair;
	int64_t allowed_ns = RUNQ_STARVED_NS + 4 * fair_virtual(f, f->slice_ns);
	return load_relaxed(&q->v_ns) - f->vd_ns > allowed_ns &&
	       now_ns - runq_first_of(first)->runnable_at_ns > RUNQ_STARVED_NS;
}

static uint64_t dispatches(const struct runq *q)
{
	uint64_t sum = 0;
	for (int i = 0; i < q->workers; i++)
		sum += running_epoch(&q->worker[i].run) / (uint64_t)q->workers;
	return sum;
}

/* Has the head been passed over, and for long enough since this was noticed? */
static bool is_passed_over(struct runq *q, struct shard *s, struct heap_node *first, int64_t now_ns)
{
	if (!is_late(q, first, now_ns))
		return false;
	uint64_t total = dispatches(q);
	if (s->suspect != first) {
		s->suspect = first;
		s->suspect_since = total;
		return false;
	}
	int32_t all = load_relaxed(&q->waiting) + q->workers;
	return total - s->suspect_since > (uint64_t)(PATIENT_DISPATCHES * all);
}

/* Puts the head of `s` first in the shard `to`; nothing if that one's lock is taken. A group stays at home. */
static void move_head(struct runq *q, struct shard *s, struct heap_node *first, int to)
{
	struct shard *target = &q->shard[to];
	if (target == s || first->is_group || !lock_try(&target->lock))
		return;
	shard_remove(s, first);
	runq_forget_follower(q, runq_entry_of(first));
	struct heap_node *head = shard_first(target);
	if (head && !fair_before(&first->fair, &head->fair))
		first->fair.vd_ns = head->fair.vd_ns - 1;
	store_release(&runq_entry_of(first)->shard, to); /* pairs with runq_lock_entry */
	shard_push(target, first);
	lock_release(&target->lock);
}

static void help_the_starved(struct runq *q, struct shard *s, int64_t now_ns, struct runq_due *due)
{
	struct heap_node *first = shard_first(s);
	struct run_view view;
	if (first == NULL || !is_passed_over(q, s, first, now_ns))
		return;
	int victim = runq_find_victim(q, NULL, now_ns, &view);
	if (victim < 0)
		return;
	s->suspect = NULL;
	add_relaxed(&q->starved, 1);
	move_head(q, s, first, runq_shard_of(q, victim));
	ask(due, victim, view.epoch);
	look_at(due, now_ns + LOOK_NS);
}

/* ---- a lull in a storm ---- */

/* INT64_MAX: it is no storm. In one nobody waits just now, but the next one will before the monitor has fallen asleep, and
 * ringing it costs two wake-ups where looking again costs one. */
static int64_t after_lull_ns(struct runq *q, int64_t now_ns)
{
	uint64_t total = dispatches(q), since = total - q->looked_dispatches;
	int64_t stretches = 1 + (now_ns - q->looked_ns) / STORM_NS;
	q->looked_ns = now_ns;
	q->looked_dispatches = total;
	return (int64_t)since >= STORM_DISPATCHES * stretches ? now_ns + RUNQ_OWED_NS : INT64_MAX;
}

/* ---- the whole ---- */

/* Who waits beside an idle worker waits for the one that has woken him (runq_follow), which took it for a matter of
 * microseconds. */
static void wake_owed(struct runq *q, int64_t since_ns, int64_t now_ns, struct runq_due *due)
{
	if (idle_count(&q->idle) == 0)
		return;
	if (now_ns - since_ns >= LOOK_NS && due->woken < 0)
		due->woken = runq_kick(q);
	look_at(due, now_ns + RUNQ_OWED_NS);
}

static void look_at_shard(struct runq *q, int at, int waiting, int64_t now_ns, struct runq_due *due)
{
	struct shard *s = &q->shard[at];
	struct heap_node *first = shard_first(s);
	if (first) {
		int64_t since_ns = runq_first_of(first)->runnable_at_ns;
		if (now_ns - since_ns > due->first_waits_ns)
			due->first_waits_ns = now_ns - since_ns;
		wake_owed(q, since_ns, now_ns, due);
	}
	int begin = q->shards == 1 ? 0 : at, end = q->shards == 1 ? q->workers : at + 1;
	for (int i = begin; i < end; i++)
		look_at_worker(q, s, i, waiting, now_ns, due);
	help_the_starved(q, s, now_ns, due);
}

/* The lock is held for a fraction of a microsecond, and coming back costs much more than that. But its holder may be asleep. */
static bool try_shortly(struct shard *s)
{
	for (int tries = 0; tries < 50; tries++) {
		if (lock_try(&s->lock))
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

bool runq_due(struct runq *q, int64_t now_ns, struct runq_due *due)
{
	bool all = true;
	int waiting = load_relaxed(&q->waiting);
	*due = (struct runq_due){.look_again_ns = INT64_MAX, .waiting = waiting, .woken = -1};
	int64_t lull_ns = after_lull_ns(q, now_ns);
	if (waiting == 0)
		due->look_again_ns = lull_ns;
	for (int i = 0; waiting > 0 && i < q->shards; i++) {
		if (!try_shortly(&q->shard[i])) {
			all = false;
			continue;
		}
		look_at_shard(q, i, waiting, now_ns, due);
		runq_unlock(&q->shard[i]);
	}
	return all;
}
