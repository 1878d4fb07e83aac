/* SPDX-License-Identifier: MIT
 *
 * The loaded files by address: the executable and the shared libraries, each with what it takes to walk its frames and to
 * name its functions. Made at the start and after each dlopen, so that signal handlers and the monitor need neither the
 * loader's locks nor an allocation to say where some thread is.
 */
#ifndef CORE_BINARY_H
#define CORE_BINARY_H

#include "core/unwind.h"

struct binary_place {
	const char *file;     /* as the loader has it; "" is the executable */
	uintptr_t offset;     /* in the file's own addresses: what addr2line takes */
	const char *function; /* NULL: not known */
	uintptr_t into;       /* bytes from its start */
};

/* Looks for those that have been loaded since. Any thread, not in handlers (text_refresh does it). */
void binary_refresh(void);
/* When nobody asks any more. */
void binary_term(void);

/* Which file is it, where in it? false: it is no loaded file's code, as far as the last refresh knows. The texts live until
 * binary_term. Async-signal-safe. */
bool binary_find(uintptr_t address, struct binary_place *out);
/* The tables for unwind_step there; NULL: none. Async-signal-safe. */
const struct unwind_object *binary_unwind(uintptr_t address);

#endif
