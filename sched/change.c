/* SPDX-License-Identifier: MIT
 *
 * Settings that change while services run, and demoting: for as long as a service is demoted, the run queue has other
 * values for it than its settings say. These wait in `former`, and whoever reads or sets them meanwhile reads or sets
 * those. A demoted service leaves its group: the group's weight is that of all members, and the others have done
 * nothing.
 *
 * All of it under `change_lock`, one change at a time.
 */
#include "core/clock.h"
#include "sched/groups.h"
#include "sched/sched.h"

static int64_t less(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* With the lock. */
static struct runq_action put_in_force(struct service *s, const struct settings *settings,
				       struct group *group)
{
	return runq_change(&sched.queue, &s->entry, settings, group, clock_mono_ns());
}

static struct group *group_for(struct service *s, const struct settings *settings)
{
	return settings->group ? groups_named(&sched.queue, s->name, settings) : NULL;
}

void sched_change(struct service *s, const struct settings *settings)
{
	struct runq_action action = {.kind = RUNQ_QUEUED, .look_at_ns = INT64_MAX};
	pthread_mutex_lock(&sched.change_lock);
	if (load_relaxed(&s->demoted)) {
		s->former = *settings;
		s->former_changed = true;
	} else {
		action = put_in_force(s, settings, group_for(s, settings));
	}
	store_relaxed(&s->class, (int)settings->class);
	pthread_mutex_unlock(&sched.change_lock);
	worker_act(&action, clock_mono_ns());
}

void sched_settings_of(struct service *s, struct settings *out)
{
	pthread_mutex_lock(&sched.change_lock);
	if (load_relaxed(&s->demoted))
		*out = s->former;
	else
		runq_settings_of(&sched.queue, &s->entry, out);
	pthread_mutex_unlock(&sched.change_lock);
	out->class = (enum settings_class)load_relaxed(&s->class);
}

void sched_demote(struct service *s, const struct settings *batch)
{
	struct settings to = *batch;
	struct runq_action action = {.kind = RUNQ_QUEUED, .look_at_ns = INT64_MAX};
	pthread_mutex_lock(&sched.change_lock);
	if (!load_relaxed(&s->demoted)) {
		runq_settings_of(&sched.queue, &s->entry, &s->former);
		s->former_changed = false;
		to.weight = (int32_t)less(to.weight, s->former.weight);
		to.credit_ns = less(to.credit_ns, s->former.credit_ns);
		to.group = false;
		action = put_in_force(s, &to, NULL);
		store_relaxed(&s->demoted, true);
	}
	pthread_mutex_unlock(&sched.change_lock);
	worker_act(&action, clock_mono_ns());
}

void sched_restore(struct service *s)
{
	struct runq_action action = {.kind = RUNQ_QUEUED, .look_at_ns = INT64_MAX};
	pthread_mutex_lock(&sched.change_lock);
	if (load_relaxed(&s->demoted)) {
		struct settings to = s->former;
		struct group *group = group_for(s, &to);
		/* What was changed for the whole group meanwhile stays so. */
		if (group && !s->former_changed)
			runq_group_settings(&sched.queue, group, &to);
		action = put_in_force(s, &to, group);
		store_relaxed(&s->demoted, false);
	}
	pthread_mutex_unlock(&sched.change_lock);
	worker_act(&action, clock_mono_ns());
}
