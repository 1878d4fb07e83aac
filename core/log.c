/* SPDX-License-Identifier: MIT
 *
 * What threads share here is the descriptor's number, which stays the same from open to close:
 * reopening puts another file behind it with dup3, which the kernel does at once for everybody. So
 * nobody ever sees a closed or a foreign descriptor, and no lock is needed.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* dup3, strerrordesc_np */
#endif
#include "core/log.h"
#include "core/atomics.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/stack.h"

#include <errno.h>
#include <pthread.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#define S_PER_DAY 86400ll

/* Anything the writer of a line puts before the text, and the line about lost ones. */
#define HEAD_BYTES   64
#define REPORT_BYTES 256

static struct {
	/* Start-up and the loop thread. */
	char *path; /* NULL: stdout */

	/* Everybody, single words; an old one beside a new one does no harm. */
	_Atomic int fd;
	_Atomic bool dated;
	_Atomic int64_t utc_offset_s;
	_Atomic uint64_t lost;    /* lines since the last report */
	_Atomic int lost_errno;   /* why the last of them was */
	_Atomic bool line_broken; /* the log ends in the middle of a line */
} logger = {.fd = STDOUT_FILENO};

static _Atomic int least_level = LOG_LEVEL_INFO;

int log_level_of(const char *name)
{
	static const char *const names[] = {"debug", "info", "warn", "error"};
	for (int i = 0; i < (int)COUNT_OF(names); i++)
		if (strcmp(name, names[i]) == 0)
			return i;
	return -1;
}

const char *log_level_mark(enum log_level level)
{
	static const char *const mark[] = {"debug: ", "", "warn: ", "error: "};
	return mark[level];
}

void log_set_level(enum log_level least)
{
	store_relaxed(&least_level, (int)least);
}

bool log_wants(enum log_level level)
{
	return (int)level >= load_relaxed(&least_level);
}

static void learn_utc_offset(void)
{
	time_t now = (time_t)(clock_wall_ns() / NS_PER_S);
	struct tm local;
	tzset();
	if (localtime_r(&now, &local) != NULL)
		store_relaxed(&logger.utc_offset_s, local.tm_gmtoff);
}

/* A pipe that nobody reads is refused (ENXIO): to wait for a reader would be to wait where no signal ends the process, or on
 * the loop thread. */
static int open_file(const char *path)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0644);
	if (fd >= 0)
		fcntl(fd, F_SETFL, O_APPEND); /* writes wait for who reads slowly */
	return fd;
}

int log_open(const char *path)
{
	int fd = path != NULL ? open_file(path) : STDOUT_FILENO;
	if (fd < 0)
		return -1;
	log_close();
	learn_utc_offset();
	if (path != NULL)
		logger.path = mem_strdup(path);
	store_relaxed(&logger.dated, path != NULL);
	store_relaxed(&logger.fd, fd);
	return 0;
}

void log_close(void)
{
	int fd = load_relaxed(&logger.fd);
	store_relaxed(&logger.fd, STDOUT_FILENO);
	store_relaxed(&logger.dated, false);
	store_relaxed(&logger.line_broken, false);
	if (logger.path != NULL)
		close(fd);
	mem_free(logger.path);
	logger.path = NULL;
}

void log_reopen(void)
{
	learn_utc_offset();
	if (logger.path == NULL)
		return;
	int fd = open_file(logger.path);
	if (fd < 0 || dup3(fd, load_relaxed(&logger.fd), O_CLOEXEC) < 0)
		log_printf(0, "cannot reopen the log %s: %s; going on with the old file",
			   logger.path, strerrordesc_np(errno));
	else
		store_relaxed(&logger.line_broken, false);
	if (fd >= 0)
		close(fd);
}

static char *put_digits(char *at, uint64_t value, int digits)
{
	for (int i = digits; i-- > 0; value /= 10)
		at[i] = (char)('0' + value % 10);
	return at + digits;
}

/* The Gregorian date of a day counted from 1970-01-01. Years are taken to begin in March, so that
 * the odd day is the last one, and in cycles of 400 years, which all have the same number of days.
 */
static void date_of(int64_t days, int *year, int *month, int *day)
{
	days += 719468; /* from 0000-03-01 */
	int64_t cycle = days / 146097, in_cycle = days % 146097;
	int64_t y = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
	int64_t in_year = in_cycle - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * in_year + 2) / 153; /* 0: March; months run 31 30 31 30 31 twice */
	*day = (int)(in_year - (153 * m + 2) / 5 + 1);
	*month = (int)(m < 10 ? m + 3 : m - 9);
	*year = (int)(cycle * 400 + y + (m >= 10));
}

/* "dd/mm/yy HH:MM:SS.cc " */
static char *put_date(char *at, int64_t local_ns)
{
	int64_t seconds = local_ns / NS_PER_S, in_day = seconds % S_PER_DAY;
	int year, month, day;
	date_of(seconds / S_PER_DAY, &year, &month, &day);
	const uint64_t part[] = {(uint64_t)day,
				 (uint64_t)month,
				 (uint64_t)year % 100,
				 (uint64_t)in_day / 3600,
				 (uint64_t)in_day / 60 % 60,
				 (uint64_t)in_day % 60,
				 (uint64_t)(local_ns % NS_PER_S / NS_PER_CS)};
	for (size_t i = 0; i < COUNT_OF(part); i++) {
		at = put_digits(at, part[i], 2);
		*at++ = "// ::. "[i];
	}
	return at;
}

void log_put_utc(char out[LOG_UTC_BYTES], int64_t wall_ns)
{
	int64_t seconds = wall_ns / NS_PER_S, in_day = seconds % S_PER_DAY;
	int year, month, day;
	date_of(seconds / S_PER_DAY, &year, &month, &day);
	const struct {
		uint64_t value;
		int digits;
		char after;
	} part[] = {{(uint64_t)year, 4, '-'},
		    {(uint64_t)month, 2, '-'},
		    {(uint64_t)day, 2, 'T'},
		    {(uint64_t)in_day / 3600, 2, ':'},
		    {(uint64_t)in_day / 60 % 60, 2, ':'},
		    {(uint64_t)in_day % 60, 2, '.'},
		    {(uint64_t)(wall_ns % NS_PER_S / NS_PER_US), 6, 'Z'}};
	for (size_t i = 0; i < COUNT_OF(part); i++) {
		out = put_digits(out, part[i].value, part[i].digits);
		*out++ = part[i].after;
	}
	*out = '\0';
}

/* What stands before the text; returns its length. snprintf is not async-signal-safe, hence by
 * hand. */
static size_t put_head(char *head, uint32_t source)
{
	char *at = head;
	if (load_relaxed(&logger.dated)) {
		int64_t offset_ns = load_relaxed(&logger.utc_offset_s) * NS_PER_S;
		at = put_date(at, clock_wall_ns() + offset_ns);
	}
	*at++ = '[';
	*at++ = ':';
	for (int shift = 28; shift >= 0; shift -= 4)
		*at++ = "0123456789abcdef"[source >> shift & 15];
	*at++ = ']';
	*at++ = ' ';
	return (size_t)(at - head);
}

static char *put_text(char *at, const char *end, const char *text)
{
	size_t room = (size_t)(end - at), bytes = strnlen(text, room);
	memcpy(at, text, bytes);
	return at + bytes;
}

/* The line that says how many were lost, behind the end of a line that was cut; returns its length.
 */
static size_t put_report(char *report, uint64_t lost, bool broken)
{
	char *at = report, *end = report + REPORT_BYTES - 1;
	if (broken)
		*at++ = '\n';
	if (lost > 0) {
		at += put_head(at, 0);
		int digits = 1;
		for (uint64_t rest = lost; rest >= 10; rest /= 10)
			digits++;
		at = put_digits(at, lost, digits);
		at = put_text(at, end,
			      lost == 1 ? " log line was lost: " : " log lines were lost: ");
		const char *why = strerrordesc_np(load_relaxed(&logger.lost_errno));
		at = put_text(at, end, why != NULL ? why : "unknown error");
		*at++ = '\n';
	}
	return (size_t)(at - report);
}

/* Drops `bytes` that are written from the front of *io. */
static void advance(struct iovec **io, int *count, size_t bytes)
{
	while (*count > 0 && bytes >= (*io)->iov_len) {
		bytes -= (*io)->iov_len;
		(*io)++;
		(*count)--;
	}
	if (*count > 0) {
		(*io)->iov_base = (char *)(*io)->iov_base + bytes;
		(*io)->iov_len -= bytes;
	}
}

/* All or -1 with errno; *started says whether a part of it is out. */
static int write_all(int fd, struct iovec *io, int count, bool *started)
{
	*started = false;
	advance(&io, &count, 0);
	while (count > 0) {
		ssize_t written = writev(fd, io, count);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0)
			return -1;
		*started |= written > 0;
		advance(&io, &count, (size_t)written);
	}
	return 0;
}

/* `lost` and `broken` were taken out of the logger for a report that did not come through either.
 */
static void give_up(uint64_t lost, bool broken, bool started)
{
	store_relaxed(&logger.lost_errno, errno);
	add_relaxed(&logger.lost, lost + 1);
	if (broken || started)
		store_relaxed(&logger.line_broken, true);
}

static void write_line(const char *head, size_t head_bytes, const char *text, size_t size)
{
	int saved_errno = errno;
	char report[REPORT_BYTES], end = '\n';
	/* Looked at before they are taken, for the usual case must not write to shared memory. */
	bool had = load_relaxed(&logger.lost) != 0 || load_relaxed(&logger.line_broken);
	uint64_t lost = had ? exchange_acq_rel(&logger.lost, 0) : 0; /* no data hangs on it */
	bool broken = had && exchange_acq_rel(&logger.line_broken, false);
	const struct iovec line[] = {{report, had ? put_report(report, lost, broken) : 0},
				     {(char *)(uintptr_t)head, head_bytes},
				     {(char *)(uintptr_t)text, size},
				     {&end, 1}};
	struct iovec io[COUNT_OF(line)];
	bool started;
	memcpy(io, line, sizeof(io));
	if (write_all(load_relaxed(&logger.fd), io, COUNT_OF(io), &started) != 0) {
		give_up(lost, broken, started);
		memcpy(io, line + 1, sizeof(line) - sizeof(line[0]));
		write_all(STDERR_FILENO, io, COUNT_OF(io) - 1, &started);
	}
	errno = saved_errno;
}

void log_write(uint32_t source, const char *text, size_t size)
{
	char head[HEAD_BYTES];
	write_line(head, put_head(head, source), text, size);
}

void log_write_bare(const char *text, size_t size)
{
	write_line("", 0, text, size);
}

static pthread_mutex_t order = PTHREAD_MUTEX_INITIALIZER;

void log_order_take(void)
{
	pthread_mutex_lock(&order);
}

void log_order_release(void)
{
	pthread_mutex_unlock(&order);
}

void log_printf(uint32_t source, const char *fmt, ...)
{
	char text[LOG_LINE_BYTES];
	va_list args;
	int saved_errno = errno;
	va_start(args, fmt);
	int bytes = vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	stack_scrub(); /* services log from inside their VMs */
	errno = saved_errno;
	size_t size = bytes > 0 ? (size_t)bytes : 0;
	if (size >= sizeof(text)) {
		size = sizeof(text) - 1;
		memcpy(text + size - 3, "...", 3);
	}
	log_order_take();
	log_write(source, text, size);
	log_order_release();
}

uint64_t log_lost(void)
{
	return load_relaxed(&logger.lost);
}
