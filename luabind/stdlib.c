/* SPDX-License-Identifier: MIT */
#include "luabind/stdlib.h"

#include "core/base.h"
#include "luabind/compat.h"
#include "luabind/utf8.h"
#include <lauxlib.h>
#include <lualib.h>

#pragma weak luaopen_ffi /* not in every LuaJIT */

static int open_math(lua_State *L)
{
	luaopen_math(L);
	compat_add_math(L);
	return 0;
}

static int open_utf8(lua_State *L)
{
	utf8_open(L);
	return 0;
}

static const luaL_Reg at_once[] = {
	{"", luaopen_base},
	{LUA_LOADLIBNAME, luaopen_package},
	{LUA_TABLIBNAME, luaopen_table},
	{LUA_STRLIBNAME, luaopen_string},
	{LUA_JITLIBNAME, luaopen_jit}, /* sets the compiler up */
};

/* By position in the array of their common metatable, from 1. */
static const luaL_Reg at_first_use[] = {
	{LUA_IOLIBNAME, luaopen_io},	 {LUA_OSLIBNAME, luaopen_os},
	{LUA_DBLIBNAME, luaopen_debug},	 {LUA_BITLIBNAME, luaopen_bit},
	{LUA_MATHLIBNAME, open_math},	 {"utf8", open_utf8},
};

static void call_open(lua_State *L, const luaL_Reg *library)
{
	lua_pushcfunction(L, library->func);
	lua_pushstring(L, library->name);
	lua_call(L, 1, 0);
}

/* (library, its luaL_Reg). Whatever opens a library puts its functions into package.loaded[name]: that must be this
 * table, also where the service has put something else there. */
static int open_into(lua_State *L)
{
	const luaL_Reg *library = lua_touserdata(L, 2);
	luaL_findtable(L, LUA_REGISTRYINDEX, "_LOADED", 1);
	lua_getfield(L, 3, library->name);
	lua_pushvalue(L, 1);
	lua_setfield(L, 3, library->name);
	call_open(L, library);
	lua_setfield(L, 3, library->name);
	return 0;
}

/* The position of the table at 1 in the metatable (upvalue 1), 0 when it is no library that waits: somebody has copied
 * the metatable. */
static int position(lua_State *L)
{
	for (int i = 1; i <= (int)COUNT_OF(at_first_use); i++) {
		lua_rawgeti(L, lua_upvalueindex(1), i);
		bool found = lua_rawequal(L, 1, -1);
		lua_pop(L, 1);
		if (found)
			return i;
	}
	return 0;
}

/* The metatable goes first, since libraries are put together with functions that would ask it, and comes back when there
 * is no memory for them. */
static void open_now(lua_State *L)
{
	int i = position(L);
	if (i == 0)
		return;
	lua_pushcfunction(L, open_into);
	lua_pushvalue(L, 1);
	lua_pushlightuserdata(L, (void *)(uintptr_t)&at_first_use[i - 1]);
	lua_pushnil(L);
	lua_setmetatable(L, 1); /* nothing that may raise from here to the pcall */
	if (lua_pcall(L, 2, 0, 0) != 0) {
		lua_pushvalue(L, lua_upvalueindex(1));
		lua_setmetatable(L, 1);
		lua_error(L);
	}
	lua_pushboolean(L, false);
	lua_rawseti(L, lua_upvalueindex(1), i);
}

/* (library, key) -> value */
static int index_library(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 2);
	open_now(L);
	lua_rawget(L, 1);
	return 1;
}

/* (library, key, value) */
static int newindex_library(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 3);
	open_now(L);
	lua_rawset(L, 1);
	return 0;
}

/* (library) -> next, library, nil */
static int pairs_library(lua_State *L)
{
	luaL_checktype(L, 1, LUA_TTABLE);
	lua_settop(L, 1);
	open_now(L);
	lua_getglobal(L, "next");
	lua_insert(L, 1);
	lua_pushnil(L);
	return 3;
}

/* Metatable on top. */
static void set_method(lua_State *L, const char *name, lua_CFunction f)
{
	lua_pushvalue(L, -1);
	lua_pushcclosure(L, f, 1);
	lua_setfield(L, -2, name);
}

static void promise_libraries(lua_State *L)
{
	luaL_findtable(L, LUA_REGISTRYINDEX, "_LOADED", 1);
	lua_createtable(L, COUNT_OF(at_first_use), 4);
	set_method(L, "__index", index_library);
	set_method(L, "__newindex", newindex_library);
	set_method(L, "__pairs", pairs_library);
	lua_pushboolean(L, false); /* replacing it would lose the library: rather an error, where it happens */
	lua_setfield(L, -2, "__metatable");
	for (int i = 1; i <= (int)COUNT_OF(at_first_use); i++) {
		lua_newtable(L);
		lua_pushvalue(L, -1);
		lua_rawseti(L, -3, i);
		lua_pushvalue(L, -1);
		lua_setglobal(L, at_first_use[i - 1].name);
		lua_pushvalue(L, -1);
		lua_setfield(L, -4, at_first_use[i - 1].name);
		lua_pushvalue(L, -2);
		lua_setmetatable(L, -2);
		lua_pop(L, 1);
	}
	lua_pop(L, 2);
}

void stdlib_open(lua_State *L)
{
	for (size_t i = 0; i < COUNT_OF(at_once); i++)
		call_open(L, &at_once[i]);
	promise_libraries(L);
	if (luaopen_ffi) {
		luaL_findtable(L, LUA_REGISTRYINDEX, "_PRELOAD", 1);
		lua_pushcfunction(L, luaopen_ffi);
		lua_setfield(L, -2, LUA_FFILIBNAME);
		lua_pop(L, 1);
	}
}
