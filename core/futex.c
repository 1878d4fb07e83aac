/* SPDX-License-Identifier: MIT */
#include "core/futex.h"
#include "core/clock.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

void futex_wait(futex_word *word, uint32_t seen, int64_t timeout_ns)
{
	struct timespec limit = {timeout_ns / NS_PER_S, timeout_ns % NS_PER_S};
	syscall(SYS_futex, word, FUTEX_WAIT_PRIVATE, seen, timeout_ns < 0 ? NULL : &limit, NULL, 0);
}

void futex_wake(futex_word *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}
