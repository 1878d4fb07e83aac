/* SPDX-License-Identifier: MIT
 *
 * By read(2), not mapped: somebody may write over the file, and a page of a mapping that is gone is SIGBUS.
 */
#include "core/symbols.h"
#include "core/mem.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than this no sane file has: what says so is broken. */
enum { SECTIONS_MAX = 4096, PART_MAX_BYTES = 64 << 20 };

struct file {
	int fd;
	Elf64_Ehdr head;
	Elf64_Shdr *section;
};

/* Allocates; NULL: the file does not have that many there. */
static void *read_part(const struct file *f, uint64_t at, uint64_t bytes)
{
	if (bytes == 0 || bytes > PART_MAX_BYTES)
		return NULL;
	char *part = mem_alloc(bytes);
	if (pread(f->fd, part, bytes, (off_t)at) == (ssize_t)bytes)
		return part;
	mem_free(part);
	return NULL;
}

static bool is_the_one_loaded(const struct file *f, const Elf64_Phdr *headers, size_t count)
{
	size_t bytes = count * sizeof(*headers);
	if (f->head.e_phnum != count || f->head.e_phentsize != sizeof(*headers))
		return false;
	Elf64_Phdr *here = read_part(f, f->head.e_phoff, bytes);
	bool same = here && memcmp(here, headers, bytes) == 0;
	mem_free(here);
	return same;
}

static bool open_file(struct file *f, const char *path, const Elf64_Phdr *headers, size_t count)
{
	*f = (struct file){.fd = open(path, O_RDONLY | O_CLOEXEC)};
	if (f->fd < 0)
		return false;
	bool good = pread(f->fd, &f->head, sizeof(f->head), 0) == sizeof(f->head) &&
		    memcmp(f->head.e_ident, ELFMAG, SELFMAG) == 0 &&
		    f->head.e_ident[EI_CLASS] == ELFCLASS64 &&
		    f->head.e_shentsize == sizeof(Elf64_Shdr) && f->head.e_shnum <= SECTIONS_MAX &&
		    is_the_one_loaded(f, headers, count);
	if (good)
		f->section = read_part(f, f->head.e_shoff, f->head.e_shnum * sizeof(Elf64_Shdr));
	return f->section != NULL;
}

static void close_file(struct file *f)
{
	mem_free(f->section);
	if (f->fd >= 0)
		close(f->fd);
}

static const Elf64_Shdr *section_of(const struct file *f, uint32_t type)
{
	for (int i = 0; i < f->head.e_shnum; i++)
		if (f->section[i].sh_type == type && f->section[i].sh_link < f->head.e_shnum)
			return &f->section[i];
	return NULL;
}

static bool is_function(const Elf64_Sym *sym, size_t names_bytes)
{
	unsigned type = ELF64_ST_TYPE(sym->st_info);
	return (type == STT_FUNC || type == STT_GNU_IFUNC) && sym->st_shndx != SHN_UNDEF &&
	       sym->st_value <= UINT32_MAX && sym->st_name > 0 && sym->st_name < names_bytes;
}

static int by_start(const void *a, const void *b)
{
	const struct symbol *x = a, *y = b;
	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return (x->name > y->name) - (x->name < y->name);
}

/* libc has "__nanosleep" and "nanosleep" at the same place. */
static bool is_plainer(const char *a, const char *b)
{
	size_t x = strspn(a, "_"), y = strspn(b, "_");
	return x != y ? x < y : strlen(a) < strlen(b);
}

static void keep_one_each(struct symbols *s)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < s->count; i++) {
		struct symbol *last = kept ? &s->symbol[kept - 1] : NULL;
		if (last == NULL || last->start != s->symbol[i].start)
			s->symbol[kept++] = s->symbol[i];
		else if (is_plainer(s->names + s->symbol[i].name, s->names + last->name))
			*last = s->symbol[i];
	}
	s->count = kept;
}

static void fill(struct symbols *s, const Elf64_Sym *sym, size_t count)
{
	s->symbol = mem_alloc(count * sizeof(*s->symbol));
	for (size_t i = 0; i < count; i++)
		if (is_function(&sym[i], s->names_bytes))
			s->symbol[s->count++] = (struct symbol){(uint32_t)sym[i].st_value,
								(uint32_t)sym[i].st_size,
								sym[i].st_name};
	qsort(s->symbol, s->count, sizeof(*s->symbol), by_start);
	keep_one_each(s);
}

static bool read_table(struct symbols *s, const struct file *f, const Elf64_Shdr *table)
{
	const Elf64_Shdr *names = &f->section[table->sh_link];
	Elf64_Sym *sym = read_part(f, table->sh_offset, table->sh_size);
	s->names = read_part(f, names->sh_offset, names->sh_size);
	s->names_bytes = names->sh_size;
	/* The last byte is the end of the last name, or there is no telling where that one ends. */
	if (sym && s->names && s->names[s->names_bytes - 1] == '\0')
		fill(s, sym, table->sh_size / sizeof(*sym));
	mem_free(sym);
	return s->count > 0;
}

bool symbols_read(struct symbols *s, const char *path, const Elf64_Phdr *headers, size_t count)
{
	struct file f;
	const Elf64_Shdr *table = NULL;
	*s = (struct symbols){0};
	if (open_file(&f, path, headers, count)) {
		table = section_of(&f, SHT_SYMTAB);
		table = table ? table : section_of(&f, SHT_DYNSYM);
	}
	bool good = table && read_table(s, &f, table);
	if (!good)
		symbols_free(s);
	close_file(&f);
	return good;
}

void symbols_free(struct symbols *s)
{
	mem_free(s->symbol);
	mem_free(s->names);
	*s = (struct symbols){0};
}

const char *symbols_find(const struct symbols *s, uintptr_t address, uintptr_t *offset)
{
	uint32_t low = 0, high = s->count;
	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		if (s->symbol[middle].start <= address)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0)
		return NULL;
	const struct symbol *f = &s->symbol[low - 1];
	*offset = address - f->start;
	return f->bytes == 0 || *offset < f->bytes ? s->names + f->name : NULL;
}
