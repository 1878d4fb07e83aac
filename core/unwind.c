/* SPDX-License-Identifier: MIT
 *
 * The tables that compilers write are exact at every instruction if they are "asynchronous", as they are by
 * default on x86-64; unwind_prepare looks whether epilogues are described, and takes no others.
 *
 * What assembly programmers write by hand is not exact: LuaJIT's interpreter has a single FDE with a single row,
 * which holds wherever the interpreter calls something, but not
 *   - while it makes or removes its frame: the true return address lies below the one that the row names;
 *   - in subroutines and on the way into and out of machine code: the stack pointer is lower than it says.
 * Such a row is known by its address: it is in force from the FDE's first instruction on, where a function that
 * was called by the rules cannot have a frame yet. A step from an instruction that it covers is UNWIND_ROUGH: the
 * caller must see that no return address lies in the frame that was stepped over. That finds the first group, and
 * of the second whatever the interpreter has called. The way out of machine code (it pushes all registers), and the
 * other subroutines of machine code, which follow it, are never stepped from; neither is what follows a
 * `sub $n, %rsp` closely (the way in).
 */
#include "core/unwind.h"
#include "core/cfi.h"

#include <string.h>

enum {
	REG_RBP = 6,
	REG_RSP = 7,
	REG_RETURN = CFI_RETURN_REGISTER,
	REG_PLT = 0xfe,
	REG_NONE = 0xff
};
enum { RED_ZONE = 128 };

struct entry {
	int32_t start, fde; /* both relative to .eh_frame_hdr */
};

struct row {
	uint8_t cfa_register;
	bool rbp_saved, broken;
	int64_t cfa_offset;
	int64_t rbp_offset; /* from the canonical frame address */
};

enum { REMEMBERED_MAX = 8 };

struct program {
	uintptr_t location, target;
	uint64_t code_align;
	int64_t data_align;
	bool advanced;
	bool ends_frame; /* a later row has no frame: an epilogue is described */
	bool sees_all;   /* run to the end whatever the target */
	struct row row, initial;
	struct row remembered[REMEMBERED_MAX];
	int depth;
};

/* ---- finding the description of a function ---- */

static IN_HANDLER uintptr_t from_header(const struct unwind_object *o, int32_t offset)
{
	return (uintptr_t)o->header + (uintptr_t)(intptr_t)offset;
}

static IN_HANDLER const struct entry *entries(const struct unwind_object *o)
{
	return (const struct entry *)(o->header + 12);
}

static IN_HANDLER const uint8_t *fde_of(const struct unwind_object *o, uintptr_t pc)
{
	const struct entry *entry = entries(o);
	uint32_t low = 0, high = o->count;
	while (high - low > 1) {
		uint32_t middle = low + (high - low) / 2;
		if (from_header(o, entry[middle].start) <= pc)
			low = middle;
		else
			high = middle;
	}
	return (const uint8_t *)from_header(o, entry[low].fde);
}

/* ---- the rows' program ---- */

static IN_HANDLER void set_offset(struct program *p, uint64_t reg, int64_t offset)
{
	if (reg == REG_RBP) {
		p->row.rbp_saved = true;
		p->row.rbp_offset = offset;
	} else if (reg == REG_RETURN && offset != -8) {
		p->row.broken = true;
	}
}

/* A rule that keeps the register where it is. */
static IN_HANDLER void set_same(struct program *p, uint64_t reg)
{
	if (reg == REG_RBP)
		p->row.rbp_saved = false;
	else if (reg == REG_RETURN || reg == REG_RSP)
		p->row.broken = true;
}

/* A rule that we do not follow: it does no harm to the registers that we do not follow either. */
static IN_HANDLER void set_lost(struct program *p, uint64_t reg)
{
	if (reg == REG_RBP || reg == REG_RETURN || reg == REG_RSP)
		p->row.broken = true;
}

static IN_HANDLER void restore(struct program *p, uint64_t reg)
{
	if (reg == REG_RBP) {
		p->row.rbp_saved = p->initial.rbp_saved;
		p->row.rbp_offset = p->initial.rbp_offset;
	}
}

static IN_HANDLER void set_cfa(struct program *p, uint64_t reg, int64_t offset)
{
	p->row.cfa_register = reg == REG_RSP || reg == REG_RBP ? (uint8_t)reg : REG_NONE;
	p->row.cfa_offset = offset;
	if (p->advanced && offset == 8)
		p->ends_frame = true;
}

/* false: the row that is complete now is the one wanted. */
static IN_HANDLER bool advance(struct program *p, uint64_t factored)
{
	p->location += factored * p->code_align;
	if (!p->sees_all && p->location > p->target)
		return false;
	p->advanced = true;
	return true;
}

/* The one expression that linkers write, for the stubs of the PLT: rsp + 8, and 8 more from a certain byte of each
 * 16 on, where the stub has pushed the number of its slot. The literal is that byte. */
static IN_HANDLER void set_cfa_expression(struct program *p, const uint8_t *at, uint64_t bytes)
{
	p->row.cfa_register = REG_NONE;
	if (bytes != 11 || at[0] != 0x77 || at[1] != 8 || at[2] != 0x80 || at[3] != 0 ||
	    at[4] != 0x3f || at[5] != 0x1a || (at[6] & 0xf0) != 0x30 || at[7] != 0x2a ||
	    at[8] != 0x33 || at[9] != 0x24 || at[10] != 0x22)
		return;
	p->row.cfa_register = REG_PLT;
	p->row.cfa_offset = at[6] & 0x0f;
}

enum step { STEP_ON, STEP_DONE, STEP_BAD };

/* DW_CFA_* without an operand in the opcode itself. */
static IN_HANDLER enum step extended(struct program *p, uint8_t op, const uint8_t **at,
				     const uint8_t *end)
{
	uint64_t reg, bytes;
	const uint8_t *operand = *at;
	switch (op) {
	case 0x00: /* nop */
		return STEP_ON;
	case 0x02: /* advance_loc1 */
		*at += 1;
		return advance(p, operand[0]) ? STEP_ON : STEP_DONE;
	case 0x03: /* advance_loc2 */
		*at += 2;
		return advance(p, cfi_u16_at(operand)) ? STEP_ON : STEP_DONE;
	case 0x04: /* advance_loc4 */
		*at += 4;
		return advance(p, cfi_u32_at(operand)) ? STEP_ON : STEP_DONE;
	case 0x05: /* offset_extended */
		reg = cfi_uleb(at, end);
		set_offset(p, reg, (int64_t)cfi_uleb(at, end) * p->data_align);
		return STEP_ON;
	case 0x06: /* restore_extended */
		restore(p, cfi_uleb(at, end));
		return STEP_ON;
	case 0x07: /* undefined */
		set_lost(p, cfi_uleb(at, end));
		return STEP_ON;
	case 0x08: /* same_value */
		set_same(p, cfi_uleb(at, end));
		return STEP_ON;
	case 0x09: /* register */
		set_lost(p, cfi_uleb(at, end));
		cfi_uleb(at, end);
		return STEP_ON;
	case 0x0a: /* remember_state */
		if (p->depth == REMEMBERED_MAX)
			return STEP_BAD;
		p->remembered[p->depth++] = p->row;
		return STEP_ON;
	case 0x0b: /* restore_state */
		if (p->depth == 0)
			return STEP_BAD;
		p->row = p->remembered[--p->depth];
		return STEP_ON;
	case 0x0c: /* def_cfa */
		reg = cfi_uleb(at, end);
		set_cfa(p, reg, (int64_t)cfi_uleb(at, end));
		return STEP_ON;
	case 0x0d: /* def_cfa_register */
		set_cfa(p, cfi_uleb(at, end), p->row.cfa_offset);
		return STEP_ON;
	case 0x0e: /* def_cfa_offset */
		set_cfa(p, p->row.cfa_register, (int64_t)cfi_uleb(at, end));
		return STEP_ON;
	case 0x0f: /* def_cfa_expression */
		bytes = cfi_uleb(at, end);
		if (bytes > (uint64_t)(end - *at))
			return STEP_BAD;
		set_cfa_expression(p, *at, bytes);
		*at += bytes;
		return STEP_ON;
	case 0x12: /* def_cfa_sf */
		reg = cfi_uleb(at, end);
		set_cfa(p, reg, cfi_sleb(at, end) * p->data_align);
		return STEP_ON;
	case 0x2e: /* GNU_args_size */
		cfi_uleb(at, end);
		return STEP_ON;
	default:
		return STEP_BAD;
	}
}

static IN_HANDLER enum step run(struct program *p, const uint8_t *at, const uint8_t *end)
{
	while (at < end) {
		uint8_t op = *at++, low = op & 0x3f;
		enum step step = STEP_ON;
		switch (op >> 6) {
		case 1: /* advance_loc */
			step = advance(p, low) ? STEP_ON : STEP_DONE;
			break;
		case 2: /* offset */
			set_offset(p, low, (int64_t)cfi_uleb(&at, end) * p->data_align);
			break;
		case 3:
			restore(p, low);
			break;
		default:
			step = extended(p, low, &at, end);
		}
		if (step != STEP_ON)
			return step;
	}
	return STEP_DONE;
}

/* Field by field: a compiler makes a call of memset from a large initialiser. */
static IN_HANDLER bool run_description(struct program *p, const struct cfi_description *d,
				       uintptr_t target, bool sees_all)
{
	p->location = d->start;
	p->target = target;
	p->code_align = d->code_align;
	p->data_align = d->data_align;
	p->advanced = p->ends_frame = false;
	p->sees_all = sees_all;
	p->depth = 0;
	p->row.cfa_register = REG_NONE;
	p->row.rbp_saved = p->row.broken = false;
	p->row.cfa_offset = p->row.rbp_offset = 0;
	p->initial = p->row;
	if (run(p, d->initial, d->initial_end) != STEP_DONE || p->advanced)
		return false;
	p->initial = p->row;
	return run(p, d->rows, d->rows_end) == STEP_DONE;
}

/* In force from the first instruction on, although it describes a frame. */
static IN_HANDLER bool is_rough(const struct program *p)
{
	return !p->advanced && !(p->row.cfa_register == REG_RSP && p->row.cfa_offset == 8);
}

/* Does a `sub $n, %rsp` end within a few instructions before? */
static IN_HANDLER bool follows_sub_rsp(const struct cfi_description *d, uintptr_t pc)
{
	enum { NEAR = 24 };
	const uint8_t *at = (const uint8_t *)(pc - d->start > NEAR ? pc - NEAR : d->start);
	for (; (uintptr_t)at + 3 <= pc; at++)
		if (at[0] == 0x48 && (at[1] == 0x83 || at[1] == 0x81) && at[2] == 0xec)
			return true;
	return false;
}

IN_HANDLER bool unwind_function(const struct unwind_object *o, uintptr_t address, uintptr_t *start,
				uintptr_t *end)
{
	struct cfi_description d;
	if (o->count == 0 || address < o->text_start || address >= o->text_end ||
	    !cfi_describe(fde_of(o, address), &d) || address < d.start || address >= d.end)
		return false;
	*start = d.start;
	*end = d.end;
	return true;
}

static IN_HANDLER bool is_readable(uintptr_t at, uintptr_t low, uintptr_t limit)
{
	return at >= low && at < limit && limit - at >= 8 && at % 8 == 0;
}

IN_HANDLER enum unwind_result unwind_step(const struct unwind_object *o, struct unwind_frame *f,
					  uintptr_t limit)
{
	struct cfi_description d;
	struct program p;
	uintptr_t at = f->interrupted ? f->pc : f->pc - 1;
	if (o->count == 0 || at < o->text_start || at >= o->text_end ||
	    (at >= o->odd_start && at < o->odd_end))
		return UNWIND_UNKNOWN;
	if (!cfi_describe(fde_of(o, at), &d) || at < d.start || at >= d.end ||
	    !run_description(&p, &d, at, false) || p.row.broken || p.row.cfa_register == REG_NONE)
		return UNWIND_UNKNOWN;
	if (p.row.cfa_register == REG_PLT) {
		p.row.cfa_register = REG_RSP;
		p.row.cfa_offset = (int64_t)(at % 16) >= p.row.cfa_offset ? 16 : 8;
	}
	bool rough = f->interrupted && is_rough(&p);
	if (rough && (p.row.cfa_register != REG_RSP || f->sp % 16 != 0 || follows_sub_rsp(&d, at)))
		return UNWIND_UNKNOWN;
	uintptr_t cfa =
		(p.row.cfa_register == REG_RSP ? f->sp : f->rbp) + (uintptr_t)p.row.cfa_offset;
	uintptr_t saved = cfa + (uintptr_t)p.row.rbp_offset;
	/* Epilogues do not say that rbp is back: its copy is still there, in the red zone. */
	uintptr_t lowest = f->interrupted ? f->sp - RED_ZONE : f->sp;
	if (!is_readable(cfa - 8, f->sp, limit) ||
	    (p.row.rbp_saved && !is_readable(saved, lowest, cfa)))
		return UNWIND_UNKNOWN;
	f->pc = *(const uintptr_t *)(cfa - 8);
	f->sp = cfa;
	if (p.row.rbp_saved)
		f->rbp = *(const uintptr_t *)saved;
	f->interrupted = false;
	return rough ? UNWIND_ROUGH : UNWIND_OK;
}

/* ---- outside of the handler ---- */

/* Where the hand-written code begins to save the registers of machine code: the order in which it pushes them is
 * that of its state record. Without that, all of it is odd. */
static uintptr_t odd_part_of(const struct cfi_description *d)
{
	static const uint8_t pushes[] = {0x41, 0x55, 0x41, 0x54, 0x41, 0x53, /* r13 r12 r11 */
					 0x41, 0x52, 0x41, 0x51, 0x41, 0x50 /* r10 r9 r8 */};
	for (uintptr_t at = d->start; at + sizeof(pushes) <= d->end; at++)
		if (memcmp((const void *)at, pushes, sizeof(pushes)) == 0)
			return at;
	return d->start;
}

static const uint8_t *header_of(const struct dl_phdr_info *object)
{
	for (int i = 0; i < object->dlpi_phnum; i++)
		if (object->dlpi_phdr[i].p_type == PT_GNU_EH_FRAME)
			return (const uint8_t *)(object->dlpi_addr + object->dlpi_phdr[i].p_vaddr);
	return NULL;
}

bool unwind_prepare(const struct dl_phdr_info *object, uintptr_t start, uintptr_t end,
		    struct unwind_object *o)
{
	enum {
		LARGE = 4096
	}; /* more than any part of a function that a compiler moves elsewhere */
	const uint8_t *h = header_of(object);
	bool asynchronous = false;
	*o = (struct unwind_object){.text_start = start, .text_end = end, .header = h};
	if (h == NULL || h[0] != 1 || h[2] != 0x03 || h[3] != 0x3b)
		return false;
	uint32_t count = cfi_u32_at(h + 8);
	for (uint32_t i = 0; i < count; i++) {
		struct cfi_description d;
		struct program p;
		const uint8_t *fde = (const uint8_t *)from_header(o, entries(o)[i].fde);
		if (!cfi_describe(fde, &d) || !run_description(&p, &d, 0, true))
			continue;
		asynchronous = asynchronous || p.ends_frame;
		if (!is_rough(&p) || d.end - d.start < LARGE || p.row.cfa_register != REG_RSP)
			continue;
		if (o->odd_end != 0) /* two interpreters: we know of one */
			return false;
		o->odd_start = odd_part_of(&d);
		o->odd_end = d.end;
	}
	o->count = asynchronous ? count : 0;
	return o->count != 0;
}
