/* SPDX-License-Identifier: MIT */
#include "core/text.h"
#include "core/atomics.h"
#include "core/fragile.h"
#include "core/mem.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>

/* Named by the linker: the bounds of what PARKABLE marks. Weak, for programs without any. */
extern const char parkable_text_start[] __asm__("__start_parkable_text") __attribute__((weak));
extern const char parkable_text_stop[] __asm__("__stop_parkable_text") __attribute__((weak));

enum { RANGES_MAX = 512, FRAGILE_MAX = 128 };

struct range {
	uintptr_t start, end;
	enum text_kind kind;
};

struct table {
	struct table *older; /* kept until text_term: a handler may still read it */
	int count, fragile;
	struct range range[];
};

static struct {
	pthread_mutex_t lock; /* writers */
	uintptr_t vm_address;
	_Atomic(struct table *) table; /* readers: acquire, pairs with the release in text_refresh */
} text = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void table_add(struct table *t, uintptr_t start, uintptr_t end, enum text_kind kind)
{
	if (start >= end)
		return;
	ensure(t->count < RANGES_MAX);
	t->range[t->count++] = (struct range){start, end, kind};
}

/* Adds [start, end) as `outer`, but the pieces (ascending, inside it) as `inner`. */
static void table_add_pierced(struct table *t, uintptr_t start, uintptr_t end, enum text_kind outer,
			      const struct fragile_range *piece, int pieces, enum text_kind inner)
{
	for (int i = 0; i < pieces; i++) {
		table_add(t, start, piece[i].start, outer);
		table_add(t, piece[i].start, piece[i].end, inner);
		start = piece[i].end;
	}
	table_add(t, start, end, outer);
}

static void add_code(struct table *t, struct dl_phdr_info *object, uintptr_t start, uintptr_t end)
{
	struct fragile_range piece[FRAGILE_MAX];
	struct fragile_range parkable = {(uintptr_t)parkable_text_start, (uintptr_t)parkable_text_stop};
	if (text.vm_address >= start && text.vm_address < end) {
		int fragile = fragile_find(object, piece, FRAGILE_MAX);
		t->fragile = fragile < 0 ? 0 : fragile;
		/* Unreadable: nothing in it may be parked. */
		table_add_pierced(t, start, end, fragile < 0 ? TEXT_FRAGILE : TEXT_VM, piece,
				  t->fragile, TEXT_FRAGILE);
	} else if (parkable.start >= start && parkable.start < end) {
		table_add_pierced(t, start, end, TEXT_FOREIGN, &parkable, 1, TEXT_PARKABLE);
	} else {
		table_add(t, start, end, TEXT_FOREIGN);
	}
}

static int add_object(struct dl_phdr_info *object, size_t size, void *table)
{
	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const Elf64_Phdr *part = &object->dlpi_phdr[i];
		uintptr_t start = object->dlpi_addr + part->p_vaddr;
		if (part->p_type == PT_LOAD && (part->p_flags & PF_X))
			add_code(table, object, start, start + part->p_memsz);
	}
	return 0;
}

static int by_start(const void *a, const void *b)
{
	uintptr_t x = ((const struct range *)a)->start, y = ((const struct range *)b)->start;
	return (x > y) - (x < y);
}

void text_refresh(void)
{
	pthread_mutex_lock(&text.lock);
	struct table *t = mem_zalloc(sizeof(*t) + RANGES_MAX * sizeof(t->range[0]));
	dl_iterate_phdr(add_object, t);
	qsort(t->range, (size_t)t->count, sizeof(t->range[0]), by_start);
	t->older = load_relaxed(&text.table);
	store_release(&text.table, t); /* pairs with the acquire in text_kind_of */
	pthread_mutex_unlock(&text.lock);
}

void text_init(const void *vm_address)
{
	text.vm_address = (uintptr_t)vm_address;
	text_refresh();
}

void text_term(void)
{
	struct table *t = exchange_acq_rel(&text.table, NULL);
	while (t) {
		struct table *older = t->older;
		mem_free(t);
		t = older;
	}
}

static enum text_kind kind_in(const struct table *t, uintptr_t address)
{
	int low = 0, high = t->count;
	while (low < high) {
		int middle = low + (high - low) / 2;
		if (address >= t->range[middle].end)
			low = middle + 1;
		else
			high = middle;
	}
	if (low < t->count && address >= t->range[low].start)
		return t->range[low].kind;
	return TEXT_NONE;
}

enum text_kind text_kind_of(uintptr_t address)
{
	const struct table *t = load_acquire(&text.table);
	return t ? kind_in(t, address) : TEXT_FOREIGN;
}

uintptr_t text_find_unparkable(uintptr_t from, uintptr_t to)
{
	const struct table *t = load_acquire(&text.table);
	if (t == NULL || t->count == 0)
		return from;
	uintptr_t lowest = t->range[0].start, highest = t->range[t->count - 1].end;
	for (uintptr_t at = (from + 7) & ~(uintptr_t)7; at < to; at += 8) {
		uintptr_t word = *(const uintptr_t *)at;
		if (word < lowest || word >= highest)
			continue;
		enum text_kind kind = kind_in(t, word);
		if (kind == TEXT_FOREIGN || kind == TEXT_FRAGILE)
			return at;
	}
	return 0;
}

int text_fragile_count(void)
{
	const struct table *t = load_acquire(&text.table);
	return t ? t->fragile : 0;
}

/* Everything in the process that loads a library (LuaJIT's package.loadlib and ffi.load, C modules) comes
 * through here, since the executable's symbols are found first. Without it a frame of a library loaded
 * later would look like run-time machine code. The library's constructors run before the refresh; our
 * own frame below them keeps the service from being parked there. */
__attribute__((visibility("default"))) void *dlopen(const char *file, int mode);

void *dlopen(const char *file, int mode)
{
	static void *(*next)(const char *, int);
	if (next == NULL)
		next = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
	void *handle = next(file, mode);
	if (handle && load_acquire(&text.table))
		text_refresh();
	return handle;
}
