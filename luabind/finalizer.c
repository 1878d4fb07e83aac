/* SPDX-License-Identifier: MIT */
#include "luabind/finalizer.h"
#include "core/base.h"
#include "luabind/searcher.h"

#include <lauxlib.h>

static const char guards_key; /* its address is the registry key of what lua/finalizer.lua gives */

static void push_guard(lua_State *L, const char *name)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)&guards_key);
	lua_rawget(L, LUA_REGISTRYINDEX);
	if (lua_isnil(L, -1)) {
		lua_pop(L, 1);
		searcher_push_chunk(L, "finalizer");
		lua_call(L, 0, 1);
		lua_pushlightuserdata(L, (void *)(uintptr_t)&guards_key);
		lua_pushvalue(L, -2);
		lua_rawset(L, LUA_REGISTRYINDEX);
	}
	lua_getfield(L, -1, name);
	lua_remove(L, -2);
}

/* ([true, false or a proxy]) -> proxy, as in Lua 5.1. Upvalue: LuaJIT's own. */
static int guarded_newproxy(lua_State *L)
{
	bool has_metatable = lua_isboolean(L, 1) && lua_toboolean(L, 1);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 1);
	if (has_metatable && lua_getmetatable(L, 1)) {
		push_guard(L, "watched");
		lua_setmetatable(L, -2);
		lua_settop(L, 1);
	}
	return 1;
}

/* The loader of the module `ffi`. Upvalue: LuaJIT's own. */
static int open_guarded_ffi(lua_State *L)
{
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_insert(L, 1);
	lua_call(L, lua_gettop(L) - 1, 1);
	push_guard(L, "guard_ffi");
	lua_insert(L, 1);
	lua_call(L, 1, 1);
	return 1;
}

void finalizer_open(lua_State *L)
{
	lua_getglobal(L, "newproxy");
	lua_pushcclosure(L, guarded_newproxy, 1);
	lua_setglobal(L, "newproxy");
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "preload");
	lua_getfield(L, -1, "ffi");
	if (lua_isfunction(L, -1)) { /* not in a LuaJIT without it */
		lua_pushcclosure(L, open_guarded_ffi, 1);
		lua_setfield(L, -2, "ffi");
	} else {
		lua_pop(L, 1);
	}
	lua_pop(L, 2);
}
