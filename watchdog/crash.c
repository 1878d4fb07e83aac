/* SPDX-License-Identifier: MIT
 *
 * What a crash leaves behind besides the core file, written line by line as it is found out: first what is certain and
 * cannot fail, last what may crash in its turn (the service's own view of where it is). A fault inside of the report goes on
 * with the next part of it. A second thread that crashes meanwhile waits for the first.
 *
 * The handler runs on the thread's alternate stack with all other signals blocked (the preemption signal above all) and
 * uses nothing but reads of memory, writes to the log, and the tables of core/text.c. Then the default action is put
 * back and the signal sent again; it comes when the handler returns, so a core file shows the fault itself and not this
 * file, and the exit status is that of the signal.
 */
#include "watchdog/crash.h"
#include "core/altstack.h"
#include "core/binary.h"
#include "core/clock.h"
#include "core/log.h"
#include "core/walk.h"
#include "sched/overflow.h"
#include "sched/worker.h"

#include <limits.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const int fatal[] = {SIGSEGV, SIGBUS, SIGABRT, SIGFPE, SIGILL};

enum { PAGE_BYTES = 4096, PAGES_MAX = 256, BELOW_BYTES = 1 << 16 };

/* A thread that crashes while another one reports waits at most this long before it ends the process. */
static const int64_t OTHER_REPORT_NS = 5 * NS_PER_S;

static struct {
	_Atomic int reporter; /* thread id of the first to crash */
	/* The reporter's. */
	int signo, code, stage;
	uintptr_t address;
	ucontext_t context;
	pid_t sender;
	struct thread *thread;
	struct service *service;
	struct evidence evidence;
	struct walk walk;
	char text[32 + sizeof(((struct evidence *)0)->traceback)];
} crash;

/* ---- texts ---- */

static const char *name_of(int signo)
{
	switch (signo) {
	case SIGSEGV:
		return "SIGSEGV";
	case SIGBUS:
		return "SIGBUS";
	case SIGABRT:
		return "SIGABRT";
	case SIGFPE:
		return "SIGFPE";
	case SIGILL:
		return "SIGILL";
	default:
		return "a signal";
	}
}

static const char *reason_of(int signo, int code)
{
	switch (signo) {
	case SIGSEGV:
		return code == SEGV_MAPERR ? " is not mapped" : " must not be accessed so";
	case SIGBUS:
		return code == BUS_ADRALN ? " is not aligned" : " cannot be read or written";
	case SIGFPE:
		return code == FPE_INTDIV   ? " divides an integer by zero"
		       : code == FPE_INTOVF ? " overflows an integer"
					    : " does arithmetic that is trapped";
	default:
		return " is no valid instruction";
	}
}

void crash_name_fault(struct jot *out, int signo, int code, uintptr_t address)
{
	jot_text(out, name_of(signo));
	if (code <= 0) {
		jot_text(out, " (sent by a process or by abort)");
	} else if (code == 0x80) { /* SI_KERNEL */
		jot_text(out, " (no address: a non-canonical one, or a privileged instruction)");
	} else {
		jot_text(out,
			 signo == SIGFPE || signo == SIGILL ? " (the code at 0x" : " (address 0x");
		jot_hex(out, address, 1);
		jot_text(out, reason_of(signo, code));
		jot_text(out, ")");
	}
}

void crash_name_address(struct jot *out, uintptr_t address)
{
	struct binary_place place;
	if (!binary_find(address, &place)) {
		jot_text(out, "machine code made at run time");
		return;
	}
	jot_text(out, place.file[0] ? place.file : "equilune");
	jot_text(out, "+0x");
	jot_hex(out, place.offset, 1);
	if (place.function) {
		jot_text(out, " ");
		jot_text(out, place.function);
		jot_text(out, "+0x");
		jot_hex(out, place.into, 1);
	}
}

static void write_jot(const struct jot *j)
{
	log_write(0, j->text, j->length);
}

static struct jot begin(const char *text)
{
	struct jot j;
	jot_clear(&j);
	jot_text(&j, text);
	return j;
}

static void jot_labelled(struct jot *j, const char *label, int64_t value)
{
	jot_text(j, label);
	jot_number(j, value);
}

/* ---- the parts of the report ---- */

static void say_what(void)
{
	char thread[16] = "?";
	struct jot j = begin("error: crash: ");
	crash_name_fault(&j, crash.signo, crash.code, crash.address);
	if (crash.code <= 0)
		jot_labelled(&j, ", sender ", crash.sender);
	prctl(PR_GET_NAME, thread);
	jot_text(&j, " on thread ");
	jot_text(&j, thread);
	jot_labelled(&j, " (", load_relaxed(&crash.reporter));
	jot_text(&j, ") at ");
	crash_name_address(&j, (uintptr_t)crash.context.uc_mcontext.gregs[REG_RIP]);
	write_jot(&j);
}

static void say_service(void)
{
	struct service *s = crash.service;
	struct jot j = begin("crash: ");
	if (s == NULL) {
		jot_text(&j, "outside of all services");
		write_jot(&j);
		return;
	}
	jot_text(&j, "in service ");
	jot_text(&j, s->name);
	jot_text(&j, " [ :");
	jot_hex(&j, service_handle(s), 8);
	uint64_t number = load_relaxed(&s->message_number);
	if (number == 0) {
		jot_text(&j, " ], between two messages");
	} else {
		jot_labelled(&j, " ], message ", (int64_t)number);
		jot_text(&j, " from [ :");
		jot_hex(&j, load_relaxed(&s->message_source), 8);
		jot_labelled(&j, " ] type ", load_relaxed(&s->message_type));
		jot_labelled(&j, " session ", load_relaxed(&s->message_session));
		int64_t since_ns = clock_mono_ns() - load_relaxed(&s->message_since_ns);
		jot_labelled(&j, ", begun ", since_ns / NS_PER_US);
		jot_text(&j, " us ago");
	}
	if (load_relaxed(&s->doomed))
		jot_text(&j, ", killed");
	write_jot(&j);
}

static void say_registers(void)
{
	static const struct {
		const char *name;
		int index;
	} reg[] = {{" rip=", REG_RIP}, {" rsp=", REG_RSP},    {" rbp=", REG_RBP},
		   {" rax=", REG_RAX}, {" rbx=", REG_RBX},    {" rcx=", REG_RCX},
		   {" rdx=", REG_RDX}, {" rsi=", REG_RSI},    {" rdi=", REG_RDI},
		   {" r8=", REG_R8},   {" r9=", REG_R9},      {" r10=", REG_R10},
		   {" r11=", REG_R11}, {" r12=", REG_R12},    {" r13=", REG_R13},
		   {" r14=", REG_R14}, {" r15=", REG_R15},    {" flags=", REG_EFL},
		   {" err=", REG_ERR}, {" trap=", REG_TRAPNO}};
	enum { A_LINE = 7 };
	struct jot j = begin("crash: registers");
	for (size_t i = 0; i < COUNT_OF(reg); i++) {
		jot_text(&j, reg[i].name);
		jot_hex(&j, (uint64_t)crash.context.uc_mcontext.gregs[reg[i].index], 1);
		if (i % A_LINE != A_LINE - 1 && i != COUNT_OF(reg) - 1)
			continue;
		write_jot(&j);
		j = begin("crash: registers");
	}
}

/* The stack that was in use, as far as it is known; false: none of it can be read. */
static bool stack_bounds(uintptr_t sp, uintptr_t *low, uintptr_t *high)
{
	struct thread *t = crash.thread;
	const struct stack *pooled = t ? t->stack : NULL;
	/* Below a pooled stack lies its guard: that is where an overflow is. */
	if (pooled && sp >= (uintptr_t)pooled->low - pooled->size_bytes &&
	    sp < (uintptr_t)pooled->low + pooled->size_bytes) {
		*low = (uintptr_t)pooled->low;
		*high = *low + pooled->size_bytes;
		return true;
	}
	/* What pthreads call the stack may include its guard. */
	if (altstack_own_bounds(low, high) && sp < *high && sp + BELOW_BYTES > *low) {
		if (sp > *low)
			*low = sp & ~(uintptr_t)7;
		while (*low < *high && !walk_is_readable(*low))
			*low = (*low | (PAGE_BYTES - 1)) + 1;
		return *low < *high;
	}
	/* Somebody else's: page by page, as far as it can be read. */
	*low = sp & ~(uintptr_t)7;
	*high = sp & ~(uintptr_t)(PAGE_BYTES - 1);
	for (int i = 0; i < PAGES_MAX && walk_is_readable(*high); i++)
		*high += PAGE_BYTES;
	return *high > *low;
}

static void say_frame(int i, const struct walk_frame *f)
{
	struct jot j = begin("crash: #");
	jot_number(&j, i);
	jot_text(&j, " 0x");
	jot_hex(&j, f->pc, 12);
	jot_text(&j, " ");
	crash_name_address(&j, f->pc);
	if (!f->sure)
		jot_text(&j, " (perhaps)");
	if (f->times > 1)
		jot_labelled(&j, ", times ", f->times);
	write_jot(&j);
}

static void say_frames(void)
{
	const greg_t *reg = crash.context.uc_mcontext.gregs;
	uintptr_t low, high, sp = (uintptr_t)reg[REG_RSP];
	struct walk *w = &crash.walk;
	int left_out = 0;
	if (stack_bounds(sp, &low, &high))
		walk_stack(w, (uintptr_t)reg[REG_RIP], sp, (uintptr_t)reg[REG_RBP], low, high,
			   INT_MAX);
	else
		log_write(0, "crash: its stack cannot be read", 31);
	for (int i = 0; i < w->count; i++) {
		const struct walk_frame *f = walk_frame(w, i);
		if (f == NULL) {
			left_out++;
			continue;
		}
		if (left_out > 0) {
			struct jot j = begin("crash: ... ");
			jot_number(&j, left_out);
			jot_text(&j, " more");
			write_jot(&j);
			left_out = 0;
		}
		say_frame(i, f);
	}
}

/* Last: it reads the service's own memory, which is what may be broken. */
static void say_lua_place(void)
{
	struct service *s = crash.service;
	const greg_t *reg = crash.context.uc_mcontext.gregs;
	uintptr_t low, high, sp = (uintptr_t)reg[REG_RSP];
	struct evidence *e = &crash.evidence;
	if (s == NULL || s->body->describe == NULL || !stack_bounds(sp, &low, &high))
		return;
	s->body->describe(s, (uintptr_t)reg[REG_RIP], sp > low ? sp : low, high, e);
	struct jot j = begin("crash: in Lua: ");
	jot_text(&j, e->place[0] ? e->place : "the line is not known");
	if (e->place[0]) {
		jot_text(&j, " (");
		jot_text(&j, e->kind);
		jot_text(&j, ")");
	}
	write_jot(&j);
	size_t bytes = strnlen(e->traceback, sizeof(e->traceback));
	char *at = stpcpy(crash.text, "crash: stack traceback:\n");
	memcpy(at, e->traceback, bytes);
	if (bytes)
		log_write(0, crash.text, (size_t)(at - crash.text) + bytes);
}

static void say_end(void)
{
	log_write(0, "crash: end of the report; the signal does the rest", 50);
}

static void (*const part[])(void) = {say_what,   say_service,   say_registers,
				     say_frames, say_lua_place, say_end};

/* ---- the handler ---- */

static void end_by(int signo, bool at_once)
{
	sigset_t set;
	struct sigaction action = {.sa_handler = SIG_DFL};
	sigaction(signo, &action, NULL);
	sigemptyset(&set);
	sigaddset(&set, signo);
	sigprocmask(at_once ? SIG_UNBLOCK : SIG_BLOCK, &set, NULL);
	syscall(SYS_tgkill, getpid(), syscall(SYS_gettid), signo);
}

/* Another thread is at it: it ends the process, or has hung itself up. */
static void wait_for_other(void)
{
	const struct timespec pause = {.tv_nsec = 10 * NS_PER_MS};
	int64_t limit_ns = clock_mono_ns() + OTHER_REPORT_NS;
	while (clock_mono_ns() < limit_ns)
		nanosleep(&pause, NULL);
}

static void note_crash(int signo, const siginfo_t *info, const ucontext_t *uc)
{
	crash.signo = signo;
	crash.code = info->si_code;
	crash.sender = info->si_code <= 0 ? info->si_pid : 0;
	crash.address = (uintptr_t)info->si_addr;
	crash.context = *uc;
	crash.thread = thread_self();
	crash.service = crash.thread ? load_relaxed(&crash.thread->cur) : NULL;
}

static void report(void)
{
	while (crash.stage < (int)COUNT_OF(part))
		part[crash.stage++]();
}

static void say_again(int signo, const siginfo_t *info)
{
	struct jot j = begin("crash: this part of the report crashed: ");
	crash_name_fault(&j, signo, info->si_code, (uintptr_t)info->si_addr);
	write_jot(&j);
}

static void on_fatal(int signo, siginfo_t *info, void *context)
{
	if ((signo == SIGSEGV || signo == SIGBUS) && overflow_caught(info, context))
		return;
	int me = (int)syscall(SYS_gettid), nobody = 0;
	bool first = cas_strong_acq_rel(&crash.reporter, &nobody, me);
	if (first) {
		note_crash(signo, info, context);
		report();
		end_by(signo, false);
	} else if (nobody == me) {
		say_again(signo, info);
		report();
		end_by(crash.signo, true);
	} else {
		wait_for_other();
		end_by(signo, false);
	}
}

void crash_init(void)
{
	struct sigaction action = {.sa_sigaction = on_fatal,
				   .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
	if (WITH_ASAN || WITH_TSAN)
		return;
	altstack_install();
	sigfillset(&action.sa_mask);
	for (size_t i = 0; i < COUNT_OF(fatal); i++)
		sigdelset(&action.sa_mask, fatal[i]);
	for (size_t i = 0; i < COUNT_OF(fatal); i++)
		ensure(sigaction(fatal[i], &action, NULL) == 0);
}
