/* SPDX-License-Identifier: MIT
 *
 * Four threads announce areas of code and take them back, interleaved page by page. The region is new in every
 * round and its rows are as far apart as a table reaches; first all walk through it side by side, so that they make
 * the same tables at the same time. Each looks up, through libgcc, its own areas, those of the others, and those
 * that stay. Whatever the interleaving: an
 * area is found from its announcement until it is taken back and not after, a neighbour's coming and going does not
 * touch it, and in the end nothing is left.
 *
 * stress_fde [seed [rounds]]
 */
#include "core/fde.h"
#include "core/atomics.h"
#include "core/clock.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define THREADS        4
#define AREAS          64 /* of each thread, and as many again that stay */
#define STEPS          10000
#define DEFAULT_ROUNDS 100

enum { PAGE = 4096, STRIDE = 8 * PAGE, ROW = 512 * PAGE };

void __register_frame(const void *section);
void __deregister_frame(const void *section);
void *_Unwind_FindEnclosingFunction(void *pc);

/* Each area: its section in the first bytes, its code from there on, one to eight pages in all. */
static uint8_t *region;
static pthread_barrier_t barrier;

struct thread {
	pthread_t id;
	int index;
	unsigned seed;
	bool announced[AREAS];
	uint64_t announcements, found, missed;
};

static void check(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "stress_fde: FAILED: %s\n", what);
	abort();
}

static uint8_t *area(int owner, int i)
{
	return region + (size_t)i * ROW + (size_t)owner * STRIDE;
}

enum { CODE_AT = 64 };

static size_t area_bytes(int owner, int i)
{
	return (size_t)(1 + (owner * 5 + i) % 8) * PAGE;
}

/* As in the areas of LuaJIT: CIE, FDE, end. */
static void write_section(int owner, int i)
{
	static const uint8_t text[] = {20, 0, 0,    0,  0, 0,    0,    0, 1, 'z',  'R',
				       0,  1, 0x78, 16, 1, 0x1b, 0x0c, 7, 8, 0x90, 1,
				       0,  0, 16,   0,  0, 0,    28,   0, 0, 0,    CODE_AT - 32};
	uint8_t *at = area(owner, i);
	uint32_t bytes = (uint32_t)(area_bytes(owner, i) - CODE_AT);
	memcpy(at, text, sizeof(text));
	memcpy(at + 36, &bytes, sizeof(bytes));
}

static bool is_found(int owner, int i, unsigned random)
{
	uint8_t *code = area(owner, i) + CODE_AT;
	uint8_t *pc = code + random % (area_bytes(owner, i) - CODE_AT);
	void *start = _Unwind_FindEnclosingFunction(pc + 1);
	check(start == NULL || start == code, "found is another area");
	return start != NULL;
}

static void step(struct thread *t)
{
	int mine = rand_r(&t->seed) % AREAS, other = rand_r(&t->seed) % AREAS;
	unsigned random = (unsigned)rand_r(&t->seed);
	check(is_found(t->index, mine, random) == t->announced[mine], "its own area: found or not");
	if (t->announced[mine])
		__deregister_frame(area(t->index, mine));
	else
		__register_frame(area(t->index, mine));
	t->announcements += !t->announced[mine];
	t->announced[mine] = !t->announced[mine];
	check(is_found(t->index, mine, random) == t->announced[mine], "its own area, changed");
	check(is_found(THREADS, other, random), "an area that stays is not found");
	if (is_found((t->index + 1) % THREADS, other, random))
		t->found++;
	else
		t->missed++;
}

static void walk(struct thread *t, int i)
{
	__register_frame(area(t->index, i));
	if (i % THREADS == t->index)
		__register_frame(area(THREADS, i));
	t->announced[i] = true;
	check(is_found(t->index, i, 0), "an area in a new table is not found");
}

static void *run(void *thread)
{
	struct thread *t = thread;
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < AREAS; i++)
		walk(t, i);
	pthread_barrier_wait(&barrier);
	for (int i = 0; i < STEPS; i++)
		step(t);
	for (int i = 0; i < AREAS; i++)
		if (t->announced[i])
			__deregister_frame(area(t->index, i));
	return NULL;
}

static void begin(void)
{
	region = mmap(NULL, (size_t)AREAS * ROW, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	check(region != MAP_FAILED, "no memory");
	for (int owner = 0; owner <= THREADS; owner++)
		for (int i = 0; i < AREAS; i++)
			write_section(owner, i);
}

static void end(void)
{
	check(fde_area_count() == AREAS, "the count is wrong");
	for (int i = 0; i < AREAS; i++)
		__deregister_frame(area(THREADS, i));
	check(fde_area_count() == 0 && fde_area_bytes() == 0, "something was left");
	for (int owner = 0; owner <= THREADS; owner++)
		for (int i = 0; i < AREAS; i++)
			check(!is_found(owner, i, 0), "found after the end");
	/* It stays mapped, so that the next one has addresses, and tables, of its own. */
	madvise(region, (size_t)AREAS * ROW, MADV_DONTNEED);
}

static void round_of(unsigned *seed)
{
	struct thread thread[THREADS] = {0};
	uint64_t announcements = 0, found = 0, missed = 0;
	begin();
	for (int i = 0; i < THREADS; i++) {
		thread[i].index = i;
		thread[i].seed = (unsigned)rand_r(seed);
		check(pthread_create(&thread[i].id, NULL, run, &thread[i]) == 0, "no thread");
	}
	for (int i = 0; i < THREADS; i++) {
		pthread_join(thread[i].id, NULL);
		announcements += thread[i].announcements;
		found += thread[i].found;
		missed += thread[i].missed;
	}
	end();
	check(announcements >= STEPS && found + missed == THREADS * STEPS, "nothing happened");
}

int main(int argc, char **argv)
{
	unsigned seed = argc > 1 ? (unsigned)strtoul(argv[1], NULL, 0) : (unsigned)clock_wall_ns();
	int rounds = argc > 2 ? atoi(argv[2]) : DEFAULT_ROUNDS;
	printf("stress_fde: seed %u, %d rounds\n", seed, rounds);
	fflush(stdout);
	check(fde_is_active(), "libgcc does not call us");
	pthread_barrier_init(&barrier, NULL, THREADS);
	for (int i = 0; i < rounds; i++)
		round_of(&seed);
	printf("stress_fde: ok\n");
	return 0;
}
