/* SPDX-License-Identifier: MIT
 *
 * Reading the config file again while the shard runs (SIGHUP, skynet.sched.reload). What belongs to
 * scheduling is put in force: `slice`, `weight`, `min_run`, `class`, `service`, and for services started
 * from then on `jit` and `memlimit`. What else differs from the start is named in the log as needing a
 * restart. A file with an error changes nothing.
 *
 * Running services: exactly those for which the file now says something else than the one before get new
 * settings. All others keep what they have, also what somebody set by skynet.sched.set.
 *
 * Main does it, which otherwise sleeps until the end: evaluating a file may take up to a second, and neither
 * the loop thread nor a worker has that time.
 */
#ifndef CONF_RELOAD_H
#define CONF_RELOAD_H

#include "conf/conf.h"

/* `conf` (taken) was read from `path` (kept) and is in force from now on. `wake` makes main call
 * reload_serve. Fills the hooks of luabind. Before the first launch. */
void reload_init(struct conf *conf, const char *path, void (*wake)(void));

/* Asks for a reload. `asker` (0: nobody) gets the outcome as the answer to `session`. NULL: it will come;
 * else why not. Any thread. */
const char *reload_request(uint32_t asker, int32_t session);

/* Main: does what was asked for, and answers. Several requests make one reload. */
void reload_serve(void);
/* Main, at the end: requests are refused from now on, and those that wait are answered. */
void reload_end(void);

#endif
