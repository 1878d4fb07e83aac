/* SPDX-License-Identifier: MIT
 *
 * The command line. cli_parse decides what is asked for; cli_do does what needs no runtime.
 */
#ifndef CONF_CLI_H
#define CONF_CLI_H

#include "core/base.h"

#include <stdio.h>

/* What the process tells its parent; 78 is EX_CONFIG of sysexits.h, which systemd knows. */
enum cli_exit {
	CLI_EXIT_OK = 0,
	CLI_EXIT_FAILURE = 1,
	CLI_EXIT_USAGE = 2,
	CLI_EXIT_CONFIG = 78,
};

enum cli_action {
	CLI_RUN,
	CLI_CHECK_CONFIG,
	CLI_VERSION,
	CLI_HELP,
	CLI_HELP_CONFIG,
	CLI_TYPES,
};

struct cli {
	enum cli_action action;
	const char *path; /* borrowed from argv: the config file; for CLI_TYPES the folder */
};

/* What --version shows; main asks the rooms that know. */
struct cli_versions {
	const char *equilune;
	const char *luajit;
	const char *allocator;
	const char *libev;
};

/* Fills `out`. Returns CLI_EXIT_OK to go on, or the exit status after a message on stderr. */
int cli_parse(int argc, char **argv, struct cli *out);

/* Everything but CLI_RUN; returns the exit status. Answers go to stdout, errors to stderr. */
int cli_do(const struct cli *cli, const struct cli_versions *versions);

#endif
