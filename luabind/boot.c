/* SPDX-License-Identifier: MIT */
#include "luabind/boot.h"
#include "core/base.h"
#include "core/env.h"
#include "luabind/api.h"
#include "luabind/codecache.h"
#include "luabind/compat.h"
#include "luabind/finalizer.h"
#include "luabind/interrupt.h"
#include "luabind/lua54.h"
#include "luabind/made.h"
#include "luabind/searcher.h"
#include "luabind/stdlib.h"
#include "luabind/vm.h"

#include <lauxlib.h>

/* The collector has stood still since the VM was made: what is loaded then stays. What the library takes when it is
 * required stays too, so that the first cycle begins when the heap is three times what it is now, or 1.5 times if the
 * library is there already; from then on twice, as LuaJIT has it. */
static void start_collector(lua_State *L)
{
	int pause = lua_gc(L, LUA_GCSETPAUSE, made_is_here(L) ? 150 : 300);
	lua_gc(L, LUA_GCRESTART, -1);
	lua_gc(L, LUA_GCSETPAUSE, pause);
}

/* () Called by the loader before the first line of the user's code. */
static int is_loaded(lua_State *L)
{
	start_collector(L);
	return 0;
}

/* (path) -> is it there for sure, without a look? */
static int is_cached(lua_State *L)
{
	lua_pushboolean(L, codecache_has_file(luaL_checkstring(L, 1)));
	return 1;
}

static void set_embedded(lua_State *L)
{
	static const luaL_Reg shipped[] = {{"module", searcher_module},
					   {"service", searcher_service},
					   {"load_file", searcher_load_file},
					   {"readable", searcher_readable},
					   {"translate", lua54_for_lua},
					   {"is_loaded", is_loaded},
					   {"is_cached", is_cached},
					   {NULL, NULL}};
	lua_createtable(L, 0, COUNT_OF(shipped) - 1);
	luaL_register(L, NULL, shipped);
	lua_setglobal(L, "EMBEDDED");
}

static void set_path(lua_State *L, const char *global, const char *key)
{
	const char *value = env_get(key);
	if (value) {
		lua_pushstring(L, value);
		lua_setglobal(L, global);
	}
}

static const char loader_key; /* its address is the registry key of the loader chunk */

static void set_loader(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)&loader_key);
	searcher_push_chunk(L, "loader");
	lua_rawset(L, LUA_REGISTRYINDEX);
}

/* Gives it out for good: it runs once, and is garbage then. */
static void take_loader(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)&loader_key);
	lua_rawget(L, LUA_REGISTRYINDEX);
	lua_pushlightuserdata(L, (void *)(uintptr_t)&loader_key);
	lua_pushnil(L);
	lua_rawset(L, LUA_REGISTRYINDEX);
}

static void replace_functions(lua_State *L)
{
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "preload");
	lua_pushcfunction(L, api_open_core);
	lua_setfield(L, -2, "skynet.core");
	lua_pop(L, 2);
	lua_pushcfunction(L, print_line);
	lua_setglobal(L, "print");
	codecache_open(L);
	compat_open(L);
	finalizer_open(L);
	searcher_open(L);
	lua_pushcfunction(L, searcher_module);
	lua_pushliteral(L, "compat");
	lua_call(L, 1, 1);
	lua_pushcfunction(L, compat_true_metatable);
	lua_call(L, 1, 0);
}

void boot_make(lua_State *L, struct vm *vm)
{
	lua_gc(L, LUA_GCSTOP, 0); /* until the loader is through: what there is to collect is not worth it */
	stdlib_open(L);
	hook_open(L);
	vm_register(L, vm); /* from now on hooks do something */
	trace_attach(L);
	replace_functions(L);
	set_embedded(L);
	set_loader(L);
}

void boot_adopt(lua_State *L)
{
	searcher_set_paths(L);
	set_path(L, "LUA_SERVICE", "luaservice");
	set_path(L, "LUA_PRELOAD", "preload");
	lua_pushboolean(L, vm_of(L)->lua54);
	lua_setglobal(L, "LUA54");
	lua_pushboolean(L, vm_of(L)->debug_pairs);
	lua_setglobal(L, "DEBUG_PAIRS");
	take_loader(L);
}
