/* SPDX-License-Identifier: MIT
 *
 * Lua's standard libraries in a new VM. Those that many services never touch are opened by their first use: each VM
 * has a copy of every function, and of every name of one. Until then such a library is an empty table with a
 * metatable; what is read or set in it, or `pairs` over it, opens it, and then it is what LuaJIT makes of it, without a
 * metatable. To be noticed by a service before that: `next` and `rawget` find nothing in there, and `setmetatable` says
 * that the metatable is protected.
 *
 * Rejected: one metatable for _G that puts whole libraries there, since code that forbids unknown globals sets its own.
 */
#ifndef LUABIND_STDLIB_H
#define LUABIND_STDLIB_H

#include <lua.h>

/* In place of luaL_openlibs. Inside a protected call; may raise (no memory). Thread that runs the VM only. */
void stdlib_open(lua_State *L);

#endif
