/* SPDX-License-Identifier: MIT
 *
 * The native frames of a thread, written down by its own signal handler where the signal met it. One record for each
 * thread; it belongs to its service's evidence, but the thread need not be where a VM can be asked.
 *
 *	NONE, READY   the monitor's: it may read what is there, and ask
 *	ASKED         nobody's: the handler takes it at the next signal, or the monitor asks for another dispatch
 *	WRITING       the handler's, for a few microseconds
 */
#ifndef SCHED_SIGHTING_H
#define SCHED_SIGHTING_H

#include "core/atomics.h"
#include "core/walk.h"

struct sighting {
	_Atomic uint64_t word; /* epoch of the dispatch << 2 | state */
	struct walk walk;
	bool compiled; /* met in machine code made at run time: the frames say nothing */
};

/* In how many frames we are interested: the innermost. Recursion counts once. */
enum { SIGHTING_FRAMES = WALK_FIRST };

/* The next signal that meets the dispatch `epoch` shall write its frames down. Monitor. */
void sighting_ask(struct sighting *s, uint64_t epoch);
/* If that was asked: writes the frames from the interrupted registers up to `high`, the end of what can be read. The thread's
 * own signal handler. */
void sighting_take(struct sighting *s, uint64_t epoch, uintptr_t pc, uintptr_t sp, uintptr_t rbp,
		   uintptr_t high, bool compiled);
/* What was written of the dispatch; NULL: nothing yet. Good until the next sighting_ask. Monitor. */
const struct sighting *sighting_read(const struct sighting *s, uint64_t epoch);

#endif
