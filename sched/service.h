/* SPDX-License-Identifier: MIT
 *
 * One actor: a mailbox, a handle, and a body that handles one message at a time (nearly always a Lua VM).
 *
 * Who may touch what follows from `status`; the table of its transitions is in service.c and every
 * transition is checked against it:
 *
 *	IDLE      nobody runs it; the mailbox says IDLE. The producer that wakes it owns the next step
 *	READY     in the run queue or handed to a worker; no stack
 *	RUNNING   the worker's thread owns body, stack and the fields marked [run]
 *	PARKED    in the run queue with the stack it was stopped on. Nobody may touch its VM
 *	DETACHED  runs on a thread that lost its slot (tier C); that thread owns [run]
 *	HELD      in the run queue; the thread `held_on` sleeps in the middle of it, in C code
 *	DEAD      gone; the memory waits for the last reference
 *
 * Memory of services is type-stable: recycled, never given back while the scheduler runs (core/handle.h).
 */
#ifndef SCHED_SERVICE_H
#define SCHED_SERVICE_H

#include "core/frames.h"
#include "core/handle.h"
#include "core/mailbox.h"
#include "core/stack.h"
#include "core/unwind.h"
#include "sched/evidence.h"
#include "sched/limits.h"
#include "sched/requests.h"
#include "sched/runq.h"
#include "sched/settings.h"

enum service_status {
	SERVICE_IDLE,
	SERVICE_READY,
	SERVICE_RUNNING,
	SERVICE_PARKED,
	SERVICE_DETACHED,
	SERVICE_HELD,
	SERVICE_DEAD,
};

enum park_tier { TIER_MACHINE_CODE /* A */, TIER_VM /* B */, TIER_FOREIGN /* C */, TIER_COUNT };

enum interrupt_why {
	INTERRUPT_PROBE /* fill the evidence */,
	INTERRUPT_RAISE /* raise an error in the handler; the service lives on */,
	INTERRUPT_KILL /* end the handler */
};

/* What to do with a doomed service that was parked in the middle of a message. */
enum parked_fate { FATE_CLOSE_HERE, FATE_RUN_ON, FATE_ABANDON };

struct service;
struct thread;

/* What a body must be able to do. `luabind` fills it for Lua, `services` for C services, tests for fakes. */
struct service_body {
	const char *kind;
	/* Handles one message and owns it. On the worker's stack; may be parked inside. */
	void (*deliver)(struct service *s, struct message *m);
	/* The orderly end (finalizers run); may be parked inside. Frees s->state, and the message that was cut
	 * off if there is one (s->grave is its stack). */
	void (*close)(struct service *s);
	/* The hard end: frees the same without running anything of the body. */
	void (*abandon)(struct service *s);
	/* In the signal handler, on the service's own thread, wherever it was interrupted: `pc`.
	 * Async-signal-safe. */
	void (*interrupt)(struct service *s, enum interrupt_why why, uintptr_t pc,
			  enum park_tier tier);
	/* In the signal handler too, after an interrupt that probes, when it was interrupted in C code with some
	 * stack left: fills the evidence if it can be told for certain where the user's program is. [sp, high) is the
	 * service's part of the stack. Touches nothing, and must not crash. NULL: nothing can be told. */
	void (*witness)(struct service *s, const struct unwind_frame *at, uintptr_t high);
	/* In the signal handler, in machine code, on the service's own thread: the frame of the body's library on which
	 * machine code runs. false: it is not known. NULL: it never is. Async-signal-safe. */
	bool (*frame)(struct service *s, struct frames_base *out);
	/* The service is doomed and parked in `tier`; `late`: it has used up the CPU that ending may cost. Must
	 * not touch what it is parked in. */
	enum parked_fate (*fate)(struct service *s, enum park_tier tier, bool late);
	/* In the handler of a crash, on the service's own thread, wherever it was interrupted: fills what can be told
	 * about the place in the user's program, without running anything of it. [sp, high) is the stack in use. May
	 * crash itself: the caller bears it. NULL: nothing can be told. */
	void (*describe)(struct service *s, uintptr_t pc, uintptr_t sp, uintptr_t high,
			 struct evidence *out);
	/* The first argument of a message of the type "lua" as a text, from its first bytes, "" if it has none. Touches
	 * nothing else; any thread. NULL: nothing can be told. */
	void (*first_argument)(const void *bytes, size_t size_bytes, char *out, size_t size);
};

/* What is kept of a message for alerts: the name of a command mostly fits. */
enum { MESSAGE_HEAD_WORDS = 4 };

/* The order matters: what each message touches stands in front, from the beginning of a cache line, what others write when
 * they send on lines of its own. Of thousands of services hardly any is in the caches when its message comes. */
struct service {
	struct object object; /* first, see core/handle.h */

	/* Set before the handle is published, constant after. The rest of it is below. */
	const struct service_body *body;

	/* Any thread. */
	struct mailbox mailbox;
	struct requests open;
	_Atomic bool doomed; /* killed or exited: sticky */
	_Atomic int status;  /* enum service_status; written by the owner that `status` names */
	_Atomic int32_t sessions;

	/* [run] */
	void *state;          /* the body's own; luabind's struct vm */
	uintptr_t mark;       /* stack pointer at the entry into the body's code; 0: not inside */
	uint32_t overload_at; /* mailbox length that is worth the next log line */
	/* Flags of [run] that the monitor reads or sets. */
	_Atomic bool closing;    /* its close runs or is parked */
	_Atomic bool handed_off; /* this message was handed off before: no grace the next time */
	_Atomic bool aside;      /* it gave its slot away by itself (hold_step_aside) */

	/* Figures: written by the owner of [run], read by anybody, exact only for the owner. More of them are below. */
	_Atomic int64_t cpu_ns; /* of the runs that are over: accounts.h */
	_Atomic uint64_t messages;
	_Atomic size_t memory_bytes; /* what the body held after its last message */

	/* The message being handled, for the monitor. `message_number` is 0 between messages and is
	 * written last (release) when one begins. */
	_Atomic uint64_t message_number;
	_Atomic int64_t message_mark_ns;  /* 0: not running now */
	_Atomic int64_t message_cpu_ns;   /* CPU up to `message_mark_ns` */
	_Atomic int64_t message_since_ns; /* wall: when it began */
	_Atomic uint32_t message_source;
	_Atomic int32_t message_session;
	_Atomic int message_type;
	/* Of one of the type "lua": its size and its first bytes. */
	_Atomic size_t message_bytes;
	_Atomic uint64_t message_head[MESSAGE_HEAD_WORDS];

	/* The run queue's lock. */
	struct runq_entry entry;
	_Atomic int class; /* enum settings_class: a name for displays */

	/* Constant like `body`. */
	char name[64];    /* "main": what config patterns match and alerts say */
	uint32_t creator; /* handle of the service that launched it */
	int64_t born_ns;

	_Atomic(struct evidence *) evidence; /* any thread */

	/* What the watchdog does about a long message: any thread (the launch, then a reload). Each by itself: a step
	 * may go by the old time once. */
	_Atomic int64_t limit_ns[STEP_COUNT];
	_Atomic int32_t restart_max;
	_Atomic int64_t restart_within_ns, restart_backoff_ns;
	_Atomic uint32_t restarts; /* how often it was started again, as the launcher says */

	/* The interrupt: an error that is raised in the handler of one message. */
	_Atomic uint64_t asked_number; /* of the message, by hand: any thread; taken by the monitor */
	_Atomic uint32_t asked_by;     /* handle of who did */
	_Atomic uint64_t raise_number; /* of the message: the monitor; 0 when the error is out: the owner of [run] */
	_Atomic uint32_t raise_by;     /* who wants it; 0: the watchdog. The monitor */
	_Atomic uint32_t raises_met;   /* times that its handler found that it is to raise one: the owner of [run] */
	/* In which kinds of code it did since the last one was sent, 1 << enum park_tier: the same; to 0: the monitor. */
	_Atomic uint32_t raises_met_in;
	_Atomic uint32_t interrupts;   /* errors that came out: the owner of [run] */

	/* sched.change_lock: while it is demoted, what it had before and gets back. */
	_Atomic bool demoted; /* read by anybody */
	bool former_changed;  /* `former` was set meanwhile */
	struct settings former;

	/* Its end. */
	_Atomic int64_t doomed_ns; /* when it was killed or exited */
	_Atomic int64_t ended_ns;  /* when it was through: release, by whoever buries it. 0: not yet */
	_Atomic bool abandoned;    /* finalizers did not run; written before ended_ns */

	/* [run] */
	struct stack *stack;    /* PARKED: the stack it was stopped on */
	enum park_tier tier;    /* PARKED: where, */
	uintptr_t parked_pc;    /* at which instruction, */
	int parked_on;          /* and the index of the thread that it was stopped on */
	struct thread *held_on; /* HELD: whose turn it is when the service is picked */
	struct stack *grave;    /* the stack of a message that was cut off; nobody runs on it again */
	int64_t doom_cpu_ns;    /* cpu_ns when it was found doomed */

	/* Figures, as above. */
	_Atomic int64_t cpu_shown_ns; /* the largest figure that anybody was told */
	_Atomic uint64_t parks[TIER_COUNT]; /* [TIER_FOREIGN]: hand-offs */
	_Atomic uint64_t holds;             /* how often it stopped in C code until its turn */
	_Atomic uint64_t moves;             /* parks after which it went on on another thread */
	_Atomic size_t code_bytes;          /* areas of machine code that it has mapped */
	_Atomic uint32_t code_flushes; /* how often it had to drop all of them */
	_Atomic(const char *) compiler; /* "on", "off", "short" (no room); NULL: it has none */
	_Atomic int seen_tier;              /* where the last signal found it, for alerts */
	_Atomic uint32_t samples, collector_samples; /* asked looks, and those that met its collector */
	_Atomic uint64_t errors;            /* messages that ended in one */
	_Atomic int64_t tasks; /* begun and not ended, as the body last said: within an eighth */
	_Atomic int64_t max_tasks; /* as the body last said; 0: no limit */
	_Atomic bool endless; /* set by the monitor, read and cleared by skynet.endless() */

	/* The monitor's alone: what it saw when it looked last. Not reset with the rest: it knows by `handle`. */
	struct {
		uint32_t handle;
		int64_t first_ns, at_ns; /* when it saw this service for the first time, and last */
		uint64_t messages, errors, refused;
		int64_t cpu_ns;
		int64_t mark_ns;    /* of its mailbox: see measure.h */
		uint64_t mark_last;
		int64_t memory_mark;
		/* Of its collector: see measure.h. */
		int64_t collector_at_ns, collector_cpu_ns, collector_ns;
		uint32_t samples, collector_samples;
	} seen;
} __attribute__((aligned(CACHE_LINE_BYTES)));

/* A new service in state IDLE with its handle. The caller fills body->state before anybody can send to
 * it: `start` is called between. Returns NULL when handles are used up. Any thread. */
struct service *service_new(const struct service_body *body, const char *name, uint32_t creator,
			    const struct settings *settings);
/* Publishes it: from now on messages reach it. Returns the handle, 0: none free (the service is gone). */
uint32_t service_publish(struct service *s);
/* Other limits, from now on. Any thread with a reference. */
void service_set_limits(struct service *s, const struct limits *limits);
void service_limits_of(struct service *s, struct limits *out);
/* The least of all steps that any service has had so far: how often the monitor must look. INT64_MAX: none. Any thread. */
int64_t service_shortest_step_ns(void);
/* A reference by handle, NULL when there is none. Release with service_release. Any thread. */
struct service *service_grab(uint32_t handle);
void service_release(struct service *s);
/* For looks at many services, without a reference: only atomics may be read, and `seen` by the monitor; it counts only if
 * service_handle(s) is `handle` afterwards too. NULL: there is none. */
struct service *service_peek(uint32_t handle);

/* Moves to `to`, which the table must allow. Only the owner of the present status. */
void service_set_status(struct service *s, enum service_status to);
const char *service_status_name(int status);

static inline uint32_t service_handle(const struct service *s)
{
	return load_relaxed(&s->object.handle);
}

static inline struct service *service_of(struct runq_entry *e)
{
	return e ? container_of(e, struct service, entry) : NULL;
}

/* A fresh session number of this service, positive. Any thread. */
int32_t service_new_session(struct service *s);

/* How many are not dead: also those that were killed and have not ended yet. Any thread. */
int service_living(void);

/* Frees all memory of services; only when no thread uses them any more. */
void service_term(void);

#endif
