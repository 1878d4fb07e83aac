/* SPDX-License-Identifier: MIT
 *
 * A checked configuration: what a config file says, and the defaults for what it leaves open. There
 * is none with errors in it, so nothing starts half configured.
 */
#ifndef CONF_CONF_H
#define CONF_CONF_H

#include "conf/report.h"
#include "core/base.h"
#include "luabind/luafile.h"
#include "sched/settings.h"

#include <stdio.h>

enum conf_rule_flag {
	CONF_RULE_SLICE = 1,
	CONF_RULE_WEIGHT = 2,
	CONF_RULE_JIT = 4,
	CONF_RULE_MEMLIMIT = 8,
	CONF_RULE_CLASS = 16,
	CONF_RULE_CREDIT = 32,
	CONF_RULE_GROUP = 64,
	CONF_RULE_LUA54 = 128,
	CONF_RULE_MAXMCODE = 256,
	CONF_RULE_UNTRUSTED = 512,
	CONF_RULE_WATCHDOG = 1 << 10,
	CONF_RULE_WARN = 1 << 11,
	CONF_RULE_DEMOTE = 1 << 12,
	CONF_RULE_DUMP = 1 << 13,
	CONF_RULE_INTERRUPT = 1 << 14,
	CONF_RULE_KILL = 1 << 15,
	CONF_RULE_RESTART = 1 << 16,
	CONF_RULE_RESTART_MAX = 1 << 17,
	CONF_RULE_WITHIN = 1 << 18,
	CONF_RULE_BACKOFF = 1 << 19,
};

/* The C types of the option types. */
#define CONF_FIELD_STRING(field)  const char *field;
#define CONF_FIELD_PATHS(field)   const char *field;
#define CONF_FIELD_SCALAR(field)  const char *field;
#define CONF_FIELD_INTEGER(field) int64_t field;
#define CONF_FIELD_TIME(field)    int64_t field;
#define CONF_FIELD_SIZE(field)    int64_t field;
#define CONF_FIELD_BOOLEAN(field) bool field;
#define CONF_FIELD_CPUS(field)    const char *field; /* as written; cpus_parse reads it */
#define CONF_FIELD_CLASS(field)   enum settings_class field;
#define CONF_FIELD_TABLE(field)   const struct conf_value *field; /* NULL: absent */

/* An entry of `service` or of `class`. Fields whose flag is not in `set` are 0: the general value counts. */
struct conf_rule {
	const char *pattern;
	unsigned set; /* enum conf_rule_flag */
	const char *file;
	int line; /* of the pattern */
#define OPTION(...)
#define PRESET(...)
#define RULE(name, type, field, flag, ...) CONF_FIELD_##type(field)
#include "conf/options.def"
#undef OPTION
#undef PRESET
#undef RULE
};

struct option;

struct conf_setting {
	const char *key;
	const char *value;
};

/* Constant once conf_load has returned it; any thread may read it then. The fields of options are
 * made from options.def and named there: thread_count, slice_ns, stack_bytes, ... */
struct conf {
#define OPTION(name, type, field, ...) CONF_FIELD_##type(field)
#define PRESET(...)
#define RULE(...)
#include "conf/options.def"
#undef OPTION
#undef PRESET
#undef RULE

	struct conf_rule *rules; /* in the order of the file */
	size_t rule_count;
	/* What the file says of each class; nothing of those that it does not name. */
	struct conf_rule preset[CLASS_COUNT];

	/* What skynet.getenv shall find: every top-level scalar of the file, then the defaults of
	 * the options that it does not set. */
	struct conf_setting *settings;
	size_t setting_count;

	struct luafile *source; /* owns the texts */
};

/* Reads and checks a config file. NULL when `report` got errors; it may get warnings in any case.
 * The caller frees both, with conf_free and report_clear. */
struct conf *conf_load(const char *path, struct conf_report *report);
/* The same from a file that is evaluated already; takes `source`. */
struct conf *conf_from(struct luafile *source, struct conf_report *report);
/* NULL is fine. */
void conf_free(struct conf *c);

/* Puts the settings into the environment of the process (core/env). */
void conf_fill_env(const struct conf *c);

/* One line for each option that differs from its default, in the syntax of a config file. */
void conf_print_changes(const struct conf *c, FILE *out);

/* Is the value of this option the same in both? It is a field of struct conf, no table. */
bool conf_same(const struct conf *a, const struct conf *b, const struct option *o);
/* The setting of that name, NULL: there is none. */
const char *conf_setting_of(const struct conf *c, const char *key);

#endif
