/* SPDX-License-Identifier: MIT */
#include "luabind/model.h"
#include "core/base.h"
#include "core/mem.h"
#include "luabind/heap_first.h"

#include <string.h>
#include <sys/mman.h>

enum {
	WORD_BYTES = 8,
	MODEL_BYTES = FIRST_BYTES,
	PASSING_BYTES = 8 << 20, /* nothing is given out twice; pages that are not reached cost nothing */
	PIECE_BYTES = MODEL_BYTES + PASSING_BYTES,
	/* A block that passes has its number in front of it. */
	NUMBER_BYTES = PACKED_BYTES,
	MOST_BLOCKS = PASSING_BYTES / (NUMBER_BYTES + PACKED_BYTES),
};

/* The allocator of the state that is being made. Always at the same address, since states keep it. */
static struct making {
	char *start;
	size_t lasting_bytes, passing_bytes; /* given out of either part */
	size_t passing_count;		     /* blocks that pass and are still there */
	size_t used_bytes; /* as any heap counts them */
	size_t count;	   /* of blocks, so far */
	bool learning;	   /* all blocks lie with the passing ones */
	bool spoilt;	   /* a part is full, or something lasting has been given back */
	uint64_t *first;   /* the first block */
	size_t first_words;
	uint64_t *copy; /* of it, when the second one is asked for; NULL: not wanted */
} making;

static struct learned {
	bool *lasts; /* by the number of the block; room for MOST_BLOCKS */
	size_t count;
	bool has_seeds;
	size_t seeds_word; /* in the first block, with which each model begins */
	uint64_t seeds[MODEL_SEEDS];
} learned;

/* ---- the allocator ---- */

/* LuaJIT has drawn its random numbers by now, and used none. */
static void on_second_block(struct making *m)
{
	if (m->copy)
		memcpy(m->copy, m->first, m->first_words * WORD_BYTES);
	if (learned.has_seeds)
		memcpy(m->first + learned.seeds_word, learned.seeds, sizeof(learned.seeds));
}

static void *take(struct making *m, size_t *taken, size_t from, size_t most, size_t bytes)
{
	bytes = (bytes + PACKED_BYTES - 1) & ~(size_t)(PACKED_BYTES - 1);
	if (bytes > most || *taken > most - bytes) {
		m->spoilt = true;
		return NULL;
	}
	*taken += bytes;
	return m->start + from + *taken - bytes;
}

static void *take_passing(struct making *m, size_t bytes, size_t number)
{
	size_t *at = take(m, &m->passing_bytes, MODEL_BYTES, PASSING_BYTES, NUMBER_BYTES + bytes);
	if (at == NULL)
		return NULL;
	*at = number;
	m->passing_count++;
	return (char *)at + NUMBER_BYTES;
}

static void *make_block(struct making *m, size_t bytes)
{
	size_t number = m->count++;
	if (number == 1)
		on_second_block(m);
	if (m->learning && number < MOST_BLOCKS)
		learned.lasts[number] = true;
	bool lasts = !m->learning && number < learned.count && learned.lasts[number];
	void *block = lasts ? take(m, &m->lasting_bytes, 0, MODEL_BYTES, bytes) : take_passing(m, bytes, number);
	if (number == 0) {
		m->first = block;
		m->first_words = bytes / WORD_BYTES;
	}
	return block;
}

static void drop_block(struct making *m, char *block)
{
	if (block < m->start + MODEL_BYTES) {
		m->spoilt = true;
		return;
	}
	size_t number;
	memcpy(&number, block - NUMBER_BYTES, sizeof(number));
	if (m->learning)
		learned.lasts[number] = false;
	m->passing_count--;
}

static void *make_alloc(void *state, void *block, size_t old_bytes, size_t new_bytes)
{
	struct making *m = state;
	void *result = new_bytes ? make_block(m, new_bytes) : NULL;
	if (new_bytes && result == NULL)
		return NULL;
	m->used_bytes += new_bytes;
	if (block == NULL)
		return result;
	if (result)
		memcpy(result, block, old_bytes < new_bytes ? old_bytes : new_bytes);
	m->used_bytes -= old_bytes;
	drop_block(m, block);
	return result;
}

/* NULL: no memory. */
static lua_State *begin(bool learning, uint64_t *copy)
{
	/* Not the allocator's: it is all zeros, and what has passed leaves no pages behind. */
	void *piece = mmap(NULL, PIECE_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	making = (struct making){.start = piece == MAP_FAILED ? NULL : piece, .learning = learning, .copy = copy};
	making.passing_bytes = NUMBER_BYTES; /* the first block, which has some demands, begins at a multiple of 16 here too */
	return making.start ? lua_newstate(make_alloc, &making) : NULL;
}

/* The piece's, but for what has passed. */
static struct heap_image end(void)
{
	if (making.start)
		munmap(making.start + MODEL_BYTES, PASSING_BYTES);
	return (struct heap_image){.start = making.start, .bytes = making.lasting_bytes, .used_bytes = making.used_bytes};
}

/* ---- learning ---- */

/* Finds what differs between two fresh states: it must be MODEL_SEEDS words in a row, and nothing else. */
static bool find_seeds(const uint64_t *a, const uint64_t *b, uint64_t moved)
{
	size_t first = SIZE_MAX, count = 0;
	for (size_t i = 0; i < making.first_words; i++) {
		if (a[i] == b[i] || a[i] + moved == b[i])
			continue;
		if (count++ == 0)
			first = i;
		else if (i != first + count - 1)
			return false;
	}
	if (count != MODEL_SEEDS)
		return false;
	learned.seeds_word = first;
	memcpy(learned.seeds, a + first, sizeof(learned.seeds));
	learned.has_seeds = true;
	return true;
}

/* Two states without anything, and their first blocks. */
static bool learn_seeds(void)
{
	uint64_t *copies = mem_zalloc(2 * (size_t)FIRST_BYTES), *second = copies + FIRST_BYTES / WORD_BYTES;
	bool made = begin(true, copies) != NULL;
	char *a = making.start;
	made = begin(true, second) && made;
	char *b = making.start;
	made = made && find_seeds(copies, second, (uint64_t)(uintptr_t)b - (uint64_t)(uintptr_t)a);
	for (char *piece = a; piece; piece = piece == a ? b : NULL)
		munmap(piece, PIECE_BYTES);
	mem_free(copies);
	return made;
}

/* ---- models ---- */

static model_fill filling;

static int fill(lua_State *L)
{
	filling(L);
	return 0;
}

/* What has run once is garbage; the second collection takes what the first has only found. */
static int clean(lua_State *L)
{
	lua_gc(L, LUA_GCCOLLECT, 0);
	lua_gc(L, LUA_GCCOLLECT, 0);
	lua_gc(L, LUA_GCSTOP, 0);
	return 0;
}

static bool make(struct model *out, model_fill what, bool learning)
{
	lua_State *L = begin(learning, NULL);
	filling = what;
	bool made = L && lua_cpcall(L, fill, NULL) == 0 && lua_cpcall(L, clean, NULL) == 0 && !making.spoilt;
	out->image = end();
	out->state = (size_t)((char *)L - making.start);
	return made;
}

bool model_learn(model_fill what)
{
	struct model m = {0};
	learned = (struct learned){.lasts = mem_zalloc(MOST_BLOCKS * sizeof(learned.lasts[0]))};
	/* Twice, since for the first VM the process does some things that it does only once. */
	for (int i = 0; i < 2; i++) {
		bool made = (learned.has_seeds || learn_seeds()) && make(&m, what, true);
		model_drop(&m);
		if (!made)
			return false;
	}
	learned.count = making.count;
	return true;
}

size_t model_seeds_word(void)
{
	return learned.seeds_word;
}

uint64_t model_secret(void)
{
	return learned.seeds[0];
}

bool model_make(struct model *out, model_fill what)
{
	return make(out, what, false) && making.count == learned.count && making.passing_count == 0;
}

void model_drop(struct model *m)
{
	if (m->image.start)
		munmap(m->image.start, MODEL_BYTES);
	m->image.start = NULL;
}
