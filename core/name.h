/* SPDX-License-Identifier: MIT
 *
 * Names of services on this node. Local ones come without their dot (".launcher" is "launcher"
 * here; the caller strips it), global ones ("SIMPLEDB") as they are: with a single node both are
 * one flat set of texts, of any length, and the first to take one keeps it.
 */
#ifndef CORE_NAME_H
#define CORE_NAME_H

#include "core/base.h"

/* Gives `name` (copied) to `handle`, which may have several. False when it is taken, also by the
 * same handle. Any thread; takes a lock and allocates. A service that exits calls name_drop after
 * its handle is retired; whoever names a service other than itself must look afterwards whether the
 * handle still exists and drop the name if not. */
bool name_register(const char *name, uint32_t handle);

/* The handle of `name`; 0 if unknown. Any thread; takes a lock for reading. */
uint32_t name_find(const char *name);

/* Takes all names from `handle` and returns how many there were. Any thread. */
size_t name_drop(uint32_t handle);

/* The name that `handle` got first, cut to `size` - 1 bytes and ended with a NUL. False (and "")
 * when it has none. Any thread. */
bool name_of(uint32_t handle, char *out, size_t size);

/* All names of `handle`, the first one first, each ended with a newline; "" when it has none. The
 * caller frees it. Any thread; allocates. */
char *name_list(uint32_t handle);

/* How many names there are. Any thread. */
size_t name_count(void);

/* Forgets everything and frees it; when no other thread uses names any more. */
void name_term(void);

#endif
