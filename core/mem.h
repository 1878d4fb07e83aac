/* SPDX-License-Identifier: MIT
 *
 * Memory of the runtime, through jemalloc (through libc in sanitizer builds, since jemalloc hides bugs
 * from AddressSanitizer). Running out of memory for the runtime itself ends the process with a word:
 * there is no half-delivered message. A service's own memory comes from luabind/heap.h, where running
 * out is the service's error.
 */
#ifndef CORE_MEM_H
#define CORE_MEM_H

#include "core/base.h"

/* Never NULL; panics when the system is out of memory. Free with mem_free. Any thread. */
void *mem_alloc(size_t bytes);
void *mem_zalloc(size_t bytes);
/* Aligned to `align`, a power of two. */
void *mem_zalloc_aligned(size_t align, size_t bytes);
/* Aligned to `align` (a power of two). May return NULL: for callers that can say no. */
void *mem_try_aligned(size_t align, size_t bytes);
/* May return NULL: for callers that can say no (a VM's heap). */
void *mem_try_alloc(size_t bytes);
/* May return NULL, and `block` is as it was then. `bytes` must not be 0. */
void *mem_try_realloc(void *block, size_t bytes);
void *mem_realloc(void *block, size_t bytes);
/* NULL is fine. */
void mem_free(void *block);
char *mem_strdup(const char *text);

/* The allocator's name and version, for --version. */
const char *mem_version(void);
/* Bytes allocated by the whole process as the allocator counts them; 0 where it does not. */
size_t mem_allocated_bytes(void);

#endif
