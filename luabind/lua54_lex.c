/* SPDX-License-Identifier: MIT */
#include "luabind/lua54_lex.h"

#include <string.h>

/* What a byte may be part of. */
enum { IN_NAME = 1, DIGIT = 2, BLANK = 4, NEWLINE = 8, HEX = 16 };

static const uint8_t class_of[256] = {
	['0' ... '9'] = IN_NAME | DIGIT | HEX,
	['a' ... 'f'] = IN_NAME | HEX,
	['A' ... 'F'] = IN_NAME | HEX,
	['g' ... 'z'] = IN_NAME,
	['G' ... 'Z'] = IN_NAME,
	['_'] = IN_NAME,
	[0x80 ... 0xff] = IN_NAME, /* LuaJIT's rule */
	[' '] = BLANK,
	['\t'] = BLANK,
	['\v'] = BLANK,
	['\f'] = BLANK,
	['\r'] = NEWLINE,
	['\n'] = NEWLINE,
};

static bool is(char c, unsigned classes)
{
	return (class_of[(unsigned char)c] & classes) != 0;
}

/* The character `ahead` places on, NUL at the end. */
static char peek(const struct lua54_lexer *x, size_t ahead)
{
	return x->at + ahead < x->size ? x->text[x->at + ahead] : '\0';
}

/* Over one line end of any of the four kinds. */
static void skip_newline(struct lua54_lexer *x)
{
	char first = x->text[x->at++];
	if (x->at < x->size && is(x->text[x->at], NEWLINE) && x->text[x->at] != first)
		x->at++;
	x->line++;
}

void lua54_lex_begin(struct lua54_lexer *x, const char *text, size_t size)
{
	*x = (struct lua54_lexer){text, size, 0, 1};
	if (size >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		x->at = 3;
	if (peek(x, 0) != '#')
		return;
	while (x->at < size && !is(text[x->at], NEWLINE))
		x->at++;
}

/* At a `[`: the number of `=` when a long bracket opens here, else -1. */
static int long_bracket(const struct lua54_lexer *x)
{
	int level = 0;
	while (peek(x, 1 + (size_t)level) == '=')
		level++;
	return peek(x, 1 + (size_t)level) == '[' ? level : -1;
}

/* Over a long bracket that opens here. False when it never closes. */
static bool skip_long_bracket(struct lua54_lexer *x, int level)
{
	x->at += 2 + (size_t)level;
	while (x->at < x->size) {
		if (is(x->text[x->at], NEWLINE)) {
			skip_newline(x);
			continue;
		}
		if (x->text[x->at++] != ']')
			continue;
		int equals = 0;
		while (peek(x, (size_t)equals) == '=')
			equals++;
		if (equals == level && peek(x, (size_t)equals) == ']') {
			x->at += (size_t)equals + 1;
			return true;
		}
		x->at += (size_t)equals;
	}
	return false;
}

static bool skip_comment(struct lua54_lexer *x)
{
	x->at += 2;
	int level = peek(x, 0) == '[' ? long_bracket(x) : -1;
	if (level >= 0)
		return skip_long_bracket(x, level);
	while (x->at < x->size && !is(x->text[x->at], NEWLINE))
		x->at++;
	return true;
}

/* Over blanks and comments. False when a comment never ends. */
static bool skip_space(struct lua54_lexer *x)
{
	while (x->at < x->size) {
		char c = x->text[x->at];
		if (is(c, BLANK))
			x->at++;
		else if (is(c, NEWLINE))
			skip_newline(x);
		else if (c != '-' || peek(x, 1) != '-')
			return true;
		else if (!skip_comment(x))
			return false;
	}
	return true;
}

/* After a backslash. */
static void skip_escape(struct lua54_lexer *x)
{
	if (x->at >= x->size)
		return;
	if (is(x->text[x->at], NEWLINE)) {
		skip_newline(x);
	} else if (x->text[x->at++] == 'z') {
		while (x->at < x->size && is(x->text[x->at], BLANK | NEWLINE)) {
			if (is(x->text[x->at], NEWLINE))
				skip_newline(x);
			else
				x->at++;
		}
	}
}

static int read_string(struct lua54_lexer *x)
{
	char quote = x->text[x->at++];
	while (x->at < x->size) {
		char c = x->text[x->at];
		if (is(c, NEWLINE))
			return T_BAD;
		x->at++;
		if (c == quote)
			return T_STRING;
		if (c == '\\')
			skip_escape(x);
	}
	return T_BAD;
}

/* As LuaJIT does: everything that could belong to a number; whether it is one, the compiler says. */
static int read_number(struct lua54_lexer *x)
{
	bool hex = x->text[x->at] == '0' && (peek(x, 1) | 0x20) == 'x';
	char exponent = hex ? 'p' : 'e';
	while (x->at < x->size) {
		char c = x->text[x->at];
		bool sign = (c == '+' || c == '-') && (x->text[x->at - 1] | 0x20) == exponent;
		if (!sign && c != '.' && !is(c, IN_NAME))
			break;
		x->at++;
	}
	return T_NUMBER;
}

static int keyword(const char *text, size_t length)
{
	static const struct {
		char word[10];
		uint8_t length, kind;
	} keywords[] = {
		{"and", 3, T_AND},       {"break", 5, T_BREAK},   {"do", 2, T_DO},
		{"else", 4, T_ELSE},     {"elseif", 6, T_ELSEIF}, {"end", 3, T_ENDWORD},
		{"false", 5, T_FALSE},   {"for", 3, T_FOR},       {"function", 8, T_FUNCTION},
		{"if", 2, T_IF},         {"in", 2, T_IN},         {"local", 5, T_LOCAL},
		{"nil", 3, T_NIL},       {"not", 3, T_NOT},       {"or", 2, T_OR},
		{"repeat", 6, T_REPEAT}, {"return", 6, T_RETURN}, {"then", 4, T_THEN},
		{"true", 4, T_TRUE},     {"until", 5, T_UNTIL},   {"while", 5, T_WHILE},
	};
	if (length < 2 || length > 8 || text[0] < 'a' || text[0] > 'w')
		return T_NAME;
	for (size_t i = 0; i < COUNT_OF(keywords); i++) {
		if (keywords[i].word[0] == text[0] && keywords[i].length == length &&
		    memcmp(keywords[i].word, text, length) == 0)
			return keywords[i].kind;
	}
	return T_NAME;
}

static int read_name(struct lua54_lexer *x)
{
	size_t start = x->at;
	while (x->at < x->size && is(x->text[x->at], IN_NAME))
		x->at++;
	return keyword(x->text + start, x->at - start);
}

static int read_operator(struct lua54_lexer *x)
{
	static const struct {
		char text[4];
		int kind;
	} longer[] = {
		{"...", T_DOTS}, {"..", T_CONCAT}, {"==", T_EQ},  {"~=", T_NE},  {"<=", T_LE},
		{">=", T_GE},    {"//", T_IDIV},   {"<<", T_SHL}, {">>", T_SHR}, {"::", T_LABEL},
	};
	char c = x->text[x->at];
	for (size_t i = 0; i < COUNT_OF(longer); i++) {
		if (longer[i].text[0] != c)
			continue;
		size_t length = strlen(longer[i].text);
		if (x->size - x->at >= length &&
		    memcmp(longer[i].text, x->text + x->at, length) == 0) {
			x->at += length;
			return longer[i].kind;
		}
	}
	if (c == '\0' || memchr("+-*/%^#&~|<>=(){}[];:,.", c, 23) == NULL)
		return T_BAD;
	x->at++;
	return T_CHARACTER + (unsigned char)c;
}

static int read_token(struct lua54_lexer *x)
{
	char c = x->text[x->at];
	if (is(c, DIGIT) || (c == '.' && is(peek(x, 1), DIGIT)))
		return read_number(x);
	if (is(c, IN_NAME))
		return read_name(x);
	if (c == '"' || c == '\'')
		return read_string(x);
	int level = c == '[' ? long_bracket(x) : -1;
	if (level >= 0)
		return skip_long_bracket(x, level) ? T_STRING : T_BAD;
	return read_operator(x);
}

struct lua54_token lua54_lex_next(struct lua54_lexer *x)
{
	bool whole = skip_space(x);
	struct lua54_token token = {.line = x->line, .start = x->at};
	if (!whole)
		token.kind = T_BAD;
	else
		token.kind = x->at < x->size ? read_token(x) : T_END;
	if (token.kind == T_BAD)
		x->at = x->size;
	token.end = x->at;
	token.last_line = x->line;
	return token;
}
