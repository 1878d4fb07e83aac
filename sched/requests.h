/* SPDX-License-Identifier: MIT
 *
 * The requests that a service has been handed and has not answered. If it dies, whoever waits gets an
 * error at once instead of hanging for ever: that is why the runtime keeps this set and not the service's
 * own Lua code, which may be stuck.
 *
 * Guarded by a lock of its own, because a killer drains it from another thread.
 */
#ifndef SCHED_REQUESTS_H
#define SCHED_REQUESTS_H

#include "core/lock.h"

struct request {
	uint32_t source; /* who asked; 0: a free place */
	int32_t session;
};

struct requests {
	struct lock lock;
	struct request *slot; /* open addressing, linear probing; NULL when nothing was ever open */
	uint32_t room, count;
	bool closed; /* drained for good: nothing is added any more */
};

void requests_init(struct requests *r);
void requests_term(struct requests *r);

/* (source, session) is open now. false: the set is closed, the caller answers. Twice the same is once. */
bool requests_open(struct requests *r, uint32_t source, int32_t session);
/* It is answered, or handed on. false: it was not open. Any thread. */
bool requests_forget(struct requests *r, uint32_t source, int32_t session);
bool requests_is_open(struct requests *r, uint32_t source, int32_t session);
/* Closes the set and returns what was open (mem_free it), *count of them. Any thread, once. */
struct request *requests_drain(struct requests *r, uint32_t *count);

#endif
