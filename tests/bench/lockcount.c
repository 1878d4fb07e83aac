/* SPDX-License-Identifier: MIT
 *
 * Counts how often mutexes are found taken, and for how long: loaded with LD_PRELOAD by bench_throughput.py for
 * runs that are not timed otherwise. The product has no counters for this, since they would cost what they
 * measure.
 *
 * Two groups, by who calls: the executable, and everybody else (the allocator, the C library).
 */
#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <time.h>

enum { THREADS_MAX = 512, GROUPS = 2 };

struct lockcount {
	uint64_t locks, contended, waited_ns;
};

/* One of each thread: a shared counter would be contended itself. */
static struct slot {
	_Alignas(64) struct lockcount group[GROUPS];
} slot[THREADS_MAX];
static atomic_int slots;
static __thread struct slot *mine __attribute__((tls_model("initial-exec")));

static uintptr_t text_begin, text_end; /* of the executable */
static int (*real_lock)(pthread_mutex_t *);

static int find_text(struct dl_phdr_info *info, size_t size, void *unused)
{
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *p = &info->dlpi_phdr[i];
		if (p->p_type == PT_LOAD && (p->p_flags & PF_X)) {
			text_begin = info->dlpi_addr + p->p_vaddr;
			text_end = text_begin + p->p_memsz;
		}
	}
	(void)size, (void)unused;
	return 1; /* the executable is the first */
}

__attribute__((constructor)) static void begin(void)
{
	dl_iterate_phdr(find_text, NULL);
	real_lock = (int (*)(pthread_mutex_t *))dlsym(RTLD_NEXT, "pthread_mutex_lock");
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static struct slot *slot_of_thread(void)
{
	if (mine == NULL) {
		int i = atomic_fetch_add(&slots, 1);
		mine = &slot[i < THREADS_MAX ? i : THREADS_MAX - 1];
	}
	return mine;
}

__attribute__((visibility("default"))) int pthread_mutex_lock(pthread_mutex_t *m)
{
	uintptr_t caller = (uintptr_t)__builtin_return_address(0);
	struct lockcount *c =
		&slot_of_thread()->group[!(caller >= text_begin && caller < text_end)];
	c->locks++;
	if (pthread_mutex_trylock(m) == 0)
		return 0;
	if (real_lock == NULL) { /* before the constructor; one thread */
		while (pthread_mutex_trylock(m) != 0)
			;
		return 0;
	}
	uint64_t since = now_ns();
	int status = real_lock(m);
	c->contended++;
	c->waited_ns += now_ns() - since;
	return status;
}

void lockcount_read(int group, struct lockcount *out);

/* Of all threads, approximately while they run. group 0: the executable; 1: the others. */
__attribute__((visibility("default"))) void lockcount_read(int group, struct lockcount *out)
{
	*out = (struct lockcount){0};
	for (int i = 0; i < THREADS_MAX; i++) {
		out->locks += slot[i].group[group].locks;
		out->contended += slot[i].group[group].contended;
		out->waited_ns += slot[i].group[group].waited_ns;
	}
}
