/* SPDX-License-Identifier: MIT
 *
 * Edits of a text, collected in any order while it is parsed and applied at once. Where several meet at one
 * place, what closes the token before comes first (the inner ones before the outer), then what opens (the outer
 * before the inner: it is found later), then what replaces the token itself. One thread at a time.
 */
#ifndef LUABIND_LUA54_EDIT_H
#define LUABIND_LUA54_EDIT_H

#include "core/base.h"

struct lua54_edit {
	size_t offset;
	size_t replaced;       /* bytes of the source that vanish */
	uint32_t rank;         /* order at one offset */
	uint32_t text, length; /* in `texts` */
};

struct lua54_edits {
	struct lua54_edit *list;
	size_t count, capacity;
	char *texts;
	size_t texts_used, texts_capacity;
};

/* `offset`: the end of the token before. */
PRINTF(3, 4) void lua54_edit_close(struct lua54_edits *e, size_t offset, const char *format, ...);
/* The same with text of any length. */
void lua54_edit_close_text(struct lua54_edits *e, size_t offset, const char *text, size_t length);
/* `offset`: the start of the token after. */
PRINTF(3, 4) void lua54_edit_open(struct lua54_edits *e, size_t offset, const char *format, ...);
/* The source between the two offsets gives way to `text`. */
void lua54_edit_replace(struct lua54_edits *e, size_t start, size_t end, const char *text);

/* The edited text, with a NUL that the size does not count; the caller frees it with mem_free. */
char *lua54_edits_apply(struct lua54_edits *e, const char *source, size_t size, size_t *new_size);
/* Forgets all; safe on one that is zeroed. */
void lua54_edits_free(struct lua54_edits *e);

#endif
