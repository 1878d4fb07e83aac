/* SPDX-License-Identifier: MIT
 *
 * Expressions, with Lua 5.4's precedences. An operator that LuaJIT lacks becomes a call around its two operands,
 * so the precedences of the others hold as they are: `a * b // c` is `__lua54.idiv(a * b , c)`.
 */
#include "luabind/lua54_parse.h"

#include <stdio.h>
#include <string.h>

enum { UNARY_PRIORITY = 12 };

/* How tightly an operator holds the operand on its left and on its right; 0: no binary operator. */
struct binary {
	uint8_t left, right;
	const char *helper; /* NULL: LuaJIT knows it */
};

static struct binary binary_of(int kind)
{
	switch (kind) {
	case T_OR:
		return (struct binary){1, 1, NULL};
	case T_AND:
		return (struct binary){2, 2, NULL};
	case T_EQ:
	case T_NE:
	case T_LE:
	case T_GE:
	case T_CHARACTER + '<':
	case T_CHARACTER + '>':
		return (struct binary){3, 3, NULL};
	case T_CHARACTER + '|':
		return (struct binary){4, 4, "bor"};
	case T_CHARACTER + '~':
		return (struct binary){5, 5, "bxor"};
	case T_CHARACTER + '&':
		return (struct binary){6, 6, "band"};
	case T_SHL:
		return (struct binary){7, 7, "shl"};
	case T_SHR:
		return (struct binary){7, 7, "shr"};
	case T_CONCAT:
		return (struct binary){9, 8, NULL}; /* to the right */
	case T_CHARACTER + '+':
	case T_CHARACTER + '-':
		return (struct binary){10, 10, NULL};
	case T_IDIV:
		return (struct binary){11, 11, "idiv"};
	case T_CHARACTER + '*':
	case T_CHARACTER + '/':
	case T_CHARACTER + '%':
		return (struct binary){11, 11, NULL};
	case T_CHARACTER + '^':
		return (struct binary){14, 13, NULL}; /* to the right */
	}
	return (struct binary){0, 0, NULL};
}

/* ---- numbers ---- */

/* The value of a hexadecimal integer, modulo 2^64 as in Lua, and whether it wrapped. False when the token is
 * another number. */
static bool hex_integer(const char *text, size_t length, uint64_t *value, bool *wraps)
{
	if (length < 3 || text[0] != '0' || (text[1] | 0x20) != 'x')
		return false;
	*value = 0;
	*wraps = false;
	for (size_t i = 2; i < length; i++) {
		char c = text[i];
		unsigned digit = c <= '9' ? (unsigned)(c - '0') : (unsigned)((c | 0x20) - 'a') + 10;
		if (c < '0' || digit > 15)
			return false;
		*wraps |= *value >> 60 != 0;
		*value = *value << 4 | digit;
	}
	return true;
}

/* Is it a decimal integer beyond 2^53 that Lua has as an integer, not as a float? */
static bool long_decimal(const char *text, size_t length)
{
	static const char least[] = "9007199254740992", most[] = "9223372036854775807";
	while (length > 1 && *text == '0') {
		text++;
		length--;
	}
	for (size_t i = 0; i < length; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
	}
	if (length < strlen(least) || length > strlen(most))
		return false;
	if (length == strlen(least) && memcmp(text, least, length) <= 0)
		return false;
	return length < strlen(most) || memcmp(text, most, length) <= 0;
}

/* Integers that no double holds become 64-bit ones of the FFI; what wraps to a small negative one is that. */
static void number(struct lua54_parser *p)
{
	const int64_t exact = (int64_t)1 << 53;
	const char *text = p->lexer.text + p->token.start;
	size_t length = p->token.end - p->token.start;
	uint64_t value;
	bool wraps;
	char instead[32];
	if (hex_integer(text, length, &value, &wraps)) {
		int64_t integer = (int64_t)value;
		if (integer >= -exact && integer <= exact)
			snprintf(instead, sizeof(instead), "(%lld)", (long long)integer);
		else
			snprintf(instead, sizeof(instead), "0x%llxLL", (unsigned long long)value);
		if (wraps || value > (uint64_t)exact)
			lua54_edit_replace(&p->edits, p->token.start, p->token.end, instead);
	} else if (length >= 16 && long_decimal(text, length)) {
		lua54_edit_close(&p->edits, p->token.end, "LL");
	}
	lua54_next(p);
}

/* ---- primary expressions ---- */

static void table(struct lua54_parser *p)
{
	lua54_expect(p, T_CHARACTER + '{', "{");
	while (!lua54_is(p, '}')) {
		if (lua54_accept(p, T_CHARACTER + '[')) {
			lua54_expression(p);
			lua54_expect(p, T_CHARACTER + ']', "]");
			lua54_expect(p, T_CHARACTER + '=', "=");
		} else if (p->token.kind == T_NAME && lua54_ahead(p) == T_CHARACTER + '=') {
			lua54_next(p);
			lua54_next(p);
		}
		lua54_expression(p);
		if (!lua54_accept(p, T_CHARACTER + ',') && !lua54_accept(p, T_CHARACTER + ';'))
			break;
	}
	lua54_expect(p, T_CHARACTER + '}', "}");
}

bool lua54_at_arguments(const struct lua54_parser *p)
{
	return lua54_is(p, '(') || lua54_is(p, '{') || p->token.kind == T_STRING;
}

static void arguments(struct lua54_parser *p)
{
	if (p->token.kind == T_STRING) {
		lua54_next(p);
		return;
	}
	if (!lua54_is(p, '(')) {
		table(p);
		return;
	}
	if (p->token.line != p->last_line) {
		/* Lua 5.1 refuses a parenthesis on a new line: it could begin a statement. */
		lua54_note_new(p, &p->token);
		lua54_edit_close(&p->edits, p->last_end, "(");
		lua54_edit_replace(&p->edits, p->token.start, p->token.end, " ");
	}
	lua54_next(p);
	if (!lua54_is(p, ')'))
		lua54_expression_list(p);
	lua54_expect(p, T_CHARACTER + ')', ")");
}

static bool primary(struct lua54_parser *p, struct lua54_name *name)
{
	if (p->token.kind == T_NAME) {
		*name = lua54_name_at(p);
		lua54_use_name(p, name);
		lua54_next(p);
		return true;
	}
	if (!lua54_accept(p, T_CHARACTER + '('))
		lua54_syntax_error(p, "unexpected symbol");
	lua54_expression(p);
	lua54_expect(p, T_CHARACTER + ')', ")");
	return false;
}

bool lua54_suffixed(struct lua54_parser *p, struct lua54_name *name)
{
	bool just_name = primary(p, name);
	for (;;) {
		if (lua54_accept(p, T_CHARACTER + '.')) {
			lua54_expect(p, T_NAME, "<name>");
		} else if (lua54_accept(p, T_CHARACTER + '[')) {
			lua54_expression(p);
			lua54_expect(p, T_CHARACTER + ']', "]");
		} else if (lua54_accept(p, T_CHARACTER + ':')) {
			lua54_expect(p, T_NAME, "<name>");
			if (!lua54_at_arguments(p))
				lua54_syntax_error(p, "function arguments expected");
			arguments(p);
		} else if (lua54_at_arguments(p)) {
			arguments(p);
		} else {
			return just_name;
		}
		just_name = false;
	}
}

static void simple(struct lua54_parser *p)
{
	struct lua54_name ignored;
	switch (p->token.kind) {
	case T_NUMBER:
		number(p);
		break;
	case T_STRING:
	case T_NIL:
	case T_TRUE:
	case T_FALSE:
	case T_DOTS:
		lua54_next(p);
		break;
	case T_CHARACTER + '{':
		table(p);
		break;
	case T_FUNCTION:
		lua54_next(p);
		lua54_function_body(p, false);
		break;
	default:
		lua54_suffixed(p, &ignored);
	}
}

/* ---- operators ---- */

static bool operand(struct lua54_parser *p, int limit);

static void unary_not(struct lua54_parser *p)
{
	lua54_note_new(p, &p->token);
	p->uses_helpers = true;
	lua54_edit_replace(&p->edits, p->token.start, p->token.end, LUA54_PREFIX ".bnot(");
	lua54_next(p);
	operand(p, UNARY_PRIORITY);
	lua54_edit_close(&p->edits, p->last_end, ")");
}

/* True when it became a call. */
static bool unary_or_simple(struct lua54_parser *p)
{
	if (lua54_is(p, '~')) {
		unary_not(p);
		return true;
	}
	if (p->token.kind == T_NOT || lua54_is(p, '-') || lua54_is(p, '#')) {
		lua54_next(p);
		operand(p, UNARY_PRIORITY);
	} else {
		simple(p);
	}
	return false;
}

/* An expression whose operators all hold tighter than `limit`. True when all of it became a call. */
static bool operand(struct lua54_parser *p, int limit)
{
	size_t start = p->token.start;
	lua54_enter(p);
	bool is_call = unary_or_simple(p);
	for (;;) {
		struct binary binary = binary_of(p->token.kind);
		if (binary.left <= limit)
			break;
		is_call = binary.helper != NULL;
		if (is_call) {
			lua54_note_new(p, &p->token);
			lua54_edit_replace(&p->edits, p->token.start, p->token.end, ",");
		}
		lua54_next(p);
		operand(p, binary.right);
		if (is_call) {
			p->uses_helpers = true;
			lua54_edit_open(&p->edits, start, "%s.%s(", LUA54_PREFIX, binary.helper);
			lua54_edit_close(&p->edits, p->last_end, ")");
		}
	}
	lua54_leave(p);
	return is_call;
}

void lua54_expression(struct lua54_parser *p)
{
	operand(p, 0);
}

void lua54_expression_list(struct lua54_parser *p)
{
	do
		lua54_expression(p);
	while (lua54_accept(p, T_CHARACTER + ','));
}

void lua54_returned_list(struct lua54_parser *p)
{
	size_t start = p->token.start;
	bool is_call = operand(p, 0);
	if (lua54_accept(p, T_CHARACTER + ',')) {
		lua54_expression_list(p);
	} else if (is_call) {
		lua54_edit_open(&p->edits, start, "(");
		lua54_edit_close(&p->edits, p->last_end, ")");
	}
}
