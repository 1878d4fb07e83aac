/* SPDX-License-Identifier: MIT */
#include "sched/running.h"

void running_init(struct running *r, uint64_t epoch)
{
	store_relaxed(&r->version, 0);
	store_relaxed(&r->epoch, epoch);
	store_relaxed(&r->started_ns, RUNNING_NOTHING);
}

static void begin_write(struct running *r)
{
	uint32_t version = load_relaxed(&r->version);
	debug_ensure((version & 1) == 0);
	store_relaxed(&r->version, version + 1);
}

static void end_write(struct running *r)
{
	store_release(&r->version, load_relaxed(&r->version) + 1);
}

void running_begin(struct running *r, const struct run_view *what)
{
	begin_write(r);
	store_release(&r->epoch, what->epoch);
	store_release(&r->started_ns, what->started_ns);
	store_release(&r->slice_left_ns, what->slice_left_ns);
	store_release(&r->slice_ns, what->fair.slice_ns);
	store_release(&r->patience_ns, what->patience_ns);
	store_release(&r->trust_ns, what->trust_ns);
	store_release(&r->ve_ns, what->fair.ve_ns);
	store_release(&r->vd_ns, what->fair.vd_ns);
	store_release(&r->weight, what->fair.weight);
	end_write(r);
}

void running_delay(struct running *r, int64_t now_ns)
{
	begin_write(r);
	store_release(&r->started_ns, now_ns);
	end_write(r);
}

void running_end(struct running *r)
{
	begin_write(r);
	store_release(&r->started_ns, RUNNING_NOTHING);
	end_write(r);
}

bool running_read(const struct running *r, struct run_view *out)
{
	uint32_t version = load_acquire(&r->version);
	if (version & 1)
		return false;
	*out = (struct run_view){
		.epoch = load_acquire(&r->epoch),
		.started_ns = load_acquire(&r->started_ns),
		.slice_left_ns = load_acquire(&r->slice_left_ns),
		.patience_ns = load_acquire(&r->patience_ns),
		.trust_ns = load_acquire(&r->trust_ns),
		.fair = {.ve_ns = load_acquire(&r->ve_ns),
			 .vd_ns = load_acquire(&r->vd_ns),
			 .slice_ns = load_acquire(&r->slice_ns),
			 .weight = load_acquire(&r->weight)},
	};
	return load_relaxed(&r->version) == version && out->started_ns != RUNNING_NOTHING;
}

struct fair run_view_key(const struct run_view *view, int64_t now_ns)
{
	struct fair key = view->fair;
	int64_t ran_ns = now_ns - view->started_ns;
	if (ran_ns < view->slice_left_ns)
		return key;
	key.ve_ns += fair_virtual(&key, ran_ns);
	key.vd_ns = key.ve_ns + fair_virtual(&key, key.slice_ns);
	return key;
}
