/* SPDX-License-Identifier: MIT
 *
 * What a VM of LuaJIT's becomes before a service runs in it: skynet.core, the functions that are replaced, the
 * searchers, and the globals and the table EMBEDDED that only lua/loader.lua sees.
 */
#ifndef LUABIND_BOOT_H
#define LUABIND_BOOT_H

#include <lua.h>

/* The libraries are open (stdlib.h), the collector is stopped; the loader starts it. Inside a protected call. */
void boot_open(lua_State *L);

#endif
