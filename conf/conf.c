/* SPDX-License-Identifier: MIT */
#include "conf/conf.h"

#include "conf/options.h"
#include "core/env.h"
#include "core/mem.h"

#include <fnmatch.h>
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
		*(const char **)field = value->text;
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
		    options[i].name[skip - 1] != '.' || used >= sizeof(allowed))
			continue;
		used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s",
					 used ? ", " : "", options[i].name + skip);
	}
	error_at(k, v, "unknown key (allowed: %s)", allowed);
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
}

static void check_rule(struct check *k, const struct conf_value *entry)
{
	struct conf_rule *rule = &k->conf->rules[k->conf->rule_count];
	if (entry->key == NULL) {
		error_at(k, entry, "a service's name is missing (write name = { ... })");
		return;
	}
	if (entry->kind != CONF_TABLE) {
		error_at(k, entry, "%s is not a table (write { slice = \"1ms\", weight = 100 })",
			 entry->text);
		return;
	}
	*rule = (struct conf_rule){.pattern = entry->key, .file = entry->file, .line = entry->line};
	k->conf->rule_count++;
	for (size_t i = 0; i < entry->child_count; i++) {
		const struct conf_value *v = &entry->children[i];
		const struct option *o = v->key ? option_find("service.*", v->key) : NULL;
		if (o == NULL)
			unknown_key(k, "service.*", v);
		else if (read_into(k, o, v, rule))
			rule->set |= o->rule_flag;
	}
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
	else if (v == k->conf->watchdog_table)
		check_watchdog(k, v);
}

/* A global that is none of our options. */
static void check_foreign(struct check *k, const struct conf_value *v)
{
	if (v->kind == CONF_TABLE) {
		const char *guess = option_guess(NULL, v->key);
		error_at(k, v, "unknown table%s%s%s (allowed: service, watchdog)",
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

const struct conf_rule *conf_rule_for(const struct conf *c, const char *service_name)
{
	for (size_t i = 0; i < c->rule_count; i++) {
		if (fnmatch(c->rules[i].pattern, service_name, 0) == 0)
			return &c->rules[i];
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
		return *(const char *const *)field;
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

static void print_rule(const struct conf_rule *rule, FILE *out)
{
	size_t count;
	char text[OPTION_TEXT_BYTES];
	const struct option *table = option_table(&count);
	fprintf(out, "  service[\"%s\"] = {", rule->pattern);
	for (size_t i = 0; i < count; i++) {
		if ((table[i].rule_flag & rule->set) == 0)
			continue;
		fprintf(out, " %s = ", strrchr(table[i].name, '.') + 1);
		print_value(out, &table[i], field_text(&table[i], rule, text));
		fputc(',', out);
	}
	fprintf(out, " }\n");
}

void conf_print_changes(const struct conf *c, FILE *out)
{
	size_t count;
	struct conf plain = {0};
	const struct option *table = option_table(&count);
	set_defaults(&plain);
	for (size_t i = 0; i < count; i++) {
		char mine[OPTION_TEXT_BYTES], usual[OPTION_TEXT_BYTES];
		if (table[i].rule_flag != 0)
			continue;
		const char *now = field_text(&table[i], c, mine);
		const char *before = field_text(&table[i], &plain, usual);
		if (now == NULL || (before != NULL && strcmp(now, before) == 0))
			continue;
		fprintf(out, "  %s = ", table[i].name);
		print_value(out, &table[i], now);
		fprintf(out, "\n");
	}
	for (size_t i = 0; i < c->rule_count; i++)
		print_rule(&c->rules[i], out);
}
