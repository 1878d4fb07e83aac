/* SPDX-License-Identifier: MIT
 *
 * The parser's state, shared by its parts: tokens (lua54_token.c), statements (lua54_parse.c), expressions
 * (lua54_expr.c), and names, blocks and jumps (lua54_scope.c). It lives on the stack of lua54_translate. A fault
 * in the source leaves by longjmp; everything that was allocated hangs on the parser.
 */
#ifndef LUABIND_LUA54_PARSE_H
#define LUABIND_LUA54_PARSE_H

#include "luabind/lua54_edit.h"
#include "luabind/lua54_lex.h"
#include <setjmp.h>

/* The name of the helpers in the text that comes out; nothing in the source may begin with it. */
#define LUA54_PREFIX "__lua54"
/* LuaJIT's own limit, which holds for the text that comes out too. */
enum { LUA54_LEVELS_MAX = 200 };

struct lua54_name {
	size_t start, length; /* in the source */
	bool is_const;
	bool is_pending; /* its own statement is not over: not known yet */
};

/* A variable that is closed: the local `__lua54_ID` of the text that comes out. */
struct lua54_closer {
	unsigned id;
};

struct lua54_label {
	size_t start, length;
	size_t closers; /* that were active there */
};

/* A goto whose label has not come yet. */
struct lua54_goto {
	size_t start, length; /* of the label's name */
	size_t from;          /* where the statement begins */
	size_t closers;       /* of those active where it stands, how many are still open here */
	unsigned close_id;    /* the outermost variable that it leaves so far, 0: none */
};

/* A vector of one of these. */
struct lua54_list {
	void *items;
	size_t count, capacity;
};

struct lua54_block {
	struct lua54_block *up; /* NULL: of a function or the chunk */
	bool is_loop, is_repeat;
	/* How many there were when it began. */
	size_t names, closers, labels, gotos;
};

struct lua54_parser {
	struct lua54_lexer lexer;
	struct lua54_token token, ahead; /* `ahead` is read when asked for */
	bool has_ahead;
	size_t last_end; /* of the token before */
	int last_line;   /* where that ended */
	int level;
	struct lua54_edits edits;
	struct lua54_list names, closers, labels, gotos;
	struct lua54_block *block;
	size_t function_labels, function_closers; /* where those of this function begin */
	unsigned last_id;
	bool has_const;           /* some variable is one */
	bool has_env;             /* some variable is called _ENV */
	bool has_self;            /* the code is in a method */
	bool uses_helpers;        /* an edit calls them */
	bool prefix_is_taken;     /* the source has a name of ours */
	struct lua54_token first; /* the first that LuaJIT does not know */
	bool has_first;
	jmp_buf fault;
	bool fault_is_ours; /* LuaJIT would not find it */
	int fault_line;
	char message[200];
};

/* ---- lua54_token.c ---- */

void lua54_next(struct lua54_parser *p);
int lua54_ahead(struct lua54_parser *p);
/* Over a token of that kind, which must be there. */
void lua54_expect(struct lua54_parser *p, int kind, const char *text);
bool lua54_accept(struct lua54_parser *p, int kind);
/* LuaJIT does not know that token, where it stands. */
void lua54_note_new(struct lua54_parser *p, const struct lua54_token *token);
NORETURN void lua54_syntax_error(struct lua54_parser *p, const char *what);
/* An error that LuaJIT would not find, at the token at hand. `name` may be NULL. */
NORETURN void lua54_own_error(struct lua54_parser *p, const char *format,
			      const struct lua54_name *name);
void lua54_enter(struct lua54_parser *p);
void lua54_leave(struct lua54_parser *p);

static inline bool lua54_is(const struct lua54_parser *p, char character)
{
	return p->token.kind == T_CHARACTER + character;
}

/* ---- lua54_expr.c ---- */

void lua54_expression(struct lua54_parser *p);
void lua54_expression_list(struct lua54_parser *p);
/* The same, behind `return`: an operator there must not become a tail call, since an error in it would then not
 * know its line. */
void lua54_returned_list(struct lua54_parser *p);
/* A variable or a call. True when it is just a name, which is then stored. */
bool lua54_suffixed(struct lua54_parser *p, struct lua54_name *name);
/* Does a call of a function come next, as opposed to a new statement? */
bool lua54_at_arguments(const struct lua54_parser *p);

/* ---- lua54_parse.c ---- */

/* Parameters and body of a function, from the `(` to its `end`. A method has a variable `self`. */
void lua54_function_body(struct lua54_parser *p, bool is_method);
void lua54_chunk(struct lua54_parser *p);

/* ---- lua54_scope.c ---- */

void lua54_list_free(struct lua54_list *list);
void lua54_block_enter(struct lua54_parser *p, struct lua54_block *block, struct lua54_block *up);
/* At the token that ends the block: closes what is open there. */
void lua54_block_end(struct lua54_parser *p);
void lua54_block_leave(struct lua54_parser *p);
struct lua54_name lua54_name_at(const struct lua54_parser *p);
void lua54_declare(struct lua54_parser *p, struct lua54_name name);
/* The names declared after the first `count` are known from here on. */
void lua54_activate(struct lua54_parser *p, size_t count);
/* Raises when the name is a local that may not be assigned to, or the chunk's _ENV. */
void lua54_check_assignable(struct lua54_parser *p, const struct lua54_name *name);
/* A name that is used, not declared: a field of the source's own _ENV, if there is one and the name is no variable. */
void lua54_use_name(struct lua54_parser *p, const struct lua54_name *name);
/* A variable declared by the statement that ends here is closed at the end of the block. */
void lua54_closer(struct lua54_parser *p, const struct lua54_name *name);
/* The outermost open variable of the function, or of the innermost loop; 0 when there is none. */
unsigned lua54_closer_of_function(const struct lua54_parser *p);
unsigned lua54_closer_of_loop(const struct lua54_parser *p);
void lua54_label(struct lua54_parser *p, const struct lua54_name *name);
/* A label is the last thing of its block. `before` is the end of what stands in front of it. */
void lua54_close_before_label(struct lua54_parser *p, size_t before);
void lua54_goto(struct lua54_parser *p, const struct lua54_name *label, size_t from);

#endif
