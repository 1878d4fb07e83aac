/* SPDX-License-Identifier: MIT
 *
 * How it is found: the dynamic relocations name the GOT slots of the two functions; a PLT stub is a `jmp
 * *slot(%rip)`; a call is an `e8` with a displacement that leads to such a stub; the function around the
 * call is the one whose bounds the binary search table of .eh_frame_hdr gives. An `e8` byte inside another
 * instruction can only add a function to the list, never hide one: the error is on the safe side.
 */
#include "core/fragile.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

struct image {
	uintptr_t base;
	uintptr_t text_start, text_end;
	const uint8_t *unwind; /* .eh_frame_hdr */
	const Elf64_Dyn *dynamic;
};

struct unwind_entry {
	int32_t start, fde; /* both relative to .eh_frame_hdr */
};

struct unwind_table {
	const struct unwind_entry *entry;
	uint32_t count;
};

static bool image_of(const struct dl_phdr_info *object, struct image *image)
{
	*image = (struct image){.base = object->dlpi_addr};
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const Elf64_Phdr *part = &object->dlpi_phdr[i];
		uintptr_t at = object->dlpi_addr + part->p_vaddr;
		if (part->p_type == PT_LOAD && (part->p_flags & PF_X)) {
			image->text_start = at;
			image->text_end = at + part->p_memsz;
		} else if (part->p_type == PT_DYNAMIC) {
			image->dynamic = (const Elf64_Dyn *)at;
		} else if (part->p_type == PT_GNU_EH_FRAME) {
			image->unwind = (const uint8_t *)at;
		}
	}
	return image->text_start && image->dynamic && image->unwind;
}

/* glibc relocates the pointers of the dynamic section in place, other loaders do not. */
static uintptr_t dynamic_address(const struct image *image, Elf64_Sxword tag)
{
	for (const Elf64_Dyn *d = image->dynamic; d->d_tag != DT_NULL; d++)
		if (d->d_tag == tag)
			return d->d_un.d_ptr >= image->base ? d->d_un.d_ptr
							    : image->base + d->d_un.d_ptr;
	return 0;
}

static size_t dynamic_size(const struct image *image, Elf64_Sxword tag)
{
	for (const Elf64_Dyn *d = image->dynamic; d->d_tag != DT_NULL; d++)
		if (d->d_tag == tag)
			return d->d_un.d_val;
	return 0;
}

/* The unwind table in its usual encoding (sorted pairs of 32-bit offsets from its own start). */
static bool unwind_table_of(const struct image *image, struct unwind_table *table)
{
	const uint8_t *h = image->unwind;
	if (h[0] != 1 || h[2] != 0x03 || h[3] != 0x3b)
		return false;
	/* h[1] tells how the 4-byte pointer to .eh_frame at h+4 is encoded; we skip it. */
	memcpy(&table->count, h + 8, sizeof(table->count));
	table->entry = (const struct unwind_entry *)(h + 12);
	return table->count > 0;
}

static bool is_thread_local_getter(const char *name)
{
	static const char *const known[] = {
		"__errno_location", "__tls_get_addr",
		/* The error that dlerror tells belongs to the thread. */
		"dlopen", "dlsym", "dlerror"};
	for (size_t i = 0; i < COUNT_OF(known); i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return false;
}

enum { SLOTS_MAX = 8 };

/* GOT slots of the getters, from the relocation table [rela, rela + bytes). */
static int slots_in(const struct image *image, uintptr_t rela, size_t bytes, uintptr_t *slot, int n)
{
	const Elf64_Sym *symbol = (const Elf64_Sym *)dynamic_address(image, DT_SYMTAB);
	const char *names = (const char *)dynamic_address(image, DT_STRTAB);
	const Elf64_Rela *r = (const Elf64_Rela *)rela;
	for (size_t i = 0; rela && i < bytes / sizeof(*r) && n < SLOTS_MAX; i++) {
		uint64_t type = ELF64_R_TYPE(r[i].r_info);
		if (type != R_X86_64_JUMP_SLOT && type != R_X86_64_GLOB_DAT)
			continue;
		if (is_thread_local_getter(names + symbol[ELF64_R_SYM(r[i].r_info)].st_name))
			slot[n++] = image->base + r[i].r_offset;
	}
	return n;
}

static int32_t read_i32(uintptr_t at)
{
	int32_t value;
	memcpy(&value, (const void *)at, sizeof(value));
	return value;
}

/* Is there `jmp *slot(%rip)` at the address, perhaps behind an endbr64 or a bnd prefix? */
static bool is_stub(const struct image *image, uintptr_t at, const uintptr_t *slot, int slots)
{
	for (int skip = 0; skip <= 5; skip++) {
		uintptr_t p = at + (uintptr_t)skip;
		if (p < image->text_start || p + 6 > image->text_end)
			return false;
		const uint8_t *code = (const uint8_t *)p;
		if (code[0] != 0xff || code[1] != 0x25)
			continue;
		uintptr_t target = p + 6 + (uintptr_t)(intptr_t)read_i32(p + 2);
		for (int i = 0; i < slots; i++)
			if (target == slot[i])
				return true;
		return false;
	}
	return false;
}

static bool is_getter_call(const struct image *image, uintptr_t at, const uintptr_t *slot,
			   int slots)
{
	const uint8_t *code = (const uint8_t *)at;
	if (code[0] == 0xe8) {
		uintptr_t target = at + 5 + (uintptr_t)(intptr_t)read_i32(at + 1);
		return is_stub(image, target, slot, slots);
	}
	if (code[0] == 0xff && code[1] == 0x15) { /* call *slot(%rip): built with -fno-plt */
		uintptr_t target = at + 6 + (uintptr_t)(intptr_t)read_i32(at + 2);
		for (int i = 0; i < slots; i++)
			if (target == slot[i])
				return true;
	}
	return false;
}

static struct fragile_range function_around(const struct image *image,
					    const struct unwind_table *table, uintptr_t at)
{
	uintptr_t zero = (uintptr_t)image->unwind;
	uint32_t low = 0, high = table->count;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (zero + (uintptr_t)(intptr_t)table->entry[middle].start <= at)
			low = middle;
		else
			high = middle;
	}
	uintptr_t start = zero + (uintptr_t)(intptr_t)table->entry[low].start;
	uintptr_t end = low + 1 < table->count
				? zero + (uintptr_t)(intptr_t)table->entry[low + 1].start
				: image->text_end;
	return (struct fragile_range){start, end};
}

/* ---- personality functions: named in the CIEs, which the FDEs point to ---- */

static uint64_t read_uleb(const uint8_t **at)
{
	uint64_t value = 0;
	for (int shift = 0;; shift += 7) {
		uint8_t byte = *(*at)++;
		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80))
			return value;
	}
}

/* The encodings in use for it: 4-byte offset from where it stands, perhaps to a slot that holds the address. */
static uintptr_t read_personality(const uint8_t *at)
{
	enum { PCREL_SDATA4 = 0x1b, INDIRECT = 0x80 };
	uint8_t encoding = *at++;
	if ((encoding & ~INDIRECT) != PCREL_SDATA4)
		return 0;
	uintptr_t value = (uintptr_t)at + (uintptr_t)(intptr_t)read_i32((uintptr_t)at);
	return encoding & INDIRECT ? *(const uintptr_t *)value : value;
}

/* 0: the CIE names none. */
static uintptr_t personality_of(const uint8_t *cie)
{
	const char *augmentation = (const char *)cie + 9; /* length, id, version */
	const uint8_t *at = (const uint8_t *)augmentation + strlen(augmentation) + 1;
	if (augmentation[0] != 'z')
		return 0;
	read_uleb(&at); /* code alignment */
	read_uleb(&at); /* data alignment: signed, but as long */
	if (cie[8] == 1)
		at++; /* return register */
	else
		read_uleb(&at);
	read_uleb(&at); /* length of what follows */
	for (const char *a = augmentation + 1; *a; a++) {
		if (*a == 'P')
			return read_personality(at);
		at++; /* 'L' and 'R' are one byte each */
	}
	return 0;
}

static uintptr_t personality_of_fde(const struct unwind_table *table, const struct image *image,
				    uint32_t i)
{
	uintptr_t fde = (uintptr_t)image->unwind + (uintptr_t)(intptr_t)table->entry[i].fde;
	uintptr_t id_at = fde + 4;
	return personality_of((const uint8_t *)(id_at - (uintptr_t)(intptr_t)read_i32(id_at)));
}

static int by_start(const void *a, const void *b)
{
	uintptr_t x = ((const struct fragile_range *)a)->start;
	uintptr_t y = ((const struct fragile_range *)b)->start;
	return (x > y) - (x < y);
}

/* Adds those that lie in the library and are not in the list yet. -1: no room. */
static int add_personalities(const struct image *image, const struct unwind_table *table,
			     struct fragile_range *out, int found, int max)
{
	uintptr_t last = 0;
	for (uint32_t i = 0; i < table->count; i++) {
		uintptr_t at = personality_of_fde(table, image, i);
		if (at == last || at < image->text_start || at >= image->text_end)
			continue;
		last = at;
		struct fragile_range range = function_around(image, table, at);
		bool known = false;
		for (int k = 0; k < found; k++)
			known = known || out[k].start == range.start;
		if (known)
			continue;
		if (found == max)
			return -1;
		out[found++] = range;
	}
	qsort(out, (size_t)found, sizeof(out[0]), by_start);
	return found;
}

int fragile_find(const struct dl_phdr_info *object, struct fragile_range *out, int max)
{
	struct image image;
	struct unwind_table table;
	uintptr_t slot[SLOTS_MAX];
	if (!image_of(object, &image) || !unwind_table_of(&image, &table))
		return -1;
	int slots = slots_in(&image, dynamic_address(&image, DT_JMPREL),
			     dynamic_size(&image, DT_PLTRELSZ), slot, 0);
	slots = slots_in(&image, dynamic_address(&image, DT_RELA), dynamic_size(&image, DT_RELASZ),
			 slot, slots);
	if (slots == 0)
		return -1;
	int found = 0;
	for (uintptr_t at = image.text_start; at + 6 <= image.text_end; at++) {
		if (!is_getter_call(&image, at, slot, slots))
			continue;
		struct fragile_range range = function_around(&image, &table, at);
		if (found > 0 && out[found - 1].start == range.start)
			continue;
		if (found == max)
			return -1;
		out[found++] = range;
	}
	return add_personalities(&image, &table, out, found, max);
}
