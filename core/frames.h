/* SPDX-License-Identifier: MIT
 *
 * Walks the C frames of an interrupted service, as far as they are known exactly, to see whether it may be
 * parked where it is.
 */
#ifndef CORE_FRAMES_H
#define CORE_FRAMES_H

#include "core/base.h"
#include <link.h>

enum frames_of { FRAMES_VM, FRAMES_OWN, FRAMES_OBJECTS };

/* Forgets the objects, and learns one whose code is [start, end). Main thread, before workers start (text_init
 * does it). */
void frames_forget(void);
void frames_learn(enum frames_of which, const struct dl_phdr_info *object, uintptr_t start,
		  uintptr_t end);

/* A frame by what its owner knows of it: where the stack pointer is, at a call that ends right before `pc`. */
struct frames_base {
	uintptr_t pc, sp;
};

/* Is there only code between the interrupted registers and `mark` (which stack_call_marked has stored) in which
 * a service may be parked? Frames that cannot be walked are searched word by word, so false may be
 * wrong, true never is. Async-signal-safe; the stack from sp to mark must be readable. */
bool frames_parkable(uintptr_t pc, uintptr_t sp, uintptr_t rbp, uintptr_t mark);

/* The same of machine code that runs on the frame `base`, below some bytes: they are searched word by word, and the walk begins
 * with that frame. Async-signal-safe. */
bool frames_parkable_below(uintptr_t sp, const struct frames_base *base, uintptr_t mark);

/* May the stack be left for good, with everything on it, where it is used up? There must be nothing on it that may hold
 * a lock; code that only keeps thread-local addresses is fine, since nobody goes on with it. `low` is the lowest byte
 * that can be read; sp may lie below. false may be wrong, true never is. Async-signal-safe. */
bool frames_abandonable(uintptr_t pc, uintptr_t sp, uintptr_t rbp, uintptr_t low, uintptr_t mark);

/* Walks exactly, in the Lua library and the executable, from the interrupted registers to the frame that returns to
 * `target` (a signal's restorer). Returns the address right above that return address; 0: there is none, or the walk
 * does not get there. Reads the stack in [low, high) only. Async-signal-safe. */
uintptr_t frames_return_to(uintptr_t pc, uintptr_t sp, uintptr_t rbp, uintptr_t low, uintptr_t high,
			   uintptr_t target);

/* The same walk for tests and diagnosis: stores where the return addresses lie, and returns how many there are
 * up to `mark` if the walk reached it; -1 if some frame is not known exactly. Does not ask what kind of code it is,
 * beyond the Lua library and the executable. Async-signal-safe. */
int frames_walk(uintptr_t pc, uintptr_t sp, uintptr_t rbp, uintptr_t mark, uintptr_t *slot,
		int max);

#endif
