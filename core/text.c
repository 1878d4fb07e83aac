/* SPDX-License-Identifier: MIT
 *
 * What counts as a live frame of other code, when all there is is the raw stack? A word that is an address of
 * such code may be the return address of a frame that is alive, or what a finished call left behind. The
 * second kind is frequent and can last: string.find has an array of 512 bytes in its frame that it does not
 * initialise, and the allocator's return addresses in it would keep the service from being parked for as
 * long as the search goes on. So words are told apart where that is certain:
 *
 *   A frame of other code with VM code above it has called the VM. A library that came with us and does not
 *   depend on the Lua library (libc, jemalloc) can do that only through a pointer, so its word counts only if
 *   it follows an indirect call. Our own code does it through a pointer or by a call whose target is in the
 *   VM (through the PLT); it is compiled without tail calls, so it cannot have left a frame whose last call
 *   leads elsewhere. Of everything else, C modules above all, every word counts.
 *
 * Every error and every trace that is not compiled goes through the unwinder (libgcc), which leaves words
 * behind indirect calls all over the stack. It enters the VM in one way only, through the VM's personality
 * function; that one counts as fragile, and so the unwinder's own words need not count, nor those of the two
 * functions of libc that it and the dynamic loader work through.
 *
 * A fragile function is alive below other VM code only if it has called the VM too.
 *
 * A word that counts wrongly only delays: the monitor tries again, and hands the slot off in the end.
 *
 * Holding (text_holdable) asks another question: is there a frame of code that may have a lock or that nobody must see
 * half done? The thread stays the same, so fragile functions do not matter; C modules are what it is about. The same
 * reasoning tells which words are frames: a library that came with us calls a C module, which came later, only
 * through a pointer; so does the unwinder. Only when the math library is on top anybody may have called it directly.
 */
#include "core/text.h"
#include "core/atomics.h"
#include "core/binary.h"
#include "core/fragile.h"
#include "core/frames.h"
#include "core/mem.h"
#include "core/stack.h"
#include "core/unwind.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

/* Named by the linker: the bounds of what PARKABLE marks. Weak, for programs without any. */
extern const char parkable_text_start[] __asm__("__start_parkable_text") __attribute__((weak));
extern const char parkable_text_stop[] __asm__("__stop_parkable_text") __attribute__((weak));

enum { RANGES_MAX = 512, FRAGILE_MAX = 128 };

struct range {
	uintptr_t start, end;
	enum text_kind kind;
};

struct table {
	bool starting;       /* made before any service could load a library */
	struct table *older; /* in the list of all: kept until text_term, a handler may still read it */
	int count, fragile;
	struct range range[];
};

static struct {
	pthread_mutex_t lock; /* writers */
	uintptr_t vm_address;
	_Atomic(struct table *)
		table;     /* readers: acquire, pairs with the release in read_objects */
	struct table *all; /* each is another; `table` is one of them */
	unsigned long long changes; /* of the loaded objects, when `table` was made */
} text = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void table_add(struct table *t, uintptr_t start, uintptr_t end, enum text_kind kind)
{
	if (start >= end)
		return;
	ensure(t->count < RANGES_MAX);
	t->range[t->count++] = (struct range){start, end, kind};
}

/* Functions of libc whose indirect calls lead to the unwinder and the loader, never to the VM: see the top. */
static int harmless_in(uintptr_t start, uintptr_t end, struct fragile_range *out)
{
	static const char *const name[] = {"dl_iterate_phdr", "_dl_catch_exception"};
	int n = 0;
	for (size_t i = 0; i < COUNT_OF(name); i++) {
		Dl_info info;
		const Elf64_Sym *symbol = NULL;
		void *at = dlsym(RTLD_DEFAULT, name[i]);
		if (at && (uintptr_t)at >= start && (uintptr_t)at < end &&
		    dladdr1(at, &info, (void **)&symbol, RTLD_DL_SYMENT) && symbol)
			out[n++] = (struct fragile_range){(uintptr_t)at,
							  (uintptr_t)at + symbol->st_size};
	}
	if (n == 2 && out[1].start < out[0].start) {
		struct fragile_range first = out[1];
		out[1] = out[0];
		out[0] = first;
	}
	return n;
}

/* Adds [start, end) as `outer`, but the pieces (ascending, inside it) as `inner`. */
static void table_add_pierced(struct table *t, uintptr_t start, uintptr_t end, enum text_kind outer,
			      const struct fragile_range *piece, int pieces, enum text_kind inner)
{
	for (int i = 0; i < pieces; i++) {
		table_add(t, start, piece[i].start, outer);
		table_add(t, piece[i].start, piece[i].end, inner);
		start = piece[i].end;
	}
	table_add(t, start, end, outer);
}

static const Elf64_Dyn *dynamic_of(const struct dl_phdr_info *object)
{
	for (int i = 0; i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_DYNAMIC)
			return (const Elf64_Dyn *)(object->dlpi_addr +
						   object->dlpi_phdr[i].p_vaddr);
	return NULL;
}

/* Does the object ask for the Lua library? A module may also find it by itself; that is why only what was
 * there at the start is trusted. */
static bool needs_vm(const struct dl_phdr_info *object)
{
	const char *names = NULL;
	const Elf64_Dyn *dynamic = dynamic_of(object);
	for (const Elf64_Dyn *d = dynamic; d && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_STRTAB)
			names = (const char *)(d->d_un.d_ptr >= object->dlpi_addr
						       ? d->d_un.d_ptr
						       : d->d_un.d_ptr + object->dlpi_addr);
	for (const Elf64_Dyn *d = dynamic; d && names && d->d_tag != DT_NULL; d++)
		if (d->d_tag == DT_NEEDED && strstr(names + d->d_un.d_val, "luajit"))
			return true;
	return false;
}

/* Objects are kept by their address: what was trusted at the start still is after a refresh. */
static enum text_kind kind_of_object(const struct table *t, const struct dl_phdr_info *object,
				     uintptr_t start)
{
	enum text_kind before = t->starting ? TEXT_NONE : text_kind_of(start);
	if (!t->starting)
		return before == TEXT_SYSTEM || before == TEXT_MATH || before == TEXT_UNWINDER
			       ? before
			       : TEXT_FOREIGN;
	if (strstr(object->dlpi_name, "/libgcc_s.so"))
		return TEXT_UNWINDER;
	if (strstr(object->dlpi_name, "/libm.so"))
		return TEXT_MATH;
	return needs_vm(object) ? TEXT_FOREIGN : TEXT_SYSTEM;
}

static void add_code(struct table *t, struct dl_phdr_info *object, uintptr_t start, uintptr_t end)
{
	struct fragile_range piece[FRAGILE_MAX];
	struct fragile_range parkable = {(uintptr_t)parkable_text_start,
					 (uintptr_t)parkable_text_stop};
	if (text.vm_address >= start && text.vm_address < end) {
		int fragile = fragile_find(object, piece, FRAGILE_MAX);
		t->fragile = fragile < 0 ? 0 : fragile;
		if (t->starting)
			frames_learn(FRAMES_VM, object, start, end);
		/* Unreadable: nothing in it may be parked. */
		table_add_pierced(t, start, end, fragile < 0 ? TEXT_FRAGILE : TEXT_VM, piece,
				  t->fragile, TEXT_FRAGILE);
	} else if (parkable.start >= start && parkable.start < end) {
		if (t->starting)
			frames_learn(FRAMES_OWN, object, start, end);
		table_add_pierced(t, start, end, TEXT_OURS, &parkable, 1, TEXT_PARKABLE);
	} else {
		int harmless = harmless_in(start, end, piece);
		table_add_pierced(t, start, end, kind_of_object(t, object, start), piece, harmless,
				  TEXT_UNWINDER);
	}
}

static int add_object(struct dl_phdr_info *object, size_t size, void *table)
{
	(void)size;
	for (int i = 0; i < object->dlpi_phnum; i++) {
		const Elf64_Phdr *part = &object->dlpi_phdr[i];
		uintptr_t start = object->dlpi_addr + part->p_vaddr;
		if (part->p_type == PT_LOAD && (part->p_flags & PF_X))
			add_code(table, object, start, start + part->p_memsz);
	}
	return 0;
}

static int by_start(const void *a, const void *b)
{
	uintptr_t x = ((const struct range *)a)->start, y = ((const struct range *)b)->start;
	return (x > y) - (x < y);
}

static bool same_ranges(const struct table *a, const struct table *b)
{
	if (a->count != b->count)
		return false;
	for (int i = 0; i < a->count; i++) {
		const struct range *x = &a->range[i], *y = &b->range[i];
		if (x->start != y->start || x->end != y->end || x->kind != y->kind)
			return false;
	}
	return true;
}

/* What libc loads for itself may also go again: the same table is not kept a second time. */
static struct table *keep(struct table *t)
{
	for (struct table *known = text.all; known; known = known->older)
		if (same_ranges(known, t)) {
			mem_free(t);
			return known;
		}
	t = mem_realloc(t, sizeof(*t) + (size_t)t->count * sizeof(t->range[0]));
	t->older = text.all;
	return text.all = t;
}

/* How many objects have come and gone so far; the loader counts them. */
static int count_changes(struct dl_phdr_info *object, size_t size, void *changes)
{
	(void)size;
	*(unsigned long long *)changes = object->dlpi_adds + object->dlpi_subs;
	return 1; /* it is the same in each */
}

static void read_objects(void)
{
	struct table *t = mem_zalloc(sizeof(*t) + RANGES_MAX * sizeof(t->range[0]));
	t->starting = load_relaxed(&text.table) == NULL;
	dl_iterate_phdr(add_object, t);
	qsort(t->range, (size_t)t->count, sizeof(t->range[0]), by_start);
	store_release(&text.table, keep(t)); /* pairs with the acquire in text_kind_of */
}

/* Every VM that requires a C module comes here, mostly to find what is known already. */
void text_refresh(void)
{
	unsigned long long changes = 0;
	pthread_mutex_lock(&text.lock);
	/* First: what comes while we read makes us read again. */
	dl_iterate_phdr(count_changes, &changes);
	bool changed = load_relaxed(&text.table) == NULL || changes != text.changes;
	if (changed)
		read_objects();
	text.changes = changes;
	pthread_mutex_unlock(&text.lock);
	if (changed)
		binary_refresh();
}

void text_init(const void *vm_address)
{
	text.vm_address = (uintptr_t)vm_address;
	frames_forget();
	text_refresh();
}

void text_term(void)
{
	struct table *t = text.all;
	store_relaxed(&text.table, NULL);
	text.all = NULL;
	while (t) {
		struct table *older = t->older;
		mem_free(t);
		t = older;
	}
	binary_term();
}

static IN_HANDLER const struct range *range_in(const struct table *t, uintptr_t address)
{
	int low = 0, high = t->count;
	while (low < high) {
		int middle = low + (high - low) / 2;
		if (address >= t->range[middle].end)
			low = middle + 1;
		else
			high = middle;
	}
	return low < t->count && address >= t->range[low].start ? &t->range[low] : NULL;
}

static IN_HANDLER enum text_kind kind_in(const struct table *t, uintptr_t address)
{
	const struct range *r = range_in(t, address);
	return r ? r->kind : TEXT_NONE;
}

IN_HANDLER enum text_kind text_kind_of(uintptr_t address)
{
	const struct table *t = load_acquire(&text.table);
	return t ? kind_in(t, address) : TEXT_FOREIGN;
}

static IN_HANDLER uintptr_t relative(uintptr_t from, uintptr_t displacement_at)
{
	int32_t displacement;
	memcpy(&displacement, (const void *)displacement_at, sizeof(displacement));
	return from + (uintptr_t)(intptr_t)displacement;
}

/* Where a call through a PLT stub (`jmp *slot(%rip)`) ends; other targets are where they are. */
static IN_HANDLER uintptr_t behind_stub(const struct range *r, uintptr_t target)
{
	/* Perhaps behind an endbr64 (4 bytes), a bnd prefix (1), or both. */
	for (uintptr_t at = target; at <= target + 5 && at + 6 <= r->end; at++) {
		const uint8_t *code = (const uint8_t *)at;
		if (code[0] == 0xff && code[1] == 0x25)
			return *(const uintptr_t *)relative(at + 6, at + 2);
	}
	return target;
}

/* Does an indirect call (ff /2) end right before the address? All forms of its operand; prefixes do not
 * matter. */
static IN_HANDLER bool follows_indirect_call(uintptr_t word)
{
	const uint8_t *end = (const uint8_t *)word;
	enum { REG_FIELD = 0x38, CALL = 2 << 3 };
	for (int length = 2; length <= 7; length++) {
		uint8_t modrm = end[1 - length];
		if (end[-length] != 0xff || (modrm & REG_FIELD) != CALL)
			continue;
		int mode = modrm >> 6, sib = (modrm & 7) == 4 && mode != 3;
		int displacement = mode == 1 ? 1 : mode == 2 ? 4 : 0;
		if (mode == 0 && ((modrm & 7) == 5 || (sib && (end[2 - length] & 7) == 5)))
			displacement = 4;
		if (length == 2 + sib + displacement)
			return true;
	}
	return false;
}

/* Does a call of `target` end in the Lua library? */
IN_HANDLER static bool is_vm(const struct table *t, uintptr_t target)
{
	const struct range *r = range_in(t, target);
	enum text_kind kind = r ? kind_in(t, behind_stub(r, target)) : TEXT_NONE;
	return kind == TEXT_VM || kind == TEXT_FRAGILE;
}

/* Can the word be the return address of a frame that has called the VM? */
static IN_HANDLER bool may_have_called_vm(const struct table *t, const struct range *r,
					  uintptr_t word)
{
	if (r->kind == TEXT_FOREIGN)
		return true;
	if (r->kind == TEXT_UNWINDER || r->kind == TEXT_MATH || word < r->start + 7)
		return false;
	if (*(const uint8_t *)(word - 5) == 0xe8) {
		uintptr_t target = relative(word, word - 4);
		/* Parkable code may be what is interrupted now: its caller is alive. */
		if (kind_in(t, target) == TEXT_PARKABLE)
			return true;
		if (r->kind == TEXT_FRAGILE || (target >= r->start && target < r->end))
			return r->kind != TEXT_SYSTEM && is_vm(t, target);
	}
	return follows_indirect_call(word);
}

IN_HANDLER uintptr_t text_find_unparkable(uintptr_t from, uintptr_t to)
{
	const struct table *t = load_acquire(&text.table);
	if (t == NULL || t->count == 0)
		return from;
	uintptr_t lowest = t->range[0].start, highest = t->range[t->count - 1].end;
	for (uintptr_t at = (from + 7) & ~(uintptr_t)7; at < to; at += 8) {
		uintptr_t word = *(const uintptr_t *)at;
		if (word < lowest || word >= highest)
			continue;
		const struct range *r = range_in(t, word);
		if (r && r->kind != TEXT_VM && r->kind != TEXT_PARKABLE &&
		    may_have_called_vm(t, r, word))
			return at;
	}
	return 0;
}

static IN_HANDLER bool is_holdable(enum text_kind kind)
{
	return kind == TEXT_NONE || kind == TEXT_VM || kind == TEXT_FRAGILE ||
	       kind == TEXT_PARKABLE || kind == TEXT_MATH || kind == TEXT_FOREIGN;
}

/* Can the word, in code that is not holdable, be the return address of a frame that has called what is? */
static IN_HANDLER bool may_have_called_held(const struct table *t, const struct range *r,
					    uintptr_t word, enum text_kind top)
{
	if (top == TEXT_MATH)
		return text_follows_call(word);
	if (r->kind == TEXT_OURS)
		return may_have_called_vm(t, r, word);
	return word >= r->start + 7 && follows_indirect_call(word);
}

IN_HANDLER bool text_holdable(uintptr_t pc, uintptr_t sp, uintptr_t to)
{
	const struct table *t = load_acquire(&text.table);
	if (t == NULL || t->count == 0)
		return false;
	enum text_kind top = kind_in(t, pc);
	bool in_module = top == TEXT_FOREIGN;
	uintptr_t lowest = t->range[0].start, highest = t->range[t->count - 1].end;
	for (uintptr_t at = (sp + 7) & ~(uintptr_t)7; is_holdable(top) && at < to; at += 8) {
		uintptr_t word = *(const uintptr_t *)at;
		const struct range *r =
			word >= lowest && word < highest ? range_in(t, word) : NULL;
		if (r && !is_holdable(r->kind) && may_have_called_held(t, r, word, top))
			return false;
		in_module |= r && r->kind == TEXT_FOREIGN && text_follows_call(word);
	}
	return is_holdable(top) && in_module;
}

IN_HANDLER bool text_follows_call(uintptr_t word)
{
	enum { LONGEST = 7 };
	if (word < LONGEST || text_kind_of(word - 1) == TEXT_NONE)
		return false;
	/* At the very start of some code we cannot look: it may. */
	return text_kind_of(word - LONGEST) == TEXT_NONE || *(const uint8_t *)(word - 5) == 0xe8 ||
	       follows_indirect_call(word);
}

int text_fragile_count(void)
{
	const struct table *t = load_acquire(&text.table);
	return t ? t->fragile : 0;
}

/* Everything in the process that loads a library (LuaJIT's package.loadlib and ffi.load, C modules) comes
 * through here, since the executable's symbols are found first. Without it a frame of a library loaded
 * later would look like run-time machine code. The library's constructors run before the refresh; our
 * own frame below them keeps the service from being parked there.
 *
 * What is loaded stays loaded, also when the last VM that uses it is closed (LuaJIT closes what it has opened): words on
 * the stacks of others still lead there, and are followed by those who look what stands before a return address. */
__attribute__((visibility("default"))) void *dlopen(const char *file, int mode);

void *dlopen(const char *file, int mode)
{
	static void *(*next)(const char *, int);
	if (next == NULL)
		next = (void *(*)(const char *, int))dlsym(RTLD_NEXT, "dlopen");
	void *handle = next(file, mode | RTLD_NODELETE);
	if (handle && load_acquire(&text.table))
		text_refresh();
	stack_scrub(); /* the caller is a VM's `require` */
	return handle;
}
