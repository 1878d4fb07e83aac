/* SPDX-License-Identifier: MIT
 *
 * Nothing is ever taken out: our dlopen keeps everything loaded (core/text.c), so what was found once stays true, and a
 * reader needs no more than the count. Somebody who loads and unloads behind our back may put another file at the same
 * addresses: the one that was found last counts.
 *
 * The names take as much memory as all symbol tables together, which is less than a megabyte for the libraries that come
 * with us. Reading the files when an alert is due was rejected: the monitor would wait for a disk.
 */
#include "core/binary.h"
#include "core/atomics.h"
#include "core/mem.h"
#include "core/symbols.h"

#include <pthread.h>
#include <string.h>

enum { BINARIES_MAX = 256 };

struct binary {
	uintptr_t start, end, base;
	char *file;
	struct unwind_object unwind;
	struct symbols symbols;
};

static struct {
	pthread_mutex_t lock; /* writers */
	struct binary binary[BINARIES_MAX];
	_Atomic int count; /* readers: acquire; [0, count) is constant */
} binaries = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool bounds_of(const struct dl_phdr_info *object, uintptr_t *start, uintptr_t *end)
{
	*start = UINTPTR_MAX;
	*end = 0;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const Elf64_Phdr *part = &object->dlpi_phdr[i];
		uintptr_t at = object->dlpi_addr + part->p_vaddr;
		if (part->p_type != PT_LOAD || !(part->p_flags & PF_X))
			continue;
		*start = at < *start ? at : *start;
		*end = at + part->p_memsz > *end ? at + part->p_memsz : *end;
	}
	return *start < *end;
}

static IN_HANDLER const struct binary *binary_at(uintptr_t address)
{
	/* Pairs with the release in learn. */
	for (int i = load_acquire(&binaries.count) - 1; i >= 0; i--)
		if (address >= binaries.binary[i].start && address < binaries.binary[i].end)
			return &binaries.binary[i];
	return NULL;
}

static bool is_known(const struct dl_phdr_info *object, uintptr_t start, uintptr_t end)
{
	const struct binary *b = binary_at(start);
	return b && b->start == start && b->end == end && b->base == object->dlpi_addr &&
	       strcmp(b->file, object->dlpi_name) == 0;
}

static int learn(struct dl_phdr_info *object, size_t size, void *unused)
{
	uintptr_t start, end;
	int count = load_relaxed(&binaries.count);
	(void)size;
	(void)unused;
	if (!bounds_of(object, &start, &end) || is_known(object, start, end) ||
	    count == BINARIES_MAX)
		return 0;
	struct binary *b = &binaries.binary[count];
	*b = (struct binary){.start = start, .end = end, .base = object->dlpi_addr};
	b->file = mem_strdup(object->dlpi_name);
	unwind_prepare(object, start, end, &b->unwind);
	symbols_read(&b->symbols, b->file[0] ? b->file : "/proc/self/exe", object->dlpi_phdr,
		     object->dlpi_phnum);
	store_release(&binaries.count, count + 1);
	return 0;
}

void binary_refresh(void)
{
	pthread_mutex_lock(&binaries.lock);
	dl_iterate_phdr(learn, NULL);
	pthread_mutex_unlock(&binaries.lock);
}

void binary_term(void)
{
	int count = load_relaxed(&binaries.count);
	store_release(&binaries.count, 0);
	for (int i = 0; i < count; i++) {
		symbols_free(&binaries.binary[i].symbols);
		mem_free(binaries.binary[i].file);
	}
}

bool binary_find(uintptr_t address, struct binary_place *out)
{
	const struct binary *b = binary_at(address);
	if (b == NULL)
		return false;
	*out = (struct binary_place){.file = b->file, .offset = address - b->base};
	out->function = symbols_find(&b->symbols, out->offset, &out->into);
	return true;
}

IN_HANDLER const struct unwind_object *binary_unwind(uintptr_t address)
{
	const struct binary *b = binary_at(address);
	return b && b->unwind.count ? &b->unwind : NULL;
}
