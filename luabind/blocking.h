/* SPDX-License-Identifier: MIT */
#ifndef LUABIND_BLOCKING_H
#define LUABIND_BLOCKING_H

#include <lua.h>

/* (f, ...) -> what f(...) returns, or its error. Meanwhile the service has no worker: f may block. Not nested, and f
 * cannot yield. A C function for Lua. */
int blocking_call(lua_State *L);

#endif
