/* SPDX-License-Identifier: MIT */
#include "luabind/lua54_edit.h"

#include "core/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Those that close count up from 0, those that open count down from below this. */
#define RANK_REPLACE 0xffffffffu

static void add(struct lua54_edits *e, struct lua54_edit edit, const char *text, size_t length)
{
	if (e->count == e->capacity) {
		e->capacity = e->capacity ? e->capacity * 2 : 32;
		e->list = mem_realloc(e->list, e->capacity * sizeof(*e->list));
	}
	if (e->texts_capacity - e->texts_used < length) {
		e->texts_capacity = (e->texts_capacity + length) * 2;
		e->texts = mem_realloc(e->texts, e->texts_capacity);
	}
	if (length > 0)
		memcpy(e->texts + e->texts_used, text, length);
	edit.text = (uint32_t)e->texts_used;
	edit.length = (uint32_t)length;
	e->texts_used += length;
	e->list[e->count++] = edit;
}

static void add_formatted(struct lua54_edits *e, size_t offset, uint32_t rank, const char *format,
			  va_list arguments)
{
	char text[128]; /* of ours, without names from the source */
	int length = vsnprintf(text, sizeof(text), format, arguments);
	ensure(length >= 0 && (size_t)length < sizeof(text));
	add(e, (struct lua54_edit){.offset = offset, .rank = rank}, text, (size_t)length);
}

void lua54_edit_close(struct lua54_edits *e, size_t offset, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	add_formatted(e, offset, (uint32_t)e->count, format, arguments);
	va_end(arguments);
}

void lua54_edit_close_text(struct lua54_edits *e, size_t offset, const char *text, size_t length)
{
	add(e, (struct lua54_edit){.offset = offset, .rank = (uint32_t)e->count}, text, length);
}

void lua54_edit_open(struct lua54_edits *e, size_t offset, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	add_formatted(e, offset, RANK_REPLACE - 1 - (uint32_t)e->count, format, arguments);
	va_end(arguments);
}

void lua54_edit_replace(struct lua54_edits *e, size_t start, size_t end, const char *text)
{
	struct lua54_edit edit = {.offset = start, .replaced = end - start, .rank = RANK_REPLACE};
	add(e, edit, text, strlen(text));
}

static int compare(const void *left, const void *right)
{
	const struct lua54_edit *a = left, *b = right;
	if (a->offset != b->offset)
		return a->offset < b->offset ? -1 : 1;
	return a->rank < b->rank ? -1 : a->rank > b->rank;
}

char *lua54_edits_apply(struct lua54_edits *e, const char *source, size_t size, size_t *new_size)
{
	char *result = mem_alloc(size + e->texts_used + 1);
	size_t from = 0, to = 0;
	qsort(e->list, e->count, sizeof(*e->list), compare);
	for (size_t i = 0; i < e->count; i++) {
		const struct lua54_edit *edit = &e->list[i];
		memcpy(result + to, source + from, edit->offset - from);
		to += edit->offset - from;
		if (edit->length > 0)
			memcpy(result + to, e->texts + edit->text, edit->length);
		to += edit->length;
		from = edit->offset + edit->replaced;
	}
	memcpy(result + to, source + from, size - from);
	to += size - from;
	result[to] = '\0';
	*new_size = to;
	return result;
}

void lua54_edits_free(struct lua54_edits *e)
{
	mem_free(e->list);
	mem_free(e->texts);
}
