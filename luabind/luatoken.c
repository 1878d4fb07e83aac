/* SPDX-License-Identifier: MIT */
#include "luabind/luatoken.h"

#include <string.h>

/* 0 at the end, which is no character of any token. */
static char peek(const struct luatoken_reader *r, size_t ahead)
{
	return (size_t)(r->end - r->at) > ahead ? r->at[ahead] : '\0';
}

static void advance(struct luatoken_reader *r)
{
	if (*r->at++ == '\n')
		r->line++;
}

/* By hand: the answer must not depend on the locale. LuaJIT takes every byte from 128 up as a
 * letter. */
static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (c & 0x80);
}

static void skip_line(struct luatoken_reader *r)
{
	while (r->at < r->end && *r->at != '\n')
		r->at++;
}

struct luatoken_reader luatoken_reader(const char *text, size_t size_bytes)
{
	struct luatoken_reader r = {text, text + size_bytes, 1};
	/* LuaJIT passes over a byte order mark and a first line that begins with '#'. */
	if (size_bytes >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0)
		r.at += 3;
	if (peek(&r, 0) == '#')
		skip_line(&r);
	return r;
}

/* At a '[': the number of '=' of a long bracket, -1 when it is none. */
static int long_bracket_level(const struct luatoken_reader *r)
{
	size_t ahead = 1;
	while (peek(r, ahead) == '=')
		ahead++;
	return peek(r, ahead) == '[' ? (int)(ahead - 1) : -1;
}

static bool closes_long_bracket(const struct luatoken_reader *r, int level)
{
	if (peek(r, 0) != ']' || peek(r, (size_t)level + 1) != ']')
		return false;
	for (int i = 1; i <= level; i++) {
		if (peek(r, (size_t)i) != '=')
			return false;
	}
	return true;
}

static void skip_long_bracket(struct luatoken_reader *r, int level)
{
	r->at += level + 2;
	while (r->at < r->end && !closes_long_bracket(r, level))
		advance(r);
	if (r->at < r->end)
		r->at += level + 2;
}

static void skip_comment(struct luatoken_reader *r)
{
	r->at += 2;
	int level = peek(r, 0) == '[' ? long_bracket_level(r) : -1;
	if (level >= 0)
		skip_long_bracket(r, level);
	else
		skip_line(r);
}

static void skip_space(struct luatoken_reader *r)
{
	while (r->at < r->end) {
		if (peek(r, 0) == '-' && peek(r, 1) == '-')
			skip_comment(r);
		else if (strchr(" \t\r\n\f\v", *r->at) != NULL && *r->at != '\0')
			advance(r);
		else
			return;
	}
}

static struct luatoken quoted(struct luatoken_reader *r, struct luatoken t)
{
	char quote = *r->at++;
	t.kind = LUATOKEN_STRING;
	t.text = r->at;
	while (r->at < r->end && *r->at != quote && *r->at != '\n') {
		if (*r->at == '\\') {
			t.kind = LUATOKEN_OTHER;
			advance(r);
			if (r->at == r->end)
				break;
		}
		advance(r);
	}
	t.length = (size_t)(r->at - t.text);
	if (peek(r, 0) == quote)
		r->at++;
	return t;
}

static void skip_number(struct luatoken_reader *r)
{
	while (is_digit(peek(r, 0)) || is_letter(peek(r, 0)) || peek(r, 0) == '.') {
		bool exponent = strchr("eEpP", *r->at) != NULL;
		r->at++;
		if (exponent && (peek(r, 0) == '+' || peek(r, 0) == '-'))
			r->at++;
	}
}

static void skip_symbol(struct luatoken_reader *r, struct luatoken *t)
{
	char c = *r->at++;
	if (strchr("=<>~", c) != NULL && peek(r, 0) == '=') {
		r->at++;
	} else if ((c == '.' || c == ':') && peek(r, 0) == c) {
		while (peek(r, 0) == c)
			r->at++;
	} else {
		t->kind = LUATOKEN_SYMBOL;
		t->symbol = c;
	}
}

struct luatoken luatoken_next(struct luatoken_reader *r)
{
	skip_space(r);
	struct luatoken t = {LUATOKEN_OTHER, 0, r->line, r->at, 0};
	char c = peek(r, 0);
	if (r->at == r->end) {
		t.kind = LUATOKEN_END;
	} else if (c == '"' || c == '\'') {
		return quoted(r, t);
	} else if (is_letter(c)) {
		t.kind = LUATOKEN_NAME;
		while (is_letter(peek(r, 0)) || is_digit(peek(r, 0)))
			r->at++;
	} else if (is_digit(c) || (c == '.' && is_digit(peek(r, 1)))) {
		t.kind = LUATOKEN_NUMBER;
		skip_number(r);
	} else if (c == '[' && long_bracket_level(r) >= 0) {
		skip_long_bracket(r, long_bracket_level(r));
	} else if (c == '\0') {
		r->at++;
	} else {
		skip_symbol(r, &t);
	}
	t.length = (size_t)(r->at - t.text);
	return t;
}

bool luatoken_is_symbol(const struct luatoken *t, char symbol)
{
	return t->kind == LUATOKEN_SYMBOL && t->symbol == symbol;
}

bool luatoken_is_word(const struct luatoken *t, const char *word)
{
	return t->kind == LUATOKEN_NAME && t->length == strlen(word) &&
	       memcmp(t->text, word, t->length) == 0;
}
