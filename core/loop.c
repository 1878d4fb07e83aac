/* SPDX-License-Identifier: MIT
 *
 * The libev loop is made at the first call that needs it and used by one thread at a time: by the
 * starting thread until loop_start, then by the loop thread alone.
 *
 * Others reach it through eventfds. libev's own ev_async marks "somebody is already ringing" before
 * it rings, and whoever finds the mark goes away: if the first sender loses its core in between, or
 * is the demoted thread of a runaway service, everybody's calls wait for it. Here each sender rings
 * itself, at the price of one write each.
 *
 * With neither timers nor periodics of its own, libev still bounds each sleep to about a minute.
 * That wake-up is the only one an idle loop has.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* pthread_setname_np */
#endif
#include "core/loop.h"
#include "core/altstack.h"
#include "core/atomics.h"
#include "core/clock.h"
#include "core/mem.h"
#include "core/timer.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* Its header casts between the watcher types, which warns at every use. The pragma stays on for the
 * whole file since the casts are in macros. */
#pragma GCC diagnostic ignored "-Wstrict-aliasing"
#include <ev.h>

struct loop_async {
	/* The starting thread, the loop thread. */
	ev_io watcher; /* on an eventfd, whose number is constant and all that senders look at */
	struct loop_async *next;
	void (*fn)(void *);
	void *arg;
};

/* The starting thread before loop_start and after loop_stop, the loop thread between. */
static struct {
	struct ev_loop *ev; /* NULL until something needs it */
	struct loop_async *asyncs;
	struct loop_async *stop;
	ev_io timer_watcher;
	ev_io signal_watcher;
	sigset_t signals;
	void (*on_signal[NSIG])(int signo);
	pthread_t thread;

	/* Written by the loop thread, read by the monitor. */
	ev_prepare before_wait;
	ev_check after_wait;
	_Atomic int64_t busy_since_ns;
} loop;

static struct ev_loop *get_ev(void)
{
	if (loop.ev != NULL)
		return loop.ev;
	/* Epoll, or else nothing: select would fail silently from descriptor 1024 on. */
	loop.ev = ev_loop_new(EVBACKEND_EPOLL | EVFLAG_NOENV | EVFLAG_NOSIGMASK);
	ensure(loop.ev != NULL);
	sigemptyset(&loop.signals);
	return loop.ev;
}

void loop_block_signals(void)
{
	static const int signo[] = {SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGUSR2, SIGPIPE};
	sigset_t set;
	sigemptyset(&set);
	for (size_t i = 0; i < COUNT_OF(signo); i++)
		sigaddset(&set, signo[i]);
	ensure(pthread_sigmask(SIG_BLOCK, &set, NULL) == 0);
}

void loop_on_signal(int signo, void (*fn)(int signo))
{
	sigset_t blocked;
	ensure(signo > 0 && signo < NSIG);
	/* Unblocked, it would do its default action to some thread instead of coming to the
	 * signalfd. */
	ensure(pthread_sigmask(SIG_SETMASK, NULL, &blocked) == 0 && sigismember(&blocked, signo));
	get_ev();
	sigaddset(&loop.signals, signo);
	loop.on_signal[signo] = fn;
}

static void answer_signals(struct ev_loop *ev UNUSED, ev_io *w, int events UNUSED)
{
	struct signalfd_siginfo info;
	while (read(w->fd, &info, sizeof(info)) == (ssize_t)sizeof(info)) {
		void (*fn)(int) = loop.on_signal[info.ssi_signo];
		if (fn != NULL)
			fn((int)info.ssi_signo);
	}
}

static void before_wait(struct ev_loop *ev UNUSED, ev_prepare *w UNUSED, int events UNUSED)
{
	store_relaxed(&loop.busy_since_ns, 0);
}

static void after_wait(struct ev_loop *ev UNUSED, ev_check *w UNUSED, int events UNUSED)
{
	store_relaxed(&loop.busy_since_ns, clock_mono_ns());
}

int64_t loop_busy_since_ns(void)
{
	return load_relaxed(&loop.busy_since_ns);
}

static void watch_rounds(struct ev_loop *ev)
{
	ev_prepare_init(&loop.before_wait, before_wait);
	ev_set_priority(&loop.before_wait, EV_MINPRI);
	ev_prepare_start(ev, &loop.before_wait);
	ev_check_init(&loop.after_wait, after_wait);
	ev_set_priority(&loop.after_wait, EV_MAXPRI);
	ev_check_start(ev, &loop.after_wait);
}

static void answer_timers(struct ev_loop *ev UNUSED, ev_io *w UNUSED, int events UNUSED)
{
	timer_expire();
}

static void answer_async(struct ev_loop *ev UNUSED, ev_io *w, int events UNUSED)
{
	struct loop_async *a = container_of(w, struct loop_async, watcher);
	uint64_t sends;
	/* Before the call, so that a send during it rings again. */
	if (read(w->fd, &sends, sizeof(sends)) == (ssize_t)sizeof(sends))
		a->fn(a->arg);
}

struct loop_async *loop_async_new(void (*fn)(void *), void *arg)
{
	struct loop_async *a = mem_zalloc(sizeof(*a));
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ensure(fd >= 0);
	a->fn = fn;
	a->arg = arg;
	ev_io_init(&a->watcher, answer_async, fd, EV_READ);
	ev_io_start(get_ev(), &a->watcher);
	a->next = loop.asyncs;
	loop.asyncs = a;
	return a;
}

void loop_async_send(struct loop_async *a)
{
	const uint64_t one = 1;
	int saved_errno = errno;
	/* Fails only when 2^64 - 2 sends wait. The kernel orders what we wrote before the reader's
	 * read. */
	ssize_t unused = write(a->watcher.fd, &one, sizeof(one));
	(void)unused;
	errno = saved_errno;
}

static void *run(void *arg UNUSED)
{
	pthread_setname_np(pthread_self(), "eq-loop");
	prctl(PR_SET_TIMERSLACK, 1ul, 0ul, 0ul,
	      0ul); /* the default of 50 us comes on every timer */
	altstack_install();
	ev_run(loop.ev, 0);
	altstack_remove();
	return NULL;
}

/* Everything is blocked in the loop thread except what the kernel raises for a fault of the
 * thread's own: a blocked one would end the process without the crash report. */
static void block_all(sigset_t *before)
{
	static const int fault[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGABRT, SIGSYS};
	sigset_t all;
	sigfillset(&all);
	for (size_t i = 0; i < COUNT_OF(fault); i++)
		sigdelset(&all, fault[i]);
	ensure(pthread_sigmask(SIG_BLOCK, &all, before) == 0);
}

static void stop(void *arg UNUSED)
{
	ev_break(loop.ev, EVBREAK_ALL);
}

void loop_start(void)
{
	sigset_t before;
	struct ev_loop *ev = get_ev();
	ensure(loop.stop == NULL && timer_fd() >= 0);
	loop.stop = loop_async_new(stop, NULL);
	ev_io_init(&loop.timer_watcher, answer_timers, timer_fd(), EV_READ);
	ev_io_start(ev, &loop.timer_watcher);
	watch_rounds(ev);

	int fd = signalfd(-1, &loop.signals, SFD_NONBLOCK | SFD_CLOEXEC);
	ensure(fd >= 0);
	ev_io_init(&loop.signal_watcher, answer_signals, fd, EV_READ);
	ev_io_start(ev, &loop.signal_watcher);

	block_all(&before);
	ensure(pthread_create(&loop.thread, NULL, run, NULL) == 0);
	ensure(pthread_sigmask(SIG_SETMASK, &before, NULL) == 0);
}

static void free_watchers(void)
{
	ev_io_stop(loop.ev, &loop.timer_watcher);
	ev_io_stop(loop.ev, &loop.signal_watcher);
	ev_prepare_stop(loop.ev, &loop.before_wait);
	ev_check_stop(loop.ev, &loop.after_wait);
	store_relaxed(&loop.busy_since_ns, 0);
	close(loop.signal_watcher.fd);
	while (loop.asyncs != NULL) {
		struct loop_async *a = loop.asyncs;
		loop.asyncs = a->next;
		ev_io_stop(loop.ev, &a->watcher);
		close(a->watcher.fd);
		mem_free(a);
	}
	for (int i = 0; i < NSIG; i++)
		loop.on_signal[i] = NULL;
}

void loop_stop(void)
{
	ensure(loop.stop != NULL && !pthread_equal(pthread_self(), loop.thread));
	loop_async_send(loop.stop);
	ensure(pthread_join(loop.thread, NULL) == 0);
	free_watchers();
	ev_loop_destroy(loop.ev);
	loop.ev = NULL;
	loop.stop = NULL;
}

#define TEXT_OF(x) TEXT(x)
#define TEXT(x)    #x

const char *loop_version(void)
{
	return "libev " TEXT_OF(EV_VERSION_MAJOR) "." TEXT_OF(EV_VERSION_MINOR);
}
