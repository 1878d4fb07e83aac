/* SPDX-License-Identifier: MIT
 *
 * The C API can neither tell one cdata from another nor make one, so Lua does both: two helpers,
 * made when a VM first needs them, since most never do. They wait in the registry.
 */
#include "luabind/seri_int64.h"

#include "luabind/rawtable.h"
#include <lauxlib.h>
#include <string.h>

static const char int64_key, is_int64_key; /* their addresses are keys in the registry */

/* Puts two helpers into the registry: the int64_t ctype, and a function that tells whether a cdata
 * is a 64-bit integer. False where the VM's FFI is missing or has been taken away from it. */
static bool int64_open(lua_State *L)
{
	static const char helpers[] =
		"local ffi = ...\n"
		"local istype = ffi.istype\n"
		"local int64, uint64 = ffi.typeof('int64_t'), ffi.typeof('uint64_t')\n"
		"return int64, function(x) return istype(int64, x) or istype(uint64, x) end\n";
	/* Reading a 64-bit literal makes LuaJIT set up its FFI if nobody has. Calling luaopen_ffi
	 * instead could set it up twice, which breaks the C types that exist. */
	int failed = luaL_loadstring(L, "return 0LL");
	if (failed == LUA_ERRMEM)
		lua_error(L);
	lua_getfield(L, LUA_REGISTRYINDEX, "_LOADED");
	if (lua_istable(L, -1))
		lua_getfield(L, -1, "ffi");
	if (failed || !lua_istable(L, -1))
		return false;
	if (luaL_loadbuffer(L, helpers, sizeof(helpers) - 1, "=seri"))
		lua_error(L);
	lua_insert(L, -2);
	lua_call(L, 1, 2);
	lua_pushlightuserdata(L, (void *)&is_int64_key);
	lua_insert(L, -2);
	lua_rawset(L, LUA_REGISTRYINDEX);
	lua_pushlightuserdata(L, (void *)&int64_key);
	lua_insert(L, -2);
	lua_rawset(L, LUA_REGISTRYINDEX);
	return true;
}

/* Pushes a helper; pushes nothing and is false when there is no FFI. */
static bool int64_push_helper(lua_State *L, const void *key)
{
	int top = lua_gettop(L);
	for (int attempt = 0; attempt < 2; attempt++) {
		lua_pushlightuserdata(L, (void *)key);
		lua_rawget(L, LUA_REGISTRYINDEX);
		if (!lua_isnil(L, -1))
			return true;
		bool opened = int64_open(L);
		lua_settop(L, top);
		if (!opened)
			break;
	}
	return false;
}

void seri_int64_push(lua_State *L, int64_t value)
{
	double as_double = (double)value;
	/* 2^63 itself would not fit back. */
	bool exact = as_double < 0x1p63 && (int64_t)as_double == value;
	if (exact || !int64_push_helper(L, &int64_key)) {
		lua_pushnumber(L, as_double);
		return;
	}
	lua_call(L, 0, 1);
	memcpy((void *)lua_topointer(L, -1), &value, sizeof(value));
}

bool seri_int64_read(lua_State *L, int index, int64_t *value)
{
	if (rawtable_proven()) {
		const struct rawcdata *c = rawcdata_of(lua_topointer(L, index));
		if (!raw_is_int64(c))
			return false;
		*value = c->integer;
		return true;
	}
	lua_pushvalue(L, index);
	if (!int64_push_helper(L, &is_int64_key)) {
		lua_pop(L, 1);
		return false;
	}
	lua_pushvalue(L, -2);
	lua_call(L, 1, 1);
	bool is = lua_toboolean(L, -1);
	if (is)
		memcpy(value, lua_topointer(L, -2), sizeof(*value));
	lua_pop(L, 2);
	return is;
}
