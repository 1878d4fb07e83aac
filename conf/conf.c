/* SPDX-License-Identifier: MIT */
#include "conf/conf.h"

#include "conf/options.h"
#include "core/env.h"
#include "core/mem.h"

#include <string.h>

struct check {
	struct conf *conf;
	struct conf_report *report;
};

PRINTF(3, 4)
static void error_at(struct check *k, const struct conf_value *v, const char *text, ...)
{
	char what[512];
	va_list args;
	va_start(args, text);
	vsnprintf(what, sizeof(what), text, args);
	va_end(args);
	report_add(k->report, REPORT_ERROR, v->file, v->line, v->name, "%s", what);
}

static void store(const struct option *o, void *base, const struct option_value *value)
{
	void *field = (char *)base + o->offset;
	switch (o->type) {
	case OPTION_STRING:
	case OPTION_PATHS:
	case OPTION_SCALAR:
	case OPTION_CPUS:
		*(const char **)field = value->text;
		break;
	case OPTION_CLASS:
		*(enum settings_class *)field = (enum settings_class)value->number;
		break;
	case OPTION_INTEGER:
	case OPTION_TIME:
	case OPTION_SIZE:
		*(int64_t *)field = value->number;
		break;
	case OPTION_BOOLEAN:
		*(bool *)field = value->boolean;
		break;
	case OPTION_TABLE:
		break;
	}
}

static bool read_into(struct check *k, const struct option *o, const struct conf_value *v,
		      void *base)
{
	char why[256];
	struct option_value value;
	if (!option_read(o, v, &value, why, sizeof(why))) {
		error_at(k, v, "%s", why);
		return false;
	}
	store(o, base, &value);
	return true;
}

/* The defaults pass through the same reader as what users write. */
static void set_defaults(struct conf *c)
{
	size_t count;
	char why[256];
	const struct option *table = option_table(&count);
	for (size_t i = 0; i < count; i++) {
		struct option_value value;
		struct conf_value v = {.kind = CONF_STRING, .text = table[i].fallback};
		if (v.text == NULL)
			continue;
		ensure(option_read(&table[i], &v, &value, why, sizeof(why)));
		store(&table[i], c, &value);
	}
}

/* A key that the table does not have. `allowed` names those it has. */
static void unknown_key(struct check *k, const char *table, const struct conf_value *v)
{
	char allowed[256] = "";
	size_t count, used = 0, skip = strlen(table) + 1;
	const char *guess = v->key ? option_guess(table, v->key) : NULL;
	const struct option *options = option_table(&count);
	if (guess != NULL) {
		error_at(k, v, "unknown key, did you mean \"%s\"?", guess);
		return;
	}
	for (size_t i = 0; i < count; i++) {
		if (strncmp(options[i].name, table, skip - 1) != 0 ||
		    options[i].name[skip - 1] != '.' || strchr(options[i].name + skip, '.') ||
		    used >= sizeof(allowed))
			continue;
		used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
					 used ? ", " : "", options[i].name + skip);
	}
	error_at(k, v, "unknown key (allowed: %s)", allowed);
}

/* Mild before hard: what is spelled out in one table must come in this order. Between two tables there is nothing to
 * check: each step has its own time. */
#define STEP_LEAST_NS (10 * NS_PER_MS)
static const char *const steps[] = {"warn", "demote", "dump", "interrupt", "kill"};

static const struct conf_value *child(const struct conf_value *table, const char *key)
{
	for (size_t i = 0; i < table->child_count; i++)
		if (table->children[i].key && strcmp(table->children[i].key, key) == 0)
			return &table->children[i];
	return NULL;
}

/* `table` is what the options call `watchdog`. */
static void check_order(struct check *k, const char *table, const struct conf_value *watchdog)
{
	const struct conf_value *last = NULL;
	struct option_value now, before = {0};
	char why[256];
	for (size_t i = 0; i < COUNT_OF(steps); i++) {
		const struct conf_value *v = child(watchdog, steps[i]);
		if (v == NULL || !option_read(option_find(table, steps[i]), v, &now, why, sizeof(why)) ||
		    now.number == 0)
			continue;
		if (now.number < STEP_LEAST_NS)
			error_at(k, v, "%.60s is too short (10ms or longer, or 0)", v->text);
		else if (last && now.number < before.number)
			error_at(k, v,
				 "%.60s is before %s = %.60s (in this table warn, demote, dump, "
				 "interrupt and kill come in this order; 0 leaves one out)",
				 v->text, last->key, last->text);
		last = v;
		before = now;
	}
}

static void warn_of_trusted(struct check *k, const struct conf_value *watchdog, const char *key)
{
	const struct conf_value *v = child(watchdog, key);
	if (v)
		report_add(k->report, REPORT_WARNING, v->file, v->line, v->name,
			   "applies only to services with untrusted = true (for a service that you trust, "
			   "write service.NAME.watchdog = { %s = ... })",
			   key);
}

static void check_watchdog(struct check *k, const struct conf_value *watchdog)
{
	for (size_t i = 0; i < watchdog->child_count; i++) {
		const struct conf_value *v = &watchdog->children[i];
		const struct option *o = v->key ? option_find("watchdog", v->key) : NULL;
		if (o != NULL)
			read_into(k, o, v, k->conf);
		else
			unknown_key(k, "watchdog", v);
	}
	check_order(k, "watchdog", watchdog);
	warn_of_trusted(k, watchdog, "interrupt");
	warn_of_trusted(k, watchdog, "kill");
}

/* The keys of one entry of `service` or `class`; `table` is what the options call it. */
static void check_keys(struct check *k, const char *table, const struct conf_value *entry,
		       struct conf_rule *rule)
{
	for (size_t i = 0; i < entry->child_count; i++) {
		const struct conf_value *v = &entry->children[i];
		const struct option *o = v->key ? option_find(table, v->key) : NULL;
		if (o == NULL) {
			unknown_key(k, table, v);
		} else if (read_into(k, o, v, rule)) {
			rule->set |= o->rule_flag;
			if (o->type == OPTION_TABLE)
				check_keys(k, o->name, v, rule);
		}
	}
}

static void check_entry(struct check *k, const char *table, const struct conf_value *entry,
			struct conf_rule *rule)
{
	*rule = (struct conf_rule){.pattern = entry->key, .file = entry->file, .line = entry->line};
	check_keys(k, table, entry, rule);
	const struct conf_value *watchdog = child(entry, "watchdog");
	if (watchdog && watchdog->kind == CONF_TABLE && strcmp(table, "service.*") == 0)
		check_order(k, "service.*.watchdog", watchdog);
}

static void check_rule(struct check *k, const struct conf_value *entry)
{
	if (entry->key == NULL)
		error_at(k, entry, "a service's name is missing (write name = { ... })");
	else if (entry->kind != CONF_TABLE)
		error_at(k, entry, "%s is not a table (write { slice = \"1ms\", weight = 100 })",
			 entry->text);
	else
		check_entry(k, "service.*", entry, &k->conf->rules[k->conf->rule_count++]);
}

static void check_class(struct check *k, const struct conf_value *entry)
{
	enum settings_class class;
	if (entry->key == NULL || !settings_class_of(entry->key, &class))
		error_at(k, entry, "unknown class (allowed: interactive, normal, batch)");
	else if (entry->kind != CONF_TABLE)
		error_at(k, entry, "%s is not a table (write { slice = \"4ms\", weight = 25 })",
			 entry->text);
	else
		check_entry(k, "class.*", entry, &k->conf->preset[class]);
}

static void check_service(struct check *k, const struct conf_value *service)
{
	k->conf->rules = mem_zalloc(service->child_count * sizeof(*k->conf->rules));
	for (size_t i = 0; i < service->child_count; i++)
		check_rule(k, &service->children[i]);
}

static void check_table(struct check *k, const struct option *o, const struct conf_value *v)
{
	*(const struct conf_value **)((char *)k->conf + o->offset) = v;
	if (v == k->conf->rule_table)
		check_service(k, v);
	else if (v == k->conf->class_table)
		for (size_t i = 0; i < v->child_count; i++)
			check_class(k, &v->children[i]);
	else if (v == k->conf->watchdog_table)
		check_watchdog(k, v);
}

/* A global that is none of our options. */
static void check_foreign(struct check *k, const struct conf_value *v)
{
	if (v->kind == CONF_TABLE) {
		const char *guess = option_guess(NULL, v->key);
		error_at(k, v, "unknown table%s%s%s (allowed: class, service, watchdog)",
			 guess ? ", did you mean \"" : "", guess ? guess : "", guess ? "\"?" : "");
		return;
	}
	const char *near = option_near_miss(v->key);
	if (near != NULL)
		report_add(k->report, REPORT_WARNING, v->file, v->line, v->name,
			   "kept as a setting of your own, did you mean \"%s\"?", near);
}

static void check_top(struct check *k, const struct conf_value *root)
{
	for (size_t i = 0; i < root->child_count; i++) {
		const struct conf_value *v = &root->children[i];
		const struct option *o = option_find(NULL, v->key);
		if (o == NULL)
			check_foreign(k, v);
		else if (read_into(k, o, v, k->conf) && o->type == OPTION_TABLE)
			check_table(k, o, v);
	}
}

static bool has_child(const struct conf_value *root, const char *key)
{
	for (size_t i = 0; i < root->child_count; i++) {
		if (strcmp(root->children[i].key, key) == 0)
			return true;
	}
	return false;
}

static void add_setting(struct conf *c, const char *key, const char *value)
{
	c->settings[c->setting_count++] = (struct conf_setting){key, value};
}

static void collect_settings(struct conf *c, const struct conf_value *root)
{
	size_t count;
	const struct option *table = option_table(&count);
	c->settings = mem_zalloc((root->child_count + count) * sizeof(*c->settings));
	for (size_t i = 0; i < root->child_count; i++) {
		if (root->children[i].kind != CONF_TABLE)
			add_setting(c, root->children[i].key, root->children[i].text);
	}
	for (size_t i = 0; i < count; i++) {
		if (table[i].fallback != NULL && strchr(table[i].name, '.') == NULL &&
		    !has_child(root, table[i].name))
			add_setting(c, table[i].name, table[i].fallback);
	}
}

struct conf *conf_from(struct luafile *source, struct conf_report *report)
{
	struct conf *c = mem_zalloc(sizeof(*c));
	struct check k = {c, report};
	c->source = source;
	for (size_t i = 0; i < source->error_count; i++)
		report_add_text(report, REPORT_ERROR, source->errors[i]);
	set_defaults(c);
	if (source->root != NULL) {
		check_top(&k, source->root);
		collect_settings(c, source->root);
	}
	if (!report_has_errors(report))
		return c;
	conf_free(c);
	return NULL;
}

struct conf *conf_load(const char *path, struct conf_report *report)
{
	return conf_from(luafile_load(path), report);
}

void conf_free(struct conf *c)
{
	if (c == NULL)
		return;
	luafile_free(c->source);
	mem_free(c->rules);
	mem_free(c->settings);
	mem_free(c);
}

const char *conf_setting_of(const struct conf *c, const char *key)
{
	for (size_t i = 0; i < c->setting_count; i++) {
		if (strcmp(c->settings[i].key, key) == 0)
			return c->settings[i].value;
	}
	return NULL;
}

void conf_fill_env(const struct conf *c)
{
	for (size_t i = 0; i < c->setting_count; i++)
		env_set(c->settings[i].key, c->settings[i].value);
}

/* ---- showing ---- */

/* The field as text; NULL: not set. */
static const char *field_text(const struct option *o, const void *base,
			      char text[OPTION_TEXT_BYTES])
{
	const void *field = (const char *)base + o->offset;
	switch (o->type) {
	case OPTION_STRING:
	case OPTION_PATHS:
	case OPTION_SCALAR:
	case OPTION_CPUS:
		return *(const char *const *)field;
	case OPTION_CLASS:
		return settings_class_name(*(const enum settings_class *)field);
	case OPTION_INTEGER:
	case OPTION_TIME:
	case OPTION_SIZE:
		option_format(o, *(const int64_t *)field, text);
		return text;
	case OPTION_BOOLEAN:
		return *(const bool *)field ? "true" : "false";
	case OPTION_TABLE:
		break;
	}
	return NULL;
}

static void print_value(FILE *out, const struct option *o, const char *text)
{
	bool bare = o->type == OPTION_INTEGER || o->type == OPTION_BOOLEAN;
	fprintf(out, "%s%s%s", bare ? "" : "\"", text, bare ? "" : "\"");
}

/* The keys of an entry, or of the table in it that they begin with, that are set. */
static void print_keys(const char *parent, const struct conf_rule *rule, FILE *out)
{
	size_t count, length = strlen(parent);
	char text[OPTION_TEXT_BYTES];
	const struct option *options = option_table(&count);
	for (size_t i = 0; i < count; i++) {
		const struct option *o = &options[i];
		if ((o->rule_flag & rule->set) == 0 || strncmp(o->name, parent, length) != 0 ||
		    o->name[length] != '.' || strchr(o->name + length + 1, '.'))
			continue;
		fprintf(out, " %s = ", o->name + length + 1);
		if (o->type == OPTION_TABLE) {
			fputc('{', out);
			print_keys(o->name, rule, out);
			fputs(" }", out);
		} else {
			print_value(out, o, field_text(o, rule, text));
		}
		fputc(',', out);
	}
}

/* `table` is "service" or "class". */
static void print_rule(const char *table, const struct conf_rule *rule, FILE *out)
{
	char parent[16];
	snprintf(parent, sizeof(parent), "%s.*", table);
	fprintf(out, "  %s[\"%s\"] = {", table, rule->pattern);
	print_keys(parent, rule, out);
	fprintf(out, " }\n");
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool conf_same(const struct conf *a, const struct conf *b, const struct option *o)
{
	char one[OPTION_TEXT_BYTES], other[OPTION_TEXT_BYTES];
	return same_text(field_text(o, a, one), field_text(o, b, other));
}

void conf_print_changes(const struct conf *c, FILE *out)
{
	size_t count;
	struct conf plain = {0};
	const struct option *table = option_table(&count);
	set_defaults(&plain);
	for (size_t i = 0; i < count; i++) {
		const struct option *o = &table[i];
		char text[OPTION_TEXT_BYTES];
		const char *now = o->rule_flag ? NULL : field_text(o, c, text);
		if (now == NULL || conf_same(c, &plain, o))
			continue;
		fprintf(out, "  %s = ", o->name);
		print_value(out, o, now);
		fprintf(out, "\n");
	}
	for (int i = 0; i < CLASS_COUNT; i++) {
		if (c->preset[i].set)
			print_rule("class", &c->preset[i], out);
	}
	for (size_t i = 0; i < c->rule_count; i++)
		print_rule("service", &c->rules[i], out);
}
