/* SPDX-License-Identifier: MIT */
#include "sched/fair.h"

static int64_t max_ns(int64_t a, int64_t b)
{
	return a - b > 0 ? a : b;
}

int64_t fair_virtual(const struct fair *f, int64_t real_ns)
{
	/* Nearly everybody's: a division costs as much as the rest of a charge. */
	if (f->weight == FAIR_WEIGHT_NORMAL)
		return real_ns;
	return real_ns * FAIR_WEIGHT_NORMAL / f->weight;
}

static void new_request(struct fair *f, int64_t length_ns)
{
	f->used_ns = 0;
	f->vd_ns = f->ve_ns + fair_virtual(f, length_ns);
}

void fair_spawn(struct fair *f, int64_t v_ns, int64_t slice_ns, int32_t weight)
{
	f->weight = weight;
	f->slice_ns = slice_ns;
	f->ve_ns = v_ns;
	new_request(f, slice_ns / 2);
}

void fair_wake(struct fair *f, int64_t v_ns)
{
	f->ve_ns = max_ns(f->ve_ns, v_ns - fair_virtual(f, f->credit_ns));
	new_request(f, f->slice_ns);
}

void fair_requeue(struct fair *f, int64_t v_ns)
{
	int64_t floor = v_ns - 2 * fair_virtual(f, f->slice_ns);
	if (f->ve_ns - floor >= 0)
		return;
	f->vd_ns += floor - f->ve_ns;
	f->ve_ns = floor;
}

void fair_charge(struct fair *f, int64_t real_ns)
{
	if (real_ns <= 0)
		return;
	f->ve_ns += fair_virtual(f, real_ns);
	f->used_ns += real_ns;
	if (f->used_ns >= f->slice_ns)
		new_request(f, f->slice_ns);
}

void fair_change(struct fair *f, int64_t v_ns, int64_t slice_ns, int32_t weight)
{
	int64_t lead = (f->ve_ns - v_ns) * f->weight / weight;
	f->weight = weight;
	f->slice_ns = slice_ns;
	f->ve_ns = v_ns + lead;
	int64_t left = fair_left_ns(f);
	f->vd_ns = f->ve_ns + fair_virtual(f, left);
}

int64_t fair_left_ns(const struct fair *f)
{
	return f->used_ns < f->slice_ns ? f->slice_ns - f->used_ns : 0;
}

/* Where the present request began. Not ve: whoever was preempted in the middle of a request would carry V
 * almost a request ahead of those whose turn it is, and a sleeper's credit would be worth nothing. */
static int64_t start_tag(const struct fair *f)
{
	return f->ve_ns - fair_virtual(f, f->used_ns);
}

int64_t fair_dispatched(const struct fair *f, int64_t v_ns)
{
	int64_t limit = v_ns + 2 * fair_virtual(f, f->slice_ns);
	int64_t tag = start_tag(f);
	return max_ns(v_ns, tag - limit < 0 ? tag : limit);
}

int64_t fair_ran_alone(const struct fair *f, int64_t v_ns)
{
	return max_ns(v_ns, start_tag(f));
}
