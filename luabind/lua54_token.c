/* SPDX-License-Identifier: MIT
 *
 * The parser's window on the tokens, and how it gives up.
 */
#include "luabind/lua54_parse.h"

#include <stdio.h>
#include <string.h>

void lua54_next(struct lua54_parser *p)
{
	p->last_end = p->token.end;
	p->last_line = p->token.last_line;
	p->token = p->has_ahead ? p->ahead : lua54_lex_next(&p->lexer);
	p->has_ahead = false;
	if (p->token.kind == T_NAME && p->token.end - p->token.start >= strlen(LUA54_PREFIX) &&
	    memcmp(p->lexer.text + p->token.start, LUA54_PREFIX, strlen(LUA54_PREFIX)) == 0)
		p->prefix_is_taken = true;
}

int lua54_ahead(struct lua54_parser *p)
{
	if (!p->has_ahead)
		p->ahead = lua54_lex_next(&p->lexer);
	p->has_ahead = true;
	return p->ahead.kind;
}

void lua54_note_new(struct lua54_parser *p, const struct lua54_token *token)
{
	if (!p->has_first)
		p->first = *token;
	p->has_first = true;
}

void lua54_syntax_error(struct lua54_parser *p, const char *what)
{
	size_t length = p->token.end - p->token.start;
	p->fault_line = p->token.line;
	if (p->token.kind == T_END)
		snprintf(p->message, sizeof(p->message), "%s near '<eof>'", what);
	else
		snprintf(p->message, sizeof(p->message), "%s near '%.*s'", what,
			 length < 60 ? (int)length : 60, p->lexer.text + p->token.start);
	longjmp(p->fault, 1);
}

void lua54_own_error(struct lua54_parser *p, const char *format, const struct lua54_name *name)
{
	int length = name && name->length < 60 ? (int)name->length : 60;
	p->fault_is_ours = true;
	p->fault_line = p->last_line;
	if (name)
		snprintf(p->message, sizeof(p->message), format, length,
			 p->lexer.text + name->start);
	else
		snprintf(p->message, sizeof(p->message), "%s", format);
	longjmp(p->fault, 1);
}

void lua54_expect(struct lua54_parser *p, int kind, const char *text)
{
	char what[48];
	if (p->token.kind == kind) {
		lua54_next(p);
		return;
	}
	snprintf(what, sizeof(what), kind == T_NAME ? "%s expected" : "'%s' expected", text);
	lua54_syntax_error(p, what);
}

bool lua54_accept(struct lua54_parser *p, int kind)
{
	if (p->token.kind != kind)
		return false;
	lua54_next(p);
	return true;
}

void lua54_enter(struct lua54_parser *p)
{
	if (++p->level > LUA54_LEVELS_MAX)
		lua54_syntax_error(p, "chunk has too many syntax levels");
}

void lua54_leave(struct lua54_parser *p)
{
	p->level--;
}
