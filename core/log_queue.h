/* SPDX-License-Identifier: MIT
 *
 * The bound on the lines that wait for the logger service. A service that says more than the disk takes loses lines, and
 * the log says how many; it neither waits for the disk, which would make the log a brake on everybody, nor fills the
 * memory with them.
 */
#ifndef CORE_LOG_QUEUE_H
#define CORE_LOG_QUEUE_H

#include "core/base.h"

/* How much may wait. Start-up. */
void log_queue_set_limit_bytes(size_t bytes);
/* The logger says when a line is out (log_queue_left). Without it (a logger of the user's own) only the length of its
 * mailbox is known, and bounded. Start-up. */
void log_queue_is_counted(void);

/* A line of `bytes` is to be sent to the logger, in whose mailbox `waiting` messages are. false: it is dropped, and
 * counted. Any thread; no lock. */
bool log_queue_enter(size_t bytes, uint32_t waiting);
/* It is out, or was not sent after all. Any thread. */
void log_queue_left(size_t bytes);
/* All that was sent is out, so whoever writes to the log itself is not ahead of it. false where that is not known. Any thread. */
bool log_queue_is_empty(void);

/* Lines dropped since the last one who asked got a number: he must say it in the log. 0: none, or (unless `at_once`) it was
 * said less than a second ago. Any thread. */
uint64_t log_queue_take_dropped(bool at_once);

#define LOG_QUEUE_TEXT_BYTES 96
/* That line; returns its length. */
size_t log_queue_text(uint64_t dropped, char text[LOG_QUEUE_TEXT_BYTES]);

#endif
