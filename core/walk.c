/* SPDX-License-Identifier: MIT
 *
 * backtrace() would do most of it. But the unwinder behind it takes a lock as soon as somebody has registered frames at
 * run time (LuaJIT does), and a service may well crash while a thread holds that one; the loader's list of
 * objects has another. _dl_find_object takes none.
 */
#include "core/walk.h"
#include "core/text.h"
#include "core/unwind.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { OBJECTS_MAX = 6, SCAN_WORDS = 2048 };

/* Those that were met so far: preparing one reads all of its tables. */
struct objects {
	struct unwind_object known[OBJECTS_MAX];
	int count;
};

static const struct unwind_object *object_at(struct objects *all, uintptr_t pc)
{
	struct dl_find_object found;
	for (int i = 0; i < all->count; i++)
		if (pc >= all->known[i].text_start && pc < all->known[i].text_end)
			return &all->known[i];
	if (all->count == OBJECTS_MAX || _dl_find_object((void *)pc, &found) != 0)
		return NULL;
	/* What unwind_prepare looks for in an object's headers, with the address as it is. */
	Elf64_Phdr header = {.p_type = PT_GNU_EH_FRAME, .p_vaddr = (uintptr_t)found.dlfo_eh_frame};
	struct dl_phdr_info object = {.dlpi_phdr = &header, .dlpi_phnum = 1};
	struct unwind_object *o = &all->known[all->count++];
	unwind_prepare(&object, (uintptr_t)found.dlfo_map_start, (uintptr_t)found.dlfo_map_end, o);
	return o;
}

static bool step_exactly(struct objects *all, struct unwind_frame *f, uintptr_t low, uintptr_t high)
{
	const struct unwind_object *o = object_at(all, f->interrupted ? f->pc : f->pc - 1);
	struct unwind_frame next = *f;
	/* An interrupted frame may reach below the stack that it has used up; its caller's does not. */
	if (o == NULL || (f->sp < low && !f->interrupted) ||
	    unwind_step(o, &next, high) == UNWIND_UNKNOWN || next.sp - 8 < low ||
	    !text_follows_call(next.pc))
		return false;
	*f = next;
	return true;
}

static bool step_by_rbp(struct unwind_frame *f, uintptr_t low, uintptr_t high)
{
	if (f->rbp < f->sp || f->rbp < low || f->rbp >= high - 16 || f->rbp % 8 != 0)
		return false;
	const uintptr_t *saved = (const uintptr_t *)f->rbp;
	if (!text_follows_call(saved[1]))
		return false;
	*f = (struct unwind_frame){saved[1], f->rbp + 16, saved[0], false};
	return true;
}

static bool step_by_search(struct unwind_frame *f, uintptr_t low, uintptr_t high)
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

static struct walk_frame *place_of(struct walk *w, int i)
{
	return i < WALK_FIRST ? &w->first[i] : &w->last[(i - WALK_FIRST) % WALK_LAST];
}

static void add(struct walk *w, uintptr_t pc, bool sure)
{
	struct walk_frame *before = w->count > 0 ? place_of(w, w->count - 1) : NULL;
	if (before && before->pc == pc && before->sure == sure)
		before->times++;
	else
		*place_of(w, w->count++) = (struct walk_frame){pc, 1, sure};
}

void walk_stack(struct walk *w, uintptr_t pc, uintptr_t sp, uintptr_t rbp, uintptr_t low,
		uintptr_t high)
{
	struct objects all = {.count = 0};
	struct unwind_frame f = {pc, sp, rbp, true};
	bool sure = true;
	w->count = 0;
	for (;;) {
		add(w, f.pc, sure);
		if (f.sp >= high)
			break;
		if (step_exactly(&all, &f, low, high))
			continue;
		sure = false;
		if (!step_by_rbp(&f, low, high) && !step_by_search(&f, low, high))
			break;
	}
}

const struct walk_frame *walk_frame(const struct walk *w, int i)
{
	if (i < 0 || i >= w->count || (i >= WALK_FIRST && i < w->count - WALK_LAST))
		return NULL;
	return place_of((struct walk *)(uintptr_t)w, i);
}

const char *walk_module(uintptr_t address, uintptr_t *offset)
{
	struct dl_find_object found;
	if (_dl_find_object((void *)address, &found) != 0)
		return NULL;
	*offset = address - found.dlfo_link_map->l_addr;
	return found.dlfo_link_map->l_name;
}

/* Asks the kernel, which reads the set of signals before it finds that it does not know what to do with it. */
bool walk_is_readable(uintptr_t address)
{
	return syscall(SYS_rt_sigprocmask, -1, address, NULL, 8) != 0 && errno != EFAULT;
}
