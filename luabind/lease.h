/* SPDX-License-Identifier: MIT
 *
 * What a VM holds outside of its heap: a reference of something shared, say. A userdata's finalizer is not enough to let
 * go of it, since a service that is abandoned runs none; so each such thing is also on a list of the VM, which is
 * walked when the VM is freed, whatever way it ended.
 *
 * A lease is C memory of its own, the first field of what it is about, and not part of a userdata. Only the thread that
 * runs the service touches the list, or whoever frees the VM.
 */
#ifndef LUABIND_LEASE_H
#define LUABIND_LEASE_H

#pragma GCC visibility push(hidden)

struct vm;

struct lease {
	struct lease *next, **link;
	void (*end)(struct lease *); /* lets go of what is held, and frees the lease; also tells the kinds apart */
};

/* The VM owns the lease from here on. Never raises. */
void lease_begin(struct vm *vm, struct lease *l, void (*end)(struct lease *));
/* Takes it off the list and ends it. */
void lease_end(struct lease *l);
/* Ends all that are left. Once, when the VM is freed. */
void lease_end_all(struct vm *vm);

#pragma GCC visibility pop

#endif
