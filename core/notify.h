/* SPDX-License-Identifier: MIT
 *
 * Tells the service manager how the process is: systemd's sd_notify protocol, one datagram of `KEY=value` lines to the
 * socket that $NOTIFY_SOCKET names. Without that variable all of it does nothing.
 */
#ifndef CORE_NOTIFY_H
#define CORE_NOTIFY_H

#include "core/base.h"

/* Reads NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID and takes them out of the environment: programs that services
 * start are not what the manager watches. false: there is a socket, and it cannot be used (errno). Main thread, once,
 * before the others start. */
bool notify_open(void);
void notify_close(void);

/* One datagram, "READY=1\nSTATUS=running". Never waits: what a full socket does not take is lost. Any thread; no
 * allocation, no lock. */
void notify_send(const char *text);

/* How often the manager wants to hear WATCHDOG=1, at the least; 0: never. Constant after notify_open. */
int64_t notify_watchdog_ns(void);

#endif
