/* SPDX-License-Identifier: MIT
 *
 * One message: what services exchange. It has exactly one owner at any time: the sender until
 * sched_send(), then the mailbox, then the body that handles it, which frees it.
 */
#ifndef CORE_MESSAGE_H
#define CORE_MESSAGE_H

#include "core/base.h"

/* skynet's numbers; they are visible to Lua (skynet.PTYPE_*) and on the wire. */
enum message_type {
	MESSAGE_TEXT = 0,
	MESSAGE_RESPONSE = 1,
	MESSAGE_MULTICAST = 2,
	MESSAGE_CLIENT = 3,
	MESSAGE_SYSTEM = 4,
	MESSAGE_HARBOR = 5,
	MESSAGE_SOCKET = 6,
	MESSAGE_ERROR = 7,
	MESSAGE_QUEUE = 8,
	MESSAGE_DEBUG = 9,
	MESSAGE_LUA = 10,
	MESSAGE_SNAX = 11,
	MESSAGE_TRACE = 12,
};

struct message {
	struct message *next; /* mailbox's link; NULL outside of one */
	uint32_t source;      /* handle of the sender, 0: the runtime */
	int32_t session;      /* 0: no answer is expected */
	uint8_t type;         /* enum message_type or a service's own, 0..255 */
	uint32_t order;       /* the mailbox's: which of two was first (core/bound.h) */
	size_t size_bytes;
	void *data; /* `room`, or a block of its own that the message owns (from mem_alloc); NULL when size is 0 */
	char room[]; /* a payload that was copied lies here: one allocation for both */
};

/* Takes ownership of `data` (from mem_alloc, or NULL). Any thread. */
struct message *message_new(uint32_t source, int type, int32_t session, void *data,
			    size_t size_bytes);
/* The same with a copy of `bytes`, which remain the caller's. Any thread. */
struct message *message_new_copy(uint32_t source, int type, int32_t session, const void *bytes,
				 size_t size_bytes);
/* Frees the message and the data it still owns. */
void message_free(struct message *m);
/* Takes the data out: the caller owns it now (mem_free) and the message is empty. Copies what has no block of its own. */
void *message_take_data(struct message *m);

/* Is it a request: does somebody wait for an answer to it? */
static inline bool message_is_request(const struct message *m)
{
	return m->session != 0 && m->type != MESSAGE_RESPONSE && m->type != MESSAGE_ERROR;
}

/* Does it end somebody's wait, or does the runtime or an operator need it to arrive? It begins no new work, and never
 * waits behind what does. */
static inline bool message_is_control(const struct message *m)
{
	const uint32_t kinds = 1u << MESSAGE_RESPONSE | 1u << MESSAGE_ERROR | 1u << MESSAGE_SYSTEM |
			       1u << MESSAGE_SOCKET | 1u << MESSAGE_DEBUG;
	return m->type < 32 && (kinds >> m->type & 1);
}

#endif
