/* SPDX-License-Identifier: MIT
 *
 * A sproto schema: types and protocols, read from the bytes that sprotoparser makes of its text. It never changes after
 * it was read, so services on any threads may share one; it is counted, and freed by whoever lets go of it last.
 */
#ifndef LUABIND_SPROTO_SCHEMA_H
#define LUABIND_SPROTO_SCHEMA_H

#include "core/base.h"

/* Users' own C modules have functions of the same names (skynet's sproto has), which the loader would otherwise bind to
 * these, since the executable exports its symbols. */
#pragma GCC visibility push(hidden)

enum sproto_kind { SPROTO_INTEGER, SPROTO_BOOLEAN, SPROTO_STRING, SPROTO_DOUBLE, SPROTO_STRUCT };

struct sproto_field {
	const char *name;
	const struct sproto_type *sub; /* of a STRUCT */
	/* Of an array of a STRUCT: it is a table by this field of `sub`; NULL: a list. */
	const struct sproto_field *key;
	/* A table from `key` to this field; NULL: to the structs. */
	const struct sproto_field *value;
	double scale; /* of a fixed-point INTEGER: 10^digits; 0: whole numbers */
	uint16_t tag;
	uint8_t kind;
	bool array;
};

struct sproto_type {
	const char *name;
	struct sproto_field *fields; /* by tag, ascending */
	uint32_t field_count;
};

struct sproto_protocol {
	const char *name;
	const struct sproto_type *request, *response; /* may be NULL */
	int tag;
	bool confirm; /* is answered, with nothing in it */
};

struct sproto {
	_Atomic uint32_t references;
	char *names;
	struct sproto_type *types; /* in the order of the bytes, which is that of the parser: by name */
	uint32_t type_count;
	struct sproto_protocol *protocols; /* by tag, ascending */
	uint32_t protocol_count;
};

/* NULL when the bytes are no schema. The caller gets the one reference. Any thread. */
struct sproto *sproto_read(const void *bytes, size_t size_bytes);
void sproto_hold(struct sproto *s);
void sproto_release(struct sproto *s);

/* NULL when there is none. Any thread that holds a reference. */
const struct sproto_type *sproto_find_type(const struct sproto *s, const char *name);
const struct sproto_protocol *sproto_find_protocol(const struct sproto *s, const char *name);
const struct sproto_protocol *sproto_find_tag(const struct sproto *s, int tag);
const struct sproto_field *sproto_find_field(const struct sproto_type *t, int tag);

#pragma GCC visibility pop

#endif
