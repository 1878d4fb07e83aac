/* SPDX-License-Identifier: MIT
 *
 * Which modules that ship have no file of the user's in their place. The user's files come first, so each service
 * would look for some forty files that are not there before it has loaded the library; the process remembers that
 * instead. As with the code cache, a file that appears later is seen after codecache_clear.
 *
 * One mutex, held for a look at a short list; no file is touched under it.
 */
#ifndef LUABIND_ABSENT_H
#define LUABIND_ABSENT_H

#include "core/base.h"

/* Where a module is looked for, and since when. */
struct absent_place {
	const char *path, *cpath; /* package.path and cpath; the caller's */
	uint64_t clears;          /* codecache_clears() before the search began */
};

/* Has it been found, since the last clear, that no file there takes the place of this module? Any thread. */
bool absent_known(const struct absent_place *place, const char *name);
/* It was looked for in this place, and found nowhere. Any thread. */
void absent_note(const struct absent_place *place, const char *name);

#endif
