/* SPDX-License-Identifier: MIT
 *
 * The module skynet.stm.core, under skynet/stm.lua: bytes that one service writes and others read without asking it.
 *
 * A *store* has one writer, and its *present* bytes, a counted block that never changes. Writing puts another block in its
 * place; reading takes a reference of the present one. What a reader has read stays as it is while a *pin* holds it.
 * When the writer is gone there is nothing to be read any more.
 *
 * A store's number (offer.h) is what stm.copy gives and what travels to readers. Writer, readers and pins are leases, so
 * services that are killed keep nothing.
 */
#include "luabind/cmodule.h"

#include "core/atomics.h"
#include "core/mem.h"
#include "luabind/api.h"
#include "luabind/lease.h"
#include "luabind/offer.h"
#include "luabind/vm.h"

#include <lauxlib.h>
#include <pthread.h>

struct block {
	_Atomic uint32_t references;
	size_t size_bytes;
	void *data; /* from mem_alloc */
};

struct store {
	struct offer offer;
	pthread_mutex_t lock;  /* around `present`, for a few instructions */
	struct block *present; /* NULL: the writer is gone */
};

/* A writer, a reader or a pin: what its userdata points to. */
struct hold {
	struct lease lease;
	struct store *store; /* of a pin NULL; of a reader NULL when its writer was gone already */
	struct block *block; /* of a reader: what it has read last; of a pin: what it keeps */
};

static _Atomic uint64_t blocks;

/* ---- blocks and stores ---- */

static struct block *block_new(void *data, size_t size_bytes)
{
	struct block *b = mem_zalloc(sizeof(*b));
	store_relaxed(&b->references, 1);
	b->data = data;
	b->size_bytes = size_bytes;
	add_relaxed(&blocks, 1);
	return b;
}

static void block_release(struct block *b)
{
	if (b == NULL || sub_acq_rel(&b->references, 1) != 1)
		return;
	mem_free(b->data);
	mem_free(b);
	sub_relaxed(&blocks, 1);
}

static void store_destroy(struct offer *o)
{
	struct store *s = (struct store *)o;
	block_release(s->present);
	pthread_mutex_destroy(&s->lock);
	mem_free(s);
}

/* Takes over the caller's reference. */
static void store_put(struct store *s, struct block *b)
{
	pthread_mutex_lock(&s->lock);
	struct block *before = s->present;
	s->present = b;
	pthread_mutex_unlock(&s->lock);
	block_release(before);
}

/* A reference for the caller; NULL when there is nothing. */
static struct block *store_get(struct store *s)
{
	if (s == NULL)
		return NULL;
	pthread_mutex_lock(&s->lock);
	struct block *b = s->present;
	if (b)
		add_relaxed(&b->references, 1);
	pthread_mutex_unlock(&s->lock);
	return b;
}

/* ---- holds ---- */

static void hold_end(struct lease *l)
{
	struct hold *h = (struct hold *)l;
	block_release(h->block);
	if (h->store)
		offer_release(&h->store->offer);
	mem_free(h);
}

static void writer_end(struct lease *l)
{
	struct hold *h = (struct hold *)l;
	offer_withdraw(&h->store->offer);
	store_put(h->store, NULL);
	hold_end(l);
}

/* Upvalues of all functions: the metatables of writers, readers and pins. */
enum { UPVALUE_WRITER = 1, UPVALUE_READER, UPVALUE_PIN, UPVALUE_COUNT = UPVALUE_PIN };

static const char *const kind_names[] = {
	[UPVALUE_WRITER] = "what stm.new gives expected",
	[UPVALUE_READER] = "what stm.newcopy gives expected",
	[UPVALUE_PIN] = "a pin expected",
};

static struct hold **check_box(lua_State *L, int index, int kind)
{
	struct hold **box = NULL;
	if (lua_type(L, index) == LUA_TUSERDATA && lua_getmetatable(L, index)) {
		if (lua_rawequal(L, -1, lua_upvalueindex(kind)))
			box = lua_touserdata(L, index);
		lua_pop(L, 1);
	}
	if (box == NULL || *box == NULL)
		luaL_argerror(L, index, kind_names[kind]);
	return box;
}

/* Pushes an empty box of a kind, before there is anything that could be lost when that raises. */
static struct hold **push_box(lua_State *L, int kind)
{
	struct hold **box = lua_newuserdata(L, sizeof(struct hold *));
	*box = NULL;
	lua_pushvalue(L, lua_upvalueindex(kind));
	lua_setmetatable(L, -2);
	return box;
}

/* Takes the references over. */
static void fill_box(lua_State *L, struct hold **box, struct store *s, struct block *b, void (*end)(struct lease *))
{
	struct hold *h = mem_zalloc(sizeof(*h));
	h->store = s;
	h->block = b;
	*box = h;
	lease_begin(vm_of(L), &h->lease, end);
}

static int box_gc(lua_State *L)
{
	struct hold **box = lua_touserdata(L, 1);
	struct hold *h = *box;
	*box = NULL;
	if (h)
		lease_end(&h->lease);
	return 0;
}

/* ---- functions ---- */

/* (string | pointer, size in bytes, taken over) -> a writer */
static int stm_new(lua_State *L)
{
	size_t size_bytes;
	struct hold **box = push_box(L, UPVALUE_WRITER);
	void *data = api_check_payload(L, 1, &size_bytes);
	struct store *s = mem_zalloc(sizeof(*s));
	pthread_mutex_init(&s->lock, NULL);
	s->present = block_new(data, size_bytes);
	offer_begin(&s->offer, store_destroy);
	fill_box(L, box, s, NULL, writer_end);
	return 1;
}

/* (writer, string | pointer, size) */
static int stm_write(lua_State *L)
{
	size_t size_bytes;
	struct store *s = (*check_box(L, 1, UPVALUE_WRITER))->store;
	void *data = api_check_payload(L, 2, &size_bytes);
	store_put(s, block_new(data, size_bytes));
	return 0;
}

/* (writer) -> its number, as a light userdata: what skynet gives is one, too */
static int stm_copy(lua_State *L)
{
	struct store *s = (*check_box(L, 1, UPVALUE_WRITER))->store;
	lua_pushlightuserdata(L, (void *)(uintptr_t)s->offer.number);
	return 1;
}

/* (number) -> a reader, of nothing when the writer is gone */
static int stm_newcopy(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TLIGHTUSERDATA);
	struct hold **box = push_box(L, UPVALUE_READER);
	struct offer *o = offer_take((uintptr_t)lua_touserdata(L, 1), store_destroy);
	fill_box(L, box, (struct store *)o, NULL, hold_end);
	return 1;
}

/* (reader) -> pin, pointer, size; nothing when there is nothing new. The pointer is good as long as the pin. */
static int stm_read(lua_State *L)
{
	struct hold *reader = *check_box(L, 1, UPVALUE_READER);
	struct hold **box = push_box(L, UPVALUE_PIN);
	struct block *now = store_get(reader->store);
	if (now == reader->block) {
		block_release(now);
		return 0;
	}
	block_release(reader->block);
	reader->block = now;
	if (now == NULL)
		return 0;
	add_relaxed(&now->references, 1);
	fill_box(L, box, NULL, now, hold_end);
	lua_pushlightuserdata(L, now->data);
	lua_pushnumber(L, (lua_Number)now->size_bytes);
	return 3;
}

/* (pin): what it kept is not used any more. */
static int stm_unpin(lua_State *L)
{
	check_box(L, 1, UPVALUE_PIN);
	return box_gc(L);
}

/* () -> how many blocks there are in the process */
static int stm_blocks(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)load_relaxed(&blocks));
	return 1;
}

int stm_open(lua_State *L)
{
	static const luaL_Reg functions[] = {{"new", stm_new},   {"copy", stm_copy},     {"newcopy", stm_newcopy},
					     {"read", stm_read}, {"unpin", stm_unpin},   {"write", stm_write},
					     {"blocks", stm_blocks}, {NULL, NULL}};
	lua_settop(L, 0);
	for (int kind = UPVALUE_WRITER; kind <= UPVALUE_PIN; kind++) {
		lua_newtable(L);
		lua_pushcfunction(L, box_gc);
		lua_setfield(L, -2, "__gc");
	}
	lua_newtable(L);
	lua_pushvalue(L, UPVALUE_WRITER);
	lua_setfield(L, -2, "writer");
	lua_pushvalue(L, UPVALUE_READER);
	lua_setfield(L, -2, "reader");
	lua_insert(L, 1);
	luaL_openlib(L, NULL, functions, UPVALUE_COUNT);
	return 1;
}
