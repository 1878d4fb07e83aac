/* SPDX-License-Identifier: MIT
 *
 * coroutine.close of Lua 5.4, which LuaJIT lacks. Thread that runs the VM only.
 */
#ifndef LUABIND_COCLOSE_H
#define LUABIND_COCLOSE_H

#include <lua.h>

/* (coroutine) -> true, or false and the error that ended it, which is reported once. Ends a suspended coroutine:
 * nothing in it runs any more, and what it holds becomes garbage. Raises for one that runs or waits for another. */
int coclose(lua_State *L);

#endif
