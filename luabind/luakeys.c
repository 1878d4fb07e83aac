/* SPDX-License-Identifier: MIT
 *
 * The pass knows two situations. Between braces (`scan_constructor`) a key stands at the beginning
 * of a field: `name =`, `["name"] =`, `[1] =`, or no key at all. Everywhere else
 * (`scan_statements`) a key is what stands before a single `=`: `name`, `name.name`,
 * `name["name"]`. Inside round brackets, after `local` and `for`, nothing is noted. Expressions are
 * skipped, only their brackets are counted.
 */
#include "luabind/luakeys.h"

#include "core/mem.h"
#include "luabind/luatoken.h"

#include <stdlib.h>
#include <string.h>

/* Deeper keys are not noted: nobody writes them by hand, and the scan recurses. */
#define DEPTH_MAX 32
/* Of `a, b, c = ...`. */
#define TARGETS_MAX 8

#define NO_ROOT UINT32_MAX
/* The path of a table that no key leads to: what lies in it is not noted. */
#define NO_PATH ((luakeys_path)0)

struct entry {
	luakeys_path path;
	uint32_t id;   /* survives that the entries move when an include is put in its place */
	uint32_t root; /* id of the top-level entry whose constructor it is in; NO_ROOT: in none */
	int unit;
	int line;
	size_t order;
};

struct luakeys {
	struct entry *entries; /* in the order of the text; after luakeys_finish by path, order */
	size_t count;
	size_t room;
	uint32_t next_id;
	bool finished;
};

struct target {
	luakeys_path path;
	int line; /* of the path's last key */
	bool dotted;
};

struct scan {
	struct luakeys *keys; /* of this text alone */
	struct luatoken_reader reader;
	struct luatoken now;
	struct luatoken next;
	int unit;
	int depth;
};

static luakeys_path mix(luakeys_path path, const void *bytes, size_t length)
{
	const unsigned char *at = bytes;
	for (size_t i = 0; i < length; i++)
		path = (path ^ at[i]) * 1099511628211ull; /* FNV-1a */
	return path;
}

luakeys_path luakeys_child(luakeys_path parent, const char *key, size_t length)
{
	return mix(mix(parent, "\0s", 2), key, length);
}

luakeys_path luakeys_item(luakeys_path parent, double index)
{
	return mix(mix(parent, "\0n", 2), &index, sizeof(index));
}

struct luakeys *luakeys_new(void)
{
	return mem_zalloc(sizeof(struct luakeys));
}

void luakeys_free(struct luakeys *k)
{
	if (k != NULL)
		mem_free(k->entries);
	mem_free(k);
}

static void reserve(struct luakeys *k, size_t more)
{
	if (k->room - k->count >= more)
		return;
	k->room = (k->count + more) * 2;
	k->entries = mem_realloc(k->entries, k->room * sizeof(*k->entries));
}

static uint32_t note(struct scan *s, luakeys_path path, int line, uint32_t root)
{
	struct luakeys *k = s->keys;
	reserve(k, 1);
	uint32_t id = k->next_id++;
	k->entries[k->count++] = (struct entry){path, id, root, s->unit, line, 0};
	return id;
}

static void step(struct scan *s)
{
	s->now = s->next;
	s->next = luatoken_next(&s->reader);
}

static bool at(const struct scan *s, char symbol)
{
	return luatoken_is_symbol(&s->now, symbol);
}

static bool at_end(const struct scan *s)
{
	return s->now.kind == LUATOKEN_END;
}

/* At an opening bracket: goes behind the one that closes it. */
static void skip_brackets(struct scan *s)
{
	int open = 0;
	do {
		open += at(s, '(') || at(s, '[') || at(s, '{');
		open -= at(s, ')') || at(s, ']') || at(s, '}');
		step(s);
	} while (open > 0 && !at_end(s));
}

/* The path of a key written as a string or a number; NO_PATH when the token is neither. */
static luakeys_path literal_path(const struct luatoken *t, luakeys_path parent)
{
	if (t->kind == LUATOKEN_STRING)
		return luakeys_child(parent, t->text, t->length);
	if (t->kind != LUATOKEN_NUMBER || t->length > 30)
		return NO_PATH;
	char digits[32];
	memcpy(digits, t->text, t->length);
	digits[t->length] = '\0';
	return luakeys_item(parent, strtod(digits, NULL));
}

/* At the '[' of `[key]`: goes behind the ']'. */
static luakeys_path scan_bracket_key(struct scan *s, luakeys_path parent, int *line)
{
	*line = s->now.line;
	if (!luatoken_is_symbol(&s->next, '[') && s->next.kind != LUATOKEN_END) {
		struct luatoken key = s->next;
		struct scan ahead = *s;
		step(&ahead);
		if (luatoken_is_symbol(&ahead.next, ']')) {
			skip_brackets(s);
			*line = key.line;
			return literal_path(&key, parent);
		}
	}
	skip_brackets(s);
	return NO_PATH;
}

static bool at_field_end(const struct scan *s)
{
	return at(s, ',') || at(s, ';') || at(s, '}') || at_end(s);
}

static void scan_constructor(struct scan *s, luakeys_path path, uint32_t root);

static void scan_field_value(struct scan *s, luakeys_path path, uint32_t root)
{
	if (at(s, '{'))
		scan_constructor(s, path, root);
	while (!at_field_end(s)) {
		if (at(s, '(') || at(s, '[') || at(s, '{'))
			skip_brackets(s);
		else
			step(s);
	}
}

/* At the first token of a field; `*items` counts those without a key. */
static void scan_field(struct scan *s, luakeys_path parent, uint32_t root, int *items)
{
	luakeys_path path = NO_PATH;
	int line = s->now.line;
	if (s->now.kind == LUATOKEN_NAME && luatoken_is_symbol(&s->next, '=')) {
		path = luakeys_child(parent, s->now.text, s->now.length);
		step(s);
		step(s);
	} else if (at(s, '[')) {
		path = scan_bracket_key(s, parent, &line);
		if (at(s, '='))
			step(s);
	} else {
		path = luakeys_item(parent, ++*items);
	}
	if (path != NO_PATH)
		note(s, path, line, root);
	scan_field_value(s, path, root);
}

/* At the '{': goes behind its '}'. */
static void scan_constructor(struct scan *s, luakeys_path path, uint32_t root)
{
	if (path == NO_PATH || s->depth >= DEPTH_MAX) {
		skip_brackets(s);
		return;
	}
	s->depth++;
	int items = 0;
	step(s);
	while (!at(s, '}') && !at_end(s)) {
		if (at_field_end(s))
			step(s);
		else
			scan_field(s, path, root, &items);
	}
	step(s);
	s->depth--;
}

/* At the name that a prefix expression begins with: goes behind the last key that belongs to it. */
static struct target scan_target(struct scan *s)
{
	struct target t = {luakeys_child(LUAKEYS_ROOT, s->now.text, s->now.length), s->now.line,
			   false};
	step(s);
	while (at(s, '.') || at(s, '[')) {
		luakeys_path parent = t.path;
		t.dotted = true;
		if (at(s, '[')) {
			t.path = scan_bracket_key(s, parent, &t.line);
		} else {
			step(s);
			t.path = luakeys_child(parent, s->now.text, s->now.length);
			t.line = s->now.line;
			step(s);
		}
		if (parent == NO_PATH)
			t.path = NO_PATH;
	}
	return t;
}

/* At the '=' of an assignment to `targets`. */
static void scan_assignment(struct scan *s, const struct target *targets, size_t count)
{
	uint32_t root = NO_ROOT;
	for (size_t i = 0; i < count; i++) {
		if (targets[i].path == NO_PATH)
			continue;
		uint32_t id = note(s, targets[i].path, targets[i].line, NO_ROOT);
		root = targets[i].dotted ? NO_ROOT : id;
	}
	step(s);
	if (at(s, '{'))
		scan_constructor(s, count == 1 ? targets[0].path : NO_PATH, root);
}

static void scan_statements(struct scan *s)
{
	struct target targets[TARGETS_MAX];
	size_t count = 0;
	bool hidden = false, listed = false; /* after `local` or `for`; after a ',' */
	while (!at_end(s)) {
		if (luatoken_is_word(&s->now, "local") || luatoken_is_word(&s->now, "for")) {
			hidden = listed = true;
			count = 0;
			step(s);
		} else if (s->now.kind == LUATOKEN_NAME) {
			hidden = hidden && listed;
			count = listed && !hidden ? count : 0;
			listed = false;
			struct target t = scan_target(s);
			if (count < TARGETS_MAX)
				targets[count++] = t;
		} else if (at(s, '=')) {
			scan_assignment(s, targets, hidden ? 0 : count);
			count = 0;
			hidden = listed = false;
		} else if (at(s, '(') || at(s, '[') || at(s, '{')) {
			skip_brackets(s);
			listed = false;
		} else {
			listed = at(s, ',');
			step(s);
		}
	}
}

/* The place of what `unit` includes at `line`. */
static size_t place_of(const struct luakeys *k, int unit, int line)
{
	for (size_t i = 0; i < k->count; i++) {
		if (k->entries[i].unit == unit && k->entries[i].line > line)
			return i;
	}
	return k->count;
}

static void insert(struct luakeys *k, size_t place, const struct luakeys *part)
{
	reserve(k, part->count);
	if (part->count == 0)
		return;
	memmove(k->entries + place + part->count, k->entries + place,
		(k->count - place) * sizeof(*k->entries));
	memcpy(k->entries + place, part->entries, part->count * sizeof(*k->entries));
	k->count += part->count;
}

void luakeys_scan(struct luakeys *k, int unit, const char *text, size_t size_bytes, int from_unit,
		  int from_line)
{
	debug_ensure(!k->finished);
	struct luakeys part = {.next_id = k->next_id};
	struct scan s = {.keys = &part, .reader = luatoken_reader(text, size_bytes), .unit = unit};
	step(&s);
	step(&s);
	scan_statements(&s);
	insert(k, place_of(k, from_unit, from_line), &part);
	k->next_id = part.next_id;
	mem_free(part.entries);
}

static int compare(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	if (a->path != b->path)
		return a->path < b->path ? -1 : 1;
	return a->order < b->order ? -1 : a->order > b->order;
}

void luakeys_finish(struct luakeys *k)
{
	debug_ensure(!k->finished);
	for (size_t i = 0; i < k->count; i++)
		k->entries[i].order = i;
	if (k->count > 0)
		qsort(k->entries, k->count, sizeof(*k->entries), compare);
	k->finished = true;
}

/* The entries after the last one with this path: look-ups go backwards from there. */
static size_t end_of(const struct luakeys *k, luakeys_path path)
{
	size_t low = 0, high = k->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (k->entries[middle].path <= path)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool spot(const struct entry *e, uint32_t root, struct luakeys_spot *out)
{
	*out = (struct luakeys_spot){e->unit, e->line, e->order, root};
	return true;
}

bool luakeys_find_root(const struct luakeys *k, luakeys_path path, int unit, int line,
		       struct luakeys_spot *out)
{
	for (size_t i = end_of(k, path); i > 0 && k->entries[i - 1].path == path; i--) {
		const struct entry *e = &k->entries[i - 1];
		if (e->unit == unit && e->line <= line)
			return spot(e, e->id, out);
	}
	return false;
}

bool luakeys_find_inner(const struct luakeys *k, luakeys_path path, const struct luakeys_spot *root,
			struct luakeys_spot *out)
{
	for (size_t i = end_of(k, path); i > 0 && k->entries[i - 1].path == path; i--) {
		const struct entry *e = &k->entries[i - 1];
		if (e->root == root->root || (e->root == NO_ROOT && e->order > root->order))
			return spot(e, root->root, out);
	}
	return false;
}
