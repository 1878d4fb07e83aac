/* SPDX-License-Identifier: MIT
 *
 * The names of the functions in one ELF file, read from the file: the loader maps only those that are exported, and the
 * functions of a C module are `static` but for one.
 */
#ifndef CORE_SYMBOLS_H
#define CORE_SYMBOLS_H

#include "core/base.h"
#include <elf.h>

struct symbol {
	uint32_t start, bytes; /* in the file's own addresses; bytes 0: not known */
	uint32_t name;         /* offset in `names` */
};

struct symbols {
	struct symbol *symbol; /* ascending, one for each start */
	uint32_t count;
	char *names;
	size_t names_bytes;
};

/* Reads them, from the full table if the file was not stripped, else those that it exports. `headers` are the program
 * headers that the loader mapped: a file with others has been replaced meanwhile, and is not what runs. false: there are none to
 * be had, and `s` is empty. Allocates; not for handlers. Give back with symbols_free. */
bool symbols_read(struct symbols *s, const char *path, const Elf64_Phdr *headers, size_t count);
void symbols_free(struct symbols *s);

/* The function that the address, as the file counts it, lies in; *offset is how far. NULL: none is known. Async-signal-safe. */
const char *symbols_find(const struct symbols *s, uintptr_t address, uintptr_t *offset);

#endif
