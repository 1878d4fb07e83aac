/* SPDX-License-Identifier: MIT */
#include "core/name.h"
#include "core/mem.h"

#include <pthread.h>
#include <string.h>

#define FIRST_BUCKETS 64u

struct name {
	struct name *next_text;   /* chain of its text's bucket, any order */
	struct name *next_handle; /* chain of its handle's bucket, oldest first: name_of wants the
				     first */
	uint32_t hash;
	uint32_t handle;
	char text[];
};

/* Everything is under `lock`. Both indexes have `buckets` chains, a power of two, 0 before the
 * first. */
static struct {
	pthread_rwlock_t lock;
	size_t count;
	size_t buckets;
	struct name **by_text;
	struct name **by_handle;
} names = {.lock = PTHREAD_RWLOCK_INITIALIZER};

static uint32_t hash_text(const char *text)
{
	uint32_t hash = 2166136261u; /* FNV-1a */
	for (; *text != '\0'; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619u;
	return hash;
}

static struct name **text_bucket(uint32_t hash)
{
	return &names.by_text[hash & (names.buckets - 1)];
}

static struct name **handle_bucket(uint32_t handle)
{
	return &names.by_handle[handle & (names.buckets - 1)];
}

static struct name *find(const char *text, uint32_t hash)
{
	if (names.buckets == 0)
		return NULL;
	struct name *n = *text_bucket(hash);
	while (n != NULL && (n->hash != hash || strcmp(n->text, text) != 0))
		n = n->next_text;
	return n;
}

/* Walks the handle's chain to its end: services have few names. */
static void link_name(struct name *n)
{
	struct name **chain = text_bucket(n->hash);
	n->next_text = *chain;
	*chain = n;

	chain = handle_bucket(n->handle);
	while (*chain != NULL)
		chain = &(*chain)->next_handle;
	n->next_handle = NULL;
	*chain = n;
}

/* Keeps the order within each handle: a chain is walked from its oldest name. */
static void resize(size_t buckets)
{
	struct name **old = names.by_handle;
	size_t old_buckets = names.buckets;
	mem_free(names.by_text);
	names.by_text = mem_zalloc(buckets * sizeof(struct name *));
	names.by_handle = mem_zalloc(buckets * sizeof(struct name *));
	names.buckets = buckets;
	for (size_t i = 0; i < old_buckets; i++) {
		for (struct name *n = old[i], *next; n != NULL; n = next) {
			next = n->next_handle;
			link_name(n);
		}
	}
	mem_free(old);
}

bool name_register(const char *name, uint32_t handle)
{
	ensure(handle != 0);
	size_t bytes = strlen(name) + 1;
	struct name *n = mem_alloc(sizeof(*n) + bytes);
	*n = (struct name){.hash = hash_text(name), .handle = handle};
	memcpy(n->text, name, bytes);

	pthread_rwlock_wrlock(&names.lock);
	bool taken = find(name, n->hash) != NULL;
	if (!taken) {
		if (names.count == names.buckets)
			resize(names.buckets ? names.buckets * 2 : FIRST_BUCKETS);
		link_name(n);
		names.count++;
	}
	pthread_rwlock_unlock(&names.lock);
	if (taken)
		mem_free(n);
	return !taken;
}

uint32_t name_find(const char *name)
{
	uint32_t hash = hash_text(name);
	pthread_rwlock_rdlock(&names.lock);
	const struct name *n = find(name, hash);
	uint32_t handle = n != NULL ? n->handle : 0;
	pthread_rwlock_unlock(&names.lock);
	return handle;
}

static void unlink_text(struct name *n)
{
	struct name **chain = text_bucket(n->hash);
	while (*chain != n)
		chain = &(*chain)->next_text;
	*chain = n->next_text;
}

/* Unlinks the names of `handle` and returns them as a chain by next_handle. */
static struct name *take_names(uint32_t handle)
{
	struct name *taken = NULL;
	struct name **chain = names.buckets != 0 ? handle_bucket(handle) : NULL;
	while (chain != NULL && *chain != NULL) {
		struct name *n = *chain;
		if (n->handle != handle) {
			chain = &n->next_handle;
			continue;
		}
		*chain = n->next_handle;
		unlink_text(n);
		names.count--;
		n->next_handle = taken;
		taken = n;
	}
	return taken;
}

static size_t free_chain(struct name *n)
{
	size_t count = 0;
	while (n != NULL) {
		struct name *next = n->next_handle;
		mem_free(n);
		n = next;
		count++;
	}
	return count;
}

size_t name_drop(uint32_t handle)
{
	pthread_rwlock_wrlock(&names.lock);
	struct name *taken = take_names(handle);
	pthread_rwlock_unlock(&names.lock);
	return free_chain(taken);
}

bool name_of(uint32_t handle, char *out, size_t size)
{
	ensure(size > 0);
	pthread_rwlock_rdlock(&names.lock);
	const struct name *n = names.buckets != 0 ? *handle_bucket(handle) : NULL;
	while (n != NULL && n->handle != handle)
		n = n->next_handle;
	size_t bytes = n != NULL ? strnlen(n->text, size - 1) : 0;
	if (n != NULL)
		memcpy(out, n->text, bytes);
	pthread_rwlock_unlock(&names.lock);
	out[bytes] = '\0';
	return n != NULL;
}

char *name_list(uint32_t handle)
{
	size_t bytes = 1;
	pthread_rwlock_rdlock(&names.lock);
	struct name *first = names.buckets != 0 ? *handle_bucket(handle) : NULL;
	for (struct name *n = first; n != NULL; n = n->next_handle)
		bytes += n->handle == handle ? strlen(n->text) + 1 : 0;
	char *list = mem_alloc(bytes), *at = list;
	for (struct name *n = first; n != NULL; n = n->next_handle) {
		if (n->handle != handle)
			continue;
		at = stpcpy(at, n->text);
		*at++ = '\n';
	}
	pthread_rwlock_unlock(&names.lock);
	*at = '\0';
	return list;
}

size_t name_count(void)
{
	pthread_rwlock_rdlock(&names.lock);
	size_t count = names.count;
	pthread_rwlock_unlock(&names.lock);
	return count;
}

void name_term(void)
{
	for (size_t i = 0; i < names.buckets; i++)
		free_chain(names.by_handle[i]);
	mem_free(names.by_text);
	mem_free(names.by_handle);
	names.by_text = names.by_handle = NULL;
	names.count = names.buckets = 0;
}
