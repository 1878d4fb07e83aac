/* SPDX-License-Identifier: MIT
 *
 * The options table (options.def) as data: what there is, what is allowed, what a value means.
 */
#ifndef CONF_OPTIONS_H
#define CONF_OPTIONS_H

#include "core/base.h"
#include "luabind/luafile.h"

#include <stdio.h>

enum option_type {
	OPTION_STRING,
	OPTION_INTEGER,
	OPTION_BOOLEAN,
	OPTION_TIME,
	OPTION_SIZE,
	OPTION_PATHS,
	OPTION_SCALAR,
	OPTION_CLASS,
	OPTION_CPUS,
	OPTION_TABLE,
};

struct option {
	const char *name; /* "thread", "watchdog.warn", "service.*.slice", "class.*.slice" */
	enum option_type type;
	const char *fallback; /* the default, as a user would write it; NULL: none */
	int64_t minimum;      /* of INTEGER, TIME (ns) and SIZE (bytes) */
	int64_t maximum;
	const char *unit; /* of STRING: the words that it may be, "a|b|c", or "" for any */
	const char *group;
	const char *help;
	size_t offset;      /* of the field in struct conf or struct conf_rule */
	unsigned rule_flag; /* enum conf_rule_flag; 0: a field of struct conf */
};

/* A value that passed the checks. `text` is the user's own. */
struct option_value {
	int64_t number; /* of a CLASS: enum settings_class */
	bool boolean;
	const char *text;
};

/* The table, constant for the life of the process. Any thread, as all in here. */
const struct option *option_table(size_t *count);

/* The option `key` of the table `table` ("watchdog", "service.*", "class.*"; NULL: top level), or NULL. */
const struct option *option_find(const char *table, const char *key);
/* The known name that `key` was probably meant to be, or NULL. It is a part of an option's name. */
const char *option_guess(const char *table, const char *key);
/* A top-level name that `key` misses by one letter, or NULL. */
const char *option_near_miss(const char *key);

/* Reads `v` as a value of `o`. On false, `why` (of `why_bytes`) says what is wrong and what is
 * allowed, without file, line and key. */
bool option_read(const struct option *o, const struct conf_value *v, struct option_value *out,
		 char *why, size_t why_bytes);

#define OPTION_TEXT_BYTES 64
/* A number of this option for people: "1ms", "64KB", "8". */
void option_format(const struct option *o, int64_t number, char text[OPTION_TEXT_BYTES]);
/* "50us..1s"; "" when the type has no range. */
void option_format_range(const struct option *o, char text[OPTION_TEXT_BYTES]);
const char *option_type_name(enum option_type type);

/* The whole table by groups: --help-config. */
void option_print_help(FILE *out);

#endif
