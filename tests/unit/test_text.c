/* SPDX-License-Identifier: MIT */
#include "core/text.h"
#include "core/fragile.h"
#include "core/mem.h"
#include "core/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <dlfcn.h>
#include <cmocka.h>
#include <lua.h>

/* Keeps the library linked, although only addresses in it are used. */
int (*const text_test_anchor)(lua_State *) = lua_gettop;

/* The address in the library itself, not that of a stub of ours. */
static uintptr_t address_of(const char *name)
{
	void *at = dlsym(RTLD_DEFAULT, name);
	assert_non_null(at);
	return (uintptr_t)at;
}

static void test_kinds(void **state UNUSED)
{
	static int data;
	int local;
	assert_int_equal(text_kind_of(address_of("lua_gettop")), TEXT_VM);
	assert_int_equal(text_kind_of((uintptr_t)stack_call_marked), TEXT_PARKABLE);
	assert_int_equal(text_kind_of((uintptr_t)test_kinds), TEXT_OURS);
	assert_int_equal(text_kind_of(address_of("gnu_get_libc_version")), TEXT_SYSTEM);
	assert_int_equal(text_kind_of((uintptr_t)&data), TEXT_NONE);
	assert_int_equal(text_kind_of((uintptr_t)&local), TEXT_NONE);
	assert_int_equal(text_kind_of(0), TEXT_NONE);
	assert_int_equal(text_kind_of(UINTPTR_MAX), TEXT_NONE);
}

static struct fragile_range all[128];
static int all_count;

static int vm_fragile(struct dl_phdr_info *object, size_t size UNUSED, void *range)
{
	struct fragile_range found[128];
	uintptr_t vm = address_of("lua_gettop");
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const Elf64_Phdr *part = &object->dlpi_phdr[i];
		uintptr_t at = object->dlpi_addr + part->p_vaddr;
		if (part->p_type != PT_LOAD || vm < at || vm >= at + part->p_memsz)
			continue;
		int n = fragile_find(object, found, (int)COUNT_OF(found));
		for (int k = 1; k < n; k++)
			assert_true(found[k - 1].end <= found[k].start);
		if (n > 0)
			*(struct fragile_range *)range = found[0];
		memcpy(all, found, sizeof(all));
		all_count = n;
		/* Too little room is an error, not a part of the answer. */
		assert_int_equal(fragile_find(object, found, n - 1), -1);
		return n;
	}
	return 0;
}

/* Behind the first direct call in the range that leads into the VM itself, or (`inside` false) out of it through
 * the PLT. 0: there is none. */
static uintptr_t return_address_in(const struct fragile_range *range, bool inside)
{
	for (uintptr_t at = range->start; at + 5 <= range->end; at++) {
		int32_t displacement;
		if (*(const uint8_t *)at != 0xe8)
			continue;
		memcpy(&displacement, (const void *)(at + 1), sizeof(displacement));
		uintptr_t target = at + 5 + (uintptr_t)(intptr_t)displacement;
		const uint8_t *code = (const uint8_t *)target;
		enum text_kind kind = text_kind_of(target);
		if (kind != TEXT_VM && kind != TEXT_FRAGILE)
			continue;
		bool stub = code[0] == 0xff && code[1] == 0x25;
		if (stub != inside)
			return at + 5;
	}
	return 0;
}

static uintptr_t return_address(bool inside)
{
	uintptr_t found = 0;
	for (int i = 0; i < all_count && found == 0; i++)
		found = return_address_in(&all[i], inside);
	return found;
}

static void test_fragile_functions_of_the_installed_library(void **state UNUSED)
{
	struct fragile_range range = {0, 0};
	int n = dl_iterate_phdr(vm_fragile, &range);
	assert_true(n > 0);
	assert_int_equal(text_fragile_count(), n);
	assert_true(range.start < range.end);
	assert_int_equal(text_kind_of(range.start), TEXT_FRAGILE);
	assert_int_equal(text_kind_of(range.end - 1), TEXT_FRAGILE);
	uintptr_t word[3] = {0, 0, 0};
	uintptr_t from = (uintptr_t)word, to = (uintptr_t)(word + 3);
	for (int inside = 0; inside <= 1; inside++) {
		word[1] = return_address(inside);
		assert_true(word[1] != 0);
		assert_int_equal(text_find_unparkable(from, to), (uintptr_t)&word[1]);
	}
	/* An address inside of it that follows no call is no frame. */
	word[1] = range.start;
	assert_int_equal(text_find_unparkable(from, to), 0);
}

struct search {
	uintptr_t base, code;
};

static int find_code(struct dl_phdr_info *object, size_t size UNUSED, void *arg)
{
	struct search *search = arg;
	for (int i = 0; object->dlpi_addr == search->base && i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_LOAD && (object->dlpi_phdr[i].p_flags & PF_X))
			search->code = object->dlpi_addr + object->dlpi_phdr[i].p_vaddr;
	return 0;
}

static uintptr_t first_code_of(void *library)
{
	struct link_map *map = NULL;
	assert_int_equal(dlinfo(library, RTLD_DI_LINKMAP, &map), 0);
	struct search search = {map->l_addr, 0};
	dl_iterate_phdr(find_code, &search);
	assert_int_not_equal(search.code, 0);
	return search.code;
}

static void *load_later(void)
{
	/* Libraries of the system that nobody here has loaded. */
	static const char *const candidate[] = {"libthread_db.so.1", "libBrokenLocale.so.1",
						"libnss_compat.so.2"};
	void *library = NULL;
	for (size_t i = 0; library == NULL && i < COUNT_OF(candidate); i++)
		if (dlopen(candidate[i], RTLD_NOW | RTLD_NOLOAD) == NULL)
			library = dlopen(candidate[i], RTLD_NOW);
	assert_non_null(library);
	return library;
}

/* The first word behind a call, direct or not, from there on. */
static uintptr_t behind_call(uintptr_t from, bool direct)
{
	uintptr_t word = from + 8;
	while (!text_follows_call(word) || (*(const uint8_t *)(word - 5) == 0xe8) != direct)
		word++;
	return word;
}

static bool holdable(uintptr_t pc, uintptr_t word)
{
	uintptr_t stack[3] = {1, word, (uintptr_t)&stack};
	return text_holdable(pc, (uintptr_t)stack, (uintptr_t)(stack + 3));
}

static void test_holdable_is_what_computes_in_a_module(void **state UNUSED)
{
	void *library = load_later();
	uintptr_t module = first_code_of(library) + 64, vm = address_of("lua_gettop");
	uintptr_t libc = address_of("bsearch"), ours = (uintptr_t)test_kinds;
	uintptr_t from_module = behind_call(module, true);
	assert_true(holdable(module, 0));
	/* In the Lua library or in the math library only if a module is below. */
	assert_false(holdable(vm, 0));
	assert_true(holdable(vm, from_module));
	assert_int_equal(text_kind_of(address_of("cos")), TEXT_MATH);
	assert_false(holdable(address_of("cos"), 0));
	assert_true(holdable(address_of("cos"), from_module));
	/* Never in libc, whoever called it, or in our own code. */
	assert_false(holdable(libc, from_module));
	assert_false(holdable(ours, from_module));
	/* A frame of libc that has called the module, through a pointer; and words that are no such frame. */
	assert_false(holdable(module, behind_call(libc, false)));
	assert_true(holdable(module, libc));
	assert_true(holdable(module, behind_call(address_of("qsort"), true)));
	assert_false(holdable(address_of("cos"), behind_call(address_of("qsort"), true)));
	/* Our own code that has called the VM, below the module. */
	assert_false(holdable(module, behind_call(ours, false)));
	assert_true(holdable(module, (uintptr_t)stack_call_marked + 8));
	assert_true(holdable(module, vm + 4));
	dlclose(library);
}

static void test_a_library_loaded_later_is_foreign(void **state UNUSED)
{
	void *library = load_later();
	uintptr_t code = first_code_of(library);
	assert_int_equal(text_kind_of(code), TEXT_FOREIGN);
	/* What was known before stays what it was. */
	test_kinds(NULL);
	/* Every word of foreign code on a stack counts, wherever it points to. */
	uintptr_t word[4] = {address_of("lua_gettop"), 1, code, 0};
	assert_int_equal(text_find_unparkable((uintptr_t)word, (uintptr_t)(word + 4)),
			 (uintptr_t)&word[2]);
	assert_int_equal(text_find_unparkable((uintptr_t)word, (uintptr_t)(word + 2)), 0);
	dlclose(library);
}

static void test_stack_of_vm_and_data_is_parkable(void **state UNUSED)
{
	uintptr_t word[5] = {0, address_of("lua_gettop") + 4, (uintptr_t)&word[0], 42,
			     (uintptr_t)stack_call_marked + 8};
	assert_int_equal(text_find_unparkable((uintptr_t)word, (uintptr_t)(word + 5)), 0);
	assert_int_equal(text_find_unparkable((uintptr_t)word, (uintptr_t)word), 0);
}

/* Each VM that requires a C module looks again. */
static void test_looking_again_keeps_nothing(void **state UNUSED)
{
	text_refresh();
	size_t before = mem_allocated_bytes();
	for (int i = 0; i < 200; i++)
		text_refresh();
	assert_in_range(mem_allocated_bytes(), 0, before + 64 * 1024);
	assert_int_equal(text_kind_of(address_of("lua_gettop")), TEXT_VM);
}

static void test_without_a_table_nothing_is_parkable(void **state UNUSED)
{
	uintptr_t word = 0;
	text_term();
	assert_int_equal(text_kind_of(address_of("lua_gettop")), TEXT_FOREIGN);
	assert_int_equal(text_find_unparkable((uintptr_t)&word, (uintptr_t)(&word + 1)),
			 (uintptr_t)&word);
	assert_int_equal(text_fragile_count(), 0);
	text_term();
}

int main(void)
{
	text_init((const void *)address_of("lua_gettop"));
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_fragile_functions_of_the_installed_library),
		cmocka_unit_test(test_holdable_is_what_computes_in_a_module),
		cmocka_unit_test(test_a_library_loaded_later_is_foreign),
		cmocka_unit_test(test_stack_of_vm_and_data_is_parkable),
		cmocka_unit_test(test_looking_again_keeps_nothing),
		cmocka_unit_test(test_without_a_table_nothing_is_parkable),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
