/* SPDX-License-Identifier: MIT */
#include "core/stack.h"
#include "core/mem.h"

#include <pthread.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#if WITH_ASAN
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif
#if WITH_TSAN
#include <sanitizer/tsan_interface.h>
#endif

/* ThreadSanitizer keeps a list of calls per fiber. Functions that are left by a switch and never returned
 * from would add to it at every turn until it overflows, so they must not report that they were called. */
#if WITH_TSAN && defined(__clang__)
#define NOT_TRACED __attribute__((disable_sanitizer_instrumentation))
#elif WITH_TSAN
#define NOT_TRACED __attribute__((no_sanitize_thread))
#else
#define NOT_TRACED
#endif

void stack_swap_sp(void **save, void *load);

enum {
	PAGE_BYTES = 4096,
	/* Wider than any frame of the Lua library: string.gsub has a buffer of 8 KB in its own, which would step over a
	 * single page into what lies below. Address space only. */
	GUARD_BYTES = 64 * 1024,
	WARM_BYTES = 32 * 1024, /* stays mapped in a pooled stack: most services need less */
	POOL_MAX = 64,
};

static struct {
	pthread_mutex_t lock; /* guards first, count */
	struct stack *first;
	int count;
	size_t size_bytes;
} pool = {.lock = PTHREAD_MUTEX_INITIALIZER, .size_bytes = 1 << 20};

void stack_init(size_t size_bytes)
{
	pool.size_bytes = (size_bytes + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
}

static struct stack *stack_new(void)
{
	char *map = mmap(NULL, GUARD_BYTES + pool.size_bytes, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (map == MAP_FAILED)
		panic("no address space for another C stack (see vm.max_map_count)");
	if (mprotect(map, GUARD_BYTES, PROT_NONE) != 0)
		panic("cannot protect a stack's guard page (see vm.max_map_count)");
	struct stack *stack = mem_zalloc(sizeof(*stack));
	stack->low = map + GUARD_BYTES;
	stack->size_bytes = pool.size_bytes;
#if WITH_TSAN
	stack->fiber = __tsan_create_fiber(0);
#endif
	return stack;
}

static void stack_free(struct stack *stack)
{
#if WITH_TSAN
	__tsan_destroy_fiber(stack->fiber);
#endif
	munmap(stack->low - GUARD_BYTES, GUARD_BYTES + stack->size_bytes);
	mem_free(stack);
}

void stack_term(void)
{
	while (pool.first) {
		struct stack *stack = pool.first;
		pool.first = stack->next;
		stack_free(stack);
	}
	pool.count = 0;
}

struct stack *stack_get(void)
{
	pthread_mutex_lock(&pool.lock);
	struct stack *stack = pool.first;
	if (stack) {
		pool.first = stack->next;
		pool.count--;
	}
	pthread_mutex_unlock(&pool.lock);
	return stack ? stack : stack_new();
}

void stack_put(struct stack *stack)
{
#if WITH_ASAN
	__asan_unpoison_memory_region(stack->low, stack->size_bytes);
#endif
	if (stack->size_bytes > WARM_BYTES)
		madvise(stack->low, stack->size_bytes - WARM_BYTES, MADV_DONTNEED);
	pthread_mutex_lock(&pool.lock);
	bool keep = pool.count < POOL_MAX;
	if (keep) {
		stack->next = pool.first;
		pool.first = stack;
		pool.count++;
	}
	pthread_mutex_unlock(&pool.lock);
	if (!keep)
		stack_free(stack);
}

void stack_of_thread(struct stack *stack)
{
	pthread_attr_t attr;
	void *low = NULL;
	*stack = (struct stack){0};
	ensure(pthread_getattr_np(pthread_self(), &attr) == 0);
	ensure(pthread_attr_getstack(&attr, &low, &stack->size_bytes) == 0);
	pthread_attr_destroy(&attr);
	stack->low = low;
#if WITH_TSAN
	stack->fiber = __tsan_get_current_fiber();
#endif
}

/* The first switch to a prepared stack "returns" to this, which runs the entry that lies above it. */
static NOT_TRACED void stack_begin(void)
{
#if WITH_ASAN
	__sanitizer_finish_switch_fiber(NULL, NULL, NULL);
#endif
	void (**entry)(void) = (void (**)(void))((char *)__builtin_frame_address(0) + 8);
	(*entry)();
	panic("a stack's entry returned");
}

void stack_prepare(struct stack *stack, void (*entry)(void))
{
	/* From the top: the entry (where stack_begin looks for it: 8 above its saved frame pointer),
	 * stack_begin's address for `ret`, six registers, the two control words. At stack_begin's first
	 * instruction rsp is 8 below a multiple of 16, as after a call. */
	uintptr_t top = ((uintptr_t)stack->low + stack->size_bytes) & ~(uintptr_t)15;
	uint64_t *word = (uint64_t *)(top - 64);
	uint32_t mxcsr;
	uint16_t x87;
	__asm__ volatile("stmxcsr %0" : "=m"(mxcsr));
	__asm__ volatile("fnstcw %0" : "=m"(x87));
#if WITH_ASAN
	__asan_unpoison_memory_region(stack->low, stack->size_bytes);
#endif
	word[1] = (uint64_t)(uintptr_t)entry;
	word[0] = (uint64_t)(uintptr_t)stack_begin;
	memset(word - 6, 0, 6 * sizeof(*word));
	word[-7] = mxcsr | (uint64_t)x87 << 32;
	stack->sp = word - 7;
	stack->fake = NULL;
}

void stack_beginning(const struct stack *stack, uintptr_t *pc, uintptr_t *sp)
{
	/* What stack_swap_sp would do: the control words and six registers, then `ret`. */
	const uint64_t *word = (const uint64_t *)stack->sp + 7;
	*pc = (uintptr_t)word[0];
	*sp = (uintptr_t)(word + 1);
}

bool stack_is_guard(const struct stack *stack, uintptr_t address)
{
	uintptr_t low = (uintptr_t)stack->low;
	return address >= low - GUARD_BYTES && address < low;
}

NOINLINE void stack_scrub(void)
{
	char below[8192];
	memset(below, 0, sizeof(below));
	__asm__ volatile("" : : "r"(below) : "memory"); /* or it would not be done at all */
}

static NOT_TRACED void announce(struct stack *from, bool leaving, struct stack *to)
{
#if WITH_ASAN
	__sanitizer_start_switch_fiber(leaving ? NULL : &from->fake, to->low, to->size_bytes);
#endif
#if WITH_TSAN
	__tsan_switch_to_fiber(to->fiber, 0);
#endif
	(void)from;
	(void)leaving;
	(void)to;
}

NOT_TRACED void stack_switch(struct stack *from, struct stack *to)
{
	announce(from, false, to);
	stack_swap_sp(&from->sp, to->sp);
#if WITH_ASAN
	__sanitizer_finish_switch_fiber(from->fake, NULL, NULL);
#endif
}

NOT_TRACED void stack_leave(struct stack *from, struct stack *to)
{
	void *nobody;
	announce(from, true, to);
	stack_swap_sp(&nobody, to->sp);
	__builtin_unreachable();
}
