/* SPDX-License-Identifier: MIT */
#include "core/stack.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

static struct stack home, *one, *two;
static int order[8], steps;

static void step(int what)
{
	order[steps++] = what;
}

static bool lies_on(const struct stack *s, const void *at)
{
	return (const char *)at >= s->low && (const char *)at < s->low + s->size_bytes;
}

static void second(void)
{
	step(2);
	stack_switch(two, one);
	step(4);
	stack_leave(two, &home);
}

static void first(void)
{
	volatile double here = 0.5;
	step(lies_on(one, __builtin_frame_address(0)) ? 1 : -1);
	stack_prepare(two, second);
	stack_switch(one, two);
	step(here == 0.5 ? 3 : -3);
	stack_leave(one, two);
}

static void test_switching_keeps_each_stack(void **state UNUSED)
{
	one = stack_get();
	two = stack_get();
	assert_ptr_not_equal(one, two);
	steps = 0;
	stack_prepare(one, first);
	stack_switch(&home, one);
	assert_int_equal(steps, 4);
	for (int i = 0; i < 4; i++)
		assert_int_equal(order[i], i + 1);
	stack_put(one);
	stack_put(two);
}

static uint32_t mxcsr(void)
{
	uint32_t value;
	__asm__ volatile("stmxcsr %0" : "=m"(value));
	return value;
}

static void set_mxcsr(uint32_t value)
{
	__asm__ volatile("ldmxcsr %0" ::"m"(value));
}

enum { ROUND_UP = 0x4000 };

static void rounds_up(void)
{
	set_mxcsr(mxcsr() | ROUND_UP);
	stack_switch(one, &home);
	step((mxcsr() & ROUND_UP) != 0);
	stack_leave(one, &home);
}

/* The rounding mode belongs to the service, not to the thread. */
static void test_floating_point_control_stays_with_its_stack(void **state UNUSED)
{
	one = stack_get();
	steps = 0;
	stack_prepare(one, rounds_up);
	stack_switch(&home, one);
	assert_int_equal(mxcsr() & ROUND_UP, 0);
	stack_switch(&home, one);
	assert_int_equal(mxcsr() & ROUND_UP, 0);
	assert_int_equal(order[0], 1);
	stack_put(one);
}

static void enters_again(void)
{
	step(9);
	stack_leave(one, &home);
}

static void test_a_stack_can_be_prepared_again(void **state UNUSED)
{
	one = stack_get();
	steps = 0;
	for (int i = 0; i < 3; i++) {
		stack_prepare(one, enters_again);
		assert_true(lies_on(one, one->sp));
		stack_switch(&home, one);
	}
	assert_int_equal(steps, 3);
	stack_put(one);
}

static void test_pool_hands_out_what_came_back(void **state UNUSED)
{
	struct stack *a = stack_get(), *b = stack_get();
	assert_int_equal(a->size_bytes, 256 * 1024);
	stack_put(a);
	stack_put(b);
	assert_ptr_equal(stack_get(), b);
	assert_ptr_equal(stack_get(), a);
	/* All of it can be written, and comes back usable. */
	memset(a->low, 0x5a, a->size_bytes);
	stack_put(a);
	assert_ptr_equal(stack_get(), a);
	memset(a->low, 0xa5, a->size_bytes);
	stack_put(a);
	stack_put(b);
}

static void test_guard_page_below(void **state UNUSED)
{
	struct stack *s = stack_get();
	int end = 0;
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		close(STDERR_FILENO);
		signal(SIGSEGV, SIG_DFL); /* cmocka has a handler of its own */
		*(volatile char *)(s->low - 1) = 1;
		_exit(0);
	}
	assert_int_equal(waitpid(child, &end, 0), child);
	assert_false(WIFEXITED(end) && WEXITSTATUS(end) == 0);
	stack_put(s);
}

/* string.gsub has more than 8 KB in its frame, and may touch the lowest of it first. */
static void test_guard_is_wider_than_a_frame(void **state UNUSED)
{
	struct stack *s = stack_get();
	uintptr_t low = (uintptr_t)s->low;
	assert_true(stack_is_guard(s, low - 1) && stack_is_guard(s, low - 16 * 1024));
	assert_false(stack_is_guard(s, low) || stack_is_guard(s, low - (1 << 20)));
	stack_put(s);
}

static void test_beginning_of_a_prepared_stack(void **state UNUSED)
{
	struct stack *s = stack_get();
	uintptr_t pc = 0, sp = 0;
	stack_prepare(s, second);
	stack_beginning(s, &pc, &sp);
	/* As behind a call, with the entry where a return address would be. */
	assert_true(lies_on(s, (const void *)sp));
	assert_int_equal(sp % 16, 8);
	assert_int_equal(*(const uintptr_t *)sp, (uintptr_t)second);
	assert_int_not_equal(pc, 0);
	stack_put(s);
}

/* Calls stack_call_marked with rubbish in the callee-saved registers, and notes what is in them afterwards. */
void dirty_call(void (*fn)(void *), void *arg, uintptr_t *mark);
void note_registers(void *out);
extern uint64_t registers_after[5];
uint64_t registers_after[5];

__asm__(".text\n"
	"dirty_call:\n"
	"push %rbx; push %r12; push %r13; push %r14; push %r15\n"
	"mov $0x1111, %ebx; mov $0x2222, %r12d; mov $0x3333, %r13d\n"
	"mov $0x4444, %r14d; mov $0x5555, %r15d\n"
	"call stack_call_marked\n"
	"lea registers_after(%rip), %rax\n"
	"mov %rbx, (%rax); mov %r12, 8(%rax); mov %r13, 16(%rax)\n"
	"mov %r14, 24(%rax); mov %r15, 32(%rax)\n"
	"pop %r15; pop %r14; pop %r13; pop %r12; pop %rbx\n"
	"ret\n"
	"note_registers:\n"
	"mov %rbx, (%rdi); mov %r12, 8(%rdi); mov %r13, 16(%rdi)\n"
	"mov %r14, 24(%rdi); mov %r15, 32(%rdi); mov %rsp, 40(%rdi)\n"
	"ret\n");

static void test_marked_call(void **state UNUSED)
{
	uint64_t inside[6] = {1, 1, 1, 1, 1, 1};
	uintptr_t mark = 0;
	dirty_call(note_registers, inside, &mark);
	for (int i = 0; i < 5; i++) {
		assert_int_equal(inside[i], 0);
		assert_int_equal(registers_after[i], 0x1111 * (i + 1));
	}
	/* The return address lies just below the mark, and the stack was aligned at the call. */
	assert_int_equal(inside[5], mark - 8);
	assert_int_equal(mark % 16, 0);
}

static int start(void **state UNUSED)
{
	stack_init(256 * 1024 - 5);
	stack_of_thread(&home);
	return !lies_on(&home, __builtin_frame_address(0));
}

static int end(void **state UNUSED)
{
	stack_term();
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_switching_keeps_each_stack),
		cmocka_unit_test(test_floating_point_control_stays_with_its_stack),
		cmocka_unit_test(test_a_stack_can_be_prepared_again),
		cmocka_unit_test(test_pool_hands_out_what_came_back),
		cmocka_unit_test(test_guard_page_below),
		cmocka_unit_test(test_guard_is_wider_than_a_frame),
		cmocka_unit_test(test_beginning_of_a_prepared_stack),
		cmocka_unit_test(test_marked_call),
	};
	return cmocka_run_group_tests(tests, start, end);
}
