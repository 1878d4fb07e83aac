/* SPDX-License-Identifier: MIT
 *
 * What the simulations share: bodies of services, what each is entitled to, and the verdict. The bounds stand in
 * `bound`, with what was measured when they were set; `worst` is what was found.
 */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include "sim/sim.h"

struct bounds {
	double share_error; /* of what it is entitled to, when that is at most `feasible` of a worker */
	double capped_error;           /* entitled to a whole worker or more */
	double feasible, clearly_more; /* close to one worker is what lies between */
	double lag_slices;             /* ahead or behind, in slices of the largest, */
	int64_t lag_extra_ns;          /* and this for lateness of the monitor and of the signal */
	double cheater_gain;           /* CPU of a cheater : CPU of an honest service */
	int64_t light_p99_ns, light_max_ns;
	double preemptions_a_wake; /* wake-ups stop one service, not all */
	double wait;               /* longest wait : what check_forgotten allows */
	int64_t idle_ns;           /* a worker idle beside somebody who waits, beyond a switch */
};

/* Set by the program. */
extern struct bounds bound;

struct verdict {
	const char *property;
	uint64_t seed;
	int failures, runs;
	int64_t virtual_ns;
	double share_error, capped_error, lag_ahead, lag_behind, cheater_gain, wait;
	double preemptions_a_wake;
	int64_t light_p99_ns, light_max_ns, idle_ns, dispatches;
	uint64_t starved;
};
extern struct verdict worst;

/* A failure is printed with the property and its seed. */
void check(bool good, const char *format, ...) PRINTF(2, 3);
void raise_to(double *worst_so_far, double value);
void raise_ns(int64_t *worst_so_far, int64_t value);

/* One message that never ends. */
sim_body hog;
/* Messages of `a` in the mean, always one more in the mailbox. */
sim_body talker;
/* Messages of `a` in the mean, every `b` in the mean. */
sim_body light;
/* Exactly `a`, then exactly `b`. */
sim_body cycler;
/* Bursts and rests of all sizes; `a` is the scale. */
sim_body moody;

/* Always-busy services are the first `busy` of a world. */
struct shares {
	int busy;
	bool clear; /* nobody's share is close to a worker: nobody gets more than his share either */
	double share[SIM_SERVICES_MAX];
	double start_ns[SIM_SERVICES_MAX], total_start_ns;
	double ahead_ns, behind_ns; /* of those whose share is feasible */
};

double total_cpu(const struct sim *sim, int n);
void shares_begin(struct sim *sim, struct shares *x, int busy);
/* A sampler for sim->sample. */
void sample_lag(struct sim *sim);
void check_shares(struct sim *sim, struct shares *x);
double smallest_share(const struct shares *x);
int64_t largest_slice(const struct sim *sim);
/* What holds in every world: work is conserved, nobody is forgotten, the backstop has nothing to do. */
void check_world(struct sim *sim);

/* A world of 1 to `workers_max` workers by the seed; `foreign`: with C code in between. */
struct sim *random_world(uint64_t seed, int workers_max, bool foreign);
/* Always busy, slices within a decade or so of `scale`. */
void add_busy(struct sim *sim, int n, int64_t scale_ns, int32_t weight_low, int32_t weight_high);

/* From now on for so long: those that `times` belongs to run at once when they wake, and nobody is stopped in vain. */
void check_wakes(struct sim *sim, struct sim_times *times, int hogs, int lights,
		 int64_t measured_ns);
/* Whoever tries to get more than an honest service does not. */
void check_gain(struct sim *sim, double cpu_ns, double fair_part_ns, const char *who);
/* Adds so many honest services and a few that run and sleep in any rhythm, split work into messages (none shorter than
 * `shortest_ns`), use timers at 0; runs them, and compares. */
void run_cheaters(struct sim *sim, int honest, int64_t shortest_ns, int64_t run_ns);

struct property {
	const char *name;
	void (*run)(uint64_t seed);
	int rounds;
};
/* main: [seed [rounds [property]]]. Without arguments the same seeds every time: the verdict does not depend on
 * luck. Returns the exit status. */
int judge(const struct property *property, size_t count, int argc, char **argv);

#endif
