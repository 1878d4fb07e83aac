/* SPDX-License-Identifier: MIT
 *
 * What kind of code lies at an address. The park check asks it for the interrupted program counter and
 * for every word on the service's stack, inside a signal handler, so the answer comes from an immutable
 * sorted table that is replaced as a whole when a library is loaded.
 */
#ifndef CORE_TEXT_H
#define CORE_TEXT_H

#include "core/base.h"

enum text_kind {
	TEXT_NONE, /* no loaded object: data, or machine code made at run time */
	TEXT_VM,   /* the Lua library */
	TEXT_FRAGILE, /* a function of the Lua library that keeps the address of a thread-local variable */
	TEXT_PARKABLE, /* ours, marked PARKABLE */
	TEXT_OURS,     /* the executable */
	TEXT_SYSTEM, /* a library that came with us and knows nothing of the Lua library: libc, ... */
	TEXT_MATH,     /* the math library: calls nobody and holds nothing */
	TEXT_UNWINDER, /* libgcc: enters the VM by the VM's personality function only, which is fragile */
	TEXT_FOREIGN, /* everything else that is code: C modules and what they brought along */
};

/* Reads the loaded objects. `vm_address`: any address inside the library that services may be parked in
 * (0: none). Main thread, once, before workers start. */
void text_init(const void *vm_address);
/* Reads them again, after something was loaded. Any thread (our dlopen calls it). */
void text_refresh(void);
void text_term(void);

/* Async-signal-safe, a binary search. */
enum text_kind text_kind_of(uintptr_t address);
/* First address in [from, to) of the stack (8-byte words) that may belong to a live frame of code in which
 * nobody may be parked; 0 if there is none. Async-signal-safe. See text.c for what counts. */
uintptr_t text_find_unparkable(uintptr_t from, uintptr_t to);
/* May a thread stop for long at `pc`, keeping its stack and its identity? Only in the middle of code of C modules, with
 * nothing below it in [sp, to) but such code, the math library, the VM and what is parkable. False may be wrong, true
 * never is. Async-signal-safe. */
bool text_holdable(uintptr_t pc, uintptr_t sp, uintptr_t to);
/* May the word be a return address: does a call end right before it? Async-signal-safe. */
bool text_follows_call(uintptr_t word);

/* How many functions of the VM library are fragile; 0 means that they could not be found (then nothing
 * inside the library may be parked). */
int text_fragile_count(void);

#endif
