/* SPDX-License-Identifier: MIT
 *
 * VMs that are made to be copied (mould.h). What is left of one when it has been made lies in one piece of memory without gaps;
 * the garbage of the way there, twice as much, is not in it. LuaJIT never moves a block, so where each one goes must
 * be known when it is asked for. It is: whoever makes the same VM again asks for the same blocks in the same order.
 * The first time (model_learn) it is noted which of them, by their number in this order, are given back before the
 * end; from then on those lie elsewhere:
 *
 *     start                                MODEL_BYTES                          PIECE_BYTES
 *     | lasting | lasting | ... |   zeros    | passing | passing | ... |   zeros   |
 *     |<----- the image ------->|
 *
 * Both parts are one mapping, since where a dead slot still has the address of something that has passed, it moves along too.
 *
 * Main thread, before the first launch.
 */
#ifndef LUABIND_MODEL_H
#define LUABIND_MODEL_H

#include "luabind/heap.h"
#include <lua.h>

enum { MODEL_SEEDS = 4 }; /* LuaJIT's random numbers, in words */

/* A VM as it was made at one place. */
struct model {
	struct heap_image image; /* what lasts */
	size_t state;		 /* where the lua_State is, in bytes from the start */
};

/* Makes a VM out of an empty state, in each call the same but for the place. May raise. */
typedef void (*model_fill)(lua_State *L);

/* Finds where LuaJIT keeps its random numbers, which are the same in all models from now on, and what lasts when `fill` has
 * run. false: this LuaJIT does not allow it, or `fill` has failed. */
bool model_learn(model_fill fill);
/* Where the random numbers are, in words from the start of each model. After model_learn. */
size_t model_seeds_word(void);
/* One of them, which nobody outside can know. */
uint64_t model_secret(void);

/* Makes one more. false: it failed, or did not ask for the same blocks; it must be dropped in any case. */
bool model_make(struct model *out, model_fill fill);
void model_drop(struct model *m);

#endif
