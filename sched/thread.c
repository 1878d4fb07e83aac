/* SPDX-License-Identifier: MIT */
#include "sched/thread.h"
#include "core/altstack.h"
#include "core/clock.h"
#include "core/lock.h"
#include "core/mem.h"
#include "sched/accounts.h"
#include "sched/affinity.h"
#include "sched/park.h"
#include "sched/sched.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
	pthread_mutex_t lock; /* creating threads: guards made, slots of `all` */
	struct thread **all;  /* a slot is written once, before `count` says so */
	int max;
	int ready;         /* spares that wait without a limit */
	int64_t idle_ns;   /* how long the others do */
	_Atomic int count; /* release with the slot; acquire by the monitor */
	_Atomic int alive; /* threads that run */
	_Atomic int held;  /* of those: asleep in C code until their turn */
	_Atomic bool ending;
	int nice;      /* the process's own */
	sigset_t mask; /* of all our threads, wherever they are created */

	struct lock spare_lock; /* guards the lists and spare_count */
	struct thread *spare;
	_Atomic int spare_count;
	struct thread *ended; /* structs of threads that ended; the spare lock too */
} threads = {.lock = PTHREAD_MUTEX_INITIALIZER};

void thread_init(int max, int ready, int64_t idle_ns)
{
	lock_init(&threads.spare_lock);
	threads.all = mem_zalloc((size_t)max * sizeof(threads.all[0]));
	threads.max = max;
	threads.ready = ready;
	threads.idle_ns = idle_ns;
	store_relaxed(&threads.count, 0);
	store_relaxed(&threads.ending, false);
	threads.nice = getpriority(PRIO_PROCESS, 0);
	pthread_sigmask(SIG_SETMASK, NULL, &threads.mask);
	sigdelset(&threads.mask, PARK_SIGNAL);
}

void thread_term(void)
{
	for (int i = 0; i < load_relaxed(&threads.count); i++) {
		if (threads.all[i]->cached)
			stack_put(threads.all[i]->cached);
		if (load_relaxed(&threads.all[i]->stat_fd) >= 0)
			close(load_relaxed(&threads.all[i]->stat_fd));
		if (load_relaxed(&threads.all[i]->delay_fd) >= 0)
			close(load_relaxed(&threads.all[i]->delay_fd));
		mem_free(threads.all[i]);
	}
	mem_free(threads.all);
	threads.all = NULL;
	threads.spare = threads.ended = NULL;
	store_relaxed(&threads.count, 0);
	store_relaxed(&threads.spare_count, 0);
}

struct thread *thread_at(int i)
{
	return threads.all[i];
}

int thread_count(void)
{
	return load_acquire(&threads.count); /* pairs with the release in new_thread */
}

int thread_spare_count(void)
{
	return load_relaxed(&threads.spare_count);
}

struct thread *thread_take_spare(void)
{
	/* Spares end without leaving the list then. */
	if (load_acquire(&threads.ending))
		return NULL;
	lock_take(&threads.spare_lock);
	struct thread *t = threads.spare;
	if (t) {
		threads.spare = t->next_spare;
		sub_relaxed(&threads.spare_count, 1);
	}
	lock_release(&threads.spare_lock);
	return t;
}

void thread_return_spare(struct thread *t)
{
	lock_take(&threads.spare_lock);
	t->next_spare = threads.spare;
	threads.spare = t;
	add_relaxed(&threads.spare_count, 1);
	lock_release(&threads.spare_lock);
}

int thread_alive_count(void)
{
	return load_relaxed(&threads.alive);
}

void thread_give_slot(struct thread *t, struct worker *w)
{
	store_relaxed(&w->thread, t);
	store_release(&t->given, w); /* pairs with the exchange in wait_for_slot */
	add_acq_rel(&t->wake, 1);
	futex_wake(&t->wake);
}

/* How long `t`, which is on the list or about to be given a slot, may sleep: those that are needed without a limit.
 * Who decides so is one of at most `ready`, so there are never more of them. */
static int64_t patience_ns(void)
{
	return thread_spare_count() > threads.ready ? threads.idle_ns : -1;
}

/* `t` was not needed for long: off the list, if it is still there and others are enough. */
static bool retire(struct thread *t)
{
	bool found = false;
	lock_take(&threads.spare_lock);
	struct thread **at = &threads.spare;
	while (*at && *at != t)
		at = &(*at)->next_spare;
	if (*at && thread_spare_count() > threads.ready) {
		*at = t->next_spare;
		sub_relaxed(&threads.spare_count, 1);
		found = true;
	}
	lock_release(&threads.spare_lock);
	return found;
}

/* false: the thread ends, with the process or because nobody needs it. */
static bool wait_for_slot(struct thread *t)
{
	int64_t began_ns = clock_mono_ns();
	for (;;) {
		uint32_t seen = load_acquire(&t->wake);
		t->slot = exchange_acq_rel(&t->given, NULL); /* acquires thread_give_slot */
		if (t->slot)
			return true;
		if (load_acquire(&threads.ending))
			return false;
		int64_t patience = patience_ns();
		int64_t left = patience < 0 ? -1 : began_ns + patience - clock_mono_ns();
		if (patience >= 0 && left <= 0) {
			if (retire(t))
				return false;
			left = NS_PER_MS; /* taken in this moment: the slot comes */
		}
		futex_wait(&t->wake, seen, left);
	}
}

void thread_wait_turn(struct thread *t)
{
	add_relaxed(&threads.held, 1);
	for (;;) {
		uint32_t seen = load_acquire(&t->wake);
		t->slot = exchange_acq_rel(&t->given, NULL); /* acquires thread_give_slot */
		if (t->slot)
			break;
		futex_wait(&t->wake, seen, -1);
	}
	sub_relaxed(&threads.held, 1);
	accounts_take_slot(t);
	affinity_take(t->slot->id);
}

void thread_keep_file(_Atomic int *at, const char *name)
{
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/task/%d/%s", (int)syscall(SYS_gettid), name);
	int fd = open(path, O_RDONLY | O_CLOEXEC), last = load_relaxed(at);
	if (last < 0) {
		store_release(at, fd); /* pairs with the acquire of those who read the file */
	} else if (fd >= 0) {
		/* By system call, or ThreadSanitizer would take it for a race. */
		syscall(SYS_dup3, fd, last, O_CLOEXEC);
		close(fd);
	}
}

static void open_own_files(struct thread *t)
{
	int tid = (int)syscall(SYS_gettid);
	thread_keep_file(&t->stat_fd, "stat");
	accounts_open_thread(t);
	store_release(&t->tid, tid);
}

bool thread_is_asleep(const struct thread *t)
{
	char text[128];
	int fd = load_acquire(&t->stat_fd);
	ssize_t got = fd < 0 ? -1 : pread(fd, text, sizeof(text) - 1, 0);
	if (got <= 0)
		return false;
	text[got] = '\0';
	char *state = strrchr(text, ')');
	return state && state[1] == ' ' && (state[2] == 'S' || state[2] == 'D');
}

void thread_signal(struct thread *t)
{
	int32_t tid = load_acquire(&t->tid);
	if (tid == 0)
		return;
	add_relaxed(&t->signals, 1);
	add_relaxed(&sched.signals, 1);
	syscall(SYS_tgkill, getpid(), tid, PARK_SIGNAL);
}

/* The lowest: sixteen C functions that compute must leave two cores to the workers, also those that cannot be held. The
 * price: when its call is through such a thread may take a lock of ours and be slow about it; that is why only those
 * are slowed down that have been stuck for long, and why they take their priority back first. */
enum { SLOW_NICE = 19 };

void thread_slow_down(struct thread *t)
{
	int32_t tid = load_acquire(&t->tid);
	if (tid != 0 && !load_relaxed(&t->slowed))
		store_relaxed(&t->slowed, setpriority(PRIO_PROCESS, (id_t)tid, SLOW_NICE) == 0);
}

/* The monitor may have lowered our OS priority while we had no slot. Without the right to raise it again the thread
 * is of no use as a spare. */
bool thread_restore_priority(struct thread *t)
{
	if (!load_relaxed(&t->slowed))
		return true;
	if (setpriority(PRIO_PROCESS, 0, threads.nice) != 0)
		return false; /* and stays slowed: home must know */
	store_relaxed(&t->slowed, false);
	return true;
}

static void run_slot(struct thread *t)
{
	accounts_take_slot(t);
	affinity_take(t->slot->id);
	t->stack = thread_fresh_stack(t);
	stack_switch(&t->base, t->stack);
	/* Before locks are taken; thread_main asks again whether it worked. */
	thread_restore_priority(t);
	thread_settle();
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;
	char name[16];
	/* Spares are made on the loop thread, which has every signal blocked. And the mask travels in the signal
	 * frame of whoever is parked here and resumed elsewhere. */
	pthread_sigmask(SIG_SETMASK, &threads.mask, NULL);
	snprintf(name, sizeof(name), "eq-%d", t->index);
	prctl(PR_SET_NAME, name);
	thread_set_self(t);
	stack_of_thread(&t->base);
	altstack_install();
	clockid_t clock;
	ensure(pthread_getcpuclockid(pthread_self(), &clock) == 0);
	store_relaxed(&t->cpu_clock, clock);
	open_own_files(t);
	while (wait_for_slot(t)) {
		run_slot(t);
		if (!thread_restore_priority(t) || load_acquire(&threads.ending))
			break;
		thread_return_spare(t);
	}
	store_release(&t->tid, 0);
	if (t->cached)
		stack_put(t->cached);
	t->cached = NULL;
	altstack_remove();
	thread_set_self(NULL);
	/* A thread that ends because the process does may still be on the spare list, through the same link. */
	if (!load_acquire(&threads.ending)) {
		lock_take(&threads.spare_lock);
		t->next_spare = threads.ended;
		threads.ended = t;
		lock_release(&threads.spare_lock);
	}
	sub_acq_rel(&threads.alive, 1); /* release: our last writes; acquire in thread_stop_all */
	return NULL;
}

/* With threads.lock. NULL: the bound is reached. */
static struct thread *new_thread(void)
{
	lock_take(&threads.spare_lock);
	struct thread *t = threads.ended;
	if (t)
		threads.ended = t->next_spare;
	lock_release(&threads.spare_lock);
	if (t) {
		store_relaxed(&t->slowed, false);
		return t;
	}
	int count = load_relaxed(&threads.count);
	if (count == threads.max)
		return NULL;
	t = mem_zalloc(sizeof(*t));
	t->index = count;
	store_relaxed(&t->stat_fd, -1);
	store_relaxed(&t->delay_fd, -1);
	threads.all[count] = t;
	store_release(&threads.count, count + 1); /* pairs with the acquire in thread_count */
	return t;
}

static bool launch(struct thread *t)
{
	pthread_attr_t attr;
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	/* The base only sleeps; what runs on it is this file. ASan's frames are fat. */
	pthread_attr_setstacksize(&attr, 256 * 1024);
	add_relaxed(&threads.alive, 1);
	bool ok = pthread_create(&t->pthread, &attr, thread_main, t) == 0;
	pthread_attr_destroy(&attr);
	if (!ok)
		sub_relaxed(&threads.alive, 1);
	return ok;
}

void thread_start(struct worker *w)
{
	pthread_mutex_lock(&threads.lock);
	struct thread *t = new_thread();
	ensure(t != NULL);
	store_relaxed(&t->given, w);
	store_relaxed(&w->thread, t);
	if (!launch(t))
		panic("cannot create a worker thread (see ulimit -u)");
	pthread_mutex_unlock(&threads.lock);
}

void thread_top_up(void)
{
	pthread_mutex_lock(&threads.lock);
	while (thread_spare_count() < threads.ready && !load_relaxed(&threads.ending)) {
		struct thread *t = new_thread();
		if (t == NULL)
			break;
		store_relaxed(&t->given, NULL);
		store_relaxed(&t->run, run_word(0, RUN_LOOP));
		if (!launch(t)) {
			lock_take(&threads.spare_lock);
			t->next_spare = threads.ended;
			threads.ended = t;
			lock_release(&threads.spare_lock);
			break;
		}
		thread_return_spare(t); /* it may be given a slot before it first runs: fine */
		/* How long it may wait was asked before it was counted. */
		add_acq_rel(&t->wake, 1);
		futex_wake(&t->wake);
	}
	pthread_mutex_unlock(&threads.lock);
}

bool thread_stop_all(int64_t timeout_ns)
{
	int64_t limit = clock_mono_ns() + timeout_ns;
	store_release(&threads.ending, true);
	while (load_acquire(&threads.alive) > load_relaxed(&threads.held)) {
		for (int i = 0; i < thread_count(); i++) {
			add_acq_rel(&threads.all[i]->wake, 1);
			futex_wake(&threads.all[i]->wake);
		}
		if (clock_mono_ns() > limit)
			return false;
		usleep(1000);
	}
	return load_acquire(&threads.alive) == 0;
}

struct stack *thread_fresh_stack(struct thread *t)
{
	struct stack *stack = t->cached ? t->cached : stack_get();
	t->cached = NULL;
	stack_prepare(stack, worker_loop);
	return stack;
}

static void drop_stack(struct thread *t)
{
	struct stack *stack = t->drop;
	t->drop = NULL;
	if (stack == NULL)
		return;
	if (t->cached)
		stack_put(stack);
	else
		t->cached = stack;
}

void thread_settle(void)
{
	struct thread *t = thread_self();
	struct service *s = t->settle;
	drop_stack(t);
	if (s) {
		t->settle = NULL;
		worker_settle_parked(t, s, t->settle_detached);
	}
}

void thread_go_home(void)
{
	struct thread *t = thread_self();
	struct stack *mine = t->stack;
	t->slot = NULL;
	t->stack = NULL;
	t->drop = mine;
	stack_leave(mine, &t->base);
}
