/* SPDX-License-Identifier: MIT
 *
 * Finds functions of LuaJIT's library that have no name (core/landmark.h), by making it call them.
 */
#ifndef LUABIND_LANDMARKS_H
#define LUABIND_LANDMARKS_H

/* What is not found for certain is not there: then nobody tells how much is collected. A few milliseconds. Main thread, before
 * the first launch, after text_init. */
void landmarks_init(void);

#endif
