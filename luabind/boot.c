/* SPDX-License-Identifier: MIT */
#include "luabind/boot.h"
#include "core/base.h"
#include "core/env.h"
#include "luabind/api.h"
#include "luabind/codecache.h"
#include "luabind/compat.h"
#include "luabind/finalizer.h"
#include "luabind/lua54.h"
#include "luabind/searcher.h"
#include "luabind/vm.h"

/* The collector has stood still since the VM was made: what is loaded then stays. What the library takes when it is
 * required stays too, so that the first cycle begins when the heap is three times what it is now; from then on
 * twice, as LuaJIT has it. */
static void start_collector(lua_State *L)
{
	int pause = lua_gc(L, LUA_GCSETPAUSE, 300);
	lua_gc(L, LUA_GCRESTART, -1);
	lua_gc(L, LUA_GCSETPAUSE, pause);
}

/* () Called by the loader before the first line of the user's code. */
static int is_loaded(lua_State *L)
{
	start_collector(L);
	return 0;
}

static void set_embedded(lua_State *L)
{
	static const luaL_Reg shipped[] = {{"module", searcher_module},
					   {"service", searcher_service},
					   {"load_file", searcher_load_file},
					   {"readable", searcher_readable},
					   {"true_metatable", compat_true_metatable},
					   {"translate", lua54_for_lua},
					   {"is_loaded", is_loaded},
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

void boot_open(lua_State *L)
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
	set_embedded(L);
	set_path(L, "LUA_SERVICE", "luaservice");
	set_path(L, "LUA_PRELOAD", "preload");
	lua_pushboolean(L, vm_of(L)->lua54);
	lua_setglobal(L, "LUA54");
	lua_pushboolean(L, vm_of(L)->debug_pairs);
	lua_setglobal(L, "DEBUG_PAIRS");
}
