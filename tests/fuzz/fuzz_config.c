/* SPDX-License-Identifier: MIT
 *
 * Any text as a config file: the key scanner, the LuaJIT run, the tree and the checks must take it
 * without a crash, a leak or a hang, and must either give a configuration within its ranges or say
 * why not.
 */
#include "fuzz/target.h"
#include "conf/conf.h"
#include "conf/options.h"
#include "core/base.h"

#include <stdio.h>
#include <string.h>

/* Children come in the order of the text, every place has a file, and names are never missing. */
static void check_tree(const struct conf_value *v)
{
	for (size_t i = 0; i < v->child_count; i++) {
		const struct conf_value *c = &v->children[i];
		ensure(c->name != NULL && c->file != NULL && c->line >= 0);
		ensure(i == 0 || c[-1].order <= c->order);
		ensure((c->kind == CONF_TABLE) == (c->text == NULL));
		check_tree(c);
	}
}

/* The ranges are those of the table of options, so that this cannot allow less, or more, than the documentation does.
 * `base` is the structure that the fields of these options lie in; of an entry's options, those in `set`. */
static void check_ranges(const void *base, unsigned set)
{
	size_t count;
	const struct option *table = option_table(&count);
	for (size_t i = 0; i < count; i++) {
		const struct option *o = &table[i];
		int64_t number;
		bool ranged = o->type == OPTION_INTEGER || o->type == OPTION_TIME || o->type == OPTION_SIZE;
		if (!ranged || (set ? !(o->rule_flag & set) : o->rule_flag != 0))
			continue;
		memcpy(&number, (const char *)base + o->offset, sizeof(number));
		ensure(number >= o->minimum && number <= o->maximum);
	}
}

static void check_entry(const struct conf_rule *r)
{
	ensure(r->pattern != NULL && r->line >= 0);
	if (r->set)
		check_ranges(r, r->set);
}

static void check_conf(const struct conf *c)
{
	check_ranges(c, 0);
	ensure(c->start != NULL && c->bootstrap != NULL);
	for (size_t i = 0; i < c->rule_count; i++)
		check_entry(&c->rules[i]);
	check_tree(c->source->root);
}

/* Whether the text was a good config; ends the process when a rule is broken. */
static bool try_input(const uint8_t *data, size_t size)
{
	struct conf_report report = {0};
	struct conf *c = conf_from(luafile_parse("fuzz.conf", (const char *)data, size), &report);
	ensure((c == NULL) == report_has_errors(&report));
	bool good = c != NULL;
	if (good)
		check_conf(c);
	conf_free(c);
	report_clear(&report);
	return good;
}

static const char *const seeds[] = {
	"thread = 8\nroot = './'\nluaservice = root..'service/?.lua'\nlogger = nil\n",
	"slice = '1ms' weight = 100 stack = \"64KB\" jit = true stop = 1.5\n",
	"service = {\n battle = { slice = '500us', weight = 400 }, ['log*'] = { weight = 10 } }\n",
	"watchdog = { warn = '1s', demote = '5s', starved = '100ms', handoff = '2ms' }\n",
	"local t = { [1] = 'x', { {} }; y = (f or {}).z } service.a['b'].c, d = t, [[x]]\n",
	"for i = 1, 3 do service = service or {} service['n'..i] = { weight = i } end\n",
	"--[==[ x ]==] a = '$HOME' -- $USER\nif a == 'b' then c = { d = 1 } end\n",
	"function f(...) return ... end g = f { h = 1, function() end }\ninclude 'x'\n",
};

#define INPUT_BYTES 4096

static size_t below(size_t bound)
{
	return fuzz_random_below((uint32_t)bound);
}

/* Overwrites `room` bytes of `text` at most; returns the new size. */
static size_t splice(char *text, size_t size, size_t room)
{
	const char *from = seeds[fuzz_random_below(COUNT_OF(seeds))];
	size_t length = strlen(from), start = below(length);
	size_t count = 1 + below(length - start), at = below(size + 1);
	if (size + count > room)
		return size;
	memmove(text + at + count, text + at, size - at);
	memcpy(text + at, from + start, count);
	return size + count;
}

static size_t mutate(char *text, size_t size, size_t room)
{
	static const char marks[] = "{}[]()=,;.'\"$-\n\\#0x";
	size_t at = size > 0 ? below(size) : 0;
	switch (fuzz_random_below(4)) {
	case 0:
		return splice(text, size, room);
	case 1: {
		size_t count = size > 0 ? 1 + below(size - at) % 16 : 0;
		memmove(text + at, text + at + count, size - at - count);
		return size - count;
	}
	case 2:
		if (size > 0)
			text[at] = marks[below(sizeof(marks) - 1)];
		return size;
	default:
		if (size > 0)
			text[at] = (char)fuzz_random_below(256);
		return size;
	}
}

/* At the edges of what times, sizes, numbers and lists may be, and beyond them. */
static const char *const values[] = {
	"0",       "-0",       "1",        "-1",         "1.5",      "2^31",    "2^53",     "2^63",   "1e309",   "0/0",
	"-1/0",    "nil",      "true",     "false",      "{}",       "{{}}",    "''",       "' '",    "'0'",     "'1'",
	"'-1'",    "'1ms'",    "'50us'",   "'24h'",      "'0s'",     "'1.5s'",  "'1e3s'",   "'ms'",   "'0x10s'", "'1ms '",
	"'64KB'",  "'16EB'",   "'1GB'",    "'0KB'",      "'0-3,5'",  "'5-3'",   "'0,0'",    "'0-'",   "','",     "'normal'",
	"'batch'", "'a\\0b'", "'a\\nb'", "'\\255'",   "print",    "function() end",
	"'9223372036854775807'", "'9223372036854775808ns'", "'99999999999999999999999s'", "'18446744073709551616KB'",
	"'9223372036s'", "9007199254740993", "'2562047h'", "'8388607TB'", "('x'):rep(5000)"};

/* Some options with such values, in the tables that they belong to. */
static size_t make_options(char *to)
{
	size_t count, size = 0;
	const struct option *table = option_table(&count);
	for (uint32_t n = 1 + fuzz_random_below(6); n > 0; n--) {
		const char *name = table[below(count)].name, *value = values[below(COUNT_OF(values))];
		const char *last = strrchr(name, '.');
		if (last == NULL)
			size += (size_t)sprintf(to + size, "%s = %s\n", name, value);
		else if (strncmp(name, "watchdog.", 9) == 0)
			size += (size_t)sprintf(to + size, "watchdog = { %s = %s }\n", last + 1, value);
		else if (strncmp(name, "class.", 6) == 0)
			size += (size_t)sprintf(to + size, "class = { batch = { %s = %s } }\n", last + 1, value);
		else
			size += (size_t)sprintf(to + size, "service = { ['a*'] = { %s = %s } }\n", last + 1, value);
	}
	return size;
}

static size_t make_input(uint8_t *to)
{
	if (fuzz_random_below(3) == 0)
		return make_options((char *)to);
	const char *from = seeds[fuzz_random_below(COUNT_OF(seeds))];
	size_t size = strlen(from);
	memcpy(to, from, size);
	for (uint32_t n = fuzz_random_below(8); n > 0; n--)
		size = mutate((char *)to, size, INPUT_BYTES);
	return size;
}

/* Only bad ones, or only good ones, would test half of it. */
static bool is_enough(unsigned long inputs, unsigned long good)
{
	return inputs < 1000 || (good > 0 && good < inputs);
}

const struct fuzz_target fuzz_target = {
	.name = "config",
	.good = "were good configs",
	.inputs = 20000,
	.seed = 20240229,
	.input_bytes = INPUT_BYTES,
	.try_input = try_input,
	.make = make_input,
	.is_enough = is_enough,
};
