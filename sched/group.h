/* SPDX-License-Identifier: MIT
 *
 * Services that share one weight (`group = true`: all of one name), so that starting more of them earns nothing.
 *
 * To the run queue the group is one who waits: its node is in the heap of its home shard while members wait, with a
 * virtual run time that all of them pay into. Among themselves the members are ordered by run times of their own,
 * all with the same weight, against a virtual time of the group (`v_ns`).
 *
 * Several members can run at once. Each dispatch is paid in advance by a slice, and the difference is settled
 * when it stops: otherwise every worker would find the group at the head until the first member stops, and it would
 * run a slice ahead for each worker.
 *
 * Rejected: members in the common heap with weight / members. Members that take turns in waking would each come
 * with a fresh claim and the group would get as many shares as it has members.
 *
 * Everything is guarded by the lock of the home shard, which is also that of all its members (runq_entry.shard).
 */
#ifndef SCHED_GROUP_H
#define SCHED_GROUP_H

#include "sched/heap.h"
#include "sched/settings.h"

struct group {
	struct heap_node node;     /* in the home shard's heap while somebody waits */
	struct order_heap waiting; /* members */
	int64_t v_ns;              /* virtual time among the members */
	int32_t home;              /* shard; constant */
	int32_t running;           /* members on workers */
};

void group_init(struct group *g, int32_t home, const struct settings *settings, int64_t v_ns);
void group_term(struct group *g);
void group_change(struct group *g, const struct settings *settings, int64_t v_ns);

/* A member has something to do: it was woken, or it was stopped. `v_ns` is the queue's virtual time. Its own and the
 * group's run times are placed; nothing is pushed.
 * `slack_ns`: how far V can be ahead of the shard (runq.c). */
void group_place(struct group *g, struct heap_node *member, bool woken, int64_t v_ns,
		 int64_t slack_ns);
/* It waits for its turn; the caller pushes or fixes the group's node. */
void group_push(struct group *g, struct heap_node *member);
/* The member whose turn it is; the caller removes or fixes the group's node. */
struct heap_node *group_pop(struct group *g);
/* A member starts to run: returns what is paid in advance. The caller fixes the node. */
int64_t group_begin(struct group *g, struct heap_node *member);
/* It stops, and has used so much. The caller fixes the node. */
void group_end(struct group *g, int64_t used_ns, int64_t prepaid_ns);
/* A member used CPU without a worker. The caller fixes the node. */
void group_charge(struct group *g, int64_t used_ns);

static inline struct group *group_of(struct heap_node *n)
{
	return n->is_group ? container_of(n, struct group, node) : NULL;
}

#endif
