/* SPDX-License-Identifier: MIT */
#include "core/mem.h"

#include <stdlib.h>
#include <string.h>

#ifdef USE_JEMALLOC
#include <jemalloc/jemalloc.h>
#endif

static void *checked(void *block)
{
	if (UNLIKELY(block == NULL))
		panic("out of memory");
	return block;
}

void *mem_alloc(size_t bytes)
{
	return checked(malloc(bytes ? bytes : 1));
}

void *mem_zalloc(size_t bytes)
{
	return checked(calloc(1, bytes ? bytes : 1));
}

void *mem_try_aligned(size_t align, size_t bytes)
{
	void *block = NULL;
	return posix_memalign(&block, align, bytes) == 0 ? block : NULL;
}

void *mem_zalloc_aligned(size_t align, size_t bytes)
{
	return memset(checked(mem_try_aligned(align, bytes)), 0, bytes);
}

void *mem_try_alloc(size_t bytes)
{
	return malloc(bytes);
}

void *mem_try_realloc(void *block, size_t bytes)
{
	return realloc(block, bytes);
}

void *mem_realloc(void *block, size_t bytes)
{
	return checked(realloc(block, bytes ? bytes : 1));
}

void mem_free(void *block)
{
	free(block);
}

char *mem_strdup(const char *text)
{
	return checked(strdup(text));
}

#ifdef USE_JEMALLOC
const char *mem_version(void)
{
	return "jemalloc " JEMALLOC_VERSION;
}

size_t mem_allocated_bytes(void)
{
	uint64_t epoch = 1;
	size_t bytes = 0, size = sizeof(bytes);
	mallctl("epoch", NULL, NULL, &epoch, sizeof(epoch));
	return mallctl("stats.allocated", &bytes, &size, NULL, 0) == 0 ? bytes : 0;
}
#else
const char *mem_version(void)
{
	return "libc malloc (sanitizer build)";
}

size_t mem_allocated_bytes(void)
{
	return 0;
}
#endif
