/* SPDX-License-Identifier: MIT
 *
 * Which functions of a loaded library keep the address of a thread-local variable. A service that is
 * parked inside such a function and resumed on another thread would go on using the old thread's
 * variable (LuaJIT saves and restores errno that way around its hooks, its recorder and its trace
 * exits), so the park check must know them, in a library that has no symbols for them.
 */
#ifndef CORE_FRAGILE_H
#define CORE_FRAGILE_H

#include "core/base.h"
#include <link.h>

struct fragile_range {
	uintptr_t start, end;
};

/* Fills `out`, ascending, with the functions (as the unwind table bounds them) that call __errno_location,
 * __tls_get_addr or the dl functions through the library's PLT, and with its personality functions:
 * those are what the unwinder calls, and while one runs the unwinder's frames below it hold the old
 * thread's exception object. Returns how many there are; -1 when the library cannot be read (no unwind
 * table, no PLT relocations). x86-64 ELF only. */
int fragile_find(const struct dl_phdr_info *object, struct fragile_range *out, int max);

#endif
