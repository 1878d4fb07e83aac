/* SPDX-License-Identifier: MIT
 *
 * A thread that computes writes its frames down in its own signal handler (sched/sighting.h). One that sleeps must not be
 * signalled: that could break its system call. Of that one the kernel tells the call, the stack pointer and the program
 * counter, and its stack is walked from here (walk_sleeper).
 */
#include "watchdog/native.h"
#include "core/binary.h"
#include "core/syscalls.h"

#include <stdio.h>
#include <string.h>

void native_ask(struct thread *t, uint64_t word)
{
	sighting_ask(&t->sighting, run_epoch_of(word));
}

static const char *last_part(const char *path)
{
	const char *slash = strrchr(path, '/');
	return slash ? slash + 1 : path;
}

static size_t put_frame(const struct walk_frame *f, bool innermost, char *out, size_t size)
{
	struct binary_place place;
	char where[160], times[32] = "";
	/* A return address belongs to the call before it, which may be the last thing in its function. */
	if (!binary_find(f->pc - !innermost, &place)) {
		snprintf(where, sizeof(where), "machine code made at run time");
	} else {
		const char *file = place.file[0] ? last_part(place.file) : "equilune";
		unsigned long offset = place.offset + !innermost, into = place.into + !innermost;
		if (place.function)
			snprintf(where, sizeof(where), "%s+0x%lx (%s+0x%lx)", place.function, into,
				 file, offset);
		else
			snprintf(where, sizeof(where), "%s+0x%lx", file, offset);
	}
	if (f->times > 1)
		snprintf(times, sizeof(times), ", times %d", f->times);
	int n = snprintf(out, size, "\t%s%s%s\n", where, f->sure ? "" : " (perhaps)", times);
	return n < 0 || (size_t)n >= size ? 0 : (size_t)n;
}

void native_put_frames(const struct walk *w, char *out, size_t size)
{
	size_t used = 0;
	for (int i = 0; i < w->count && i < SIGHTING_FRAMES; i++) {
		const struct walk_frame *f = walk_frame(w, i);
		size_t bytes = f ? put_frame(f, i == 0, out + used, size - used) : 0;
		if (bytes == 0)
			break; /* a frame that does not fit is left out whole */
		used += bytes;
	}
	out[used > 0 ? used - 1 : 0] = '\0';
}

/* The end of the service's part of its stack, as long as it is in the dispatch. */
static uintptr_t end_of_stack(const struct thread *t, uintptr_t sp)
{
	enum { UNKNOWN_BYTES = 16 * 1024 };
	const struct service *s = load_relaxed(&t->cur);
	/* Written when the body was entered, long ago: it sleeps there. */
	uintptr_t mark = s ? __atomic_load_n(&s->mark, __ATOMIC_RELAXED) : 0;
	return mark > sp ? mark : sp + UNKNOWN_BYTES;
}

static bool look_at_sleeper(struct thread *t, uint64_t word, struct native *out)
{
	static struct walk walk;
	static struct walk_copy copy;
	struct syscalls_call call;
	if (load_acquire(&t->run) != word || !thread_is_asleep(t) || !syscalls_read(load_relaxed(&t->tid), &call))
		return false;
	walk_sleeper(&walk, &copy, call.pc, call.sp, end_of_stack(t, call.sp), SIGHTING_FRAMES);
	if (load_acquire(&t->run) != word)
		return false;
	syscalls_format(&call, out->syscall, sizeof(out->syscall));
	native_put_frames(&walk, out->frames, sizeof(out->frames));
	return true;
}

bool native_look(struct thread *t, uint64_t word, struct native *out)
{
	/* What it told may be of a time before it fell asleep. */
	if (look_at_sleeper(t, word, out))
		return true;
	const struct sighting *s = sighting_read(&t->sighting, run_epoch_of(word));
	if (s == NULL)
		return false;
	out->syscall[0] = out->frames[0] = '\0';
	if (!s->compiled)
		native_put_frames(&s->walk, out->frames, sizeof(out->frames));
	return true;
}
