/* SPDX-License-Identifier: MIT
 *
 * Where the groups are: /proc/self/cgroup says the path of each within its hierarchy. The hierarchies are
 * looked for at their customary places below /sys/fs/cgroup (version 2 at the top, or in `unified` beside
 * version 1). In a container without a namespace for groups the path is the host's, and of the folders on it
 * only the top one exists here, which is the container's own: so folders that are missing are passed over.
 */
#include "core/cgroup.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_BYTES = 4096, LINE_BYTES = PATH_BYTES + 256 };

/* The start of a small file as text. */
static bool read_file(const char *path, char *text, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, size - 1);
	if (fd >= 0)
		close(fd);
	text[got > 0 ? got : 0] = '\0';
	return got > 0;
}

static int64_t millicpus(int64_t quota_us, int64_t period_us)
{
	if (quota_us <= 0 || period_us <= 0)
		return 0;
	/* 100 years of quota still fit. Never 0: that would mean none. */
	int64_t n = quota_us > INT64_MAX / 1000 ? INT64_MAX : quota_us * 1000 / period_us;
	return n > 0 ? n : 1;
}

/* "150000 100000" or "max 100000" in cpu.max. */
static int64_t quota_v2(const char *folder)
{
	char path[LINE_BYTES], text[64];
	int64_t quota = 0, period = 0;
	snprintf(path, sizeof(path), "%s/cpu.max", folder);
	if (!read_file(path, text, sizeof(text)) ||
	    sscanf(text, "%" SCNd64 " %" SCNd64, &quota, &period) != 2)
		return 0;
	return millicpus(quota, period);
}

/* -1 in cpu.cfs_quota_us is none. */
static int64_t quota_v1(const char *folder)
{
	char path[LINE_BYTES], quota[64], period[64];
	snprintf(path, sizeof(path), "%s/cpu.cfs_quota_us", folder);
	if (!read_file(path, quota, sizeof(quota)))
		return 0;
	snprintf(path, sizeof(path), "%s/cpu.cfs_period_us", folder);
	if (!read_file(path, period, sizeof(period)))
		return 0;
	return millicpus(strtoll(quota, NULL, 10), strtoll(period, NULL, 10));
}

static int64_t smaller(int64_t a, int64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

/* The smallest quota of the group at `path` in the hierarchy at `top`, and of all groups above it. */
static int64_t smallest_up(const char *top, const char *path, int64_t (*quota)(const char *folder))
{
	char folder[LINE_BYTES];
	int64_t least = 0;
	size_t top_length = strlen(top);
	/* "/../x" is a group outside of our namespace: nothing of it is to be seen but the top. */
	if (strstr(path, "/.."))
		path = "";
	int length = snprintf(folder, sizeof(folder), "%s%s", top, path);
	if (length < 0 || (size_t)length >= sizeof(folder))
		return 0;
	for (;;) {
		least = smaller(least, quota(folder));
		char *slash = strrchr(folder, '/');
		if (slash == NULL || (size_t)(slash - folder) < top_length)
			return least;
		*slash = '\0';
	}
}

/* Is `name` one of the words between commas? */
static bool lists(const char *words, const char *name)
{
	size_t length = strlen(name);
	for (const char *at = words; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, name, length) == 0 && (at[length] == ',' || at[length] == '\0'))
			return true;
	}
	return false;
}

/* A line "4:cpu,cpuacct:/a/b" (version 1) or "0::/a/b" (version 2). */
static int64_t quota_of_line(char *line, const char *groups)
{
	char top[PATH_BYTES];
	int64_t least = 0;
	char *words = strchr(line, ':');
	char *path = words ? strchr(++words, ':') : NULL;
	if (path == NULL)
		return 0;
	*path++ = '\0';
	if (*words == '\0') {
		least = smallest_up(groups, path, quota_v2);
		snprintf(top, sizeof(top), "%s/unified", groups);
		return smaller(least, smallest_up(top, path, quota_v2));
	}
	if (!lists(words, "cpu"))
		return 0;
	/* The folder has the name of all controllers, and mostly a link for each. */
	snprintf(top, sizeof(top), "%s/%s", groups, words);
	least = smallest_up(top, path, quota_v1);
	snprintf(top, sizeof(top), "%s/cpu", groups);
	return smaller(least, smallest_up(top, path, quota_v1));
}

int64_t cgroup_quota_millicpus(const char *proc, const char *groups)
{
	char path[PATH_BYTES], line[LINE_BYTES];
	int64_t least = 0;
	snprintf(path, sizeof(path), "%s/self/cgroup", proc);
	FILE *f = fopen(path, "re");
	if (f == NULL)
		return 0;
	while (fgets(line, sizeof(line), f)) {
		line[strcspn(line, "\n")] = '\0';
		least = smaller(least, quota_of_line(line, groups));
	}
	fclose(f);
	return least;
}
