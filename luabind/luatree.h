/* SPDX-License-Identifier: MIT
 *
 * From the tables of a LuaJIT state to a tree of conf_value, which needs no LuaJIT.
 */
#ifndef LUABIND_LUATREE_H
#define LUABIND_LUATREE_H

#include "luabind/luarun.h"

/* The table of globals is at the top of the stack. Values that no config may hold are recorded as
 * errors; what cannot be converted at all ends the run. Inside of lua_cpcall only. */
struct conf_value *luatree_convert(lua_State *L, struct luarun *run);

#endif
