/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/setup.h"

#include <string.h>

enum { US = 1000, MS = 1000000 };

static struct conf *load_warned(const char *text, size_t warnings)
{
	struct conf_report report = {0};
	struct conf *c = conf_from(luafile_parse("game.conf", text, strlen(text)), &report);
	if (report.line_count != warnings)
		report_print(&report, stderr);
	assert_int_equal(report.line_count, warnings);
	assert_non_null(c);
	report_clear(&report);
	return c;
}

static struct conf *load(const char *text)
{
	return load_warned(text, 0);
}

static void expect(const struct conf *c, const char *name, enum settings_class class,
		   int64_t slice_ns, int weight, int64_t credit_ns, bool group)
{
	struct vm_options o;
	setup_service(c, name, &o);
	assert_int_equal(o.sched.class, class);
	assert_int_equal(o.sched.slice_ns, slice_ns);
	assert_int_equal(o.sched.weight, weight);
	assert_int_equal(o.sched.credit_ns, credit_ns);
	assert_int_equal(o.sched.group, group);
}

static void without_a_rule(void **state)
{
	struct conf *c = load("");
	expect(c, "x", CLASS_NORMAL, MS, 100, MS, false);
	conf_free(c);
	c = load("slice = '2ms' weight = 30");
	expect(c, "x", CLASS_NORMAL, 2 * MS, 30, MS, false);
	conf_free(c);
	(void)state;
}

static void the_presets_that_ship(void **state)
{
	struct conf *c =
		load("slice = '3ms' weight = 7 service = { a = { class = 'interactive' },\n"
		     "b = { class = 'normal' }, c = { class = 'batch' }, d = {} }");
	expect(c, "a", CLASS_INTERACTIVE, 250 * US, 200, MS, false);
	/* A class is never the general value, not even the normal one. */
	expect(c, "b", CLASS_NORMAL, MS, 100, MS, false);
	expect(c, "c", CLASS_BATCH, 4 * MS, 25, 0, false);
	expect(c, "d", CLASS_NORMAL, 3 * MS, 7, MS, false);
	conf_free(c);
	(void)state;
}

static void presets_are_overridden(void **state)
{
	struct conf *c =
		load("class = { batch = { slice = '8ms', weight = 10, credit = '5ms' },\n"
		     "interactive = { weight = 300 } }\n"
		     "service = { a = { class = 'batch' }, b = { class = 'interactive' } }");
	struct settings s;
	expect(c, "a", CLASS_BATCH, 8 * MS, 10, 5 * MS, false);
	expect(c, "b", CLASS_INTERACTIVE, 250 * US, 300, MS, false);
	setup_preset(c, CLASS_BATCH, &s);
	assert_int_equal(s.slice_ns, 8 * MS);
	setup_preset(c, CLASS_NORMAL, &s);
	assert_true(settings_same(&s, &settings_preset[CLASS_NORMAL]));
	conf_free(c);
	(void)state;
}

static void the_rule_goes_before_its_class(void **state)
{
	struct conf *c =
		load("slice = '3ms' weight = 7 class = { batch = { slice = '8ms' } }\n"
		     "service = { a = { class = 'batch', slice = '9ms' },\n"
		     "b = { weight = 11, class = 'batch' }, c = { credit = '0', group = true },\n"
		     "d = { class = 'interactive', credit = '100ms', group = false } }");
	expect(c, "a", CLASS_BATCH, 9 * MS, 25, 0, false);
	expect(c, "b", CLASS_BATCH, 8 * MS, 11, 0, false);
	expect(c, "c", CLASS_NORMAL, 3 * MS, 7, 0, true);
	expect(c, "d", CLASS_INTERACTIVE, 250 * US, 200, 100 * MS, false);
	conf_free(c);
	(void)state;
}

static void only_the_first_rule_counts(void **state)
{
	struct conf *c = load("service = { ['a*'] = { class = 'batch' }, ab = { slice = '9ms' },\n"
			      "['*'] = { group = true } }");
	expect(c, "ab", CLASS_BATCH, 4 * MS, 25, 0, false);
	expect(c, "b", CLASS_NORMAL, MS, 100, MS, true);
	conf_free(c);
	(void)state;
}

static void the_other_options(void **state)
{
	struct conf *c = load("jit = false memlimit = '32MB'\n"
			      "service = { a = { jit = true, memlimit = '1MB' } }");
	struct vm_options o;
	setup_service(c, "a", &o);
	assert_true(o.jit);
	assert_int_equal(o.memlimit_bytes, 1 << 20);
	setup_service(c, "b", &o);
	assert_false(o.jit);
	assert_int_equal(o.memlimit_bytes, 32 << 20);
	conf_free(c);
	(void)state;
}

/* A name is never a pattern, whatever is in it. */
static void strange_names(void **state)
{
	static const char *const names[] = {
		"*",        "?",
		"[a]",      "[!x]",
		"b*",       "battl?",
		"battle ",  " battle",
		"BATTLE",   "battle/",
		"./battle", "x/battle",
		"battle\\", "\\battle",
		"battle]",  "%",
		"%s%n",     "$HOME",
		"\xff\xfe", "\xc3",
		"battle.",  "battle\x7f",
		"{battle}", "",
		"a'b\"c",   "battle = { weight = 9 }",
	};
	struct conf *c =
		load("service = { battle = { weight = 9 }, ['log[12]'] = { weight = 8 } }");
	expect(c, "battle", CLASS_NORMAL, MS, 9, MS, false);
	expect(c, "log1", CLASS_NORMAL, MS, 8, MS, false);
	expect(c, "log[12]", CLASS_NORMAL, MS, 100, MS, false);
	for (size_t i = 0; i < COUNT_OF(names); i++)
		expect(c, names[i], CLASS_NORMAL, MS, 100, MS, false);
	conf_free(c);
	/* A slash and a leading dot are letters like others: `*` is every name. */
	c = load("service = { ['*'] = { weight = 5 } }");
	for (size_t i = 0; i < COUNT_OF(names); i++)
		expect(c, names[i], CLASS_NORMAL, MS, 5, MS, false);
	conf_free(c);
	(void)state;
}

/* Many stars on a long name must not take for ever. */
static void stars_end(void **state)
{
	char name[64];
	struct conf *c = load("service = { ['*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b'] = { weight = 5 } }");
	memset(name, 'a', 63);
	name[63] = '\0';
	for (int i = 0; i < 1000; i++)
		assert_null(setup_rule_for(c, name));
	name[62] = 'b';
	assert_non_null(setup_rule_for(c, name));
	conf_free(c);
	(void)state;
}

static struct limits limits_of(const struct conf *c, const char *name)
{
	struct vm_options o;
	setup_service(c, name, &o);
	return o.limits;
}

static void nobody_is_killed_by_default(void **state)
{
	struct conf *c = load("watchdog = { warn = '2s', demote = 0, untrusted_kill = '20s' }"
			      "service = { b = { watchdog = { dump = '9s' } } }");
	struct limits l = limits_of(c, "a");
	assert_int_equal(l.at_ns[STEP_WARN], 2 * NS_PER_S);
	assert_int_equal(l.at_ns[STEP_DEMOTE], 0);
	assert_int_equal(l.at_ns[STEP_DUMP], 10 * NS_PER_S);
	assert_int_equal(l.at_ns[STEP_INTERRUPT], 0);
	assert_int_equal(l.at_ns[STEP_KILL], 0);
	assert_int_equal(l.restart_max, 0);
	l = limits_of(c, "b");
	assert_int_equal(l.at_ns[STEP_DUMP], 9 * NS_PER_S);
	assert_int_equal(l.at_ns[STEP_KILL], 0);
	conf_free(c);
	(void)state;
}

static void its_own_entry_kills(void **state)
{
	struct conf *c = load("service = { a = { watchdog = { interrupt = '3s', kill = '4s' },"
			      "                  restart = { within = '5s' } }, b = { restart = { max = 0 } } }");
	struct limits l = limits_of(c, "a");
	assert_int_equal(l.at_ns[STEP_WARN], 1 * NS_PER_S);
	assert_int_equal(l.at_ns[STEP_INTERRUPT], 3 * NS_PER_S);
	assert_int_equal(l.at_ns[STEP_KILL], 4 * NS_PER_S);
	assert_int_equal(l.restart_max, 3);
	assert_int_equal(l.within_ns, 5 * NS_PER_S);
	assert_int_equal(l.backoff_ns, 1 * NS_PER_S);
	assert_int_equal(limits_of(c, "b").restart_max, 0);
	conf_free(c);
	(void)state;
}

static void the_untrusted(void **state)
{
	struct conf *c = load("service = { a = { untrusted = true }, b = { untrusted = false },"
			      " c = { untrusted = true, watchdog = { kill = 0, interrupt = '1s' } } }");
	assert_int_equal(limits_of(c, "a").at_ns[STEP_KILL], 30 * NS_PER_S);
	assert_int_equal(limits_of(c, "a").at_ns[STEP_INTERRUPT], 0);
	assert_int_equal(limits_of(c, "b").at_ns[STEP_KILL], 0);
	assert_int_equal(limits_of(c, "c").at_ns[STEP_KILL], 0);
	assert_int_equal(limits_of(c, "c").at_ns[STEP_INTERRUPT], 1 * NS_PER_S);
	conf_free(c);
	/* General times are theirs alone, and the earlier one counts. */
	c = load_warned("watchdog = { interrupt = '6s', kill = '7s' }"
			"service = { a = { untrusted = true } }", 2);
	assert_int_equal(limits_of(c, "a").at_ns[STEP_INTERRUPT], 6 * NS_PER_S);
	assert_int_equal(limits_of(c, "a").at_ns[STEP_KILL], 7 * NS_PER_S);
	assert_int_equal(limits_of(c, "z").at_ns[STEP_INTERRUPT], 0);
	assert_int_equal(limits_of(c, "z").at_ns[STEP_KILL], 0);
	conf_free(c);
	c = load_warned("watchdog = { kill = '40s' } service = { a = { untrusted = true } }", 1);
	assert_int_equal(limits_of(c, "a").at_ns[STEP_KILL], 30 * NS_PER_S);
	conf_free(c);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nobody_is_killed_by_default),
		cmocka_unit_test(its_own_entry_kills),
		cmocka_unit_test(the_untrusted),
		cmocka_unit_test(without_a_rule),
		cmocka_unit_test(the_presets_that_ship),
		cmocka_unit_test(presets_are_overridden),
		cmocka_unit_test(the_rule_goes_before_its_class),
		cmocka_unit_test(only_the_first_rule_counts),
		cmocka_unit_test(the_other_options),
		cmocka_unit_test(strange_names),
		cmocka_unit_test(stars_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
