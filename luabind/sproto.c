/* SPDX-License-Identifier: MIT
 *
 * A schema and a type of it are userdata; each holds a reference of the schema, so neither outlives it, whatever order
 * they are collected in. (In skynet both are plain pointers.) A NULL light userdata in place of a type stands for
 * "nothing": the response of a protocol that only confirms.
 *
 * Schemas in the slots are the process's: every service that loads one shares it. A slot that is overwritten lets go of
 * what it had; those who loaded that keep it.
 */
#include "luabind/cmodule.h"
#include "luabind/sproto_codec.h"
#include "core/mem.h"

#include <lauxlib.h>
#include <pthread.h>

enum { SLOT_COUNT = 128 };

/* A buffer up to this size is kept for the next encoding. */
enum { KEPT_BYTES_MAX = 64 * 1024 };

/* Upvalues of all functions; the last is encode's own. */
enum { UPVALUE_SCHEMA = 1, UPVALUE_TYPE, UPVALUE_BUFFER, UPVALUE_COUNT = UPVALUE_BUFFER };

struct schema_box {
	struct sproto *schema; /* NULL after deleteproto */
};

struct type_box {
	struct sproto *schema;
	const struct sproto_type *type;
};

static pthread_mutex_t slots_lock = PTHREAD_MUTEX_INITIALIZER;
static struct sproto *slots[SLOT_COUNT];

/* ---- boxes ---- */

/* The userdata at `index` if it has the metatable in that upvalue. */
static void *box_at(lua_State *L, int index, int upvalue)
{
	void *box = NULL;
	if (lua_type(L, index) == LUA_TUSERDATA && lua_getmetatable(L, index)) {
		if (lua_rawequal(L, -1, lua_upvalueindex(upvalue)))
			box = lua_touserdata(L, index);
		lua_pop(L, 1);
	}
	return box;
}

static struct sproto *check_schema(lua_State *L, int index)
{
	struct schema_box *box = box_at(L, index, UPVALUE_SCHEMA);
	if (box == NULL || box->schema == NULL)
		luaL_argerror(L, index, "Need a sproto object");
	return box->schema;
}

/* NULL: nothing. */
static const struct sproto_type *check_type(lua_State *L, int index)
{
	if (lua_islightuserdata(L, index) && lua_touserdata(L, index) == NULL)
		return NULL;
	struct type_box *box = box_at(L, index, UPVALUE_TYPE);
	if (box == NULL)
		luaL_argerror(L, index, "Need a sproto_type object");
	return box->type;
}

static struct schema_box *push_schema_box(lua_State *L)
{
	struct schema_box *box = lua_newuserdata(L, sizeof(*box));
	box->schema = NULL;
	lua_pushvalue(L, lua_upvalueindex(UPVALUE_SCHEMA));
	lua_setmetatable(L, -2);
	return box;
}

static int push_type(lua_State *L, struct sproto *s, const struct sproto_type *t)
{
	if (t == NULL) {
		lua_pushnil(L);
		return 1;
	}
	struct type_box *box = lua_newuserdata(L, sizeof(*box));
	box->schema = NULL;
	lua_pushvalue(L, lua_upvalueindex(UPVALUE_TYPE));
	lua_setmetatable(L, -2);
	sproto_hold(s);
	box->schema = s;
	box->type = t;
	return 1;
}

static int release_box(lua_State *L)
{
	/* Both kinds of boxes begin with the schema. */
	struct schema_box *box = lua_touserdata(L, 1);
	if (box->schema)
		sproto_release(box->schema);
	box->schema = NULL;
	return 0;
}

/* Bytes as a string, or a light userdata and a size; `next` is the index behind them. */
static struct wire_span check_bytes(lua_State *L, int index, int *next)
{
	struct wire_span bytes;
	*next = index + 1;
	if (lua_islightuserdata(L, index)) {
		lua_Integer size = luaL_checkinteger(L, index + 1);
		luaL_argcheck(L, size >= 0, index + 1, "a size expected");
		*next = index + 2;
		return (struct wire_span){lua_touserdata(L, index), (size_t)size};
	}
	bytes.at = (const uint8_t *)luaL_checklstring(L, index, &bytes.size);
	return bytes;
}

/* ---- schemas ---- */

/* (bytes of a schema) -> schema | nil, why */
static int core_newproto(lua_State *L)
{
	int next;
	struct wire_span bytes = check_bytes(L, 1, &next);
	struct schema_box *box = push_schema_box(L);
	box->schema = sproto_read(bytes.at, bytes.size);
	if (box->schema)
		return 1;
	lua_pushnil(L);
	lua_pushliteral(L, "the bytes are no sproto schema");
	return 2;
}

/* (schema): is not needed, the collector does it. */
static int core_deleteproto(lua_State *L)
{
	check_schema(L, 1);
	lua_settop(L, 1);
	return release_box(L);
}

static int check_slot(lua_State *L, int index)
{
	lua_Integer slot = luaL_optinteger(L, index, 0);
	if (slot < 0 || slot >= SLOT_COUNT)
		luaL_error(L, "Invalid global slot index %d", (int)slot);
	return (int)slot;
}

/* (schema, slot) */
static int core_saveproto(lua_State *L)
{
	struct sproto *s = check_schema(L, 1);
	int slot = check_slot(L, 2);
	sproto_hold(s);
	pthread_mutex_lock(&slots_lock);
	struct sproto *before = slots[slot];
	slots[slot] = s;
	pthread_mutex_unlock(&slots_lock);
	if (before)
		sproto_release(before);
	return 0;
}

/* (slot) -> schema */
static int core_loadproto(lua_State *L)
{
	int slot = check_slot(L, 1);
	struct schema_box *box = push_schema_box(L);
	pthread_mutex_lock(&slots_lock);
	box->schema = slots[slot];
	if (box->schema)
		sproto_hold(box->schema);
	pthread_mutex_unlock(&slots_lock);
	return box->schema ? 1 : luaL_error(L, "nil sproto at index %d", slot);
}

/* (schema, name) -> type | nil */
static int core_querytype(lua_State *L)
{
	struct sproto *s = check_schema(L, 1);
	return push_type(L, s, sproto_find_type(s, luaL_checkstring(L, 2)));
}

/* (schema, name | tag) -> tag | name, request | nil, response | nil; nothing when there is none */
static int core_protocol(lua_State *L)
{
	struct sproto *s = check_schema(L, 1);
	bool by_tag = lua_type(L, 2) == LUA_TNUMBER;
	luaL_argcheck(L, by_tag || lua_isstring(L, 2), 2, "Should be number or string");
	const struct sproto_protocol *p =
		by_tag ? sproto_find_tag(s, (int)lua_tointeger(L, 2)) : sproto_find_protocol(s, lua_tostring(L, 2));
	if (p == NULL)
		return 0;
	if (by_tag)
		lua_pushstring(L, p->name);
	else
		lua_pushinteger(L, p->tag);
	push_type(L, s, p->request);
	if (p->response == NULL && p->confirm)
		lua_pushlightuserdata(L, NULL);
	else
		push_type(L, s, p->response);
	return 3;
}

/* ---- values ---- */

/* (type, table) -> string. The buffer is kept in an upvalue, and taken out of it meanwhile: a metamethod of the
 * table may encode something too. */
static int core_encode(lua_State *L)
{
	const struct sproto_type *t = check_type(L, 1);
	if (t == NULL) {
		luaL_checktype(L, 2, LUA_TNIL);
		lua_pushliteral(L, "");
		return 1;
	}
	lua_settop(L, 2);
	lua_pushvalue(L, lua_upvalueindex(UPVALUE_BUFFER));
	lua_pushnil(L);
	lua_replace(L, lua_upvalueindex(UPVALUE_BUFFER));
	struct sproto_buffer out = {L, 3, lua_touserdata(L, 3), 0, lua_objlen(L, 3)};
	sproto_encode(&out, t, 2);
	lua_pushlstring(L, (const char *)out.data, out.size);
	if (out.room <= KEPT_BYTES_MAX) {
		lua_pushvalue(L, 3);
		lua_replace(L, lua_upvalueindex(UPVALUE_BUFFER));
	}
	return 1;
}

/* (type, bytes [, table to fill]) -> table, how many bytes it took */
static int core_decode(lua_State *L)
{
	int next;
	const struct sproto_type *t = check_type(L, 1);
	if (t == NULL)
		return 0;
	struct wire_span bytes = check_bytes(L, 2, &next);
	lua_settop(L, next);
	if (!lua_istable(L, next)) {
		lua_newtable(L);
		lua_replace(L, next);
	}
	size_t taken = sproto_decode(L, t, bytes);
	lua_pushinteger(L, (lua_Integer)taken);
	return 2;
}

/* (type) -> table */
static int core_default(lua_State *L)
{
	const struct sproto_type *t = check_type(L, 1);
	luaL_argcheck(L, t, 1, "Need a sproto_type object");
	sproto_push_default(L, t);
	return 1;
}

/* (bytes) -> string */
static int core_pack(lua_State *L)
{
	int next;
	struct wire_span bytes = check_bytes(L, 1, &next);
	uint8_t *to = lua_newuserdata(L, sproto_pack_bound(bytes.size));
	lua_pushlstring(L, (const char *)to, sproto_pack(bytes.at, bytes.size, to));
	return 1;
}

/* (bytes) -> string */
static int core_unpack(lua_State *L)
{
	int next;
	size_t size;
	struct wire_span packed = check_bytes(L, 1, &next);
	if (!sproto_unpacked_size(packed, &size))
		return luaL_error(L, "Invalid unpack stream");
	uint8_t *to = lua_newuserdata(L, size);
	sproto_unpack(packed, to);
	lua_pushlstring(L, (const char *)to, size);
	return 1;
}

static const luaL_Reg functions[] = {
	{"newproto", core_newproto},   {"deleteproto", core_deleteproto}, {"saveproto", core_saveproto},
	{"loadproto", core_loadproto}, {"querytype", core_querytype},     {"protocol", core_protocol},
	{"encode", core_encode},       {"decode", core_decode},           {"default", core_default},
	{"pack", core_pack},           {"unpack", core_unpack},           {NULL, NULL},
};

static void push_metatable(lua_State *L)
{
	lua_createtable(L, 0, 2);
	lua_pushcfunction(L, release_box);
	lua_setfield(L, -2, "__gc");
	lua_pushboolean(L, false);
	lua_setfield(L, -2, "__metatable");
}

int sproto_open(lua_State *L)
{
	lua_newtable(L);
	push_metatable(L);
	push_metatable(L);
	lua_pushnil(L);
	luaL_openlib(L, NULL, functions, UPVALUE_COUNT);
	lua_pushlightuserdata(L, NULL);
	lua_setfield(L, -2, "nothing");
	return 1;
}
