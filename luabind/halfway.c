/* SPDX-License-Identifier: MIT
 *
 * A service that is parked goes on where it stopped, so nothing ever sees the half. But the VM of a killed one is closed
 * where it is parked, and finalizers that run then may collect garbage. Two sequences of LuaJIT 2.1 for x64 matter (the
 * instructions are those of Debian's library; what a release of another shape has, is not recognised, and as dangerous
 * as without this):
 *
 *  - A new cdata object is in the collector's list when the call returns, and gets its header afterwards:
 *
 *	call lj_mem_newgco; movzx ecx, [currentwhite]; and ecx, 3; or ecx, type; mov [rax+8], ecx
 *
 *    Until then it has no type, and a collection calls a function by its type (seen as a crash, once in some hundred
 *    kills of loops with 64-bit integers).
 *
 *  - A table that was black becomes gray before it is in the list of gray ones:
 *
 *	and [tab+8], ~black; mov tmp, [grayagain]; mov [grayagain], tab; mov [tab+0x18], tmp
 *
 * A store of a value with a tag is of two instructions as well, but its half is a number for everybody.
 */
#include "luabind/halfway.h"

#include <string.h>

enum { HEADER_BYTES = 8 + 3 + 6, HEADER_STORE_BYTES = 3, OR_BYTES = 6, CDATA_TAG = 0x0a };
enum { LIST_STORE_BYTES = 7, LINK_OFFSET = 0x18 };

/* or ecx, TYPE << 16 | CDATA_TAG << 8; mov [rax+8], ecx: the second one begins at `at`. */
static bool is_header_store(const uint8_t *code, size_t size, size_t at)
{
	static const uint8_t store[HEADER_STORE_BYTES] = {0x89, 0x48, 0x08};
	if (at < OR_BYTES || at + HEADER_STORE_BYTES > size)
		return false;
	const uint8_t *or_type = code + at - OR_BYTES;
	return memcmp(code + at, store, sizeof(store)) == 0 && or_type[0] == 0x81 &&
	       or_type[1] == 0xc9 && or_type[2] == 0 && or_type[3] == CDATA_TAG;
}

/* A load (0x8b) or store (0x89) between a register and [r14+disp32], where LuaJIT keeps its global state. */
static bool is_global(const uint8_t *i, uint8_t opcode)
{
	return (i[0] & 0xfb) == 0x49 && i[1] == opcode && (i[2] & 0xc7) == 0x86;
}

/* mov tmp, [grayagain]; mov [grayagain], tab; mov [tab+0x18], tmp: the third one begins at `at`. */
static bool is_link_store(const uint8_t *code, size_t size, size_t at)
{
	if (at < 2 * LIST_STORE_BYTES || at + 5 > size)
		return false;
	const uint8_t *link = code + at, *put = link - LIST_STORE_BYTES,
		      *get = put - LIST_STORE_BYTES;
	if (!is_global(put, 0x89) || !is_global(get, 0x8b) || memcmp(put + 3, get + 3, 4) != 0)
		return false;
	/* r12 and rsp as a base take one byte more. */
	uint8_t offset = (link[2] & 7) == 4 ? link[4] : link[3];
	return (link[0] & 0xf8) == 0x48 && link[1] == 0x89 && link[2] >> 6 == 1 && offset == LINK_OFFSET;
}

bool halfway_at(const uint8_t *code, size_t size, size_t at)
{
	for (size_t ahead = 0; ahead <= HEADER_BYTES; ahead++) {
		if (is_header_store(code, size, at + ahead))
			return true;
		if (ahead <= 2 * LIST_STORE_BYTES && is_link_store(code, size, at + ahead))
			return true;
	}
	return false;
}
