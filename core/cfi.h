/* SPDX-License-Identifier: MIT
 *
 * Reading call frame information (.eh_frame): what one entry (FDE) says about the piece of code that it describes.
 * The walk of interrupted frames (core/unwind.h) goes on to run its rows; the registry of machine code (core/fde.h)
 * only wants to know where the piece lies.
 */
#ifndef CORE_CFI_H
#define CORE_CFI_H

#include "core/base.h"

/* For what a signal handler calls: it reads whatever lies on an interrupted stack, poisoned or not, and possibly
 * between the two halves of a stack switch, when the sanitizers believe to be on the other stack. */
#if defined(__clang__) && (WITH_ASAN || WITH_TSAN)
#define IN_HANDLER                                                                                 \
	__attribute__((disable_sanitizer_instrumentation,                                          \
		       no_sanitize("address", "thread", "undefined")))
#elif WITH_ASAN || WITH_TSAN
#define IN_HANDLER __attribute__((no_sanitize("address", "thread", "undefined")))
#else
#define IN_HANDLER
#endif

enum { CFI_RETURN_REGISTER = 16 };

struct cfi_description {
	uintptr_t start, end;
	const uint8_t *initial, *initial_end;
	const uint8_t *rows, *rows_end;
	uint64_t code_align;
	int64_t data_align;
};

/* Loads from unaligned places without memcpy, which sanitizers turn into a call. */
struct __attribute__((packed, may_alias)) cfi_any {
	union {
		uint16_t u16;
		uint32_t u32;
		int32_t i32;
	} as;
};

static inline IN_HANDLER uint16_t cfi_u16_at(const uint8_t *at)
{
	return ((const struct cfi_any *)at)->as.u16;
}

static inline IN_HANDLER uint32_t cfi_u32_at(const uint8_t *at)
{
	return ((const struct cfi_any *)at)->as.u32;
}

static inline IN_HANDLER int32_t cfi_i32_at(const uint8_t *at)
{
	return ((const struct cfi_any *)at)->as.i32;
}

/* Numbers of variable length; `*at` moves behind, not beyond `end`. Async-signal-safe, as all in here. */
uint64_t cfi_uleb(const uint8_t **at, const uint8_t *end);
int64_t cfi_sleb(const uint8_t **at, const uint8_t *end);

/* Reads the FDE and the CIE that it names. false: not one that we read (other encodings of addresses than
 * compilers and LuaJIT use, a signal's frame, a CIE). */
bool cfi_describe(const uint8_t *fde, struct cfi_description *d);

#endif
