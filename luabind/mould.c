/* SPDX-License-Identifier: MIT */
#include "luabind/mould.h"
#include "core/atomics.h"
#include "core/mem.h"
#include "luabind/boot.h"
#include "luabind/made.h"
#include "luabind/vm.h"

#include <luajit.h>
#include <string.h>

enum { WORD_BYTES = 8, SEEDS = 4, STEPS = 2 };

/* A VM as it was made at one place. */
struct model {
	struct heap_image image;
	size_t state; /* where the lua_State is, in bytes from the start */
};

/* A word that LuaJIT has computed from an address: its lower 32 bits, the uppermost 8 of them mixed with a number. It is how the
 * compiler tells variables of closures apart. */
struct mixed {
	uint16_t word;
	uint32_t place; /* of the address, from the start, in bytes */
	uint32_t with;
};

/* Constant once `model.image.first.start` is set. */
static struct mould {
	struct model model;
	size_t seeds_word;	   /* where LuaJIT's random numbers are, in words from the start */
	uint16_t *moving;	   /* the words that are addresses of the piece, ascending */
	size_t moving_count;
	struct mixed *mixed;
	size_t mixed_count;
	_Atomic uint64_t random;
} mould;

_Static_assert(FIRST_BYTES / WORD_BYTES <= UINT16_MAX, "the number of a word fits into 16 bits");

static size_t words_of(const struct heap_image *i)
{
	return load_relaxed(&i->first.fresh_bytes) / WORD_BYTES;
}

static const uint64_t *content(const struct heap_image *i)
{
	return (const uint64_t *)i->first.start;
}

static uint64_t distance(const struct heap_image *from, const struct heap_image *to)
{
	return (uint64_t)(uintptr_t)to->first.start - (uint64_t)(uintptr_t)from->first.start;
}

/* ---- LuaJIT's random numbers ---- */

/* The allocator of states that are being made. Always at the same address, since they keep it. */
static struct making {
	struct heap *heap;
	int blocks;
	uint64_t *first; /* the first block */
	size_t first_words;
	uint64_t *copy;	 /* of it, when the second one is asked for; NULL: not wanted */
	size_t seeds_word; /* SIZE_MAX: not known yet */
	uint64_t seeds[SEEDS];
} making;

static void on_second_block(struct making *m)
{
	if (m->copy)
		memcpy(m->copy, m->first, m->first_words * WORD_BYTES);
	if (m->seeds_word != SIZE_MAX)
		memcpy(m->first + m->seeds_word, m->seeds, sizeof(m->seeds));
}

static void *make_block(struct making *m, size_t bytes)
{
	if (++m->blocks == 2)
		on_second_block(m);
	void *block = heap_alloc(m->heap, NULL, 0, bytes);
	if (m->blocks == 1) {
		m->first = block;
		m->first_words = bytes / WORD_BYTES;
	}
	return block;
}

/* Blocks are cleared before they are given back: where the next owner leaves a gap, half of an address would remain. */
static void *make_alloc(void *state, void *block, size_t old_bytes, size_t new_bytes)
{
	struct making *m = state;
	void *result = new_bytes ? make_block(m, new_bytes) : NULL;
	if (block == NULL || (new_bytes && result == NULL))
		return result;
	if (result)
		memcpy(result, block, old_bytes < new_bytes ? old_bytes : new_bytes);
	memset(block, 0, old_bytes);
	heap_alloc(m->heap, block, old_bytes, 0);
	return result;
}

/* A state without anything; `copy` takes its first block. */
static bool make_bare(struct heap_image *out, uint64_t *copy)
{
	making.blocks = 0;
	making.copy = copy;
	bool made = heap_begin_image(making.heap) && lua_newstate(make_alloc, &making) != NULL;
	making.copy = NULL;
	return heap_take_image(making.heap, out) && made;
}

/* Finds what differs between two fresh states: it must be SEEDS words in a row, and nothing else. */
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
	making.seeds_word = first;
	if (count == SEEDS)
		memcpy(making.seeds, a + first, sizeof(making.seeds));
	return count == SEEDS;
}

static bool learn_seeds(void)
{
	struct heap_image a = {0}, b = {0};
	uint64_t *copies = mem_zalloc(2 * (size_t)FIRST_BYTES), *second = copies + FIRST_BYTES / WORD_BYTES;
	making.seeds_word = SIZE_MAX;
	bool made = make_bare(&a, copies) && make_bare(&b, second);
	made = made && find_seeds(copies, second, distance(&a, &b));
	if (made) {
		memcpy(&mould.random, second + making.seeds_word, sizeof(mould.random));
		mould.seeds_word = making.seeds_word + (size_t)(making.first - content(&b));
	}
	heap_drop_image(&a);
	heap_drop_image(&b);
	mem_free(copies);
	return made;
}

/* ---- the models ---- */

/* Whom a model belongs to while it is made: a service that has no settings and gets nothing. */
static struct service no_service;
static struct vm nobody = {.service = &no_service};

static int fill(lua_State *L)
{
	boot_make(L, &nobody);
	/* Nothing may be compiled; mcode_open switches it on in the cast. */
	luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
	/* Garbage is collected at once: its place in the piece is for what comes next. */
	lua_gc(L, LUA_GCCOLLECT, 0);
	int pause = lua_gc(L, LUA_GCSETPAUSE, 100), speed = lua_gc(L, LUA_GCSETSTEPMUL, 1000);
	made_fill(L);
	lua_gc(L, LUA_GCSETPAUSE, pause);
	lua_gc(L, LUA_GCSETSTEPMUL, speed);
	vm_register(L, NULL);
	return 0;
}

/* What has run once is garbage, and its place is free for the service. */
static int clean(lua_State *L)
{
	lua_gc(L, LUA_GCCOLLECT, 0);
	lua_gc(L, LUA_GCCOLLECT, 0);
	lua_gc(L, LUA_GCSTOP, 0);
	return 0;
}

/* A failure leaves an image, which must be dropped too. */
static bool make_model(struct model *out)
{
	making.blocks = 0;
	lua_State *L = heap_begin_image(making.heap) ? lua_newstate(make_alloc, &making) : NULL;
	bool made = L && lua_cpcall(L, fill, NULL) == 0 && lua_cpcall(L, clean, NULL) == 0;
	bool whole = heap_take_image(making.heap, &out->image);
	out->state = (size_t)((char *)L - out->image.first.start);
	return made && whole;
}

static bool same_shape(const struct model *a, const struct model *b)
{
	const struct heap_first *x = &a->image.first, *y = &b->image.first;
	return words_of(&a->image) == words_of(&b->image) && a->image.used_bytes == b->image.used_bytes &&
	       a->state == b->state && x->filled == y->filled && memcmp(x->free, y->free, sizeof(x->free)) == 0;
}

static uint32_t low_address(const char *start, uint32_t place)
{
	return (uint32_t)(uintptr_t)(start + place);
}

/* Is it of that kind? Its lower 24 bits are those of the address. */
static bool find_mixed(const struct model *a, const struct model *b, size_t i)
{
	uint64_t x = content(&a->image)[i], y = content(&b->image)[i];
	const char *start = a->image.first.start;
	struct mixed *m = &mould.mixed[mould.mixed_count++];
	m->word = (uint16_t)i;
	m->place = ((uint32_t)x - low_address(start, 0)) & 0xffffff;
	m->with = (uint32_t)x ^ low_address(start, m->place);
	return m->place < FIRST_BYTES && (m->with & 0xffffff) == 0 &&
	       y == (low_address(b->image.first.start, m->place) ^ m->with);
}

/* Fills `moving` and `mixed`. No address is below 4 GB. */
static bool find_moving(const struct model *a, const struct model *b)
{
	uint64_t moved = distance(&a->image, &b->image);
	const uint64_t *x = content(&a->image), *y = content(&b->image);
	mould.moving = mem_alloc(FIRST_BYTES / WORD_BYTES * sizeof(mould.moving[0]));
	mould.mixed = mem_alloc(FIRST_BYTES / WORD_BYTES * sizeof(mould.mixed[0]));
	for (size_t i = 0; i < words_of(&a->image); i++) {
		if (x[i] == y[i])
			continue;
		if (x[i] <= UINT32_MAX && find_mixed(a, b, i))
			continue;
		if (x[i] <= UINT32_MAX || x[i] + moved != y[i])
			return false;
		mould.moving[mould.moving_count++] = (uint16_t)i;
	}
	mould.moving = mem_realloc(mould.moving, mould.moving_count * sizeof(mould.moving[0]));
	mould.mixed = mem_realloc(mould.mixed, mould.mixed_count * sizeof(mould.mixed[0]));
	return true;
}

/* `word`: a copy of the mould's content, which is to lie at `start`. */
static void move(uint64_t *word, const char *start)
{
	uint64_t moved = (uint64_t)(uintptr_t)start - (uint64_t)(uintptr_t)mould.model.image.first.start;
	for (size_t i = 0; i < mould.moving_count; i++)
		word[mould.moving[i]] += moved;
	for (const struct mixed *m = mould.mixed; m < mould.mixed + mould.mixed_count; m++)
		word[m->word] = low_address(start, m->place) ^ m->with;
}

/* Is the mould, moved, what was made at the place of `c`? */
static bool prove(const struct model *c)
{
	size_t bytes = words_of(&mould.model.image) * WORD_BYTES;
	uint64_t *copy = mem_alloc(bytes);
	memcpy(copy, content(&mould.model.image), bytes);
	move(copy, c->image.first.start);
	bool same = memcmp(copy, content(&c->image), bytes) == 0;
	mem_free(copy);
	return same;
}

bool mould_prove(void)
{
	struct model c = {0};
	making.heap = heap_new(0);
	bool good = make_model(&c) && same_shape(&mould.model, &c) && prove(&c);
	heap_drop_image(&c.image);
	heap_delete(making.heap);
	return good;
}

static bool make(struct model *b)
{
	/* One more before them: what the process does for the first VM only is done then. */
	bool good = learn_seeds() && make_model(b);
	heap_drop_image(&b->image);
	return good && make_model(&mould.model) && make_model(b) && same_shape(&mould.model, b) &&
	       find_moving(&mould.model, b);
}

bool mould_make(void)
{
	struct model b = {0};
	if (mould_bytes())
		return true;
	making.heap = heap_new(0);
	bool made = make(&b);
	heap_delete(making.heap);
	/* Here too, where it is made: the other one must not be in its place. */
	bool good = made && mould_prove();
	heap_drop_image(&b.image);
	if (!good)
		heap_drop_image(&mould.model.image);
	return good;
}

/* ---- casts ---- */

size_t mould_bytes(void)
{
	return mould.model.image.first.start ? words_of(&mould.model.image) * WORD_BYTES : 0;
}

/* splitmix64: each call another number. LuaJIT's generator needs some high bits in each of its words. */
static uint64_t draw(void)
{
	uint64_t x = add_relaxed(&mould.random, 0x9e3779b97f4a7c15u);
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
	x = (x ^ x >> 27) * 0x94d049bb133111ebu;
	return (x ^ x >> 31) | 1ull << 40;
}

lua_State *mould_cast(struct heap *heap)
{
	char *start = mould_bytes() ? heap_from_image(heap, &mould.model.image) : NULL;
	if (start == NULL)
		return NULL;
	uint64_t *word = (uint64_t *)start;
	move(word, start);
	for (size_t i = 0; i < SEEDS; i++)
		word[mould.seeds_word + i] = draw();
	lua_State *L = (lua_State *)(start + mould.model.state);
	lua_setallocf(L, heap_alloc, heap);
	return L;
}
