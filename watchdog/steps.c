/* SPDX-License-Identifier: MIT */
#include "watchdog/steps.h"
#include "core/clock.h"
#include "watchdog/action.h"
#include "watchdog/demoted.h"
#include "watchdog/dump.h"
#include "watchdog/errand.h"

#include <stdio.h>
#include <string.h>

/* Between two signals for one interrupt: one may meet LuaJIT at its own hooks and be lost. */
static const int64_t SIGNAL_NS = 5 * NS_PER_MS;
/* What could not be handed over. */
static const int64_t RETRY_NS = 10 * NS_PER_MS;
/* A picture of the whole process costs some milliseconds and hundreds of lines: not one for each of many hogs. */
static const int64_t DUMP_NS = 10 * NS_PER_S;

static int64_t dumped_ns;

void steps_init(void)
{
	dumped_ns = -DUMP_NS;
}

bool steps_asked_by_hand(struct service *s, uint64_t number)
{
	/* Pairs with sched_interrupt. */
	return number && load_acquire(&s->asked_number) == number;
}

static void say(const struct steps_look *look, enum action_kind kind, const char *text)
{
	action_write(&(struct action){.kind = kind,
				      .service = look->handle,
				      .name = look->name,
				      .is_error = true,
				      .cpu_ns = look->cpu_ns,
				      .place = look->place,
				      .text = text});
}

static bool demote(struct steps *s, const struct steps_look *look)
{
	if (!demoted_begin(look->handle, look->name, look->number, look->cpu_ns, look->place,
			   look->now_ns))
		return false;
	s->demoted_ns = look->cpu_ns;
	return true;
}

static void take_dump(const struct steps_look *look)
{
	if (look->now_ns - dumped_ns < DUMP_NS)
		return;
	dumped_ns = look->now_ns;
	say(look, ACTION_DUMP, "workers and services follow");
	dump_request();
}

static void signal_raise(struct steps *s, const struct steps_look *look)
{
	s->signalled_ns = look->now_ns;
	/* The handler finds the number that was stored before: the signal orders them. */
	store_release(&look->thread->raise, look->epoch);
	if (!thread_is_asleep(look->thread))
		thread_signal(look->thread);
}

static void interrupt(struct steps *s, const struct steps_look *look, bool by_hand)
{
	struct service *sv = look->service;
	uint64_t asked = look->number;
	char text[96] = "an error is raised in its handler";
	uint32_t by = by_hand ? load_relaxed(&sv->asked_by) : 0;
	if (by_hand)
		cas_strong_acq_rel(&sv->asked_number, &asked, 0);
	if (by)
		snprintf(text, sizeof(text), "an error is raised in its handler, by hand of :%08x",
			 by);
	s->interrupted_ns = look->cpu_ns;
	say(look, ACTION_INTERRUPT, text);
	store_relaxed(&sv->raises_met_in, 0);
	store_relaxed(&sv->raise_by, by);
	store_release(&sv->raise_number, look->number);
	signal_raise(s, look);
}

static bool kill_it(struct steps *s, const struct steps_look *look, bool stuck)
{
	struct errand e = {ERRAND_KILL, look->handle, look->number};
	char text[256] = "killed";
	struct service *held = service_grab(look->handle);
	if (held == NULL || !errand_post(&e, NULL)) {
		if (held)
			service_release(held);
		return held == NULL; /* somebody else has killed it */
	}
	s->held = held;
	s->killed_ns = look->cpu_ns;
	if (stuck)
		snprintf(text, sizeof(text),
			 "killed, since the interrupt did not come out within %d ms of CPU: %s",
			 (int)(LADDER_STUCK_NS / NS_PER_MS),
			 action_no_hook(load_relaxed(&look->service->raises_met_in)));
	say(look, ACTION_KILL, text);
	return true;
}

/* true: it was handed over, or there is no need to. */
static bool take(struct steps *s, enum limit_step step, const struct steps_look *look, bool by_hand,
		 bool stuck)
{
	switch (step) {
	case STEP_DEMOTE:
		return demote(s, look);
	case STEP_DUMP:
		take_dump(look);
		return true;
	case STEP_INTERRUPT:
		interrupt(s, look, by_hand);
		return true;
	case STEP_KILL:
		return kill_it(s, look, stuck);
	default:
		return true;
	}
}

static int64_t next_look(const struct steps *s, const struct steps_look *look,
			 const int64_t at_ns[STEP_COUNT])
{
	int64_t cpu_ns = ladder_next_ns(&s->ladder, at_ns, look->cpu_ns);
	int64_t next = cpu_ns == INT64_MAX ? INT64_MAX : look->now_ns + cpu_ns - look->cpu_ns;
	if (next <= look->now_ns)
		next = look->now_ns + RETRY_NS;
	int64_t signal = s->signalled_ns + SIGNAL_NS;
	return s->ladder.pending && signal < next ? signal : next;
}

int64_t steps_take(struct steps *s, const struct steps_look *look, bool *raising)
{
	struct limits limits;
	bool stuck;
	service_limits_of(look->service, &limits);
	struct ladder_look l = {
		.cpu_ns = look->cpu_ns,
		.interrupts = load_relaxed(&look->service->interrupts),
		.met = load_relaxed(&look->service->raises_met),
		.by_hand = steps_asked_by_hand(look->service, look->number),
		.demoted = load_relaxed(&look->service->demoted),
		.doomed = load_relaxed(&look->service->doomed),
	};
	unsigned due = ladder_due(&s->ladder, limits.at_ns, &l, &stuck);
	/* What somebody has asked for by hand needs no alert. */
	if (!look->told)
		due &= (l.by_hand ? 1u << STEP_INTERRUPT : 0) | (stuck ? 1u << STEP_KILL : 0);
	*raising = false;
	for (int i = 0; i < STEP_COUNT; i++) {
		enum limit_step step = (enum limit_step)i;
		if (!(due & 1u << step) || !take(s, step, look, l.by_hand, stuck))
			continue;
		ladder_take(&s->ladder, step, &l);
		*raising |= step == STEP_INTERRUPT;
	}
	if (s->ladder.pending && look->now_ns - s->signalled_ns >= SIGNAL_NS)
		signal_raise(s, look);
	return next_look(s, look, limits.at_ns);
}

void steps_end(struct steps *s)
{
	if (s->held)
		service_release(s->held);
	*s = (struct steps){0};
}
