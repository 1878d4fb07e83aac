/* SPDX-License-Identifier: MIT */
#include "luabind/luasource.h"

#include "core/mem.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char too_large[] = "larger than 1MB: is this a config file?";

/* A growing text; `data` is NULL while it is empty. */
struct buffer {
	char *data;
	size_t size_bytes;
	size_t room_bytes;
};

static void append(struct buffer *b, const char *data, size_t bytes)
{
	if (b->room_bytes - b->size_bytes < bytes) {
		b->room_bytes = (b->size_bytes + bytes) * 2;
		b->data = mem_realloc(b->data, b->room_bytes);
	}
	if (bytes > 0)
		memcpy(b->data + b->size_bytes, data, bytes);
	b->size_bytes += bytes;
}

/* What is in the buffer becomes the text, which is never NULL, not even when empty. */
static void take(struct luasource *s, struct buffer *b)
{
	s->text = b->data ? b->data : mem_zalloc(1);
	s->size_bytes = b->size_bytes;
}

static const char *read_all(FILE *in, struct buffer *b)
{
	char piece[4096];
	size_t got;
	while ((got = fread(piece, 1, sizeof(piece), in)) > 0) {
		append(b, piece, got);
		if (b->size_bytes > LUASOURCE_BYTES_MAX)
			return too_large;
	}
	return ferror(in) ? strerror(errno) : NULL;
}

const char *luasource_read(struct luasource *s, const char *path, bool files_only)
{
	struct stat info;
	*s = (struct luasource){0};
	if (stat(path, &info) != 0)
		return strerror(errno);
	if (files_only && !S_ISREG(info.st_mode) && !S_ISDIR(info.st_mode))
		return "not a regular file";
	FILE *in = fopen(path, "re");
	if (in == NULL)
		return strerror(errno);
	struct buffer b = {0};
	const char *wrong = read_all(in, &b);
	fclose(in);
	take(s, &b);
	s->device = info.st_dev;
	s->inode = info.st_ino;
	return wrong;
}

const char *luasource_copy(struct luasource *s, const char *text, size_t size_bytes)
{
	*s = (struct luasource){0};
	if (size_bytes > LUASOURCE_BYTES_MAX)
		return too_large;
	struct buffer b = {0};
	append(&b, text, size_bytes);
	take(s, &b);
	return NULL;
}

static int line_ends(const char *text, size_t bytes)
{
	int count = 0;
	for (size_t i = 0; i < bytes; i++)
		count += text[i] == '\n';
	return count;
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

/* `at` stands behind the '$'. */
static size_t name_length(const char *at, const char *end)
{
	const char *from = at;
	while (at < end && is_name(*at))
		at++;
	return (size_t)(at - from);
}

struct expansion {
	struct luasource *source;
	struct buffer made;
	int line;      /* of the file */
	int made_line; /* of the replaced text */
	bool complete;
	luasource_missing *missing;
	void *context;
};

static void add_shift(struct luasource *s, int line, int lines)
{
	s->shifts = mem_realloc(s->shifts, (s->shift_count + 1) * sizeof(*s->shifts));
	s->shifts[s->shift_count++] = (struct luasource_shift){line, lines};
}

static void expand_name(struct expansion *x, const char *at, size_t length)
{
	char *name = mem_alloc(length + 1);
	memcpy(name, at, length);
	name[length] = '\0';
	const char *value = getenv(name);
	if (value == NULL) {
		x->complete = false;
		x->missing(name, x->line, x->context);
	} else {
		int lines = line_ends(value, strlen(value));
		append(&x->made, value, strlen(value));
		if (lines > 0)
			add_shift(x->source, x->made_line, lines);
		x->made_line += lines;
	}
	mem_free(name);
}

static void expand_all(struct expansion *x)
{
	const char *at = x->source->text, *end = at + x->source->size_bytes;
	while (at < end && x->made.size_bytes <= LUASOURCE_BYTES_MAX) {
		const char *dollar = memchr(at, '$', (size_t)(end - at));
		const char *stop = dollar ? dollar : end;
		append(&x->made, at, (size_t)(stop - at));
		int lines = line_ends(at, (size_t)(stop - at));
		x->line += lines;
		x->made_line += lines;
		if (dollar == NULL)
			return;
		size_t length = name_length(dollar + 1, end);
		if (length > 0)
			expand_name(x, dollar + 1, length);
		else
			append(&x->made, "$", 1);
		at = dollar + 1 + length;
	}
}

bool luasource_expand(struct luasource *s, luasource_missing *missing, void *context)
{
	if (s->size_bytes == 0 || memchr(s->text, '$', s->size_bytes) == NULL)
		return true;
	struct expansion x = {s, {0}, 1, 1, true, missing, context};
	expand_all(&x);
	if (!x.complete) {
		mem_free(x.made.data);
		return false;
	}
	mem_free(s->text);
	take(s, &x.made);
	return true;
}

int luasource_line(const struct luasource *s, int line)
{
	int extra = 0;
	for (size_t i = 0; i < s->shift_count && s->shifts[i].line < line; i++) {
		int below = line - s->shifts[i].line;
		extra += below < s->shifts[i].lines ? below : s->shifts[i].lines;
	}
	return line - extra;
}

void luasource_term(struct luasource *s)
{
	mem_free(s->text);
	mem_free(s->shifts);
	*s = (struct luasource){0};
}
