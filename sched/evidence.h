/* SPDX-License-Identifier: MIT
 *
 * Where a service is, written down by the service's own thread (in the signal handler or the count hook),
 * since nobody else may touch its VM. The monitor hangs a free record on the service and asks by signal;
 * whoever takes it off the service (by exchange) is its only writer; `state` gives it back.
 */
#ifndef SCHED_EVIDENCE_H
#define SCHED_EVIDENCE_H

#include "core/atomics.h"
#include "core/base.h"

enum evidence_state { EVIDENCE_FREE, EVIDENCE_ASKED, EVIDENCE_READY };

struct evidence {
	_Atomic int state;    /* READY: release by the writer, acquire by the monitor */
	const char *kind;     /* "compiled loop", "interpreted", ...: a constant text */
	bool in_c;            /* and there in C code, of which the native frames tell more */
	char place[128];      /* "main.lua:12", "" when unknown */
	char traceback[1536]; /* lines, each with a leading tab; "" when there is none */
};

#endif
