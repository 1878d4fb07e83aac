/* SPDX-License-Identifier: MIT
 *
 * Places in machine code at which the collector must not run: LuaJIT writes some things that belong together with
 * several instructions, since nobody but a trap could come between them. We do.
 */
#ifndef LUABIND_HALFWAY_H
#define LUABIND_HALFWAY_H

#include "core/base.h"

/* Would the instruction at `at` of these `size` bytes of a trace's code go on with something that is half written? Pure. */
bool halfway_at(const uint8_t *code, size_t size, size_t at);

#endif
