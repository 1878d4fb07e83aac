/* SPDX-License-Identifier: MIT */
#include "watchdog/measure.h"
#include "core/clock.h"
#include "sched/fair.h"

int64_t measure_stalled_mailbox(const struct service_sample *before,
				const struct service_sample *now)
{
	return now->messages == before->messages ? now->mailbox : 0;
}

static double rate(uint64_t before, uint64_t now, int64_t ns)
{
	int64_t count = (int64_t)(now - before);
	return ns <= 0 || count <= 0 ? 0 : (double)count * (double)NS_PER_S / (double)ns;
}

int64_t measure_error_rate(const struct service_sample *before, const struct service_sample *now)
{
	return (int64_t)rate(before->errors, now->errors, now->at_ns - before->at_ns);
}

int64_t measure_refusal_rate(const struct service_sample *before, const struct service_sample *now)
{
	double refused = rate(before->refused, now->refused, now->at_ns - before->at_ns);
	return refused > 0 && refused < 1 ? 1 : (int64_t)refused; /* one is worth an alert */
}

int64_t measure_head_age_ns(struct age_mark *mark, const struct service_sample *now)
{
	if (now->mailbox == 0 || now->messages >= mark->last) {
		*mark = (struct age_mark){now->at_ns, now->messages + now->mailbox};
		return 0;
	}
	return now->at_ns - mark->at_ns;
}

int64_t measure_collector_ns(struct collector_window *w, int64_t now_ns, int64_t cpu_ns,
			     uint32_t samples, uint32_t met)
{
	/* Of forty that are one third the collector half are met once in a hundred times. */
	enum { ENOUGH = 40 };
	const int64_t longest_ns = 15 * NS_PER_S;
	uint32_t looks = samples - w->samples;
	int64_t ns = now_ns - w->at_ns;
	if (looks < ENOUGH && ns < longest_ns)
		return w->figure_ns;
	double share = looks < ENOUGH ? 0 : (double)(met - w->met) / (double)looks;
	double figure_ns = share * (double)(cpu_ns - w->cpu_ns) * (double)NS_PER_S / (double)ns;
	*w = (struct collector_window){now_ns, cpu_ns, samples, met, (int64_t)figure_ns};
	return w->figure_ns;
}

/* All get their slice once while the queue goes round; who ran ahead waits until the virtual time, which grows by
 * workers x 100 / total weight, has caught up. Floating point: the products do not fit. */
int64_t measure_entitled_ns(const struct entitlement *e)
{
	double own = (double)(e->weight > 0 ? e->weight : 1) / (e->members > 1 ? e->members : 1);
	double total = (double)(e->total_weight > e->weight ? e->total_weight : e->weight);
	double round = total / (own * e->workers);
	double turn_ns = (double)e->slice_ns * (round > 1 ? round : 1);
	double debt_ns =
		(double)e->ahead_ns * total / (FAIR_WEIGHT_NORMAL * (double)e->workers);
	return (int64_t)(turn_ns + (debt_ns > 0 ? debt_ns : 0));
}

int64_t measure_starved_limit_ns(int64_t least_ns, int64_t entitled_ns)
{
	return 4 * entitled_ns > least_ns ? 4 * entitled_ns : least_ns;
}

int64_t measure_age_ns(int64_t now_ns, int64_t since_ns, int64_t baseline_ns)
{
	if (since_ns == 0)
		return 0;
	int64_t from = since_ns > baseline_ns ? since_ns : baseline_ns;
	return now_ns > from ? now_ns - from : 0;
}
