/* SPDX-License-Identifier: MIT
 *
 * Things of the process that one service makes and others find by a number, which travels in messages like any value. A
 * number holds no reference: a message that is dropped on its way loses nothing, one that is read twice frees
 * nothing twice, and a number that was made up finds nothing. (skynet sends pointers, with a reference in each message.)
 *
 * Any thread. The table of numbers has one lock, held for a few instructions.
 */
#ifndef LUABIND_OFFER_H
#define LUABIND_OFFER_H

#include "core/base.h"

#pragma GCC visibility push(hidden)

struct offer {
	_Atomic uint32_t references;
	uint64_t number;                 /* never given twice; fits into a light userdata */
	struct offer *next;              /* under the lock, while it can be found */
	void (*destroy)(struct offer *); /* also tells the kinds apart */
};

/* Can be found from here on. The caller has one reference. */
void offer_begin(struct offer *o, void (*destroy)(struct offer *));
/* Nobody finds it any more; who holds it goes on doing so. May be said twice. */
void offer_withdraw(struct offer *o);
/* A reference of what has this number and this `destroy`; NULL when there is none (any more). */
struct offer *offer_take(uint64_t number, void (*destroy)(struct offer *));
/* The last one destroys it; it must be withdrawn by then. */
void offer_release(struct offer *o);

#pragma GCC visibility pop

#endif
