/* SPDX-License-Identifier: MIT */
#include "luabind/absent.h"
#include "core/mem.h"
#include "luabind/embedded.h"

#include <pthread.h>
#include <string.h>

/* Services with a folder of their own have a path of their own. Beyond so many different ones nothing is
 * remembered, which only costs time. */
#define PLACES_MAX 64

/* Constant once made, but for what is said to be under the lock. */
struct known {
	char *path, *cpath;
	uint64_t clears; /* under `lock`: what is known was found after so many clears */
	bool absent[];   /* under `lock`: by position in embedded_table */
};

static struct {
	pthread_mutex_t lock;
	struct known *known[PLACES_MAX];
	size_t count;
} places = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* Under `lock`. */
static struct known *find(const struct absent_place *place)
{
	for (size_t i = 0; i < places.count; i++)
		if (strcmp(places.known[i]->path, place->path) == 0 &&
		    strcmp(places.known[i]->cpath, place->cpath) == 0)
			return places.known[i];
	return NULL;
}

/* Under `lock`. NULL: there are too many. */
static struct known *add(const struct absent_place *place)
{
	if (places.count == PLACES_MAX)
		return NULL;
	struct known *k = mem_zalloc(sizeof(*k) + embedded_count * sizeof(k->absent[0]));
	k->path = mem_strdup(place->path);
	k->cpath = mem_strdup(place->cpath);
	k->clears = place->clears;
	places.known[places.count++] = k;
	return k;
}

bool absent_known(const struct absent_place *place, const char *name)
{
	const struct embedded *e = embedded_find("module", name);
	if (e == NULL)
		return false;
	pthread_mutex_lock(&places.lock);
	const struct known *k = find(place);
	bool known = k && k->clears == place->clears && k->absent[e - embedded_table];
	pthread_mutex_unlock(&places.lock);
	return known;
}

void absent_note(const struct absent_place *place, const char *name)
{
	const struct embedded *e = embedded_find("module", name);
	if (e == NULL)
		return;
	pthread_mutex_lock(&places.lock);
	struct known *k = find(place);
	if (k == NULL)
		k = add(place);
	if (k && k->clears < place->clears) {
		memset(k->absent, 0, embedded_count * sizeof(k->absent[0]));
		k->clears = place->clears;
	}
	/* A search that began before the last clear tells nothing. */
	if (k && k->clears == place->clears)
		k->absent[e - embedded_table] = true;
	pthread_mutex_unlock(&places.lock);
}
