/* SPDX-License-Identifier: MIT
 *
 * What one service holds of shared data: see sharedview.c.
 */
#ifndef LUABIND_SHAREDVIEW_H
#define LUABIND_SHAREDVIEW_H

#pragma GCC visibility push(hidden)

struct vm;

/* Lets go of everything that the VM still holds, whatever way it ended. Once, when it is freed. */
void sharedview_release_all(struct vm *vm);

#pragma GCC visibility pop

#endif
