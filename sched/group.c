/* SPDX-License-Identifier: MIT */
#include "sched/group.h"

#include <string.h>

/* Each dispatch of a member is a request of its own, so the deadline follows the run time. */
static void renew_deadline(struct group *g)
{
	struct fair *f = &g->node.fair;
	f->vd_ns = f->ve_ns + fair_virtual(f, f->slice_ns);
}

void group_init(struct group *g, int32_t home, const struct settings *settings, int64_t v_ns)
{
	memset(g, 0, sizeof(*g));
	g->node.place = -1;
	g->node.is_group = true;
	g->home = home;
	fair_spawn(&g->node.fair, v_ns, settings->slice_ns, settings->weight);
	g->node.fair.credit_ns = settings->credit_ns;
	renew_deadline(g);
}

void group_term(struct group *g)
{
	order_heap_term(&g->waiting);
}

void group_change(struct group *g, const struct settings *settings, int64_t v_ns)
{
	g->node.fair.credit_ns = settings->credit_ns;
	fair_change(&g->node.fair, v_ns, settings->slice_ns, settings->weight);
	renew_deadline(g);
}

void group_place(struct group *g, struct heap_node *member, bool woken, int64_t v_ns,
		 int64_t slack_ns)
{
	/* The group slept if none of its members did anything. */
	if (woken && g->waiting.count == 0 && g->running == 0)
		fair_wake(&g->node.fair, v_ns);
	else
		fair_requeue(&g->node.fair, v_ns - slack_ns);
	renew_deadline(g);
	if (woken)
		fair_wake(&member->fair, g->v_ns);
	else
		fair_requeue(&member->fair, g->v_ns);
}

void group_push(struct group *g, struct heap_node *member)
{
	order_heap_push(&g->waiting, member);
}

struct heap_node *group_pop(struct group *g)
{
	return order_heap_pop(&g->waiting);
}

int64_t group_begin(struct group *g, struct heap_node *member)
{
	int64_t prepaid_ns = fair_left_ns(&member->fair);
	g->v_ns = fair_dispatched(&member->fair, g->v_ns);
	g->running++;
	group_charge(g, prepaid_ns);
	return prepaid_ns;
}

void group_end(struct group *g, int64_t used_ns, int64_t prepaid_ns)
{
	g->running--;
	group_charge(g, used_ns - prepaid_ns);
}

void group_charge(struct group *g, int64_t used_ns)
{
	g->node.fair.ve_ns += fair_virtual(&g->node.fair, used_ns);
	renew_deadline(g);
}
