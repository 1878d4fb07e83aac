/* SPDX-License-Identifier: MIT */
#include "luabind/lua54.h"

#include "core/mem.h"
#include "luabind/lua54_parse.h"
#include <lauxlib.h>
#include <string.h>

static void parser_free(struct lua54_parser *p)
{
	lua54_edits_free(&p->edits);
	lua54_list_free(&p->names);
	lua54_list_free(&p->closers);
	lua54_list_free(&p->labels);
	lua54_list_free(&p->gotos);
}

/* Makes the chunk the inner one of a function that gets the helpers. Its lines stay where they are: the one text
 * stands before the first token, the other behind the last. */
static void wrap(struct lua54_parser *p, size_t first_token)
{
	lua54_edit_open(&p->edits, first_token,
			"local " LUA54_PREFIX " = ... return function(...) ");
	lua54_edit_close(&p->edits, p->last_end, " end");
}

static void fail(struct lua54_result *out, int line, const char *message)
{
	out->outcome = LUA54_ERROR;
	out->wrapped = false;
	out->line = line;
	out->text = mem_strdup(message);
	out->size_bytes = strlen(message);
}

static void note_first(const struct lua54_parser *p, struct lua54_result *out)
{
	size_t length = p->first.end - p->first.start;
	if (!p->has_first)
		return;
	if (length >= sizeof(out->first))
		length = sizeof(out->first) - 1;
	memcpy(out->first, p->lexer.text + p->first.start, length);
	out->line = p->first.line;
}

static void finish(struct lua54_parser *p, size_t first_token, struct lua54_result *out)
{
	if (p->edits.count == 0)
		return;
	if (p->prefix_is_taken) {
		fail(out, out->line, "names that begin with '" LUA54_PREFIX "' are reserved");
		return;
	}
	out->outcome = LUA54_TRANSLATED;
	out->wrapped = p->uses_helpers;
	if (p->uses_helpers)
		wrap(p, first_token);
	out->text = lua54_edits_apply(&p->edits, p->lexer.text, p->lexer.size, &out->size_bytes);
}

void lua54_translate(const char *source, size_t size_bytes, struct lua54_result *out)
{
	struct lua54_parser p = {0};
	struct lua54_lexer first;
	*out = (struct lua54_result){.outcome = LUA54_UNCHANGED};
	if (size_bytes > INT32_MAX || (size_bytes > 0 && source[0] == '\x1b'))
		return; /* bytecode */
	lua54_lex_begin(&p.lexer, source, size_bytes);
	first = p.lexer;
	if (setjmp(p.fault) == 0) {
		lua54_chunk(&p);
		note_first(&p, out);
		finish(&p, lua54_lex_next(&first).start, out);
	} else {
		/* What LuaJIT finds wrong too, it says in its own words, unless it would stumble over what we
		 * should have edited. */
		note_first(&p, out);
		if (p.fault_is_ours || p.edits.count > 0)
			fail(out, p.fault_line, p.message);
	}
	parser_free(&p);
}

/* ---- for Lua ---- */

/* (lightuserdata: struct lua54_result) -> what lua54_for_lua gives, but for the unchanged source */
static int push_result(lua_State *L)
{
	const struct lua54_result *r = lua_touserdata(L, 1);
	if (r->outcome == LUA54_ERROR) {
		lua_pushnil(L);
		lua_pushlstring(L, r->text, r->size_bytes);
		lua_pushinteger(L, r->line);
		lua_pushnil(L);
		return 4;
	}
	if (r->outcome == LUA54_TRANSLATED)
		lua_pushlstring(L, r->text, r->size_bytes);
	else
		lua_pushboolean(L, false);
	lua_pushboolean(L, r->wrapped);
	if (r->first[0] == '\0')
		return 2;
	lua_pushinteger(L, r->line);
	lua_pushstring(L, r->first);
	return 4;
}

int lua54_for_lua(lua_State *L)
{
	struct lua54_result result;
	size_t size_bytes;
	const char *source = luaL_checklstring(L, 1, &size_bytes);
	lua_settop(L, 1);
	/* All that may raise comes before anything is allocated, or is protected. */
	lua_pushcfunction(L, push_result);
	lua_pushlightuserdata(L, &result);
	lua54_translate(source, size_bytes, &result);
	int status = lua_pcall(L, 1, 4, 0);
	mem_free(result.text);
	if (status != 0)
		return lua_error(L);
	if (result.outcome == LUA54_UNCHANGED) {
		lua_pushvalue(L, 1);
		lua_replace(L, 2);
	}
	return 4;
}
