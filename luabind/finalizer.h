/* SPDX-License-Identifier: MIT
 *
 * Finalizers of the user's in protected mode: why, and how, see lua/finalizer.lua, which a VM loads when it first
 * makes something that can have one.
 */
#ifndef LUABIND_FINALIZER_H
#define LUABIND_FINALIZER_H

#include <lua.h>

/* Replaces `newproxy` and package.preload.ffi. Inside a protected call. */
void finalizer_open(lua_State *L);

#endif
