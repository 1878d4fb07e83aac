/* SPDX-License-Identifier: MIT
 *
 * Services start from a copy. What comes before a service's own file is the same in each: LuaJIT's libraries, what is
 * replaced in them, our library. That is made once, in one piece of memory (model.h), and a new
 * VM is a copy of this piece, its *cast*, in which all addresses of the piece are moved along. Making it anew takes
 * 0.2 to 0.3 ms.
 *
 * Which words are addresses is not guessed, and nothing is known here of how LuaJIT lays out its memory. The same VM is
 * made twice, at two places: words that are equal in both are no addresses of the piece; those that differ by just the
 * distance are; and LuaJIT computes one kind of number from an address, which is recognised and computed again (struct mixed). If
 * there is any other, there is no mould. Then it is made once more, at a third place, and the first one
 * moved there must be equal to it in every word. So a cast is, bit by bit, what LuaJIT would have made there itself.
 *
 * LuaJIT draws random numbers for a new state, on which the order of strings in their table depends. For these three the
 * numbers are the same: LuaJIT asks for its second block of memory when it has drawn them and used none, and where
 * they lie in the first block is where two fresh states differ. So all casts of a process hash strings alike, in a way that
 * nobody outside can know; the numbers themselves, by which LuaJIT looks for places for machine code, are drawn
 * for each cast.
 *
 * What must not get into the mould: whatever belongs to a service or a moment (boot_adopt adds that), an object that is a key
 * of a table (its place depends on its address: there would be no mould), memory outside of the heap, machine code.
 */
#ifndef LUABIND_MOULD_H
#define LUABIND_MOULD_H

#include "luabind/heap.h"
#include <lua.h>

/* Makes it. false: this LuaJIT does not allow it. Main thread, when the config is in force, before the first launch. */
bool mould_make(void);
/* Makes it once more and compares it with a cast at that place: false is a fault. Main thread, before the first
 * launch; mould_make does it once, tests as often as they like. */
bool mould_prove(void);
/* How much of each cast is a copy; 0: there is no mould. Any thread. */
size_t mould_bytes(void);

/* A state in this empty heap, on which boot_make has run. NULL: there is no mould, or no memory; the heap is empty
 * still. Owner of the heap. */
lua_State *mould_cast(struct heap *heap);

#endif
