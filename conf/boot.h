/* SPDX-License-Identifier: MIT
 *
 * Starting and ending the process with a checked configuration.
 */
#ifndef CONF_BOOT_H
#define CONF_BOOT_H

#include "conf/conf.h"

/* Runs the shard until it ends; returns the exit status. Takes `conf`, which was read from `path`. Main thread,
 * signals blocked. */
int boot_run(struct conf *conf, const char *path);

#endif
