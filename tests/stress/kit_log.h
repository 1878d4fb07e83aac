/* SPDX-License-Identifier: MIT
 *
 * The log of a stress program, which nobody reads as long as all is well, and its end on stderr when the program fails:
 * what a test leaves behind is what it has printed.
 */
#ifndef STRESS_KIT_LOG_H
#define STRESS_KIT_LOG_H

/* Opens $STRESS_LOG as the log, by default a temporary file that has no name any more, and has crashes reported in it; the end of
 * it, report and all, then comes on stderr. After text_init. Main thread. */
void kit_log_open(void);
/* The end of the log on stderr, from where it was shown last. Async-signal-safe. */
void kit_log_show(void);

#endif
