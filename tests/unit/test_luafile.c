/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base.h"
#include "luabind/luafile.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* ---- helpers ---- */

static char folder[] = "/tmp/equilune-luafile-XXXXXX";
static const char *const names[] = {"main.conf", "sub/one.conf", "sub/two.conf", "sub/loop.conf"};

static void full_path(char path[256], const char *name)
{
	snprintf(path, 256, "%s/%s", folder, name);
}

static void put(const char *name, const char *text)
{
	char path[256];
	full_path(path, name);
	FILE *out = fopen(path, "w");
	assert_non_null(out);
	assert_true(fputs(text, out) >= 0);
	assert_int_equal(fclose(out), 0);
}

static int make_folder(void **state)
{
	char path[256];
	(void)state;
	if (mkdtemp(folder) == NULL)
		return -1;
	full_path(path, "sub");
	return mkdir(path, 0700);
}

static int remove_folder(void **state)
{
	char path[256];
	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		full_path(path, names[i]);
		unlink(path);
	}
	full_path(path, "sub");
	rmdir(path);
	return rmdir(folder);
}

static struct luafile *load(const char *name)
{
	char path[256];
	full_path(path, name);
	return luafile_load(path);
}

static struct luafile *parse(const char *text)
{
	return luafile_parse("t.conf", text, strlen(text));
}

static const struct conf_value *child(const struct conf_value *v, const char *key)
{
	assert_int_equal(v->kind, CONF_TABLE);
	for (size_t i = 0; i < v->child_count; i++) {
		if (v->children[i].key != NULL && strcmp(v->children[i].key, key) == 0)
			return &v->children[i];
	}
	return NULL;
}

/* The value behind "a.b.c"; the text must have run without errors. */
static const struct conf_value *at(const struct luafile *f, const char *path)
{
	char copy[128], *rest = copy, *key;
	snprintf(copy, sizeof(copy), "%s", path);
	if (f->error_count > 0)
		print_error("%s\n", f->errors[0]);
	assert_int_equal(f->error_count, 0);
	const struct conf_value *v = f->root;
	while ((key = strsep(&rest, ".")) != NULL && v != NULL)
		v = child(v, key);
	return v;
}

static void assert_line(const struct luafile *f, const char *path, int line)
{
	const struct conf_value *v = at(f, path);
	assert_non_null(v);
	if (v->line != line)
		print_error("%s: line %d, expected %d\n", path, v->line, line);
	assert_int_equal(v->line, line);
}

static void assert_text(const struct luafile *f, const char *path, const char *text)
{
	const struct conf_value *v = at(f, path);
	assert_non_null(v);
	assert_string_equal(v->text, text);
}

/* The text must fail, and its first error must be exactly this one. */
static void assert_fails(const char *text, const char *error)
{
	struct luafile *f = parse(text);
	assert_true(f->error_count > 0);
	assert_string_equal(f->errors[0], error);
	luafile_free(f);
}

static void assert_ends(const char *text, const char *end)
{
	size_t length = strlen(text);
	assert_true(length >= strlen(end));
	assert_string_equal(text + length - strlen(end), end);
}

/* ---- values ---- */

static void values_and_kinds(void **state)
{
	struct luafile *f = parse("root = './'\npath = root..'a/?.lua;'..root..'b'\nn = 8\n"
				  "half = 0.5\nbig = 1e15\nyes = true\nno = 1 > 2\nlogger = nil\n"
				  "t = { 'x', [3] = 4, k = {} }\n");
	assert_text(f, "path", "./a/?.lua;./b");
	assert_text(f, "n", "8");
	assert_true(at(f, "n")->number == 8);
	assert_text(f, "half", "0.5");
	assert_text(f, "big", "1e+15");
	assert_int_equal(at(f, "yes")->kind, CONF_BOOLEAN);
	assert_true(at(f, "yes")->boolean);
	assert_text(f, "no", "false");
	assert_null(at(f, "logger"));
	const struct conf_value *t = at(f, "t");
	assert_int_equal(t->child_count, 3);
	assert_null(t->children[0].key);
	assert_true(t->children[0].index == 1);
	assert_string_equal(t->children[0].name, "t[1]");
	assert_true(t->children[1].index == 3);
	assert_string_equal(t->children[2].name, "t.k");
	luafile_free(f);
	(void)state;
}

static void an_assignment_can_be_taken_back(void **state)
{
	struct luafile *f = parse("a = 1\na = nil\nb = 2\n");
	assert_null(at(f, "a"));
	assert_int_equal(f->root->child_count, 1);
	luafile_free(f);
	(void)state;
}

static void there_is_nothing_to_call(void **state)
{
	assert_fails("\nprint 'x'", "t.conf:2: attempt to call global 'print' (a nil value)");
	assert_fails("x = string.rep('a', 9)",
		     "t.conf:1: attempt to index global 'string' (a nil value)");
	assert_fails("x = ('a'):rep(9)", "t.conf:1: attempt to index a string value");
	assert_fails("x = _G.y", "t.conf:1: attempt to index global '_G' (a nil value)");
	(void)state;
}

static void bad_values(void **state)
{
	assert_fails("a = 1\nf = function() end",
		     "t.conf:2: f: Invalid config table key = f (a function; allowed are strings, "
		     "numbers, booleans and tables)");
	assert_fails("a = {\n\nx = 1LL }",
		     "t.conf:3: a.x: Invalid config table key = a.x (a cdata; allowed are strings, "
		     "numbers, booleans and tables)");
	assert_fails("a = {\n[true] = 1 }",
		     "t.conf:1: a: Invalid config table (a key is a boolean)");
	assert_fails("\na = 'x\\0y'", "t.conf:2: a: a zero byte cannot stand in a config");
	assert_fails("a = {} a.a = a", "t.conf:1: a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a: tables are "
				       "nested too deep");
	/* All of them, not just the first, and the others are there. */
	struct luafile *f = parse("f = include\ng = include\nh = 1");
	assert_int_equal(f->error_count, 2);
	assert_int_equal(f->root->child_count, 1);
	luafile_free(f);
	(void)state;
}

static void syntax_errors(void **state)
{
	assert_fails("a = 1\nb = = 2", "t.conf:2: unexpected symbol near '='");
	assert_fails("\x1bLJ\x02", "t.conf: attempt to load chunk with wrong mode");
	(void)state;
}

/* ---- limits ---- */

static void endless_loops_end(void **state)
{
	static const char *const loops[] = {
		"a = 1\nwhile true do end",
		"a = 1\nwhile true do a = 2 end",
		"a = 1\nrepeat local t = {} until false",
		"a = 1\nfor i = 1, 1e18 do end",
	};
	for (size_t i = 0; i < COUNT_OF(loops); i++)
		assert_fails(loops[i],
			     "t.conf:2: the config file does not come to an end (a loop?)");
	(void)state;
}

static void memory_is_limited(void **state)
{
	assert_fails("local s = 'x' while true do s = s..s end",
		     "t.conf: needs more than 16MB of memory");
	assert_fails("local t = {} for i = 1, 1e7 do t[i] = i end",
		     "t.conf: needs more than 16MB of memory");
	assert_fails("b = {} local t = {1,2,3,4,5,6,7,8,9} for i = 1, 20000 do b[i] = t end",
		     "t.conf:1: b[8889]: too many values for a config file");
	(void)state;
}

static void recursion_ends(void **state)
{
	struct luafile *f = parse("local function r() return 1 + r() end\na = r()");
	assert_int_equal(f->error_count, 1);
	/* With a line or without, depending on LuaJIT's version. */
	assert_int_equal(strncmp(f->errors[0], "t.conf:", 7), 0);
	assert_non_null(strstr(f->errors[0], " stack overflow"));
	luafile_free(f);
	(void)state;
}

/* ---- $NAME ---- */

static void variables_are_replaced_everywhere(void **state)
{
	setenv("EQ_PORT", "2013", 1);
	setenv("EQ_KEY", "thread", 1);
	struct luafile *f = parse("-- $EQ_PORT\na = '0.0.0.0:$EQ_PORT'\n$EQ_KEY = $EQ_PORT + 1\n"
				  "b = 'a $ alone'");
	assert_text(f, "a", "0.0.0.0:2013");
	assert_text(f, "thread", "2014");
	assert_line(f, "thread", 3);
	assert_text(f, "b", "a $ alone");
	luafile_free(f);
	(void)state;
}

static void every_missing_variable_is_named(void **state)
{
	unsetenv("EQ_NONE");
	unsetenv("EQ_NADA");
	struct luafile *f = parse("a = 1\n-- $EQ_NONE\nb = '$EQ_NADA'\n");
	assert_int_equal(f->error_count, 2);
	assert_null(f->root);
	assert_string_equal(f->errors[0], "[equilune config] t.conf:2: os.getenv() failed: EQ_NONE "
					  "(no such variable in the environment)");
	assert_string_equal(f->errors[1], "[equilune config] t.conf:3: os.getenv() failed: EQ_NADA "
					  "(no such variable in the environment)");
	luafile_free(f);
	(void)state;
}

static void lines_survive_variables_with_line_ends(void **state)
{
	setenv("EQ_LONG", "1,\n2,\n3", 1);
	struct luafile *f = parse("a = { $EQ_LONG }\nb = { $EQ_LONG, $EQ_LONG,\n x = 1 }\nc = 1");
	assert_int_equal(at(f, "a")->child_count, 3);
	assert_line(f, "b", 2);
	assert_line(f, "b.x", 3);
	assert_line(f, "c", 4);
	luafile_free(f);
	assert_fails("a = { $EQ_LONG }\nb = nope()",
		     "t.conf:2: attempt to call global 'nope' (a nil value)");
	(void)state;
}

/* A replaced text is not searched again, and a small file cannot grow without bounds. */
static void variables_are_replaced_once_and_limited(void **state)
{
	setenv("EQ_DOLLAR", "$EQ_PORT", 1);
	struct luafile *f = parse("a = '$EQ_DOLLAR'");
	assert_text(f, "a", "$EQ_PORT");
	luafile_free(f);

	char *large = malloc(60001);
	memset(large, 'x', 60000);
	large[60000] = '\0';
	setenv("EQ_LARGE", large, 1);
	free(large);
	char text[1024] = "a = '";
	for (int i = 0; i < 20; i++)
		strcat(text, "$EQ_LARGE ");
	strcat(text, "'");
	assert_fails(text, "t.conf: larger than 1MB with its variables");
	unsetenv("EQ_LARGE");
	(void)state;
}

/* ---- include ---- */

static void includes_share_variables_and_nest(void **state)
{
	put("main.conf", "root = './'\ninclude 'sub/one.conf'\nlast = from_two\n");
	put("sub/one.conf", "one = root..'one'\n\ninclude 'two.conf'\n");
	put("sub/two.conf", "\n\nfrom_two = one..'two'\n");
	struct luafile *f = load("main.conf");
	assert_text(f, "last", "./onetwo");
	assert_line(f, "last", 3);
	assert_line(f, "from_two", 3);
	assert_ends(at(f, "from_two")->file, "/sub/two.conf");
	assert_ends(at(f, "one")->file, "/sub/one.conf");
	luafile_free(f);
	(void)state;
}

static void an_include_may_come_twice(void **state)
{
	put("main.conf", "n = 1\ninclude 'sub/one.conf'\ninclude 'sub/one.conf'\n");
	put("sub/one.conf", "n = n + 1\n");
	struct luafile *f = load("main.conf");
	assert_text(f, "n", "3");
	assert_ends(at(f, "n")->file, "/sub/one.conf");
	luafile_free(f);
	(void)state;
}

static void assert_load_fails(const char *end)
{
	struct luafile *f = load("main.conf");
	assert_int_equal(f->error_count, 1);
	assert_ends(f->errors[0], end);
	assert_null(f->root);
	luafile_free(f);
}

static void wrong_includes(void **state)
{
	put("main.conf", "include 'sub/loop.conf'\n");
	put("sub/loop.conf", "a = 1\ninclude '../sub/loop.conf'\n");
	assert_load_fails("/../sub/loop.conf\": the file includes itself");
	put("sub/loop.conf", "\n\ninclude '../main.conf'\n");
	assert_load_fails("main.conf\": the file includes itself");
	put("main.conf", "\ninclude 'missing.conf'\n");
	assert_load_fails("/missing.conf\": No such file or directory");
	put("main.conf", "include 'sub'\n");
	assert_load_fails("/sub\": Is a directory");
	put("main.conf", "include '/dev/zero'\n");
	assert_load_fails("main.conf:1: include \"/dev/zero\": not a regular file");
	put("main.conf", "\n\ninclude(12)\n");
	assert_load_fails("main.conf:3: include needs the path of a file, a string");
	put("main.conf", "while true do include 'sub/one.conf' end\n");
	put("sub/one.conf", "a = 1");
	assert_load_fails("/sub/one.conf\": too many includes");
	put("main.conf", "include 'sub/one.conf'\n");
	put("sub/one.conf", "\n\nb = c.d\n");
	assert_load_fails("/sub/one.conf:3: attempt to index global 'c' (a nil value)");
	(void)state;
}

static void unreadable_files(void **state)
{
	struct luafile *f = luafile_load("/nonexistent/game.conf");
	assert_int_equal(f->error_count, 1);
	assert_string_equal(f->errors[0], "/nonexistent/game.conf: cannot read the config file: "
					  "No such file or directory");
	luafile_free(f);
	f = luafile_load("/dev/zero");
	assert_string_equal(f->errors[0], "/dev/zero: cannot read the config file: larger than "
					  "1MB: is this a config file?");
	luafile_free(f);
	(void)state;
}

/* ---- lines of keys ---- */

static void lines_of_nested_keys(void **state)
{
	struct luafile *f =
		parse("--[[ service = {\n ]]\nlocal function f(t) return t[1] end\n" /* 1 - 3 */
		      "service = { -- } }\n"                                         /* 4 */
		      "\tbattle = {\n"                                               /* 5 */
		      "\t\tslice =\n"                                                /* 6 */
		      "\t\t\t'}',\n"                                                 /* 7 */
		      "\t\tweight = (1 + 2) * f {\n 4 },\n"                          /* 8, 9 */
		      "\t\tjit = 5\n"                                                /* 10 */
		      "\t},\n"                                                       /* 11 */
		      "\t['log*'] = { 1, {\n z = [[\n]] } },\n"                      /* 12 - 14 */
		      "\t['x'] = 1; [ [[y]] ] = 2,\n"                                /* 15 */
		      "}\n"                                                          /* 16 */
		      "service.late = {\n"                                           /* 17 */
		      "\tslice = 1\n"                                                /* 18 */
		      "}\n"                                                          /* 19 */
		      "service['later'],\n other = 2, 3\n" /* 20, 21 */);
	assert_line(f, "service", 4);
	assert_line(f, "service.battle", 5);
	assert_line(f, "service.battle.slice", 6);
	assert_line(f, "service.battle.weight", 8);
	assert_line(f, "service.battle.jit", 10);
	assert_line(f, "service.log*", 12);
	assert_line(f, "service.x", 15);
	assert_line(f, "service.y", 4); /* a long string is no key to the token pass */
	assert_line(f, "service.late", 17);
	assert_line(f, "service.late.slice", 18);
	assert_line(f, "service.later", 20);
	assert_line(f, "other", 21);
	const struct conf_value *item = &at(f, "service.log*")->children[1];
	assert_int_equal(item->line, 12);
	assert_int_equal(item->children[0].line, 13);
	luafile_free(f);
	(void)state;
}

static void the_assignment_that_ran_counts(void **state)
{
	struct luafile *f = parse("a = 1\nlocal a2 = 1\na =\n2\nif a == 2 then\n b = { x = 1 }\n"
				  "else\n b = {\n x = 2 }\nend\nlocal a = 3\na = 4\n"
				  "for c = 1, 2 do d = { x = c } end\nc = 5");
	assert_line(f, "a", 3);
	assert_line(f, "b", 6);
	assert_line(f, "b.x", 6);
	assert_line(f, "d.x", 13);
	assert_line(f, "c", 14);
	luafile_free(f);
	(void)state;
}

static void computed_keys_have_the_line_of_their_assignment(void **state)
{
	struct luafile *f = parse("local t = { x = 1 }\nlocal k = 'key'\n\nservice = {\n one = t,\n"
				  " [k] = 1,\n ['a\\98'] = 2,\n two = { [k..k] = 1 },\n}\n"
				  "service[k..'2'] = {}\n");
	assert_line(f, "service.one.x", 5);
	assert_line(f, "service.key", 4);
	assert_line(f, "service.ab", 4);
	assert_line(f, "service.two.keykey", 8);
	assert_line(f, "service.key2", 4);
	luafile_free(f);
	(void)state;
}

static void assert_order(const struct conf_value *v, const char *const *keys, size_t count)
{
	assert_int_equal(v->child_count, count);
	for (size_t i = 0; i < count; i++)
		assert_string_equal(v->children[i].key, keys[i]);
}

static void children_keep_the_order_of_the_file(void **state)
{
	static const char *const order[] = {"zeta", "alpha", "b*", "log*", "a", "*", "k1", "k2"};
	struct luafile *f = parse("service = { zeta = 1, alpha = 2,\n['b*'] = 3, ['log*'] = 4 }\n"
				  "for i = 2, 1, -1 do service['k'..i] = i end\n"
				  "service.a = 1 service['*'] = 2");
	assert_order(at(f, "service"), order, COUNT_OF(order));
	luafile_free(f);
	(void)state;
}

static void includes_stand_where_they_are_included(void **state)
{
	static const char *const top[] = {"first", "service", "in_one", "last"};
	static const char *const services[] = {"a", "b", "c"};
	put("main.conf", "first = 1\nservice = { a = 1 }\ninclude 'sub/one.conf'\n"
			 "service.c = 3\nlast = 2\n");
	put("sub/one.conf", "in_one = 1\nservice.b = 2\n");
	struct luafile *f = load("main.conf");
	assert_int_equal(f->error_count, 0);
	assert_order(f->root, top, COUNT_OF(top));
	assert_order(at(f, "service"), services, COUNT_OF(services));
	luafile_free(f);
	(void)state;
}

static void names_in_messages(void **state)
{
	struct luafile *f = parse("t = { a = { ['x y'] = { 1 } }, ['9'] = 1, [2] = { b = 1 } }");
	const struct conf_value *t = at(f, "t");
	assert_string_equal(t->children[0].children[0].children[0].name, "t.a[\"x y\"][1]");
	assert_string_equal(t->children[1].name, "t[\"9\"]");
	assert_string_equal(t->children[2].children[0].name, "t[2].b");
	luafile_free(f);
	(void)state;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(values_and_kinds),
		cmocka_unit_test(an_assignment_can_be_taken_back),
		cmocka_unit_test(there_is_nothing_to_call),
		cmocka_unit_test(bad_values),
		cmocka_unit_test(syntax_errors),
		cmocka_unit_test(endless_loops_end),
		cmocka_unit_test(memory_is_limited),
		cmocka_unit_test(recursion_ends),
		cmocka_unit_test(variables_are_replaced_everywhere),
		cmocka_unit_test(every_missing_variable_is_named),
		cmocka_unit_test(lines_survive_variables_with_line_ends),
		cmocka_unit_test(variables_are_replaced_once_and_limited),
		cmocka_unit_test(includes_share_variables_and_nest),
		cmocka_unit_test(an_include_may_come_twice),
		cmocka_unit_test(wrong_includes),
		cmocka_unit_test(unreadable_files),
		cmocka_unit_test(lines_of_nested_keys),
		cmocka_unit_test(the_assignment_that_ran_counts),
		cmocka_unit_test(computed_keys_have_the_line_of_their_assignment),
		cmocka_unit_test(children_keep_the_order_of_the_file),
		cmocka_unit_test(includes_stand_where_they_are_included),
		cmocka_unit_test(names_in_messages),
	};
	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
