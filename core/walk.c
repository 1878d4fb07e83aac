/* SPDX-License-Identifier: MIT
 *
 * backtrace() would do most of it. But the unwinder behind it takes a lock as soon as somebody has registered frames at
 * run time (LuaJIT does), and a service may well crash while a thread holds that one; the loader's list of
 * objects has another.
 *
 * A thread that sleeps in the kernel cannot walk its own stack, and whoever does it for him must bear that he wakes up,
 * returns, and gives the stack back: so it is copied by the kernel, which says no where nothing is mapped any more. Words of
 * the copy that point into the stack are moved along, and the copy is walked like any stack. What the copy holds may be of
 * different moments then; that gives a wrong frame, and no fault.
 */
#include "core/walk.h"
#include "core/binary.h"
#include "core/text.h"

#include <errno.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum { SCAN_WORDS = 2048 };

IN_HANDLER bool walk_step(struct unwind_frame *f, uintptr_t low, uintptr_t high)
{
	const struct unwind_object *o = binary_unwind(f->interrupted ? f->pc : f->pc - 1);
	struct unwind_frame next = *f;
	/* An interrupted frame may reach below the stack that it has used up; its caller's does not. */
	if (o == NULL || (f->sp < low && !f->interrupted) ||
	    unwind_step(o, &next, high) == UNWIND_UNKNOWN || next.sp - 8 < low ||
	    !text_follows_call(next.pc))
		return false;
	*f = next;
	return true;
}

static IN_HANDLER bool step_by_rbp(struct unwind_frame *f, uintptr_t low, uintptr_t high)
{
	if (f->rbp < f->sp || f->rbp < low || f->rbp >= high - 16 || f->rbp % 8 != 0)
		return false;
	const uintptr_t *saved = (const uintptr_t *)f->rbp;
	if (!text_follows_call(saved[1]))
		return false;
	*f = (struct unwind_frame){saved[1], f->rbp + 16, saved[0], false};
	return true;
}

static IN_HANDLER bool step_by_search(struct unwind_frame *f, uintptr_t low, uintptr_t high)
{
	uintptr_t at = (f->sp > low ? f->sp : low) + 7;
	at &= ~(uintptr_t)7;
	for (int i = 0; i < SCAN_WORDS && at + 8 <= high; i++, at += 8) {
		uintptr_t word = *(const uintptr_t *)at;
		if (!text_follows_call(word))
			continue;
		f->pc = word;
		f->sp = at + 8;
		f->interrupted = false;
		return true;
	}
	return false;
}

static IN_HANDLER struct walk_frame *place_of(struct walk *w, int i)
{
	return i < WALK_FIRST ? &w->first[i] : &w->last[(i - WALK_FIRST) % WALK_LAST];
}

static IN_HANDLER void add(struct walk *w, uintptr_t pc, bool sure)
{
	struct walk_frame *before = w->count > 0 ? place_of(w, w->count - 1) : NULL;
	if (before && before->pc == pc && before->sure == sure)
		before->times++;
	else
		*place_of(w, w->count++) = (struct walk_frame){pc, 1, sure};
}

IN_HANDLER void walk_stack(struct walk *w, uintptr_t pc, uintptr_t sp, uintptr_t rbp, uintptr_t low,
			   uintptr_t high, int max)
{
	struct unwind_frame f = {pc, sp, rbp, true};
	bool sure = true;
	w->count = 0;
	for (;;) {
		add(w, f.pc, sure);
		if (f.sp >= high || w->count >= max)
			break;
		if (walk_step(&f, low, high))
			continue;
		sure = false;
		if (!step_by_rbp(&f, low, high) && !step_by_search(&f, low, high))
			break;
	}
}

IN_HANDLER bool walk_meets(enum landmark kind, uintptr_t pc, uintptr_t sp, uintptr_t rbp,
			   uintptr_t high)
{
	/* Lua's own recursion goes through C here and there, and each level has a few. */
	enum { FRAMES = 256 };
	struct unwind_frame f = {pc, sp, rbp, true};
	for (int i = 0; i < FRAMES; i++) {
		if (landmark_holds(kind, f.interrupted ? f.pc : f.pc - 1))
			return true;
		if (f.sp >= high || !walk_step(&f, sp, high))
			return false;
	}
	return false;
}

/* As much as can be read of [from, from + bytes), in whole words. */
static size_t copy_stack(uint64_t *to, uintptr_t from, size_t bytes)
{
	struct iovec here = {to, bytes}, there = {(void *)from, bytes};
	ssize_t got = process_vm_readv(getpid(), &here, 1, &there, 1, 0);
	return got < 0 ? 0 : (size_t)got & ~(size_t)7;
}

void walk_sleeper(struct walk *w, struct walk_copy *copy, uintptr_t pc, uintptr_t sp, uintptr_t high,
		  int max)
{
	/* An innermost frame may have something below its stack pointer. */
	enum { RED_ZONE = 128 };
	uintptr_t from = sp - RED_ZONE, low = (uintptr_t)copy->word;
	size_t room = high > sp ? high - from : 0;
	if (room > sizeof(copy->word))
		room = sizeof(copy->word);
	size_t bytes = sp % 8 == 0 ? copy_stack(copy->word, from, room) : 0;
	for (size_t i = 0; i < bytes / 8; i++)
		if (copy->word[i] >= from && copy->word[i] < from + bytes)
			copy->word[i] += low - from;
	/* Nobody tells us his rbp. */
	walk_stack(w, pc, low + RED_ZONE, 0, low, low + bytes, max);
}

const struct walk_frame *walk_frame(const struct walk *w, int i)
{
	if (i < 0 || i >= w->count || (i >= WALK_FIRST && i < w->count - WALK_LAST))
		return NULL;
	return place_of((struct walk *)(uintptr_t)w, i);
}

/* Asks the kernel, which reads the set of signals before it finds that it does not know what to do with it. */
bool walk_is_readable(uintptr_t address)
{
	return syscall(SYS_rt_sigprocmask, -1, address, NULL, 8) != 0 && errno != EFAULT;
}
