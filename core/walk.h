/* SPDX-License-Identifier: MIT
 *
 * The C frames of a thread, for reports of crashes and for alerts. As far as the compilers' tables reach they are exact;
 * behind that (machine code made at run time, signal frames, objects without tables) they are guessed.
 */
#ifndef CORE_WALK_H
#define CORE_WALK_H

#include "core/landmark.h"
#include "core/unwind.h"

struct walk_frame {
	uintptr_t pc;
	int times; /* in a row: recursion */
	bool sure; /* false: it looks like a return address, and may be what a finished call left behind */
};

/* Both ends of the stack: endless recursion fills it between them. */
enum { WALK_FIRST = 24, WALK_LAST = 16 };

struct walk {
	struct walk_frame first[WALK_FIRST]; /* from the innermost outwards */
	struct walk_frame last[WALK_LAST];   /* a ring of what came after those */
	int count;                           /* of all; more than fit, perhaps */
};

/* Walks outwards from the interrupted registers, `max` frames at most (recursion counts once). Reads the stack in [low,
 * high) only. Async-signal-safe: no lock, no allocation. */
void walk_stack(struct walk *w, uintptr_t pc, uintptr_t sp, uintptr_t rbp, uintptr_t low,
		uintptr_t high, int max);

/* From a frame to its caller, if that is known exactly; false: nothing was done. Reads in [low, high) only. Async-signal-safe. */
bool walk_step(struct unwind_frame *f, uintptr_t low, uintptr_t high);

/* Is there a frame of such a landmark (landmark.h) on the stack? Looks as far as the frames are known exactly, so false may be
 * wrong. Async-signal-safe. */
bool walk_meets(enum landmark kind, uintptr_t pc, uintptr_t sp, uintptr_t rbp, uintptr_t high);

/* What is copied of a stack: enough for the frames above the VM's, which may have 9 KB each. */
struct walk_copy {
	uint64_t word[4096];
};
/* The same for another thread of the process, which sleeps in the kernel with these registers; what it does meanwhile
 * harms nobody. Works in `copy`. Where process_vm_readv is not allowed there is only the first frame. Any thread. */
void walk_sleeper(struct walk *w, struct walk_copy *copy, uintptr_t pc, uintptr_t sp, uintptr_t high,
		  int max);
/* The i-th of w->count frames; NULL when it was not kept. */
const struct walk_frame *walk_frame(const struct walk *w, int i);

/* Can the byte at the address be read? A system call. Async-signal-safe. */
bool walk_is_readable(uintptr_t address);

#endif
