/* SPDX-License-Identifier: MIT
 *
 * What the rooms above need of this one, without a word of Lua: launching Lua services, and the hooks that
 * main fills because what they do lies in a higher room.
 */
#ifndef LUABIND_LUABIND_H
#define LUABIND_LUABIND_H

#include "core/bound.h"
#include "sched/limits.h"
#include "sched/settings.h"

struct vm_options {
	struct settings sched;
	struct limits limits;
	bool jit;
	bool lua54; /* sources are translated: see lua54.h */
	bool debug_pairs; /* see lua/skynet/debug_pairs.lua; nothing is compiled then */
	size_t memlimit_bytes; /* 0: none */
	size_t maxmcode_bytes; /* of machine code; 0: LuaJIT's default */
	uint32_t mailbox_max;  /* messages that its mailbox holds at the most; 0: no bound */
	enum bound_policy mailbox_policy;
	int64_t max_tasks; /* begun and not ended, beyond which new messages wait; 0: no limit */
};

/* How a new service of that name is set up. Filled before the first launch. */
extern void (*vm_options_for)(const char *service_name, struct vm_options *out);
/* What `core.launch` does with "KIND args". Returns the handle, or 0 with a text. */
extern uint32_t (*api_launch)(const char *line, uint32_t creator, const char **error);
/* Ends the process with this exit status (skynet.abort). */
extern void (*api_abort)(int exit_status);
/* The values of a class, as configured. NULL: those that ship (settings_preset). */
extern void (*api_preset)(enum settings_class class, struct settings *out);
/* Has the config file read again (skynet.sched.reload); `asker` gets the outcome as the answer to `session`:
 * "+N" for N services changed, then a line for each key that needs a restart; or "-" and all errors. NULL: it
 * will come; else why not. */
extern const char *(*api_reload)(uint32_t asker, int32_t session);
/* Writes a line about the restart of the service `name`, in the format of alerts; `handle`: of the one that was
 * killed, or runs now. NULL: nothing is written. */
extern void (*api_say_restart)(const char *name, uint32_t handle, const char *text, bool is_error);
/* A service has onstop functions (true), or is through with them (false). */
extern void (*api_stopping)(uint32_t handle, bool begins);
/* The start service is through with its start (core.ready, by bootstrap). */
extern void (*api_ready)(void);

/* How long skynet.call waits unless it is told otherwise; 0: for ever. Set before the first launch. */
extern int64_t api_calltimeout_ns;
/* How long a task waits for its turn before the service looks whether it is a deadlock; 0: never. The same. */
extern int64_t api_deadlock_ns;

/* Main thread, before the first launch. */
void vm_init(void);
/* After it, when what is above is set: makes the mould of which VMs are copies (mould.h). Without it they are made one by
 * one. */
void vm_prepare(void);

/* Creates a Lua service; `line` is "main a b". It loads its file when its first message (this line) is
 * handled, with its own CPU time. Returns its handle and logs LAUNCH; 0: no handle is free. Any thread. */
uint32_t vm_launch(const char *line, uint32_t creator);

/* VMs that were abandoned, and the machine code (bytes) that was left behind with them. Any thread. */
uint64_t vm_abandoned(void);
uint64_t vm_abandoned_code_bytes(void);

/* LuaJIT's version, for --version. */
const char *vm_version(void);
/* An address inside the library, for text_init. */
const void *vm_library_address(void);

#endif
