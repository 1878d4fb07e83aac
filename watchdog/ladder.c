/* SPDX-License-Identifier: MIT */
#include "watchdog/ladder.h"
#include "core/clock.h"

static bool is_taken(const struct ladder *l, enum limit_step step)
{
	return l->taken & 1u << step;
}

static bool has_reached(const int64_t at_ns[STEP_COUNT], enum limit_step step, int64_t cpu_ns)
{
	return at_ns[step] && cpu_ns >= at_ns[step];
}

static bool interrupt_is_due(const struct ladder *l, const int64_t at_ns[STEP_COUNT],
			     const struct ladder_look *look)
{
	if (l->pending || is_taken(l, STEP_KILL))
		return false;
	return look->by_hand ||
	       (has_reached(at_ns, STEP_INTERRUPT, look->cpu_ns) && look->cpu_ns >= l->again_ns);
}

/* By somebody else, or for another message. */
static void note_what_is_so(struct ladder *l, const struct ladder_look *look)
{
	if (look->demoted)
		l->taken |= 1u << STEP_DEMOTE;
	if (!look->doomed)
		return;
	l->taken |= 1u << STEP_INTERRUPT | 1u << STEP_KILL;
	l->pending = false;
	l->again_ns = INT64_MAX;
}

static bool is_stuck(const struct ladder *l, const struct ladder_look *look)
{
	int64_t used_ns = look->cpu_ns - l->sent_ns;
	bool heard = look->met - l->met >= LADDER_MEETINGS;
	return l->pending && used_ns >= (heard ? 1 : 10) * (int64_t)LADDER_STUCK_NS;
}

unsigned ladder_due(struct ladder *l, const int64_t at_ns[STEP_COUNT],
		    const struct ladder_look *look, bool *stuck)
{
	unsigned due = 0;
	*stuck = false;
	note_what_is_so(l, look);
	if (l->pending && look->interrupts != l->interrupts) {
		l->pending = false;
		l->again_ns = look->cpu_ns + at_ns[STEP_INTERRUPT];
	}
	if (has_reached(at_ns, STEP_DEMOTE, look->cpu_ns) && !is_taken(l, STEP_DEMOTE))
		due |= 1u << STEP_DEMOTE;
	if (has_reached(at_ns, STEP_DUMP, look->cpu_ns) && !is_taken(l, STEP_DUMP))
		due |= 1u << STEP_DUMP;
	if (!is_taken(l, STEP_KILL)) {
		*stuck = is_stuck(l, look);
		if (*stuck || has_reached(at_ns, STEP_KILL, look->cpu_ns))
			return due | 1u << STEP_KILL;
	}
	if (interrupt_is_due(l, at_ns, look))
		due |= 1u << STEP_INTERRUPT;
	return due;
}

void ladder_take(struct ladder *l, enum limit_step step, const struct ladder_look *look)
{
	l->taken |= 1u << step;
	if (step != STEP_INTERRUPT)
		return;
	l->pending = true;
	l->interrupts = look->interrupts;
	l->sent_ns = look->cpu_ns;
	l->met = look->met;
}

int64_t ladder_first_ns(const int64_t at_ns[STEP_COUNT])
{
	int64_t first = INT64_MAX;
	for (int i = 0; i < STEP_COUNT; i++)
		if (at_ns[i])
			first = ns_min(first, at_ns[i]);
	return first;
}

int64_t ladder_next_ns(const struct ladder *l, const int64_t at_ns[STEP_COUNT], int64_t cpu_ns)
{
	int64_t next = l->pending ? l->sent_ns + LADDER_STUCK_NS : INT64_MAX;
	for (int i = STEP_DEMOTE; i < STEP_COUNT; i++)
		if (at_ns[i] && !is_taken(l, (enum limit_step)i))
			next = ns_min(next, at_ns[i]);
	if (at_ns[STEP_INTERRUPT] && is_taken(l, STEP_INTERRUPT) && !l->pending)
		next = ns_min(next, l->again_ns);
	return next > cpu_ns ? next : cpu_ns;
}
