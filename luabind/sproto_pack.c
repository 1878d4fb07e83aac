/* SPDX-License-Identifier: MIT
 *
 * Zero packing, eight bytes at a time: a byte says by its bits which of them are not 0, and those follow. All eight
 * not 0 is the byte 0xff; then comes how many groups more follow it as they are (groups with six and seven take
 * part in that, since they would save nothing), and then they. What is packed is filled up with zeros to eight bytes.
 */
#include "luabind/sproto_codec.h"

enum { GROUP_BYTES = 8, RAW_GROUPS_MAX = 256 };

size_t sproto_pack_bound(size_t size)
{
	size_t groups = (size + GROUP_BYTES - 1) / GROUP_BYTES;
	/* A group alone takes a byte more; raw ones two for the first. Nine and a second byte cover both. */
	return groups * (GROUP_BYTES + 2);
}

/* How many are not 0, and which. */
static int look(const uint8_t group[GROUP_BYTES], uint8_t *bits)
{
	int count = 0;
	*bits = 0;
	for (int i = 0; i < GROUP_BYTES; i++) {
		if (group[i]) {
			*bits |= (uint8_t)(1 << i);
			count++;
		}
	}
	return count;
}

size_t sproto_pack(const uint8_t *from, size_t size, uint8_t *to)
{
	uint8_t *start = to, *raw = NULL; /* raw: the head of the raw groups that are being written */
	for (size_t at = 0; at < size; at += GROUP_BYTES) {
		uint8_t group[GROUP_BYTES] = {0}, bits;
		memcpy(group, from + at, size - at < GROUP_BYTES ? size - at : GROUP_BYTES);
		int count = look(group, &bits);
		if (count == GROUP_BYTES || (raw && count >= GROUP_BYTES - 2)) {
			if (raw == NULL) {
				raw = to;
				raw[0] = 0xff;
				to += 2;
			}
			memcpy(to, group, GROUP_BYTES);
			to += GROUP_BYTES;
			raw[1] = (uint8_t)((to - raw - 2) / GROUP_BYTES - 1);
			if (raw[1] == RAW_GROUPS_MAX - 1)
				raw = NULL;
			continue;
		}
		raw = NULL;
		*to++ = bits;
		for (int i = 0; i < GROUP_BYTES; i++)
			if (group[i])
				*to++ = group[i];
	}
	return (size_t)(to - start);
}

bool sproto_unpacked_size(struct wire_span packed, size_t *size)
{
	*size = 0;
	while (packed.size > 0) {
		uint8_t bits = packed.at[0];
		size_t groups = 1, taken = 1 + (size_t)__builtin_popcount(bits);
		if (bits == 0xff) {
			if (packed.size < 2)
				return false;
			groups = (size_t)packed.at[1] + 1;
			taken = 2 + groups * GROUP_BYTES;
		}
		if (taken > packed.size)
			return false;
		packed.at += taken;
		packed.size -= taken;
		*size += groups * GROUP_BYTES;
	}
	return true;
}

void sproto_unpack(struct wire_span packed, uint8_t *to)
{
	const uint8_t *at = packed.at, *end = at + packed.size;
	while (at < end) {
		uint8_t bits = *at++;
		if (bits == 0xff) {
			size_t bytes = ((size_t)*at++ + 1) * GROUP_BYTES;
			memcpy(to, at, bytes);
			at += bytes;
			to += bytes;
			continue;
		}
		for (int i = 0; i < GROUP_BYTES; i++)
			*to++ = bits >> i & 1 ? *at++ : 0;
	}
}
