/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/cli.h"
#include "conf/conf.h"
#include "conf/options.h"
#include "conf/setup.h"
#include "core/cpus.h"
#include "core/env.h"
#include "watchdog/rule.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- helpers ---- */

static struct conf_report report;

static struct conf *read_text(const char *text)
{
	report_clear(&report);
	return conf_from(luafile_parse("game.conf", text, strlen(text)), &report);
}

/* The text must load without a word. */
static struct conf *good(const char *text)
{
	struct conf *c = read_text(text);
	report_print(&report, stderr);
	assert_non_null(c);
	assert_int_equal(report.line_count, 0);
	return c;
}

/* The text must fail with exactly this one error, and nothing else to say. */
static void bad(const char *text, const char *error)
{
	assert_null(read_text(text));
	if (report.line_count != 1)
		report_print(&report, stderr);
	assert_int_equal(report.line_count, 1);
	assert_int_equal(report.lines[0].severity, REPORT_ERROR);
	assert_string_equal(report.lines[0].text, error);
	report_clear(&report);
}

static const char *setting(const struct conf *c, const char *key)
{
	const char *value = NULL;
	for (size_t i = 0; i < c->setting_count; i++) {
		if (strcmp(c->settings[i].key, key) != 0)
			continue;
		assert_null(value); /* each name once */
		value = c->settings[i].value;
	}
	return value;
}

static void assert_setting(const struct conf *c, const char *key, const char *value)
{
	assert_non_null(setting(c, key));
	assert_string_equal(setting(c, key), value);
}

/* What a printer writes; the caller frees it. */
static char *printed(const struct conf *c)
{
	char *text = NULL;
	size_t bytes;
	FILE *out = open_memstream(&text, &bytes);
	if (c != NULL)
		conf_print_changes(c, out);
	else
		option_print_help(out);
	fclose(out);
	return text;
}

/* ---- the table ---- */

static void the_table_is_sound(void **state)
{
	size_t count;
	const struct option *table = option_table(&count);
	assert_true(count > 30);
	for (size_t i = 0; i < count; i++) {
		const struct option *o = &table[i];
		char why[256] = "";
		struct option_value value;
		struct conf_value v = {.kind = CONF_STRING, .text = o->fallback};
		assert_true(o->help[0] != '\0' && strchr(o->help, '\n') == NULL);
		assert_true(o->group[0] != '\0');
		assert_true(o->minimum <= o->maximum);
		if (o->fallback != NULL)
			assert_true(option_read(o, &v, &value, why, sizeof(why)));
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(o->name, table[j].name);
		/* A group that began and ended does not come back: --help-config prints it once. */
		for (size_t j = 0; j + 1 < i; j++)
			assert_true(strcmp(o->group, table[j].group) != 0 ||
				    strcmp(o->group, table[i - 1].group) == 0);
	}
	(void)state;
}

static void help_names_everything(void **state)
{
	size_t count;
	const struct option *table = option_table(&count);
	char *text = printed(NULL);
	for (size_t i = 0; i < count; i++) {
		assert_non_null(strstr(text, table[i].name));
		assert_non_null(strstr(text, table[i].help));
	}
	assert_non_null(strstr(text, "slice              time, default 1ms, 50us..1s\n"));
	assert_non_null(strstr(text, "thread             integer, default 8, 0..1024 workers\n"));
	assert_non_null(strstr(text, "\nwatchdog\n  watchdog "));
	free(text);
	(void)state;
}

/* ---- good files ---- */

static void defaults(void **state)
{
	struct conf *c = good("");
	assert_int_equal(c->thread_count, 8);
	assert_int_equal(c->slice_ns, 1000000);
	assert_int_equal(c->weight, 100);
	assert_true(c->jit);
	assert_true(c->profile);
	assert_int_equal(c->stack_bytes, 1 << 20);
	assert_int_equal(c->spare_count, 64);
	assert_int_equal(c->memlimit_bytes, 0);
	assert_int_equal(c->maxmcode_bytes, 512 << 10);
	assert_int_equal(c->min_run_ns, 50000);
	assert_int_equal(c->stop_ns, 5000000000);
	assert_int_equal(c->watchdog_warn_ns, 1000000000);
	assert_int_equal(c->watchdog_demote_ns, 5000000000);
	assert_int_equal(c->watchdog_starved_ns, 100000000);
	assert_int_equal(c->watchdog_handoff_ns, 2000000);
	assert_int_equal(c->rule_count, 0);
	assert_string_equal(c->bootstrap, "snlua bootstrap");
	assert_null(c->logger);
	assert_null(setup_rule_for(c, "battle"));
	assert_setting(c, "thread", "8");
	assert_setting(c, "start", "main");
	assert_setting(c, "profile", "true");
	assert_setting(c, "slice", "1ms");
	assert_null(setting(c, "logger"));
	assert_null(setting(c, "service"));
	assert_null(setting(c, "watchdog.warn"));
	char *text = printed(c);
	assert_string_equal(text, "");
	free(text);
	conf_free(c);
	(void)state;
}

/* What the table of rules says is what an empty config file means. */
static void the_rules_defaults(void **state)
{
	for (int i = 0; i < RULE_KINDS; i++) {
		char why[256];
		struct option_value value;
		const struct rule *r = &rule_table[i];
		const struct option *o = option_find("watchdog", r->key);
		if (o == NULL)
			fail_msg("watchdog.%s is no option", r->key);
		struct conf_value v = {.kind = CONF_STRING, .text = o->fallback};
		assert_true(option_read(o, &v, &value, why, sizeof(why)));
		assert_int_equal(value.number, r->limit);
		assert_int_equal(o->type, r->unit == RULE_UNIT_NS	   ? OPTION_TIME
					  : r->unit == RULE_UNIT_BYTES ? OPTION_SIZE
								       : OPTION_INTEGER);
	}
	(void)state;
}

static void a_skynet_file(void **state)
{
	struct conf *c =
		good("root = \"./\"\nthread = 1\nlogger = nil\nlogpath = \".\"\nharbor = 1\n"
		     "address = \"127.0.0.1:2526\"\nmaster = \"127.0.0.1:2013\"\nstart = \"main\"\n"
		     "bootstrap = \"snlua bootstrap\"\nstandalone = \"0.0.0.0:2013\"\n"
		     "luaservice = root..\"service/?.lua;\"..root..\"test/?.lua;\"..root.."
		     "\"examples/?.lua\"\nlualoader = \"lualib/loader.lua\"\n"
		     "snax = root..\"examples/?.lua;\"..root..\"test/?.lua\"\n"
		     "cpath = root..\"cservice/?.so\"\n");
	assert_int_equal(c->thread_count, 1);
	assert_int_equal(c->harbor, 1);
	assert_string_equal(c->standalone, "0.0.0.0:2013");
	assert_string_equal(c->luaservice, "./service/?.lua;./test/?.lua;./examples/?.lua");
	assert_setting(c, "root", "./");
	assert_setting(c, "thread", "1");
	assert_setting(c, "cpath", "./cservice/?.so");
	assert_null(setting(c, "logger"));
	conf_free(c);
	(void)state;
}

/* skynet turns every value into a string, so its users write either. */
static void strings_for_numbers_and_back(void **state)
{
	struct conf *c = good("thread = '16' profile = 'false' logger = 5 standalone = true\n"
			      "memlimit = 65536 stop = 0 stack = '256KB' jit = false half = 0.5\n"
			      "whole = 2.0 yes = true large = 2^53");
	assert_int_equal(c->thread_count, 16);
	assert_false(c->profile);
	assert_false(c->jit);
	assert_string_equal(c->logger, "5");
	assert_string_equal(c->standalone, "true");
	assert_int_equal(c->memlimit_bytes, 65536);
	assert_int_equal(c->stop_ns, 0);
	assert_int_equal(c->stack_bytes, 256 * 1024);
	assert_setting(c, "thread", "16");
	assert_setting(c, "jit", "false");
	assert_setting(c, "half", "0.5");
	assert_setting(c, "whole", "2");
	assert_setting(c, "yes", "true");
	assert_setting(c, "large", "9.007199254741e+15");
	conf_free(c);
	(void)state;
}

static void our_tables(void **state)
{
	struct conf *c = good("slice = '2ms' weight = 50\nservice = {\n"
			      "  zeta = { slice = '500us', weight = 400 },\n"
			      "  ['log*'] = { weight = 10 },\n"
			      "  ['log[12]'] = { weight = 20 },\n"
			      "  alpha = { jit = false, memlimit = '32MB', maxmcode = '64KB' },\n"
			      "  ['a?'] = {},\n"
			      "}\nwatchdog = { warn = '1.5s', handoff = '100us' }\n");
	assert_int_equal(c->slice_ns, 2000000);
	assert_int_equal(c->watchdog_warn_ns, 1500000000);
	assert_int_equal(c->watchdog_handoff_ns, 100000);
	assert_int_equal(c->watchdog_demote_ns, 5000000000);
	assert_int_equal(c->rule_count, 5);
	const struct conf_rule *r = setup_rule_for(c, "zeta");
	assert_string_equal(r->pattern, "zeta");
	assert_int_equal(r->set, CONF_RULE_SLICE | CONF_RULE_WEIGHT);
	assert_int_equal(r->slice_ns, 500000);
	assert_int_equal(r->weight, 400);
	assert_int_equal(r->line, 3);
	assert_string_equal(r->file, "game.conf");
	r = setup_rule_for(c, "alpha");
	assert_int_equal(r->set, CONF_RULE_JIT | CONF_RULE_MEMLIMIT | CONF_RULE_MAXMCODE);
	assert_false(r->jit);
	assert_int_equal(r->memlimit_bytes, 32 << 20);
	assert_int_equal(r->maxmcode_bytes, 64 << 10);
	assert_int_equal(setup_rule_for(c, "ab")->set, 0);
	conf_free(c);
	(void)state;
}

static void the_first_rule_in_the_file_wins(void **state)
{
	struct conf *c = good("service = { ['log*'] = { weight = 1 }, logger = { weight = 2 },\n"
			      "['*'] = { weight = 3 }, other = { weight = 4 } }");
	assert_int_equal(setup_rule_for(c, "logger")->weight, 1);
	assert_int_equal(setup_rule_for(c, "other")->weight, 3);
	conf_free(c);
	c = good("service = { other = { weight = 4 }, ['*'] = { weight = 3 },\n"
		 "logger = { weight = 2 }, ['log*'] = { weight = 1 } }");
	assert_int_equal(setup_rule_for(c, "logger")->weight, 3);
	assert_int_equal(setup_rule_for(c, "other")->weight, 4);
	conf_free(c);
	(void)state;
}

static void only_the_pattern_globs(void **state)
{
	struct conf *c = good("service = { ['db[12]'] = { weight = 1 }, ['a?c'] = { weight = 2 },\n"
			      "['x\\\\*y'] = { weight = 3 }, ['p*'] = { weight = 4 } }");
	assert_int_equal(setup_rule_for(c, "db1")->weight, 1);
	assert_null(setup_rule_for(c, "db[12]"));
	assert_null(setup_rule_for(c, "db*"));
	assert_null(setup_rule_for(c, "*"));
	assert_int_equal(setup_rule_for(c, "a?c")->weight, 2);
	assert_int_equal(setup_rule_for(c, "a*c")->weight, 2);
	assert_int_equal(setup_rule_for(c, "x*y")->weight, 3);
	assert_null(setup_rule_for(c, "xay"));
	assert_int_equal(setup_rule_for(c, "p/.q")->weight, 4);
	assert_null(setup_rule_for(c, ""));
	conf_free(c);
	(void)state;
}

static void changes_are_printed(void **state)
{
	struct conf *c = good("thread = 8 slice = '1000us' weight = 7 stop = '90s' jit = false\n"
			      "logger = 'x.log' mine = 1 watchdog = { warn = '2s' }\n"
			      "service = { ['log*'] = { memlimit = '1024KB', weight = 5 } }");
	char *text = printed(c);
	assert_string_equal(text, "  weight = 7\n  jit = false\n  watchdog.warn = \"2s\"\n"
				  "  stop = \"90s\"\n  logger = \"x.log\"\n"
				  "  service[\"log*\"] = { weight = 5, memlimit = \"1MB\", }\n");
	free(text);
	conf_free(c);
	c = good("class = { batch = { credit = 0, slice = '8000us' }, normal = {} }\n"
		 "service = { a = { group = true, class = 'batch', credit = '0' } }");
	text = printed(c);
	assert_string_equal(text, "  class[\"batch\"] = { slice = \"8ms\", credit = \"0\", }\n"
				  "  service[\"a\"] = { class = \"batch\", credit = \"0\", group = "
				  "true, }\n");
	free(text);
	conf_free(c);
	(void)state;
}

/* ---- bad files ---- */

static void one_word_of_a_list(void **state)
{
	bad("log_level = 'loud'",
	    "game.conf:1: log_level: \"loud\" is not allowed (one of debug|info|warn|error)");
	bad("log_level = 'info|warn'",
	    "game.conf:1: log_level: \"info|warn\" is not allowed (one of "
	    "debug|info|warn|error)");
	bad("log_level = ''", "game.conf:1: log_level: \"\" is not allowed (one of "
			      "debug|info|warn|error)");
	(void)state;
}

static void wrong_types(void **state)
{
	bad("\nstart = {}", "game.conf:2: start: a table is not a string (write \"...\")");
	bad("start = true", "game.conf:1: start: true is not a string (write \"...\")");
	bad("cpath = false", "game.conf:1: cpath: false is not a path list (write \"...\")");
	bad("thread = 1.5", "game.conf:1: thread: 1.5 is not an integer (write digits; allowed "
			    "0..1024)");
	bad("thread = '4x'", "game.conf:1: thread: \"4x\" is not an integer (write digits; allowed "
			     "0..1024)");
	bad("thread = 0/0", "game.conf:1: thread: nan is not an integer (write digits; allowed "
			    "0..1024)");
	bad("jit = 1", "game.conf:1: jit: 1 is not a boolean (write true or false)");
	bad("standalone = {}", "game.conf:1: standalone: a table is not a value (write \"...\", a "
			       "number, true or false)");
	bad("\n\nservice = 'x'", "game.conf:3: service: \"x\" is not a table (write { ... })");
	bad("watchdog = 1", "game.conf:1: watchdog: 1 is not a table (write { ... })");
	bad("service = {\n\nx = 'fast' }", "game.conf:3: service.x: fast is not a table (write { "
					   "slice = \"1ms\", weight = 100 })");
	bad("service = { x = {\nweight = {} } }",
	    "game.conf:2: service.x.weight: a table is not an "
	    "integer (write digits; allowed 1..10000)");
	bad("service = {\n {} }",
	    "game.conf:2: service[1]: a service's name is missing (write name = { ... })");
	(void)state;
}

static void bad_units(void **state)
{
	bad("watchdog = {\n  warn = \"1 hour\",\n}",
	    "game.conf:2: watchdog.warn: \"1 hour\" is not a time (write \"500us\", \"2ms\" or "
	    "\"1s\"; allowed 0..1h)");
	bad("slice = 1", "game.conf:1: slice: 1 is not a time (write \"500us\", \"2ms\" or \"1s\"; "
			 "allowed 50us..1s)");
	bad("stack = '1mb'", "game.conf:1: stack: \"1mb\" is not a size (write \"64KB\", \"32MB\" "
			     "or \"1GB\"; allowed 128KB..64MB)");
	(void)state;
}

static void out_of_range(void **state)
{
	bad("thread = -1", "game.conf:1: thread: Invalid thread -1 , should be in [0,1024]");
	bad("thread = 1025", "game.conf:1: thread: Invalid thread 1025 , should be in [0,1024]");
	bad("thread = -1e300",
	    "game.conf:1: thread: Invalid thread -1e+300 , should be in [0,1024]");
	bad("thread = 1/0", "game.conf:1: thread: Invalid thread inf , should be in [0,1024]");
	bad("thread = '99999999999999999999'", "game.conf:1: thread: Invalid thread "
					       "99999999999999999999 , should be in [0,1024]");
	bad("slice = '49us'", "game.conf:1: slice: 49us is out of range (allowed 50us..1s)");
	bad("slice = '99999999999h'",
	    "game.conf:1: slice: 99999999999h is out of range (allowed 50us..1s)");
	bad("stack = '65MB'", "game.conf:1: stack: 65MB is out of range (allowed 128KB..64MB)");
	bad("memlimit = -1", "game.conf:1: memlimit: -1 is out of range (allowed 0..1TB)");
	bad("service = { ['a b'] = {\nweight = 10001 } }",
	    "game.conf:2: service[\"a b\"].weight: Invalid weight 10001 , should be in [1,10000]");
	(void)state;
}

static void both_ends_of_ranges_are_allowed(void **state)
{
	conf_free(good("thread = 0 slice = '50us' weight = 1 stack = '128KB' spares = 2"));
	conf_free(good("thread = 1024 slice = '1s' weight = 10000 stack = '64MB' spares = 1024"));
	(void)state;
}

static void the_ladder(void **state)
{
	struct conf *c = good("watchdog = { restore = '3s', untrusted_kill = '1m' }\nservice = {\n"
			      "  a = { watchdog = { warn = '100ms', kill = '5s', dump = 0 },\n"
			      "        untrusted = true, restart = { max = 2, backoff = '10ms' } },\n"
			      "  b = { restart = {} } }");
	const struct conf_rule *r = setup_rule_for(c, "a");
	assert_int_equal(r->set, CONF_RULE_WATCHDOG | CONF_RULE_WARN | CONF_RULE_KILL | CONF_RULE_DUMP |
					 CONF_RULE_UNTRUSTED | CONF_RULE_RESTART |
					 CONF_RULE_RESTART_MAX | CONF_RULE_BACKOFF);
	assert_int_equal(r->warn_ns, 100000000);
	assert_int_equal(r->kill_ns, 5000000000);
	assert_int_equal(r->dump_ns, 0);
	assert_true(r->untrusted);
	assert_int_equal(r->restart_max, 2);
	assert_int_equal(r->backoff_ns, 10000000);
	assert_int_equal(setup_rule_for(c, "b")->set, CONF_RULE_RESTART);
	assert_int_equal(c->watchdog_restore_ns, 3000000000);
	assert_int_equal(c->watchdog_untrusted_kill_ns, 60000000000);
	assert_int_equal(c->watchdog_dump_ns, 10000000000);
	assert_int_equal(c->watchdog_interrupt_ns, 0);
	conf_free(c);
	bad("watchdog = {\n warn = '2s',\n demote = '1s' }",
	    "game.conf:3: watchdog.demote: 1s is before warn = 2s (in this table warn, demote, dump, "
	    "interrupt and kill come in this order; 0 leaves one out)");
	bad("service = { x = { watchdog = { interrupt = '2s', kill = '1s' } } }",
	    "game.conf:1: service.x.watchdog.kill: 1s is before interrupt = 2s (in this table warn, "
	    "demote, dump, interrupt and kill come in this order; 0 leaves one out)");
	bad("service = { x = { watchdog = true } }",
	    "game.conf:1: service.x.watchdog: true is not a table (write { ... })");
	bad("service = { x = { restart = { max = -1 } } }",
	    "game.conf:1: service.x.restart.max: Invalid max -1 , should be in [0,1000]");
	bad("service = { x = { watchdog = { kill = '9ms' } } }",
	    "game.conf:1: service.x.watchdog.kill: 9ms is too short (10ms or longer, or 0)");
	/* Each step has its own time: between tables there is no order. */
	conf_free(good("watchdog = { warn = '1h' } service = { x = { watchdog = { kill = '1s' } } }"));
	conf_free(good("watchdog = { warn = '2s', demote = 0, dump = '3s' }"));
	(void)state;
}

/* Nobody shall believe that this kills what he trusts. */
static void kill_for_all(void **state)
{
	struct conf *c = read_text("watchdog = {\n interrupt = '20s',\n kill = '30s' }");
	assert_non_null(c);
	assert_int_equal(report.line_count, 2);
	assert_int_equal(report.lines[1].severity, REPORT_WARNING);
	assert_string_equal(report.lines[1].text,
			    "game.conf:3: watchdog.kill: applies only to services with untrusted = true "
			    "(for a service that you trust, write service.NAME.watchdog = { kill = ... })");
	report_clear(&report);
	conf_free(c);
	(void)state;
}

static void unknown_keys(void **state)
{
	bad("service = {\n battle = {\n  wieght = 1 } }",
	    "game.conf:3: service.battle.wieght: unknown key, did you mean \"weight\"?");
	bad("service = { battle = { colour = 1 } }",
	    "game.conf:1: service.battle.colour: unknown key (allowed: class, slice, weight, "
	    "credit, group, jit, memlimit, lua54, maxmcode, untrusted, watchdog, restart)");
	bad("service = { battle = { watchdog = { starved = '1s' } } }",
	    "game.conf:1: service.battle.watchdog.starved: unknown key (allowed: warn, demote, dump, "
	    "interrupt, kill)");
	bad("service = { battle = {\n restart = { mex = 3 } } }",
	    "game.conf:2: service.battle.restart.mex: unknown key, did you mean \"max\"?");
	bad("watchdog = { wran = '1s' }",
	    "game.conf:1: watchdog.wran: unknown key, did you mean \"warn\"?");
	bad("watchdog = { 5 }", "game.conf:1: watchdog[1]: unknown key (allowed: warn, demote, "
				"restore, dump, interrupt, kill, untrusted_kill, "
				"starved, slot, blocked, stuck, mailbox, mailbox_age, "
				"tasks, memory, errors, timer_late, loop_late, monitor_late, "
				"handoff, abort)");
	bad("\nservices = {}", "game.conf:2: services: unknown table, did you mean \"service\"? "
			       "(allowed: class, service, watchdog)");
	bad("mine = {}", "game.conf:1: mine: unknown table (allowed: class, service, watchdog)");
	(void)state;
}

static void classes(void **state)
{
	bad("service = { a = { class = 'fast' } }",
	    "game.conf:1: service.a.class: \"fast\" is not a class (write \"interactive\", "
	    "\"normal\" or \"batch\")");
	bad("service = {\n a = { class = 1 } }",
	    "game.conf:2: service.a.class: 1 is not a class (write \"interactive\", \"normal\" or "
	    "\"batch\")");
	bad("class = {\n\n Batch = {} }", "game.conf:3: class.Batch: unknown class (allowed: "
					  "interactive, normal, batch)");
	bad("class = { {} }", "game.conf:1: class[1]: unknown class (allowed: interactive, normal, "
			      "batch)");
	bad("class = 'batch'", "game.conf:1: class: \"batch\" is not a table (write { ... })");
	bad("class = { batch = '4ms' }", "game.conf:1: class.batch: 4ms is not a table (write { "
					 "slice = \"4ms\", weight = 25 })");
	bad("class = { batch = {\n group = true } }",
	    "game.conf:2: class.batch.group: unknown key (allowed: slice, weight, credit)");
	bad("class = { batch = { slcie = '1ms' } }",
	    "game.conf:1: class.batch.slcie: unknown key, did you mean \"slice\"?");
	bad("class = { batch = { weight = 0 } }",
	    "game.conf:1: class.batch.weight: Invalid weight 0 , should be in [1,10000]");
	bad("service = { a = { credit = '101ms' } }",
	    "game.conf:1: service.a.credit: 101ms is out of range (allowed 0..100ms)");
	bad("service = { a = { group = 1 } }",
	    "game.conf:1: service.a.group: 1 is not a boolean (write true or false)");
	conf_free(good(
		"service = { a = { credit = 0, group = 'false' }, b = { credit = '100ms' } }"));
	(void)state;
}

static void cpu_lists(void **state)
{
	bad("affinity = '0-x'",
	    "game.conf:1: affinity: \"0-x\" is not a CPU list (write \"0-3,5\", "
	    "each CPU once)");
	bad("affinity = {}",
	    "game.conf:1: affinity: a table is not a CPU list (write \"0-3,5\", each "
	    "CPU once)");
	/* The allowed set is this machine's. */
	assert_null(read_text("\naffinity = '8191'"));
	assert_int_equal(report.line_count, 1);
	assert_non_null(strstr(report.lines[0].text,
			       "game.conf:2: affinity: CPU 8191 is not there for "
			       "this process (allowed "));
	struct cpus allowed;
	cpus_allowed(&allowed);
	char text[64];
	snprintf(text, sizeof(text), "affinity = '%d'", allowed.number[0]);
	conf_free(good(text));
	snprintf(text, sizeof(text), "affinity = %d", allowed.number[0]);
	struct conf *c = good(text);
	assert_setting(c, "affinity", strchr(text, '=') + 2);
	conf_free(c);
	(void)state;
}

static void near_misses_are_warned_of(void **state)
{
	static const char *const misses[] = {"thraed", "threads", "hread", "thresd", "Thread"};
	for (size_t i = 0; i < sizeof(misses) / sizeof(misses[0]); i++) {
		char text[64], line[128];
		snprintf(text, sizeof(text), "\n%s = 4", misses[i]);
		snprintf(line, sizeof(line),
			 "game.conf:2: %s: kept as a setting of your own, did you mean \"thread\"?",
			 misses[i]);
		struct conf *c = read_text(text);
		assert_non_null(c);
		assert_int_equal(report.line_count, 1);
		assert_int_equal(report.lines[0].severity, REPORT_WARNING);
		assert_string_equal(report.lines[0].text, line);
		assert_setting(c, misses[i], "4");
		assert_setting(c, "thread", "8");
		conf_free(c);
	}
	conf_free(good("root = 'x' threaded = 1 max_client = 64 thrd = 2"));
	(void)state;
}

static void all_errors_at_once(void **state)
{
	assert_null(
		read_text("thread = -1\nf = include\nslice = 'x'\nthraed = 1\nwatchdog = { a = 1, "
			  "b = 2 }"));
	assert_int_equal(report.total[REPORT_ERROR], 5);
	assert_int_equal(report.total[REPORT_WARNING], 1);
	report_clear(&report);

	char text[2048] = "service = {\n";
	for (int i = 0; i < 25; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " s%d = 1,\n", i);
	strcat(text, "}");
	assert_null(read_text(text));
	assert_int_equal(report.total[REPORT_ERROR], 25);
	assert_int_equal(report.line_count, REPORT_LINES_MAX);
	assert_non_null(strstr(report.lines[19].text, "game.conf:21: service.s19: "));
	char *out = NULL;
	size_t bytes;
	FILE *stream = open_memstream(&out, &bytes);
	report_print(&report, stream);
	fclose(stream);
	assert_non_null(strstr(out, "error: game.conf:2: service.s0: "));
	assert_non_null(strstr(out, "\n... and 5 more errors\n"));
	free(out);
	report_clear(&report);
	(void)state;
}

static void messages_hold_no_control_characters(void **state)
{
	bad("slice = '\\27[2J\\n'", "game.conf:1: slice: \"?[2J?\" is not a time (write \"500us\", "
				    "\"2ms\" or \"1s\"; allowed 50us..1s)");
	(void)state;
}

static void a_missing_file(void **state)
{
	report_clear(&report);
	assert_null(conf_load("/nonexistent/game.conf", &report));
	assert_int_equal(report.line_count, 1);
	assert_string_equal(report.lines[0].text, "/nonexistent/game.conf: cannot read the config "
						  "file: No such file or directory");
	report_clear(&report);
	(void)state;
}

/* ---- the environment ---- */

static void settings_become_the_environment(void **state)
{
	struct conf *c = good("thread = 3 mine = 'yes'");
	conf_fill_env(c);
	conf_free(c);
	/* The environment has its own copies. */
	assert_string_equal(env_get("thread"), "3");
	assert_string_equal(env_get("mine"), "yes");
	assert_string_equal(env_get("harbor"), "0");
	assert_null(env_get("logger"));
	env_term();
	(void)state;
}

/* ---- the command line ---- */

static int parse_line(struct cli *cli, const char *a, const char *b, const char *c)
{
	char *argv[] = {"equilune", (char *)a, (char *)b, (char *)c, NULL};
	int argc = 1;
	while (argv[argc] != NULL)
		argc++;
	return cli_parse(argc, argv, cli);
}

static void command_lines(void **state)
{
	struct cli cli;
	assert_int_equal(parse_line(&cli, "game.conf", NULL, NULL), 0);
	assert_int_equal(cli.action, CLI_RUN);
	assert_string_equal(cli.config_path, "game.conf");
	assert_int_equal(parse_line(&cli, "game.conf", "--check-config", NULL), 0);
	assert_int_equal(cli.action, CLI_CHECK_CONFIG);
	assert_int_equal(parse_line(&cli, "--check-config", "game.conf", NULL), 0);
	assert_int_equal(cli.action, CLI_CHECK_CONFIG);
	assert_int_equal(parse_line(&cli, "--check-config", "--help", NULL), 0);
	assert_int_equal(cli.action, CLI_HELP);
	assert_int_equal(parse_line(&cli, "-h", NULL, NULL), 0);
	assert_int_equal(cli.action, CLI_HELP);
	assert_int_equal(parse_line(&cli, "--help-config", NULL, NULL), 0);
	assert_int_equal(cli.action, CLI_HELP_CONFIG);
	assert_int_equal(parse_line(&cli, "--version", NULL, NULL), 0);
	assert_int_equal(cli.action, CLI_VERSION);
	assert_int_equal(parse_line(&cli, "--", "--check-config", NULL), 0);
	assert_int_equal(cli.action, CLI_RUN);
	assert_string_equal(cli.config_path, "--check-config");
	(void)state;
}

static void wrong_command_lines(void **state)
{
	struct cli cli;
	assert_int_equal(parse_line(&cli, NULL, NULL, NULL), CLI_EXIT_USAGE);
	assert_int_equal(parse_line(&cli, "--check-config", NULL, NULL), CLI_EXIT_USAGE);
	assert_int_equal(parse_line(&cli, "--chek-config", "game.conf", NULL), CLI_EXIT_USAGE);
	assert_int_equal(parse_line(&cli, "-x", "game.conf", NULL), CLI_EXIT_USAGE);
	assert_int_equal(parse_line(&cli, "a.conf", "b.conf", NULL), CLI_EXIT_USAGE);
	struct cli check = {CLI_CHECK_CONFIG, "/nonexistent/game.conf"};
	assert_int_equal(cli_do(&check, NULL), CLI_EXIT_CONFIG);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_table_is_sound),
		cmocka_unit_test(help_names_everything),
		cmocka_unit_test(defaults),
		cmocka_unit_test(the_rules_defaults),
		cmocka_unit_test(a_skynet_file),
		cmocka_unit_test(strings_for_numbers_and_back),
		cmocka_unit_test(our_tables),
		cmocka_unit_test(the_first_rule_in_the_file_wins),
		cmocka_unit_test(only_the_pattern_globs),
		cmocka_unit_test(changes_are_printed),
		cmocka_unit_test(one_word_of_a_list),
		cmocka_unit_test(wrong_types),
		cmocka_unit_test(bad_units),
		cmocka_unit_test(out_of_range),
		cmocka_unit_test(both_ends_of_ranges_are_allowed),
		cmocka_unit_test(unknown_keys),
		cmocka_unit_test(the_ladder),
		cmocka_unit_test(kill_for_all),
		cmocka_unit_test(classes),
		cmocka_unit_test(cpu_lists),
		cmocka_unit_test(near_misses_are_warned_of),
		cmocka_unit_test(all_errors_at_once),
		cmocka_unit_test(messages_hold_no_control_characters),
		cmocka_unit_test(a_missing_file),
		cmocka_unit_test(settings_become_the_environment),
		cmocka_unit_test(command_lines),
		cmocka_unit_test(wrong_command_lines),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
