/* SPDX-License-Identifier: MIT
 *
 * The report of a crash: which service and message, where, with which registers; then the signal does what it always
 * does. See crash.c.
 */
#ifndef WATCHDOG_CRASH_H
#define WATCHDOG_CRASH_H

#include "core/jot.h"
#include <signal.h>

/* Installs the handlers for SIGSEGV, SIGBUS, SIGABRT, SIGFPE and SIGILL, and the calling thread's alternate stack. Main
 * thread, before the others start, after text_init and log_open. Sanitizer builds keep the sanitizer's. */
void crash_init(void);

/* "SIGSEGV (address 0x10 is not mapped)". Async-signal-safe; for the report and its test. */
void crash_name_fault(struct jot *out, int signo, int code, uintptr_t address);
/* "/path/x.so+0x1234 function+0x12", or "machine code made at run time" for what no loaded object owns. The same. */
void crash_name_address(struct jot *out, uintptr_t address);

#endif
