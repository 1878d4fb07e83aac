/* SPDX-License-Identifier: MIT
 *
 * The registry is a page table: four levels of 512 entries, from an address to the FDE of the area that its page
 * belongs to. Every entry is one word that is changed by CAS, and tables are never taken away, so there is no lock,
 * nothing to wait for and nothing to free behind a reader's back; a thread that is stopped anywhere in here, for as
 * long as you like, is in nobody's way. Looking up costs four loads, whatever there is.
 *
 * An entry is valid for as long as its code is: whoever unwinds through an area runs in it (it is a service's own,
 * on its own stack), so nobody takes the area back meanwhile. libgcc has the same contract.
 *
 * Memory: an area lies in a window of 4 GB around the Lua library, which takes at most 8 MB of tables; a
 * table covers 2 MB.
 *
 * Rejected: a sorted array that is replaced as a whole (20,000 areas of 16 bytes copied for each new one, and old
 * copies to be freed when no reader is left), and a tree with a lock for writers (the holder may be held in a signal
 * handler for long, and everybody who compiles would wait).
 *
 * Two announcements are left to libgcc: sections with several FDEs or with encodings that cfi.c does not read, and
 * code that shares a page with other code. Neither comes from LuaJIT.
 */
#include "core/fde.h"
#include "core/atomics.h"
#include "core/cfi.h"
#include "core/mem.h"

#include <dlfcn.h>

enum {
	PAGE_BITS = 12,
	LEVEL_BITS = 9,
	LEVELS = 4,
	SLOTS = 1 << LEVEL_BITS,
	AREA_MAX_PAGES = 1 << 14, /* 64 MB */
};

#define PAGE_BYTES ((uintptr_t)1 << PAGE_BITS)

struct level {
	_Atomic(void *) slot[SLOTS]; /* the next level; in the last one the FDE */
};

/* What _Unwind_Find_FDE fills: see unwind-dw2-fde.h of libgcc. */
struct bases {
	void *text, *data, *function;
};

static struct level top;
static _Atomic size_t area_count, area_bytes;
static bool active; /* written before threads start */

void (*fde_on_area)(ptrdiff_t bytes);

/* libgcc's own. NULL: there is no libgcc_s in the process. */
static const void *(*libgcc_find)(void *pc, struct bases *bases);
static void (*libgcc_register)(const void *section);
static void (*libgcc_deregister)(const void *section);

/* ---- the page table ---- */

static int index_at(uintptr_t address, int level)
{
	return (int)(address >> (PAGE_BITS + LEVEL_BITS * (LEVELS - 1 - level))) & (SLOTS - 1);
}

/* The table below a slot, made if there is none. */
static struct level *grown(_Atomic(void *) *slot)
{
	struct level *fresh = mem_zalloc(sizeof(*fresh));
	void *there = NULL;
	if (cas_strong_acq_rel(slot, &there, fresh)) /* pairs with the acquire in entry_of */
		return fresh;
	mem_free(fresh);
	return there;
}

/* Where the FDE of the address's page is, or would be; NULL: nowhere yet. */
static _Atomic(void *) *entry_of(uintptr_t address, bool grow)
{
	struct level *at = &top;
	if (address >> (PAGE_BITS + LEVEL_BITS * LEVELS))
		return NULL;
	for (int level = 0; level < LEVELS - 1; level++) {
		_Atomic(void *) *slot = &at->slot[index_at(address, level)];
		struct level *next = load_acquire(slot);
		if (next == NULL && grow)
			next = grown(slot);
		if (next == NULL)
			return NULL;
		at = next;
	}
	return &at->slot[index_at(address, LEVELS - 1)];
}

static uintptr_t first_page(const struct cfi_description *d)
{
	return d->start & ~(PAGE_BYTES - 1);
}

static size_t bytes_of(const struct cfi_description *d)
{
	return ((d->end + PAGE_BYTES - 1) & ~(PAGE_BYTES - 1)) - first_page(d);
}

static void leave(const void *fde, uintptr_t page, uintptr_t end)
{
	for (; page < end; page += PAGE_BYTES) {
		void *mine = (void *)(uintptr_t)fde;
		cas_strong_acq_rel(entry_of(page, false), &mine, NULL);
	}
}

/* false: some page is taken, and nothing was done. */
static bool enter(const void *fde, const struct cfi_description *d)
{
	uintptr_t page = first_page(d);
	for (; page < d->end; page += PAGE_BYTES) {
		_Atomic(void *) *entry = entry_of(page, true);
		void *none = NULL;
		if (entry == NULL || !cas_strong_acq_rel(entry, &none, (void *)(uintptr_t)fde)) {
			leave(fde, first_page(d), page);
			return false;
		}
	}
	return true;
}

static bool is_entered(const void *fde, const struct cfi_description *d)
{
	_Atomic(void *) *entry = entry_of(first_page(d), false);
	return entry && load_acquire(entry) == fde;
}

/* ---- sections, as they are announced ---- */

/* The one FDE of a section (CIE, FDE, end); NULL: it is not like that. */
static const uint8_t *only_fde_of(const uint8_t *section, struct cfi_description *d)
{
	const uint8_t *fde = section + 4 + cfi_u32_at(section);
	if (cfi_u32_at(section) == 0 || cfi_u32_at(section) >= 0xfffffff0u || !cfi_describe(fde, d))
		return NULL;
	if (cfi_u32_at(fde + 4 + cfi_u32_at(fde)) != 0 || d->start >= d->end)
		return NULL;
	return bytes_of(d) <= AREA_MAX_PAGES * PAGE_BYTES ? fde : NULL;
}

static void count(const struct cfi_description *d, int sign)
{
	ptrdiff_t bytes = sign * (ptrdiff_t)bytes_of(d);
	add_relaxed(&area_count, (size_t)(ptrdiff_t)sign);
	add_relaxed(&area_bytes, (size_t)bytes);
	if (fde_on_area)
		fde_on_area(bytes);
}

size_t fde_area_count(void)
{
	return load_relaxed(&area_count);
}

size_t fde_area_bytes(void)
{
	return load_relaxed(&area_bytes);
}

/* ---- in libgcc's place ---- */

#define INSTEAD_OF_LIBGCC __attribute__((visibility("default")))

INSTEAD_OF_LIBGCC void __register_frame(const void *section);
INSTEAD_OF_LIBGCC void __deregister_frame(const void *section);

void __register_frame(const void *section)
{
	struct cfi_description d;
	const uint8_t *fde = only_fde_of(section, &d);
	if (fde)
		count(&d, 1);
	if ((!active || fde == NULL || !enter(fde, &d)) && libgcc_register)
		libgcc_register(section);
}

void __deregister_frame(const void *section)
{
	struct cfi_description d;
	const uint8_t *fde = only_fde_of(section, &d);
	if (fde)
		count(&d, -1);
	if (fde && is_entered(fde, &d))
		leave(fde, first_page(&d), d.end);
	else if (libgcc_deregister)
		libgcc_deregister(section);
}

/* Hidden: called by the few lines of assembly below only. */
const void *fde_find(void *pc, struct bases *bases) __attribute__((visibility("hidden"), used));

const void *fde_find(void *pc, struct bases *bases)
{
	_Atomic(void *) *entry = entry_of((uintptr_t)pc, false);
	const void *fde = entry ? load_acquire(entry) : NULL;
	struct cfi_description d;
	/* The first page of an area begins with what is not code. */
	if (fde == NULL || !cfi_describe(fde, &d) || (uintptr_t)pc < d.start ||
	    (uintptr_t)pc >= d.end)
		return NULL;
	*bases = (struct bases){.function = (void *)d.start};
	return fde;
}

/* _Unwind_Find_FDE itself jumps to libgcc's for what is not ours, and does not call it: the return address of an
 * indirect call in our code, left behind on a service's stack, would keep the service from being parked
 * (core/text.c). C cannot promise that, least of all with -fno-optimize-sibling-calls. */
extern const void *(*fde_find_next)(void *pc, struct bases *bases)
	__attribute__((visibility("hidden")));
__asm__(".text\n"
	".globl _Unwind_Find_FDE\n"
	".type _Unwind_Find_FDE, @function\n"
	"_Unwind_Find_FDE:\n"
	"	.cfi_startproc\n"
	"	pushq %rdi\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	pushq %rsi\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	subq $8, %rsp\n"
	"	.cfi_adjust_cfa_offset 8\n"
	"	call fde_find\n"
	"	addq $8, %rsp\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	popq %rsi\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	popq %rdi\n"
	"	.cfi_adjust_cfa_offset -8\n"
	"	testq %rax, %rax\n"
	"	je 1f\n"
	"	ret\n"
	"1:	jmp *fde_find_next(%rip)\n"
	"	.cfi_endproc\n"
	".size _Unwind_Find_FDE, .-_Unwind_Find_FDE\n");

/* ---- start: is it us whom libgcc calls, and where are its own functions? ---- */

/* A function of libgcc that asks _Unwind_Find_FDE about an address. That we refer to it also has libgcc_s linked, so
 * that RTLD_NEXT finds it and the linker exports our functions. */
void *_Unwind_FindEnclosingFunction(void *pc);

static const void *find_nothing(void *pc, struct bases *bases)
{
	(void)pc;
	(void)bases;
	return NULL;
}

static void find_libgcc(void)
{
	*(void **)&libgcc_register = dlsym(RTLD_NEXT, "__register_frame");
	*(void **)&libgcc_deregister = dlsym(RTLD_NEXT, "__deregister_frame");
	*(void **)&libgcc_find = dlsym(RTLD_NEXT, "_Unwind_Find_FDE");
}

/* Whoever comes here has come through our function. */
static const void *find_first(void *pc, struct bases *bases)
{
	active = true;
	if (libgcc_find == NULL)
		find_libgcc();
	return libgcc_find ? libgcc_find(pc, bases) : NULL;
}

/* Used in assembly only, as far as a linker that compiles can see. */
__attribute__((used)) const void *(*fde_find_next)(void *pc, struct bases *bases) = find_first;

bool fde_is_active(void)
{
	return active;
}

__attribute__((constructor)) static void start(void)
{
	find_libgcc();
	_Unwind_FindEnclosingFunction(&top);
	fde_find_next = libgcc_find ? libgcc_find : find_nothing;
}
