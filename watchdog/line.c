/* SPDX-License-Identifier: MIT */
#include "watchdog/line.h"
#include "core/log.h"

#include <stdio.h>
#include <string.h>

/* Kept free for the end: "}" and the 0. */
enum { TAIL_BYTES = 2 };

static bool put(struct line *l, const char *text, size_t bytes)
{
	if (bytes > l->size - l->used - TAIL_BYTES)
		return false;
	memcpy(l->out + l->used, text, bytes);
	l->used += bytes;
	return true;
}

static bool put_key(struct line *l, const char *key)
{
	bool first = l->used <= 1;
	bool json = l->format == LINE_JSON;
	if (!first && !put(l, json ? "," : " ", 1))
		return false;
	return (!json || put(l, "\"", 1)) && put(l, key, strlen(key)) &&
	       put(l, json ? "\":" : "=", json ? 2 : 1);
}

static bool is_plain(const char *value)
{
	for (const char *at = value; *at; at++)
		if ((unsigned char)*at <= ' ' || *at == '=' || *at == '"' || *at == '\\' ||
		    *at == 0x7f)
			return false;
	return true;
}

static bool is_utf8_tail(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* Length of the UTF-8 character at `at`, 0: it is none. Overlong forms and surrogates are let through: they are
 * for readers to judge, and harm no parser's idea of where the string ends. */
static size_t utf8_bytes(const char *at)
{
	unsigned char c = (unsigned char)*at;
	size_t n = c < 0x80 ? 1 : c < 0xc2 ? 0 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : c < 0xf5 ? 4 : 0;
	for (size_t i = 1; i < n; i++)
		if (!is_utf8_tail((unsigned char)at[i]))
			return 0;
	return n;
}

static bool put_character(struct line *l, const char *at, size_t bytes)
{
	char escape[8];
	unsigned char c = (unsigned char)*at;
	if (bytes == 0)
		return put(l, "?", 1);
	if (bytes > 1)
		return put(l, at, bytes);
	if (c == '"' || c == '\\') {
		escape[0] = '\\';
		escape[1] = (char)c;
		return put(l, escape, 2);
	}
	if (c == '\n' || c == '\t')
		return put(l, c == '\n' ? "\\n" : "\\t", 2);
	if (c >= ' ' && c != 0x7f)
		return put(l, at, 1);
	snprintf(escape, sizeof(escape), "\\u%04x", c);
	return put(l, escape, 6);
}

static bool put_quoted(struct line *l, const char *value)
{
	if (!put(l, "\"", 1))
		return false;
	while (*value) {
		size_t bytes = utf8_bytes(value);
		if (!put_character(l, value, bytes))
			return false;
		value += bytes ? bytes : 1;
	}
	return put(l, "\"", 1);
}

void line_text(struct line *l, const char *key, const char *value)
{
	size_t before = l->used;
	if (value == NULL || *value == '\0')
		return;
	bool bare = l->format == LINE_LOGFMT && is_plain(value);
	bool fits = put_key(l, key) &&
		    (bare ? put(l, value, strlen(value)) : put_quoted(l, value));
	if (!fits)
		l->used = before;
}

void line_number(struct line *l, const char *key, int64_t value)
{
	char text[24];
	size_t before = l->used;
	int bytes = snprintf(text, sizeof(text), "%lld", (long long)value);
	if (!put_key(l, key) || !put(l, text, (size_t)bytes))
		l->used = before;
}

void line_address(struct line *l, const char *key, uint32_t handle)
{
	char text[16];
	snprintf(text, sizeof(text), ":%08x", handle);
	line_text(l, key, text);
}

void line_begin(struct line *l, enum line_format format, char *out, size_t size, int64_t wall_ns)
{
	char ts[LOG_UTC_BYTES];
	*l = (struct line){format, out, size, 0};
	if (format == LINE_JSON)
		put(l, "{", 1);
	log_put_utc(ts, wall_ns);
	line_text(l, "ts", ts);
}

size_t line_end(struct line *l)
{
	if (l->format == LINE_JSON)
		l->out[l->used++] = '}';
	l->out[l->used] = '\0';
	return l->used;
}
