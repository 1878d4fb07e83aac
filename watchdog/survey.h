/* SPDX-License-Identifier: MIT
 *
 * The rounds of the watchdog: every 100 ms while anybody runs it looks at those who wait and at the threads, every second
 * at all services and at the loop and its timers; figures (measure.h) go through the rules (rule.h), and what comes of
 * it is written (notice.h). Long messages are endless.h's. Monitor thread only.
 */
#ifndef WATCHDOG_SURVEY_H
#define WATCHDOG_SURVEY_H

#include "watchdog/rule.h"

/* Limits by kind; 0: that rule is off. Room for `max_threads`. Opens the files that it reads. */
void survey_init(const int64_t limits[RULE_KINDS], int max_threads);
void survey_term(void);

/* One pass, which came so much later than it was due. Returns when the next is due; INT64_MAX: when somebody runs. */
int64_t survey_pass(int64_t now_ns, int64_t late_ns);

/* Rounds that proved nothing, since the machine was disturbed. Any thread. */
uint64_t survey_vetoes(void);

#endif
