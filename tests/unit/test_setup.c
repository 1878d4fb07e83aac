/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf/setup.h"

#include <string.h>

enum { US = 1000, MS = 1000000 };

static struct conf *load(const char *text)
{
	struct conf_report report = {0};
	struct conf *c = conf_from(luafile_parse("game.conf", text, strlen(text)), &report);
	report_print(&report, stderr);
	assert_int_equal(report.line_count, 0);
	assert_non_null(c);
	return c;
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

static void bounds(void **state)
{
	struct conf *c = load("service = { a = { max_tasks = 7, mailbox = { max = 9 } },\n"
			      "b = { mailbox = { max = 1, policy = 'block' } } }");
	struct vm_options o;
	setup_service(c, "a", &o);
	assert_int_equal(o.max_tasks, 7);
	assert_int_equal(o.mailbox_max, 9);
	assert_int_equal(o.mailbox_policy, BOUND_REJECT);
	setup_service(c, "b", &o);
	assert_int_equal(o.max_tasks, 0);
	assert_int_equal(o.mailbox_max, 1);
	assert_int_equal(o.mailbox_policy, BOUND_BLOCK);
	setup_service(c, "c", &o);
	assert_int_equal(o.mailbox_max, 0);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_rule),
		cmocka_unit_test(the_presets_that_ship),
		cmocka_unit_test(presets_are_overridden),
		cmocka_unit_test(the_rule_goes_before_its_class),
		cmocka_unit_test(only_the_first_rule_counts),
		cmocka_unit_test(the_other_options),
		cmocka_unit_test(bounds),
		cmocka_unit_test(strange_names),
		cmocka_unit_test(stars_end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
