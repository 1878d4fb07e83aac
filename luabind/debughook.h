/* SPDX-License-Identifier: MIT
 *
 * Hooks of single coroutines, for the debugger; LuaJIT's belong to the whole VM.
 */
#ifndef LUABIND_DEBUGHOOK_H
#define LUABIND_DEBUGHOOK_H

#include <lua.h>

#pragma GCC visibility push(hidden)

/* ([coroutine,] function, mask [, count]): the function is called as debug.sethook's, for this coroutine (the running
 * one by default) only. When it returns true the coroutine yields there, if it can. ([coroutine]): no hook any more.
 * Compiled code runs no hooks: see skynet/remotedebug.lua. */
int debughook_set(lua_State *L);

#pragma GCC visibility pop

#endif
