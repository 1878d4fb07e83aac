/* SPDX-License-Identifier: MIT
 *
 * One step from a frame to its caller by the call frame information (.eh_frame) of a loaded object. Only what a
 * walk needs is followed: the stack pointer, rbp, and the return address.
 */
#ifndef CORE_UNWIND_H
#define CORE_UNWIND_H

#include "core/cfi.h"
#include <link.h>

struct unwind_object {
	uintptr_t text_start, text_end;
	const uint8_t *header; /* .eh_frame_hdr; the table's pairs are relative to it */
	uint32_t count;
	uintptr_t odd_start,
		odd_end; /* code by hand whose stack pointer is not where its FDE says */
};

struct unwind_frame {
	uintptr_t pc, sp, rbp;
	bool interrupted; /* pc is the next instruction; otherwise a return address */
};

enum unwind_result {
	UNWIND_OK,
	UNWIND_ROUGH, /* done, but right only if the interrupted code is outside of its prologue and epilogues */
	UNWIND_UNKNOWN, /* nothing done */
};

/* Finds the tables of the object whose code is [start, end). false: it has none that can be used; then every
 * step in it is UNWIND_UNKNOWN. Not for signal handlers. */
bool unwind_prepare(const struct dl_phdr_info *object, uintptr_t start, uintptr_t end,
		    struct unwind_object *o);

/* The bounds of the function that holds the address. false: no table says. Async-signal-safe. */
bool unwind_function(const struct unwind_object *o, uintptr_t address, uintptr_t *start,
		     uintptr_t *end);

/* Replaces the frame by its caller's: sp becomes the canonical frame address. Reads the stack in
 * [frame's sp, limit) only, and the red zone below an interrupted one. Async-signal-safe. */
enum unwind_result unwind_step(const struct unwind_object *o, struct unwind_frame *f,
			       uintptr_t limit);

#endif
