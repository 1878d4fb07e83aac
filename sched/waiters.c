/* SPDX-License-Identifier: MIT */
#include "sched/waiters.h"
#include "sched/runq_internal.h"

#include <string.h>

/* With the lock of the entry's shard: it waits, so its service is alive and `name` is constant. */
static void fill(const struct runq *q, struct runq_entry *e, struct waiter *w)
{
	struct service *s = service_of(e);
	const struct fair *f = &runq_node_of(e)->fair;
	int64_t ahead_ns = f->ve_ns - load_relaxed(&q->v_ns);
	w->handle = service_handle(s);
	memcpy(w->name, s->name, sizeof(w->name));
	w->since_ns = e->runnable_at_ns;
	w->born_ns = s->born_ns;
	w->slice_ns = f->slice_ns;
	w->weight = f->weight;
	w->ahead_ns = ahead_ns > 0 ? ahead_ns : 0;
	w->members = e->group ? e->group->waiting.count : 1;
}

static void add(const struct runq *q, struct runq_entry *e, int64_t before_ns, struct waiters *out)
{
	int at = out->count;
	if (e->runnable_at_ns > before_ns)
		return;
	while (at > 0 && out->longest[at - 1].since_ns > e->runnable_at_ns)
		at--;
	if (at == (int)COUNT_OF(out->longest))
		return;
	if (out->count < (int)COUNT_OF(out->longest))
		out->count++;
	memmove(&out->longest[at + 1], &out->longest[at],
		(size_t)(out->count - at - 1) * sizeof(out->longest[0]));
	fill(q, e, &out->longest[at]);
}

static void read_shard(struct runq *q, struct shard *s, int64_t before_ns, struct waiters *out)
{
	for (int i = 0; i < s->heap.count; i++) {
		struct heap_node *n = s->heap.node[i];
		struct group *g = group_of(n);
		out->total_weight += n->fair.weight;
		if (g == NULL)
			add(q, runq_entry_of(n), before_ns, out);
		for (int j = 0; g && j < g->waiting.count; j++)
			add(q, runq_entry_of(g->waiting.node[j]), before_ns, out);
	}
}

void waiters_read(struct runq *q, int64_t now_ns, int64_t least_ns, struct waiters *out)
{
	out->total_weight = 0;
	out->count = 0;
	for (int i = 0; i < q->workers; i++) {
		struct run_view view;
		if (running_read(&q->worker[i].run, &view))
			out->total_weight += view.fair.weight;
	}
	for (int i = 0; i < q->shards; i++) {
		struct shard *s = &q->shard[i];
		if (load_relaxed(&s->count) == 0 || !lock_try(&s->lock))
			continue;
		read_shard(q, s, now_ns - least_ns, out);
		runq_unlock(s);
	}
}
