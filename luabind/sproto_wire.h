/* SPDX-License-Identifier: MIT
 *
 * How a struct lies in bytes (all numbers little endian): the number of words, 16 bits each, then the words, then the
 * data. The tag counts up by one with each word; an odd word 2n + 1 skips n tags more; an even one 2(v + 1) is a
 * field of the value v; 0 says that the field is the next block of the data: 32 bits of length, and so many bytes.
 * An array is a block, and an array of strings or structs a block of blocks.
 */
#ifndef LUABIND_SPROTO_WIRE_H
#define LUABIND_SPROTO_WIRE_H

#include "core/base.h"
#include <string.h>

enum { WIRE_WORD_BYTES = 2, WIRE_LENGTH_BYTES = 4 };

/* How deep structs may be nested. */
enum { WIRE_DEPTH_MAX = 64 };

struct wire_span {
	const uint8_t *at;
	size_t size;
};

struct wire_reader {
	struct wire_span words, data;
	int tag;
	int value; /* -1: it is in `content` */
	struct wire_span content;
};

static inline uint32_t wire_u16(const uint8_t *at)
{
	return (uint32_t)(at[0] | at[1] << 8);
}

static inline uint32_t wire_u32(const uint8_t *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof(value));
	return value;
}

static inline uint64_t wire_u64(const uint8_t *at)
{
	uint64_t value;
	memcpy(&value, at, sizeof(value));
	return value;
}

/* Takes a block off the front of `from`; false when it is cut off. */
static inline bool wire_block(struct wire_span *from, struct wire_span *block)
{
	if (from->size < WIRE_LENGTH_BYTES)
		return false;
	size_t size = wire_u32(from->at);
	if (size > from->size - WIRE_LENGTH_BYTES)
		return false;
	*block = (struct wire_span){from->at + WIRE_LENGTH_BYTES, size};
	from->at += WIRE_LENGTH_BYTES + size;
	from->size -= WIRE_LENGTH_BYTES + size;
	return true;
}

/* False when the bytes are too few for their words. */
static inline bool wire_open(struct wire_reader *r, struct wire_span bytes)
{
	if (bytes.size < WIRE_WORD_BYTES)
		return false;
	size_t words = wire_u16(bytes.at) * WIRE_WORD_BYTES;
	if (words > bytes.size - WIRE_WORD_BYTES)
		return false;
	r->tag = -1;
	r->content = (struct wire_span){NULL, 0}; /* the compiler does not see that it goes with value -1 */
	r->words = (struct wire_span){bytes.at + WIRE_WORD_BYTES, words};
	r->data = (struct wire_span){r->words.at + words, bytes.size - WIRE_WORD_BYTES - words};
	return true;
}

enum wire_step { WIRE_FIELD, WIRE_END, WIRE_BAD };

/* The next field: its tag and value, or content. */
static inline enum wire_step wire_next(struct wire_reader *r)
{
	while (r->words.size > 0) {
		uint32_t word = wire_u16(r->words.at);
		r->words.at += WIRE_WORD_BYTES;
		r->words.size -= WIRE_WORD_BYTES;
		r->tag++;
		if (word % 2) {
			r->tag += (int)(word / 2);
			continue;
		}
		r->value = (int)(word / 2) - 1;
		return word != 0 || wire_block(&r->data, &r->content) ? WIRE_FIELD : WIRE_BAD;
	}
	return WIRE_END;
}

#endif
