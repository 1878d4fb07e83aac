/* SPDX-License-Identifier: MIT
 *
 * What the policy promises, over random worlds. Each property takes a seed, builds a world from it, runs it
 * and compares; the bounds stand in `bound` with what was measured when they were set.
 *
 * sim_fair [seed [rounds [property]]]: replays, or runs more of them. Without arguments the same seeds every
 * time: the verdict does not depend on luck.
 */
#include "sim/sim.h"
#include "core/clock.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	double share_error; /* of what it is entitled to, when that is at most `feasible` of a worker */
	double capped_error;           /* entitled to a whole worker or more */
	double feasible, clearly_more; /* close to one worker is what lies between */
	double lag_slices;             /* ahead or behind, in slices of the largest, */
	int64_t lag_extra_ns;          /* and this for lateness of the monitor and of the signal */
	double cheater_gain;           /* CPU of a cheater : CPU of an honest service */
	int64_t light_p99_ns, light_max_ns;
	double preemptions_a_wake; /* wake-ups stop one service, not all */
} bound = {
	.share_error = 0.01,
	.capped_error = 0.01,
	.feasible = 0.8,
	.clearly_more = 1.25,
	.lag_slices = 2.0,
	.lag_extra_ns = 200 * NS_PER_US,
	.cheater_gain = 1.02,
	.light_p99_ns = 250 * NS_PER_US,
	.light_max_ns = 1500 * NS_PER_US,
	.preemptions_a_wake = 1.6,
};

static struct {
	const char *property;
	uint64_t seed;
	int failures, runs;
	int64_t virtual_ns;
	double share_error, capped_error, lag_ahead, lag_behind, cheater_gain, wait;
	double preemptions_a_wake;
	int64_t light_p99_ns, light_max_ns, idle_ns, dispatches, tick_ns;
} worst;

PRINTF(2, 3) static void check(bool good, const char *format, ...)
{
	if (good)
		return;
	va_list args;
	va_start(args, format);
	fprintf(stderr, "sim_fair: FAILED: %s, seed %llu: ", worst.property,
		(unsigned long long)worst.seed);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	worst.failures++;
}

static void raise_to(double *worst_so_far, double value)
{
	if (value > *worst_so_far)
		*worst_so_far = value;
}

static void raise_ns(int64_t *worst_so_far, int64_t value)
{
	if (value > *worst_so_far)
		*worst_so_far = value;
}

/* ---- bodies ---- */

/* One message that never ends. */
static void hog(struct sim *sim UNUSED, struct sim_service *s UNUSED, int64_t *run_ns,
		int64_t *sleep_ns)
{
	*run_ns = 1000000 * NS_PER_S;
	*sleep_ns = 0;
}

/* Messages of `a` in the mean, always one more in the mailbox. */
static void talker(struct sim *sim, struct sim_service *s, int64_t *run_ns, int64_t *sleep_ns)
{
	*run_ns = sim_exponential(sim, s->a);
	*sleep_ns = 0;
}

/* Messages of `a` in the mean, every `b` in the mean. */
static void light(struct sim *sim, struct sim_service *s, int64_t *run_ns, int64_t *sleep_ns)
{
	*run_ns = sim_exponential(sim, s->a);
	*sleep_ns = sim_exponential(sim, s->b);
}

/* Exactly `a`, then exactly `b`. */
static void cycler(struct sim *sim UNUSED, struct sim_service *s, int64_t *run_ns,
		   int64_t *sleep_ns)
{
	*run_ns = s->a;
	*sleep_ns = s->b;
}

/* Bursts and rests of all sizes; `a` is the scale. */
static void moody(struct sim *sim, struct sim_service *s, int64_t *run_ns, int64_t *sleep_ns)
{
	*run_ns = sim_log_between(sim, 1 + s->a / 100, 4 * s->a);
	*sleep_ns = sim_between(sim, 0, 2) ? 0 : sim_log_between(sim, 1 + s->a / 100, 20 * s->a);
}

/* ---- what each is entitled to ---- */

/* Shares of `workers` CPUs by weight among the first n, none more than one: whoever is entitled to more has
 * one for itself, and the others divide what is left. In workers. false: somebody's is close to one. Such a
 * service may never wait at all if it is to get its share, and no scheduler that runs slices to their end
 * can promise that; what it cannot use the others get on top of theirs. */
static bool entitle(const struct sim *sim, int n, double *share)
{
	bool clear = true;
	double workers = sim->config.workers, weights = 0;
	for (int i = 0; i < n; i++) {
		share[i] = 0;
		weights += sim->service[i].entry.node.fair.weight;
	}
	for (bool again = true; again && workers > 0.5;) {
		again = false;
		for (int i = 0; i < n && workers > 0.5; i++) {
			double weight = sim->service[i].entry.node.fair.weight;
			if (share[i] == 0 && weight * workers > weights * (1 - 1e-9)) {
				clear = clear && weight * workers > weights * bound.clearly_more;
				share[i] = 1;
				workers -= 1;
				weights -= weight;
				again = true;
			}
		}
	}
	for (int i = 0; i < n; i++)
		if (share[i] == 0)
			share[i] = workers * sim->service[i].entry.node.fair.weight / weights;
	for (int i = 0; i < n; i++)
		clear = clear && (share[i] == 1 || share[i] <= bound.feasible);
	return clear;
}

/* Always-busy services are the first `busy` of a world. */
struct shares {
	int busy;
	bool clear; /* nobody's share is close to a worker: nobody gets more than his share either */
	double share[SIM_SERVICES_MAX];
	double start_ns[SIM_SERVICES_MAX], total_start_ns;
	double ahead_ns, behind_ns; /* of those whose share is feasible */
};

static double total_cpu(const struct sim *sim, int n)
{
	double sum = 0;
	for (int i = 0; i < n; i++)
		sum += (double)sim_cpu_ns(sim, &sim->service[i]);
	return sum;
}

static void shares_begin(struct sim *sim, struct shares *x, int busy)
{
	x->busy = busy;
	x->ahead_ns = x->behind_ns = 0;
	x->clear = entitle(sim, busy, x->share);
	x->total_start_ns = total_cpu(sim, busy);
	for (int i = 0; i < busy; i++)
		x->start_ns[i] = (double)sim_cpu_ns(sim, &sim->service[i]);
	sim->data = x;
}

static void sample_lag(struct sim *sim)
{
	struct shares *x = sim->data;
	double delivered = total_cpu(sim, x->busy) - x->total_start_ns;
	for (int i = 0; i < x->busy; i++) {
		if (x->share[i] > bound.feasible)
			continue;
		double got = (double)sim_cpu_ns(sim, &sim->service[i]) - x->start_ns[i];
		double lag = got - delivered * x->share[i] / sim->config.workers;
		raise_to(&x->ahead_ns, x->clear ? lag : 0);
		raise_to(&x->behind_ns, -lag);
	}
}

static void check_shares(struct sim *sim, struct shares *x)
{
	double delivered = total_cpu(sim, x->busy) - x->total_start_ns;
	for (int i = 0; i < x->busy; i++) {
		const struct fair *f = &sim->service[i].entry.node.fair;
		double got = (double)sim_cpu_ns(sim, &sim->service[i]) - x->start_ns[i];
		double entitled = delivered * x->share[i] / sim->config.workers;
		double error = x->clear ? fabs(got / entitled - 1) : 1 - got / entitled;
		bool feasible = x->share[i] <= bound.feasible;
		bool capped = x->clear && x->share[i] == 1;
		if (feasible)
			raise_to(&worst.share_error, error);
		if (capped)
			raise_to(&worst.capped_error, error);
		check(!feasible || error <= bound.share_error,
		      "weight %d slice %lld us: %.3f %% off its share", f->weight,
		      (long long)(f->slice_ns / NS_PER_US), 100 * error);
		check(!capped || error <= bound.capped_error,
		      "weight %d is entitled to a worker and is %.3f %% off", f->weight,
		      100 * error);
	}
}

/* ---- what holds in every world ---- */

static int64_t largest_slice(const struct sim *sim)
{
	int64_t largest = 0;
	for (int i = 0; i < sim->services; i++)
		raise_ns(&largest, sim->service[i].entry.node.fair.slice_ns);
	return largest;
}

/* How long a service may wait for its turn if all others are busy: it may have run a request ahead, and the
 * next one is due when the virtual time has passed over it. */
static void check_forgotten(struct sim *sim)
{
	static double share[SIM_SERVICES_MAX];
	entitle(sim, sim->services, share);
	double slices = 4 * (double)largest_slice(sim);
	for (int i = 0; i < sim->services; i++) {
		struct sim_service *s = &sim->service[i];
		bool waiting = s->status == SIM_WAITING;
		int64_t wait = waiting ? sim->now_ns - s->entry.runnable_at_ns : 0;
		raise_ns(&wait, s->entry.waits.longest_ns);
		double limit =
			(3.0 * (double)s->entry.node.fair.slice_ns + 2e6) / share[i] + slices;
		raise_to(&worst.wait, (double)wait / limit);
		check((double)wait <= limit,
		      "service %d (weight %d) waited %lld us, %.0f are allowed", i,
		      s->entry.node.fair.weight, (long long)(wait / NS_PER_US), limit / 1000);
	}
}

static void check_world(struct sim *sim)
{
	int64_t allowed = sim->config.switch_ns + sim->config.step_ns;
	raise_ns(&worst.idle_ns, sim->idle_beside_waiting_longest_ns);
	check(sim->idle_beside_waiting_longest_ns <= allowed,
	      "a worker was idle for %lld ns while somebody waited",
	      (long long)sim->idle_beside_waiting_longest_ns);
	check_forgotten(sim);
	worst.virtual_ns += sim->now_ns;
	worst.dispatches += sim->dispatches;
	worst.runs++;
}

static struct sim *random_world(uint64_t seed, int workers_max, bool foreign)
{
	struct sim_config config = sim_config_usual(1);
	uint64_t pick = seed * 0x9e3779b97f4a7c15u >> 33;
	config.workers = 1 + (int)(pick % (uint64_t)workers_max);
	config.foreign_percent = foreign ? (int)(pick / 16 % 20) : 0;
	return sim_new(&config, seed);
}

/* Always busy, slices within a decade or so of `scale`. */
static void add_busy(struct sim *sim, int n, int64_t scale_ns, int32_t weight_low,
		     int32_t weight_high)
{
	for (int i = 0; i < n; i++) {
		int64_t slice = sim_log_between(sim, scale_ns / 4, 4 * scale_ns);
		int32_t weight = (int32_t)sim_log_between(sim, weight_low, weight_high);
		sim_body *body = sim_between(sim, 0, 1) ? hog : talker;
		struct sim_service *s = sim_add(sim, body, slice, weight, 0);
		s->a = 1 + sim_log_between(sim, slice / 20, slice * 2);
	}
}

static double smallest_share(const struct shares *x)
{
	double smallest = 1;
	for (int i = 0; i < x->busy; i++)
		if (x->share[i] < smallest)
			smallest = x->share[i];
	return smallest;
}

/* ---- the properties ---- */

/* Nobody is ever more than two slices of the largest ahead of or behind its share. */
static void lag(uint64_t seed)
{
	static struct shares x;
	struct sim *sim = random_world(seed, 8, false);
	int workers = sim->config.workers;
	int64_t scale = sim_log_between(sim, 400 * NS_PER_US, 250 * NS_PER_MS);
	if (sim_between(sim, 0, 1))
		scale = 250 * NS_PER_MS;
	add_busy(sim, (int)sim_between(sim, workers + 1, 5 * workers + 3), scale, 30, 300);
	shares_begin(sim, &x, sim->services);
	sim->sample = sample_lag;
	sim->sample_every_ns = scale + 1;
	sim_start_sampling(sim);
	double largest = (double)largest_slice(sim);
	sim_run(sim, (int64_t)(20 * largest / smallest_share(&x)));
	double allowed = bound.lag_slices * largest + (double)bound.lag_extra_ns;
	raise_to(&worst.lag_ahead, (x.ahead_ns - (double)bound.lag_extra_ns) / largest);
	raise_to(&worst.lag_behind, (x.behind_ns - (double)bound.lag_extra_ns) / largest);
	check(x.ahead_ns <= allowed && x.behind_ns <= allowed,
	      "lag +%.2f -%.2f slices of the largest", x.ahead_ns / largest, x.behind_ns / largest);
	check_world(sim);
	sim_free(sim);
}

/* Shares follow the weights in the long run, whatever the slices and with C code in between; whoever is
 * entitled to more than a worker gets one and hurts nobody. */
static void share(uint64_t seed)
{
	static struct shares x;
	struct sim *sim = random_world(seed, 8, true);
	int workers = sim->config.workers;
	bool steep = sim_between(sim, 0, 1);
	add_busy(sim, (int)sim_between(sim, workers + 1, 5 * workers + 3),
		 sim_log_between(sim, 1 * NS_PER_MS, 250 * NS_PER_MS), steep ? 20 : 40,
		 steep ? 1000 : 250);
	shares_begin(sim, &x, sim->services);
	double largest = (double)largest_slice(sim);
	sim_run(sim, (int64_t)(150 * largest / smallest_share(&x)));
	check_shares(sim, &x);
	check_world(sim);
	sim_free(sim);
}

/* Entitled to more than a worker for 10 s, a service has no claim to what it could not use: when others of
 * its weight come, all of them get the same from then on. */
static void hoarder(uint64_t seed)
{
	static struct shares x;
	struct sim *sim = random_world(seed, 7, false);
	int workers = sim->config.workers;
	for (int i = 0; i < 2 * workers; i++)
		sim_add(sim, hog, NS_PER_MS, 100, 0);
	sim_add(sim, hog, NS_PER_MS, 2000, 0);
	sim_run(sim, 10 * NS_PER_S);
	for (int i = 0; i < workers + 3; i++)
		sim_add(sim, hog, NS_PER_MS, 2000, 1);
	shares_begin(sim, &x, sim->services);
	sim->sample = sample_lag;
	sim->sample_every_ns = NS_PER_MS;
	sim_start_sampling(sim);
	sim_run(sim, 5 * NS_PER_S);
	/* It keeps two slices of credit, by fair_requeue, and may be in the middle of a third. */
	double behind = bound.lag_slices * NS_PER_MS + (double)bound.lag_extra_ns;
	double ahead = behind + 3 * NS_PER_MS;
	check(x.ahead_ns <= ahead && x.behind_ns <= behind, "lag +%.2f -%.2f ms",
	      x.ahead_ns / NS_PER_MS, x.behind_ns / NS_PER_MS);
	check_world(sim);
	sim_free(sim);
}

/* Time alone costs nothing and earns nothing: newcomers and those who had the workers to themselves share
 * from the first moment on. */
static void alone(uint64_t seed)
{
	static struct shares x;
	struct sim *sim = random_world(seed, 8, false);
	int workers = sim->config.workers, first = (int)sim_between(sim, 1, workers);
	for (int i = 0; i < first; i++)
		sim_add(sim, hog, NS_PER_MS, (int32_t)sim_log_between(sim, 80, 125), 0);
	sim_run(sim, sim_log_between(sim, 10 * NS_PER_MS, 100 * NS_PER_S));
	for (int i = 0; i < 2 * workers; i++)
		sim_add(sim, hog, NS_PER_MS, (int32_t)sim_log_between(sim, 80, 125), 1);
	sim_run(sim, 2 * NS_PER_MS);
	shares_begin(sim, &x, sim->services);
	sim->sample = sample_lag;
	sim->sample_every_ns = NS_PER_MS;
	sim_start_sampling(sim);
	sim_run(sim, 5 * NS_PER_S);
	double allowed = (bound.lag_slices + 1) * NS_PER_MS + (double)bound.lag_extra_ns;
	check(x.ahead_ns <= allowed && x.behind_ns <= allowed, "lag +%.2f -%.2f ms",
	      x.ahead_ns / NS_PER_MS, x.behind_ns / NS_PER_MS);
	check_world(sim);
	sim_free(sim);
}

/* C code that stops for nobody loses its worker, not its bill: it gets its share and no more. */
static void c_code(uint64_t seed)
{
	struct sim *sim = random_world(seed, 4, false);
	int honest = 2 * sim->config.workers + (int)sim_between(sim, 1, 6);
	for (int i = 0; i < honest; i++)
		sim_add(sim, hog, NS_PER_MS, 100, 0);
	struct sim_service *s = sim_add(sim, talker, NS_PER_MS, 100, 0);
	s->a = sim_log_between(sim, 5 * NS_PER_MS, 50 * NS_PER_MS);
	s->in_c = true;
	sim_run(sim, 100 * NS_PER_S);
	double gain = (double)sim_cpu_ns(sim, s) / (total_cpu(sim, honest) / honest);
	raise_to(&worst.cheater_gain, gain);
	check(sim->handoffs > 100, "%lld hand-offs only", (long long)sim->handoffs);
	check(gain <= bound.cheater_gain, "got %.4f of its share", gain);
	worst.virtual_ns += sim->now_ns;
	sim_free(sim);
}

/* Busy services keep their proportions while others sleep, burst and wake around them. */
static void disturbed(uint64_t seed)
{
	static struct shares x;
	struct sim *sim = random_world(seed, 8, true);
	int workers = sim->config.workers, busy = 3 * workers + (int)sim_between(sim, 0, 10);
	add_busy(sim, busy, NS_PER_MS, 50, 150);
	for (int i = (int)sim_between(sim, 1, 4 * workers); i > 0; i--) {
		sim_body *body = sim_between(sim, 0, 1) ? moody : light;
		struct sim_service *s = sim_add(sim, body, sim_log_between(sim, 100000, 4000000),
						(int32_t)sim_log_between(sim, 30, 300),
						sim_between(sim, 0, NS_PER_S));
		s->a = sim_log_between(sim, 10 * NS_PER_US, NS_PER_MS);
		s->b = sim_log_between(sim, 10 * NS_PER_US, 20 * NS_PER_MS);
	}
	shares_begin(sim, &x, busy);
	sim_run(sim, 15 * NS_PER_S + 1000 * largest_slice(sim) * busy / workers);
	check_shares(sim, &x);
	check_world(sim);
	sim_free(sim);
}

/* Services that use less than half of their share run at once when they wake, however many hogs there are. */
static void wake(uint64_t seed)
{
	static struct sim_times times;
	struct sim *sim = random_world(seed, 8, false);
	int workers = sim->config.workers;
	int hogs = (int)sim_log_between(sim, workers, 300), lights = (int)sim_between(sim, 1, 60);
	for (int i = 0; i < hogs; i++)
		sim_add(sim, hog, sim_log_between(sim, 500 * NS_PER_US, 4 * NS_PER_MS), 100, 0);
	double part = 0.4 * workers / (hogs + lights);
	if (part * lights > 0.1 * workers)
		part = 0.1 * workers / lights;
	for (int i = 0; i < lights; i++) {
		struct sim_service *s = sim_add(sim, light, NS_PER_MS, 100, i * NS_PER_MS);
		s->a = 20 * NS_PER_US;
		s->b = (int64_t)((double)s->a / part);
		s->wake_times = &times;
	}
	/* Until all hogs have had their turns and the lights their credit. */
	sim_run(sim, 12 * (hogs + lights) / workers * NS_PER_MS * 4);
	memset(&times, 0, sizeof(times));
	sim->preemptions = sim->wakes = 0;
	int64_t measured = 5 * NS_PER_S;
	sim_run(sim, measured);
	double turns = (double)measured / NS_PER_MS * workers; /* slices that end by themselves */
	double stopped = ((double)sim->preemptions - turns) / ((double)sim->wakes + 1);
	int64_t p99 = sim_times_quantile(&times, 0.99);
	raise_ns(&worst.light_p99_ns, p99);
	raise_ns(&worst.light_max_ns, times.max_ns);
	raise_to(&worst.preemptions_a_wake, stopped);
	check(p99 <= bound.light_p99_ns && times.max_ns <= bound.light_max_ns,
	      "%d workers, %d hogs, %d lights: wake to run p99 %lld us, max %lld us", workers, hogs,
	      lights, (long long)(p99 / NS_PER_US), (long long)(times.max_ns / NS_PER_US));
	check(stopped <= bound.preemptions_a_wake, "%.2f preemptions a wake-up", stopped);
	check_world(sim);
	sim_free(sim);
}

/* Running and sleeping in any rhythm, splitting work into messages, timers at 0: no more than the share. */
static void cheater(uint64_t seed)
{
	struct sim *sim = random_world(seed, 4, true);
	int workers = sim->config.workers, honest = 2 * workers + (int)sim_between(sim, 0, 8);
	for (int i = 0; i < honest; i++)
		sim_add(sim, sim_between(sim, 0, 1) ? hog : talker, NS_PER_MS, 100, 0)->a = 50000;
	int cheaters = (int)sim_between(sim, 1, 3);
	for (int i = 0; i < cheaters; i++) {
		struct sim_service *s =
			sim_add(sim, cycler, NS_PER_MS, 100, sim_between(sim, 0, 5 * NS_PER_MS));
		switch (sim_between(sim, 0, 4)) {
		case 0: /* just before the slice ends */
			s->a = NS_PER_MS - sim_log_between(sim, 1, 200 * NS_PER_US);
			s->b = sim_log_between(sim, 1, 200 * NS_PER_US);
			break;
		case 1: /* messages to itself */
			s->a = sim_log_between(sim, 500, 200 * NS_PER_US);
			s->b = 0;
			break;
		case 2: /* timers at 0 */
			s->a = sim_log_between(sim, 1000, 2 * NS_PER_MS);
			s->b = sim_log_between(sim, 1, 2000);
			break;
		case 3: /* saves up credit and spends it */
			s->a = sim_log_between(sim, NS_PER_MS, 20 * NS_PER_MS);
			s->b = sim_log_between(sim, NS_PER_MS, 20 * NS_PER_MS);
			break;
		default:
			s->body = moody;
			s->a = sim_log_between(sim, 20 * NS_PER_US, 2 * NS_PER_MS);
		}
	}
	sim_run(sim, 15 * NS_PER_S);
	double fair_part = total_cpu(sim, honest) / honest;
	for (int i = honest; i < sim->services; i++) {
		struct sim_service *s = &sim->service[i];
		double gain = (double)sim_cpu_ns(sim, s) / fair_part;
		raise_to(&worst.cheater_gain, gain);
		check(gain <= bound.cheater_gain,
		      "run %lld ns, sleep %lld ns: got %.4f of its share", (long long)s->a,
		      (long long)s->b, gain);
	}
	check_world(sim);
	sim_free(sim);
}

/* A thousand services, all kinds, all weights: whoever is runnable runs. */
static void crowd(uint64_t seed)
{
	struct sim *sim = random_world(seed, 8, true);
	int n = (int)sim_log_between(sim, 50, 1000);
	for (int i = 0; i < n; i++) {
		sim_body *body[] = {hog, talker, light, moody};
		struct sim_service *s =
			sim_add(sim, body[sim_between(sim, 0, 3)],
				sim_log_between(sim, 50 * NS_PER_US, 10 * NS_PER_MS),
				(int32_t)sim_log_between(sim, 1, 10000),
				sim_between(sim, 0, 100 * NS_PER_MS));
		s->a = sim_log_between(sim, 20 * NS_PER_US, 5 * NS_PER_MS);
		s->b = sim_log_between(sim, 20 * NS_PER_US, 50 * NS_PER_MS);
	}
	sim_run(sim, 4 * NS_PER_S);
	check_world(sim);
	sim_free(sim);
}

static const struct {
	const char *name;
	void (*run)(uint64_t seed);
	int rounds;
} property[] = {
	{"lag", lag, 200},    {"share", share, 12},     {"hoarder", hoarder, 5},
	{"alone", alone, 10}, {"c_code", c_code, 4},    {"disturbed", disturbed, 4},
	{"wake", wake, 6},    {"cheater", cheater, 12}, {"crowd", crowd, 5},
};

static void report(void)
{
	printf("%d runs, %.0f virtual hours, %lld dispatches\n", worst.runs,
	       (double)worst.virtual_ns / 3600e9, (long long)worst.dispatches);
	printf("share error %.3f %%, with more than a worker's weight %.3f %%\n",
	       100 * worst.share_error, 100 * worst.capped_error);
	printf("lag in slices of the largest: +%.2f -%.2f\n", worst.lag_ahead, worst.lag_behind);
	printf("wake to run: p99 %lld us, max %lld us, preemptions a wake-up %.2f\n",
	       (long long)(worst.light_p99_ns / NS_PER_US),
	       (long long)(worst.light_max_ns / NS_PER_US), worst.preemptions_a_wake);
	printf("cheaters' gain %.4f, longest wait %.2f of what is allowed, idle beside waiting "
	       "%lld ns\n",
	       worst.cheater_gain, worst.wait, (long long)worst.idle_ns);
}

int main(int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	for (size_t i = 0; i < COUNT_OF(property); i++) {
		int rounds = argc > 2 ? atoi(argv[2]) : argc > 1 ? 1 : property[i].rounds;
		if (argc > 3 && strcmp(argv[3], property[i].name) != 0)
			continue;
		worst.property = property[i].name;
		for (int round = 0; round < rounds; round++) {
			worst.seed = seed + (uint64_t)round;
			property[i].run(worst.seed);
		}
		report();
	}
	printf("%d failures\n", worst.failures);
	return worst.failures ? 1 : 0;
}
