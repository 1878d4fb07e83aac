/* SPDX-License-Identifier: MIT
 *
 * What a VM of LuaJIT's becomes before a service runs in it: skynet.core, the functions that are replaced, the
 * searchers, and the globals and the table EMBEDDED that only lua/loader.lua sees.
 */
#ifndef LUABIND_BOOT_H
#define LUABIND_BOOT_H

#include <lua.h>

struct vm;

/* What is the same in every VM, from an empty state on; `vm` goes to the registry. The collector is stopped; the loader
 * starts it. Inside a protected call. */
void boot_make(lua_State *L, struct vm *vm);
/* What differs between services and between moments (paths, settings), after boot_make. Pushes the loader chunk. Inside
 * a protected call, once. */
void boot_adopt(lua_State *L);

#endif
