/* SPDX-License-Identifier: MIT
 *
 * The alternate signal stack of a thread, on which the handler of faults runs: the stack that is in use may be the
 * one that is used up. Each thread that we start has one, from its first lines to its last.
 */
#ifndef CORE_ALTSTACK_H
#define CORE_ALTSTACK_H

#include "core/base.h"

/* Gives the calling thread one, and notes where its own stack lies. Allocates by mmap only; without memory for it the
 * thread goes on without. Not in handlers. */
void altstack_install(void);
/* Takes it away. The calling thread, before it ends; not on the alternate stack. */
void altstack_remove(void);

/* Is the address on the calling thread's alternate stack? Async-signal-safe. */
bool altstack_holds(uintptr_t address);
/* The calling thread's own stack, as pthreads made it: false when the thread has not said so. Async-signal-safe. */
bool altstack_own_bounds(uintptr_t *low, uintptr_t *high);

#endif
