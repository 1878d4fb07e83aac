/* SPDX-License-Identifier: MIT */
#include "conf/boot.h"
#include "conf/cli.h"
#include "core/loop.h"
#include "core/mem.h"
#include "luabind/luabind.h"

#include <stdio.h>
#include <unistd.h>

#ifndef EQUILUNE_VERSION
#define EQUILUNE_VERSION "0"
#endif

static int run(const char *path)
{
	struct conf_report report = {0};
	struct conf *conf = conf_load(path, &report);
	report_print(&report, stderr);
	report_clear(&report);
	if (conf == NULL)
		return CLI_EXIT_CONFIG;
	/* io.write is in order with print, which goes past stdio. */
	setvbuf(stdout, NULL, _IONBF, 0);
	return boot_run(conf, path);
}

int main(int argc, char **argv)
{
	struct cli cli;
	struct cli_versions versions = {
		.equilune = EQUILUNE_VERSION,
		.luajit = vm_version(),
		.allocator = mem_version(),
		.libev = loop_version(),
	};
	/* Before the first thread exists: signals are read by the loop thread only. */
	loop_block_signals();
	int status = cli_parse(argc, argv, &cli);
	if (status == CLI_EXIT_OK && cli.action == CLI_RUN) {
		status = run(cli.path);
	} else {
		if (status == CLI_EXIT_OK)
			status = cli_do(&cli, &versions);
		fflush(NULL);
	}
	/* Not exit(): threads that are stuck in C code must not meet destructors. */
	_exit(status);
}
