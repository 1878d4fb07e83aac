/* SPDX-License-Identifier: MIT
 *
 * The module skynet.sharedata.core: shared data as Lua sees them.
 *
 * A *view* is what one VM holds of one name: a reference of the name, and of the table that it reads now, with all that
 * is in it. A *proxy* is a userdata that stands for one table in there; reading a table in it makes another proxy, kept,
 * so that the same table is the same value. A view goes over to what is newest at the first read of a message, so all
 * that one message reads, between two calls, is of one state. A proxy notices that its view has moved: when its parent
 * still stands for the table that it did, so does it; else it is looked up again in the parent, by its key. The views
 * of skynet.sharetable are manual: they stay where they are until core.refresh.
 *
 * Views are leases (lease.h), so a service that is abandoned and runs no finalizers keeps nothing.
 */
#include "luabind/cmodule.h"

#include "core/atomics.h"
#include "core/mem.h"
#include "luabind/lease.h"
#include "luabind/shared.h"
#include "luabind/vm.h"

#include <lauxlib.h>
#include <string.h>

struct sharedview {
	struct lease lease;
	struct shared_name *name;
	struct shared_table *top; /* a reference */
	uint64_t version;
	uint64_t message; /* in which it was last seen to be up to date */
	uint32_t proxies; /* that stand for a table of it */
	bool manual;      /* goes over only when it is told to (core.refresh) */
};

struct proxy {
	struct sharedview *view; /* NULL: not made to the end */
	const struct shared_table *table;
	uint64_t version; /* of the view, when `table` was found */
	uint64_t parent;  /* number of the table that it was found in; 0: none, it is the top */
};

/* Upvalues of all functions and metamethods: the metatables of proxies and drafts. */
enum { UPVALUE_PROXY = 1, UPVALUE_DRAFT, UPVALUE_COUNT = UPVALUE_DRAFT };

/* In the environment of a proxy: its parent (of the top: nothing), its key there, and its children by key. */
enum { SLOT_PARENT = 1, SLOT_KEY, SLOT_CHILDREN };

/* ---- views ---- */

static void view_end(struct lease *l)
{
	struct sharedview *v = (struct sharedview *)l;
	shared_release(v->top);
	shared_name_release(v->name);
	mem_free(v);
}

/* Takes the reference of the name over. */
static struct sharedview *view_new(struct vm *vm, struct shared_name *name)
{
	struct sharedview *v = mem_zalloc(sizeof(*v));
	v->name = name;
	v->top = shared_present(name, &v->version);
	v->message = load_relaxed(&vm->service->messages);
	lease_begin(vm, &v->lease, view_end);
	return v;
}

static void view_free(struct sharedview *v)
{
	lease_end(&v->lease);
}

/* The first view of this name at or behind a lease of the VM's list; NULL: none. */
static struct sharedview *view_of(struct lease *l, const char *name)
{
	for (; l; l = l->next) {
		struct sharedview *v = (struct sharedview *)l;
		if (l->end == view_end && strcmp(v->name->text, name) == 0)
			return v;
	}
	return NULL;
}

static void view_move(struct sharedview *v)
{
	if (load_acquire(&v->name->version) == v->version)
		return;
	struct shared_table *before = v->top;
	v->top = shared_present(v->name, &v->version);
	shared_release(before);
}

static void view_refresh(struct vm *vm, struct sharedview *v)
{
	uint64_t message = load_relaxed(&vm->service->messages);
	if (message == v->message || v->manual)
		return;
	v->message = message;
	view_move(v);
}

/* ---- proxies ---- */

static struct proxy *check_proxy(lua_State *L, int index)
{
	struct proxy *p = NULL;
	if (lua_type(L, index) == LUA_TUSERDATA && lua_getmetatable(L, index)) {
		if (lua_rawequal(L, -1, lua_upvalueindex(UPVALUE_PROXY)))
			p = lua_touserdata(L, index);
		lua_pop(L, 1);
	}
	if (p == NULL || p->view == NULL)
		luaL_argerror(L, index, "shared data expected");
	return p;
}

/* Pushes a proxy of `table`; `parent` and the key are the values at these indexes, 0: it is the top. */
static struct proxy *push_proxy(lua_State *L, struct sharedview *v, const struct shared_table *table, int parent, int key)
{
	struct proxy *p = lua_newuserdata(L, sizeof(*p));
	p->view = NULL;
	lua_createtable(L, 2, 0);
	if (parent) {
		lua_pushvalue(L, parent);
		lua_rawseti(L, -2, SLOT_PARENT);
		lua_pushvalue(L, key);
		lua_rawseti(L, -2, SLOT_KEY);
	}
	lua_setfenv(L, -2);
	lua_pushvalue(L, lua_upvalueindex(UPVALUE_PROXY));
	lua_setmetatable(L, -2);
	p->table = table;
	p->version = v->version;
	p->parent = parent ? ((struct proxy *)lua_touserdata(L, parent))->table->number : 0;
	p->view = v;
	v->proxies++;
	return p;
}

/* Pushes ".a.b.c" for the proxy at `index`, as skynet names keys in errors; "" is the top. */
static void push_path(lua_State *L, int index)
{
	lua_pushliteral(L, "");
	lua_getfenv(L, index);
	for (;;) {
		/* path, environment */
		lua_rawgeti(L, -1, SLOT_PARENT);
		if (lua_isnil(L, -1))
			break;
		lua_pushliteral(L, ".");
		lua_rawgeti(L, -3, SLOT_KEY);
		/* path, environment, parent, ".", key */
		lua_pushvalue(L, -5);
		lua_concat(L, 3);
		lua_replace(L, -4);
		lua_getfenv(L, -1);
		lua_replace(L, -3);
		lua_pop(L, 1);
	}
	lua_pop(L, 2);
}

static const struct shared_table *table_of(lua_State *L, struct proxy *p, int index);

/* The table of a proxy that is not the top one, whose environment is at `environment`. */
static const struct shared_table *find_in_parent(lua_State *L, struct proxy *p, int index, int environment)
{
	const struct shared_table *parent = table_of(L, lua_touserdata(L, -1), lua_gettop(L));
	if (parent->number == p->parent)
		return p->table;
	lua_rawgeti(L, environment, SLOT_KEY);
	struct shared_value v = shared_get(L, parent, -1);
	if (v.kind != SHARED_TABLE) {
		push_path(L, index);
		luaL_error(L, "The key [%s] doesn't exist after update", lua_tostring(L, -1));
	}
	p->parent = parent->number;
	return v.table;
}

/* The table of the proxy at `index` (absolute) in what its view reads now. */
static const struct shared_table *table_of(lua_State *L, struct proxy *p, int index)
{
	if (p->version == p->view->version)
		return p->table;
	luaL_checkstack(L, 8, NULL);
	int top = lua_gettop(L);
	lua_getfenv(L, index);
	lua_rawgeti(L, top + 1, SLOT_PARENT);
	p->table = lua_isnil(L, -1) ? p->view->top : find_in_parent(L, p, index, top + 1);
	p->version = p->view->version;
	lua_settop(L, top);
	return p->table;
}

static const struct shared_table *read_proxy(lua_State *L, int index, struct proxy **proxy)
{
	*proxy = check_proxy(L, index);
	view_refresh(vm_of(L), (*proxy)->view);
	return table_of(L, *proxy, index);
}

/* Pushes the proxy of a table in the proxy at index 1, under the key at `key`: the one there is, if it is still good. */
static void push_child(lua_State *L, struct proxy *p, const struct shared_table *table, int key)
{
	lua_getfenv(L, 1);
	int environment = lua_gettop(L);
	lua_rawgeti(L, environment, SLOT_CHILDREN);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_rawseti(L, environment, SLOT_CHILDREN);
	}
	lua_pushvalue(L, key);
	lua_rawget(L, -2);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		lua_pushvalue(L, key);
		push_proxy(L, p->view, table, 1, key);
		lua_pushvalue(L, -1);
		lua_insert(L, -4);
		lua_rawset(L, -3);
		lua_pop(L, 1);
	} else {
		lua_remove(L, -2);
	}
	lua_remove(L, environment);
}

static void push_value(lua_State *L, struct proxy *p, const struct shared_value *v, int key)
{
	switch (v->kind) {
	case SHARED_NIL:
		lua_pushnil(L);
		break;
	case SHARED_BOOLEAN:
		lua_pushboolean(L, v->boolean);
		break;
	case SHARED_NUMBER:
		lua_pushnumber(L, v->number);
		break;
	case SHARED_STRING:
		lua_pushlstring(L, v->text, v->size_bytes);
		break;
	case SHARED_TABLE:
		push_child(L, p, v->table, key);
		break;
	}
}

/* ---- metamethods ---- */

static int proxy_index(lua_State *L)
{
	struct proxy *p;
	const struct shared_table *t = read_proxy(L, 1, &p);
	lua_settop(L, 2);
	struct shared_value v = shared_get(L, t, 2);
	push_value(L, p, &v, 2);
	return 1;
}

static int proxy_newindex(lua_State *L)
{
	check_proxy(L, 1);
	push_path(L, 1);
	return luaL_error(L, "Error newindex, the key [%s]", lua_tostring(L, -1));
}

static int proxy_len(lua_State *L)
{
	struct proxy *p;
	lua_pushinteger(L, (lua_Integer)read_proxy(L, 1, &p)->length);
	return 1;
}

/* (proxy, key | nil) -> the next key, value */
static int proxy_next(lua_State *L)
{
	struct proxy *p;
	const struct shared_table *t = read_proxy(L, 1, &p);
	lua_settop(L, 2);
	uint32_t place = lua_isnil(L, 2) ? 0 : shared_place(L, t, 2);
	if (place == 0 && !lua_isnil(L, 2))
		return luaL_error(L, "The key [%s] doesn't exist after update",
				  lua_isstring(L, 2) ? lua_tostring(L, 2) : luaL_typename(L, 2));
	while (place < shared_end(t)) {
		struct shared_pair pair = shared_at(t, ++place);
		if (pair.key.kind == SHARED_NIL)
			continue;
		push_value(L, p, &pair.key, 0);
		push_value(L, p, &pair.value, 3);
		return 2;
	}
	lua_pushnil(L);
	return 1;
}

/* Upvalue behind the metatables: proxy_next */
static int proxy_pairs(lua_State *L)
{
	check_proxy(L, 1);
	lua_pushvalue(L, lua_upvalueindex(UPVALUE_COUNT + 1));
	lua_pushvalue(L, 1);
	lua_pushnil(L);
	return 3;
}

/* As a table would be shown. */
static int proxy_tostring(lua_State *L)
{
	check_proxy(L, 1);
	lua_pushfstring(L, "table: %p", lua_topointer(L, 1));
	return 1;
}

static int proxy_gc(lua_State *L)
{
	struct proxy *p = lua_touserdata(L, 1);
	if (p->view && --p->view->proxies == 0)
		view_free(p->view);
	p->view = NULL;
	return 0;
}

static int draft_gc(lua_State *L)
{
	shared_draft_drop(lua_touserdata(L, 1));
	return 0;
}

/* ---- functions ---- */

/* (name, table [, must be new]) -> false when it had to be new and is not */
static int core_publish(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	luaL_checktype(L, 2, LUA_TTABLE);
	lua_settop(L, 3);
	struct shared_draft *d = lua_newuserdata(L, sizeof(*d));
	memset(d, 0, sizeof(*d));
	lua_pushvalue(L, lua_upvalueindex(UPVALUE_DRAFT));
	lua_setmetatable(L, -2);
	d->before = shared_newest(name);
	/* HANDOVER: the table is the name's. Nothing raises in between. */
	bool done = shared_publish(name, shared_build(L, d, 2), lua_toboolean(L, 3));
	shared_draft_drop(d);
	/* Who changes something sees it at once. */
	for (struct sharedview *v = view_of(vm_of(L)->leases, name); v; v = view_of(v->lease.next, name))
		v->message = 0;
	lua_pushboolean(L, done);
	return 1;
}

static int core_delete(lua_State *L)
{
	lua_pushboolean(L, shared_delete(luaL_checkstring(L, 1)));
	return 1;
}

/* (name [, manual]) -> a proxy | nil */
static int core_query(lua_State *L)
{
	struct shared_name *name = shared_find(luaL_checkstring(L, 1));
	if (name == NULL)
		return 0;
	/* From here on the VM's list of leases owns the reference. */
	struct sharedview *v = view_new(vm_of(L), name);
	v->manual = lua_toboolean(L, 2);
	push_proxy(L, v, v->top, 0, 0);
	return 1;
}

/* () -> how many shared tables there are in the process, in present states and those that somebody still reads */
static int core_tables(lua_State *L)
{
	lua_pushnumber(L, (lua_Number)shared_tables());
	return 1;
}

/* (proxy) -> whether its name has been deleted */
static int core_is_deleted(lua_State *L)
{
	lua_pushboolean(L, load_acquire(&check_proxy(L, 1)->view->name->deleted));
	return 1;
}

/* (proxy) -> whether it has what is under its name now */
static int core_is_newest(lua_State *L)
{
	struct sharedview *v = check_proxy(L, 1)->view;
	lua_pushboolean(L, !load_acquire(&v->name->deleted) && load_acquire(&v->name->version) == v->version);
	return 1;
}

/* (name): all views of it in this VM go over to what is under it now. */
static int core_refresh(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	for (struct sharedview *v = view_of(vm_of(L)->leases, name); v; v = view_of(v->lease.next, name))
		view_move(v);
	return 0;
}

/* (name) -> the next published one in the order of bytes; nothing at the end */
static int core_next_name(lua_State *L)
{
	struct shared_name *name = shared_find_after(luaL_checkstring(L, 1));
	if (name == NULL)
		return 0;
	/* The VM owns the reference while pushing may raise. */
	struct sharedview *v = view_new(vm_of(L), name);
	lua_pushstring(L, name->text);
	view_free(v);
	return 1;
}

static void push_copy(lua_State *L, const struct shared_table *t)
{
	luaL_checkstack(L, 8, NULL);
	lua_createtable(L, (int)t->length, 0);
	for (uint32_t place = 1; place <= shared_end(t); place++) {
		struct shared_pair pair = shared_at(t, place);
		if (pair.key.kind == SHARED_NIL)
			continue;
		push_value(L, NULL, &pair.key, 0);
		if (pair.value.kind == SHARED_TABLE)
			push_copy(L, pair.value.table);
		else
			push_value(L, NULL, &pair.value, 0);
		lua_rawset(L, -3);
	}
}

/* (proxy) -> a table of its own */
static int core_copy(lua_State *L)
{
	struct proxy *p;
	push_copy(L, read_proxy(L, 1, &p));
	return 1;
}

/* ---- the module ---- */

static void set_method(lua_State *L, const char *name, lua_CFunction method, int upvalues)
{
	lua_pushvalue(L, 2);
	lua_pushvalue(L, 3);
	if (upvalues > UPVALUE_COUNT) {
		lua_pushvalue(L, 2);
		lua_pushvalue(L, 3);
		lua_pushcclosure(L, proxy_next, UPVALUE_COUNT);
	}
	lua_pushcclosure(L, method, upvalues);
	lua_setfield(L, -2, name);
}

int sharedview_open(lua_State *L)
{
	static const luaL_Reg functions[] = {{"publish", core_publish},      {"delete", core_delete},
					     {"query", core_query},          {"copy", core_copy},
					     {"is_deleted", core_is_deleted}, {"tables", core_tables},
					     {"refresh", core_refresh},      {"is_newest", core_is_newest},
					     {"next_name", core_next_name},
					     {NULL, NULL}};
	lua_settop(L, 1);
	lua_newtable(L); /* 2: of proxies */
	lua_newtable(L); /* 3: of drafts */
	lua_pushvalue(L, 2);
	set_method(L, "__index", proxy_index, UPVALUE_COUNT);
	set_method(L, "__newindex", proxy_newindex, UPVALUE_COUNT);
	set_method(L, "__len", proxy_len, UPVALUE_COUNT);
	set_method(L, "__pairs", proxy_pairs, UPVALUE_COUNT + 1);
	set_method(L, "__tostring", proxy_tostring, UPVALUE_COUNT);
	set_method(L, "__gc", proxy_gc, UPVALUE_COUNT);
	lua_pushboolean(L, false);
	lua_setfield(L, 2, "__metatable");
	lua_pushvalue(L, 3);
	set_method(L, "__gc", draft_gc, UPVALUE_COUNT);
	lua_newtable(L);
	lua_pushvalue(L, 2);
	lua_pushvalue(L, 3);
	luaL_openlib(L, NULL, functions, UPVALUE_COUNT);
	lua_pushvalue(L, 2);
	lua_setfield(L, -2, "metatable"); /* of proxies */
	return 1;
}
