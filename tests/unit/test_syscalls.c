/* SPDX-License-Identifier: MIT */
#include "core/syscalls.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

static void test_names(void **state UNUSED)
{
	assert_string_equal(syscalls_name(0), "read");
	assert_string_equal(syscalls_name(SYS_clock_nanosleep), "clock_nanosleep");
	assert_string_equal(syscalls_name(SYS_futex), "futex");
	assert_string_equal(syscalls_name(SYS_epoll_wait), "epoll_wait");
	assert_null(syscalls_name(-1));
	assert_null(syscalls_name(100000));
}

static void test_takes_the_text_apart(void **state UNUSED)
{
	struct syscalls_call c;
	assert_true(syscalls_parse("230 0x0 0x1 0x7ffd 0x7ffe 0x5 0x6 0x7ffdaa69a278 0x7f46c1d5c503\n", &c));
	assert_int_equal(c.number, 230);
	assert_int_equal(c.argument[0], 0);
	assert_int_equal(c.argument[2], 0x7ffd);
	assert_int_equal(c.argument[5], 6);
	assert_int_equal(c.sp, 0x7ffdaa69a278);
	assert_int_equal(c.pc, 0x7f46c1d5c503);
	assert_true(syscalls_parse("-1 0x7ffdaa69a278 0x7f46c1d5c503\n", &c));
	assert_int_equal(c.number, -1);
	assert_int_equal(c.sp, 0x7ffdaa69a278);
	assert_int_equal(c.pc, 0x7f46c1d5c503);
	assert_false(syscalls_parse("running\n", &c));
	assert_false(syscalls_parse("", &c));
	assert_false(syscalls_parse("230 0x0 0x1", &c));
	assert_false(syscalls_parse("-1 0x0 0x1 0x2\n", &c));
}

static void expect(struct syscalls_call c, const char *text)
{
	char out[256];
	size_t n = syscalls_format(&c, out, sizeof(out));
	assert_int_equal(n, strlen(out));
	assert_string_equal(out, text);
}

static void test_as_a_text(void **state UNUSED)
{
	char text[64];
	int pipes[2];
	assert_int_equal(pipe(pipes), 0);
	struct syscalls_call c = {.number = SYS_read, .argument = {(uint64_t)pipes[0]}};
	char out[256];
	syscalls_format(&c, out, sizeof(out));
	snprintf(text, sizeof(text), "read(%d<pipe:[", pipes[0]);
	assert_memory_equal(out, text, strlen(text));
	assert_non_null(strstr(out, "]>, ...)"));
	close(pipes[0]);
	close(pipes[1]);
	/* Not open: then only the number is known. */
	expect((struct syscalls_call){.number = SYS_accept, .argument = {9999}}, "accept(9999, ...)");
	/* The first argument is none. */
	expect((struct syscalls_call){.number = SYS_nanosleep, .argument = {3}}, "nanosleep(...)");
	expect((struct syscalls_call){.number = 100000}, "system call 100000(...)");
	expect((struct syscalls_call){.number = -1}, "no system call");
	for (size_t size = 1; size <= sizeof("nanosleep(...)"); size++) {
		c = (struct syscalls_call){.number = SYS_nanosleep};
		assert_int_equal(syscalls_format(&c, out, size), size - 1);
		assert_memory_equal(out, "nanosleep(...)", size - 1);
		assert_int_equal(out[size - 1], '\0');
	}
}

/* ---- of a thread ---- */

static int pipes[2];
static _Atomic int32_t sleeper;

static void *sleep_in_read(void *unused)
{
	char byte;
	sleeper = (int32_t)syscall(SYS_gettid);
	assert_int_equal(read(pipes[0], &byte, 1), 1);
	return unused;
}

static void test_of_a_thread_that_sleeps(void **state UNUSED)
{
	pthread_t thread;
	struct syscalls_call c = {.number = -1};
	const struct timespec nap = {.tv_nsec = 1000000};
	assert_int_equal(pipe(pipes), 0);
	assert_int_equal(pthread_create(&thread, NULL, sleep_in_read, NULL), 0);
	while (sleeper == 0 || !syscalls_read(sleeper, &c) || c.number != SYS_read)
		nanosleep(&nap, NULL);
	assert_int_equal(c.argument[0], pipes[0]);
	assert_true(c.pc != 0 && c.sp != 0);
	assert_int_equal(write(pipes[1], "x", 1), 1);
	pthread_join(thread, NULL);
	/* Gone, or its number is taken. */
	assert_false(syscalls_read(0, &c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_takes_the_text_apart),
		cmocka_unit_test(test_as_a_text),
		cmocka_unit_test(test_of_a_thread_that_sleeps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
