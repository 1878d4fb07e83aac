/* SPDX-License-Identifier: MIT */
#include "core/base.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Async-signal-safe: no stdio, no allocation. */
static void put_text(const char *text)
{
	ssize_t unused = write(STDERR_FILENO, text, strlen(text));
	(void)unused;
}

void panic_at(const char *file, int line, const char *what)
{
	char digits[12];
	size_t at = sizeof(digits) - 1;
	digits[at] = '\0';
	do {
		digits[--at] = (char)('0' + line % 10);
		line /= 10;
	} while (line > 0 && at > 0);
	put_text("equilune: internal error at ");
	put_text(file);
	put_text(":");
	put_text(digits + at);
	put_text(": ");
	put_text(what);
	put_text("\n");
	abort();
}
