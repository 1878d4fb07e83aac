/* SPDX-License-Identifier: MIT
 *
 * Why walk, when text_find_unparkable can search the words? string.gsub has a buffer of 8 KB in its frame that it
 * does not initialise. Whatever earlier calls left there stays for as long as the gsub runs, and
 * return addresses of fragile functions among it keep the service from ever being parked: a word does not tell
 * whether it is alive. The tables of the compilers do.
 *
 * The walk ends at the mark: stack_call_marked stores its stack pointer there right before its call, so the frame
 * above it has its return address just below, and nothing else does. A walk that does not arrive exactly
 * there has proved nothing.
 *
 * Machine code of traces has no tables, and runs on the interpreter's frame below an unknown number of bytes: from
 * there on, and from wherever else the walk is stuck, the words are searched. Where they do not let the service go, the
 * VM is asked where that frame lies (frames_parkable_below): else a compiled loop in a callback of gsub would
 * never be parked, and so never killed.
 */
#include "core/frames.h"
#include "core/text.h"
#include "core/unwind.h"

enum { FRAMES_MAX = 4096 };

/* Written before workers start. */
static struct unwind_object object_of[FRAMES_OBJECTS];

void frames_forget(void)
{
	for (int i = 0; i < FRAMES_OBJECTS; i++)
		object_of[i] = (struct unwind_object){0};
}

void frames_learn(enum frames_of which, const struct dl_phdr_info *object, uintptr_t start,
		  uintptr_t end)
{
	unwind_prepare(object, start, end, &object_of[which]);
}

static IN_HANDLER bool has_return_address(uintptr_t from, uintptr_t to)
{
	for (uintptr_t at = from; at < to; at += 8)
		if (text_follows_call(*(const uintptr_t *)at))
			return true;
	return false;
}

/* A step that is proved to be right, or none. Nothing is read below `low`. */
static IN_HANDLER bool step(struct unwind_frame *f, uintptr_t low, uintptr_t mark)
{
	for (int i = 0; i < FRAMES_OBJECTS; i++) {
		struct unwind_frame next = *f;
		enum unwind_result result = unwind_step(&object_of[i], &next, mark);
		if (result == UNWIND_UNKNOWN)
			continue;
		if (result == UNWIND_ROUGH &&
		    has_return_address(f->sp > low ? f->sp : low, next.sp - 8))
			return false;
		if (text_kind_of(next.pc) != TEXT_NONE && !text_follows_call(next.pc))
			return false;
		*f = next;
		return true;
	}
	return false;
}

static IN_HANDLER enum text_kind kind_of(const struct unwind_frame *f)
{
	/* A call that does not return may be the last instruction of its function. */
	return text_kind_of(f->interrupted ? f->pc : f->pc - 1);
}

static IN_HANDLER bool is_parkable_from(struct unwind_frame f, uintptr_t mark)
{
	for (int i = 0; i < FRAMES_MAX; i++) {
		enum text_kind kind = kind_of(&f);
		if (f.sp >= mark)
			return f.sp == mark && kind == TEXT_PARKABLE;
		if (kind != TEXT_VM && kind != TEXT_PARKABLE && kind != TEXT_NONE)
			return false;
		if (kind == TEXT_NONE || !step(&f, 0, mark))
			return text_find_unparkable(f.sp, mark) == 0;
	}
	return false;
}

IN_HANDLER bool frames_parkable(uintptr_t pc, uintptr_t sp, uintptr_t rbp, uintptr_t mark)
{
	return is_parkable_from((struct unwind_frame){pc, sp, rbp, true}, mark);
}

IN_HANDLER bool frames_parkable_below(uintptr_t sp, const struct frames_base *base, uintptr_t mark)
{
	enum { BELOW_MAX = 4096 }; /* more than a trace ever takes */
	if (base->sp % 8 != 0 || base->sp < sp || base->sp - sp > BELOW_MAX || base->sp >= mark)
		return false;
	/* rbp of that frame is not known, nor needed: the frame has kept its caller's. */
	return text_find_unparkable(sp, base->sp) == 0 &&
	       is_parkable_from((struct unwind_frame){base->pc, base->sp, 0, false}, mark);
}

/* Endless recursion makes many frames: no bound but the mark. Each step goes up. */
IN_HANDLER bool frames_abandonable(uintptr_t pc, uintptr_t sp, uintptr_t rbp, uintptr_t low,
				   uintptr_t mark)
{
	struct unwind_frame f = {pc, sp, rbp, true};
	for (;;) {
		enum text_kind kind = kind_of(&f);
		if (f.sp >= mark)
			return f.sp == mark && kind == TEXT_PARKABLE;
		if (kind != TEXT_VM && kind != TEXT_PARKABLE && kind != TEXT_FRAGILE &&
		    kind != TEXT_NONE)
			return false;
		if (kind == TEXT_NONE || !step(&f, low, mark))
			return text_find_unparkable(f.sp > low ? f.sp : low, mark) == 0;
	}
}

static IN_HANDLER bool step_in_tables(struct unwind_frame *f, uintptr_t low, uintptr_t high)
{
	if (f->sp < low && !f->interrupted)
		return false;
	for (int i = 0; i < FRAMES_OBJECTS; i++)
		if (unwind_step(&object_of[i], f, high) == UNWIND_OK)
			return f->sp - 8 >= low;
	return false;
}

IN_HANDLER uintptr_t frames_return_to(uintptr_t pc, uintptr_t sp, uintptr_t rbp, uintptr_t low,
				      uintptr_t high, uintptr_t target)
{
	struct unwind_frame f = {pc, sp, rbp, true};
	while (step_in_tables(&f, low, high))
		if (f.pc == target)
			return f.sp;
	return 0;
}

IN_HANDLER int frames_walk(uintptr_t pc, uintptr_t sp, uintptr_t rbp, uintptr_t mark,
			   uintptr_t *slot, int max)
{
	struct unwind_frame f = {pc, sp, rbp, true};
	int n = 0;
	while (f.sp < mark && n < max) {
		if (!step(&f, 0, mark))
			return -1;
		slot[n++] = f.sp - 8;
	}
	return f.sp == mark ? n : -1;
}
