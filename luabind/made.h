/* SPDX-License-Identifier: MIT
 *
 * The library, loaded before it is asked for. The mould (mould.h) has `skynet` and what belongs to it in it: the modules
 * have run there, once for the process, and lie out of sight in each VM. `require "skynet"` puts them
 * into package.loaded, if that is the same as loading them now:
 *
 *   - no file of the service takes the place of one of them (absent.h knows that there is none),
 *   - none is in package.loaded or package.preload already,
 *   - the functions of Lua that they keep in local variables are still those that were there.
 *
 * Otherwise, when another one of them is required first (which the service might want to change before the next looks at it),
 * and when the main chunk is through without it, the modules are dropped, and loaded as ever.
 */
#ifndef LUABIND_MADE_H
#define LUABIND_MADE_H

#include "luabind/absent.h"
#include <lua.h>

/* Loads the library and hides it. In the mould, inside a protected call. */
void made_fill(lua_State *L);

/* Pushes a loader, which will make the modules visible, if it is the library that is asked for and may be had; or pushes
 * nothing and says false. */
bool made_push_loader(lua_State *L, const struct absent_place *place, const char *name);
/* Pushes the module itself, while it is out of sight; or does nothing and says false. */
bool made_push(lua_State *L, const char *name);
/* Is the library there, out of sight? */
bool made_is_here(lua_State *L);
/* From now on it is not. Raises nothing and allocates nothing. */
void made_drop(lua_State *L);

#endif
