/* SPDX-License-Identifier: MIT
 *
 * Lua source as tokens, only as far as finding keys and their lines needs it: no values are
 * computed, and what LuaJIT would refuse still gives some tokens. It is never the judge of whether
 * a text is Lua.
 */
#ifndef LUABIND_LUATOKEN_H
#define LUABIND_LUATOKEN_H

#include "core/base.h"

enum luatoken_kind {
	LUATOKEN_END,
	LUATOKEN_NAME,   /* also reserved words */
	LUATOKEN_STRING, /* quoted and without escapes: its text is its value */
	LUATOKEN_NUMBER,
	LUATOKEN_SYMBOL, /* one character: see `symbol` */
	LUATOKEN_OTHER,  /* ==, .., long strings, strings with escapes, ... */
};

struct luatoken {
	enum luatoken_kind kind;
	char symbol;      /* of a LUATOKEN_SYMBOL, else 0 */
	int line;         /* of its first character; the first line is 1 */
	const char *text; /* into the source; a string's without the quotes */
	size_t length;
};

/* Owned by one thread. */
struct luatoken_reader {
	const char *at;
	const char *end;
	int line;
};

/* `text` must outlive the reader and its tokens; it need not end in a zero byte. */
struct luatoken_reader luatoken_reader(const char *text, size_t size_bytes);
/* The next token; LUATOKEN_END for ever at the end. */
struct luatoken luatoken_next(struct luatoken_reader *r);

bool luatoken_is_symbol(const struct luatoken *t, char symbol);
bool luatoken_is_word(const struct luatoken *t, const char *word);

#endif
