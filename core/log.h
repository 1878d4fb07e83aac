/* SPDX-License-Identifier: MIT
 *
 * The log: one line, one write. There is no buffer, no lock, no stdio and no allocation between a
 * line and the kernel, so the monitor can write while every other thread is stuck anywhere, and
 * what was logged before a crash is there. Lines of several threads do not mix in files and, up to
 * PIPE_BUF (4096) bytes, in pipes.
 *
 * A line is `[:0000000a] text`; in a file it is preceded by `dd/mm/yy HH:MM:SS.cc ` in local time.
 * The distance to UTC is asked for at open and reopen only (libc's time zone code takes a lock that
 * a stuck thread may hold): after a change to summer time, send SIGHUP.
 */
#ifndef CORE_LOG_H
#define CORE_LOG_H

#include "core/base.h"

#define LOG_LINE_BYTES 4096 /* log_printf cuts here */

/* What a line is worth. Lines below the level that is set are left out by whoever would write them (log_wants); what
 * services say by skynet.error and print has no level and is always written. */
enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

/* "debug", "info", "warn", "error"; -1 for any other word. */
int log_level_of(const char *name);
/* What stands before the text of a line of that level: "warn: ", and nothing for info. */
const char *log_level_mark(enum log_level level);
/* Any thread. Info at first. */
void log_set_level(enum log_level least);
bool log_wants(enum log_level level);

/* Appends to the file at `path` (copied; created with 0644), or writes to stdout when NULL, which
 * is also the state before the first call. 0, or -1 with errno and the log unchanged. Start-up
 * only: no other thread may be logging through another file. */
int log_open(const char *path);

/* Opens the same path again (logrotate moved the file away). On failure it goes on with the old one
 * and says so in it. Lines written meanwhile go to one or the other whole. Loop thread. */
void log_reopen(void);

/* Back to stdout. When no other thread logs any more. */
void log_close(void);

/* Writes one line; `text` needs no newline and may be of any size. `source` is the handle of the
 * service that says it, 0 for the runtime. If it cannot be written (disk full) it goes to stderr
 * and is counted; the next line that can be is preceded by one that says how many were lost. Keeps
 * errno. Any thread; async-signal-safe. */
void log_write(uint32_t source, const char *text, size_t size);

/* The same for a line that is complete in itself: nothing is put before it. */
void log_write_bare(const char *text, size_t size);

/* "2026-01-31T23:59:59.123456Z", without any call of libc's. Any thread; async-signal-safe. */
#define LOG_UTC_BYTES 32
void log_put_utc(char out[LOG_UTC_BYTES], int64_t wall_ns);

/* Whole lines also where a write is not atomic (a pipe and more than 4 KB): print, log_printf and the logger write
 * between these two. Alerts do not: the monitor must never wait for a thread that is stuck in a full pipe. Any
 * thread but the monitor; short. */
void log_order_take(void);
void log_order_release(void);

/* The same with a format; longer texts end in "..." at LOG_LINE_BYTES. Any thread, not in handlers.
 */
void log_printf(uint32_t source, const char *fmt, ...) PRINTF(2, 3);

/* Lines lost since the last report in the log itself. Any thread. */
uint64_t log_lost(void);

#endif
