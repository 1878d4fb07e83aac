/* SPDX-License-Identifier: MIT
 *
 * Lua values to bytes and back, in skynet's wire format (a skynet node in a cluster reads ours and
 * we read theirs). Every integral Lua number takes an integer form, since on skynet's Lua it would
 * be one. Integers beyond 2^53 come back as a Lua number if that is exact, else as an int64_t
 * cdata.
 *
 * A table of 10 MB takes a tenth of a second, so a service may be parked in here: what packing has so far belongs to the
 * VM, what is unpacked to the message. All functions but the one that makes the block that leaves the VM, and
 * the helpers for 64-bit integers, are PARKABLE (core/base.h).
 *
 * The functions of Lua raise Lua errors and leak nothing when they do. Thread that runs the VM
 * only.
 */
#ifndef LUABIND_SERI_H
#define LUABIND_SERI_H

#include "core/base.h"
#include <lua.h>

/* (...) -> lightuserdata, size. The block is from mem_alloc and the caller's to free or to send.
 * No arguments: a NULL lightuserdata and 0. Raises for functions, threads, userdata and cdata other
 * than 64-bit integers, for tables nested deeper than 32, and what a `__pairs` raises. */
int seri_pack(lua_State *L);
/* Packs the arguments of the running function but the first `skip`, and returns what `give` does with the bytes: with
 * `block`, a block from mem_alloc that holds them, HANDOVER: it is `give`'s, and nobody else's, so it must have it
 * owned before it raises anything; without (NULL), with `bytes` for as long as it raises nothing. Errors in packing
 * are raised before. */
typedef int seri_give(lua_State *L, void *context, const void *bytes, size_t size_bytes, void *block);
int seri_pack_to(lua_State *L, int skip, seri_give *give, void *context);
/* The same as a string. */
int seri_packstring(lua_State *L);
/* (lightuserdata, size | string | nil) -> the values; does not free. Raises for malformed bytes. */
int seri_unpack(lua_State *L);
/* The same -> how many values, and the values; if they are more than SERI_COUNTED_MAX, a table of them. For a caller that takes
 * them into variables: of a call with as many results as there are LuaJIT compiles nothing that follows. */
int seri_unpack_counted(lua_State *L);
#define SERI_COUNTED_MAX 5
/* (lightuserdata, size | string | nil) -> its bytes as a string; does not free. nil: nothing. */
int seri_tostring(lua_State *L);
/* (lightuserdata, size | string | nil): frees the block; strings and nil are left alone. */
int seri_trash(lua_State *L);

/* Pushes the values packed in `data` and returns how many. The caller keeps `data`, and must have
 * it owned by something that survives a Lua error. Raises as seri_unpack does. */
int seri_unpack_bytes(lua_State *L, const void *data, size_t size_bytes);

#endif
