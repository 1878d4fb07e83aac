/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include "core/cpus.h"

#include <sched.h>
#include <stdio.h>
#include <unistd.h>

/* Where the number ends, NULL when there is none below CPUS_MAX. */
static const char *read_number(const char *at, int *out)
{
	const char *begin = at;
	*out = 0;
	for (; *at >= '0' && *at <= '9'; at++) {
		*out = *out * 10 + (*at - '0');
		if (*out >= CPUS_MAX)
			return NULL;
	}
	return at > begin ? at : NULL;
}

/* "3" or "0-3" at `at`. */
static const char *read_range(const char *at, int *first, int *last)
{
	at = read_number(at, first);
	*last = *first;
	if (at != NULL && *at == '-')
		at = read_number(at + 1, last);
	return at != NULL && *first <= *last ? at : NULL;
}

bool cpus_have(const struct cpus *c, int number)
{
	for (int i = 0; i < c->count; i++) {
		if (c->number[i] == number)
			return true;
	}
	return false;
}

bool cpus_parse(const char *text, struct cpus *out)
{
	const char *at = text;
	out->count = 0;
	for (;;) {
		int first, last;
		at = read_range(at, &first, &last);
		if (at == NULL)
			return false;
		for (int n = first; n <= last; n++) {
			if (cpus_have(out, n))
				return false;
			out->number[out->count++] = (uint16_t)n;
		}
		if (*at != ',')
			return *at == '\0';
		at++;
	}
}

void cpus_format(const struct cpus *c, char *text, size_t size)
{
	size_t used = 0;
	text[0] = '\0';
	for (int i = 0, end; i < c->count && used < size; i = end) {
		end = i + 1;
		while (end < c->count && c->number[end] == c->number[end - 1] + 1)
			end++;
		used += (size_t)snprintf(text + used, size - used, "%s%d", i ? "," : "",
					 c->number[i]);
		if (end > i + 1 && used < size)
			used += (size_t)snprintf(text + used, size - used, "-%d",
						 c->number[end - 1]);
	}
}

void cpus_allowed(struct cpus *out)
{
	/* By hand and not cpu_set_t, whose 1024 CPUs the kernel may exceed; then it would refuse. */
	static const int bits = 8 * (int)sizeof(unsigned long);
	unsigned long mask[CPUS_MAX / (8 * sizeof(unsigned long))] = {0};
	out->count = 0;
	if (sched_getaffinity(getpid(), sizeof(mask), (cpu_set_t *)(void *)mask) != 0)
		mask[0] = 1;
	for (int n = 0; n < CPUS_MAX; n++) {
		if (mask[n / bits] >> (n % bits) & 1)
			out->number[out->count++] = (uint16_t)n;
	}
}
