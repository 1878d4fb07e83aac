/* SPDX-License-Identifier: MIT */
#include "core/message.h"
#include "core/mem.h"

#include <string.h>

struct message *message_new(uint32_t source, int type, int32_t session, void *data,
			    size_t size_bytes)
{
	debug_ensure(type >= 0 && type <= 255);
	struct message *m = mem_alloc(sizeof(*m));
	*m = (struct message){
		.source = source,
		.session = session,
		.type = (uint8_t)type,
		.size_bytes = size_bytes,
		.data = data,
	};
	return m;
}

struct message *message_new_copy(uint32_t source, int type, int32_t session, const void *bytes,
				 size_t size_bytes)
{
	debug_ensure(type >= 0 && type <= 255);
	struct message *m = mem_alloc(sizeof(*m) + size_bytes);
	*m = (struct message){
		.source = source,
		.session = session,
		.type = (uint8_t)type,
		.size_bytes = size_bytes,
	};
	if (size_bytes > 0)
		m->data = memcpy(m->room, bytes, size_bytes);
	return m;
}

void message_free(struct message *m)
{
	if (m->data != m->room)
		mem_free(m->data);
	mem_free(m);
}

void *message_take_data(struct message *m)
{
	void *data = m->data;
	if (data == m->room)
		data = memcpy(mem_alloc(m->size_bytes), data, m->size_bytes);
	m->data = NULL;
	m->size_bytes = 0;
	return data;
}
