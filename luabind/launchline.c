/* SPDX-License-Identifier: MIT */
#include "luabind/launchline.h"

#include <stdbool.h>
#include <string.h>

void launchline_make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = '?';
}

void launchline_name(const char *line, char *name, size_t size)
{
	static const char blanks[] = " \t\n\v\f\r", dots[] = "...";
	line += strspn(line, blanks);
	size_t length = strcspn(line, blanks);
	bool fits = length < size;
	if (!fits)
		length = size - sizeof(dots);
	memcpy(name, line, length);
	memcpy(name + length, fits ? "" : dots, fits ? 1 : sizeof(dots));
	launchline_make_printable(name);
}
