/* SPDX-License-Identifier: MIT */
#include "luabind/shared.h"
#include "core/atomics.h"
#include "core/mem.h"

#include <lauxlib.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

static _Atomic uint64_t tables, last_number;

uint64_t shared_tables(void)
{
	return load_relaxed(&tables);
}

/* ---- keys ---- */

/* FNV-1a */
static uint32_t hash_bytes(const void *bytes, size_t size)
{
	const uint8_t *at = bytes;
	uint32_t hash = 2166136261u;
	for (size_t i = 0; i < size; i++)
		hash = (hash ^ at[i]) * 16777619u;
	return hash ^ hash >> 15;
}

static uint32_t hash_of(const struct shared_value *key)
{
	if (key->kind == SHARED_STRING)
		return hash_bytes(key->text, key->size_bytes);
	return hash_bytes(&key->number, sizeof(key->number));
}

static bool same_key(const struct shared_value *a, const struct shared_value *b)
{
	if (a->kind != b->kind)
		return false;
	if (a->kind == SHARED_NUMBER)
		return a->number == b->number;
	return a->size_bytes == b->size_bytes && memcmp(a->text, b->text, a->size_bytes) == 0;
}

uint32_t shared_slot(const struct shared_pair *pairs, uint32_t room, const struct shared_value *key)
{
	uint32_t at = hash_of(key) & (room - 1);
	while (pairs[at].key.kind != SHARED_NIL && !same_key(&pairs[at].key, key))
		at = (at + 1) & (room - 1);
	return at;
}

struct shared_value shared_key(lua_State *L, int index)
{
	struct shared_value key = {.kind = SHARED_NIL};
	size_t size;
	if (lua_type(L, index) == LUA_TNUMBER) {
		key.kind = SHARED_NUMBER;
		key.number = lua_tonumber(L, index) + 0.0; /* -0 is 0 */
	} else if (lua_type(L, index) == LUA_TSTRING) {
		key.kind = SHARED_STRING;
		key.text = lua_tolstring(L, index, &size);
		key.size_bytes = (uint32_t)size;
	}
	return key;
}

uint32_t shared_list_index(const struct shared_value *key, uint32_t length)
{
	double number = key->kind == SHARED_NUMBER ? key->number : 0;
	return number >= 1 && number <= length && floor(number) == number ? (uint32_t)number : 0;
}

uint32_t shared_place_of(const struct shared_table *t, const struct shared_value *key)
{
	uint32_t index = shared_list_index(key, t->length);
	if (index || key->kind == SHARED_NIL || t->room == 0)
		return index;
	uint32_t slot = shared_slot(t->pairs, t->room, key);
	return t->pairs[slot].key.kind == SHARED_NIL ? 0 : t->length + 1 + slot;
}

/* ---- tables ---- */

struct shared_table *shared_table_new(uint32_t length, uint32_t count, size_t text_bytes, char **text)
{
	uint32_t room = count ? 2 : 0;
	while (room / 4 * 3 < count)
		room *= 2;
	size_t list_bytes = length * sizeof(struct shared_value), pairs_bytes = room * sizeof(struct shared_pair);
	struct shared_table *t = mem_zalloc(sizeof(*t) + list_bytes + pairs_bytes + text_bytes);
	add_relaxed(&tables, 1);
	store_relaxed(&t->references, 1);
	t->number = add_relaxed(&last_number, 1) + 1;
	t->length = length;
	t->room = room;
	t->count = count;
	t->list = (struct shared_value *)(t + 1);
	t->pairs = (struct shared_pair *)((char *)(t + 1) + list_bytes);
	*text = (char *)(t + 1) + list_bytes + pairs_bytes;
	return t;
}

static void release_value(const struct shared_value *v)
{
	if (v->kind == SHARED_TABLE)
		shared_release(v->table);
}

void shared_release(struct shared_table *t)
{
	if (sub_acq_rel(&t->references, 1) != 1)
		return;
	for (uint32_t i = 0; i < t->length; i++)
		release_value(&t->list[i]);
	for (uint32_t i = 0; i < t->room; i++)
		release_value(&t->pairs[i].value);
	mem_free(t);
	sub_relaxed(&tables, 1);
}

static bool same_value(const struct shared_value *a, const struct shared_value *b)
{
	if (a->kind != b->kind)
		return false;
	switch (a->kind) {
	case SHARED_NIL:
		break;
	case SHARED_BOOLEAN:
		return a->boolean == b->boolean;
	case SHARED_NUMBER:
		return memcmp(&a->number, &b->number, sizeof(a->number)) == 0; /* NaN, -0 */
	case SHARED_STRING:
		return a->size_bytes == b->size_bytes && memcmp(a->text, b->text, a->size_bytes) == 0;
	case SHARED_TABLE:
		return a->table == b->table; /* they share what is the same already */
	}
	return true;
}

bool shared_same(const struct shared_table *a, const struct shared_table *b)
{
	if (a->length != b->length || a->count != b->count)
		return false;
	for (uint32_t i = 0; i < a->length; i++)
		if (!same_value(&a->list[i], &b->list[i]))
			return false;
	for (uint32_t i = 0; i < a->room; i++) {
		const struct shared_pair *pair = &a->pairs[i];
		if (pair->key.kind == SHARED_NIL)
			continue;
		struct shared_value other = shared_at(b, shared_place_of(b, &pair->key)).value;
		if (!same_value(&pair->value, &other))
			return false;
	}
	return true;
}

/* ---- reading ---- */

uint32_t shared_place(lua_State *L, const struct shared_table *t, int index)
{
	struct shared_value key = shared_key(L, index);
	return shared_place_of(t, &key);
}

uint32_t shared_end(const struct shared_table *t)
{
	return t->length + t->room;
}

struct shared_pair shared_at(const struct shared_table *t, uint32_t place)
{
	struct shared_pair nothing = {{.kind = SHARED_NIL}, {.kind = SHARED_NIL}};
	if (place > t->length)
		return t->pairs[place - t->length - 1];
	if (place == 0 || t->list[place - 1].kind == SHARED_NIL)
		return nothing;
	return (struct shared_pair){{.kind = SHARED_NUMBER, .number = place}, t->list[place - 1]};
}

struct shared_value shared_get(lua_State *L, const struct shared_table *t, int index)
{
	return shared_at(t, shared_place(L, t, index)).value;
}

/* ---- names ---- */

static pthread_mutex_t names_lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared_name *names;

void shared_name_release(struct shared_name *n)
{
	if (sub_acq_rel(&n->references, 1) != 1)
		return;
	shared_release(n->top);
	mem_free(n);
}

static struct shared_name **link_of(const char *name)
{
	struct shared_name **at = &names;
	while (*at && strcmp((*at)->text, name) != 0)
		at = &(*at)->next;
	return at;
}

bool shared_publish(const char *name, struct shared_table *top, bool must_be_new)
{
	struct shared_name *fresh = mem_zalloc(sizeof(*fresh) + strlen(name) + 1);
	struct shared_table *unused = NULL;
	memcpy(fresh->text, name, strlen(name));
	store_relaxed(&fresh->references, 1);
	store_relaxed(&fresh->version, 1);
	fresh->top = top;
	pthread_mutex_lock(&names_lock);
	struct shared_name *there = *link_of(name);
	if (there == NULL) {
		fresh->next = names;
		names = fresh;
		fresh = NULL;
	} else if (must_be_new || there->top == top) {
		unused = top;
	} else {
		unused = there->top;
		there->top = top;
		add_acq_rel(&there->version, 1);
	}
	pthread_mutex_unlock(&names_lock);
	mem_free(fresh);
	if (unused)
		shared_release(unused);
	return !(there && must_be_new);
}

bool shared_delete(const char *name)
{
	pthread_mutex_lock(&names_lock);
	struct shared_name **at = link_of(name), *gone = *at;
	if (gone) {
		*at = gone->next;
		store_release(&gone->deleted, true);
	}
	pthread_mutex_unlock(&names_lock);
	if (gone)
		shared_name_release(gone);
	return gone != NULL;
}

struct shared_name *shared_find(const char *name)
{
	pthread_mutex_lock(&names_lock);
	struct shared_name *found = *link_of(name);
	if (found)
		add_relaxed(&found->references, 1);
	pthread_mutex_unlock(&names_lock);
	return found;
}

struct shared_name *shared_find_after(const char *name)
{
	struct shared_name *found = NULL;
	pthread_mutex_lock(&names_lock);
	for (struct shared_name *n = names; n; n = n->next)
		if (strcmp(n->text, name) > 0 && (found == NULL || strcmp(n->text, found->text) < 0))
			found = n;
	if (found)
		add_relaxed(&found->references, 1);
	pthread_mutex_unlock(&names_lock);
	return found;
}

struct shared_table *shared_present(struct shared_name *n, uint64_t *version)
{
	pthread_mutex_lock(&names_lock);
	struct shared_table *top = n->top;
	add_relaxed(&top->references, 1);
	*version = load_relaxed(&n->version);
	pthread_mutex_unlock(&names_lock);
	return top;
}

struct shared_table *shared_newest(const char *name)
{
	pthread_mutex_lock(&names_lock);
	struct shared_name *found = *link_of(name);
	struct shared_table *top = found ? found->top : NULL;
	if (top)
		add_relaxed(&top->references, 1);
	pthread_mutex_unlock(&names_lock);
	return top;
}
