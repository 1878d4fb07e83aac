/* SPDX-License-Identifier: MIT */
#include "luabind/luatree.h"

#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VALUES_MAX     100000
#define NAME_BYTES_MAX 200

/* The table being converted and what is known of its place. */
struct branch {
	struct conf_value *table;
	luakeys_path path;
	struct luakeys_spot root;  /* the assignment all of it belongs to; unused at the top */
	struct luarun_place place; /* of its key, for children that have none of their own */
	int depth;
};

static bool is_plain_name(const char *key)
{
	for (const char *c = key; *c != '\0'; c++) {
		bool letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || *c == '_';
		if (!letter && (c == key || *c < '0' || *c > '9'))
			return false;
	}
	return *key != '\0';
}

/* Long keys are cut in messages, so that a file cannot make its names outgrow itself. */
static const char *full_name(struct luafile *f, const struct conf_value *table,
			     const struct conf_value *v)
{
	char name[NAME_BYTES_MAX];
	const char *parent = table->name ? table->name : "";
	if (v->key == NULL)
		snprintf(name, sizeof(name), "%s[%.14g]", parent, v->index);
	else if (is_plain_name(v->key))
		snprintf(name, sizeof(name), "%s%s%s", parent, *parent ? "." : "", v->key);
	else
		snprintf(name, sizeof(name), "%s[\"%s\"]", parent, v->key);
	return luafile_text(f, name, strlen(name));
}

NORETURN static void refuse(lua_State *L, struct luarun *run, struct luarun_place p,
			    const char *name, const char *why)
{
	luarun_fail(run, p,
		    luafile_format(run->file, "%s%s%s", name ? name : "", name ? ": " : "", why));
	luarun_throw(L);
}

/* The text of the string or number at `index`; the value there is not changed. */
static const char *copy_text(lua_State *L, struct luarun *run, int index, struct luarun_place p,
			     const char *name)
{
	size_t length;
	lua_pushvalue(L, index);
	const char *text = lua_tolstring(L, -1, &length);
	if (strlen(text) != length)
		refuse(L, run, p, name, "a zero byte cannot stand in a config");
	text = luafile_text(run->file, text, length);
	lua_pop(L, 1);
	return text;
}

/* The key is at -2. */
static void convert_key(lua_State *L, struct luarun *run, const struct branch *b,
			struct conf_value *v)
{
	if (lua_type(L, -2) == LUA_TNUMBER)
		v->index = lua_tonumber(L, -2);
	else if (lua_type(L, -2) == LUA_TSTRING)
		v->key = copy_text(L, run, -2, b->place, b->table->name);
	else
		refuse(L, run, b->place, b->table->name,
		       luafile_format(run->file, "Invalid config table (a key is a %s)",
				      luaL_typename(L, -2)));
	v->name = full_name(run->file, b->table, v);
}

/* Fills the place of `v` and what its own children need to find theirs. */
static void locate(lua_State *L, struct luarun *run, const struct branch *b, struct conf_value *v,
		   struct branch *inner)
{
	struct luakeys_spot spot = {0};
	bool top = b->depth == 0, found;
	struct luarun_place p = top ? luarun_assigned_at(L, v->key) : b->place;
	inner->path = v->key ? luakeys_child(b->path, v->key, strlen(v->key))
			     : luakeys_item(b->path, v->index);
	if (top)
		found = luakeys_find_root(run->keys, inner->path, p.unit, p.line, &spot);
	else
		found = luakeys_find_inner(run->keys, inner->path, &b->root, &spot);
	if (found)
		p = (struct luarun_place){spot.unit, spot.line};
	v->order = found ? spot.order : SIZE_MAX;
	v->file = run->units[p.unit].path;
	v->line = luarun_line(run, p);
	inner->root = top ? spot : b->root;
	if (top && !found)
		inner->root = LUAKEYS_NO_SPOT;
	inner->place = p;
}

static void convert_table(lua_State *L, struct luarun *run, struct branch *b);

/* False: it cannot stand in a config; that is recorded. */
static bool convert_value(lua_State *L, struct luarun *run, struct conf_value *v,
			  struct branch *inner)
{
	switch (lua_type(L, -1)) {
	case LUA_TSTRING:
		v->kind = CONF_STRING;
		v->text = copy_text(L, run, -1, inner->place, v->name);
		return true;
	case LUA_TNUMBER:
		v->kind = CONF_NUMBER;
		v->number = lua_tonumber(L, -1);
		v->text = copy_text(L, run, -1, inner->place, v->name);
		return true;
	case LUA_TBOOLEAN:
		v->kind = CONF_BOOLEAN;
		v->boolean = lua_toboolean(L, -1);
		v->text = v->boolean ? "true" : "false";
		return true;
	case LUA_TTABLE:
		v->kind = CONF_TABLE;
		convert_table(L, run, inner);
		return true;
	default:
		luarun_fail(run, inner->place,
			    luafile_format(run->file,
					   "%s: Invalid config table key = %s (a %s; allowed are "
					   "strings, numbers, booleans and tables)",
					   v->name, v->name, luaL_typename(L, -1)));
		return false;
	}
}

static int compare_children(const void *left, const void *right)
{
	const struct conf_value *a = left, *b = right;
	if (a->order != b->order)
		return a->order < b->order ? -1 : 1;
	if (a->key != NULL && b->key != NULL)
		return strcmp(a->key, b->key);
	if (a->key == NULL && b->key == NULL)
		return a->index < b->index ? -1 : a->index > b->index;
	return a->key == NULL ? -1 : 1;
}

/* The table is at the top of the stack and stays there. */
static void convert_table(lua_State *L, struct luarun *run, struct branch *b)
{
	size_t count = 0;
	luaL_checkstack(L, 8, NULL);
	if (b->depth > LUARUN_NESTING_MAX)
		refuse(L, run, b->place, b->table->name, "tables are nested too deep");
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1))
		count++;
	run->values += count;
	if (run->values > VALUES_MAX)
		refuse(L, run, b->place, b->table->name, "too many values for a config file");
	struct conf_value *v = luafile_arena(run->file, count * sizeof(*v));
	b->table->children = v;
	for (lua_pushnil(L); lua_next(L, -2); lua_pop(L, 1)) {
		struct branch inner = {.table = v, .depth = b->depth + 1};
		convert_key(L, run, b, v);
		locate(L, run, b, v, &inner);
		if (convert_value(L, run, v, &inner))
			v++;
		else
			*v = (struct conf_value){0};
	}
	count = b->table->child_count = (size_t)(v - b->table->children);
	if (count > 0)
		qsort(b->table->children, count, sizeof(*v), compare_children);
}

struct conf_value *luatree_convert(lua_State *L, struct luarun *run)
{
	struct conf_value *root = luafile_arena(run->file, sizeof(*root));
	root->kind = CONF_TABLE;
	root->file = run->units[0].path;
	struct branch top = {.table = root, .path = LUAKEYS_ROOT};
	convert_table(L, run, &top);
	return root;
}
