/* SPDX-License-Identifier: MIT */
#include "conf/reload.h"
#include "conf/live.h"
#include "conf/options.h"
#include "conf/setup.h"
#include "core/lock.h"
#include "core/log.h"
#include "core/mem.h"
#include "luabind/luabind.h"
#include "sched/sched.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Who wants a reload, and how to answer. */
struct asker {
	struct asker *next;
	uint32_t handle; /* 0: nobody waits */
	int32_t session;
};

static struct {
	const char *path;
	void (*wake)(void);
	struct live_conf *first; /* held for ever: what needs a restart still has these values */

	struct lock lock; /* guards the rest */
	struct asker *requests;
	bool ended;
} reload;

/* ---- what the lower rooms ask ---- */

static void options_for(const char *name, struct vm_options *out)
{
	struct live_conf *held = live_hold();
	setup_service(live_conf(held), name, out);
	live_release(held);
}

static void preset_of(enum settings_class class, struct settings *out)
{
	struct live_conf *held = live_hold();
	setup_preset(live_conf(held), class, out);
	live_release(held);
}

void reload_init(struct conf *conf, const char *path, void (*wake)(void))
{
	live_init(conf);
	memset(&reload, 0, sizeof(reload));
	lock_init(&reload.lock);
	reload.path = path;
	reload.wake = wake;
	reload.first = live_hold();
	vm_options_for = options_for;
	api_preset = preset_of;
	api_reload = reload_request;
}

/* ---- requests ---- */

const char *reload_request(uint32_t asker, int32_t session)
{
	struct asker *r = mem_alloc(sizeof(*r));
	lock_take(&reload.lock);
	bool ended = reload.ended;
	if (!ended) {
		*r = (struct asker){reload.requests, asker, session};
		reload.requests = r;
	}
	lock_release(&reload.lock);
	if (ended) {
		mem_free(r);
		return "the process is ending";
	}
	reload.wake();
	return NULL;
}

static struct asker *take_requests(bool end)
{
	lock_take(&reload.lock);
	struct asker *list = reload.requests;
	reload.requests = NULL;
	reload.ended = reload.ended || end;
	lock_release(&reload.lock);
	return list;
}

/* The text is told apart by its first letter: see skynet/sched.lua. */
static void answer(struct asker *list, const char *text, size_t size_bytes)
{
	while (list) {
		struct asker *r = list;
		list = r->next;
		if (r->handle)
			sched_post(0, r->handle, MESSAGE_RESPONSE, r->session,
				   memcpy(mem_alloc(size_bytes), text, size_bytes), size_bytes);
		mem_free(r);
	}
}

void reload_end(void)
{
	static const char text[] = "-the process is ending";
	answer(take_requests(true), text, sizeof(text) - 1);
}

/* ---- what differs ---- */

/* The keys that a reload puts in force; all others need a restart. */
static bool is_reloadable(const char *name)
{
	static const char *const names[] = {
		"slice",         "weight",          "min_run",       "jit",
		"memlimit",      "maxmcode",        "watchdog.warn", "watchdog.demote",
		"watchdog.dump", "watchdog.interrupt", "watchdog.kill", "watchdog.untrusted_kill"};
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static void add_name(FILE *out, int *count, const char *name)
{
	fprintf(out, "%s%s", (*count)++ ? "\n" : "", name);
}

/* Names that services read by skynet.getenv and that are no options: the environment never changes. */
static void add_own_settings(FILE *out, int *count, const struct conf *a, const struct conf *b,
			     bool only_missing)
{
	for (size_t i = 0; i < a->setting_count; i++) {
		const struct conf_setting *s = &a->settings[i];
		const char *other = conf_setting_of(b, s->key);
		bool differs = other == NULL || (!only_missing && strcmp(s->value, other) != 0);
		if (differs && option_find(NULL, s->key) == NULL)
			add_name(out, count, s->key);
	}
}

/* One name a line; the caller frees the text. */
static char *need_restart(const struct conf *fresh)
{
	char *text = NULL;
	size_t size, options;
	int count = 0;
	const struct conf *first = live_conf(reload.first);
	const struct option *table = option_table(&options);
	FILE *out = open_memstream(&text, &size);
	ensure(out != NULL);
	for (size_t i = 0; i < options; i++) {
		const struct option *o = &table[i];
		if (o->rule_flag == 0 && o->type != OPTION_TABLE && !is_reloadable(o->name) &&
		    !conf_same(first, fresh, o))
			add_name(out, &count, o->name);
	}
	add_own_settings(out, &count, fresh, first, false);
	add_own_settings(out, &count, first, fresh, true);
	fclose(out);
	return text;
}

/* After the new one is in force: a service that is being launched meanwhile is either in the list or
 * asks once more (vm_launch). */
static int change_services(const struct conf *before, const struct conf *now)
{
	size_t count;
	int changed = 0;
	struct service **list = sched_services(&count);
	for (size_t i = 0; i < count; i++) {
		struct vm_options was, is;
		setup_service(before, list[i]->name, &was);
		setup_service(now, list[i]->name, &is);
		bool other = !settings_same(&was.sched, &is.sched);
		bool limits = !limits_same(&was.limits, &is.limits);
		if (other)
			sched_change(list[i], &is.sched);
		if (limits)
			service_set_limits(list[i], &is.limits);
		changed += other || limits;
		service_release(list[i]);
	}
	mem_free(list);
	return changed;
}

/* ---- doing it ---- */

/* Errors and warnings as text, a '-' in front; the caller frees it. */
static char *report_text(const struct conf_report *report)
{
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);
	ensure(out != NULL);
	fputc('-', out);
	report_print(report, out);
	fclose(out);
	if (text[size - 1] == '\n')
		text[size - 1] = '\0';
	return text;
}

static void log_lines(const char *text)
{
	while (*text) {
		size_t length = strcspn(text, "\n");
		log_printf(0, "config reload: %.*s", (int)length, text);
		text += length + (text[length] != '\0');
	}
}

static void say_restart(const char *names)
{
	char text[1024];
	size_t used = 0;
	for (const char *at = names; *at && used < sizeof(text) - 1; at++) {
		if (*at == '\n')
			text[used++] = ',';
		if (used < sizeof(text) - 1)
			text[used++] = *at == '\n' ? ' ' : *at;
	}
	text[used] = '\0';
	if (used > 0)
		log_printf(0, "config reload: needs a restart: %s", text);
}

static void put_in_force(struct asker *list, struct conf *fresh)
{
	struct live_conf *before = live_hold();
	char *names = need_restart(fresh), *text = NULL;
	size_t size;
	live_replace(fresh);
	struct live_conf *now = live_hold();
	if (live_conf(before)->min_run_ns != fresh->min_run_ns)
		sched_set_min_run(fresh->min_run_ns);
	int changed = change_services(live_conf(before), live_conf(now));
	log_printf(0, "config reloaded: %d service%s changed", changed, changed == 1 ? "" : "s");
	say_restart(names);
	FILE *out = open_memstream(&text, &size);
	ensure(out != NULL);
	fprintf(out, "+%d%s%s", changed, *names ? "\n" : "", names);
	fclose(out);
	answer(list, text, size);
	free(text);
	free(names);
	live_release(now);
	live_release(before);
}

void reload_serve(void)
{
	struct asker *list = take_requests(false);
	if (list == NULL)
		return;
	struct conf_report report = {0};
	struct conf *fresh = conf_load(reload.path, &report);
	char *text = report_text(&report);
	log_lines(text + 1);
	if (fresh == NULL) {
		log_printf(0, "config not reloaded, nothing changed: %zu error%s in %s",
			   report.total[REPORT_ERROR], report.total[REPORT_ERROR] == 1 ? "" : "s",
			   reload.path);
		answer(list, text, strlen(text));
	} else {
		put_in_force(list, fresh);
	}
	free(text);
	report_clear(&report);
}
