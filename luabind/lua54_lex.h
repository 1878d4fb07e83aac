/* SPDX-License-Identifier: MIT
 *
 * Tokens of Lua 5.4, and of LuaJIT (`1LL`, `0x1p4`; `goto` is a name). A cursor over a text that somebody else
 * owns; it allocates nothing. One thread at a time.
 */
#ifndef LUABIND_LUA54_LEX_H
#define LUABIND_LUA54_LEX_H

#include "core/base.h"

enum lua54_token_kind {
	T_END, /* of the text; `offset` is its size */
	T_BAD, /* nothing that Lua knows; the text is done with */
	T_NAME,
	T_STRING,
	T_NUMBER,
	/* Keywords. */
	T_AND,
	T_BREAK,
	T_DO,
	T_ELSE,
	T_ELSEIF,
	T_ENDWORD,
	T_FALSE,
	T_FOR,
	T_FUNCTION,
	T_IF,
	T_IN,
	T_LOCAL,
	T_NIL,
	T_NOT,
	T_OR,
	T_REPEAT,
	T_RETURN,
	T_THEN,
	T_TRUE,
	T_UNTIL,
	T_WHILE,
	/* Operators; one-character ones are below. */
	T_DOTS,   /* ... */
	T_CONCAT, /* .. */
	T_EQ,
	T_NE,
	T_LE,
	T_GE,
	T_IDIV,
	T_SHL,
	T_SHR,
	T_LABEL,           /* :: */
	T_CHARACTER = 256, /* + the character: T_CHARACTER + '+' */
};

struct lua54_token {
	int kind;            /* enum lua54_token_kind */
	int line, last_line; /* where it begins and ends */
	size_t start, end;
};

struct lua54_lexer {
	const char *text;
	size_t size, at;
	int line;
};

/* Before the first token; skips a byte order mark and a first line that begins with `#`. */
void lua54_lex_begin(struct lua54_lexer *x, const char *text, size_t size);
struct lua54_token lua54_lex_next(struct lua54_lexer *x);

#endif
