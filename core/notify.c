/* SPDX-License-Identifier: MIT
 *
 * A path, or with a leading `@` a name in the abstract namespace of Linux, which begins with a zero byte and has
 * no end but the length.
 */
#include "core/notify.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

static struct {
	int fd; /* connected, -1: none */
	int64_t watchdog_ns;
} notify = {.fd = -1};

static bool address_of(const char *name, struct sockaddr_un *out, socklen_t *bytes)
{
	size_t length = strlen(name);
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	errno = EINVAL;
	if ((name[0] != '/' && name[0] != '@') || length < 2 || length >= sizeof(out->sun_path))
		return false;
	memcpy(out->sun_path, name, length);
	if (name[0] == '@')
		out->sun_path[0] = '\0';
	*bytes = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length);
	return true;
}

/* The manager's interval counts only for the process that it names, if it names one. */
static int64_t read_watchdog_ns(void)
{
	const char *usec = getenv("WATCHDOG_USEC"), *pid = getenv("WATCHDOG_PID");
	char *end = NULL;
	if (usec == NULL || (pid && strtoll(pid, NULL, 10) != getpid()))
		return 0;
	errno = 0;
	long long value = strtoll(usec, &end, 10);
	bool sound = errno == 0 && *usec && *end == '\0' && value > 0 && value < INT64_MAX / 1000;
	return sound ? value * 1000 : 0;
}

static bool connect_to(const char *name)
{
	struct sockaddr_un to;
	socklen_t bytes;
	if (!address_of(name, &to, &bytes))
		return false;
	notify.fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (notify.fd < 0)
		return false;
	if (connect(notify.fd, (const struct sockaddr *)&to, bytes) == 0)
		return true;
	int why = errno;
	notify_close();
	errno = why;
	return false;
}

bool notify_open(void)
{
	const char *name = getenv("NOTIFY_SOCKET");
	bool fine = name == NULL || connect_to(name);
	int why = errno;
	notify.watchdog_ns = notify.fd >= 0 ? read_watchdog_ns() : 0;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	errno = why;
	return fine;
}

void notify_close(void)
{
	if (notify.fd >= 0)
		close(notify.fd);
	notify.fd = -1;
	notify.watchdog_ns = 0;
}

void notify_send(const char *text)
{
	if (notify.fd < 0)
		return;
	while (send(notify.fd, text, strlen(text), MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

int64_t notify_watchdog_ns(void)
{
	return notify.watchdog_ns;
}
