/* SPDX-License-Identifier: MIT
 *
 * string.pack, string.unpack and string.packsize of Lua 5.3/5.4, with its whole format language and its error
 * texts. Where Lua has an integer, this takes an integral number or a 64-bit integer of the FFI, and gives a
 * number where that is exact, else an int64_t cdata (of unsigned ones too: Lua's integers wrap in the same way).
 *
 * All may raise and leak nothing when they do. Thread that runs the VM only.
 */
#ifndef LUABIND_STRPACK_H
#define LUABIND_STRPACK_H

#include <lua.h>

/* (format, ...) -> string */
int strpack_pack(lua_State *L);
/* (format, string [, position]) -> the values, and where the next one begins */
int strpack_unpack(lua_State *L);
/* (format) -> bytes; raises for formats of variable length */
int strpack_packsize(lua_State *L);

/* Adds the three to the table `string`, which must exist. */
void strpack_open(lua_State *L);

#endif
