/* SPDX-License-Identifier: MIT */
#include "core/landmark.h"
#include "core/cfi.h"

enum { EACH_MAX = 8 };

/* Constant once workers run. */
static struct {
	int count;
	struct {
		uintptr_t start, end;
	} function[EACH_MAX];
} known[LANDMARK_KINDS];

void landmark_add(enum landmark kind, uintptr_t start, uintptr_t end)
{
	if (start >= end || landmark_holds(kind, start) || known[kind].count == EACH_MAX)
		return;
	known[kind].function[known[kind].count].start = start;
	known[kind].function[known[kind].count++].end = end;
}

void landmark_forget(enum landmark kind)
{
	known[kind].count = 0;
}

IN_HANDLER bool landmark_known(enum landmark kind)
{
	return known[kind].count > 0;
}

IN_HANDLER bool landmark_holds(enum landmark kind, uintptr_t address)
{
	for (int i = 0; i < known[kind].count; i++)
		if (address >= known[kind].function[i].start && address < known[kind].function[i].end)
			return true;
	return false;
}
