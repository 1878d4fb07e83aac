/* SPDX-License-Identifier: MIT
 *
 * What every file may assume: fixed-width types, assertions and the few compiler attributes that we
 * use. It knows no other header of ours.
 */
#ifndef CORE_BASE_H
#define CORE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NOINLINE     __attribute__((noinline))
#define NORETURN     __attribute__((noreturn))
#define UNUSED       __attribute__((unused))
#define PRINTF(f, a) __attribute__((format(printf, f, a)))
#define LIKELY(x)    __builtin_expect(!!(x), 1)
#define UNLIKELY(x)  __builtin_expect(!!(x), 0)
#define COUNT_OF(a)  (sizeof(a) / sizeof((a)[0]))

#define CACHE_LINE_BYTES 64

#define container_of(ptr, type, member) ((type *)((char *)(ptr)-offsetof(type, member)))

/* Code that a service may be parked in although it is ours: it holds no lock, keeps no thread-local address and
 * owns nothing outside the VM. The linker names the section's bounds for us; core/text.c keeps them. A function
 * that is not inlined into such code must carry the mark itself. */
#define PARKABLE __attribute__((section("parkable_text")))

/* The length of the text that snprintf has left in `size` bytes, by what it returned: it tells what it would have written. */
static inline size_t clipped(int wanted, size_t size)
{
	return wanted < 0 ? 0 : (size_t)wanted < size ? (size_t)wanted : size - 1;
}

#if defined(__SANITIZE_ADDRESS__)
#define WITH_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define WITH_ASAN 1
#endif
#endif
#ifndef WITH_ASAN
#define WITH_ASAN 0
#endif

#if defined(__SANITIZE_THREAD__)
#define WITH_TSAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define WITH_TSAN 1
#endif
#endif
#ifndef WITH_TSAN
#define WITH_TSAN 0
#endif

/* Programming errors end the process in every build: a runtime that goes on after a broken invariant
 * loses somebody's game state. `panic` writes with write(2) only, so it works in a signal handler. */
NORETURN void panic_at(const char *file, int line, const char *what);

#define panic(what) panic_at(__FILE__, __LINE__, (what))
#define ensure(cond)                                                                               \
	do {                                                                                       \
		if (UNLIKELY(!(cond)))                                                             \
			panic_at(__FILE__, __LINE__, "not true: " #cond);                          \
	} while (0)

/* For checks too dear for release: state tables, heap order, "who may call". */
#ifdef NDEBUG
#define debug_ensure(cond) ((void)sizeof(cond))
#else
#define debug_ensure(cond) ensure(cond)
#endif

#endif
