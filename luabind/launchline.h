/* SPDX-License-Identifier: MIT
 *
 * The text that a service is launched with: the name of its file, then its arguments. Any thread.
 */
#ifndef LUABIND_LAUNCHLINE_H
#define LUABIND_LAUNCHLINE_H

#include <stddef.h>

/* The name of the service that `line` launches, for config patterns, alerts and figures: the first word, as
 * loader.lua cuts it, since a line must not get the share of one name and run the file of another. One that
 * does not fit into `size` bytes ends in dots: it is not the service that has the first part for its whole name. */
void launchline_name(const char *line, char *name, size_t size);
/* Control characters could forge lines of the log: each becomes a question mark. */
void launchline_make_printable(char *text);

#endif
