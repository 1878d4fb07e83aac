/* SPDX-License-Identifier: MIT */
#include "core/env.h"

#include "core/atomics.h"
#include "core/mem.h"

#include <string.h>

/* A table of fixed size, since a config holds dozens of names; thousands still work. */
#define BUCKETS 256

/* Immutable once it hangs in a bucket, which is why no reader needs a lock. */
struct entry {
	struct entry *next;
	char *value;
	char key[];
};

/* Grows at the head only: whoever has seen a head has seen all behind it. */
static struct entry *_Atomic buckets[BUCKETS];

static struct entry *_Atomic *bucket_of(const char *key)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (const char *c = key; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * 16777619u;
	return &buckets[hash % BUCKETS];
}

/* Looks at the chain from `from` up to, but not at, `end`. */
static struct entry *find(struct entry *from, const struct entry *end, const char *key)
{
	for (struct entry *e = from; e != end; e = e->next) {
		if (strcmp(e->key, key) == 0)
			return e;
	}
	return NULL;
}

static struct entry *entry_new(const char *key, const char *value)
{
	size_t key_bytes = strlen(key) + 1, value_bytes = strlen(value) + 1;
	struct entry *e = mem_alloc(sizeof(*e) + key_bytes + value_bytes);
	memcpy(e->key, key, key_bytes);
	e->value = e->key + key_bytes;
	memcpy(e->value, value, value_bytes);
	return e;
}

const char *env_get(const char *key)
{
	/* acquire: pairs with the cas in env_set, so that the entry's texts are seen. */
	const struct entry *e = find(load_acquire(bucket_of(key)), NULL, key);
	return e ? e->value : NULL;
}

bool env_set(const char *key, const char *value)
{
	struct entry *_Atomic *bucket = bucket_of(key);
	struct entry *head = load_acquire(bucket), *searched = NULL, *mine = NULL;
	for (;;) {
		/* Only what came since the last try is new to us. */
		if (find(head, searched, key)) {
			mem_free(mine);
			return false;
		}
		if (mine == NULL)
			mine = entry_new(key, value);
		searched = head;
		mine->next = head;
		/* release part: pairs with the load_acquire in env_get and env_each. */
		if (cas_weak_acq_rel(bucket, &head, mine))
			return true;
	}
}

void env_each(void (*visit)(const char *key, const char *value, void *context), void *context)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		/* acquire: pairs with the cas in env_set. */
		for (struct entry *e = load_acquire(&buckets[i]); e != NULL; e = e->next)
			visit(e->key, e->value, context);
	}
}

void env_term(void)
{
	for (size_t i = 0; i < BUCKETS; i++) {
		struct entry *e = exchange_acq_rel(&buckets[i], NULL);
		while (e != NULL) {
			struct entry *next = e->next;
			mem_free(e);
			e = next;
		}
	}
}
