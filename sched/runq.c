/* SPDX-License-Identifier: MIT */
#include "sched/runq.h"
#include "core/atomics.h"

#include <string.h>

void runq_init(struct runq *q, int workers, int64_t min_run_ns)
{
	ensure(workers > 0 && workers <= RUNQ_WORKERS_MAX);
	memset(q, 0, sizeof(*q));
	pthread_mutex_init(&q->lock, NULL);
	q->workers = workers;
	q->min_run_ns = min_run_ns;
	for (int i = 0; i < workers; i++)
		q->worker[i].epoch = (uint64_t)i;
}

void runq_term(struct runq *q)
{
	order_heap_term(&q->heap);
	pthread_mutex_destroy(&q->lock);
}

static struct fair *fair_of(struct runq_entry *e)
{
	return &e->node.fair;
}

static void note_waiting(struct runq *q)
{
	store_relaxed(&q->waiting, q->heap.count);
}

/* Time during which nobody waited is charged, but takes V along. Called when the queue turns from
 * empty to contended (for all who run), and when somebody who ran in an empty queue stops. */
static void charge_alone(struct runq *q, struct runq_entry *e, int64_t now_ns, int64_t stolen_ns)
{
	fair_charge(fair_of(e), now_ns - e->charged_to_ns - stolen_ns);
	e->charged_to_ns = now_ns;
	q->v_ns = fair_ran_alone(fair_of(e), q->v_ns);
}

static void charge_all_alone(struct runq *q, int64_t now_ns)
{
	for (int i = 0; i < q->workers; i++)
		if (q->worker[i].running)
			charge_alone(q, q->worker[i].running, now_ns, 0);
}

static void place(struct runq *q, struct runq_entry *e, enum runq_how how)
{
	struct fair *f = fair_of(e);
	if (!e->spawned) {
		e->spawned = true;
		fair_spawn(f, q->v_ns, f->slice_ns, f->weight);
	} else if (how == RUNQ_WAKE) {
		fair_wake(f, q->v_ns);
	} else {
		fair_requeue(f, q->v_ns);
	}
}

/* Prefers the one that went idle first among the lower numbers: a plain scan, bounded by `workers`.
 */
static int find_idle(struct runq *q)
{
	for (int i = 0; q->idle_count > 0 && i < q->workers; i++)
		if (q->worker[i].idle)
			return i;
	return -1;
}

/* The worker whose service has the latest deadline, if that is later than e's. */
static int find_victim(struct runq *q, struct runq_entry *e)
{
	int victim = -1;
	struct fair *latest = fair_of(e);
	for (int i = 0; i < q->workers; i++) {
		struct runq_entry *r = q->worker[i].running;
		if (r && fair_before(latest, fair_of(r))) {
			latest = fair_of(r);
			victim = i;
		}
	}
	return victim;
}

static struct runq_action hand(struct runq *q, int worker, struct runq_entry *e)
{
	struct runq_worker *w = &q->worker[worker];
	debug_ensure(w->handed == NULL && w->running == NULL);
	w->idle = false;
	q->idle_count--;
	w->handed = e;
	return (struct runq_action){.kind = RUNQ_HANDED, .worker = worker};
}

/* How long the service on this worker runs before somebody more urgent may stop it: min_run, or a quarter of its
 * slice when it was brief the last time. So services that never use up a slice are not signalled. */
static int64_t patience_ns(const struct runq *q, const struct runq_worker *w)
{
	int64_t quarter_ns = w->running->node.fair.slice_ns / 4;
	if (load_relaxed(&w->running->brief) && quarter_ns > q->min_run_ns)
		return quarter_ns;
	return q->min_run_ns;
}

/* Nobody is idle: e waits. Who must make room for it, and when? */
static struct runq_action queue(struct runq *q, struct runq_entry *e, enum runq_how how,
				int64_t now_ns)
{
	struct runq_action action = {.kind = RUNQ_QUEUED, .worker = -1, .look_at_ns = INT64_MAX};
	int victim = how == RUNQ_WAKE ? find_victim(q, e) : -1;
	if (q->heap.count == 0)
		action.look_at_ns = now_ns; /* the first to wait: the monitor starts to tick */
	order_heap_push(&q->heap, &e->node);
	note_waiting(q);
	if (victim < 0)
		return action;
	struct runq_worker *w = &q->worker[victim];
	int64_t from_ns = w->started_ns + patience_ns(q, w);
	if (now_ns >= from_ns)
		return (struct runq_action){RUNQ_PREEMPT, victim, w->epoch, now_ns};
	if (from_ns < action.look_at_ns)
		action.look_at_ns = from_ns;
	return action;
}

struct runq_action runq_put(struct runq *q, struct runq_entry *e, enum runq_how how, int64_t now_ns)
{
	pthread_mutex_lock(&q->lock);
	debug_ensure(e->worker == -1 && e->node.place == -1);
	if (q->heap.count == 0)
		charge_all_alone(q, now_ns);
	place(q, e, how);
	e->runnable_at_ns = now_ns;
	int idle = how == RUNQ_REQUEUE ? -1 : find_idle(q);
	struct runq_action action = idle >= 0 ? hand(q, idle, e) : queue(q, e, how, now_ns);
	pthread_mutex_unlock(&q->lock);
	return action;
}

static void note_wait(struct runq_entry *e, int64_t wait_ns)
{
	e->waits++;
	e->wait_sum_ns += wait_ns;
	if (wait_ns > e->longest_wait_ns)
		e->longest_wait_ns = wait_ns;
}

static void start(struct runq *q, int worker, struct runq_entry *e, int64_t now_ns)
{
	struct runq_worker *w = &q->worker[worker];
	q->v_ns = fair_dispatched(fair_of(e), q->v_ns);
	note_wait(e, now_ns - e->runnable_at_ns);
	e->worker = worker;
	e->charged_to_ns = now_ns;
	w->running = e;
	w->started_ns = now_ns;
	w->slice_left_ns = fair_left_ns(fair_of(e));
	w->epoch += (uint64_t)q->workers;
}

struct runq_entry *runq_next(struct runq *q, int worker, int64_t now_ns)
{
	struct runq_worker *w = &q->worker[worker];
	pthread_mutex_lock(&q->lock);
	debug_ensure(w->running == NULL && !w->idle && w->handed == NULL);
	struct runq_entry *e = runq_entry_of(order_heap_pop(&q->heap));
	if (e) {
		note_waiting(q);
		start(q, worker, e, now_ns);
	} else {
		w->idle = true;
		q->idle_count++;
	}
	pthread_mutex_unlock(&q->lock);
	return e;
}

struct runq_entry *runq_handed(struct runq *q, int worker, int64_t now_ns)
{
	struct runq_worker *w = &q->worker[worker];
	pthread_mutex_lock(&q->lock);
	struct runq_entry *e = w->handed;
	w->handed = NULL;
	if (e)
		start(q, worker, e, now_ns);
	pthread_mutex_unlock(&q->lock);
	return e;
}

bool runq_not_idle(struct runq *q, int worker)
{
	struct runq_worker *w = &q->worker[worker];
	pthread_mutex_lock(&q->lock);
	bool was_idle = w->idle;
	if (was_idle) {
		w->idle = false;
		q->idle_count--;
	}
	pthread_mutex_unlock(&q->lock);
	return was_idle;
}

/* With the lock. */
static void leave_worker(struct runq *q, struct runq_entry *e)
{
	debug_ensure(e->worker >= 0 && q->worker[e->worker].running == e);
	q->worker[e->worker].running = NULL;
	e->worker = -1;
}

static void charge_running(struct runq *q, struct runq_entry *e, int64_t now_ns, int64_t stolen_ns)
{
	if (q->heap.count == 0) {
		charge_alone(q, e, now_ns, stolen_ns);
	} else {
		fair_charge(fair_of(e), now_ns - e->charged_to_ns - stolen_ns);
		e->charged_to_ns = now_ns;
	}
}

void runq_stopped(struct runq *q, struct runq_entry *e, int64_t now_ns, int64_t stolen_ns)
{
	pthread_mutex_lock(&q->lock);
	charge_running(q, e, now_ns, stolen_ns);
	leave_worker(q, e);
	pthread_mutex_unlock(&q->lock);
}

void runq_detached(struct runq *q, struct runq_entry *e, int64_t now_ns)
{
	runq_stopped(q, e, now_ns, 0);
}

void runq_charge(struct runq *q, struct runq_entry *e, int64_t real_ns)
{
	pthread_mutex_lock(&q->lock);
	fair_charge(fair_of(e), real_ns);
	pthread_mutex_unlock(&q->lock);
}

void runq_figures(struct runq *q, const struct runq_entry *e, struct runq_figures *out)
{
	pthread_mutex_lock(&q->lock);
	*out = (struct runq_figures){
		.slice_ns = e->node.fair.slice_ns,
		.weight = e->node.fair.weight,
		.longest_wait_ns = e->longest_wait_ns,
		.wait_sum_ns = e->wait_sum_ns,
		.waits = e->waits,
	};
	pthread_mutex_unlock(&q->lock);
}

bool runq_remove(struct runq *q, struct runq_entry *e)
{
	pthread_mutex_lock(&q->lock);
	bool queued = e->node.place >= 0;
	if (queued) {
		order_heap_remove(&q->heap, &e->node);
		note_waiting(q);
	}
	pthread_mutex_unlock(&q->lock);
	return queued;
}

void runq_settings_of(struct runq *q, struct runq_entry *e, struct settings *out)
{
	const struct fair *f = fair_of(e);
	pthread_mutex_lock(&q->lock);
	*out = (struct settings){
		.slice_ns = f->slice_ns,
		.credit_ns = f->credit_ns,
		.weight = f->weight,
	};
	pthread_mutex_unlock(&q->lock);
}

void runq_change(struct runq *q, struct runq_entry *e, const struct settings *settings)
{
	pthread_mutex_lock(&q->lock);
	fair_of(e)->credit_ns = settings->credit_ns;
	fair_change(fair_of(e), q->v_ns, settings->slice_ns, settings->weight);
	if (e->node.place >= 0)
		order_heap_fix(&q->heap, &e->node);
	pthread_mutex_unlock(&q->lock);
}

/* How many run with a later deadline than the one on worker i: they are stopped before it. */
static int rank_of(const struct runq *q, int i)
{
	const struct fair *f = &q->worker[i].running->node.fair;
	int rank = 0;
	for (int j = 0; j < q->workers; j++) {
		const struct runq_entry *r = q->worker[j].running;
		if (r && j != i &&
		    (fair_before(f, &r->node.fair) || (j < i && !fair_before(&r->node.fair, f))))
			rank++;
	}
	return rank;
}

/* When the service on worker i must make room: at the end of its slice, or, if one of those who
 * wait goes before it and has not got the place of somebody with a later deadline, as soon as it
 * ran for min_run. */
static int64_t due_at(struct runq *q, int i)
{
	struct runq_worker *w = &q->worker[i];
	struct fair *f = fair_of(w->running);
	int64_t end = w->running->charged_to_ns + fair_left_ns(f);
	int64_t soon = w->started_ns + patience_ns(q, w);
	const struct runq_entry *head = runq_entry_of(order_heap_first(&q->heap));
	if (soon >= end || !fair_before(&head->node.fair, f))
		return end;
	int rank = rank_of(q, i);
	return order_heap_before(&q->heap, f, rank + 1) > rank ? soon : end;
}

static void look_at(struct runq_due *due, int64_t at_ns)
{
	if (at_ns < due->look_again_ns)
		due->look_again_ns = at_ns;
}

/* The monitor does not come back sooner than this for what it cannot plan. */
enum { LOOK_NS = 50000 };

bool runq_due(struct runq *q, int64_t now_ns, struct runq_due *due)
{
	due->asked = 0;
	due->look_again_ns = INT64_MAX;
	if (pthread_mutex_trylock(&q->lock) != 0)
		return false;
	struct runq_entry *head = runq_entry_of(order_heap_first(&q->heap));
	due->waiting = q->heap.count;
	due->first_waits_ns = head ? now_ns - head->runnable_at_ns : 0;
	for (int i = 0; head && i < q->workers; i++) {
		struct runq_worker *w = &q->worker[i];
		int64_t at = w->running ? due_at(q, i) : now_ns;
		if (at > now_ns) {
			look_at(due, at);
			continue;
		}
		/* Whoever comes next on this worker is not dispatched yet, and nobody rings for it.
		 */
		look_at(due, now_ns + (q->min_run_ns > LOOK_NS ? q->min_run_ns : LOOK_NS));
		if (w->running && due->asked < q->heap.count &&
		    due->asked < (int)COUNT_OF(due->ask)) {
			due->ask[due->asked].worker = i;
			due->ask[due->asked++].epoch = w->epoch;
		}
	}
	pthread_mutex_unlock(&q->lock);
	return true;
}
