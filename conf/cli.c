/* SPDX-License-Identifier: MIT */
#include "conf/cli.h"

#include "conf/conf.h"
#include "conf/options.h"
#include "conf/spell.h"
#include "conf/types.h"

#include <string.h>

struct flag {
	const char *name;
	enum cli_action action;
	const char *help;
};

static const struct flag flags[] = {
	{"--check-config", CLI_CHECK_CONFIG,
	 "check CONFIG, say what differs from the defaults, end"},
	{"--help-config", CLI_HELP_CONFIG, "list what can be set in CONFIG"},
	{"--types", CLI_TYPES, "write type stubs for editors (LuaLS) into a folder: --types FOLDER"},
	{"--version", CLI_VERSION, "show the versions of equilune and its libraries"},
	{"--help", CLI_HELP, "show this text"},
};

static void print_usage(FILE *out)
{
	fprintf(out, "usage: equilune [options] CONFIG\n");
	for (size_t i = 0; i < COUNT_OF(flags); i++)
		fprintf(out, "  %-16s %s\n", flags[i].name, flags[i].help);
}

static const struct flag *find_flag(const char *name)
{
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		if (strcmp(flags[i].name, name) == 0)
			return &flags[i];
	}
	return strcmp(name, "-h") == 0 ? find_flag("--help") : NULL;
}

static int unknown_flag(const char *name)
{
	struct spell s = spell_for(name);
	for (size_t i = 0; i < COUNT_OF(flags); i++)
		spell_offer(&s, flags[i].name);
	const char *guess = spell_guess(&s);
	fprintf(stderr, "equilune: unknown option %s", name);
	if (guess != NULL)
		fprintf(stderr, ", did you mean %s?\n", guess);
	else
		fprintf(stderr, ", see equilune --help\n");
	return CLI_EXIT_USAGE;
}

static int need_config(void)
{
	fprintf(stderr, "Need a config file. What can be set in it: equilune --help-config\n");
	print_usage(stderr);
	return CLI_EXIT_USAGE;
}

static int need_folder(void)
{
	fprintf(stderr, "equilune: --types needs a folder: equilune --types FOLDER\n");
	return CLI_EXIT_USAGE;
}

static bool needs_path(enum cli_action action)
{
	return action == CLI_RUN || action == CLI_CHECK_CONFIG || action == CLI_TYPES;
}

int cli_parse(int argc, char **argv, struct cli *out)
{
	bool only_files = false;
	*out = (struct cli){.action = CLI_RUN};
	for (int i = 1; i < argc; i++) {
		if (!only_files && strcmp(argv[i], "--") == 0) {
			only_files = true;
		} else if (!only_files && argv[i][0] == '-' && argv[i][1] != '\0') {
			const struct flag *flag = find_flag(argv[i]);
			if (flag == NULL)
				return unknown_flag(argv[i]);
			/* Whoever asks for help with more on the line still wants help. */
			if (needs_path(out->action))
				out->action = flag->action;
		} else if (out->path != NULL) {
			fprintf(stderr, "equilune: one %s only, not also %s\n",
				out->action == CLI_TYPES ? "folder" : "config file", argv[i]);
			return CLI_EXIT_USAGE;
		} else {
			out->path = argv[i];
		}
	}
	if (!needs_path(out->action) || out->path != NULL)
		return CLI_EXIT_OK;
	return out->action == CLI_TYPES ? need_folder() : need_config();
}

static int check_config(const char *path)
{
	struct conf_report report = {0};
	struct conf *c = conf_load(path, &report);
	report_print(&report, stderr);
	report_clear(&report);
	if (c == NULL)
		return CLI_EXIT_CONFIG;
	printf("%s: ok\n", path);
	conf_print_changes(c, stdout);
	conf_free(c);
	return CLI_EXIT_OK;
}

static void print_version(const struct cli_versions *v)
{
	printf("equilune %s\n%s\n%s\n%s\n", v->equilune, v->luajit, v->allocator, v->libev);
}

int cli_do(const struct cli *cli, const struct cli_versions *versions)
{
	switch (cli->action) {
	case CLI_CHECK_CONFIG:
		return check_config(cli->path);
	case CLI_VERSION:
		print_version(versions);
		break;
	case CLI_HELP:
		print_usage(stdout);
		break;
	case CLI_HELP_CONFIG:
		option_print_help(stdout);
		break;
	case CLI_TYPES:
		return types_write(cli->path);
	case CLI_RUN:
		panic("cli_do cannot run a server");
	}
	return CLI_EXIT_OK;
}
