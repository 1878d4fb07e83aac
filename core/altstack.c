/* SPDX-License-Identifier: MIT
 *
 * The thread-local variable is read on the thread that runs, inside calls that never park; nobody keeps its address.
 *
 * ThreadSanitizer and AddressSanitizer bring alternate stacks of their own along, which must stay.
 */
#include "core/altstack.h"
#include "core/stack.h"

#include <signal.h>
#include <sys/mman.h>

/* The report is put together on it, the allocator's slow path may run on it (sched/overflow.c takes a stack), and with
 * wide vector registers the kernel's own frame is 3 to 11 KB. Pages are mapped as they are touched: none, as a rule. */
enum { ALT_BYTES = 64 * 1024, ALT_GUARD_BYTES = 4096 };

static __thread struct {
	char *map; /* guard page and stack, NULL: none */
	uintptr_t own_low, own_high;
} alt __attribute__((tls_model("local-exec")));

void altstack_install(void)
{
	struct stack own;
	if (WITH_ASAN || WITH_TSAN || alt.map)
		return;
	stack_of_thread(&own);
	alt.own_low = (uintptr_t)own.low;
	alt.own_high = (uintptr_t)own.low + own.size_bytes;
	char *map = mmap(NULL, ALT_GUARD_BYTES + ALT_BYTES, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (map == MAP_FAILED)
		return;
	stack_t use = {.ss_sp = map + ALT_GUARD_BYTES, .ss_size = ALT_BYTES};
	if (mprotect(map, ALT_GUARD_BYTES, PROT_NONE) != 0 || sigaltstack(&use, NULL) != 0) {
		munmap(map, ALT_GUARD_BYTES + ALT_BYTES);
		return;
	}
	alt.map = map;
}

void altstack_remove(void)
{
	stack_t none = {.ss_flags = SS_DISABLE};
	if (alt.map == NULL)
		return;
	sigaltstack(&none, NULL);
	munmap(alt.map, ALT_GUARD_BYTES + ALT_BYTES);
	alt.map = NULL;
}

bool altstack_holds(uintptr_t address)
{
	uintptr_t low = (uintptr_t)alt.map;
	return low && address >= low && address < low + ALT_GUARD_BYTES + ALT_BYTES;
}

bool altstack_own_bounds(uintptr_t *low, uintptr_t *high)
{
	*low = alt.own_low;
	*high = alt.own_high;
	return alt.own_high != 0;
}
