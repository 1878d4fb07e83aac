/* SPDX-License-Identifier: MIT */
#include "luabind/compat.h"

#include "core/base.h"
#include "luabind/coclose.h"
#include "luabind/seri_int64.h"
#include "luabind/strpack.h"
#include <lauxlib.h>
#include <math.h>
#include <string.h>

enum { TYPE_CDATA = 10 };

/* (table or string) -> its length without __len */
static int compat_rawlen(lua_State *L)
{
	int type = lua_type(L, 1);
	luaL_argcheck(L, type == LUA_TTABLE || type == LUA_TSTRING, 1, "table or string expected");
	lua_pushnumber(L, (lua_Number)lua_objlen(L, 1));
	return 1;
}

/* (...) -> { n = how many, ... } */
static int table_pack(lua_State *L)
{
	int count = lua_gettop(L);
	lua_createtable(L, count, 1);
	lua_insert(L, 1);
	for (int i = count; i >= 1; i--)
		lua_rawseti(L, 1, i);
	lua_pushinteger(L, count);
	lua_setfield(L, 1, "n");
	return 1;
}

int compat_true_metatable(lua_State *L)
{
	luaL_checkany(L, 1);
	return lua_getmetatable(L, 1);
}

/* () -> the running coroutine, and whether it is the main one */
static int co_running(lua_State *L)
{
	int is_main = lua_pushthread(L);
	lua_pushboolean(L, is_main);
	return 2;
}

static bool is_integral(lua_Number x)
{
	return x >= -0x1p63 && x < 0x1p63 && floor(x) == x;
}

static bool is_int64(lua_State *L, int index, int64_t *value)
{
	return lua_type(L, index) == TYPE_CDATA && seri_int64_read(L, index, value);
}

/* (any) -> "integer", "float" or nil */
static int math_type(lua_State *L)
{
	int64_t value;
	luaL_checkany(L, 1);
	if (lua_type(L, 1) == LUA_TNUMBER)
		lua_pushstring(L, is_integral(lua_tonumber(L, 1)) ? "integer" : "float");
	else if (is_int64(L, 1, &value))
		lua_pushliteral(L, "integer");
	else
		lua_pushnil(L);
	return 1;
}

/* (any) -> it when it is an integer, a string converted; else nil */
static int math_tointeger(lua_State *L)
{
	int64_t value;
	luaL_checkany(L, 1);
	if (lua_isnumber(L, 1) && is_integral(lua_tonumber(L, 1)))
		lua_pushnumber(L, lua_tonumber(L, 1) + 0.0); /* no -0 */
	else if (!is_int64(L, 1, &value))
		lua_pushnil(L);
	return 1;
}

static uint64_t check_unsigned(lua_State *L, int index)
{
	int64_t value;
	if (is_int64(L, index, &value))
		return (uint64_t)value;
	lua_Number x = luaL_checknumber(L, index);
	luaL_argcheck(L, is_integral(x), index, "number has no integer representation");
	return (uint64_t)(int64_t)x;
}

/* (integer, integer) -> is the first smaller, both as unsigned ones? */
static int math_ult(lua_State *L)
{
	uint64_t a = check_unsigned(L, 1);
	lua_pushboolean(L, a < check_unsigned(L, 2));
	return 1;
}

/* The range in which each integer is exact and differs from its neighbours, not that of 64 bits: no number is
 * 2^63 - 1, and code that counts up to math.maxinteger shall be right. */
static void set_range(lua_State *L)
{
	lua_pushnumber(L, 0x1p53 - 1);
	lua_setfield(L, -2, "maxinteger");
	lua_pushnumber(L, -0x1p53);
	lua_setfield(L, -2, "mininteger");
}

/* Pushes the key under which `package` has what is asked for as searchers, its later name. */
static void push_package_key(lua_State *L, int index)
{
	if (lua_type(L, index) == LUA_TSTRING && strcmp(lua_tostring(L, index), "searchers") == 0)
		lua_pushliteral(L, "loaders");
	else
		lua_pushvalue(L, index);
}

/* (package, key) -> value; the key is not there */
static int package_index(lua_State *L)
{
	lua_settop(L, 2);
	push_package_key(L, 2);
	lua_rawget(L, 1);
	return 1;
}

/* (package, key, value); the key is not there */
static int package_newindex(lua_State *L)
{
	lua_settop(L, 3);
	push_package_key(L, 2);
	lua_replace(L, 2);
	lua_rawset(L, 1);
	return 0;
}

/* package.searchers is package.loaders, to read and to replace. */
static void add_searchers_name(lua_State *L)
{
	static const luaL_Reg package_meta[] = {
		{"__index", package_index}, {"__newindex", package_newindex}, {NULL, NULL}};
	lua_getglobal(L, "package");
	lua_createtable(L, 0, 2);
	luaL_register(L, NULL, package_meta);
	lua_setmetatable(L, -2);
	lua_pop(L, 1);
}

void compat_open(lua_State *L)
{
	static const luaL_Reg table[] = {{"pack", table_pack}, {NULL, NULL}};
	static const luaL_Reg coroutine[] = {
		{"running", co_running}, {"close", coclose}, {NULL, NULL}};
	lua_register(L, "rawlen", compat_rawlen);
	luaL_register(L, "table", table);
	lua_getglobal(L, "unpack");
	lua_setfield(L, -2, "unpack");
	luaL_register(L, "coroutine", coroutine);
	lua_pop(L, 2);
	add_searchers_name(L);
	strpack_open(L);
}

void compat_add_math(lua_State *L)
{
	static const luaL_Reg math[] = {{"type", math_type},
					{"tointeger", math_tointeger},
					{"ult", math_ult},
					{NULL, NULL}};
	luaL_register(L, "math", math);
	set_range(L);
	lua_pop(L, 1);
}
