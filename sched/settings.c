/* SPDX-License-Identifier: MIT */
#include "sched/settings.h"

#include <string.h>

const struct settings settings_preset[CLASS_COUNT] = {
	[CLASS_INTERACTIVE] = {CLASS_INTERACTIVE, 250 * NS_PER_US, FAIR_CREDIT_NS,
			       2 * FAIR_WEIGHT_NORMAL, false},
	[CLASS_NORMAL] = {CLASS_NORMAL, NS_PER_MS, FAIR_CREDIT_NS, FAIR_WEIGHT_NORMAL, false},
	[CLASS_BATCH] = {CLASS_BATCH, 4 * NS_PER_MS, 0, FAIR_WEIGHT_NORMAL / 4, false},
};

static const char *const class_name[CLASS_COUNT] = {
	[CLASS_INTERACTIVE] = "interactive",
	[CLASS_NORMAL] = "normal",
	[CLASS_BATCH] = "batch",
};

const char *settings_class_name(enum settings_class class)
{
	return class_name[class];
}

bool settings_class_of(const char *name, enum settings_class *out)
{
	for (int i = 0; i < CLASS_COUNT; i++) {
		if (strcmp(name, class_name[i]) == 0) {
			*out = (enum settings_class)i;
			return true;
		}
	}
	return false;
}

bool settings_same(const struct settings *a, const struct settings *b)
{
	return a->class == b->class && a->slice_ns == b->slice_ns && a->credit_ns == b->credit_ns &&
	       a->weight == b->weight && a->group == b->group;
}
