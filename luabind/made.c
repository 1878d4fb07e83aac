/* SPDX-License-Identifier: MIT */
#include "luabind/made.h"
#include "core/base.h"
#include "luabind/api.h"
#include "luabind/vm.h"

#include <lauxlib.h>
#include <string.h>

static const char library[] = "skynet"; /* what is asked for; the others are parts of it */
static const char made_key; /* its address is the registry key of { name -> module, and what is under MADE_* } */

enum { MADE_REQUIRE = 1, MADE_FIRST_KEPT = 2 };

/* What the modules keep of Lua in local variables when they run, and a service may have replaced before: debuggers
 * do so with coroutine.create. */
static const struct {
	const char *library, *name;
} kept[] = {
	{"_G", "error"},	 {"_G", "ipairs"},	  {"_G", "next"},	       {"_G", "pairs"},
	{"_G", "pcall"},	 {"_G", "require"},	  {"_G", "select"},	       {"_G", "setmetatable"},
	{"_G", "tonumber"},	 {"_G", "tostring"},	  {"_G", "type"},	       {"_G", "unpack"},
	{"_G", "xpcall"},	 {"coroutine", "create"}, {"coroutine", "isyieldable"}, {"coroutine", "resume"},
	{"coroutine", "running"}, {"coroutine", "status"}, {"coroutine", "wrap"},	{"coroutine", "yield"},
};

/* Pushes one of them, nil when its library is no table any more. */
static void push_kept(lua_State *L, size_t i)
{
	lua_pushstring(L, kept[i].library);
	lua_rawget(L, LUA_GLOBALSINDEX);
	if (!lua_istable(L, -1)) {
		lua_pop(L, 1);
		lua_pushnil(L);
		return;
	}
	lua_pushstring(L, kept[i].name);
	lua_rawget(L, -2);
	lua_remove(L, -2);
}

static void push_package(lua_State *L, const char *field)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, field);
	lua_remove(L, -2);
}

/* Pushes the table, or says false. */
static bool push_made(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)&made_key);
	lua_rawget(L, LUA_REGISTRYINDEX);
	if (lua_istable(L, -1))
		return true;
	lua_pop(L, 1);
	return false;
}

/* ---- in the mould ---- */

/* Moves what package.loaded has beyond `before` into `made`. */
static void hide(lua_State *L, int made, int before, int loaded)
{
	lua_pushnil(L);
	while (lua_next(L, loaded)) {
		lua_pushvalue(L, -2);
		lua_rawget(L, before);
		bool was_there = !lua_isnil(L, -1);
		lua_pop(L, 1);
		if (!was_there) {
			lua_pushvalue(L, -2);
			lua_insert(L, -2);
			lua_rawset(L, made);
			lua_pushvalue(L, -1);
			lua_pushnil(L);
			lua_rawset(L, loaded);
		} else {
			lua_pop(L, 1);
		}
	}
}

static void push_names(lua_State *L, int table)
{
	lua_newtable(L);
	int names = lua_gettop(L);
	lua_pushnil(L);
	while (lua_next(L, table)) {
		lua_pop(L, 1);
		lua_pushvalue(L, -1);
		lua_pushboolean(L, true);
		lua_rawset(L, names);
	}
}

void made_fill(lua_State *L)
{
	int top = lua_gettop(L), made = top + 1, loaded = top + 2, before = top + 3;
	lua_createtable(L, (int)COUNT_OF(kept) + MADE_REQUIRE, 16);
	push_package(L, "loaded");
	push_names(L, loaded);
	lua_getglobal(L, "require");
	lua_pushvalue(L, -1);
	lua_pushstring(L, library);
	lua_call(L, 1, 0);
	/* The one thing that loading it changes in sight. */
	lua_getglobal(L, "require");
	lua_rawseti(L, made, MADE_REQUIRE);
	lua_setglobal(L, "require");
	for (size_t i = 0; i < COUNT_OF(kept); i++) {
		push_kept(L, i);
		lua_rawseti(L, made, MADE_FIRST_KEPT + (int)i);
	}
	hide(L, made, before, loaded);
	lua_pushlightuserdata(L, (void *)(uintptr_t)&made_key);
	lua_pushvalue(L, made);
	lua_rawset(L, LUA_REGISTRYINDEX);
	lua_settop(L, top);
}

/* ---- in a service ---- */

static bool all_kept(lua_State *L, int made)
{
	bool same = true;
	for (size_t i = 0; i < COUNT_OF(kept) && same; i++) {
		push_kept(L, i);
		lua_rawgeti(L, made, MADE_FIRST_KEPT + (int)i);
		same = lua_rawequal(L, -1, -2);
		lua_pop(L, 2);
	}
	return same;
}

/* Is the field of that name nil in `table`, or the value at `value`? */
static bool is_free(lua_State *L, int table, const char *name, int value)
{
	lua_pushstring(L, name);
	lua_rawget(L, table);
	bool free = lua_isnil(L, -1) || lua_rawequal(L, -1, value);
	lua_pop(L, 1);
	return free;
}

/* skynet.core is no file, and always in package.preload: it is ours if that is. */
static bool core_is_ours(lua_State *L, int preload)
{
	lua_pushliteral(L, "skynet.core");
	lua_rawget(L, preload);
	bool ours = lua_tocfunction(L, -1) == api_open_core;
	lua_pop(L, 1);
	return ours;
}

/* Would loading each now give what is there? The library itself is being required, and LuaJIT has marked it. */
static bool all_free(lua_State *L, int made, const struct absent_place *place)
{
	int loaded = lua_gettop(L) + 1, preload = loaded + 1;
	push_package(L, "loaded");
	push_package(L, "preload");
	bool free = lua_istable(L, loaded) && lua_istable(L, preload) && core_is_ours(L, preload);
	lua_pushnil(L);
	while (free && lua_next(L, made)) {
		int value = lua_gettop(L);
		if (lua_type(L, value - 1) == LUA_TSTRING) {
			const char *name = lua_tostring(L, value - 1);
			bool core = strcmp(name, "skynet.core") == 0;
			free = (strcmp(name, library) == 0 || is_free(L, loaded, name, value)) &&
			       (core || (absent_known(place, name) && is_free(L, preload, name, value)));
		}
		lua_settop(L, value - 1);
	}
	lua_settop(L, loaded - 1);
	return free;
}

/* But for the one that is wanted, which `require` puts there. */
static void show_all(lua_State *L, int made, const char *wanted)
{
	int loaded = lua_gettop(L) + 1;
	push_package(L, "loaded");
	lua_pushnil(L);
	while (lua_next(L, made)) {
		if (lua_type(L, -2) == LUA_TSTRING && strcmp(lua_tostring(L, -2), wanted) != 0) {
			lua_pushvalue(L, -2);
			lua_insert(L, -2);
			lua_rawset(L, loaded);
		} else {
			lua_pop(L, 1);
		}
	}
	lua_rawgeti(L, made, MADE_REQUIRE);
	lua_setglobal(L, "require");
	lua_settop(L, loaded - 1);
}

/* In the mould there was none. */
static void limit_tasks(lua_State *L, int made)
{
	int64_t limit = load_relaxed(&vm_of(L)->service->max_tasks);
	if (limit == 0)
		return;
	lua_getfield(L, made, "skynet.pool");
	lua_getfield(L, -1, "limit");
	lua_pushboolean(L, true);
	lua_call(L, 1, 0);
	lua_pop(L, 1);
}

/* (name) -> the module. Upvalue: the modules. */
static int give(lua_State *L)
{
	lua_settop(L, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	if (made_is_here(L)) {
		made_drop(L);
		show_all(L, 2, lua_tostring(L, 1));
		limit_tasks(L, 2);
	}
	lua_getfield(L, 2, library);
	return 1;
}

bool made_push_loader(lua_State *L, const struct absent_place *place, const char *name)
{
	if (!push_made(L))
		return false;
	int made = lua_gettop(L);
	lua_pushstring(L, name);
	lua_rawget(L, made);
	bool is_part = !lua_isnil(L, -1);
	lua_pop(L, 1);
	if (is_part && strcmp(name, library) == 0 && all_kept(L, made) && all_free(L, made, place)) {
		lua_pushcclosure(L, give, 1);
		return true;
	}
	if (is_part)
		made_drop(L);
	lua_pop(L, 1);
	return false;
}

bool made_push(lua_State *L, const char *name)
{
	if (!push_made(L))
		return false;
	lua_pushstring(L, name);
	lua_rawget(L, -2);
	lua_remove(L, -2);
	return true;
}

bool made_is_here(lua_State *L)
{
	bool here = push_made(L);
	lua_pop(L, here);
	return here;
}

void made_drop(lua_State *L)
{
	if (!made_is_here(L))
		return;
	/* The key is there: nothing grows. */
	lua_pushlightuserdata(L, (void *)(uintptr_t)&made_key);
	lua_pushnil(L);
	lua_rawset(L, LUA_REGISTRYINDEX);
}
