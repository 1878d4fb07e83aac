/* SPDX-License-Identifier: MIT */
#include "core/fde.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <cmocka.h>
#include <lauxlib.h>
#include <lualib.h>

void __register_frame(const void *section);
void __deregister_frame(const void *section);
/* libgcc's, which asks _Unwind_Find_FDE and returns where the function begins. */
void *_Unwind_FindEnclosingFunction(void *pc);

enum { PAGE = 4096 };

/* A section like LuaJIT's: a CIE, one FDE or more, the end. */
struct section {
	uint8_t bytes[256];
	size_t length;
};

static void put(struct section *s, const void *data, size_t length)
{
	memcpy(s->bytes + s->length, data, length);
	s->length += length;
}

static void section_begin(struct section *s)
{
	static const uint8_t cie[] = {20, 0,    0,  0, 0,    0,    0, 0, 1,    'z', 'R', 0,
				      1,  0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1,   0,   0};
	s->length = 0;
	put(s, cie, sizeof(cie));
}

static void section_fde(struct section *s, const void *start, size_t bytes)
{
	uint32_t length = 16, cie = (uint32_t)s->length + 4, size = (uint32_t)bytes;
	put(s, &length, 4);
	put(s, &cie, 4);
	int32_t relative = (int32_t)((intptr_t)start - (intptr_t)(s->bytes + s->length));
	put(s, &relative, 4);
	put(s, &size, 4);
	put(s, "\0\0\0", 4);
}

static void section_end(struct section *s)
{
	put(s, "\0\0\0", 4);
}

/* The sections must lie within 2 GB of what they describe. */
struct area {
	struct section section;
	uint8_t padding[PAGE - sizeof(struct section)];
	uint8_t code[4 * PAGE];
};

static struct area *new_areas(int count)
{
	void *at = mmap(NULL, (size_t)count * sizeof(struct area), PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	assert_ptr_not_equal(at, MAP_FAILED);
	return at;
}

static void announce(struct area *a, const void *start, size_t bytes)
{
	section_begin(&a->section);
	section_fde(&a->section, start, bytes);
	section_end(&a->section);
	__register_frame(a->section.bytes);
}

static void *find(const void *pc)
{
	return _Unwind_FindEnclosingFunction((void *)((uintptr_t)pc + 1));
}

/* Nobody is parked in the registry or in libgcc, and no return address of ours behind an indirect call stays on a
 * stack that has raised an error: there is none in the function that libgcc calls. */
static void test_not_for_parking(void **state UNUSED)
{
	const uint8_t *find = dlsym(RTLD_DEFAULT, "_Unwind_Find_FDE");
	assert_non_null(find);
	text_init(NULL);
	assert_int_equal(text_kind_of((uintptr_t)find), TEXT_OURS);
	assert_int_equal(text_kind_of((uintptr_t)__register_frame), TEXT_OURS);
	assert_int_equal(
		text_kind_of((uintptr_t)dlsym(RTLD_DEFAULT, "_Unwind_FindEnclosingFunction")),
		TEXT_UNWINDER);
	int calls = 0;
	/* Only calls that lie within the function whole: what is before it is other code. And the distance of a direct
	 * call may look like another call, as the linker will have it. */
	for (int i = 7; i <= 40 && find[i - 1] != 0xc3; i++) {
		if (find[i - 1] == 0xe8)
			i += 4;
		calls += text_follows_call((uintptr_t)find + (uintptr_t)i);
	}
	assert_int_equal(calls, 1); /* of fde_find */
	text_term();
}

static void test_libgcc_calls_us(void **state UNUSED)
{
	assert_true(fde_is_active());
	assert_ptr_equal(find((void *)((uintptr_t)test_libgcc_calls_us + 8)), test_libgcc_calls_us);
	assert_null(find(NULL));
	assert_null(find((void *)UINTPTR_MAX));
	assert_null(find((void *)((uintptr_t)1 << 48)));
}

static void test_found_from_first_to_last_byte(void **state UNUSED)
{
	struct area *a = new_areas(1);
	size_t count = fde_area_count(), bytes = fde_area_bytes();
	/* As LuaJIT does it: the first page begins with something else. */
	announce(a, a->code + 100, 3 * PAGE - 100);
	assert_int_equal(fde_area_count(), count + 1);
	assert_int_equal(fde_area_bytes(), bytes + 3 * PAGE);
	assert_null(find(a->code + 99));
	assert_ptr_equal(find(a->code + 100), a->code + 100);
	assert_ptr_equal(find(a->code + PAGE), a->code + 100);
	assert_ptr_equal(find(a->code + 3 * PAGE - 1), a->code + 100);
	assert_null(find(a->code + 3 * PAGE));
	__deregister_frame(a->section.bytes);
	assert_int_equal(fde_area_count(), count);
	assert_int_equal(fde_area_bytes(), bytes);
	for (int i = 0; i < 3 * PAGE; i += PAGE / 4)
		assert_null(find(a->code + i));
	munmap(a, sizeof(*a));
}

static void test_an_end_inside_of_a_page(void **state UNUSED)
{
	struct area *a = new_areas(1);
	announce(a, a->code, PAGE + 10);
	assert_ptr_equal(find(a->code + PAGE + 9), a->code);
	assert_null(find(a->code + PAGE + 10));
	__deregister_frame(a->section.bytes);
	assert_null(find(a->code + PAGE + 9));
	munmap(a, sizeof(*a));
}

/* What is not like LuaJIT's areas is libgcc's as ever: found, and taken back. */
static void test_others_are_left_to_libgcc(void **state UNUSED)
{
	struct area *a = new_areas(2);
	/* Two in one page. */
	announce(&a[0], a[0].code, 100);
	announce(&a[1], a[0].code + 200, 100);
	assert_ptr_equal(find(a[0].code + 50), a[0].code);
	assert_ptr_equal(find(a[0].code + 250), a[0].code + 200);
	assert_null(find(a[0].code + 150));
	__deregister_frame(a[0].section.bytes);
	assert_null(find(a[0].code + 50));
	assert_ptr_equal(find(a[0].code + 250), a[0].code + 200);
	__deregister_frame(a[1].section.bytes);
	assert_null(find(a[0].code + 250));
	/* Two in one section. */
	size_t count = fde_area_count();
	section_begin(&a->section);
	section_fde(&a->section, a->code, PAGE);
	section_fde(&a->section, a->code + 2 * PAGE, PAGE);
	section_end(&a->section);
	__register_frame(a->section.bytes);
	assert_int_equal(fde_area_count(), count);
	assert_ptr_equal(find(a->code + 5), a->code);
	assert_ptr_equal(find(a->code + 2 * PAGE + 5), a->code + 2 * PAGE);
	__deregister_frame(a->section.bytes);
	assert_null(find(a->code + 5));
	/* Nothing at all. */
	memset(a->section.bytes, 0, 4);
	__register_frame(a->section.bytes);
	__deregister_frame(a->section.bytes);
	munmap(a, 2 * sizeof(*a));
}

static void test_twenty_thousand(void **state UNUSED)
{
	enum { COUNT = 20000 };
	struct area *a = new_areas(COUNT);
	size_t count = fde_area_count();
	for (int i = 0; i < COUNT; i++)
		announce(&a[i], a[i].code, sizeof(a[i].code));
	assert_int_equal(fde_area_count(), count + COUNT);
	for (int i = 0; i < COUNT; i += 2)
		__deregister_frame(a[i].section.bytes);
	for (int i = 0; i < COUNT; i++)
		assert_ptr_equal(find(a[i].code + i % (4 * PAGE)), i % 2 ? a[i].code : NULL);
	for (int i = 1; i < COUNT; i += 2)
		__deregister_frame(a[i].section.bytes);
	assert_int_equal(fde_area_count(), count);
	munmap(a, COUNT * sizeof(*a));
}

/* ---- LuaJIT ---- */

static ptrdiff_t told_bytes;

static void on_area(ptrdiff_t bytes)
{
	told_bytes += bytes;
}

static lua_State *compiled_vm(void)
{
	lua_State *L = luaL_newstate();
	assert_non_null(L);
	luaL_openlibs(L);
	assert_int_equal(luaL_dostring(L, "local x = 0 for i = 1, 200 do x = x + i end"), 0);
	return L;
}

static void test_each_vm_has_an_area(void **state UNUSED)
{
	size_t count = fde_area_count();
	told_bytes = 0;
	fde_on_area = on_area;
	lua_State *L = compiled_vm();
	assert_int_equal(fde_area_count(), count + 1);
	assert_int_equal(told_bytes, 64 * 1024);
	lua_close(L);
	assert_int_equal(fde_area_count(), count);
	assert_int_equal(told_bytes, 0);
	fde_on_area = NULL;
}

enum { THOUSANDS = WITH_ASAN || WITH_TSAN ? 300 : 3000 };

/* The least CPU time of some rounds, which others on the machine disturb least. */
static double ns_per_error(lua_State *L)
{
	enum { ROUNDS = 20, ERRORS = 200 };
	double least = 1e18;
	for (int i = 0; i < ROUNDS; i++) {
		struct timespec from, to;
		lua_getglobal(L, "raise");
		lua_pushinteger(L, ERRORS);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &from);
		assert_int_equal(lua_pcall(L, 1, 0, 0), 0);
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &to);
		double ns = (double)(to.tv_sec - from.tv_sec) * 1e9 +
			    (double)(to.tv_nsec - from.tv_nsec);
		least = ns / ERRORS < least ? ns / ERRORS : least;
	}
	return least;
}

/* Raised by Lua, and through frames of C: they are caught beside thousands of VMs, and cost what they cost beside
 * one. libgcc 12 alone takes 20 times as long with 3,000. */
static void test_errors_beside_thousands(void **state UNUSED)
{
	static lua_State *vm[THOUSANDS];
	lua_State *L = compiled_vm();
	assert_int_equal(luaL_dostring(L, "function raise(n) for i = 1, n do pcall(error) end end"),
			 0);
	double alone = ns_per_error(L);
	for (int i = 0; i < THOUSANDS; i++)
		vm[i] = compiled_vm();
	assert_true(fde_area_count() > THOUSANDS);
	for (int i = 0; i < THOUSANDS; i += 100) {
		int status =
			luaL_dostring(vm[i], "local function f(n) local s = 0\n"
					     "for i = 1, n do s = s + i end error({s}) end\n"
					     "for i = 1, 100 do local ok, e = pcall(f, 200)\n"
					     "assert(not ok and e[1] == 20100) end\n"
					     "for i = 1, 100 do assert(not pcall(string.gsub,\n"
					     "'abc', '%w', function() local x = nil + 1 end)) end");
		if (status)
			fail_msg("%s", lua_tostring(vm[i], -1));
	}
	double beside = ns_per_error(L);
	if (beside > 4 * alone)
		fail_msg("%.0f ns alone, %.0f ns beside %d", alone, beside, THOUSANDS);
	for (int i = 0; i < THOUSANDS; i++)
		lua_close(vm[i]);
	lua_close(L);
}

struct limit {
	size_t used, most;
	bool refused;
};

static void *limited(void *limit, void *block, size_t old_bytes, size_t new_bytes)
{
	struct limit *l = limit;
	if (block == NULL)
		old_bytes = 0;
	if (new_bytes == 0) {
		free(block);
		l->used -= old_bytes;
		return NULL;
	}
	if (new_bytes > old_bytes && l->used + new_bytes - old_bytes > l->most) {
		l->refused = true;
		return NULL;
	}
	l->used += new_bytes - old_bytes;
	return realloc(block, new_bytes);
}

/* Memory that is refused inside of compiled code is an error that passes through it: without the FDE it would end
 * the process. */
static void test_no_memory_in_compiled_code_is_caught(void **state UNUSED)
{
	enum { TIMES = 50 };
	for (int i = 0; i < TIMES; i++) {
		struct limit limit = {0, SIZE_MAX / 2, false};
		lua_State *L = lua_newstate(limited, &limit);
		luaL_openlibs(L);
		assert_int_equal(luaL_dostring(L, "function fill(n) local list, t = {}, nil\n"
						  "for i = 1, n do t = {i, t} end return t end\n"
						  "for i = 1, 10 do fill(100) end"),
				 0);
		limit.most = limit.used + 200000 + 1000 * (size_t)i;
		lua_getglobal(L, "fill");
		lua_pushinteger(L, 10000000);
		assert_int_equal(lua_pcall(L, 1, 1, 0), LUA_ERRMEM);
		assert_true(limit.refused);
		limit.most = SIZE_MAX / 2;
		assert_int_equal(luaL_dostring(L, "assert(fill(1000)[1] == 1000)"), 0);
		lua_close(L);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_for_parking),
		cmocka_unit_test(test_libgcc_calls_us),
		cmocka_unit_test(test_found_from_first_to_last_byte),
		cmocka_unit_test(test_an_end_inside_of_a_page),
		cmocka_unit_test(test_others_are_left_to_libgcc),
		cmocka_unit_test(test_twenty_thousand),
		cmocka_unit_test(test_each_vm_has_an_area),
		cmocka_unit_test(test_errors_beside_thousands),
		cmocka_unit_test(test_no_memory_in_compiled_code_is_caught),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
