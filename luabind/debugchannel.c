/* SPDX-License-Identifier: MIT
 *
 * The module skynet.debugchannel: lines of text from one service into another, past its mailbox, so that a debugger
 * gets its commands through whatever the service is busy with. One end makes the channel and writes, one connects
 * by the channel's number (offer.h) and reads. Either learns from the other's end: reading says so, and writing is in
 * vain. Ends are leases.
 */
#include "luabind/cmodule.h"

#include "core/clock.h"
#include "core/mem.h"
#include "luabind/debughook.h"
#include "luabind/lease.h"
#include "luabind/offer.h"
#include "luabind/vm.h"

#include <errno.h>
#include <lauxlib.h>
#include <pthread.h>
#include <string.h>

struct line {
	struct line *next;
	size_t size_bytes;
	char text[];
};

struct channel {
	struct offer offer;
	pthread_mutex_t lock;    /* around what follows, for a few instructions */
	pthread_cond_t changed;  /* a line, or an end less */
	struct line *head, **tail;
	int ends;                /* that are open */
	bool connected;          /* there was a second one */
};

/* What the userdata of an end points to. */
struct end {
	struct lease lease;
	struct channel *channel;
	struct line *line; /* read last: freed with the next, so that nobody owns it while Lua may raise */
};

/* ---- channels ---- */

static void channel_destroy(struct offer *o)
{
	struct channel *c = (struct channel *)o;
	while (c->head) {
		struct line *line = c->head;
		c->head = line->next;
		mem_free(line);
	}
	pthread_cond_destroy(&c->changed);
	pthread_mutex_destroy(&c->lock);
	mem_free(c);
}

static struct channel *channel_new(void)
{
	struct channel *c = mem_zalloc(sizeof(*c));
	pthread_condattr_t attributes;
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&c->changed, &attributes);
	pthread_condattr_destroy(&attributes);
	pthread_mutex_init(&c->lock, NULL);
	c->tail = &c->head;
	c->ends = 1;
	offer_begin(&c->offer, channel_destroy);
	return c;
}

/* The channel of this number with a reference; NULL: there is none that nobody has connected to yet. */
static struct channel *channel_connect(uint64_t number)
{
	struct channel *c = (struct channel *)offer_take(number, channel_destroy);
	if (c == NULL)
		return NULL;
	pthread_mutex_lock(&c->lock);
	bool free_yet = !c->connected;
	if (free_yet) {
		c->connected = true;
		c->ends++;
	}
	pthread_mutex_unlock(&c->lock);
	if (free_yet)
		return c;
	offer_release(&c->offer);
	return NULL;
}

static void channel_write(struct channel *c, const char *text, size_t size_bytes)
{
	struct line *line = mem_alloc(sizeof(*line) + size_bytes);
	line->next = NULL;
	line->size_bytes = size_bytes;
	memcpy(line->text, text, size_bytes);
	pthread_mutex_lock(&c->lock);
	*c->tail = line;
	c->tail = &line->next;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
}

/* Under the lock. Both ends were there, and one is not any more. */
static bool is_over(const struct channel *c)
{
	return c->connected && c->ends < 2;
}

/* The oldest line, which the caller frees. NULL: there was none until the end of the time, or (*closed) there will be no
 * more. */
static struct line *channel_read(struct channel *c, int64_t wait_ns, bool *closed)
{
	int64_t until_ns = clock_mono_ns() + wait_ns;
	struct timespec until = {until_ns / NS_PER_S, until_ns % NS_PER_S};
	int result = wait_ns > 0 ? 0 : ETIMEDOUT;
	pthread_mutex_lock(&c->lock);
	while (c->head == NULL && !is_over(c) && result != ETIMEDOUT)
		result = pthread_cond_timedwait(&c->changed, &c->lock, &until);
	struct line *line = c->head;
	if (line) {
		c->head = line->next;
		if (c->head == NULL)
			c->tail = &c->head;
	}
	*closed = line == NULL && is_over(c);
	pthread_mutex_unlock(&c->lock);
	return line;
}

/* ---- ends ---- */

static void end_end(struct lease *l)
{
	struct end *e = (struct end *)l;
	struct channel *c = e->channel;
	offer_withdraw(&c->offer);
	pthread_mutex_lock(&c->lock);
	c->ends--;
	pthread_cond_signal(&c->changed);
	pthread_mutex_unlock(&c->lock);
	offer_release(&c->offer);
	mem_free(e->line);
	mem_free(e);
}

/* Upvalue of all functions: the metatable of ends. */
enum { UPVALUE_END = 1 };

static struct end **check_end(lua_State *L)
{
	struct end **box = NULL;
	if (lua_type(L, 1) == LUA_TUSERDATA && lua_getmetatable(L, 1)) {
		if (lua_rawequal(L, -1, lua_upvalueindex(UPVALUE_END)))
			box = lua_touserdata(L, 1);
		lua_pop(L, 1);
	}
	if (box == NULL || *box == NULL)
		luaL_argerror(L, 1, "a debug channel expected");
	return box;
}

/* Pushes an empty one, before there is anything that could be lost when that raises. */
static struct end **push_end(lua_State *L)
{
	struct end **box = lua_newuserdata(L, sizeof(struct end *));
	*box = NULL;
	lua_pushvalue(L, lua_upvalueindex(UPVALUE_END));
	lua_setmetatable(L, -2);
	return box;
}

/* Takes the channel's reference over. */
static void fill_end(lua_State *L, struct end **box, struct channel *c)
{
	struct end *e = mem_zalloc(sizeof(*e));
	e->channel = c;
	*box = e;
	lease_begin(vm_of(L), &e->lease, end_end);
}

static int end_gc(lua_State *L)
{
	struct end **box = lua_touserdata(L, 1);
	struct end *e = *box;
	*box = NULL;
	if (e)
		lease_end(&e->lease);
	return 0;
}

/* ---- functions ---- */

/* () -> the end that writes, and the number for the other one, as a light userdata */
static int debugchannel_create(lua_State *L)
{
	struct end **box = push_end(L);
	fill_end(L, box, channel_new());
	lua_pushlightuserdata(L, (void *)(uintptr_t)(*box)->channel->offer.number);
	return 2;
}

/* (number) -> the end that reads; raises when there is no such channel, or somebody has connected before */
static int debugchannel_connect(lua_State *L)
{
	if (lua_type(L, 1) != LUA_TLIGHTUSERDATA)
		return luaL_error(L, "Invalid channel pointer");
	struct end **box = push_end(L);
	struct channel *c = channel_connect((uintptr_t)lua_touserdata(L, 1));
	if (c == NULL)
		return luaL_error(L, "new channel failed");
	fill_end(L, box, c);
	return 1;
}

/* (channel): the other end is told. */
static int debugchannel_release(lua_State *L)
{
	check_end(L);
	return end_gc(L);
}

/* (channel [, seconds]) -> a line; nil; or nil, "closed" when there will be no more. To wait blocks the thread. */
static int debugchannel_read(lua_State *L)
{
	struct end *e = *check_end(L);
	lua_Number seconds = luaL_optnumber(L, 2, 0);
	bool closed;
	luaL_argcheck(L, seconds >= 0 && seconds <= 3600, 2, "0 to 3600 seconds expected");
	mem_free(e->line);
	e->line = channel_read(e->channel, (int64_t)(seconds * NS_PER_S), &closed);
	if (e->line) {
		lua_pushlstring(L, e->line->text, e->line->size_bytes);
		return 1;
	}
	lua_pushnil(L);
	if (!closed)
		return 1;
	lua_pushliteral(L, "closed");
	return 2;
}

/* (channel, text) */
static int debugchannel_write(lua_State *L)
{
	size_t size_bytes;
	struct end *e = *check_end(L);
	const char *text = luaL_checklstring(L, 2, &size_bytes);
	channel_write(e->channel, text, size_bytes);
	return 0;
}

static void set_functions(lua_State *L, const luaL_Reg *functions)
{
	lua_pushvalue(L, 1);
	luaL_openlib(L, NULL, functions, 1);
}

int debugchannel_open(lua_State *L)
{
	static const luaL_Reg methods[] = {{"read", debugchannel_read}, {"write", debugchannel_write}, {NULL, NULL}};
	static const luaL_Reg functions[] = {{"create", debugchannel_create},
					     {"connect", debugchannel_connect},
					     {"release", debugchannel_release},
					     {"sethook", debughook_set},
					     {NULL, NULL}};
	lua_settop(L, 0);
	lua_newtable(L);
	lua_pushcfunction(L, end_gc);
	lua_setfield(L, 1, "__gc");
	lua_newtable(L);
	set_functions(L, methods);
	lua_setfield(L, 1, "__index");
	lua_newtable(L);
	set_functions(L, functions);
	return 1;
}
