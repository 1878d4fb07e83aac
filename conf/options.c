/* SPDX-License-Identifier: MIT */
#include "conf/options.h"

#include "conf/conf.h"
#include "conf/spell.h"
#include "core/clock.h"
#include "core/cpus.h"
#include "core/units.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define KB   (1ll << 10)
#define MB   (1ll << 20)
#define HOUR (3600 * NS_PER_S)

static const struct option table[] = {
#define OPTION(name, type, field, fallback, minimum, maximum, unit, group, help)                   \
	{#name,   OPTION_##type, fallback,                                                         \
	 minimum, maximum,       unit,                                                             \
	 group,   help,          offsetof(struct conf, field),                                     \
	 0},
#define RULE(name, type, field, flag, minimum, maximum, unit, group, help)                         \
	{"service.*." #name,                                                                       \
	 OPTION_##type,                                                                            \
	 NULL,                                                                                     \
	 minimum,                                                                                  \
	 maximum,                                                                                  \
	 unit,                                                                                     \
	 group,                                                                                    \
	 help,                                                                                     \
	 offsetof(struct conf_rule, field),                                                        \
	 flag},
#define PRESET(name, type, field, flag, minimum, maximum, unit, group, help)                       \
	{"class.*." #name,                                                                         \
	 OPTION_##type,                                                                            \
	 NULL,                                                                                     \
	 minimum,                                                                                  \
	 maximum,                                                                                  \
	 unit,                                                                                     \
	 group,                                                                                    \
	 help,                                                                                     \
	 offsetof(struct conf_rule, field),                                                        \
	 flag},
#include "conf/options.def"
#undef OPTION
#undef PRESET
#undef RULE
};

const struct option *option_table(size_t *count)
{
	*count = COUNT_OF(table);
	return table;
}

/* The last part of the option's name when it is a direct key of `parent`, else NULL. */
static const char *key_in(const struct option *o, const char *parent)
{
	const char *key = o->name;
	if (parent != NULL) {
		size_t length = strlen(parent);
		if (strncmp(key, parent, length) != 0 || key[length] != '.')
			return NULL;
		key += length + 1;
	}
	return strchr(key, '.') == NULL ? key : NULL;
}

const struct option *option_find(const char *parent, const char *key)
{
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		const char *known = key_in(&table[i], parent);
		if (known != NULL && strcmp(known, key) == 0)
			return &table[i];
	}
	return NULL;
}

static struct spell nearest(const char *parent, const char *key)
{
	struct spell s = spell_for(key);
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		const char *known = key_in(&table[i], parent);
		if (known != NULL)
			spell_offer(&s, known);
	}
	return s;
}

const char *option_guess(const char *parent, const char *key)
{
	struct spell s = nearest(parent, key);
	return spell_guess(&s);
}

const char *option_near_miss(const char *key)
{
	struct spell s = nearest(NULL, key);
	return s.distance == 1 ? s.best : NULL;
}

/* ---- reading ---- */

static const char *const type_names[] = {
	[OPTION_STRING] = "string", [OPTION_INTEGER] = "integer", [OPTION_BOOLEAN] = "boolean",
	[OPTION_TIME] = "time",     [OPTION_SIZE] = "size",       [OPTION_PATHS] = "path list",
	[OPTION_SCALAR] = "value",  [OPTION_CLASS] = "class",     [OPTION_CPUS] = "CPU list",
	[OPTION_TABLE] = "table",
};

const char *option_type_name(enum option_type type)
{
	return type_names[type];
}

/* How a value of the type is written, for messages. */
static const char *how_to_write(enum option_type type)
{
	switch (type) {
	case OPTION_STRING:
	case OPTION_PATHS:
		return "write \"...\"";
	case OPTION_INTEGER:
		return "write digits";
	case OPTION_BOOLEAN:
		return "write true or false";
	case OPTION_TIME:
		return "write \"500us\", \"2ms\" or \"1s\"";
	case OPTION_SIZE:
		return "write \"64KB\", \"32MB\" or \"1GB\"";
	case OPTION_SCALAR:
		return "write \"...\", a number, true or false";
	case OPTION_CLASS:
		return "write \"interactive\", \"normal\" or \"batch\"";
	case OPTION_CPUS:
		return "write \"0-3,5\", each CPU once";
	case OPTION_TABLE:
		return "write { ... }";
	}
	return "";
}

static const char *article(const char *noun)
{
	return strchr("aeiou", noun[0]) ? "an" : "a";
}

static bool wrong_kind(const struct option *o, const struct conf_value *v, char *why, size_t bytes)
{
	const char *name = type_names[o->type];
	char range[OPTION_TEXT_BYTES];
	option_format_range(o, range);
	const char *quote = v->kind == CONF_STRING ? "\"" : "";
	const char *text = v->text ? v->text : conf_kind_name(v->kind);
	snprintf(why, bytes, "%s%.60s%s is not %s %s (%s%s%s)", quote, text, quote, article(name),
		 name, how_to_write(o->type), *range ? "; allowed " : "", range);
	return false;
}

static bool in_range(const struct option *o, const struct conf_value *v, int64_t number, char *why,
		     size_t bytes)
{
	char range[OPTION_TEXT_BYTES];
	if (number >= o->minimum && number <= o->maximum)
		return true;
	option_format_range(o, range);
	/* Of skynet's own options, this is skynet's wording, which its users know and search for.
	 */
	if (o->type == OPTION_INTEGER)
		snprintf(why, bytes, "Invalid %s %.60s , should be in [%" PRId64 ",%" PRId64 "]",
			 strrchr(o->name, '.') ? strrchr(o->name, '.') + 1 : o->name, v->text,
			 o->minimum, o->maximum);
	else
		snprintf(why, bytes, "%.60s is out of range (allowed %s)", v->text, range);
	return false;
}

/* Is it one of the words of a list like "a|b|c"? An empty list has all. */
static bool is_choice(const char *words, const char *text)
{
	size_t length = strlen(text);
	const char *at = words;
	while (*at) {
		size_t word = strcspn(at, "|");
		if (word == length && strncmp(at, text, word) == 0)
			return true;
		at += word + (at[word] == '|');
	}
	return at == words;
}

static bool parse_integer(const struct conf_value *v, int64_t *out)
{
	char *end;
	if (v->kind == CONF_NUMBER) {
		/* Beyond 2^53 a double is no exact integer; the range then refuses it. */
		double bound = 9007199254740992.0;
		double n = v->number > bound ? bound : v->number < -bound ? -bound : v->number;
		if (!(n >= -bound) || n != (double)(int64_t)n)
			return false;
		*out = (int64_t)n;
		return true;
	}
	/* skynet turns all values into strings, so thread = "8" is fine there. strtoll saturates.
	 */
	if (v->kind != CONF_STRING || v->text[0] == '\0' || strchr(" \t\n\v\f\r+", v->text[0]))
		return false;
	*out = strtoll(v->text, &end, 10);
	return *end == '\0';
}

static bool parse_boolean(const struct conf_value *v, bool *out)
{
	*out = v->kind == CONF_BOOLEAN ? v->boolean
				       : v->kind == CONF_STRING && strcmp(v->text, "true") == 0;
	return v->kind == CONF_BOOLEAN ||
	       (v->kind == CONF_STRING && (*out || strcmp(v->text, "false") == 0));
}

static bool parse_amount(const struct option *o, const struct conf_value *v, int64_t *out)
{
	if (v->kind == CONF_STRING)
		return o->type == OPTION_TIME ? units_parse_time(v->text, out)
					      : units_parse_size(v->text, out);
	if (v->kind == CONF_NUMBER && o->type == OPTION_SIZE)
		return parse_integer(v, out);
	*out = 0;
	return v->kind == CONF_NUMBER && v->number == 0;
}

static bool parse_class(const struct conf_value *v, int64_t *out)
{
	enum settings_class class;
	if (v->kind != CONF_STRING || !settings_class_of(v->text, &class))
		return false;
	*out = class;
	return true;
}

/* A list that is well written may still name CPUs that this machine, or this process, does not have. */
static bool parse_cpus(const struct option *o, const struct conf_value *v, char *why, size_t bytes)
{
	struct cpus list, allowed;
	char text[OPTION_TEXT_BYTES * 4];
	if ((v->kind != CONF_STRING && v->kind != CONF_NUMBER) || !cpus_parse(v->text, &list))
		return wrong_kind(o, v, why, bytes);
	cpus_allowed(&allowed);
	for (int i = 0; i < list.count; i++) {
		if (cpus_have(&allowed, list.number[i]))
			continue;
		cpus_format(&allowed, text, sizeof(text));
		snprintf(why, bytes, "CPU %d is not there for this process (allowed %.150s)",
			 list.number[i], text);
		return false;
	}
	return true;
}

bool option_read(const struct option *o, const struct conf_value *v, struct option_value *out,
		 char *why, size_t why_bytes)
{
	bool fits = false;
	*out = (struct option_value){.text = v->text};
	switch (o->type) {
	case OPTION_STRING:
	case OPTION_PATHS:
		fits = v->kind == CONF_STRING || v->kind == CONF_NUMBER;
		break;
	case OPTION_SCALAR:
		fits = v->kind != CONF_TABLE;
		break;
	case OPTION_CLASS:
		fits = parse_class(v, &out->number);
		break;
	case OPTION_CPUS:
		return parse_cpus(o, v, why, why_bytes);
	case OPTION_TABLE:
		fits = v->kind == CONF_TABLE;
		break;
	case OPTION_BOOLEAN:
		fits = parse_boolean(v, &out->boolean);
		break;
	case OPTION_INTEGER:
		fits = parse_integer(v, &out->number);
		break;
	case OPTION_TIME:
	case OPTION_SIZE:
		fits = parse_amount(o, v, &out->number);
		break;
	}
	if (!fits)
		return wrong_kind(o, v, why, why_bytes);
	if (o->type == OPTION_STRING && !is_choice(o->unit, v->text)) {
		snprintf(why, why_bytes, "\"%.60s\" is not allowed (one of %s)", v->text, o->unit);
		return false;
	}
	bool ranged = o->type == OPTION_INTEGER || o->type == OPTION_TIME || o->type == OPTION_SIZE;
	return !ranged || in_range(o, v, out->number, why, why_bytes);
}

/* ---- showing ---- */

void option_format(const struct option *o, int64_t number, char text[OPTION_TEXT_BYTES])
{
	_Static_assert(OPTION_TEXT_BYTES >= UNITS_TEXT_BYTES, "the units write into it");
	if (o->type == OPTION_TIME)
		units_format_time(number, text);
	else if (o->type == OPTION_SIZE)
		units_format_size(number, text);
	else
		snprintf(text, OPTION_TEXT_BYTES, "%" PRId64, number);
}

void option_format_range(const struct option *o, char text[OPTION_TEXT_BYTES])
{
	char low[OPTION_TEXT_BYTES], high[OPTION_TEXT_BYTES];
	text[0] = '\0';
	if (o->minimum == o->maximum)
		return;
	option_format(o, o->minimum, low);
	option_format(o, o->maximum, high);
	snprintf(text, OPTION_TEXT_BYTES, "%.28s..%.28s", low, high);
}

static void print_option(const struct option *o, FILE *out)
{
	char range[OPTION_TEXT_BYTES];
	option_format_range(o, range);
	const char *unit = o->unit;
	bool shows_unit = *unit != '\0' && strcmp(unit, type_names[o->type]) != 0;
	fprintf(out, "  %-18s %s", o->name, type_names[o->type]);
	if (o->fallback != NULL)
		fprintf(out, ", default %s", o->fallback);
	if (range[0] != '\0')
		fprintf(out, ", %s", range);
	fprintf(out, "%s%s\n  %-18s %s\n", shows_unit ? " " : "", shows_unit ? unit : "", "",
		o->help);
}

void option_print_help(FILE *out)
{
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		/* The table is kept sorted by group, so a new one begins where the name changes. */
		if (i == 0 || strcmp(table[i].group, table[i - 1].group) != 0)
			fprintf(out, "%s%s\n", i == 0 ? "" : "\n", table[i].group);
		print_option(&table[i], out);
	}
}
