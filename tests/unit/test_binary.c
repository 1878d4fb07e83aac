/* SPDX-License-Identifier: MIT
 *
 * Names of functions, and the stack of a thread that sleeps in them.
 */
#include "core/binary.h"
#include "core/symbols.h"
#include "core/syscalls.h"
#include "core/text.h"
#include "core/walk.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

/* Not exported: its name is only in the file. */
static NOINLINE void read_a_byte(int fd)
{
	char byte;
	ssize_t got = read(fd, &byte, 1);
	__asm__ volatile("" : "+r"(got)); /* no tail call */
}

static void test_names_a_function(void **state UNUSED)
{
	struct binary_place place;
	assert_true(binary_find((uintptr_t)read_a_byte, &place));
	assert_string_equal(place.file, "");
	assert_non_null(place.function);
	assert_string_equal(place.function, "read_a_byte");
	assert_int_equal(place.into, 0);
	assert_true(binary_find((uintptr_t)read_a_byte + 1, &place));
	assert_string_equal(place.function, "read_a_byte");
	assert_int_equal(place.into, 1);
	uintptr_t offset = place.offset;
	assert_true(binary_find((uintptr_t)test_names_a_function, &place));
	assert_int_equal(offset - place.offset, (uintptr_t)read_a_byte + 1 - (uintptr_t)test_names_a_function);
	/* A library has several names for it; the plain one is told. */
	assert_true(binary_find((uintptr_t)dlsym(RTLD_NEXT, "getpagesize"), &place));
	assert_non_null(strstr(place.file, "libc.so"));
	assert_string_equal(place.function, "getpagesize");
}

static void test_knows_no_data(void **state UNUSED)
{
	static char data[64];
	struct binary_place place;
	assert_false(binary_find((uintptr_t)data, &place));
	assert_false(binary_find(1, &place));
	assert_null(binary_unwind((uintptr_t)data));
	assert_non_null(binary_unwind((uintptr_t)read_a_byte));
}

static void test_learns_what_is_loaded_later(void **state UNUSED)
{
	struct binary_place place;
	void *library = dlopen("libresolv.so.2", RTLD_NOW);
	assert_non_null(library);
	uintptr_t at = (uintptr_t)dlsym(library, "ns_get16");
	assert_true(at != 0 && binary_find(at, &place));
	assert_non_null(strstr(place.file, "libresolv"));
	/* It stays. */
	dlclose(library);
	assert_true(text_kind_of(at) == TEXT_FOREIGN && walk_is_readable(at));
	assert_true(binary_find(at, &place));
}

static void test_a_file_that_was_replaced_has_no_names(void **state UNUSED)
{
	Elf64_Phdr other[2];
	struct symbols s;
	memset(other, 1, sizeof(other));
	assert_false(symbols_read(&s, "/proc/self/exe", other, 2));
	assert_int_equal(s.count, 0);
	assert_false(symbols_read(&s, "/no such file", other, 2));
	assert_false(symbols_read(&s, "/dev/null", other, 2));
}

/* ---- broken files: cut or changed anywhere, they are read without harm ---- */

static char copy_path[] = "/tmp/equilune-binary-XXXXXX";

static size_t read_whole(char **bytes)
{
	FILE *f = fopen("/proc/self/exe", "rb");
	assert_non_null(f);
	fseek(f, 0, SEEK_END);
	size_t size = (size_t)ftell(f);
	rewind(f);
	*bytes = malloc(size);
	assert_int_equal(fread(*bytes, 1, size, f), size);
	fclose(f);
	return size;
}

static bool read_symbols_of(const char *bytes, size_t size, const char *whole)
{
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)whole;
	struct symbols s;
	FILE *f = fopen(copy_path, "wb");
	assert_non_null(f);
	assert_int_equal(fwrite(bytes, 1, size, f), size);
	fclose(f);
	bool good = symbols_read(&s, copy_path, (const Elf64_Phdr *)(whole + head->e_phoff), head->e_phnum);
	for (uint32_t i = 0; i < s.count; i++) {
		uintptr_t offset;
		symbols_find(&s, s.symbol[i].start, &offset);
		assert_true(s.symbol[i].name < s.names_bytes);
	}
	symbols_free(&s);
	return good;
}

static void test_broken_files_do_no_harm(void **state UNUSED)
{
	char *whole, *broken;
	size_t size = read_whole(&whole);
	close(mkstemp(copy_path));
	broken = malloc(size);
	memcpy(broken, whole, size);
	assert_true(read_symbols_of(whole, size, whole));
	for (size_t cut = 1; cut < 64; cut += 7)
		assert_false(read_symbols_of(whole, cut, whole));
	assert_false(read_symbols_of(whole, size / 2, whole));
	const Elf64_Ehdr *head = (const Elf64_Ehdr *)whole;
	uint64_t seed = 1;
	for (int round = 0; round < 60; round++) {
		/* One byte among the sections' headers. */
		size_t sections = (size_t)head->e_shnum * head->e_shentsize;
		seed = seed * 6364136223846793005ull + 1442695040888963407ull;
		size_t at = head->e_shoff + (seed >> 33) % sections;
		broken[at] = (char)(seed >> 20);
		read_symbols_of(broken, size, whole);
		broken[at] = whole[at];
	}
	unlink(copy_path);
	free(whole);
	free(broken);
}

/* ---- a thread that sleeps ---- */

static int pipes[2];
static _Atomic int32_t sleeper;

static void *sleep_in_read(void *unused)
{
	sleeper = (int32_t)syscall(SYS_gettid);
	read_a_byte(pipes[0]);
	return unused;
}

static bool has_frame_of(const struct walk *w, const char *function)
{
	struct binary_place place;
	for (int i = 0; i < w->count; i++) {
		const struct walk_frame *f = walk_frame(w, i);
		if (f && binary_find(f->pc - (i > 0), &place) && place.function &&
		    strcmp(place.function, function) == 0)
			return true;
	}
	return false;
}

static void test_the_stack_of_a_sleeper(void **state UNUSED)
{
	static struct walk walk;
	static struct walk_copy copy;
	pthread_t thread;
	struct syscalls_call c = {.number = -1};
	const struct timespec nap = {.tv_nsec = 1000000};
	/* Their read() is a function of theirs, with other functions above it. */
	if (WITH_ASAN || WITH_TSAN) {
		skip();
		return;
	}
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(pthread_create(&thread, NULL, sleep_in_read, NULL), 0);
	while (sleeper == 0 || !syscalls_read(sleeper, &c) || c.number != SYS_read)
		nanosleep(&nap, NULL);
	walk_sleeper(&walk, &copy, c.pc, c.sp, c.sp + 4096, WALK_FIRST);
	assert_int_equal(walk_frame(&walk, 0)->pc, c.pc);
	assert_true(has_frame_of(&walk, "read_a_byte"));
	assert_true(has_frame_of(&walk, "sleep_in_read"));
	/* Nothing to be had of it but where it is. */
	walk_sleeper(&walk, &copy, c.pc, 8, 4096, WALK_FIRST);
	assert_int_equal(walk.count, 1);
	walk_sleeper(&walk, &copy, c.pc, c.sp, c.sp, WALK_FIRST);
	assert_int_equal(walk.count, 1);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	pthread_join(thread, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_a_function),
		cmocka_unit_test(test_knows_no_data),
		cmocka_unit_test(test_learns_what_is_loaded_later),
		cmocka_unit_test(test_a_file_that_was_replaced_has_no_names),
		cmocka_unit_test(test_broken_files_do_no_harm),
		cmocka_unit_test(test_the_stack_of_a_sleeper),
	};
	text_init(NULL);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	text_term();
	return failed;
}
