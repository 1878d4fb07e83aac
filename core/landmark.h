/* SPDX-License-Identifier: MIT
 *
 * Functions inside of the Lua library that we know by what they do. The library is stripped and has no names for them;
 * whoever knows how to make it call them looks at the start who is on the stack then (luabind/landmarks.c).
 */
#ifndef CORE_LANDMARK_H
#define CORE_LANDMARK_H

#include "core/base.h"

enum landmark {
	LANDMARK_COLLECTOR, /* whoever is called to collect garbage, a step or all of it */
	LANDMARK_RESIZER,   /* those that move a Lua stack to another place */
	LANDMARK_KINDS
};

/* One of the functions; a few of each kind fit. Main thread, before workers start. */
void landmark_add(enum landmark kind, uintptr_t start, uintptr_t end);
/* Of that kind. */
void landmark_forget(enum landmark kind);
/* Have any been found? Async-signal-safe, as the next. */
bool landmark_known(enum landmark kind);
bool landmark_holds(enum landmark kind, uintptr_t address);

#endif
