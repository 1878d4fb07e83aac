/* SPDX-License-Identifier: MIT
 *
 * The loop thread: one libev loop for everything that waits for the kernel: timers, signals, and
 * calls from other threads (asyncs). Idle, it is blocked in epoll_wait. It must never run user code
 * or wait for a worker.
 *
 * Signals are read from a signalfd, so no handler ever runs for them and what they do is ordinary
 * code on the loop thread. For that they must be blocked in every thread, i.e. in main before the
 * first thread exists.
 */
#ifndef CORE_LOOP_H
#define CORE_LOOP_H

#include "core/base.h"

struct loop_async;

/* Blocks SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2 (for loop_on_signal) and SIGPIPE (a write to a
 * closed pipe then says EPIPE) in the calling thread and all that it will create. First thing in
 * main. */
void loop_block_signals(void);

/* `fn` is called on the loop thread each time `signo` has arrived (several may come as one). Before
 * loop_start; the signal must be one that loop_block_signals blocked. */
void loop_on_signal(int signo, void (*fn)(int signo));

/* A doorbell: `fn(arg)` runs on the loop thread after each loop_async_send; several sends may make
 * one call, but every send is followed by a call that begins after it. Before loop_start or on the
 * loop thread. It lives until loop_stop, which frees it. */
struct loop_async *loop_async_new(void (*fn)(void *), void *arg);

/* Any thread, and signal handlers. Before loop_start too: the call then comes when it runs. What
 * the sender wrote before is visible to `fn`. Not after loop_stop. */
void loop_async_send(struct loop_async *a);

/* Creates the thread "eq-loop". It watches timer_fd(), so timer_init comes before. Panics when the
 * system refuses a thread or a descriptor. */
void loop_start(void);

/* Ends the loop after the callbacks that are running, joins the thread and frees all watchers:
 * whoever sends asyncs must have ended before. Not on the loop thread. loop_start may follow. */
void loop_stop(void);

/* Since when the loop thread has been in one round of callbacks; 0: it waits for the kernel. Any thread. */
int64_t loop_busy_since_ns(void);

/* Name and version of the library that this was built for, "libev 4.33". */
const char *loop_version(void);

#endif
