/* SPDX-License-Identifier: MIT */
#include "tests/stress/kit_log.h"
#include "core/log.h"
#include "tests/stress/kit.h"
#include "watchdog/crash.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Some 80 lines: a report and what came before it. */
enum { SHOWN_BYTES = 8192 };

static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

static struct {
	int fd; /* for reading */
	off_t shown;
	volatile sig_atomic_t reporting;
	struct sigaction report[COUNT_OF(fatal)]; /* what crash_init has installed */
} kit_log = {.fd = -1};

static void put(const char *text, size_t bytes)
{
	ssize_t unused = write(STDERR_FILENO, text, bytes);
	(void)unused;
}

void kit_log_show(void)
{
	static const char title[] = "---- the end of its log ----\n";
	static char text[SHOWN_BYTES];
	off_t size = kit_log.fd < 0 ? 0 : lseek(kit_log.fd, 0, SEEK_END);
	off_t from = size - SHOWN_BYTES > kit_log.shown ? size - SHOWN_BYTES : kit_log.shown;
	ssize_t got = from < size ? pread(kit_log.fd, text, sizeof(text), from) : 0;
	if (got <= 0)
		return;
	/* Not half a line. */
	const char *line = from > kit_log.shown ? memchr(text, '\n', (size_t)got) : NULL;
	size_t skip = line ? (size_t)(line + 1 - text) : 0;
	kit_log.shown = size;
	put(title, sizeof(title) - 1);
	put(text + skip, (size_t)got - skip);
}

/* Around the handler of crash.c. That one sends the signal once more when it has reported; it comes when we return. */
static void on_fatal(int signo, siginfo_t *info, void *context)
{
	struct sigaction now;
	/* The report crashes: it has a part left to say, and then ends the process at once. */
	if (kit_log.reporting)
		kit_log_show();
	kit_log.reporting = true;
	for (size_t i = 0; i < COUNT_OF(fatal); i++)
		if (fatal[i] == signo)
			kit_log.report[i].sa_sigaction(signo, info, context);
	/* Else it was a stack overflow, which ends a service and no process. */
	if (sigaction(signo, NULL, &now) == 0 && now.sa_handler == SIG_DFL)
		kit_log_show();
	kit_log.reporting = false;
}

static void install(void)
{
	crash_init();
	if (WITH_ASAN || WITH_TSAN)
		return; /* they report themselves */
	for (size_t i = 0; i < COUNT_OF(fatal); i++) {
		struct sigaction action;
		check(sigaction(fatal[i], NULL, &kit_log.report[i]) == 0, "no handler");
		action = kit_log.report[i];
		action.sa_sigaction = on_fatal;
		check(sigaction(fatal[i], &action, NULL) == 0, "no handler");
	}
}

void kit_log_open(void)
{
	char made[] = "/tmp/stress_log_XXXXXX";
	const char *given = getenv("STRESS_LOG");
	const char *path = given ? given : made;
	if (given == NULL)
		close(mkstemp(made));
	check(log_open(path) == 0, "no log at %s", path);
	if (kit_log.fd >= 0)
		close(kit_log.fd); /* of the last start */
	kit_log.fd = open(path, O_RDONLY | O_CLOEXEC);
	kit_log.shown = given ? lseek(kit_log.fd, 0, SEEK_END) : 0;
	if (given == NULL)
		unlink(path);
	install();
}
