/* SPDX-License-Identifier: MIT
 *
 * In C, since each service would have its own copy of a Lua function, and all of it is used by each: what an idle
 * service takes and what its start costs are decided here among other places.
 */
#include "luabind/searcher.h"
#include "core/base.h"
#include "core/env.h"
#include "luabind/absent.h"
#include "luabind/cmodule.h"
#include "luabind/codecache.h"
#include "luabind/lua54.h"
#include "luabind/made.h"
#include "luabind/vm.h"

#include <errno.h>
#include <lauxlib.h>
#include <string.h>
#include <unistd.h>

/* ---- what ships ---- */

static bool push_embedded(lua_State *L, const char *kind, const char *name)
{
	const struct embedded *e = embedded_find(kind, name);
	if (e && codecache_load_embedded(L, e) != 0)
		lua_error(L);
	return e != NULL;
}

static bool push_module(lua_State *L, const char *name)
{
	if (push_embedded(L, "module", name))
		return true;
	lua_CFunction open = cmodule_find(name);
	if (open)
		lua_pushcfunction(L, open);
	return open != NULL;
}

int searcher_module(lua_State *L)
{
	return push_module(L, luaL_checkstring(L, 1));
}

int searcher_service(lua_State *L)
{
	return push_embedded(L, "service", luaL_checkstring(L, 1));
}

void searcher_push_chunk(lua_State *L, const char *name)
{
	if (!push_embedded(L, "chunk", name))
		luaL_error(L, "the chunk %s is missing in this build", name);
}

/* ---- files ---- */

int searcher_readable(lua_State *L)
{
	const char *path = luaL_checkstring(L, 1);
	if (access(path, R_OK) != 0) {
		lua_pushnil(L);
		lua_pushfstring(L, "%s: %s", path, strerror(errno));
		return 2;
	}
	lua_pushboolean(L, true);
	return 1;
}

int searcher_load_file(lua_State *L)
{
	luaL_checkstring(L, 1);
	lua_settop(L, 1);
	lua_getglobal(L, "loadfile");
	lua_pushvalue(L, 1);
	lua_call(L, 1, 2);
	if (!lua_isnil(L, 2) || vm_of(L)->lua54)
		return 2;
	searcher_push_chunk(L, "explain");
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 3);
	lua_pushcfunction(L, lua54_for_lua);
	lua_call(L, 3, 1);
	lua_replace(L, 3);
	return 2;
}

/* Pushes a field of `package`; "" when the service has set it to no string. */
static const char *push_path(lua_State *L, const char *field)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, field);
	lua_remove(L, -2);
	const char *path = lua_tostring(L, -1);
	return path ? path : "";
}

/* Pushes both paths, which the place refers to. */
static struct absent_place push_place(lua_State *L)
{
	struct absent_place place = {.clears = codecache_clears()};
	place.path = push_path(L, "path");
	place.cpath = push_path(L, "cpath");
	return place;
}

/* (name) -> loader, or why there is none. Upvalue: package.searchpath. In place of LuaJIT's searcher for Lua files:
 * explains, translates, and as in Lua 5.2 the module gets its path as the second argument. */
static int find_file(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	lua_settop(L, 1);
	struct vm *vm = vm_of(L);
	struct absent_place place = push_place(L);
	vm->search_clears = place.clears;
	if (absent_known(&place, name))
		return made_push_loader(L, &place, name) || push_module(L, name);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushvalue(L, 1);
	lua_pushvalue(L, 2);
	lua_call(L, 2, 2); /* 4: the path or nil, 5: what was tried */
	if (lua_isnil(L, 4))
		return 1;
	lua_pushcfunction(L, searcher_load_file);
	lua_pushvalue(L, 4);
	lua_call(L, 1, 2);
	if (lua_isnil(L, 6)) {
		lua_pushfstring(L, "error loading module '%s' from file '%s':\n\t%s", name,
				lua_tostring(L, 4), lua_tostring(L, 7));
		return lua_error(L);
	}
	/* A function of Lua, since a module may wait while it loads. */
	searcher_push_chunk(L, "with_path");
	lua_pushvalue(L, 6);
	lua_pushvalue(L, 4);
	lua_call(L, 2, 1);
	return 1;
}

/* (name) -> loader, or why there is none */
static int find_shipped(lua_State *L)
{
	const char *name = luaL_checkstring(L, 1);
	if (!push_module(L, name)) {
		lua_pushfstring(L, "\n\tno module '%s' that ships", name);
		return 1;
	}
	struct absent_place place = push_place(L);
	place.clears = vm_of(L)->search_clears;
	absent_note(&place, name);
	lua_pop(L, 2);
	return 1;
}

/* (name) -> loader, or why there is none. Upvalues: LuaJIT's own package.path and cpath. What one machine has and
 * another has not must not take the place of anything, so this comes last. */
static int find_installed(lua_State *L)
{
	luaL_checkstring(L, 1);
	lua_settop(L, 1);
	searcher_push_chunk(L, "installed");
	lua_insert(L, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_pushvalue(L, lua_upvalueindex(2));
	lua_call(L, 3, 1);
	return 1;
}

/* (name) -> loader or nil; raises for what skynet has and we have not */
static int find_missing(lua_State *L)
{
	luaL_checkstring(L, 1);
	lua_settop(L, 1);
	if (!push_module(L, "skynet.missing"))
		return 0;
	lua_insert(L, 1);
	lua_pushcfunction(L, searcher_module);
	lua_call(L, 2, 1);
	return 1;
}

/* ---- a new VM ---- */

/* `package` on top. */
static void set_path(lua_State *L, const char *field, const char *key)
{
	const char *path = env_get(key);
	lua_pushstring(L, path ? path : "");
	lua_setfield(L, -2, field);
}

void searcher_open(lua_State *L)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "loaders");
	int loaders = lua_gettop(L), last = (int)lua_objlen(L, loaders);
	lua_getfield(L, -2, "searchpath");
	lua_pushcclosure(L, find_file, 1);
	lua_rawseti(L, loaders, 2);
	lua_pushcfunction(L, find_shipped);
	lua_rawseti(L, loaders, last + 1);
	lua_getfield(L, -2, "path");
	lua_getfield(L, -3, "cpath");
	lua_pushcclosure(L, find_installed, 2);
	lua_rawseti(L, loaders, last + 2);
	lua_pushcfunction(L, find_missing);
	lua_rawseti(L, loaders, last + 3);
	lua_pop(L, 2);
}

void searcher_set_paths(lua_State *L)
{
	lua_getglobal(L, "package");
	set_path(L, "path", "lua_path");
	set_path(L, "cpath", "lua_cpath");
	lua_pop(L, 1);
}
