/* SPDX-License-Identifier: MIT
 *
 * What the stress programs of the scheduler share: the runtime without its services, and the tormentor, a
 * thread that does at random and far too often what the monitor does with reason.
 */
#ifndef STRESS_KIT_H
#define STRESS_KIT_H

#include "sched/sched.h"

/* "PROGRAM: FAILED: what", and the process ends. Any thread. */
NORETURN void kit_fail(const char *file, int line, const char *fmt, ...) PRINTF(3, 4);
#define check(cond, ...)                                                                           \
	do {                                                                                       \
		if (UNLIKELY(!(cond)))                                                             \
			kit_fail(__FILE__, __LINE__, __VA_ARGS__);                                 \
	} while (0)

/* Services are looked for in this folder of the sources, which $EQUILUNE_SOURCE names. Before kit_start. */
void kit_services_from(const char *folder);
/* What `./dev bench` was told: $EQUILUNE_BENCH_NAME, else `quick` or `usual`. */
double kit_bench_setting(const char *name, double usual, double quick);
/* Starts everything but the monitor; `shards` of the run queue, 0: the usual number. For the log see kit_log.h. */
void kit_start(int workers, int shards, int spares, const void *vm_address);
/* A function of stress_module.so, which is loaded as a service would do it, until kit_stop. After kit_start. */
void *kit_module_function(const char *name);
/* Waits until all services have ended, ends the threads and gives all memory back. */
void kit_stop(void);
/* The columns of the accounts add up, at any moment. Any thread. */
void kit_check_accounts(void);
/* Waits until no more than `count` services live. */
void kit_wait_living(int count);

/* xorshift; each thread has its own state, which must not be 0. */
uint32_t kit_random(uint64_t *state);

struct torment {
	int64_t pause_ns;  /* between two rounds over all workers */
	int hand_off_each; /* one request in so many is a hand-off; 0: none */
	int probe_each;    /* one in so many asks for evidence; 0: none */
};

struct torment_figures {
	uint64_t asked, hand_offs, probes, evidence;
};

/* One at a time. */
void torment_start(const struct torment *torment, uint64_t seed);
struct torment_figures torment_stop(void);

#endif
