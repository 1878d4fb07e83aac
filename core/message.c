/* SPDX-License-Identifier: MIT */
#include "core/message.h"
#include "core/mem.h"

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

void message_free(struct message *m)
{
	mem_free(m->data);
	mem_free(m);
}

void *message_take_data(struct message *m)
{
	void *data = m->data;
	m->data = NULL;
	m->size_bytes = 0;
	return data;
}
