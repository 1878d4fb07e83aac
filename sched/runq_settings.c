/* SPDX-License-Identifier: MIT
 *
 * The run queue as an operator sees it: settings that change while services run, and figures.
 */
#include "sched/runq_internal.h"

/* Its claim on the others ends or begins here; what it has used or is owed does not travel between the two kinds of
 * run time. With the lock that guards `e`, which waits nowhere. */
static void leave_group(struct runq *q, struct runq_entry *e)
{
	if (e->worker >= 0)
		group_end(e->group, e->prepaid_ns, e->prepaid_ns);
	e->prepaid_ns = 0;
	e->group = NULL;
	e->node.fair.ve_ns = load_relaxed(&q->v_ns);
	e->node.fair.vd_ns = e->node.fair.ve_ns;
}

static void join_group(struct runq_entry *e, struct group *g)
{
	e->group = g;
	e->node.fair.ve_ns = e->node.fair.vd_ns = g->v_ns;
	e->node.fair.slice_ns = g->node.fair.slice_ns;
	e->node.fair.credit_ns = g->node.fair.credit_ns;
	e->node.fair.weight = FAIR_WEIGHT_NORMAL;
	e->prepaid_ns = 0;
	if (e->worker >= 0)
		e->prepaid_ns = group_begin(g, &e->node);
}

/* With the lock. */
static void apply(struct runq *q, struct shard *s, struct runq_entry *e,
		  const struct settings *settings)
{
	int64_t v_ns = load_relaxed(&q->v_ns);
	struct fair *f = &e->node.fair;
	bool waits = e->node.place >= 0;
	f->credit_ns = settings->credit_ns;
	if (e->group == NULL) {
		fair_change(f, v_ns, settings->slice_ns, settings->weight);
		if (waits)
			shard_fix(s, &e->node);
		return;
	}
	fair_change(f, e->group->v_ns, settings->slice_ns, FAIR_WEIGHT_NORMAL);
	if (waits)
		order_heap_fix(&e->group->waiting, &e->node);
	group_change(e->group, settings, v_ns);
	runq_fix_group(s, e->group);
}

/* Into another group, or out of one. Returns the shard that is locked then. */
static struct shard *regroup(struct runq *q, struct shard *s, struct runq_entry *e,
			     struct group *group)
{
	bool pulled = false;
	for (;;) {
		if (e->node.place >= 0) {
			runq_pull(q, s, e);
			pulled = true;
		}
		if (e->group) {
			struct group *left = e->group;
			leave_group(q, e);
			runq_fix_group(s, left);
		}
		if (group == NULL || load_relaxed(&e->shard) == group->home)
			break;
		/* While no lock is held it may stop running and be queued: then it is pulled as well. */
		s = runq_move(q, e, s, group->home);
	}
	if (group) {
		join_group(e, group);
		runq_fix_group(s, group);
	}
	if (pulled)
		runq_push(q, s, e);
	return s;
}

void runq_join(struct runq *q, struct runq_entry *e, struct group *group)
{
	runq_unlock(regroup(q, runq_lock_entry(q, e), e, group));
}

struct runq_action runq_change(struct runq *q, struct runq_entry *e,
			       const struct settings *settings, struct group *group, int64_t now_ns)
{
	struct shard *s = runq_lock_entry(q, e);
	bool moved = e->group != group;
	if (moved)
		s = regroup(q, s, e, group);
	apply(q, s, e, settings);
	runq_unlock(s);
	struct runq_action action = {.kind = RUNQ_QUEUED, .worker = -1, .look_at_ns = INT64_MAX};
	/* Who looked for work while it was in between has not seen it. */
	int idle = moved && load_seq(&q->waiting) > 0 ? runq_kick(q) : -1;
	if (idle >= 0)
		action = (struct runq_action){.kind = RUNQ_HANDED, .worker = idle};
	else if (moved)
		action.look_at_ns = now_ns;
	return action;
}

void runq_settings_of(struct runq *q, struct runq_entry *e, struct settings *out)
{
	struct shard *s = runq_lock_entry(q, e);
	const struct fair *shared = &runq_node_of(e)->fair;
	*out = (struct settings){
		.slice_ns = e->node.fair.slice_ns,
		.credit_ns = shared->credit_ns,
		.weight = shared->weight,
		.group = e->group != NULL,
	};
	runq_unlock(s);
}

void runq_group_settings(struct runq *q, struct group *group, struct settings *out)
{
	struct shard *s = &q->shard[group->home];
	lock_take(&s->lock);
	const struct fair *f = &group->node.fair;
	out->slice_ns = f->slice_ns;
	out->credit_ns = f->credit_ns;
	out->weight = f->weight;
	runq_unlock(s);
}

/* What it runs now is charged only when it stops. */
static struct usage usage_now(const struct runq_entry *e, int64_t now_ns)
{
	struct usage usage = e->usage;
	if (e->worker >= 0)
		usage_add(&usage, e->charged_to_ns, now_ns, now_ns - e->charged_to_ns);
	return usage;
}

void runq_figures(struct runq *q, struct runq_entry *e, int64_t now_ns, struct runq_figures *out)
{
	struct shard *s = runq_lock_entry(q, e);
	const struct fair *key = &runq_node_of(e)->fair;
	struct usage usage = usage_now(e, now_ns);
	int64_t behind_ns = load_relaxed(&q->v_ns) - key->ve_ns;
	bool active = e->worker >= 0 || e->node.place >= 0;
	*out = (struct runq_figures){
		.slice_ns = e->node.fair.slice_ns,
		.weight = key->weight,
		.longest_wait_ns = e->waits.longest_ns,
		.wait_sum_ns = e->waits.sum_ns,
		.waits = e->waits.count,
		.wait_p50_ns = waits_quantile_ns(&e->waits, 0.5),
		.wait_p99_ns = waits_quantile_ns(&e->waits, 0.99),
		.lag_ns = active ? behind_ns * key->weight / FAIR_WEIGHT_NORMAL : 0,
		.share_1s = usage_share(&usage, now_ns, 1),
		.share_10s = usage_share(&usage, now_ns, 10),
	};
	runq_unlock(s);
}
