/* SPDX-License-Identifier: MIT
 *
 * What the policy promises with many workers, where each has a heap of its own (and, in some worlds, with few): up to
 * 128 workers and 10,000 services. Order is not exact there, so the bounds are wider than sim_fair's where they
 * speak of single slices, and the same where they speak of shares and of those who wake.
 *
 * sim_wide [seed [rounds [property]]]: replays, or runs more of them.
 */
#include "sim/judge.h"
#include "core/atomics.h"
#include "core/clock.h"

/* In brackets what was measured when the bound was set, over ten times as many worlds. */
struct bounds bound = {
	.share_error = 0.03,
	.capped_error = 0.03,
	.feasible = 0.8,
	.clearly_more = 1.25,
	.lag_slices = 6.0,
	.lag_extra_ns = 500 * NS_PER_US,
	.cheater_gain = 1.02,
	.light_p99_ns = 250 * NS_PER_US,
	.light_max_ns = 10 * NS_PER_MS,
	.preemptions_a_wake = 1.6,
	.wait = 3,       /* as in sim_fair */
	.idle_ns = 8000, /* one has been claimed and is on its way */
};

/* A heap per worker: 9 to 128 of them, or 2 to 8 who would share one. */
static struct sim *wide_world(uint64_t seed, bool foreign)
{
	struct sim_config config = sim_config_usual(1);
	uint64_t pick = seed * 0x9e3779b97f4a7c15u >> 33;
	bool few = pick % 4 == 0;
	config.workers = few ? 2 + (int)(pick / 4 % 7) : 9 + (int)(pick / 4 % 120);
	config.shards = config.workers;
	config.foreign_percent = foreign ? (int)(pick / 16 % 20) : 0;
	return sim_new(&config, seed);
}

/* Shares follow the weights. */
static void share(uint64_t seed)
{
	static struct shares x;
	struct sim *sim = wide_world(seed, true);
	int workers = sim->config.workers;
	add_busy(sim, (int)sim_between(sim, workers + 1 + workers / 4, 4 * workers + 3),
		 sim_log_between(sim, NS_PER_MS, 4 * NS_PER_MS), 50, 150);
	sim_run(sim, 100 * NS_PER_MS);
	shares_begin(sim, &x, sim->services);
	sim->sample = sample_lag;
	sim->sample_every_ns = 3 * NS_PER_MS + 1;
	sim_start_sampling(sim);
	double largest = (double)largest_slice(sim);
	sim_run(sim, (int64_t)(100 * largest / smallest_share(&x)));
	check_shares(sim, &x);
	double allowed = bound.lag_slices * largest + (double)bound.lag_extra_ns;
	raise_to(&worst.lag_ahead, x.ahead_ns / largest);
	raise_to(&worst.lag_behind, x.behind_ns / largest);
	check(x.ahead_ns <= allowed && x.behind_ns <= allowed,
	      "lag +%.2f -%.2f slices of the largest", x.ahead_ns / largest, x.behind_ns / largest);
	check_world(sim);
	sim_free(sim);
}

/* Lights that use less than half of their share run at once when they wake. */
static void wake(uint64_t seed)
{
	static struct sim_times times;
	struct sim *sim = wide_world(seed, false);
	int workers = sim->config.workers;
	/* Enough that no weight is more than a worker's. */
	int hogs = (int)sim_log_between(sim, 3 * workers, 6 * workers), lights = 2 * workers;
	for (int i = 0; i < hogs; i++)
		sim_add(sim, hog, NS_PER_MS, 100 << sim_between(sim, 0, workers > 8 ? 3 : 1), 0);
	for (int i = 0; i < lights; i++) {
		struct sim_service *s = sim_add(sim, light, NS_PER_MS, 100, i * 100 * NS_PER_US);
		s->a = 20 * NS_PER_US;
		s->b = sim_between(sim, 2 * NS_PER_MS, 5 * NS_PER_MS);
		s->wake_times = &times;
	}
	sim_run(sim, 300 * NS_PER_MS);
	check_wakes(sim, &times, hogs, lights, NS_PER_S / 2);
	check_world(sim);
	sim_free(sim);
}

/* As in sim_fair. */
static void cheater(uint64_t seed)
{
	struct sim *sim = wide_world(seed, true);
	int workers = sim->config.workers, honest = 2 * workers + (int)sim_between(sim, 0, workers);
	run_cheaters(sim, honest, 10 * NS_PER_US, 4 * NS_PER_S);
	sim_free(sim);
}

/* However many helpers a service starts under its name, and however they take turns: one weight for all of them. Some
 * worlds have one heap. */
static void group(uint64_t seed)
{
	static struct group team;
	struct settings settings = settings_preset[CLASS_NORMAL];
	struct sim *sim = seed % 2 ? wide_world(seed, true) : random_world(seed, 8, true);
	int workers = sim->config.workers, honest = 2 * workers + (int)sim_between(sim, 0, workers);
	settings.group = true;
	for (int i = 0; i < honest; i++)
		sim_add(sim, hog, NS_PER_MS, 100, 0);
	group_init(&team, (int32_t)sim_between(sim, 0, sim->queue.shards - 1), &settings, 0);
	int members = (int)sim_between(sim, 2, 40), kind = (int)sim_between(sim, 0, 2);
	for (int i = 0; i < members; i++) {
		struct sim_service *s = sim_add(sim, kind == 0 ? hog : cycler, NS_PER_MS, 100,
						sim_between(sim, 0, 20 * NS_PER_MS));
		/* Each runs a little and lets the next one, with its credit of a sleeper, go on. */
		s->a = sim_log_between(sim, 100 * NS_PER_US, 2 * NS_PER_MS);
		s->b = kind == 1 ? s->a * (members - 1) : sim_log_between(sim, 1, 10 * NS_PER_MS);
		sim_join(sim, s, &team, &settings);
	}
	sim_run(sim, 4 * NS_PER_S);
	double fair_part = total_cpu(sim, honest) / honest, all = 0;
	for (int i = honest; i < sim->services; i++)
		all += (double)sim_cpu_ns(sim, &sim->service[i]);
	check_gain(sim, all, fair_part, "a group");
	/* It wants all it can get. */
	if (kind == 0)
		check(all / fair_part > 0.97, "the group got only %.4f of its share",
		      all / fair_part);
	check_world(sim);
	group_term(&team);
	sim_free(sim);
}

/* Ten thousand services of all kinds and weights: whoever is runnable runs, and no worker is idle beside one. */
static void crowd(uint64_t seed)
{
	struct sim *sim = wide_world(seed, true);
	int n = (int)sim_log_between(sim, 300, 10000);
	for (int i = 0; i < n; i++) {
		sim_body *body[] = {talker, light, moody, light, light};
		struct sim_service *s =
			sim_add(sim, body[sim_between(sim, 0, 4)],
				sim_log_between(sim, 200 * NS_PER_US, 10 * NS_PER_MS),
				(int32_t)sim_log_between(sim, 10, 1000),
				sim_between(sim, 0, 100 * NS_PER_MS));
		s->a = sim_log_between(sim, 20 * NS_PER_US, 2 * NS_PER_MS);
		s->b = sim_log_between(sim, 200 * NS_PER_US, 500 * NS_PER_MS);
	}
	sim_run(sim, NS_PER_S);
	check_world(sim);
	sim_free(sim);
}

static const struct property property[] = {
	{"share", share, 8},  {"wake", wake, 8},   {"cheater", cheater, 8},
	{"group", group, 16}, {"crowd", crowd, 8},
};

int main(int argc, char **argv)
{
	return judge(property, COUNT_OF(property), argc, argv);
}
