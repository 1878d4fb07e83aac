/* SPDX-License-Identifier: MIT */
#include "luabind/mould.h"
#include "core/atomics.h"
#include "core/mem.h"
#include "luabind/boot.h"
#include "luabind/heap_first.h"
#include "luabind/made.h"
#include "luabind/model.h"
#include "luabind/vm.h"

#include <luajit.h>
#include <string.h>

enum { WORD_BYTES = 8 };

/* A word that LuaJIT has computed from an address: its lower 32 bits, the uppermost 8 of them mixed with a number. It is how the
 * compiler tells variables of closures apart. */
struct mixed {
	uint16_t word;
	uint32_t place; /* of the address, from the start, in bytes */
	uint32_t with;
};

/* Constant once `model.image.start` is set. */
static struct mould {
	struct model model;
	size_t seeds_word;	   /* of LuaJIT's random numbers, from the start */
	uint16_t *moving;	   /* the words that are addresses of the piece, ascending */
	size_t moving_count;
	struct mixed *mixed;
	size_t mixed_count;
	_Atomic uint64_t random;
} mould;

_Static_assert(FIRST_BYTES / WORD_BYTES <= UINT16_MAX, "the number of a word fits into 16 bits");

static size_t words_of(const struct heap_image *i)
{
	return i->bytes / WORD_BYTES;
}

static const uint64_t *content(const struct heap_image *i)
{
	return (const uint64_t *)(const void *)i->start;
}

static uint64_t distance(const struct heap_image *from, const struct heap_image *to)
{
	return (uint64_t)(uintptr_t)to->start - (uint64_t)(uintptr_t)from->start;
}

/* ---- the models ---- */

/* Whom a model belongs to while it is made: a service that has no settings and gets nothing. */
static struct service no_service;
static struct vm nobody = {.service = &no_service};

static void fill(lua_State *L)
{
	boot_make(L, &nobody);
	/* Nothing may be compiled; mcode_open switches it on in the cast. */
	luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
	/* The names' table grows by garbage too, and does not shrink. */
	lua_gc(L, LUA_GCCOLLECT, 0);
	int pause = lua_gc(L, LUA_GCSETPAUSE, 100), speed = lua_gc(L, LUA_GCSETSTEPMUL, 1000);
	made_fill(L);
	lua_gc(L, LUA_GCSETPAUSE, pause);
	lua_gc(L, LUA_GCSETSTEPMUL, speed);
	vm_register(L, NULL);
}

static bool same_shape(const struct model *a, const struct model *b)
{
	return a->image.bytes == b->image.bytes && a->image.used_bytes == b->image.used_bytes && a->state == b->state;
}

static uint32_t low_address(const char *start, uint32_t place)
{
	return (uint32_t)(uintptr_t)(start + place);
}

/* Is it of that kind? Its lower 24 bits are those of the address. */
static bool find_mixed(const struct model *a, const struct model *b, size_t i)
{
	uint64_t x = content(&a->image)[i], y = content(&b->image)[i];
	const char *start = a->image.start;
	struct mixed *m = &mould.mixed[mould.mixed_count++];
	m->word = (uint16_t)i;
	m->place = ((uint32_t)x - low_address(start, 0)) & 0xffffff;
	m->with = (uint32_t)x ^ low_address(start, m->place);
	return (m->with & 0xffffff) == 0 &&
	       y == (low_address(b->image.start, m->place) ^ m->with);
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
	uint64_t moved = (uint64_t)(uintptr_t)start - (uint64_t)(uintptr_t)mould.model.image.start;
	for (size_t i = 0; i < mould.moving_count; i++)
		word[mould.moving[i]] += moved;
	for (const struct mixed *m = mould.mixed; m < mould.mixed + mould.mixed_count; m++)
		word[m->word] = low_address(start, m->place) ^ m->with;
}

/* Is the mould, moved, what was made at the place of `c`? */
static bool prove(const struct model *c)
{
	size_t bytes = mould.model.image.bytes;
	uint64_t *copy = mem_alloc(bytes);
	memcpy(copy, content(&mould.model.image), bytes);
	move(copy, c->image.start);
	bool same = memcmp(copy, content(&c->image), bytes) == 0;
	mem_free(copy);
	return same;
}

bool mould_prove(void)
{
	struct model c = {0};
	bool good = model_make(&c, fill) && same_shape(&mould.model, &c) && prove(&c);
	model_drop(&c);
	return good;
}

static bool make(struct model *b)
{
	if (!model_learn(fill))
		return false;
	mould.seeds_word = model_seeds_word();
	store_relaxed(&mould.random, model_secret());
	return model_make(&mould.model, fill) && model_make(b, fill) &&
	       same_shape(&mould.model, b) && find_moving(&mould.model, b);
}

bool mould_make(void)
{
	struct model b = {0};
	if (mould_bytes())
		return true;
	/* Proved while the second one is there, or the third could be in its place. */
	bool good = make(&b) && mould_prove();
	model_drop(&b);
	if (!good)
		model_drop(&mould.model);
	return good;
}

/* ---- casts ---- */

size_t mould_bytes(void)
{
	return mould.model.image.start ? mould.model.image.bytes : 0;
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
	for (size_t i = 0; i < MODEL_SEEDS; i++)
		word[mould.seeds_word + i] = draw();
	lua_State *L = (lua_State *)(start + mould.model.state);
	lua_setallocf(L, heap_alloc, heap);
	return L;
}
