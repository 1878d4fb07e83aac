/* SPDX-License-Identifier: MIT
 *
 * The text of one config file: read from disk, with `$NAME` replaced from the process's
 * environment. A variable may hold line ends, so lines of the replaced text are not lines of the
 * file; luasource_line goes back from the one to the other.
 */
#ifndef LUABIND_LUASOURCE_H
#define LUABIND_LUASOURCE_H

#include "core/base.h"

#include <sys/types.h>

/* A config is some kilobytes; whoever names a log file by mistake shall hear of it soon. */
#define LUASOURCE_BYTES_MAX (1024 * 1024)

struct luasource_shift {
	int line;  /* of the replaced text */
	int lines; /* line ends that the variable standing there brought in */
};

/* Owned by one thread. */
struct luasource {
	char *text;
	size_t size_bytes;
	dev_t device; /* which file it is, however it was named; zero for a text without one */
	ino_t inode;
	struct luasource_shift *shifts; /* in the order of the text */
	size_t shift_count;
};

/* Called for each variable that is not set; `line` is the file's. */
typedef void luasource_missing(const char *name, int line, void *context);

/* Fills `s`; free with luasource_term in any case. `files_only` refuses pipes and devices, on which
 * reading might wait. Returns NULL or what went wrong, a text that lives as long as the process or
 * until the next strerror. */
const char *luasource_read(struct luasource *s, const char *path, bool files_only);
/* Copies a text instead. */
const char *luasource_copy(struct luasource *s, const char *text, size_t size_bytes);
/* Replaces the variables. False: some were not set, each was reported, the text is as before. A
 * text that grows beyond LUASOURCE_BYTES_MAX is cut somewhere above that: look at size_bytes. */
bool luasource_expand(struct luasource *s, luasource_missing *missing, void *context);
/* The line of the file that `line` of the replaced text stands in. */
int luasource_line(const struct luasource *s, int line);
void luasource_term(struct luasource *s);

#endif
