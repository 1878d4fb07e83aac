/* SPDX-License-Identifier: MIT
 *
 * 64-bit integers that a Lua number cannot hold: LuaJIT has them as cdata, which its C API does not
 * know. Both functions may raise (no memory, no Lua stack) and leave the stack as they found it but
 * for what they are said to push. They need six free slots. Thread that runs the VM only.
 */
#ifndef LUABIND_SERI_INT64_H
#define LUABIND_SERI_INT64_H

#include "core/base.h"
#include <lua.h>

/* Pushes a Lua number if that is exact, else an int64_t cdata, or the nearest number in a VM
 * without FFI. */
void seri_int64_push(lua_State *L, int64_t value);
/* Is the cdata at `index` an int64_t or uint64_t? Stores its 64 bits in `value` then. `index` must
 * hold a cdata; it may count from the top. */
bool seri_int64_read(lua_State *L, int index, int64_t *value);

#endif
