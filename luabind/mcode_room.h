/* SPDX-License-Identifier: MIT
 *
 * The room for machine code is kept free of everything else. The kernel fills the address space from the libraries
 * downwards, so the first gigabyte of heap and stacks would take just what lies near the Lua library, and a process
 * with that much memory could not compile any more. So the room is taken at the start, all of it, and opened
 * piece by piece as areas need it. The pieces are too small for stacks and for the allocator's chunks.
 *
 * LuaJIT asks the kernel for an address of its own choice; where that is taken it gets the highest gap that is large
 * enough, which is such a piece.
 */
#ifndef LUABIND_MCODE_ROOM_H
#define LUABIND_MCODE_ROOM_H

#include "core/base.h"

/* Takes the room. Main thread, early: what is mapped there already stays. */
void room_init(void);
/* Opens as much as areas of so many bytes need, and some more. Any thread, as all that follows. */
void room_keep_open(size_t used_bytes);
/* Opens a piece; false: all are open. */
bool room_open_more(void);
/* Would LuaJIT find a place for an area now? */
bool room_has_place(size_t bytes);

#endif
