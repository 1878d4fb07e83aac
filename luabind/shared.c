/* SPDX-License-Identifier: MIT */
#include "luabind/shared.h"
#include "core/atomics.h"
#include "core/mem.h"

#include <lauxlib.h>
#include <math.h>
#include <pthread.h>
#include <string.h>

enum { CHUNK_BYTES = 16 * 1024, DEPTH_MAX = 128 };

struct shared_chunk {
	struct shared_chunk *next;
	_Alignas(16) char bytes[];
};

/* ---- trees ---- */

static _Atomic uint64_t trees;

uint64_t shared_trees(void)
{
	return load_relaxed(&trees);
}

struct shared_tree *shared_tree_new(void)
{
	add_relaxed(&trees, 1);
	struct shared_tree *tree = mem_zalloc(sizeof(*tree));
	store_relaxed(&tree->references, 1);
	return tree;
}

void shared_tree_release(struct shared_tree *tree)
{
	if (sub_acq_rel(&tree->references, 1) != 1)
		return;
	while (tree->chunks) {
		struct shared_chunk *chunk = tree->chunks;
		tree->chunks = chunk->next;
		mem_free(chunk);
	}
	mem_free(tree);
	sub_relaxed(&trees, 1);
}

/* Zeroed, and freed with the tree. The rest of a chunk is at its end. */
static void *carve(struct shared_tree *tree, size_t bytes)
{
	bytes = (bytes + 7) & ~(size_t)7;
	if (bytes > CHUNK_BYTES / 4 || tree->chunk_left < bytes) {
		bool own = bytes > CHUNK_BYTES / 4;
		size_t room = own ? bytes : CHUNK_BYTES;
		struct shared_chunk *chunk = mem_zalloc(sizeof(*chunk) + room);
		if (own && tree->chunks) {
			/* Behind the first, whose rest is still good. */
			chunk->next = tree->chunks->next;
			tree->chunks->next = chunk;
			return chunk->bytes;
		}
		chunk->next = tree->chunks;
		tree->chunks = chunk;
		tree->chunk_left = own ? 0 : room;
		if (own)
			return chunk->bytes;
	}
	char *at = tree->chunks->bytes + CHUNK_BYTES - tree->chunk_left;
	tree->chunk_left -= bytes;
	return at;
}

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

/* ---- building ---- */

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

static void copy_text(struct shared_tree *tree, struct shared_value *v)
{
	char *copy = carve(tree, (size_t)v->size_bytes + 1);
	memcpy(copy, v->text, v->size_bytes);
	v->text = copy;
}

static const struct shared_table *build_table(lua_State *L, struct shared_tree *tree, int depth);

/* The value on top of the stack. */
static struct shared_value build_value(lua_State *L, struct shared_tree *tree, int depth)
{
	struct shared_value v = key_at(L, -1);
	switch (lua_type(L, -1)) {
	case LUA_TNUMBER:
		v.number = lua_tonumber(L, -1);
		break;
	case LUA_TSTRING:
		copy_text(tree, &v);
		break;
	case LUA_TBOOLEAN:
		v.kind = SHARED_BOOLEAN;
		v.boolean = lua_toboolean(L, -1);
		break;
	case LUA_TTABLE:
		v.kind = SHARED_TABLE;
		v.table = build_table(L, tree, depth + 1);
		break;
	default:
		luaL_error(L, "Unsupport value type %s", luaL_typename(L, -1));
	}
	return v;
}

/* Is the key at `index` one of 1 to length? */
static bool in_list(lua_State *L, int index, uint32_t length)
{
	double number = lua_type(L, index) == LUA_TNUMBER ? lua_tonumber(L, index) : 0;
	return number >= 1 && number <= length && floor(number) == number;
}

static uint32_t count_pairs(lua_State *L, uint32_t length)
{
	uint32_t count = 0;
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		if (key_at(L, -2).kind == SHARED_NIL)
			luaL_error(L, "Invalid key type %s", luaL_typename(L, -2));
		count += !in_list(L, -2, length);
	}
	return count;
}

static void build_pairs(lua_State *L, struct shared_tree *tree, struct shared_table *t, int depth)
{
	uint32_t count = count_pairs(L, t->length), room = 2;
	if (count == 0)
		return;
	while (room / 4 * 3 < count)
		room *= 2;
	struct shared_pair *pairs = carve(tree, room * sizeof(*pairs));
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		if (in_list(L, -2, t->length))
			continue;
		struct shared_value key = key_at(L, -2);
		struct shared_pair *pair = &pairs[slot_of(pairs, room, &key)];
		if (key.kind == SHARED_STRING)
			copy_text(tree, &key);
		pair->value = build_value(L, tree, depth);
		pair->key = key;
	}
	t->pairs = pairs;
	t->room = room;
}

/* The table on top of the stack. */
static const struct shared_table *build_table(lua_State *L, struct shared_tree *tree, int depth)
{
	if (depth > DEPTH_MAX)
		luaL_error(L, "the table is too deep to be shared, or contains itself");
	luaL_checkstack(L, 8, NULL);
	struct shared_table *t = carve(tree, sizeof(*t));
	t->length = (uint32_t)lua_objlen(L, -1);
	struct shared_value *list = carve(tree, t->length * sizeof(*list));
	for (uint32_t i = 0; i < t->length; i++) {
		lua_rawgeti(L, -1, (int)i + 1);
		/* A list may have holes. */
		if (!lua_isnil(L, -1))
			list[i] = build_value(L, tree, depth);
		lua_pop(L, 1);
	}
	t->list = list;
	build_pairs(L, tree, t, depth);
	return t;
}

void shared_build(lua_State *L, struct shared_tree *tree, int index)
{
	lua_pushvalue(L, index);
	tree->top = build_table(L, tree, 0);
	lua_pop(L, 1);
}

/* ---- reading ---- */

uint32_t shared_place(lua_State *L, const struct shared_table *t, int index)
{
	if (in_list(L, index, t->length))
		return (uint32_t)lua_tonumber(L, index);
	struct shared_value key = key_at(L, index);
	if (key.kind == SHARED_NIL || t->room == 0)
		return 0;
	uint32_t slot = slot_of(t->pairs, t->room, &key);
	return t->pairs[slot].key.kind == SHARED_NIL ? 0 : t->length + 1 + slot;
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
	shared_tree_release(n->tree);
	mem_free(n);
}

static struct shared_name **link_of(const char *name)
{
	struct shared_name **at = &names;
	while (*at && strcmp((*at)->text, name) != 0)
		at = &(*at)->next;
	return at;
}

bool shared_publish(const char *name, struct shared_tree *tree, bool must_be_new)
{
	struct shared_name *fresh = mem_zalloc(sizeof(*fresh) + strlen(name) + 1);
	struct shared_tree *before = NULL;
	memcpy(fresh->text, name, strlen(name));
	store_relaxed(&fresh->references, 1);
	store_relaxed(&fresh->version, 1);
	fresh->tree = tree;
	pthread_mutex_lock(&names_lock);
	struct shared_name *there = *link_of(name);
	if (there == NULL) {
		fresh->next = names;
		names = fresh;
		fresh = NULL;
	} else if (!must_be_new) {
		before = there->tree;
		there->tree = tree;
		add_acq_rel(&there->version, 1);
	}
	pthread_mutex_unlock(&names_lock);
	mem_free(fresh);
	if (before)
		shared_tree_release(before);
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

struct shared_tree *shared_present(struct shared_name *n, uint64_t *version)
{
	pthread_mutex_lock(&names_lock);
	struct shared_tree *tree = n->tree;
	add_relaxed(&tree->references, 1);
	*version = load_relaxed(&n->version);
	pthread_mutex_unlock(&names_lock);
	return tree;
}
