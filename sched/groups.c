/* SPDX-License-Identifier: MIT */
#include "sched/groups.h"
#include "core/mem.h"

#include <pthread.h>
#include <string.h>

struct named {
	struct group group;
	char *name;
	struct named *next;
};

static struct {
	pthread_mutex_t lock; /* guards the list; its members' names are constant */
	struct named *first;
} groups = {.lock = PTHREAD_MUTEX_INITIALIZER};

static uint32_t hash_of(const char *name)
{
	uint32_t h = 2166136261u;
	for (; *name; name++)
		h = (h ^ (unsigned char)*name) * 16777619u;
	return h;
}

static struct named *make(struct runq *q, const char *name, const struct settings *settings)
{
	struct named *n = mem_zalloc(sizeof(*n));
	size_t bytes = strlen(name) + 1;
	int32_t home = (int32_t)(hash_of(name) % (uint32_t)q->shards);
	group_init(&n->group, home, settings, load_relaxed(&q->v_ns));
	n->name = memcpy(mem_alloc(bytes), name, bytes);
	n->next = groups.first;
	groups.first = n;
	return n;
}

struct group *groups_named(struct runq *q, const char *name, const struct settings *settings)
{
	pthread_mutex_lock(&groups.lock);
	struct named *n = groups.first;
	while (n && strcmp(n->name, name) != 0)
		n = n->next;
	if (n == NULL)
		n = make(q, name, settings);
	pthread_mutex_unlock(&groups.lock);
	return &n->group;
}

void groups_term(void)
{
	while (groups.first) {
		struct named *n = groups.first;
		groups.first = n->next;
		group_term(&n->group);
		mem_free(n->name);
		mem_free(n);
	}
}
