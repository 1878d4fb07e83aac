/* SPDX-License-Identifier: MIT
 *
 * Statements. What LuaJIT does not know of: attributes, empty statements, a `break` that is not the last of its
 * block.
 */
#include "luabind/lua54_parse.h"

#include <string.h>

/* ---- blocks ---- */

static void statement(struct lua54_parser *p);

static bool ends_block(int kind)
{
	switch (kind) {
	case T_END:
	case T_ENDWORD:
	case T_ELSE:
	case T_ELSEIF:
	case T_UNTIL:
		return true;
	}
	return false;
}

static bool at_block_end(const struct lua54_parser *p)
{
	return ends_block(p->token.kind);
}

/* The statements of the present block. */
static void statements(struct lua54_parser *p)
{
	while (!at_block_end(p))
		statement(p);
	lua54_block_end(p);
}

static void block(struct lua54_parser *p, bool is_loop)
{
	struct lua54_block here;
	lua54_block_enter(p, &here, p->block);
	here.is_loop = is_loop;
	statements(p);
	lua54_block_leave(p);
}

/* It is known from lua54_activate on. */
static void declare_name(struct lua54_parser *p)
{
	struct lua54_name name = lua54_name_at(p);
	name.is_pending = true;
	lua54_expect(p, T_NAME, "<name>");
	lua54_declare(p, name);
}

static void parameters(struct lua54_parser *p)
{
	lua54_expect(p, T_CHARACTER + '(', "(");
	while (!lua54_is(p, ')')) {
		if (lua54_accept(p, T_DOTS))
			break;
		declare_name(p);
		if (!lua54_accept(p, T_CHARACTER + ','))
			break;
	}
	lua54_expect(p, T_CHARACTER + ')', ")");
}

void lua54_function_body(struct lua54_parser *p, bool is_method)
{
	struct lua54_block here, *outer = p->block;
	size_t labels = p->function_labels, closers = p->function_closers, gotos;
	bool had_self = p->has_self;
	p->has_self |= is_method;
	lua54_block_enter(p, &here, NULL);
	p->function_labels = p->labels.count;
	p->function_closers = p->closers.count;
	gotos = p->gotos.count;
	parameters(p);
	lua54_activate(p, here.names);
	statements(p);
	lua54_block_leave(p);
	p->gotos.count = gotos; /* those without a label are LuaJIT's to complain about */
	p->function_labels = labels;
	p->function_closers = closers;
	p->has_self = had_self;
	p->block = outer;
	lua54_expect(p, T_ENDWORD, "end");
}

/* ---- statements ---- */

static void if_statement(struct lua54_parser *p)
{
	do {
		lua54_next(p);
		lua54_expression(p);
		lua54_expect(p, T_THEN, "then");
		block(p, false);
	} while (p->token.kind == T_ELSEIF);
	if (lua54_accept(p, T_ELSE))
		block(p, false);
	lua54_expect(p, T_ENDWORD, "end");
}

static void while_statement(struct lua54_parser *p)
{
	lua54_next(p);
	lua54_expression(p);
	lua54_expect(p, T_DO, "do");
	block(p, true);
	lua54_expect(p, T_ENDWORD, "end");
}

/* First value, limit, step. LuaJIT goes on for ever by a step of 0, where Lua 5.4 raises. */
static void number_range(struct lua54_parser *p)
{
	lua54_expression(p);
	lua54_expect(p, T_CHARACTER + ',', ",");
	lua54_expression(p);
	if (!lua54_accept(p, T_CHARACTER + ','))
		return;
	size_t start = p->token.start;
	int ahead = lua54_ahead(p);
	bool is_literal = (p->token.kind == T_NUMBER && ahead == T_DO) ||
			  (lua54_is(p, '-') && ahead == T_NUMBER);
	lua54_expression(p);
	if (is_literal)
		return;
	p->uses_helpers = true;
	lua54_edit_open(&p->edits, start, "%s.step(", LUA54_PREFIX);
	lua54_edit_close(&p->edits, p->last_end, ")");
}

/* Iterator, state, first key. Lua 5.4 closes a fourth value at the end of the loop. */
static void iterator(struct lua54_parser *p)
{
	int count = 0;
	do {
		if (++count == 4 && p->token.kind != T_NIL)
			lua54_own_error(p,
					"a value to be closed after the loop is not translated: "
					"use a local variable with <close>",
					NULL);
		lua54_expression(p);
	} while (lua54_accept(p, T_CHARACTER + ','));
}

static void for_statement(struct lua54_parser *p)
{
	struct lua54_block here;
	lua54_next(p);
	lua54_block_enter(p, &here, p->block);
	here.is_loop = true;
	do
		declare_name(p);
	while (lua54_accept(p, T_CHARACTER + ','));
	if (lua54_accept(p, T_CHARACTER + '=')) {
		number_range(p);
	} else {
		lua54_expect(p, T_IN, "=' or 'in");
		iterator(p);
	}
	lua54_activate(p, here.names);
	lua54_expect(p, T_DO, "do");
	statements(p);
	lua54_block_leave(p);
	lua54_expect(p, T_ENDWORD, "end");
}

/* The condition belongs to the block. */
static void repeat_statement(struct lua54_parser *p)
{
	struct lua54_block here;
	lua54_next(p);
	lua54_block_enter(p, &here, p->block);
	here.is_loop = here.is_repeat = true;
	statements(p);
	lua54_expect(p, T_UNTIL, "until");
	unsigned id = lua54_closer_of_loop(p);
	size_t start = p->token.start;
	lua54_expression(p);
	if (id != 0) {
		lua54_edit_open(&p->edits, start, "%s.close(%s_%u, ", LUA54_PREFIX, LUA54_PREFIX,
				id);
		lua54_edit_close(&p->edits, p->last_end, ")");
	}
	lua54_block_leave(p);
}

static void function_statement(struct lua54_parser *p)
{
	struct lua54_name name;
	bool just_name = true, method = false;
	lua54_next(p);
	name = lua54_name_at(p);
	lua54_expect(p, T_NAME, "<name>");
	lua54_use_name(p, &name);
	while (!method && (lua54_is(p, '.') || lua54_is(p, ':'))) {
		method = lua54_is(p, ':');
		just_name = false;
		lua54_next(p);
		lua54_expect(p, T_NAME, "<name>");
	}
	if (just_name)
		lua54_check_assignable(p, &name);
	lua54_function_body(p, method);
}

static bool word_is(const struct lua54_parser *p, const char *word)
{
	size_t length = p->token.end - p->token.start;
	return p->token.kind == T_NAME && length == strlen(word) &&
	       memcmp(p->lexer.text + p->token.start, word, length) == 0;
}

static void erase_token(struct lua54_parser *p)
{
	lua54_edit_replace(&p->edits, p->token.start, p->token.end, " ");
	lua54_next(p);
}

/* Further semicolons after one are empty statements, which Lua 5.1 has not. */
static void empty_statements(struct lua54_parser *p)
{
	while (lua54_is(p, ';')) {
		lua54_note_new(p, &p->token);
		erase_token(p);
	}
}

/* `<const>` or `<close>` after a name. Returns whether it is to be closed. */
static bool attribute(struct lua54_parser *p, struct lua54_name *name)
{
	if (!lua54_is(p, '<'))
		return false;
	lua54_note_new(p, &p->token);
	erase_token(p);
	bool closes = word_is(p, "close");
	if (!closes && !word_is(p, "const")) {
		struct lua54_name unknown = lua54_name_at(p);
		if (p->token.kind != T_NAME)
			lua54_syntax_error(p, "<name> expected");
		lua54_own_error(p, "unknown attribute '%.*s'", &unknown);
	}
	erase_token(p);
	if (!lua54_is(p, '>'))
		lua54_syntax_error(p, "'>' expected");
	erase_token(p);
	name->is_const = true;
	return closes;
}

static void local_statement(struct lua54_parser *p)
{
	struct lua54_name name, closed = {0};
	size_t count = p->names.count;
	bool closes = false;
	do {
		name = lua54_name_at(p);
		lua54_expect(p, T_NAME, "<name>");
		if (attribute(p, &name)) {
			if (closes)
				lua54_own_error(p, "multiple to-be-closed variables in local list",
						NULL);
			closes = true;
			closed = name;
		}
		name.is_pending = true;
		lua54_declare(p, name);
	} while (lua54_accept(p, T_CHARACTER + ','));
	if (lua54_accept(p, T_CHARACTER + '='))
		lua54_expression_list(p);
	lua54_activate(p, count);
	if (!closes)
		return;
	lua54_closer(p, &closed);
	empty_statements(p); /* even the first one is, behind our text */
}

static void return_statement(struct lua54_parser *p)
{
	unsigned id = lua54_closer_of_function(p);
	lua54_next(p);
	size_t after = p->last_end, start = p->token.start;
	bool empty = at_block_end(p) || lua54_is(p, ';');
	if (!empty)
		lua54_returned_list(p);
	if (id != 0 && empty) {
		lua54_edit_close(&p->edits, after, " %s.close(%s_%u)", LUA54_PREFIX, LUA54_PREFIX,
				 id);
	} else if (id != 0) {
		lua54_edit_open(&p->edits, start, "%s.close(%s_%u, ", LUA54_PREFIX, LUA54_PREFIX,
				id);
		lua54_edit_close(&p->edits, p->last_end, ")");
	}
	lua54_accept(p, T_CHARACTER + ';');
	if (!at_block_end(p))
		lua54_syntax_error(p, "'<eof>' expected");
}

/* Lua 5.1 allows it at the end of a block only. */
static void break_statement(struct lua54_parser *p)
{
	struct lua54_token word = p->token;
	unsigned id = lua54_closer_of_loop(p);
	int after = lua54_ahead(p);
	lua54_next(p);
	if (after == T_CHARACTER + ';')
		after = lua54_ahead(p);
	if (id != 0) {
		lua54_edit_open(&p->edits, word.start, "do %s.close(%s_%u) ", LUA54_PREFIX,
				LUA54_PREFIX, id);
		lua54_edit_close(&p->edits, word.end, " end");
	} else if (!ends_block(after)) {
		lua54_note_new(p, &word);
		lua54_edit_open(&p->edits, word.start, "do ");
		lua54_edit_close(&p->edits, word.end, " end");
	}
}

static void goto_statement(struct lua54_parser *p)
{
	size_t from = p->token.start;
	lua54_next(p);
	struct lua54_name name = lua54_name_at(p);
	lua54_next(p);
	lua54_goto(p, &name, from);
}

/* Labels in a row. LuaJIT knows one at the end of a block, where it may be jumped to over locals, only without a
 * semicolon. */
static void label_statement(struct lua54_parser *p)
{
	enum { ROW = 16 };
	size_t before = p->last_end, count = 0;
	struct lua54_name names[ROW];
	struct lua54_token semicolons[ROW];
	while (p->token.kind == T_LABEL && count < ROW) {
		lua54_next(p);
		names[count] = lua54_name_at(p);
		lua54_expect(p, T_NAME, "<name>");
		lua54_expect(p, T_LABEL, "::");
		semicolons[count++] = p->token;
		lua54_accept(p, T_CHARACTER + ';');
		empty_statements(p);
	}
	bool last = at_block_end(p) && p->token.kind != T_UNTIL;
	if (last)
		lua54_close_before_label(p, before);
	for (size_t i = 0; i < count; i++) {
		lua54_label(p, &names[i]);
		if (last && semicolons[i].kind == T_CHARACTER + ';')
			lua54_edit_replace(&p->edits, semicolons[i].start, semicolons[i].end, " ");
	}
}

/* An assignment or a call. */
static void expression_statement(struct lua54_parser *p)
{
	struct lua54_name name;
	bool just_name = lua54_suffixed(p, &name);
	while (lua54_is(p, '=') || lua54_is(p, ',')) {
		bool more = lua54_is(p, ',');
		if (just_name)
			lua54_check_assignable(p, &name);
		lua54_next(p);
		if (!more) {
			lua54_expression_list(p);
			return;
		}
		just_name = lua54_suffixed(p, &name);
	}
}

/* Statements that begin with a word of their own. False: none of them. */
static bool worded_statement(struct lua54_parser *p)
{
	switch (p->token.kind) {
	case T_IF:
		if_statement(p);
		break;
	case T_WHILE:
		while_statement(p);
		break;
	case T_DO:
		lua54_next(p);
		block(p, false);
		lua54_expect(p, T_ENDWORD, "end");
		break;
	case T_FOR:
		for_statement(p);
		break;
	case T_REPEAT:
		repeat_statement(p);
		break;
	case T_FUNCTION:
		function_statement(p);
		break;
	case T_LOCAL:
		lua54_next(p);
		if (lua54_accept(p, T_FUNCTION)) {
			size_t count = p->names.count;
			declare_name(p);
			lua54_activate(p, count);
			lua54_function_body(p, false);
		} else {
			local_statement(p);
		}
		break;
	case T_LABEL:
		label_statement(p);
		break;
	case T_RETURN:
		return_statement(p);
		break;
	case T_BREAK:
		break_statement(p);
		break;
	default:
		return false;
	}
	return true;
}

static void statement(struct lua54_parser *p)
{
	if (lua54_is(p, ';')) {
		empty_statements(p);
		return;
	}
	lua54_enter(p);
	if (word_is(p, "goto") && lua54_ahead(p) == T_NAME)
		goto_statement(p);
	else if (!worded_statement(p))
		expression_statement(p);
	lua54_accept(p, T_CHARACTER + ';');
	empty_statements(p);
	lua54_leave(p);
}

void lua54_chunk(struct lua54_parser *p)
{
	struct lua54_block here;
	lua54_block_enter(p, &here, NULL);
	lua54_next(p);
	statements(p);
	lua54_block_leave(p);
	if (p->token.kind != T_END)
		lua54_syntax_error(p, "'<eof>' expected");
}
