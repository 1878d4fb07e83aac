/* SPDX-License-Identifier: MIT
 *
 * Small functions of Lua 5.2 to 5.4 that LuaJIT lacks. In C, since a closure of C takes 48 bytes of each VM and a
 * function of Lua ten times that; what loops of a service may want compiled is in lua/compat.lua.
 *
 * Integers: LuaJIT's numbers are doubles. What is integral and fits into 64 bits counts as an integer, as in
 * skynet.pack, and so does a 64-bit integer of the FFI. Up to 2^53 each of them is exact.
 */
#ifndef LUABIND_COMPAT_H
#define LUABIND_COMPAT_H

#include <lua.h>

/* Adds rawlen, table.pack, table.unpack, coroutine.running, coroutine.close, string.pack and its like to the globals.
 * May raise (no memory). Thread that runs the VM only. */
void compat_open(lua_State *L);
/* Likewise math.type, math.tointeger, math.ult, math.maxinteger, math.mininteger. */
void compat_add_math(lua_State *L);
/* (any) -> its metatable, whatever __metatable says, or nothing. For lua/compat.lua, since debug.getmetatable would open
 * the library debug in each VM. */
int compat_true_metatable(lua_State *L);

#endif
