/* SPDX-License-Identifier: MIT
 *
 * coroutine.close of Lua 5.4, which LuaJIT lacks. Thread that runs the VM only.
 */
#ifndef LUABIND_COCLOSE_H
#define LUABIND_COCLOSE_H

#include <lua.h>

/* (coroutine) -> true. Ends a suspended coroutine: nothing in it runs any more, and what it holds becomes garbage.
 * A dead one stays dead; of one that has failed, Lua 5.4 would give false and the error, but LuaJIT hands that to
 * resume and forgets it (lua/lua54_close.lua remembers). Raises for one that runs or waits for another. */
int coclose(lua_State *L);

#endif
