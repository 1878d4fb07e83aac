/* SPDX-License-Identifier: MIT
 *
 * The parts of the report, and reports of children that crash: on a thread of ours, on one that is not, twice, and with
 * a stack that cannot be read. The services' side is in tests/e2e/e2e_crash.py.
 */
#include "watchdog/crash.h"
#include "core/altstack.h"
#include "core/log.h"
#include "core/text.h"
#include "core/walk.h"

#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static char report[1 << 16];

static void expect_fault(int signo, int code, const char *text)
{
	struct jot j;
	jot_clear(&j);
	crash_name_fault(&j, signo, code, 0x10);
	assert_int_equal(j.length, strlen(text));
	assert_memory_equal(j.text, text, j.length);
}

static void test_names_of_faults(void **state UNUSED)
{
	expect_fault(SIGSEGV, SEGV_MAPERR, "SIGSEGV (address 0x10 is not mapped)");
	expect_fault(SIGSEGV, SEGV_ACCERR, "SIGSEGV (address 0x10 must not be accessed so)");
	expect_fault(SIGSEGV, 0x80,
		     "SIGSEGV (no address: a non-canonical one, or a privileged instruction)");
	expect_fault(SIGBUS, BUS_ADRERR, "SIGBUS (address 0x10 cannot be read or written)");
	expect_fault(SIGFPE, FPE_INTDIV, "SIGFPE (the code at 0x10 divides an integer by zero)");
	expect_fault(SIGILL, ILL_ILLOPN, "SIGILL (the code at 0x10 is no valid instruction)");
	expect_fault(SIGABRT, SI_TKILL, "SIGABRT (sent by a process or by abort)");
}

static void test_names_of_addresses(void **state UNUSED)
{
	struct jot j;
	text_init(NULL);
	jot_clear(&j);
	crash_name_address(&j, 1);
	jot_text(&j, "\n");
	crash_name_address(&j, (uintptr_t)&test_names_of_addresses);
	j.text[j.length] = '\0';
	assert_memory_equal(j.text, "machine code made at run time\nequilune+0x", 41);
}

/* ---- children ---- */

/* Runs `body` in a child that has the handlers, and returns the signal that ended it. What it logged is in `report`. */
static int crash_by(void (*body)(void))
{
	int pipes[2], status = 0;
	size_t length = 0;
	ssize_t n;
	assert_int_equal(pipe(pipes), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		struct rlimit none = {0, 0};
		setrlimit(RLIMIT_CORE, &none);
		dup2(pipes[1], STDOUT_FILENO);
		signal(SIGSEGV, SIG_DFL); /* cmocka has handlers of its own */
		text_init(NULL);
		crash_init();
		body();
		_exit(0);
	}
	close(pipes[1]);
	while ((n = read(pipes[0], report + length, sizeof(report) - 1 - length)) > 0)
		length += (size_t)n;
	report[length] = '\0';
	close(pipes[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	return WIFSIGNALED(status) ? WTERMSIG(status) : -1;
}

static void expect_text(const char *text)
{
	if (strstr(report, text) == NULL)
		fail_msg("\"%s\" is not in the report:\n%s", text, report);
}

static int count_of(const char *text)
{
	int n = 0;
	for (const char *at = report; (at = strstr(at, text)) != NULL; at++)
		n++;
	return n;
}

static void read_null(void)
{
	volatile int *volatile nothing = NULL;
	*nothing = 1;
}

static void *on_a_thread(void *unused)
{
	read_null();
	return unused;
}

static void *on_our_thread(void *unused)
{
	altstack_install();
	read_null();
	return unused;
}

static void by_thread(void)
{
	pthread_t t;
	pthread_create(&t, NULL, on_a_thread, NULL);
	pthread_join(t, NULL);
}

static volatile int depth;

static int dig(volatile char *above)
{
	volatile char mine[1000];
	mine[0] = above[0];
	depth++;
	return depth == INT_MAX ? 0 : dig(mine) + mine[0];
}

static void *overflow(void *unused)
{
	volatile char here = 0;
	altstack_install();
	dig(&here);
	return unused;
}

static void by_overflow(void)
{
	pthread_t t;
	pthread_create(&t, NULL, overflow, NULL);
	pthread_join(t, NULL);
}

/* Its stack pointer leads nowhere. */
static void lose_stack(void)
{
	__asm__ volatile("movq $0x1000, %rsp\n"
			 "pushq %rax\n");
}

static pthread_barrier_t both;

static void *with_another(void *unused)
{
	pthread_barrier_wait(&both);
	return on_our_thread(unused);
}

static void by_two(void)
{
	pthread_t t[2];
	pthread_barrier_init(&both, NULL, 2);
	for (int i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, with_another, NULL);
	for (int i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
}

static void by_abort(void)
{
	abort();
}

static void by_kill(void)
{
	kill(getpid(), SIGBUS);
	for (;;)
		pause();
}

static void expect_whole(void)
{
	expect_text("error: crash: ");
	expect_text("crash: registers rip=");
	expect_text("crash: end of the report");
	assert_int_equal(count_of("end of the report"), 1);
}

static void test_crashes(void **state UNUSED)
{
	if (WITH_ASAN || WITH_TSAN) {
		skip(); /* the sanitizers have handlers of their own, which stay */
		return;
	}
	assert_int_equal(crash_by(read_null), SIGSEGV);
	expect_whole();
	expect_text("SIGSEGV (address 0x0 is not mapped)");
	expect_text("crash: outside of all services");
	expect_text("crash: #2 ");
	assert_int_equal(crash_by(by_abort), SIGABRT);
	expect_whole();
	expect_text("SIGABRT (sent by a process or by abort)");
	assert_int_equal(crash_by(by_kill), SIGBUS);
	expect_whole();
}

static void test_crashes_of_threads(void **state UNUSED)
{
	if (WITH_ASAN || WITH_TSAN) {
		skip();
		return;
	}
	assert_int_equal(crash_by(by_thread), SIGSEGV);
	expect_whole();
	expect_text("crash: #1 ");
	assert_int_equal(crash_by(by_overflow), SIGSEGV);
	expect_whole();
	expect_text(", times ");
	assert_int_equal(crash_by(by_two), SIGSEGV);
	expect_whole();
	assert_int_equal(count_of("error: crash:"), 1);
}

static void test_a_stack_that_is_not_there(void **state UNUSED)
{
	if (WITH_ASAN || WITH_TSAN) {
		skip();
		return;
	}
	assert_int_equal(crash_by(lose_stack), SIGSEGV);
	expect_whole();
	expect_text("its stack cannot be read");
}

/* ---- the walk ---- */

static struct walk walk;

static NOINLINE void walk_here(void)
{
	uintptr_t low, high, pc, sp, rbp;
	assert_true(altstack_own_bounds(&low, &high));
	__asm__ volatile("leaq (%%rip), %0\n\tmovq %%rsp, %1\n\tmovq %%rbp, %2"
			 : "=r"(pc), "=r"(sp), "=r"(rbp));
	walk_stack(&walk, pc, sp, rbp, low, high, INT_MAX);
}

static NOINLINE int recurse(int n, bool two);

static NOINLINE int recurse_too(int n, bool two)
{
	int result = recurse(n, two);
	__asm__ volatile("" : "+r"(result)); /* no tail call */
	return result;
}

static NOINLINE int recurse(int n, bool two)
{
	int result = 0;
	if (n == 0)
		walk_here();
	else
		result = two ? recurse_too(n - 1, two) : recurse(n - 1, two);
	__asm__ volatile("" : "+r"(result));
	return result;
}

static void test_walk_counts_recursion(void **state UNUSED)
{
	if (WITH_ASAN || WITH_TSAN) {
		skip();
		return;
	}
	text_init(NULL);
	altstack_install();
	recurse(100, false);
	assert_in_range(walk.count, 5, WALK_FIRST);
	int times = 0;
	for (int i = 0; i < walk.count; i++) {
		const struct walk_frame *f = walk_frame(&walk, i);
		assert_true(i > 2 || f->sure);
		times = f->times > times ? f->times : times;
	}
	assert_in_range(times, 90, 101);
	assert_true(walk_is_readable((uintptr_t)&walk));
	assert_false(walk_is_readable(0x1000));
}

static void test_walk_keeps_both_ends(void **state UNUSED)
{
	if (WITH_ASAN || WITH_TSAN) {
		skip();
		return;
	}
	recurse(1, true);
	int short_count = walk.count;
	uintptr_t outermost = walk_frame(&walk, walk.count - 1)->pc;
	recurse(100, true);
	assert_int_equal(walk.count, short_count + 99 * 2);
	assert_int_equal(walk_frame(&walk, walk.count - 1)->pc, outermost);
	assert_null(walk_frame(&walk, WALK_FIRST));
	assert_null(walk_frame(&walk, walk.count));
	assert_non_null(walk_frame(&walk, walk.count - WALK_LAST));
}

static void test_alternate_stack_comes_and_goes(void **state UNUSED)
{
	stack_t present;
	uintptr_t low, high;
	if (WITH_ASAN || WITH_TSAN) {
		skip();
		return;
	}
	altstack_install();
	assert_int_equal(sigaltstack(NULL, &present), 0);
	assert_true(altstack_holds((uintptr_t)present.ss_sp));
	assert_false(altstack_holds((uintptr_t)&present));
	assert_true(altstack_own_bounds(&low, &high));
	assert_in_range((uintptr_t)&present, low, high);
	altstack_remove();
	altstack_remove();
	assert_int_equal(sigaltstack(NULL, &present), 0);
	assert_true(present.ss_flags & SS_DISABLE);
	assert_false(altstack_own_bounds(&low, &high));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_faults),
		cmocka_unit_test(test_names_of_addresses),
		cmocka_unit_test(test_crashes),
		cmocka_unit_test(test_crashes_of_threads),
		cmocka_unit_test(test_a_stack_that_is_not_there),
		cmocka_unit_test(test_walk_counts_recursion),
		cmocka_unit_test(test_walk_keeps_both_ends),
		cmocka_unit_test(test_alternate_stack_comes_and_goes),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
