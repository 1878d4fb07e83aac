/* SPDX-License-Identifier: MIT
 *
 * The bytes are a sproto message themselves: a group of types and protocols, which refer to types by their number.
 * They may come from anywhere, so nothing is believed: a schema is right as a whole or refused.
 */
#include "luabind/sproto_schema.h"
#include "core/atomics.h"
#include "core/mem.h"
#include "luabind/sproto_wire.h"

#include <string.h>

enum { GROUP_TYPES = 0, GROUP_PROTOCOLS = 1 };
enum { TYPE_NAME = 0, TYPE_FIELDS = 1 };
enum { FIELD_NAME, FIELD_BUILTIN, FIELD_TYPE, FIELD_TAG, FIELD_ARRAY, FIELD_KEY, FIELD_MAP, FIELD_PARTS };
enum { PROTOCOL_NAME, PROTOCOL_TAG, PROTOCOL_REQUEST, PROTOCOL_RESPONSE, PROTOCOL_CONFIRM, PROTOCOL_PARTS };
enum { PARTS_MAX = FIELD_PARTS, DIGITS_MAX = 18 };

struct reading {
	struct sproto *schema;
	char *names_end; /* in schema->names, which has room for all: each name had four bytes of length */
};

/* What a struct of the schema's own holds, by tag. Parts that are not there: value -1, no bytes. */
struct parts {
	int value[PARTS_MAX];
	struct wire_span content[PARTS_MAX];
};

static bool read_parts(struct wire_span bytes, struct parts *p)
{
	struct wire_reader r;
	for (int i = 0; i < PARTS_MAX; i++) {
		p->value[i] = -1;
		p->content[i] = (struct wire_span){NULL, 0};
	}
	if (!wire_open(&r, bytes))
		return false;
	for (;;) {
		switch (wire_next(&r)) {
		case WIRE_END:
			return true;
		case WIRE_BAD:
			return false;
		case WIRE_FIELD:
			if (r.tag < PARTS_MAX && r.value >= 0)
				p->value[r.tag] = r.value;
			else if (r.tag < PARTS_MAX)
				p->content[r.tag] = r.content;
		}
	}
}

/* How many blocks; false when the last is cut off. */
static bool count_blocks(struct wire_span bytes, uint32_t *count)
{
	struct wire_span block;
	for (*count = 0; bytes.size > 0; ++*count)
		if (!wire_block(&bytes, &block))
			return false;
	return true;
}

static const char *keep_name(struct reading *r, struct wire_span name)
{
	char *kept = r->names_end;
	if (name.size == 0 || memchr(name.at, 0, name.size))
		return NULL;
	memcpy(kept, name.at, name.size);
	kept[name.size] = 0;
	r->names_end += name.size + 1;
	return kept;
}

static const struct sproto_type *type_number(const struct sproto *s, int number)
{
	return number >= 0 && (uint32_t)number < s->type_count ? &s->types[number] : NULL;
}

static bool read_kind(struct reading *r, const struct parts *p, struct sproto_field *f)
{
	int builtin = p->value[FIELD_BUILTIN], extra = p->value[FIELD_TYPE];
	if (builtin < 0) {
		f->kind = SPROTO_STRUCT;
		f->sub = type_number(r->schema, extra);
		return f->sub != NULL;
	}
	if (builtin > SPROTO_DOUBLE)
		return false;
	f->kind = (uint8_t)builtin;
	if (builtin == SPROTO_INTEGER && extra >= 0) {
		if (extra > DIGITS_MAX)
			return false;
		for (f->scale = 1; extra > 0; extra--)
			f->scale *= 10;
	}
	return true;
}

/* `key` and `value` wait for the second round, when all types are known: see link_field. */
static bool read_field(struct reading *r, struct wire_span bytes, struct sproto_field *f)
{
	struct parts p;
	if (!read_parts(bytes, &p) || p.value[FIELD_TAG] < 0 || !read_kind(r, &p, f))
		return false;
	f->tag = (uint16_t)p.value[FIELD_TAG];
	f->array = p.value[FIELD_ARRAY] > 0;
	f->name = keep_name(r, p.content[FIELD_NAME]);
	return f->name != NULL;
}

static bool read_type(struct reading *r, struct wire_span bytes, struct sproto_type *t)
{
	struct parts p;
	struct wire_span block;
	if (!read_parts(bytes, &p) || !(t->name = keep_name(r, p.content[TYPE_NAME])))
		return false;
	struct wire_span fields = p.content[TYPE_FIELDS];
	uint32_t count;
	if (!count_blocks(fields, &count))
		return false;
	t->fields = mem_zalloc((count + 1) * sizeof(*t->fields));
	for (; t->field_count < count; t->field_count++) {
		struct sproto_field *f = &t->fields[t->field_count];
		if (!wire_block(&fields, &block) || !read_field(r, block, f))
			return false;
		if (t->field_count > 0 && f->tag <= f[-1].tag)
			return false;
	}
	return true;
}

static bool link_field(struct sproto_field *f, const struct parts *p)
{
	if (p->value[FIELD_KEY] < 0)
		return true;
	if (!f->array || f->kind != SPROTO_STRUCT)
		return false;
	f->key = sproto_find_field(f->sub, p->value[FIELD_KEY]);
	if (f->key == NULL || f->key->array || f->key->kind == SPROTO_STRUCT)
		return false;
	if (p->value[FIELD_MAP] <= 0)
		return true;
	if (f->sub->field_count != 2)
		return false;
	f->value = &f->sub->fields[f->key == f->sub->fields ? 1 : 0];
	return true;
}

/* The second round. The bytes were right in the first. */
static bool link_type(struct wire_span bytes, struct sproto_type *t)
{
	struct parts p;
	struct wire_span block;
	if (!read_parts(bytes, &p))
		return false;
	struct wire_span fields = p.content[TYPE_FIELDS];
	for (uint32_t i = 0; i < t->field_count; i++)
		if (!wire_block(&fields, &block) || !read_parts(block, &p) || !link_field(&t->fields[i], &p))
			return false;
	return true;
}

static bool read_types(struct reading *r, struct wire_span bytes)
{
	struct sproto *s = r->schema;
	struct wire_span block, again = bytes;
	if (!count_blocks(bytes, &s->type_count))
		return false;
	s->types = mem_zalloc((s->type_count + 1) * sizeof(*s->types));
	for (uint32_t i = 0; i < s->type_count; i++)
		if (!wire_block(&bytes, &block) || !read_type(r, block, &s->types[i]))
			return false;
	for (uint32_t i = 0; i < s->type_count; i++)
		if (!wire_block(&again, &block) || !link_type(block, &s->types[i]))
			return false;
	return true;
}

static bool read_protocol(struct reading *r, struct wire_span bytes, struct sproto_protocol *protocol)
{
	struct parts p;
	if (!read_parts(bytes, &p) || p.value[PROTOCOL_TAG] < 0)
		return false;
	protocol->tag = p.value[PROTOCOL_TAG];
	protocol->confirm = p.value[PROTOCOL_CONFIRM] > 0;
	protocol->request = type_number(r->schema, p.value[PROTOCOL_REQUEST]);
	protocol->response = type_number(r->schema, p.value[PROTOCOL_RESPONSE]);
	if ((p.value[PROTOCOL_REQUEST] >= 0 && !protocol->request) ||
	    (p.value[PROTOCOL_RESPONSE] >= 0 && !protocol->response))
		return false;
	protocol->name = keep_name(r, p.content[PROTOCOL_NAME]);
	return protocol->name != NULL;
}

static bool read_protocols(struct reading *r, struct wire_span bytes)
{
	struct sproto *s = r->schema;
	struct wire_span block;
	if (!count_blocks(bytes, &s->protocol_count))
		return false;
	s->protocols = mem_zalloc((s->protocol_count + 1) * sizeof(*s->protocols));
	for (uint32_t i = 0; i < s->protocol_count; i++) {
		struct sproto_protocol *p = &s->protocols[i];
		if (!wire_block(&bytes, &block) || !read_protocol(r, block, p) || (i > 0 && p->tag <= p[-1].tag))
			return false;
	}
	return true;
}

struct sproto *sproto_read(const void *bytes, size_t size_bytes)
{
	struct parts group;
	struct sproto *s = mem_zalloc(sizeof(*s));
	struct reading r = {.schema = s};
	store_relaxed(&s->references, 1);
	s->names = r.names_end = mem_alloc(size_bytes + 1);
	if (read_parts((struct wire_span){bytes, size_bytes}, &group) && read_types(&r, group.content[GROUP_TYPES]) &&
	    read_protocols(&r, group.content[GROUP_PROTOCOLS]))
		return s;
	sproto_release(s);
	return NULL;
}

void sproto_hold(struct sproto *s)
{
	add_relaxed(&s->references, 1);
}

void sproto_release(struct sproto *s)
{
	if (__atomic_sub_fetch((uint32_t *)&s->references, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (uint32_t i = 0; i < s->type_count && s->types; i++)
		mem_free(s->types[i].fields);
	mem_free(s->types);
	mem_free(s->protocols);
	mem_free(s->names);
	mem_free(s);
}

const struct sproto_type *sproto_find_type(const struct sproto *s, const char *name)
{
	for (uint32_t i = 0; i < s->type_count; i++)
		if (strcmp(s->types[i].name, name) == 0)
			return &s->types[i];
	return NULL;
}

const struct sproto_protocol *sproto_find_protocol(const struct sproto *s, const char *name)
{
	for (uint32_t i = 0; i < s->protocol_count; i++)
		if (strcmp(s->protocols[i].name, name) == 0)
			return &s->protocols[i];
	return NULL;
}

const struct sproto_protocol *sproto_find_tag(const struct sproto *s, int tag)
{
	uint32_t low = 0, high = s->protocol_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (s->protocols[middle].tag == tag)
			return &s->protocols[middle];
		if (s->protocols[middle].tag < tag)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}

const struct sproto_field *sproto_find_field(const struct sproto_type *t, int tag)
{
	/* Most types have no gaps. */
	if (tag >= 0 && (uint32_t)tag < t->field_count && t->fields[tag].tag == tag)
		return &t->fields[tag];
	uint32_t low = 0, high = t->field_count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (t->fields[middle].tag == tag)
			return &t->fields[middle];
		if (t->fields[middle].tag < tag)
			low = middle + 1;
		else
			high = middle;
	}
	return NULL;
}
