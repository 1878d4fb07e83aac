/* SPDX-License-Identifier: MIT */
#include "sched/runq_internal.h"

#include <string.h>

/* Stands for a service in `handed`: look for one yourself. */
static struct runq_entry kick_mark;

/* Of other shards a pick takes the head only if its deadline is earlier by this much (virtual time): moving a
 * service to another worker costs cache misses. */
enum { STEAL_MARGIN_NS = 50000 };
/* V is the latest start tag of all shards, and a shard can lag behind it by some slices; whoever has waited there must
 * not be taken for one whose weight is infeasible. */
enum { SHARDS_SLACK_NS = 3000000 };
/* With more workers a waker compares with this many of them, chosen at random. */
enum { VICTIMS_ALL_MAX = 128, VICTIMS_SAMPLE = 64 };
/* A worker's follower comes before those whose deadline is not earlier by this much (virtual time), and followers
 * for so long (real time), while others wait. With many pairs of services that call each other, taking turns after every
 * message costs twice as much CPU as staying with one pair for a while: each has its own VM and machine code. */
enum { FOLLOW_NS = 50000 };

void runq_init(struct runq *q, int workers, int shards, int64_t min_run_ns)
{
	ensure(workers > 0 && workers <= RUNQ_WORKERS_MAX);
	memset(q, 0, sizeof(*q));
	q->workers = workers;
	q->shards = shards ? shards : workers <= RUNQ_ONE_SHARD_MAX ? 1 : workers;
	ensure(q->shards == 1 || q->shards == workers);
	store_relaxed(&q->min_run_ns, min_run_ns);
	idle_init(&q->idle, workers);
	for (int i = 0; i < workers; i++)
		running_init(&q->worker[i].run, (uint64_t)i);
	for (int i = 0; i < q->shards; i++)
		shard_init(&q->shard[i]);
}

void runq_term(struct runq *q)
{
	for (int i = 0; i < q->shards; i++)
		shard_term(&q->shard[i]);
}

void runq_entry_init(struct runq_entry *e, const struct settings *settings)
{
	memset(e, 0, sizeof(*e));
	e->node.place = -1;
	e->node.fair.slice_ns = settings->slice_ns;
	e->node.fair.credit_ns = settings->credit_ns;
	e->node.fair.weight = settings->weight;
	e->worker = e->last_worker = e->follows = -1;
}

/* ---- locks, and who waits ---- */

struct shard *runq_lock_entry(struct runq *q, struct runq_entry *e)
{
	for (;;) {
		int32_t at = load_acquire(&e->shard); /* pairs with runq_move */
		struct shard *s = &q->shard[at];
		lock_take(&s->lock);
		if (LIKELY(load_relaxed(&e->shard) == at))
			return s;
		lock_release(&s->lock);
	}
}

struct shard *runq_move(struct runq *q, struct runq_entry *e, struct shard *from, int to)
{
	if (&q->shard[to] == from)
		return from;
	store_release(&e->shard, to); /* whoever locks the new one sees the entry as we leave it */
	runq_unlock(from);
	return runq_lock_entry(q, e);
}

void runq_push(struct runq *q, struct shard *s, struct runq_entry *e)
{
	if (e->group == NULL) {
		shard_push(s, &e->node);
	} else {
		group_push(e->group, &e->node);
		if (e->group->node.place < 0)
			shard_push(s, &e->group->node);
		else
			shard_fix(s, &e->group->node);
	}
	/* Seq, and after the push: see idle.h. */
	atomic_fetch_add(&q->waiting, 1);
}

/* With the lock of its shard. */
void runq_forget_follower(struct runq *q, struct runq_entry *e)
{
	if (e->follows >= 0)
		store_relaxed(&q->worker[e->follows].follower, NULL);
	e->follows = -1;
}

/* With the lock of `s`, where `e` waits: the first one that the service on worker `by` has woken follows it there. */
static void note_follower(struct runq *q, struct shard *s, struct runq_entry *e, int by)
{
	struct runq_worker *w = &q->worker[by];
	if (e->group || load_relaxed(&w->follower) || &q->shard[runq_shard_of(q, by)] != s)
		return;
	store_relaxed(&w->follower, e);
	e->follows = by;
}

void runq_pull(struct runq *q, struct shard *s, struct runq_entry *e)
{
	runq_forget_follower(q, e);
	if (e->group == NULL) {
		shard_remove(s, &e->node);
	} else {
		order_heap_remove(&e->group->waiting, &e->node);
		if (e->group->waiting.count == 0)
			shard_remove(s, &e->group->node);
		else if (s->suspect == &e->group->node)
			s->suspect = NULL; /* it has just been served */
	}
	sub_relaxed(&q->waiting, 1);
}

/* ---- virtual time ---- */

void runq_raise_v(struct runq *q, int64_t v_ns)
{
	int64_t now = load_relaxed(&q->v_ns);
	while (v_ns - now > 0 && !cas_weak_acq_rel(&q->v_ns, &now, v_ns))
		;
}

/* Time in which nobody waited is charged to whoever ran, but takes V along: whoever runs alone takes nothing from
 * anybody. Called before the first one waits again; until they stop, what the others have used is only in their
 * published words. */
static void end_of_time_alone(struct runq *q, int64_t now_ns)
{
	for (int i = 0; i < q->workers; i++) {
		struct run_view view;
		if (!running_read(&q->worker[i].run, &view))
			continue;
		if (now_ns - view.started_ns >= view.slice_left_ns)
			runq_raise_v(q, run_view_key(&view, now_ns).ve_ns);
	}
}

static void place(struct runq *q, struct runq_entry *e, enum runq_how how)
{
	struct fair *f = &e->node.fair;
	int64_t v_ns = load_relaxed(&q->v_ns);
	bool woken = how == RUNQ_WAKE;
	int64_t slack_ns = q->shards == 1 ? 0 : SHARDS_SLACK_NS;
	if (e->group)
		group_place(e->group, &e->node, woken, v_ns, slack_ns);
	else if (!e->spawned)
		fair_spawn(f, v_ns, f->slice_ns, f->weight);
	else if (woken)
		fair_wake(f, v_ns);
	else
		fair_requeue(f, v_ns - slack_ns);
	e->spawned = true;
}

/* ---- putting ---- */

static struct runq_action hand(struct runq *q, int worker, struct runq_entry *e)
{
	/* Release: the entry is the worker's from here on; acquired by the exchange in runq_handed. */
	store_release(&q->worker[worker].handed, e);
	return (struct runq_action){.kind = RUNQ_HANDED, .worker = worker};
}

int runq_kick(struct runq *q)
{
	int worker = idle_claim(&q->idle, -1);
	if (worker >= 0)
		hand(q, worker, &kick_mark);
	return worker;
}

/* Would the worker, once it is asked, take `key` next? Not if it was asked for somebody else, or if somebody more
 * urgent waits in its own shard. */
static bool would_take(const struct runq *q, int worker, const struct fair *key, uint64_t epoch)
{
	if (load_relaxed(&q->worker[worker].asked) == epoch)
		return false;
	return q->shards == 1 || load_relaxed(&q->shard[worker].first_vd_ns) > key->vd_ns;
}

int runq_find_victim(struct runq *q, const struct fair *key, int64_t now_ns, struct run_view *out)
{
	int victim = -1, n = q->workers <= VICTIMS_ALL_MAX ? q->workers : VICTIMS_SAMPLE;
	int at = n == q->workers ? 0 : (int)(runq_mix((uint64_t)now_ns) % (unsigned)q->workers);
	int step = n == q->workers ? 1 : q->workers / n;
	struct fair latest = key ? *key : (struct fair){0};
	for (int i = 0; i < n; i++, at = (at + step) % q->workers) {
		struct run_view view;
		if (!running_read(&q->worker[at].run, &view))
			continue;
		if (key && !would_take(q, at, key, view.epoch))
			continue;
		struct fair its = run_view_key(&view, now_ns);
		if ((key == NULL && victim < 0) || fair_before(&latest, &its)) {
			latest = its;
			victim = at;
			*out = view;
		}
	}
	return victim;
}

/* Where it shall wait: a group's member at the group's home; else with the one that it preempts, or the one that it
 * ran on; else in one of two shards, the one whose head has the later deadline. */
static int choose_shard(struct runq *q, const struct runq_entry *e, enum runq_how how, int victim,
			int64_t now_ns)
{
	if (q->shards == 1)
		return 0;
	if (e->group)
		return e->group->home;
	if (victim >= 0)
		return victim;
	if (how == RUNQ_REQUEUE && e->last_worker >= 0)
		return e->last_worker;
	uint32_t chance = runq_mix((uint64_t)now_ns + (uint64_t)e->waits.count * 77777);
	int a = (int)(chance % (unsigned)q->shards),
	    b = (int)(chance / 65536 % (unsigned)q->shards);
	return load_relaxed(&q->shard[a].first_vd_ns) >= load_relaxed(&q->shard[b].first_vd_ns) ? a
												: b;
}

/* Nobody is idle: e waits; `by`: the worker whose service has woken it, -1: none. Who must make room for it, and when?
 * Releases the lock. */
static struct runq_action queue(struct runq *q, struct shard *s, struct runq_entry *e,
				enum runq_how how, int by, int64_t now_ns)
{
	struct runq_action action = {.kind = RUNQ_QUEUED, .worker = -1, .look_at_ns = INT64_MAX};
	struct run_view view;
	int victim = -1;
	if (how == RUNQ_WAKE)
		victim = runq_find_victim(q, &runq_node_of(e)->fair, now_ns, &view);
	s = runq_move(q, e, s, choose_shard(q, e, how, victim, now_ns));
	bool first = load_relaxed(&q->waiting) == 0;
	runq_push(q, s, e);
	if (first) /* the monitor starts to tick; after the push: who begins meanwhile sees it */
		action.look_at_ns = runq_first_due_ns(q, now_ns);
	if (by >= 0)
		note_follower(q, s, e, by);
	if (victim >= 0)
		store_relaxed(&q->worker[victim].asked, view.epoch);
	if (victim >= 0 && e->group == NULL)
		store_relaxed(&s->urgent, true);
	runq_unlock(s);
	/* With one shard, who requeues takes the head itself, and no idle worker would find more than that, unless somebody
	 * has stayed (runq_follow). */
	if (how != RUNQ_REQUEUE || q->shards > 1 || !first) {
		int idle = runq_kick(q);
		if (idle >= 0)
			return (struct runq_action){.kind = RUNQ_HANDED, .worker = idle};
	}
	if (victim < 0)
		return action;
	int64_t from_ns = run_view_stoppable_at_ns(&view, now_ns);
	if (now_ns >= from_ns)
		return (struct runq_action){RUNQ_PREEMPT, victim, view.epoch, now_ns};
	if (from_ns < action.look_at_ns)
		action.look_at_ns = from_ns;
	return action;
}

/* e waits for the worker `by`, which will look for its next service in a moment: no idle worker is woken, nobody is
 * preempted. Should it be wrong about that the monitor sees it: the wake-up is owed until then. Releases the lock. */
static struct runq_action stay(struct runq *q, struct shard *s, struct runq_entry *e, int by,
			       int64_t now_ns)
{
	if (e->group == NULL)
		s = runq_move(q, e, s, runq_shard_of(q, by));
	runq_push(q, s, e);
	note_follower(q, s, e, by);
	runq_unlock(s);
	return (struct runq_action){
		.kind = RUNQ_QUEUED, .worker = -1, .look_at_ns = now_ns + RUNQ_OWED_NS};
}

static struct runq_action put(struct runq *q, struct runq_entry *e, enum runq_how how, int by,
			      bool soon, int64_t now_ns)
{
	struct shard *s = runq_lock_entry(q, e);
	debug_ensure(e->worker == -1 && e->node.place == -1);
	bool first = load_relaxed(&q->waiting) == 0, stays = soon && first;
	int idle = stays || how == RUNQ_REQUEUE ? -1 : idle_claim(&q->idle, e->last_worker);
	if (idle < 0 && first)
		end_of_time_alone(q, now_ns);
	place(q, e, how);
	e->runnable_at_ns = now_ns;
	if (stays)
		return stay(q, s, e, by, now_ns);
	if (idle < 0)
		return queue(q, s, e, how, by, now_ns);
	runq_unlock(s);
	return hand(q, idle, e);
}

struct runq_action runq_put(struct runq *q, struct runq_entry *e, enum runq_how how, int64_t now_ns)
{
	return put(q, e, how, -1, false, now_ns);
}

struct runq_action runq_follow(struct runq *q, struct runq_entry *e, int by, bool soon,
			       int64_t now_ns)
{
	return put(q, e, RUNQ_WAKE, by, soon, now_ns);
}

/* ---- taking ---- */

/* With the entry's lock. */
static void start(struct runq *q, struct shard *s, int worker, struct runq_entry *e, int64_t now_ns)
{
	struct running *run = &q->worker[worker].run;
	const struct fair *key = &runq_node_of(e)->fair;
	runq_raise_v(q, fair_dispatched(key, load_relaxed(&q->v_ns)));
	waits_add(&e->waits, now_ns - e->runnable_at_ns);
	e->worker = e->last_worker = worker;
	e->charged_to_ns = now_ns;
	int64_t slice_ns = e->node.fair.slice_ns, min_run_ns = load_relaxed(&q->min_run_ns);
	struct run_view what = {
		.epoch = running_epoch(run) + (uint64_t)q->workers,
		.started_ns = now_ns,
		.slice_left_ns = fair_left_ns(&e->node.fair),
		.patience_ns = habit_patience_ns(&e->habit, slice_ns, min_run_ns),
		.trust_ns = habit_trust_ns(&e->habit, slice_ns, min_run_ns),
		.fair = *key,
	};
	running_begin(run, &what);
	if (e->group) {
		e->prepaid_ns = group_begin(e->group, &e->node);
		runq_fix_group(s, e->group);
	}
}

/* The shard with the earliest head, -1: all are empty. */
static int earliest_shard(struct runq *q, uint32_t chance)
{
	int best = -1, at = (int)(chance % (unsigned)q->shards);
	int64_t best_ns = SHARD_EMPTY;
	for (int i = 0; i < q->shards; i++, at = at + 1 == q->shards ? 0 : at + 1) {
		int64_t vd_ns = load_relaxed(&q->shard[at].first_vd_ns);
		if (vd_ns < best_ns) {
			best_ns = vd_ns;
			best = at;
		}
	}
	return best;
}

/* Is it worth looking at the own shard first for the sake of the follower? */
static bool may_follow(const struct runq_worker *w, int64_t now_ns)
{
	return load_relaxed(&w->follower) && now_ns - w->in_turn_ns < FOLLOW_NS;
}

/* Whose turn it is: the worker's follower, if the first one in the shard's order is not much more urgent. With the
 * lock. */
static struct runq_entry *next_of(struct runq_worker *w, const struct heap_node *first,
				  int64_t now_ns)
{
	struct runq_entry *follower = load_relaxed(&w->follower);
	if (may_follow(w, now_ns) && follower->node.fair.vd_ns - first->fair.vd_ns < FOLLOW_NS)
		return follower;
	w->in_turn_ns = now_ns;
	return NULL;
}

/* Where to take the next one from, -1: nobody seems to wait. */
static int choose(struct runq *q, int worker, int64_t now_ns)
{
	int own = runq_shard_of(q, worker);
	int64_t own_ns = load_relaxed(&q->shard[own].first_vd_ns);
	if (q->shards == 1)
		return own_ns == SHARD_EMPTY ? -1 : 0;
	if (own_ns != SHARD_EMPTY &&
	    (load_relaxed(&q->shard[own].urgent) || may_follow(&q->worker[worker], now_ns)))
		return own;
	uint32_t chance = runq_mix((uint64_t)now_ns * 31 + (uint64_t)worker);
	int other = load_relaxed(&q->shard[own].count) > 1 ? (int)(chance % (unsigned)q->shards)
							   : earliest_shard(q, chance);
	if (other < 0 || own_ns == SHARD_EMPTY)
		return other;
	int64_t other_ns = load_relaxed(&q->shard[other].first_vd_ns);
	return other_ns < own_ns - STEAL_MARGIN_NS ? other : own;
}

static struct runq_entry *take(struct runq *q, int from, int worker, int64_t now_ns)
{
	struct shard *s = &q->shard[from];
	lock_take(&s->lock);
	struct heap_node *first = shard_first(s);
	struct runq_entry *e = NULL;
	store_relaxed(&s->urgent, false);
	if (first) {
		/* The follower waits in the worker's own shard. */
		if (from == runq_shard_of(q, worker))
			e = next_of(&q->worker[worker], first, now_ns);
		if (e == NULL)
			e = runq_first_of(first);
		runq_pull(q, s, e);
		start(q, s, worker, e, now_ns);
	}
	runq_unlock(s);
	return e;
}

struct runq_entry *runq_next(struct runq *q, int worker, int64_t now_ns)
{
	for (;;) {
		int from = choose(q, worker, now_ns);
		struct runq_entry *e = from >= 0 ? take(q, from, worker, now_ns) : NULL;
		if (e)
			return e;
		idle_enlist(&q->idle, worker);
		/* Seq, after enlisting: see idle.h. Whoever claimed us meanwhile will hand us something. */
		if (load_seq(&q->waiting) == 0 || !idle_retract(&q->idle, worker))
			return NULL;
	}
}

struct runq_entry *runq_handed(struct runq *q, int worker, int64_t now_ns)
{
	struct runq_worker *w = &q->worker[worker];
	if (load_relaxed(&w->handed) == NULL)
		return NULL;
	struct runq_entry *e = exchange_acq_rel(&w->handed, NULL);
	if (e == &kick_mark)
		return runq_next(q, worker, now_ns);
	struct shard *s = runq_lock_entry(q, e);
	start(q, s, worker, e, now_ns);
	runq_unlock(s);
	return e;
}

void runq_began(struct runq *q, struct runq_entry *e, int64_t now_ns)
{
	struct shard *s = runq_lock_entry(q, e);
	debug_ensure(e->worker >= 0);
	e->charged_to_ns = now_ns;
	running_delay(&q->worker[e->worker].run, now_ns);
	runq_unlock(s);
}

bool runq_not_idle(struct runq *q, int worker)
{
	return idle_retract(&q->idle, worker);
}

/* ---- stopping and charging ---- */

static void charge(struct shard *s, struct runq_entry *e, int64_t from_ns, int64_t to_ns,
		   int64_t used_ns)
{
	bool ran = e->worker >= 0;
	fair_charge(&e->node.fair, used_ns);
	usage_add(&e->usage, from_ns, to_ns, used_ns);
	if (e->group == NULL)
		return;
	if (ran)
		group_end(e->group, used_ns, e->prepaid_ns);
	else
		group_charge(e->group, used_ns);
	e->prepaid_ns = 0;
	runq_fix_group(s, e->group);
}

void runq_stopped(struct runq *q, struct runq_entry *e, int64_t now_ns, int64_t stolen_ns)
{
	struct shard *s = runq_lock_entry(q, e);
	debug_ensure(e->worker >= 0);
	charge(s, e, e->charged_to_ns, now_ns, now_ns - e->charged_to_ns - stolen_ns);
	if (load_relaxed(&q->waiting) == 0)
		runq_raise_v(q, fair_ran_alone(&runq_node_of(e)->fair, load_relaxed(&q->v_ns)));
	running_end(&q->worker[e->worker].run);
	e->worker = -1;
	runq_unlock(s);
}

void runq_detached(struct runq *q, struct runq_entry *e, int64_t now_ns)
{
	runq_stopped(q, e, now_ns, 0);
}

void runq_charge(struct runq *q, struct runq_entry *e, int64_t now_ns, int64_t real_ns)
{
	struct shard *s = runq_lock_entry(q, e);
	charge(s, e, now_ns - real_ns, now_ns, real_ns);
	runq_unlock(s);
}
