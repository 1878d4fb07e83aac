/* SPDX-License-Identifier: MIT
 *
 * Which call frame information (FDE) describes a piece of code that was made at run time.
 *
 * LuaJIT announces each of its areas of machine code to the unwinder with __register_frame, and raises errors with
 * _Unwind_RaiseException, which asks _Unwind_Find_FDE for every frame. In libgcc before 13 that is a search through
 * all announced areas, one by one, under one lock of the process: with 10,000 VMs each error costs 0.5 ms, and
 * errors on different threads wait for each other. So the executable has all three functions, the dynamic linker
 * finds them before libgcc's, and libgcc itself calls ours too.
 *
 * Leaving the announcement out instead would be short, but an allocation that is refused inside of machine code is
 * an error that has to pass through it: without the FDE it ends the process.
 */
#ifndef CORE_FDE_H
#define CORE_FDE_H

#include "core/base.h"

/* Does libgcc call us? Where it does not (a libgcc linked into it, or bound to itself) areas are announced to libgcc
 * as ever. Any thread, as all in here. */
bool fde_is_active(void);

/* Areas that are announced now, and their bytes (whole pages). */
size_t fde_area_count(void);
size_t fde_area_bytes(void);

/* Told about every area, by the thread that announces it (bytes > 0) or takes it back (< 0). Set before the first
 * VM; NULL: nobody. */
extern void (*fde_on_area)(ptrdiff_t bytes);

#endif
