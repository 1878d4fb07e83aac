/* SPDX-License-Identifier: MIT */
#include "watchdog/rules.h"

enum { DOUBLINGS_MAX = 20 };

int64_t rule_threshold_ns(int64_t warn_ns, int alerts)
{
	return warn_ns << (alerts < DOUBLINGS_MAX ? alerts : DOUBLINGS_MAX);
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

enum request_step rule_request(const struct request_age *age, int64_t retry_ns, int64_t handoff_ns)
{
	bool hopeless = age->asleep || age->refused;
	if (hopeless && (age->again || age->since_ask_ns >= handoff_ns))
		return REQUEST_HAND_OFF;
	/* Even a thread that never ran its handler (stopped by the host, say) loses its slot in the end. */
	if (age->since_ask_ns >= 4 * handoff_ns)
		return REQUEST_HAND_OFF;
	if (!age->asleep && age->since_signal_ns >= retry_ns)
		return REQUEST_SIGNAL;
	return REQUEST_WAIT;
}

int64_t rule_backoff_ns(int64_t last_ns, bool progress, int64_t min_ns, int64_t max_ns)
{
	if (progress || last_ns < min_ns)
		return min_ns;
	return last_ns * 2 < max_ns ? last_ns * 2 : max_ns;
}
