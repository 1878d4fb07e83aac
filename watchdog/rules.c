/* SPDX-License-Identifier: MIT */
#include "watchdog/rules.h"
#include "core/clock.h"

enum { DOUBLINGS_MAX = 20 };

int64_t rule_used_ns(struct sight *s, const struct sight_now *now, int64_t unseen_ns)
{
	if (s->word != now->word || s->mark_ns != now->mark_ns) {
		/* A clock that is back is of the next thread with that number. */
		int64_t last_ns = now->cpu_ns < s->last_cpu_ns ? 0 : s->last_cpu_ns;
		int64_t had_ns = ns_min(now->cpu_ns - last_ns, unseen_ns);
		s->word = now->word;
		s->mark_ns = now->mark_ns;
		s->before_ns = ns_min(now->now_ns - now->mark_ns, had_ns);
		s->first_cpu_ns = now->cpu_ns;
	}
	s->last_cpu_ns = now->cpu_ns;
	return s->before_ns + now->cpu_ns - s->first_cpu_ns;
}

int64_t rule_threshold_ns(int64_t warn_ns, int alerts)
{
	int doublings = alerts < DOUBLINGS_MAX ? alerts : DOUBLINGS_MAX;
	return warn_ns > INT64_MAX >> doublings ? INT64_MAX : warn_ns << doublings;
}

bool rule_long_message(struct episode *e, const struct sample *now, int64_t warn_ns)
{
	if (e->service != now->service || e->message_number != now->message_number)
		*e = (struct episode){now->service, now->message_number, warn_ns, 0};
	if (now->cpu_ns < e->next_ns)
		return false;
	/* A figure far beyond the threshold is one alert, not one for each doubling that was missed. */
	while (now->cpu_ns >= e->next_ns)
		e->next_ns = rule_threshold_ns(warn_ns, ++e->alerts);
	return true;
}

bool rule_is_over(const struct episode *e, const struct sample *now)
{
	return now == NULL || now->message_number != e->message_number;
}

bool rule_evidence_is_enough(const struct evidence_age *age)
{
	/* A loop is met at one place, a slow handler at several. */
	enum { LOOKS = 3, MEETINGS = 3 };
	static const int64_t PATIENCE_NS = 50 * NS_PER_MS, UNMET_NS = NS_PER_S;
	if (age->looks >= LOOKS)
		return true;
	if (age->since_ask_ns < PATIENCE_NS)
		return false;
	/* That there is no line to be had is known only of one that was met, and more than once: a thread that loses its
	 * core in the handler has not come to the instruction at which its hook fires. Who has no core, or waits for his
	 * turn, is not met at all, and time alone says nothing of him. */
	return age->looks > 0 || age->met >= MEETINGS || age->over || age->since_ask_ns >= UNMET_NS;
}

enum request_step rule_request(const struct request_age *age, int64_t retry_ns, int64_t handoff_ns)
{
	/* A message that was handed off before will be in C again; but a single refusal proves nothing: every
	 * allocation is a moment in C. */
	int64_t patience_ns = age->again ? 3 * retry_ns : handoff_ns;
	if (patience_ns > handoff_ns)
		patience_ns = handoff_ns;
	if ((age->asleep || age->refused) && age->since_ask_ns >= patience_ns)
		return REQUEST_HAND_OFF;
	/* A thread that has not run its handler at all waits for a core of the host: another thread would wait
	 * beside it. Only if that lasts is something else wrong. */
	if (age->since_ask_ns >= 50 * handoff_ns)
		return REQUEST_HAND_OFF;
	/* A signal that waits is not improved by another one, each of which costs a core that is short. */
	if (!age->asleep && age->since_signal_ns >= (age->unheard ? 10 * retry_ns : retry_ns))
		return REQUEST_SIGNAL;
	return REQUEST_WAIT;
}

bool rule_signal_detached(const struct detached_age *age, int64_t handoff_ns)
{
	if (age->doomed)
		return true;
	/* Around the calls that block there is some code of its own: that much is not worth a stop. */
	if (age->aside && age->cpu_ns < handoff_ns)
		return false;
	return age->busy;
}

/* Only who computes, and cannot be held, takes CPU from the workers. Not sooner, for the lock of an allocator in the
 * hands of a slow thread is everybody's lock. */
bool rule_slow_detached(const struct detached_age *age)
{
	return age->busy && age->refused && !age->aside && age->since_ns >= 50 * NS_PER_MS;
}

int64_t rule_backoff_ns(int64_t last_ns, int64_t max_ns)
{
	return ns_min(last_ns * 2, max_ns);
}

bool rule_progress(uint64_t dispatches_before, uint64_t dispatches_now, int waiting)
{
	return waiting == 0 || dispatches_now != dispatches_before;
}

int64_t rule_lost_ns(struct lost *lost, uint64_t epoch, int64_t now_ns, int64_t step_ns)
{
	if (epoch == 0 || epoch != lost->epoch) {
		*lost = (struct lost){epoch, now_ns, 0};
		return 0;
	}
	int64_t step = now_ns - lost->seen_ns;
	lost->held_ns += step < step_ns ? step : step_ns;
	lost->seen_ns = now_ns;
	return lost->held_ns;
}
