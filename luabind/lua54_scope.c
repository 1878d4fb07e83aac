/* SPDX-License-Identifier: MIT
 *
 * Names, for the check of constants; and closed variables: which of them an exit leaves. `local x <close> = e`
 * becomes
 *
 *     local x = e; local __lua54_1 = __lua54.tbc(x, "x") do ... end __lua54.close(__lua54_1)
 *
 * and each other exit calls close with the outermost variable that it leaves; that closes the inner ones too. The
 * `do` keeps a label at the end of the block where it may be jumped to. An error closes nothing here: pcall does,
 * in lua/lua54.lua.
 *
 * A goto may come before its label. It then waits in `gotos` with what it has left so far, while blocks end.
 */
#include "luabind/lua54_parse.h"

#include "core/mem.h"
#include <string.h>

static void *list_add(struct lua54_list *list, size_t item_bytes)
{
	if (list->count == list->capacity) {
		list->capacity = list->capacity ? list->capacity * 2 : 16;
		list->items = mem_realloc(list->items, list->capacity * item_bytes);
	}
	return (char *)list->items + list->count++ * item_bytes;
}

void lua54_list_free(struct lua54_list *list)
{
	mem_free(list->items);
}

static bool same_text(const struct lua54_parser *p, size_t a, size_t b, size_t length)
{
	return memcmp(p->lexer.text + a, p->lexer.text + b, length) == 0;
}

/* ---- names ---- */

struct lua54_name lua54_name_at(const struct lua54_parser *p)
{
	return (struct lua54_name){p->token.start, p->token.end - p->token.start, false, false};
}

static bool name_is(const struct lua54_parser *p, const struct lua54_name *name, const char *word)
{
	return name->length == strlen(word) &&
	       memcmp(p->lexer.text + name->start, word, name->length) == 0;
}

void lua54_declare(struct lua54_parser *p, struct lua54_name name)
{
	*(struct lua54_name *)list_add(&p->names, sizeof(name)) = name;
	if (name.is_const)
		p->has_const = true;
	if (name_is(p, &name, "_ENV"))
		p->has_env = true;
}

void lua54_activate(struct lua54_parser *p, size_t count)
{
	struct lua54_name *names = p->names.items;
	for (size_t i = count; i < p->names.count; i++)
		names[i].is_pending = false;
}

/* The innermost variable of this text that is known here, or NULL. */
static const struct lua54_name *find(const struct lua54_parser *p, const char *text, size_t length)
{
	const struct lua54_name *names = p->names.items;
	for (size_t i = p->names.count; i-- > 0;) {
		if (!names[i].is_pending && names[i].length == length &&
		    memcmp(p->lexer.text + names[i].start, text, length) == 0)
			return &names[i];
	}
	return NULL;
}

void lua54_check_assignable(struct lua54_parser *p, const struct lua54_name *name)
{
	bool is_env = name_is(p, name, "_ENV");
	if (!p->has_const && !is_env)
		return;
	const struct lua54_name *variable = find(p, p->lexer.text + name->start, name->length);
	if (variable && variable->is_const)
		lua54_own_error(p, "attempt to assign to const variable '%.*s'", name);
	/* It would have to change the environment of functions that exist already. */
	if (!variable && is_env)
		lua54_own_error(p,
				"a value for the chunk's _ENV is not translated: "
				"say local _ENV = ...",
				NULL);
}

void lua54_use_name(struct lua54_parser *p, const struct lua54_name *name)
{
	if (!p->has_env || !find(p, "_ENV", 4))
		return;
	bool is_variable = find(p, p->lexer.text + name->start, name->length) != NULL ||
			   (p->has_self && name_is(p, name, "self"));
	if (!is_variable)
		lua54_edit_open(&p->edits, name->start, "_ENV.");
}

/* ---- blocks ---- */

void lua54_block_enter(struct lua54_parser *p, struct lua54_block *block, struct lua54_block *up)
{
	*block = (struct lua54_block){
		.up = up,
		.names = p->names.count,
		.closers = p->closers.count,
		.labels = p->labels.count,
		.gotos = p->gotos.count,
	};
	p->block = block;
}

static unsigned closer_id(const struct lua54_parser *p, size_t index)
{
	const struct lua54_closer *closers = p->closers.items;
	return index < p->closers.count ? closers[index].id : 0;
}

/* The variables of the block are closed: the gotos in it leave them, and whatever comes next does not. */
static void drop_closers(struct lua54_parser *p)
{
	struct lua54_goto *gotos = p->gotos.items;
	size_t keep = p->block->closers;
	for (size_t i = p->block->gotos; i < p->gotos.count; i++) {
		if (gotos[i].closers <= keep)
			continue;
		gotos[i].closers = keep;
		gotos[i].close_id = closer_id(p, keep);
	}
	p->closers.count = keep;
}

static void close_all(struct lua54_parser *p, size_t offset)
{
	for (size_t i = p->closers.count; i-- > p->block->closers;) {
		unsigned id = closer_id(p, i);
		lua54_edit_close(&p->edits, offset, " end %s.close(%s_%u)", LUA54_PREFIX,
				 LUA54_PREFIX, id);
	}
	drop_closers(p);
}

void lua54_block_end(struct lua54_parser *p)
{
	if (!p->block->is_repeat) /* the condition closes it, since it may use the variables */
		close_all(p, p->last_end);
}

void lua54_block_leave(struct lua54_parser *p)
{
	drop_closers(p);
	p->names.count = p->block->names;
	p->labels.count = p->block->labels;
	p->block = p->block->up;
}

/* ---- closed variables ---- */

void lua54_closer(struct lua54_parser *p, const struct lua54_name *name)
{
	struct lua54_closer closer = {++p->last_id};
	const char *text = p->lexer.text + name->start;
	size_t at = p->last_end;
	*(struct lua54_closer *)list_add(&p->closers, sizeof(closer)) = closer;
	p->uses_helpers = true;
	lua54_edit_close(&p->edits, at, "; local %s_%u = %s.tbc(", LUA54_PREFIX, closer.id,
			 LUA54_PREFIX);
	lua54_edit_close_text(&p->edits, at, text, name->length);
	lua54_edit_close(&p->edits, at, ", \"");
	lua54_edit_close_text(&p->edits, at, text, name->length);
	lua54_edit_close(&p->edits, at, p->block->is_repeat ? "\");" : "\") do");
}

unsigned lua54_closer_of_function(const struct lua54_parser *p)
{
	return closer_id(p, p->function_closers);
}

unsigned lua54_closer_of_loop(const struct lua54_parser *p)
{
	const struct lua54_block *b = p->block;
	while (b && !b->is_loop)
		b = b->up;
	return b ? closer_id(p, b->closers) : 0;
}

/* ---- jumps ---- */

static void close_on_goto(struct lua54_parser *p, const struct lua54_goto *jump)
{
	if (jump->close_id == 0)
		return;
	lua54_edit_open(&p->edits, jump->from, "do %s.close(%s_%u) ", LUA54_PREFIX, LUA54_PREFIX,
			jump->close_id);
	lua54_edit_close(&p->edits, jump->start + jump->length, " end");
}

void lua54_label(struct lua54_parser *p, const struct lua54_name *name)
{
	struct lua54_goto *gotos = p->gotos.items;
	size_t kept = p->block->gotos;
	for (size_t i = kept; i < p->gotos.count; i++) {
		if (gotos[i].length == name->length &&
		    same_text(p, gotos[i].start, name->start, name->length))
			close_on_goto(p, &gotos[i]);
		else
			gotos[kept++] = gotos[i];
	}
	p->gotos.count = kept;
	*(struct lua54_label *)list_add(&p->labels, sizeof(struct lua54_label)) =
		(struct lua54_label){name->start, name->length, p->closers.count};
}

void lua54_close_before_label(struct lua54_parser *p, size_t before)
{
	if (!p->block->is_repeat)
		close_all(p, before);
}

void lua54_goto(struct lua54_parser *p, const struct lua54_name *name, size_t from)
{
	const struct lua54_label *labels = p->labels.items;
	struct lua54_goto jump = {name->start, name->length, from, p->closers.count, 0};
	for (size_t i = p->labels.count; i-- > p->function_labels;) {
		if (labels[i].length != name->length ||
		    !same_text(p, labels[i].start, name->start, name->length))
			continue;
		jump.close_id = closer_id(p, labels[i].closers);
		close_on_goto(p, &jump);
		return;
	}
	*(struct lua54_goto *)list_add(&p->gotos, sizeof(jump)) = jump;
}
