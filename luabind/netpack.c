/* SPDX-License-Identifier: MIT
 *
 * skynet.netpack: messages of sockets to packages. A package is a length of two bytes, the high one first, and so
 * many bytes. What has come of packages that are not complete, and complete ones that nobody has popped, is held by a
 * queue: a userdata that `filter` makes when it first needs one and returns as its first result always.
 *
 * Ownership: the blocks are from mem_alloc. A block in a queue is the queue's; one that `filter` or `pop` returns is
 * the caller's, who gives it to `tostring` or sends it on. `filter` frees the bytes of the socket message. Unlike in
 * skynet, a queue that becomes garbage frees what it holds, so a service that ends without `clear` leaks nothing.
 *
 * Hostile peers: a package takes memory for its announced length, 64 KB at most, as soon as two bytes have come; who
 * connects is limited elsewhere.
 */
#include "luabind/cmodule.h"
#include "core/mem.h"
#include "luabind/socketmsg.h"

#include <lauxlib.h>
#include <string.h>

enum { HEAD_BYTES = 2, PACKAGE_BYTES_MAX = 0xffff };

struct package {
	int id; /* of the socket */
	size_t size_bytes;
	uint8_t *data;
};

/* What has come of one package of one socket. */
struct partial {
	struct partial *next;
	struct package package; /* data: NULL until the length is complete */
	size_t read_bytes;      /* of the data */
	uint8_t high;           /* the first byte of the length, if data is NULL */
};

struct netqueue {
	struct package *ring; /* complete ones, oldest at `head`; `room` is 0 or a power of two */
	size_t head, count, room;
	struct partial **buckets; /* by id; `bucket_count` is 0 or a power of two */
	size_t bucket_count, partial_count;
};

static const char queue_key; /* its address is the registry key of the metatable */

/* ---- queues ---- */

static void free_partial(struct partial *p)
{
	mem_free(p->package.data);
	mem_free(p);
}

static void clear(struct netqueue *q)
{
	for (size_t i = 0; i < q->count; i++)
		mem_free(q->ring[(q->head + i) & (q->room - 1)].data);
	for (size_t i = 0; i < q->bucket_count; i++) {
		while (q->buckets[i]) {
			struct partial *p = q->buckets[i];
			q->buckets[i] = p->next;
			free_partial(p);
		}
	}
	mem_free(q->ring);
	mem_free(q->buckets);
	memset(q, 0, sizeof(*q));
}

/* The queue at `index`; NULL for nil or nothing. Raises for what is none. */
static struct netqueue *queue_at(lua_State *L, int index)
{
	if (lua_isnoneornil(L, index))
		return NULL;
	struct netqueue *q = lua_touserdata(L, index);
	lua_pushlightuserdata(L, (void *)(uintptr_t)&queue_key);
	lua_rawget(L, LUA_REGISTRYINDEX);
	if (lua_type(L, index) != LUA_TUSERDATA || !lua_getmetatable(L, index) || !lua_rawequal(L, -1, -2))
		luaL_argerror(L, index, "a queue of netpack expected");
	lua_pop(L, 2);
	return q;
}

static int queue_gc(lua_State *L)
{
	clear(lua_touserdata(L, 1));
	return 0;
}

/* () -> an empty queue */
static int queue_new(lua_State *L)
{
	struct netqueue *q = lua_newuserdata(L, sizeof(*q));
	memset(q, 0, sizeof(*q));
	lua_pushlightuserdata(L, (void *)(uintptr_t)&queue_key);
	lua_rawget(L, LUA_REGISTRYINDEX);
	lua_setmetatable(L, -2);
	return 1;
}

static void push_package(struct netqueue *q, struct package package)
{
	if (q->count == q->room) {
		size_t room = q->room ? q->room * 2 : 16;
		struct package *ring = mem_alloc(room * sizeof(*ring));
		for (size_t i = 0; i < q->count; i++)
			ring[i] = q->ring[(q->head + i) & (q->room - 1)];
		mem_free(q->ring);
		q->ring = ring;
		q->head = 0;
		q->room = room;
	}
	q->ring[(q->head + q->count++) & (q->room - 1)] = package;
}

/* ---- packages that are not complete ---- */

static struct partial **bucket_of(struct netqueue *q, int id)
{
	return &q->buckets[((uint32_t)id * 2654435761u >> 8) & (q->bucket_count - 1)];
}

static void keep_partial(struct netqueue *q, struct partial *p)
{
	if (q->partial_count == q->bucket_count) {
		struct partial **old = q->buckets;
		size_t old_count = q->bucket_count;
		q->bucket_count = old_count ? old_count * 2 : 16;
		q->buckets = mem_zalloc(q->bucket_count * sizeof(struct partial *));
		for (size_t i = 0; i < old_count; i++) {
			for (struct partial *each = old[i], *next; each; each = next) {
				struct partial **bucket = bucket_of(q, each->package.id);
				next = each->next;
				each->next = *bucket;
				*bucket = each;
			}
		}
		mem_free(old);
	}
	struct partial **bucket = bucket_of(q, p->package.id);
	p->next = *bucket;
	*bucket = p;
	q->partial_count++;
}

static struct partial *take_partial(struct netqueue *q, int id)
{
	if (q->bucket_count == 0)
		return NULL;
	for (struct partial **at = bucket_of(q, id); *at; at = &(*at)->next) {
		struct partial *p = *at;
		if (p->package.id == id) {
			*at = p->next;
			q->partial_count--;
			return p;
		}
	}
	return NULL;
}

static void drop_partial(struct netqueue *q, int id)
{
	struct partial *p = q ? take_partial(q, id) : NULL;
	if (p)
		free_partial(p);
}

/* ---- bytes to packages ---- */

struct span {
	const uint8_t *at;
	size_t left;
};

static uint8_t next_byte(struct span *in)
{
	in->left--;
	return *in->at++;
}

/* Has `p` take what it lacks; true when it is complete. */
static bool fill(struct partial *p, struct span *in)
{
	if (p->package.data == NULL) {
		if (in->left == 0)
			return false;
		p->package.size_bytes = (size_t)p->high << 8 | next_byte(in);
		p->package.data = mem_alloc(p->package.size_bytes ? p->package.size_bytes : 1);
	}
	size_t lacking = p->package.size_bytes - p->read_bytes;
	size_t taken = in->left < lacking ? in->left : lacking;
	memcpy(p->package.data + p->read_bytes, in->at, taken);
	p->read_bytes += taken;
	in->at += taken;
	in->left -= taken;
	return taken == lacking;
}

/* All of the bytes; complete packages go to the end of the ring. True when no byte is left over. */
static bool split(struct netqueue *q, int id, struct span in)
{
	struct partial *p = take_partial(q, id);
	while (p || in.left > 0) {
		if (p == NULL) {
			p = mem_zalloc(sizeof(*p));
			p->package.id = id;
			p->high = next_byte(&in);
		}
		if (!fill(p, &in)) {
			keep_partial(q, p);
			return false;
		}
		push_package(q, p->package);
		mem_free(p);
		p = NULL;
	}
	return true;
}

/* The address at `index`; NULL for what is none. Raises for an object of Lua's, which is no block of ours to be freed. */
static void *block_at(lua_State *L, int index)
{
	luaL_argcheck(L, lua_type(L, index) != LUA_TUSERDATA, index, "a pointer expected, not an object");
	return lua_touserdata(L, index);
}

/* ---- filter ---- */

enum result {
	RESULT_DATA = 1,
	RESULT_MORE,
	RESULT_ERROR,
	RESULT_OPEN,
	RESULT_CLOSE,
	RESULT_WARNING,
	RESULT_INIT,
	RESULT_COUNT = RESULT_INIT
};

/* The upvalue of `filter` behind the names of the results. */
enum { UPVALUE_QUEUE_NEW = RESULT_COUNT + 1 };

static void push_result(lua_State *L, enum result which, int id)
{
	lua_pushvalue(L, lua_upvalueindex((int)which));
	lua_pushinteger(L, id);
}

/* Has a queue at stack index 1; when there is no memory for one, the bytes of the message are lost, and freed. */
static struct netqueue *need_queue(lua_State *L, struct netqueue *q, struct socketmsg *m)
{
	if (q)
		return q;
	lua_pushvalue(L, lua_upvalueindex(UPVALUE_QUEUE_NEW));
	if (lua_pcall(L, 0, 1, 0) != 0) {
		mem_free(m->buffer);
		m->buffer = NULL;
		lua_error(L);
	}
	lua_replace(L, 1);
	return lua_touserdata(L, 1);
}

/* A package that is all that came is returned at once. If there is more, also only a first part of the next,
 * everything is for `pop`. */
static int filter_data(lua_State *L, struct netqueue *q, struct socketmsg *m)
{
	q = need_queue(L, q, m);
	size_t before = q->count;
	bool alone = m->ud <= 0 ||
		     split(q, m->id, (struct span){(const uint8_t *)m->buffer, (size_t)m->ud});
	mem_free(m->buffer);
	m->buffer = NULL;
	if (q->count == before)
		return 1;
	if (!alone || q->count > before + 1) {
		lua_pushvalue(L, lua_upvalueindex(RESULT_MORE));
		return 2;
	}
	struct package *p = &q->ring[(q->head + before) & (q->room - 1)];
	push_result(L, RESULT_DATA, p->id);
	lua_pushlightuserdata(L, p->data);
	lua_pushinteger(L, (lua_Integer)p->size_bytes);
	q->count--; /* HANDOVER: the caller frees it */
	return 5;
}

static void push_text(lua_State *L, const struct socketmsg *m, size_t size_bytes)
{
	lua_pushlstring(L, (const char *)(m + 1), m->buffer ? 0 : size_bytes - sizeof(*m));
}

/* (queue|nil, socket message, size) -> queue|nil [, what, ...]:
 *   "data", id, block, size     one package        "open", new id, address
 *   "more"                      some, to be popped "init", id, address, port
 *   "close", id                                    "error", id, text
 *   "warning", id, KB that wait
 * Only the queue: nothing is complete yet. */
static int netpack_filter(lua_State *L)
{
	struct netqueue *q = queue_at(L, 1);
	struct socketmsg *m = block_at(L, 2);
	lua_Integer size = luaL_checkinteger(L, 3);
	luaL_argcheck(L, m && size >= (lua_Integer)sizeof(*m), 2, "a socket message expected");
	lua_settop(L, 1);
	switch (m->type) {
	case SOCKETMSG_DATA:
		return filter_data(L, q, m);
	case SOCKETMSG_CONNECT:
		push_result(L, RESULT_INIT, m->id);
		push_text(L, m, (size_t)size);
		lua_pushinteger(L, m->ud);
		return 5;
	case SOCKETMSG_CLOSE:
		drop_partial(q, m->id);
		push_result(L, RESULT_CLOSE, m->id);
		return 3;
	case SOCKETMSG_ACCEPT:
		push_result(L, RESULT_OPEN, m->ud);
		push_text(L, m, (size_t)size);
		return 4;
	case SOCKETMSG_ERROR:
		drop_partial(q, m->id);
		push_result(L, RESULT_ERROR, m->id);
		push_text(L, m, (size_t)size);
		return 4;
	case SOCKETMSG_WARNING:
		push_result(L, RESULT_WARNING, m->id);
		lua_pushinteger(L, m->ud);
		return 4;
	default:
		return 1;
	}
}

/* ---- the rest ---- */

/* (queue|nil) -> id, block, size; nothing when it is empty */
static int netpack_pop(lua_State *L)
{
	struct netqueue *q = queue_at(L, 1);
	if (q == NULL || q->count == 0)
		return 0;
	struct package *p = &q->ring[q->head];
	lua_pushinteger(L, p->id);
	lua_pushlightuserdata(L, p->data);
	lua_pushinteger(L, (lua_Integer)p->size_bytes);
	q->head = (q->head + 1) & (q->room - 1); /* HANDOVER: the caller frees it */
	q->count--;
	return 3;
}

/* (queue|nil) */
static int netpack_clear(lua_State *L)
{
	struct netqueue *q = queue_at(L, 1);
	if (q)
		clear(q);
	return 0;
}

/* (string | block, size) -> block, size with the length in front; a block that is given stays the caller's */
static int netpack_pack(lua_State *L)
{
	size_t size;
	const void *data = block_at(L, 1);
	lua_Number told = data ? luaL_checknumber(L, 2) : 0;
	if (data)
		size = told >= 0 && told <= PACKAGE_BYTES_MAX ? (size_t)told : SIZE_MAX;
	else
		data = luaL_checklstring(L, 1, &size);
	if (size > PACKAGE_BYTES_MAX)
		return luaL_error(L, "Invalid size (too long) of data : %d", (int)size);
	uint8_t *block = mem_alloc(HEAD_BYTES + size);
	block[0] = (uint8_t)(size >> 8);
	block[1] = (uint8_t)size;
	memcpy(block + HEAD_BYTES, data, size);
	lua_pushlightuserdata(L, block);
	lua_pushinteger(L, (lua_Integer)(HEAD_BYTES + size));
	return 2;
}

static int push_bytes(lua_State *L)
{
	lua_pushlstring(L, lua_touserdata(L, 1), (size_t)lua_tointeger(L, 2));
	return 1;
}

/* (block, size) -> string; frees the block, also when there is no memory for the string */
static int netpack_tostring(lua_State *L)
{
	void *block = block_at(L, 1);
	lua_Integer size = luaL_checkinteger(L, 2);
	luaL_argcheck(L, size >= 0, 2, "a size expected");
	if (block == NULL) {
		lua_pushliteral(L, "");
		return 1;
	}
	lua_settop(L, 2);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	int status = lua_pcall(L, 2, 1, 0);
	mem_free(block);
	return status == 0 ? 1 : lua_error(L);
}

static void make_metatable(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)&queue_key);
	lua_createtable(L, 0, 1);
	lua_pushcfunction(L, queue_gc);
	lua_setfield(L, -2, "__gc");
	lua_rawset(L, LUA_REGISTRYINDEX);
}

int netpack_open(lua_State *L)
{
	/* In the order of enum result. */
	static const char *const names[RESULT_COUNT] = {"data",  "more",    "error", "open",
							"close", "warning", "init"};
	static const luaL_Reg functions[] = {
		{"pop", netpack_pop}, {"pack", netpack_pack}, {"clear", netpack_clear}, {NULL, NULL}};
	make_metatable(L);
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_pushcfunction(L, push_bytes);
	lua_pushcclosure(L, netpack_tostring, 1);
	lua_setfield(L, -2, "tostring");
	for (int i = 0; i < RESULT_COUNT; i++)
		lua_pushstring(L, names[i]);
	lua_pushcfunction(L, queue_new);
	lua_pushcclosure(L, netpack_filter, UPVALUE_QUEUE_NEW);
	lua_setfield(L, -2, "filter");
	return 1;
}
