/* SPDX-License-Identifier: MIT
 *
 * The library utf8 of Lua 5.4 (`lax` included), with its error texts. All functions may raise. Thread that runs
 * the VM only.
 */
#ifndef LUABIND_UTF8_H
#define LUABIND_UTF8_H

#include <lua.h>

/* Makes the global table `utf8`. */
void utf8_open(lua_State *L);

#endif
