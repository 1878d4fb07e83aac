/* SPDX-License-Identifier: MIT
 *
 * The heap of a VM. The sources are included, not linked, with the system's allocator replaced by
 * one that can be told to refuse and counts what is out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/mem.h"

static bool system_refuses;

static void *test_try_aligned(size_t align, size_t bytes)
{
	return system_refuses ? NULL : mem_try_aligned(align, bytes);
}

static void *test_try_alloc(size_t bytes)
{
	return system_refuses ? NULL : mem_try_alloc(bytes);
}

static void *test_try_realloc(void *block, size_t bytes)
{
	return system_refuses ? NULL : mem_try_realloc(block, bytes);
}

#define mem_try_aligned test_try_aligned
#define mem_try_alloc   test_try_alloc
#define mem_try_realloc test_try_realloc
#include "luabind/heap.c"
#include "luabind/heap_first.c"
#include "luabind/heap_large.c"
#include "luabind/heap_small.c"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEED 0x5eedu

static uint64_t random_state;

static uint32_t random_below(uint32_t bound)
{
	random_state = random_state * 6364136223846793005u + 1442695040888963407u;
	return (uint32_t)(random_state >> 33) % bound;
}

/* A block and what its bytes must be: a pattern that follows from `mark`. */
struct oracle {
	unsigned char *block;
	size_t bytes;
	unsigned char mark;
};

static void fill(struct oracle *o, size_t from)
{
	for (size_t i = from; i < o->bytes; i++)
		o->block[i] = (unsigned char)(o->mark + i);
}

static void verify(const struct oracle *o, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++) {
		if (o->block[i] != (unsigned char)(o->mark + i))
			fail_msg("byte %zu of a block of %zu was overwritten", i, o->bytes);
	}
}

static void resize_oracle(struct heap *h, struct oracle *o, size_t bytes)
{
	size_t kept = bytes < o->bytes ? bytes : o->bytes;
	unsigned char *block = heap_alloc(h, o->block, o->bytes, bytes);
	assert_true(bytes == 0 ? block == NULL : block != NULL);
	assert_int_equal((uintptr_t)block % 16, 0);
	o->block = block;
	o->bytes = bytes;
	verify(o, kept);
	fill(o, kept);
}

static void test_every_size(void **state)
{
	(void)state;
	enum { SIZES = 600, EACH = 5 };
	static struct oracle blocks[SIZES * EACH];
	struct heap *h = heap_new(0);
	size_t total = 0;
	for (size_t i = 0; i < COUNT_OF(blocks); i++) {
		blocks[i] = (struct oracle){.mark = (unsigned char)(i * 7)};
		resize_oracle(h, &blocks[i], 1 + i % SIZES);
		total += blocks[i].bytes;
		assert_int_equal(heap_used_bytes(h), total);
	}
	for (size_t i = 0; i < COUNT_OF(blocks); i++)
		verify(&blocks[i], blocks[i].bytes);
	assert_int_equal(heap_large_count(h), (SIZES - SMALL_BYTES) * EACH);
	assert_true(heap_held_bytes(h) >= total);
	for (size_t i = 0; i < COUNT_OF(blocks); i++)
		resize_oracle(h, &blocks[i], 0);
	assert_int_equal(heap_used_bytes(h), 0);
	assert_int_equal(heap_peak_bytes(h), total);
	assert_int_equal(heap_large_count(h), 0);
	assert_int_equal(heap_span_count(h), 0);
	assert_int_equal(heap_held_bytes(h), 0);
	heap_delete(h);
}

static size_t ring_length(const struct ring *head)
{
	size_t length = 0;
	for (const struct ring *r = head->next; r != head; r = r->next)
		length++;
	return length;
}

/* Every span and every large block can be found from the heap, spans with a free cell first. */
static void verify_rings(struct heap *h)
{
	bool met_full = false;
	assert_int_equal(ring_length(&h->small.spans), heap_span_count(h));
	assert_int_equal(ring_length(&h->large.blocks) + ring_length(&h->large.misfits),
			 heap_large_count(h));
	for (struct ring *r = h->small.spans.next; r != &h->small.spans; r = r->next) {
		bool full = ((struct span *)r)->free_cells == 0;
		assert_false(met_full && !full);
		met_full = full;
	}
}

static size_t random_size(void)
{
	switch (random_below(8)) {
	case 0:
		return random_below(5000);
	case 1:
		return 250 + random_below(16);
	default:
		return random_below(300);
	}
}

/* The system refuses now and then: growth may fail then, shrinking must not, and nothing is lost.
 */
static void try_resize(struct heap *h, struct oracle *o, size_t bytes)
{
	system_refuses = random_below(4) == 0;
	bool must_work = bytes <= o->bytes || !system_refuses;
	if (must_work) {
		resize_oracle(h, o, bytes);
	} else {
		unsigned char *block = heap_alloc(h, o->block, o->bytes, bytes);
		if (block != NULL) {
			size_t kept = o->bytes;
			o->block = block;
			o->bytes = bytes;
			verify(o, kept);
			fill(o, kept);
		}
	}
	system_refuses = false;
}

/* Gives the heap back with blocks in it; LeakSanitizer tells whether it was all. */
static void random_operations(struct heap *h)
{
	enum { BLOCKS = 700, STEPS = 200000 };
	static struct oracle blocks[BLOCKS];
	size_t total = 0;
	random_state = SEED;
	print_message("seed %u\n", SEED);
	for (size_t i = 0; i < BLOCKS; i++)
		blocks[i] = (struct oracle){.mark = (unsigned char)(i * 11)};
	for (size_t step = 0; step < STEPS; step++) {
		struct oracle *o = &blocks[random_below(BLOCKS)];
		verify(o, o->bytes);
		total -= o->bytes;
		try_resize(h, o, random_below(3) == 0 ? 0 : random_size());
		total += o->bytes;
		assert_int_equal(heap_used_bytes(h), total);
		if (step % 512 == 0)
			verify_rings(h);
		/* In waves, so that spans empty and fill again. */
		if (step % 20000 == 0) {
			for (size_t i = 0; i < BLOCKS; i++) {
				total -= blocks[i].bytes;
				resize_oracle(h, &blocks[i], 0);
			}
			assert_int_equal(total, 0);
			assert_int_equal(heap_large_count(h), 0);
			assert_int_equal(heap_span_count(h), 0);
			assert_int_equal(heap_held_bytes(h), heap_first_held_bytes(&h->first));
		}
	}
	assert_true(total > 0);
	heap_delete(h);
}

static void test_random_operations(void **state)
{
	(void)state;
	random_operations(heap_new(0));
}

static void test_random_operations_with_first(void **state)
{
	(void)state;
	struct heap *h = heap_new(0);
	heap_add_first(h);
	random_operations(h);
}

/* Takes `count` blocks of the piece and gives them back. */
static void use_first(struct heap *h, size_t bytes, size_t count)
{
	static void *blocks[FIRST_BYTES / FIRST_UNIT_BYTES];
	for (size_t i = 0; i < count; i++) {
		blocks[i] = heap_alloc(h, NULL, 0, bytes);
		assert_true(heap_first_owns(&h->first, blocks[i]));
	}
	for (size_t i = 0; i < count; i++)
		heap_alloc(h, blocks[i], bytes, 0);
}

/* The piece is used to its last byte, what becomes free serves smaller blocks too, and once it is full it is left. */
static void test_first_is_filled_and_split(void **state)
{
	(void)state;
	enum { COUNT = FIRST_BYTES / FIRST_BLOCK_BYTES };
	struct heap *h = heap_new(0);
	heap_add_first(h);
	assert_int_equal(heap_held_bytes(h), 0);
	use_first(h, FIRST_BLOCK_BYTES, COUNT);
	assert_int_equal(heap_held_bytes(h), FIRST_BYTES);
	use_first(h, 240, COUNT * 4);
	use_first(h, 48, COUNT * (4 * 5 + 1));
	void *large = heap_alloc(h, NULL, 0, FIRST_BLOCK_BYTES + 1);
	assert_int_equal(heap_large_count(h), 1);
	void *first = heap_alloc(h, NULL, 0, 32);
	assert_true(heap_first_owns(&h->first, first));
	void *beyond = heap_alloc(h, NULL, 0, FIRST_BLOCK_BYTES); /* everything is split by now */
	assert_int_equal(heap_large_count(h), 2);
	heap_alloc(h, first, 32, 0);
	void *small = heap_alloc(h, NULL, 0, 32);
	assert_false(heap_first_owns(&h->first, small));
	heap_alloc(h, small, 32, 0);
	heap_alloc(h, beyond, FIRST_BLOCK_BYTES, 0);
	heap_alloc(h, large, FIRST_BLOCK_BYTES + 1, 0);
	assert_int_equal(heap_used_bytes(h), 0);
	heap_delete(h);
}

/* Without memory a block of the piece shrinks where it is, and grows nowhere. */
static void test_first_shrinks_in_place(void **state)
{
	(void)state;
	struct heap *h = heap_new(0);
	heap_add_first(h);
	void *blocks[FIRST_BYTES / FIRST_BLOCK_BYTES];
	for (size_t i = 0; i < COUNT_OF(blocks); i++)
		blocks[i] = heap_alloc(h, NULL, 0, FIRST_BLOCK_BYTES);
	system_refuses = true;
	assert_null(heap_alloc(h, blocks[0], FIRST_BLOCK_BYTES, 5000));
	assert_ptr_equal(heap_alloc(h, blocks[0], FIRST_BLOCK_BYTES, 100), blocks[0]);
	assert_ptr_equal(heap_alloc(h, blocks[1], FIRST_BLOCK_BYTES, 1), blocks[1]);
	system_refuses = false;
	heap_alloc(h, blocks[0], 100, 0);
	heap_alloc(h, blocks[1], 1, 0);
	assert_int_equal(heap_used_bytes(h), (COUNT_OF(blocks) - 2) * FIRST_BLOCK_BYTES);
	heap_delete(h);
}

/* Blocks of an image are packed by 8 bytes, whatever is freed or resized of them: nothing overlaps, nothing is lost but less than
 * a unit at either end. */
static void test_image_is_packed(void **state)
{
	(void)state;
	enum { COUNT = 400 };
	static char content[FIRST_BYTES] __attribute__((aligned(4096)));
	size_t at[COUNT], bytes[COUNT];
	struct heap_image image = {.start = content};
	for (size_t i = 0; i < COUNT; i++) {
		at[i] = image.bytes;
		bytes[i] = i == 7 ? 3000 : 1 + i * 37 % 130;
		memset(content + at[i], (int)i, bytes[i]);
		image.bytes += (bytes[i] + 7) & ~(size_t)7;
		image.used_bytes += bytes[i];
	}
	struct heap *h = heap_new(0);
	char *start = heap_from_image(h, &image);
	void *block[COUNT];
	for (size_t i = 0; i < COUNT; i++) {
		size_t was = bytes[i];
		bytes[i] = i % 3 == 0 ? 0 : i % 3 == 1 ? (was + 7) & ~(size_t)7 : was + 9;
		block[i] = heap_alloc(h, start + at[i], was, bytes[i]);
		if (i % 3 == 1)
			assert_ptr_equal(block[i], start + at[i]);
		if (i % 3 == 2)
			memset((char *)block[i] + was, (int)i, 9);
	}
	for (size_t i = 0; i < COUNT; i += 3) {
		bytes[i] = 16;
		block[i] = heap_alloc(h, NULL, 0, bytes[i]);
		assert_int_equal((uintptr_t)block[i] % 16, 0);
		memset(block[i], (int)i, bytes[i]);
	}
	for (size_t i = 0; i < COUNT; i++) {
		size_t written = i % 3 == 1 ? bytes[i] - 7 : bytes[i];
		for (size_t k = 0; k < written; k++)
			assert_int_equal(((unsigned char *)block[i])[k], (unsigned char)i);
		heap_alloc(h, block[i], bytes[i], 0);
	}
	assert_int_equal(heap_used_bytes(h), 0);
	assert_true(heap_held_bytes(h) <= image.bytes + image.bytes / 2);
	heap_delete(h);
}

/* The system has no piece to give: an ordinary heap. */
static void test_no_first(void **state)
{
	(void)state;
	struct heap *h = heap_new(0);
	system_refuses = true;
	heap_add_first(h);
	system_refuses = false;
	void *block = heap_alloc(h, NULL, 0, 100);
	assert_non_null(block);
	assert_int_equal(heap_span_count(h), 1);
	heap_alloc(h, block, 100, 0);
	heap_delete(h);
}

/* The hard case by itself: a large block must become small while there is no memory at all. */
static void test_shrinking_never_fails(void **state)
{
	(void)state;
	struct heap *h = heap_new(0);
	struct oracle large = {.mark = 3}, small = {.mark = 5};
	resize_oracle(h, &large, 1000);
	system_refuses = true;
	resize_oracle(h, &large, 900);
	resize_oracle(h, &large, 100);
	resize_oracle(h, &large, 20);
	assert_null(heap_alloc(h, large.block, large.bytes, 100));
	assert_null(heap_alloc(h, large.block, large.bytes, 1000));
	assert_null(heap_alloc(h, NULL, 0, 20));
	verify(&large, 20);
	assert_int_equal(heap_used_bytes(h), 20);
	system_refuses = false;
	resize_oracle(h, &small, 20);
	resize_oracle(h, &large, 24);
	resize_oracle(h, &large, 0);
	resize_oracle(h, &small, 0);
	assert_int_equal(heap_used_bytes(h), 0);
	assert_int_equal(heap_large_count(h), 0);
	heap_delete(h);
}

/* The same at random, in a heap that has no span to begin with and rarely gets one. */
static void test_random_misfits(void **state)
{
	(void)state;
	enum { BLOCKS = 24, STEPS = 300 };
	size_t most_misfits = 0;
	random_state = SEED;
	for (size_t round = 0; round < 60; round++) {
		struct oracle blocks[BLOCKS];
		struct heap *h = heap_new(0);
		for (size_t i = 0; i < BLOCKS; i++) {
			blocks[i] = (struct oracle){.mark = (unsigned char)(i * 11)};
			resize_oracle(h, &blocks[i], 300 + i);
		}
		for (size_t step = 0; step < STEPS; step++) {
			struct oracle *o = &blocks[random_below(BLOCKS)];
			system_refuses = random_below(64) != 0;
			if (random_below(40) == 0 && !system_refuses)
				resize_oracle(h, o, 300 + random_below(300));
			else
				resize_oracle(h, o,
					      o->bytes - random_below(3) * (uint32_t)o->bytes / 4);
			system_refuses = false;
			size_t misfits = ring_length(&h->large.misfits);
			most_misfits = misfits > most_misfits ? misfits : most_misfits;
		}
		for (size_t i = round % 2 * BLOCKS / 2; i < BLOCKS; i++)
			resize_oracle(h, &blocks[i], 0);
		if (round % 2 == 0)
			assert_int_equal(heap_used_bytes(h) + heap_held_bytes(h), 0);
		heap_delete(h);
	}
	assert_true(most_misfits > BLOCKS / 2);
}

/* Blocks of one size fill spans, go, and the next size fits into the same number of spans: one
 * block that stays in each span keeps the system's share of it from going back. */
static void test_free_cells_serve_any_class(void **state)
{
	(void)state;
	struct heap *h = heap_new(0);
	static struct oracle blocks[2048];
	struct oracle stays = {.mark = 9};
	resize_oracle(h, &stays, 8);
	for (size_t round = 0; round < 5; round++) {
		size_t bytes = 16u << round;
		size_t count = (SPAN_BYTES - 2 * CELL_BYTES) / bytes;
		for (size_t i = 0; i < count; i++) {
			blocks[i] = (struct oracle){.mark = (unsigned char)i};
			resize_oracle(h, &blocks[i], bytes);
		}
		assert_int_equal(heap_span_count(h), 1);
		for (size_t i = 0; i < count; i++)
			resize_oracle(h, &blocks[i], 0);
	}
	verify(&stays, 8);
	heap_delete(h);
}

/* A VM's few blocks of odd sizes share cells. */
static void test_rare_classes_share_cells(void **state)
{
	(void)state;
	struct heap *h = heap_new(0);
	static struct oracle blocks[CLASSES];
	for (size_t class = CLASSES - 1; class > 0; class --) {
		blocks[class] = (struct oracle){.mark = (unsigned char)class};
		resize_oracle(h, &blocks[class], class * UNIT_BYTES);
	}
	/* A cell for each would be 16 KB. */
	assert_true(heap_held_bytes(h) <= 8192);
	for (size_t class = 1; class < CLASSES; class ++) {
		verify(&blocks[class], blocks[class].bytes);
		resize_oracle(h, &blocks[class], 0);
	}
	assert_int_equal(heap_held_bytes(h), 0);
	heap_delete(h);
}

static void test_limit(void **state)
{
	(void)state;
	struct heap *h = heap_new(1000);
	assert_int_equal(heap_limit_bytes(h), 1000);
	void *a = heap_alloc(h, NULL, 0, 600);
	assert_non_null(a);
	assert_null(heap_alloc(h, NULL, 0, 401));
	assert_null(heap_alloc(h, a, 600, 1001));
	assert_null(heap_alloc(h, NULL, 0, SIZE_MAX));
	void *b = heap_alloc(h, NULL, 0, 400);
	assert_non_null(b);
	assert_int_equal(heap_used_bytes(h), 1000);
	heap_set_limit_bytes(h, 10);
	assert_null(heap_alloc(h, NULL, 0, 1));
	a = heap_alloc(h, a, 600, 500);
	assert_non_null(a);
	heap_set_limit_bytes(h, 0);
	a = heap_alloc(h, a, 500, 100000);
	assert_non_null(a);
	assert_null(heap_alloc(h, NULL, 0, SIZE_MAX - 8));
	assert_int_equal(heap_peak_bytes(h), 100400);
	heap_delete(h);
}

static void test_stack_floor(void **state)
{
	(void)state;
	struct heap *h = heap_new(0);
	char here;
	void *a = heap_alloc(h, NULL, 0, 64);
	heap_set_stack_floor(h, (uintptr_t)&here + 4096);
	assert_null(heap_alloc(h, NULL, 0, 64));
	assert_null(heap_alloc(h, a, 64, 640));
	a = heap_alloc(h, a, 64, 32);
	assert_non_null(a);
	heap_set_stack_floor(h, (uintptr_t)&here - 65536);
	a = heap_alloc(h, a, 32, 640);
	assert_non_null(a);
	heap_set_stack_floor(h, 0);
	heap_alloc(h, a, 640, 0);
	assert_int_equal(heap_used_bytes(h), 0);
	heap_delete(h);
}

static void test_foreign_bytes(void **state)
{
	(void)state;
	struct heap *h = heap_new(100);
	heap_add_foreign_bytes(h, 5000);
	heap_add_foreign_bytes(h, -1000);
	assert_int_equal(heap_foreign_bytes(h), 4000);
	assert_int_equal(heap_used_bytes(h), 0);
	assert_non_null(heap_alloc(h, NULL, 0, 100));
	heap_delete(h);
}

static void test_release_and_use_again(void **state)
{
	(void)state;
	struct heap *h = heap_new(0);
	for (size_t round = 0; round < 3; round++) {
		for (size_t i = 1; i < 2000; i++)
			assert_non_null(heap_alloc(h, NULL, 0, i));
		heap_release_all(h);
		assert_int_equal(heap_used_bytes(h), 0);
		assert_int_equal(heap_held_bytes(h), 0);
		assert_int_equal(heap_span_count(h), 0);
	}
	heap_delete(h);
	heap_delete(NULL);
}

static const char program[] =
	"local t, words = {}, {}\n"
	"for i = 1, 20000 do\n"
	"  t[i % 512 + 1] = {id = i, name = 'n' .. i, pos = {i, i * 2}}\n"
	"  words[#words + 1] = ('%d'):format(i * 7)\n"
	"  if #words > 300 then words = {table.concat(words, ',')} end\n"
	"end\n"
	"local co = coroutine.wrap(function() for i = 1, 1e9 do coroutine.yield(i) end end)\n"
	"for i = 1, 100 do assert(co() == i) end\n"
	"kept = {t, words, co, function() return t end}\n"
	"assert(t[1].name == 'n' .. t[1].id)\n";

static lua_State *open_vm(struct heap *h)
{
	lua_State *L = lua_newstate(heap_alloc, h);
	assert_non_null(L);
	luaL_openlibs(L);
	return L;
}

static void test_closed_vm_leaves_nothing(void **state)
{
	(void)state;
	struct heap *h = heap_new(0);
	heap_add_first(h);
	lua_State *L = open_vm(h);
	assert_int_equal(luaL_dostring(L, program), 0);
	lua_gc(L, LUA_GCCOLLECT, 0);
	/* LuaJIT's own count and ours agree, but for the state itself, which it does not count. */
	size_t counted =
		(size_t)lua_gc(L, LUA_GCCOUNT, 0) * 1024 + (size_t)lua_gc(L, LUA_GCCOUNTB, 0);
	assert_true(heap_used_bytes(h) >= counted && heap_used_bytes(h) < counted + 16384);
	lua_close(L);
	assert_int_equal(heap_used_bytes(h), 0);
	assert_int_equal(heap_large_count(h), 0);
	heap_delete(h);
}

/* The VM is dropped as it stands; LeakSanitizer sees what heap_delete forgot. The compiler stays
 * off, since machine code is not the heap's. */
static void test_abandoned_vm_leaks_nothing(void **state)
{
	(void)state;
	for (size_t round = 0; round < 3; round++) {
		struct heap *h = heap_new(0);
		if (round > 0)
			heap_add_first(h);
		lua_State *L = open_vm(h);
		assert_int_equal(luaL_dostring(L, "jit.off()"), 0);
		assert_int_equal(luaL_dostring(L, program), 0);
		assert_true(heap_used_bytes(h) > 100000);
		heap_delete(h);
	}
}

static void test_vm_at_its_limit(void **state)
{
	(void)state;
	struct heap *h = heap_new(2 << 20);
	lua_State *L = open_vm(h);
	assert_int_not_equal(luaL_dostring(L, "local t = {} for i = 1, 1e9 do t[i] = {i} end"), 0);
	assert_string_equal(lua_tostring(L, -1), "not enough memory");
	lua_settop(L, 0);
	assert_true(heap_peak_bytes(h) <= 2 << 20);
	lua_gc(L, LUA_GCCOLLECT, 0);
	assert_int_equal(luaL_dostring(L, "assert(#('x'):rep(1000) == 1000)"), 0);
	lua_close(L);
	assert_int_equal(heap_used_bytes(h), 0);
	heap_delete(h);
}

/* Endless recursion through C ends as an error although the C stack would go on. */
static void test_c_recursion_ends_cleanly(void **state)
{
	(void)state;
	struct heap *h = heap_new(0);
	lua_State *L = open_vm(h);
	char here;
	heap_set_stack_floor(h, (uintptr_t)&here - 100000);
	int status = luaL_dostring(L, "local depth = 0\n"
				      "local function down()\n"
				      "  depth = depth + 1\n"
				      "  return coroutine.wrap(down)()\n"
				      "end\n"
				      "local ok, text = pcall(down)\n"
				      "return ok, tostring(text), depth");
	heap_set_stack_floor(h, 0);
	assert_int_equal(status, 0);
	assert_false(lua_toboolean(L, -3));
	assert_non_null(strstr(lua_tostring(L, -2), "not enough memory"));
	assert_true(lua_tonumber(L, -1) > 5 && lua_tonumber(L, -1) < 10000);
	lua_close(L);
	heap_delete(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_size),
		cmocka_unit_test(test_random_operations),
		cmocka_unit_test(test_random_operations_with_first),
		cmocka_unit_test(test_first_is_filled_and_split),
		cmocka_unit_test(test_first_shrinks_in_place),
		cmocka_unit_test(test_image_is_packed),
		cmocka_unit_test(test_no_first),
		cmocka_unit_test(test_shrinking_never_fails),
		cmocka_unit_test(test_random_misfits),
		cmocka_unit_test(test_free_cells_serve_any_class),
		cmocka_unit_test(test_rare_classes_share_cells),
		cmocka_unit_test(test_limit),
		cmocka_unit_test(test_stack_floor),
		cmocka_unit_test(test_foreign_bytes),
		cmocka_unit_test(test_release_and_use_again),
		cmocka_unit_test(test_closed_vm_leaves_nothing),
		cmocka_unit_test(test_abandoned_vm_leaks_nothing),
		cmocka_unit_test(test_vm_at_its_limit),
		cmocka_unit_test(test_c_recursion_ends_cleanly),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
