/* SPDX-License-Identifier: MIT
 *
 * What an operator sets of one service: how much of the CPU it gets, and how soon. A class is a name for
 * values that go together; whatever is given beside it overrides its part.
 */
#ifndef SCHED_SETTINGS_H
#define SCHED_SETTINGS_H

#include "core/clock.h"
#include "sched/fair.h"

/* What may be set, wherever it is set from: the config file, Lua. */
#define SETTINGS_SLICE_MIN_NS  (50 * NS_PER_US)
#define SETTINGS_SLICE_MAX_NS  NS_PER_S
#define SETTINGS_WEIGHT_MIN    FAIR_WEIGHT_MIN
#define SETTINGS_WEIGHT_MAX    FAIR_WEIGHT_MAX
#define SETTINGS_CREDIT_MIN_NS 0
#define SETTINGS_CREDIT_MAX_NS (100 * NS_PER_MS)

enum settings_class { CLASS_INTERACTIVE, CLASS_NORMAL, CLASS_BATCH, CLASS_COUNT };

struct settings {
	enum settings_class class;
	int64_t slice_ns;
	int64_t credit_ns; /* of a sleeper, at weight 100: see fair.h */
	int32_t weight;
	bool group; /* all services of its name share one weight */
};

/* The presets: interactive 250 us, 1 ms of credit and twice the weight; normal 1 ms, 1 ms; batch 4 ms, no credit and
 * a quarter of the weight. Constant. */
extern const struct settings settings_preset[CLASS_COUNT];

/* "interactive", "normal", "batch". */
const char *settings_class_name(enum settings_class class);
/* false: there is no class of that name. */
bool settings_class_of(const char *name, enum settings_class *out);

bool settings_same(const struct settings *a, const struct settings *b);

#endif
