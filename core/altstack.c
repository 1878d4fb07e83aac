/* SPDX-License-Identifier: MIT
 *
 * What is known of a thread stands at the top of its alternate stack, which the kernel knows by thread: nothing here is
 * thread-local, so nothing can be kept of another thread.
 *
 * ThreadSanitizer and AddressSanitizer bring alternate stacks of their own along, which must stay.
 */
#include "core/altstack.h"
#include "core/stack.h"

#include <signal.h>
#include <sys/mman.h>

/* The report is put together on it, the allocator's slow path may run on it (sched/overflow.c takes a
 * stack), and with wide vector registers the kernel's own frame is 3 to 11 KB. Pages are mapped as they
 * are touched: one, as a rule. */
enum { ALT_BYTES = 64 * 1024, ALT_GUARD_BYTES = 4096 };

struct note {
	uint64_t mark; /* MARK: the stack is one of ours */
	uintptr_t own_low, own_high;
};

#define MARK 0x65716c6e616c7473ull

static const size_t usable_bytes = ALT_BYTES - 64;

static const struct note *note_of(const stack_t *s)
{
	if (s->ss_sp == NULL || s->ss_size != usable_bytes)
		return NULL;
	const struct note *note = (const struct note *)((const char *)s->ss_sp + usable_bytes);
	return note->mark == MARK ? note : NULL;
}

void altstack_install(void)
{
	struct stack own;
	stack_t present;
	if (WITH_ASAN || WITH_TSAN || sigaltstack(NULL, &present) != 0 || note_of(&present))
		return;
	char *map = mmap(NULL, ALT_GUARD_BYTES + ALT_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (map == MAP_FAILED)
		return;
	char *low = map + ALT_GUARD_BYTES;
	stack_t use = {.ss_sp = low, .ss_size = usable_bytes};
	stack_of_thread(&own);
	*(struct note *)(low + usable_bytes) =
		(struct note){MARK, (uintptr_t)own.low, (uintptr_t)own.low + own.size_bytes};
	if (mprotect(map, ALT_GUARD_BYTES, PROT_NONE) != 0 || sigaltstack(&use, NULL) != 0)
		munmap(map, ALT_GUARD_BYTES + ALT_BYTES);
}

void altstack_remove(void)
{
	stack_t present, none = {.ss_flags = SS_DISABLE};
	if (sigaltstack(NULL, &present) != 0 || note_of(&present) == NULL)
		return;
	sigaltstack(&none, NULL);
	munmap((char *)present.ss_sp - ALT_GUARD_BYTES, ALT_GUARD_BYTES + ALT_BYTES);
}

bool altstack_holds(uintptr_t address)
{
	stack_t present;
	if (sigaltstack(NULL, &present) != 0 || note_of(&present) == NULL)
		return false;
	uintptr_t low = (uintptr_t)present.ss_sp;
	return address >= low - ALT_GUARD_BYTES && address < low + ALT_BYTES;
}

bool altstack_own_bounds(uintptr_t *low, uintptr_t *high)
{
	stack_t present;
	const struct note *note = sigaltstack(NULL, &present) == 0 ? note_of(&present) : NULL;
	if (note == NULL)
		return false;
	*low = note->own_low;
	*high = note->own_high;
	return true;
}
