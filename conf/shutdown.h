/* SPDX-License-Identifier: MIT
 *
 * The orderly end of the process: asked for by SIGTERM or SIGINT, by skynet.abort, or by a failed start.
 *
 *	running --request--> asked --> telling (onstop functions run) --> ending (services close) --> exit
 *
 * A second signal ends the process at once; so does a service that cannot be stopped before `stop` is over.
 */
#ifndef CONF_SHUTDOWN_H
#define CONF_SHUTDOWN_H

#include "core/base.h"

void shutdown_init(int64_t patience_ns);
/* Asks for the end; the first status counts. `at_once` skips the onstop functions. Any thread. */
void shutdown_request(int exit_status);
/* Loop thread, from the signalfd. */
void shutdown_on_signal(int signo);
/* Main thread: sleeps until the end was asked for. Calls `serve` first, and after each shutdown_wake. */
void shutdown_wait(void (*serve)(void));
/* There is something for main to serve. Any thread. */
void shutdown_wake(void);
/* Main thread: does it. Returns the exit status. */
int shutdown_run(void);

#endif
