/* SPDX-License-Identifier: MIT */
#include "luabind/mcode_room.h"
#include "core/atomics.h"

#include <lua.h>
#include <sys/mman.h>
#include <sys/resource.h>

enum {
	PAGE = 4096,
	BLOCK = 16 << 20, /* is taken as a whole or not at all */
	BLOCKS_MAX = 60,
	PIECE = 512
		<< 10, /* its last page stays taken, so that no larger gap arises when areas go */
	PIECES = BLOCK / PIECE,
	SPARE = 2 << 20,
};

/* How far LuaJIT looks on either side of its library, see lj_mcode.c. */
#define REACH (((intptr_t)1 << 30) - ((intptr_t)1 << 21))

static struct {
	/* Constant after room_init. */
	uintptr_t block[BLOCKS_MAX];
	uint32_t pieces;
	_Atomic uint32_t next; /* the piece to be opened */
	_Atomic size_t open_bytes;
} room;

static void *map(uintptr_t at, size_t bytes, int flags)
{
	void *got = mmap((void *)at, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | flags, -1, 0);
	return got == MAP_FAILED ? NULL : got;
}

static uintptr_t library(void)
{
	return (uintptr_t)lua_newstate;
}

void room_init(void)
{
	struct rlimit limit;
	/* Somebody counts our address space: it is not to be spent on this. */
	if (getrlimit(RLIMIT_AS, &limit) != 0 || limit.rlim_cur != RLIM_INFINITY || room.pieces)
		return;
	uintptr_t at = library() & ~(uintptr_t)(BLOCK - 1);
	for (int i = 0; i < BLOCKS_MAX; i++) {
		at -= BLOCK;
		/* Kernels before 4.17 take the flag for a hint. */
		void *got = map(at, BLOCK, MAP_NORESERVE | MAP_FIXED_NOREPLACE);
		if (got == (void *)at) {
			room.block[room.pieces / PIECES] = at;
			room.pieces += PIECES;
		} else if (got) {
			munmap(got, BLOCK);
		}
	}
	room_keep_open(0);
}

bool room_open_more(void)
{
	uint32_t i = load_relaxed(&room.next);
	do {
		if (i >= room.pieces)
			return false;
	} while (!cas_weak_acq_rel(&room.next, &i, i + 1));
	uintptr_t at = room.block[i / PIECES] + (uintptr_t)(i % PIECES) * PIECE;
	if (munmap((void *)at, PIECE - PAGE) != 0)
		return false; /* too many mappings */
	add_relaxed(&room.open_bytes, PIECE - PAGE);
	return true;
}

void room_keep_open(size_t used_bytes)
{
	while (load_relaxed(&room.open_bytes) < used_bytes + SPARE && room_open_more())
		;
}

bool room_has_place(size_t bytes)
{
	void *at = map(library() & ~(uintptr_t)(PAGE - 1), bytes, 0);
	if (at == NULL)
		return false;
	munmap(at, bytes);
	intptr_t distance = (intptr_t)((uintptr_t)at - library());
	return distance > -REACH && distance < REACH - (intptr_t)bytes;
}
