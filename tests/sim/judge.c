/* SPDX-License-Identifier: MIT */
#include "sim/judge.h"
#include "core/atomics.h"
#include "core/clock.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct verdict worst;

void check(bool good, const char *format, ...)
{
	if (good)
		return;
	va_list args;
	va_start(args, format);
	fprintf(stderr, "FAILED: %s, seed %llu: ", worst.property, (unsigned long long)worst.seed);
	vfprintf(stderr, format, args);
	fprintf(stderr, "\n");
	va_end(args);
	worst.failures++;
}

void raise_to(double *worst_so_far, double value)
{
	if (value > *worst_so_far)
		*worst_so_far = value;
}

void raise_ns(int64_t *worst_so_far, int64_t value)
{
	if (value > *worst_so_far)
		*worst_so_far = value;
}

/* ---- bodies ---- */

void hog(struct sim *sim UNUSED, struct sim_service *s UNUSED, int64_t *run_ns, int64_t *sleep_ns)
{
	*run_ns = 1000000 * NS_PER_S;
	*sleep_ns = 0;
}

void talker(struct sim *sim, struct sim_service *s, int64_t *run_ns, int64_t *sleep_ns)
{
	*run_ns = sim_exponential(sim, s->a);
	*sleep_ns = 0;
}

void light(struct sim *sim, struct sim_service *s, int64_t *run_ns, int64_t *sleep_ns)
{
	*run_ns = sim_exponential(sim, s->a);
	*sleep_ns = sim_exponential(sim, s->b);
}

void cycler(struct sim *sim UNUSED, struct sim_service *s, int64_t *run_ns, int64_t *sleep_ns)
{
	*run_ns = s->a;
	*sleep_ns = s->b;
}

void moody(struct sim *sim, struct sim_service *s, int64_t *run_ns, int64_t *sleep_ns)
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

double total_cpu(const struct sim *sim, int n)
{
	double sum = 0;
	for (int i = 0; i < n; i++)
		sum += (double)sim_cpu_ns(sim, &sim->service[i]);
	return sum;
}

void shares_begin(struct sim *sim, struct shares *x, int busy)
{
	x->busy = busy;
	x->ahead_ns = x->behind_ns = 0;
	x->clear = entitle(sim, busy, x->share);
	x->total_start_ns = total_cpu(sim, busy);
	for (int i = 0; i < busy; i++)
		x->start_ns[i] = (double)sim_cpu_ns(sim, &sim->service[i]);
	sim->data = x;
}

void sample_lag(struct sim *sim)
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

void check_shares(struct sim *sim, struct shares *x)
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

int64_t largest_slice(const struct sim *sim)
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
		if (s->entry.group)
			continue; /* its share is the group's business */
		bool waiting = s->status == SIM_WAITING;
		int64_t wait = waiting ? sim->now_ns - s->entry.runnable_at_ns : 0;
		raise_ns(&wait, s->entry.waits.longest_ns);
		double limit =
			(3.0 * (double)s->entry.node.fair.slice_ns + 2e6) / share[i] + slices;
		raise_to(&worst.wait, (double)wait / limit);
		check((double)wait <= limit * bound.wait,
		      "service %d (weight %d) waited %lld us, %.0f are allowed", i,
		      s->entry.node.fair.weight, (long long)(wait / NS_PER_US), limit / 1000);
	}
}

void check_world(struct sim *sim)
{
	int64_t allowed = sim->config.switch_ns + sim->config.step_ns + bound.idle_ns;
	raise_ns(&worst.idle_ns, sim->idle_beside_waiting_longest_ns);
	check(sim->idle_beside_waiting_longest_ns <= allowed,
	      "a worker was idle for %lld ns while somebody waited",
	      (long long)sim->idle_beside_waiting_longest_ns);
	check_forgotten(sim);
	uint64_t starved = load_relaxed(&sim->queue.starved);
	worst.starved += starved;
	check(starved == 0, "the backstop had to help %llu times", (unsigned long long)starved);
	worst.virtual_ns += sim->now_ns;
	worst.dispatches += sim->dispatches;
	worst.runs++;
}

struct sim *random_world(uint64_t seed, int workers_max, bool foreign)
{
	struct sim_config config = sim_config_usual(1);
	uint64_t pick = seed * 0x9e3779b97f4a7c15u >> 33;
	config.workers = 1 + (int)(pick % (uint64_t)workers_max);
	config.foreign_percent = foreign ? (int)(pick / 16 % 20) : 0;
	return sim_new(&config, seed);
}

void add_busy(struct sim *sim, int n, int64_t scale_ns, int32_t weight_low, int32_t weight_high)
{
	for (int i = 0; i < n; i++) {
		int64_t slice = sim_log_between(sim, scale_ns / 4, 4 * scale_ns);
		int32_t weight = (int32_t)sim_log_between(sim, weight_low, weight_high);
		sim_body *body = sim_between(sim, 0, 1) ? hog : talker;
		struct sim_service *s = sim_add(sim, body, slice, weight, 0);
		s->a = 1 + sim_log_between(sim, slice / 20, slice * 2);
	}
}

double smallest_share(const struct shares *x)
{
	double smallest = 1;
	for (int i = 0; i < x->busy; i++)
		if (x->share[i] < smallest)
			smallest = x->share[i];
	return smallest;
}

/* ---- main ---- */

void check_wakes(struct sim *sim, struct sim_times *times, int hogs, int lights,
		 int64_t measured_ns)
{
	memset(times, 0, sizeof(*times));
	sim->preemptions = sim->wakes = 0;
	sim_run(sim, measured_ns);
	/* Slices that end by themselves. */
	double turns = (double)measured_ns / NS_PER_MS * sim->config.workers;
	double stopped = ((double)sim->preemptions - turns) / ((double)sim->wakes + 1);
	int64_t p99 = sim_times_quantile(times, 0.99);
	raise_ns(&worst.light_p99_ns, p99);
	raise_ns(&worst.light_max_ns, times->max_ns);
	raise_to(&worst.preemptions_a_wake, stopped);
	check(p99 <= bound.light_p99_ns && times->max_ns <= bound.light_max_ns,
	      "%d workers, %d hogs, %d lights: wake to run p99 %lld us, max %lld us",
	      sim->config.workers, hogs, lights, (long long)(p99 / NS_PER_US),
	      (long long)(times->max_ns / NS_PER_US));
	check(stopped <= bound.preemptions_a_wake, "%.2f preemptions a wake-up", stopped);
}

void check_gain(struct sim *sim, double cpu_ns, double fair_part_ns, const char *who)
{
	double gain = cpu_ns / fair_part_ns;
	raise_to(&worst.cheater_gain, gain);
	check(gain <= bound.cheater_gain, "%d workers: %s got %.4f of its share",
	      sim->config.workers, who, gain);
}

static void add_cheater(struct sim *sim, int64_t shortest_ns)
{
	struct sim_service *s =
		sim_add(sim, cycler, NS_PER_MS, 100, sim_between(sim, 0, 5 * NS_PER_MS));
	switch (sim_between(sim, 0, 4)) {
	case 0: /* just before the slice ends */
		s->a = NS_PER_MS - sim_log_between(sim, 1, 200 * NS_PER_US);
		s->b = sim_log_between(sim, 1, 200 * NS_PER_US);
		break;
	case 1: /* messages to itself */
		s->a = sim_log_between(sim, shortest_ns, 200 * NS_PER_US);
		s->b = 0;
		break;
	case 2: /* timers at 0 */
		s->a = sim_log_between(sim, 2 * shortest_ns, 2 * NS_PER_MS);
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

void run_cheaters(struct sim *sim, int honest, int64_t shortest_ns, int64_t run_ns)
{
	for (int i = 0; i < honest; i++)
		sim_add(sim, sim_between(sim, 0, 1) ? hog : talker, NS_PER_MS, 100, 0)->a = 50000;
	for (int i = (int)sim_between(sim, 1, 3); i > 0; i--)
		add_cheater(sim, shortest_ns);
	sim_run(sim, run_ns);
	double fair_part_ns = total_cpu(sim, honest) / honest;
	for (int i = honest; i < sim->services; i++) {
		struct sim_service *s = &sim->service[i];
		check_gain(sim, (double)sim_cpu_ns(sim, s), fair_part_ns, "a cheater");
	}
	check_world(sim);
}

static void report(void)
{
	printf("\n%s: %d runs, %.0f virtual hours, %lld dispatches\n", worst.property, worst.runs,
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
	fflush(stdout);
}

int judge(const struct property *property, size_t count, int argc, char **argv)
{
	uint64_t seed = argc > 1 ? strtoull(argv[1], NULL, 0) : 1;
	for (size_t i = 0; i < count; i++) {
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
