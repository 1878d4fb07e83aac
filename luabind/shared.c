/* SPDX-License-Identifier: MIT */
#include "luabind/shared.h"
#include "core/atomics.h"
#include "core/mem.h"

#include <lauxlib.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

enum { DEPTH_MAX = 128 };

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

/* Where the key is in `pairs`, or the free one where it would be; room must not be 0. */
static uint32_t slot_of(const struct shared_pair *pairs, uint32_t room, const struct shared_value *key)
{
	uint32_t at = hash_of(key) & (room - 1);
	while (pairs[at].key.kind != SHARED_NIL && !same_key(&pairs[at].key, key))
		at = (at + 1) & (room - 1);
	return at;
}

/* 1 to length; 0: no such number, or no number. */
static uint32_t list_index(const struct shared_value *key, uint32_t length)
{
	double number = key->kind == SHARED_NUMBER ? key->number : 0;
	return number >= 1 && number <= length && floor(number) == number ? (uint32_t)number : 0;
}

static uint32_t place_of(const struct shared_table *t, const struct shared_value *key)
{
	uint32_t index = list_index(key, t->length);
	if (index || key->kind == SHARED_NIL || t->room == 0)
		return index;
	uint32_t slot = slot_of(t->pairs, t->room, key);
	return t->pairs[slot].key.kind == SHARED_NIL ? 0 : t->length + 1 + slot;
}

/* ---- tables ---- */

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

static bool same_table(const struct shared_table *a, const struct shared_table *b)
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
		struct shared_value other = shared_at(b, place_of(b, &pair->key)).value;
		if (!same_value(&pair->value, &other))
			return false;
	}
	return true;
}

/* ---- building ---- */

/* A table is measured, then filled. Whatever is wrong with it is raised while it is measured; while it is filled, tables
 * in it may raise, and the draft knows those that it is in. */
struct measure {
	uint32_t length, count;
	size_t text_bytes;
};

/* The string or number at `index` as a key; its text is the Lua string's. NIL: neither. */
static struct shared_value key_at(lua_State *L, int index)
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

/* Of the value on top of the stack; raises when it cannot be shared. */
static size_t text_bytes_of(lua_State *L)
{
	switch (lua_type(L, -1)) {
	case LUA_TSTRING:
		return lua_objlen(L, -1);
	case LUA_TNIL:
	case LUA_TNUMBER:
	case LUA_TBOOLEAN:
	case LUA_TTABLE:
		return 0;
	default:
		return (size_t)luaL_error(L, "Unsupport value type %s", luaL_typename(L, -1));
	}
}

/* The table on top of the stack. */
static struct measure measure_table(lua_State *L)
{
	struct measure m = {.length = (uint32_t)lua_objlen(L, -1)};
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		struct shared_value key = key_at(L, -2);
		if (key.kind == SHARED_NIL)
			luaL_error(L, "Invalid key type %s", luaL_typename(L, -2));
		m.text_bytes += text_bytes_of(L);
		if (list_index(&key, m.length))
			continue;
		m.count++;
		m.text_bytes += key.size_bytes;
	}
	return m;
}

/* With one reference, and on the draft's list. The room for text is behind the pairs. */
static struct shared_table *table_new(struct shared_draft *draft, const struct measure *m, char **text)
{
	uint32_t room = m->count ? 2 : 0;
	while (room / 4 * 3 < m->count)
		room *= 2;
	size_t list_bytes = m->length * sizeof(struct shared_value), pairs_bytes = room * sizeof(struct shared_pair);
	struct shared_table *t = mem_zalloc(sizeof(*t) + list_bytes + pairs_bytes + m->text_bytes);
	add_relaxed(&tables, 1);
	store_relaxed(&t->references, 1);
	t->number = add_relaxed(&last_number, 1) + 1;
	t->length = m->length;
	t->room = room;
	t->count = m->count;
	t->list = (struct shared_value *)(t + 1);
	t->pairs = (struct shared_pair *)((char *)(t + 1) + list_bytes);
	*text = (char *)(t + 1) + list_bytes + pairs_bytes;
	t->outer = draft->open;
	draft->open = t;
	return t;
}

static void copy_text(char **text, struct shared_value *v)
{
	memcpy(*text, v->text, v->size_bytes);
	v->text = *text;
	*text += v->size_bytes;
}

static struct shared_table *build_table(lua_State *L, struct shared_draft *draft, struct shared_table *before,
					int depth);

/* The value on top of the stack; `before` is what was in its place, or NIL. */
static struct shared_value build_value(lua_State *L, struct shared_draft *draft, struct shared_value before, char **text,
				       int depth)
{
	struct shared_value v = key_at(L, -1);
	switch (lua_type(L, -1)) {
	case LUA_TNUMBER:
		v.number = lua_tonumber(L, -1);
		break;
	case LUA_TSTRING:
		copy_text(text, &v);
		break;
	case LUA_TBOOLEAN:
		v.kind = SHARED_BOOLEAN;
		v.boolean = lua_toboolean(L, -1);
		break;
	case LUA_TTABLE:
		v.table = build_table(L, draft, before.kind == SHARED_TABLE ? before.table : NULL, depth + 1);
		v.kind = SHARED_TABLE;
		break;
	}
	return v;
}

static void fill_table(lua_State *L, struct shared_draft *draft, struct shared_table *t, struct shared_table *before,
		       char *text, int depth)
{
	/* Nobody else has the table yet. */
	struct shared_value *list = (struct shared_value *)t->list;
	struct shared_pair *pairs = (struct shared_pair *)t->pairs;
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		struct shared_value key = key_at(L, -2);
		struct shared_value was = {.kind = SHARED_NIL};
		if (before)
			was = shared_at(before, place_of(before, &key)).value;
		uint32_t index = list_index(&key, t->length);
		if (index) {
			list[index - 1] = build_value(L, draft, was, &text, depth);
			continue;
		}
		struct shared_pair *pair = &pairs[slot_of(pairs, t->room, &key)];
		if (key.kind == SHARED_STRING)
			copy_text(&text, &key);
		pair->value = build_value(L, draft, was, &text, depth);
		pair->key = key;
	}
}

/* The table on top of the stack. */
static struct shared_table *build_table(lua_State *L, struct shared_draft *draft, struct shared_table *before,
					int depth)
{
	char *text;
	if (depth > DEPTH_MAX)
		luaL_error(L, "the table is too deep to be shared, or contains itself");
	luaL_checkstack(L, 8, NULL);
	struct measure m = measure_table(L);
	struct shared_table *t = table_new(draft, &m, &text);
	fill_table(L, draft, t, before, text, depth);
	draft->open = t->outer;
	if (before == NULL || !same_table(t, before))
		return t;
	shared_release(t);
	add_relaxed(&before->references, 1); /* the draft's, or that of the table that it is in, keeps it alive */
	return before;
}

struct shared_table *shared_build(lua_State *L, struct shared_draft *draft, int index)
{
	lua_pushvalue(L, index);
	struct shared_table *top = build_table(L, draft, draft->before, 0);
	lua_pop(L, 1);
	return top;
}

void shared_draft_drop(struct shared_draft *draft)
{
	while (draft->open) {
		struct shared_table *t = draft->open;
		draft->open = t->outer;
		shared_release(t); /* what is in it was finished */
	}
	if (draft->before)
		shared_release(draft->before);
	draft->before = NULL;
}

/* ---- reading ---- */

uint32_t shared_place(lua_State *L, const struct shared_table *t, int index)
{
	struct shared_value key = key_at(L, index);
	return place_of(t, &key);
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
