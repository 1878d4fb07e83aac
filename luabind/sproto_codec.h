/* SPDX-License-Identifier: MIT
 *
 * Lua tables to sproto's bytes and back: see sproto_wire.h for the format. All functions may raise, and own nothing
 * outside of the VM when they do. Thread that runs the VM only.
 */
#ifndef LUABIND_SPROTO_CODEC_H
#define LUABIND_SPROTO_CODEC_H

#include "luabind/sproto_schema.h"
#include "luabind/sproto_wire.h"
#include <lua.h>

/* Users' own C modules have functions of the same names (skynet's sproto has), which the loader would otherwise bind to
 * these, since the executable exports its symbols. */
#pragma GCC visibility push(hidden)

/* Bytes that grow, in a userdata at the stack index `slot`; made anew when there is none (nil). */
struct sproto_buffer {
	lua_State *L;
	int slot;
	uint8_t *data;
	size_t size, room;
};

/* Appends the table at `table` (an absolute index) as a struct of that type. */
void sproto_encode(struct sproto_buffer *out, const struct sproto_type *t, int table);
/* Fills the table on top of the stack with what the bytes say; returns how many bytes the struct took. */
size_t sproto_decode(lua_State *L, const struct sproto_type *t, struct wire_span bytes);
/* Pushes a table with the default values of the type's fields. */
void sproto_push_default(lua_State *L, const struct sproto_type *t);

/* Zero packing. The most bytes that `size` bytes can become, and packing to `to`; returns the size. */
size_t sproto_pack_bound(size_t size);
size_t sproto_pack(const uint8_t *from, size_t size, uint8_t *to);
/* The size when unpacked; false for bytes that are cut off. Then `to` has room for that. */
bool sproto_unpacked_size(struct wire_span packed, size_t *size);
void sproto_unpack(struct wire_span packed, uint8_t *to);

#pragma GCC visibility pop

#endif
