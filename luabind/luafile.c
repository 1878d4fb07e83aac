/* SPDX-License-Identifier: MIT */
#include "luabind/luafile.h"

#include "core/mem.h"
#include "luabind/luarun.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERRORS_MAX 1000

struct luafile_block {
	struct luafile_block *next;
	char data[];
};

void *luafile_arena(struct luafile *f, size_t bytes)
{
	struct luafile_block *b = mem_zalloc(sizeof(*b) + bytes);
	b->next = f->blocks;
	f->blocks = b;
	return b->data;
}

const char *luafile_text(struct luafile *f, const char *text, size_t length)
{
	char *copy = luafile_arena(f, length + 1);
	memcpy(copy, text, length);
	return copy;
}

const char *luafile_format(struct luafile *f, const char *format, ...)
{
	va_list args, again;
	ensure(format != NULL); /* gcc with UBSan warns without it */
	va_start(args, format);
	va_copy(again, args);
	int length = vsnprintf(NULL, 0, format, args);
	va_end(args);
	ensure(length >= 0);
	char *text = luafile_arena(f, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, again);
	va_end(again);
	return text;
}

void luafile_add_error(struct luafile *f, const char *text)
{
	if (f->error_count == ERRORS_MAX)
		return;
	f->errors = mem_realloc(f->errors, (f->error_count + 1) * sizeof(*f->errors));
	f->errors[f->error_count++] = text;
}

struct luafile *luafile_load(const char *path)
{
	struct luarun *run = luarun_new(path);
	return luarun_end(run, luasource_read(&run->units[0].source, path, false));
}

struct luafile *luafile_parse(const char *name, const char *text, size_t size_bytes)
{
	struct luarun *run = luarun_new(name);
	return luarun_end(run, luasource_copy(&run->units[0].source, text, size_bytes));
}

void luafile_free(struct luafile *f)
{
	if (f == NULL)
		return;
	while (f->blocks != NULL) {
		struct luafile_block *next = f->blocks->next;
		mem_free(f->blocks);
		f->blocks = next;
	}
	mem_free(f->errors);
	mem_free(f);
}

const char *conf_kind_name(enum conf_kind kind)
{
	static const char *const names[] = {"a string", "a number", "a boolean", "a table"};
	return names[kind];
}
