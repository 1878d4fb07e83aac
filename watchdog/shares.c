/* SPDX-License-Identifier: MIT */
#include "watchdog/shares.h"
#include "sched/service.h"

#include <stdio.h>
#include <string.h>

enum { TOP_MAX = 3 };

struct share {
	uint32_t service;
	int64_t permille; /* of one core */
	char name[sizeof(((struct service *)0)->name)];
};

static struct share top[TOP_MAX]; /* descending */

void shares_begin(void)
{
	memset(top, 0, sizeof(top));
}

void shares_add(uint32_t handle, int64_t cpu_ns, int64_t ns)
{
	struct share mine = {.service = handle, .permille = ns > 0 ? cpu_ns * 1000 / ns : 0};
	for (int i = 0; i < TOP_MAX && mine.permille > 0; i++) {
		if (mine.permille <= top[i].permille)
			continue;
		struct share next = top[i];
		top[i] = mine;
		mine = next;
	}
}

void shares_end(void)
{
	for (int i = 0; i < TOP_MAX; i++) {
		struct share *share = &top[i];
		struct service *s = share->service ? service_grab(share->service) : NULL;
		share->name[0] = '\0';
		if (s == NULL)
			continue;
		memcpy(share->name, s->name, sizeof(share->name));
		service_release(s);
	}
}

void shares_format(char *out, size_t size)
{
	size_t used = 0;
	out[0] = '\0';
	for (int i = 0; i < TOP_MAX && used < size; i++) {
		const struct share *share = &top[i];
		if (share->name[0] == '\0')
			continue;
		int n = snprintf(out + used, size - used, "%s%s %lld.%lld %%", used ? ", " : "",
				 share->name, (long long)share->permille / 10,
				 (long long)share->permille % 10);
		used += n > 0 ? (size_t)n : 0;
	}
}
