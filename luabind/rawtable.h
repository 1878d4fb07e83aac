/* SPDX-License-Identifier: MIT
 *
 * Values of LuaJIT as they lie in memory, to be read and written without its API: a call of lua_next and what belongs to it costs
 * ten times what the value in it does, and a key that is put into a table three times what the rest of a small message takes.
 * Packing reads whole messages this way, unpacking writes what it makes.
 *
 * The layout below is LuaJIT's own business (x86-64, GC64), so nothing here may be used before rawtable_prove() has found
 * it in the very library that is loaded: it makes a VM, fills it with tables of every kind, and compares what these
 * functions read with what the API says, value by value, never reading outside of that VM's memory; then it writes what they
 * write, and looks at it by the API. If anything differs, rawtable_proven() stays false and everybody goes by the API.
 *
 * What keeps it safe afterwards:
 *  - a pointer from here lives only as long as no function of Lua's API is called that may allocate: the collector runs
 *    then, and with it finalizers, which may change any table, and the stack may move. What is on the stack stays alive.
 *  - Values are written to three places only. The stack, below `top`, is the running function's own; the collector
 *    goes through all of it at the end of each cycle, so it has no barriers. A table since whose making nothing has
 *    been allocated: the collector has not seen it yet (it is white), so it needs no barrier either, and nobody else
 *    has it. Numbers, into the array of any table of ours: they are no object. What is written was on the stack, is
 *    held by a table that is, or is no object.
 *  - Whatever comes from a message becomes a value by raw_of_any_number, or by the API.
 *  - Parking in between does no harm, since nobody may touch a parked VM. A VM that is to end is not closed here: its
 *    service runs on until it is out of C (`fate` in vm.c), or is abandoned, and then nobody looks at its tables
 *    again.
 *
 * Thread that runs the VM only. All PARKABLE.
 */
#ifndef LUABIND_RAWTABLE_H
#define LUABIND_RAWTABLE_H

#include "core/base.h"

#include <string.h>

/* A tagged value: a double, or 17 bits of tag and an address. */
typedef uint64_t rawvalue;

struct rawstring {
	uint64_t next;
	uint8_t head[12];
	uint32_t length;
	char text[];
};

struct rawnode {
	rawvalue value, key;
	uint64_t next;
};

struct rawtable {
	uint64_t next;
	uint8_t head[8];
	const rawvalue *array; /* [0] is the value of key 0 */
	uint64_t gclist;
	const struct rawtable *metatable;
	const struct rawnode *node;
	uint32_t asize, hmask; /* places in `array`; nodes less one */
};

struct rawcdata {
	uint64_t next;
	uint8_t head[2];
	uint16_t type;
	uint32_t unused;
	int64_t integer; /* of an int64_t or uint64_t */
};

/* The head of a lua_State. */
struct rawstate {
	uint64_t next;
	uint8_t head[24];
	rawvalue *base, *top; /* of the function that runs: its arguments, then what it has pushed */
	const rawvalue *limit; /* `top` stays below it; the API makes the stack larger */
};

_Static_assert(offsetof(struct rawstate, base) == 32, "as in LuaJIT");
_Static_assert(offsetof(struct rawstring, text) == 24, "as in LuaJIT");
_Static_assert(sizeof(struct rawnode) == 24, "as in LuaJIT");
_Static_assert(offsetof(struct rawtable, asize) == 48, "as in LuaJIT");
_Static_assert(offsetof(struct rawcdata, integer) == 16, "as in LuaJIT");

#define RAW_ADDRESS_BITS 47
#define RAW_SEGMENT_BITS 39 /* light userdata: so many bits are the address's, the others stand for a segment of 512 GB */
#define RAW_NIL		 UINT64_MAX
#define RAW_NAN		 0xfff8000000000000u

/* The complement of what stands above the address; numbers have larger ones than all of these. */
enum rawtag {
	RAW_TAG_NIL = 0,
	RAW_TAG_FALSE = 1,
	RAW_TAG_TRUE = 2,
	RAW_TAG_LIGHT = 3,
	RAW_TAG_STRING = 4,
	RAW_TAG_CDATA = 10,
	RAW_TAG_TABLE = 11,
	RAW_TAG_NUMBERS = 13,
};

/* Constant after rawtable_prove. */
extern struct rawtable_layout {
	bool proven;
	uint16_t int64_type, uint64_type; /* 0: the library has no FFI */
} rawtable_layout;

/* Looks for the layout in the library. Main, before the first VM; tests. Returns rawtable_proven(). */
bool rawtable_prove(void);
/* For tests of the way without: not proven from now on. */
void rawtable_distrust(void);

/* May the functions below be used? Any thread. */
static inline PARKABLE bool rawtable_proven(void)
{
	return rawtable_layout.proven;
}

/* Tags that have no name above are of what cannot be packed. */
static inline PARKABLE unsigned raw_tag(rawvalue v)
{
	return (unsigned)(~v >> RAW_ADDRESS_BITS);
}

static inline PARKABLE bool raw_is_number(rawvalue v)
{
	return raw_tag(v) > RAW_TAG_NUMBERS;
}

static inline PARKABLE double raw_number(rawvalue v)
{
	double number;
	memcpy(&number, &v, sizeof(number));
	return number;
}

static inline PARKABLE rawvalue raw_of_number(double number)
{
	rawvalue v;
	memcpy(&v, &number, sizeof(v));
	return v;
}

/* The same of a number that anybody may have made. Of all bit patterns that are no number to the processor only one is no number
 * to LuaJIT as well: others would be tags with an address, made by whoever sent them. */
static inline PARKABLE rawvalue raw_of_any_number(double number)
{
	return LIKELY(number == number) ? raw_of_number(number) : RAW_NAN;
}

/* nil, false, true: the values that have nothing but a tag. */
static inline PARKABLE rawvalue raw_of_tag(enum rawtag tag)
{
	return ~((rawvalue)tag << RAW_ADDRESS_BITS);
}

static inline PARKABLE bool raw_same_segment(const void *a, const void *b)
{
	return (uintptr_t)a >> RAW_SEGMENT_BITS == (uintptr_t)b >> RAW_SEGMENT_BITS;
}

/* The light userdata of an address, by one of another address in the same segment. */
static inline PARKABLE rawvalue raw_of_light(rawvalue beside, const void *address)
{
	rawvalue mask = ((rawvalue)1 << RAW_SEGMENT_BITS) - 1;
	return (beside & ~mask) | ((uintptr_t)address & mask);
}

static inline PARKABLE const void *raw_object(rawvalue v)
{
	return (const void *)(uintptr_t)(v & (((uint64_t)1 << RAW_ADDRESS_BITS) - 1));
}

/* What the running C function has on its stack, from the first argument on. Anything that may allocate may move it. */
static inline PARKABLE rawvalue *raw_stack(const void *L, size_t *count)
{
	const struct rawstate *state = L;
	*count = (size_t)(state->top - state->base);
	return state->base;
}

/* How many values the running function has on its stack. */
static inline PARKABLE size_t raw_height(const void *L)
{
	const struct rawstate *state = L;
	return (size_t)(state->top - state->base);
}

/* Is there room for so many more values? Only until something may allocate: the collector makes large stacks smaller. */
static inline PARKABLE bool raw_has_room(const void *L, size_t count)
{
	const struct rawstate *state = L;
	return (size_t)(state->limit - state->top) > count;
}

/* Pushes a value that is no object of the collector's, or one that it can reach by another way until the next push.
 * There is room. */
static inline PARKABLE void raw_push(void *L, rawvalue v)
{
	struct rawstate *state = L;
	*state->top++ = v;
}

/* Removes what is above the first `height` values. */
static inline PARKABLE void raw_cut(void *L, size_t height)
{
	struct rawstate *state = L;
	state->top = state->base + height;
}

/* By the address that lua_topointer gives for a cdata. */
static inline PARKABLE const struct rawcdata *rawcdata_of(const void *payload)
{
	return (const void *)((const char *)payload - offsetof(struct rawcdata, integer));
}

/* Is it the cdata of a 64-bit integer? Others may be shorter: `integer` must not be read then. */
static inline PARKABLE bool raw_is_int64(const struct rawcdata *c)
{
	return c->type != 0 && (c->type == rawtable_layout.int64_type || c->type == rawtable_layout.uint64_type);
}

/* Puts a value where the array of `t` has a place for it: `index` < t->asize. A number may go into any table, since it needs no
 * word to the collector; for other values see rawtable_put_values. */
static inline PARKABLE void rawtable_put_value(const struct rawtable *t, uint32_t index, rawvalue value)
{
	((rawvalue *)(uintptr_t)t->array)[index] = value;
}

static inline PARKABLE void rawtable_put_number(const struct rawtable *t, uint32_t index, double number)
{
	rawtable_put_value(t, index, raw_of_any_number(number));
}

/* Puts `count` values from the stack into the array of `t` from key 1 on; t->asize > count. Nothing has been
 * allocated since `t` was made. */
static inline PARKABLE void rawtable_put_values(const struct rawtable *t, const rawvalue *values, size_t count)
{
	rawvalue *array = (rawvalue *)(uintptr_t)t->array;
	for (size_t i = 0; i < count; i++)
		array[i + 1] = values[i];
}

/* Gives `t`, which is new as above, a pair in node `index`, which is where `from` has the key; both have as many nodes, more than
 * one. All keys of `from` are given before anything is looked up in `t` or put into it: the nodes are linked as they
 * are in `from`. Its count of free nodes stays as it is in a new table, which is only the place where LuaJIT begins
 * to look for one. No key is the name of a metamethod: a new table is known to have none. */
static inline PARKABLE void rawtable_put_pair(const struct rawtable *t, const struct rawtable *from, uint32_t index, rawvalue key,
					      rawvalue value)
{
	struct rawnode *node = (struct rawnode *)(uintptr_t)&t->node[index];
	uint64_t next = from->node[index].next, distance = (uintptr_t)t->node - (uintptr_t)from->node;
	node->value = value;
	node->key = key;
	node->next = next ? next + distance : 0;
}

/* What `#` says, as far as the array goes: if the key after it is in the hash part, `#` may be more. */
uint32_t rawtable_border(const struct rawtable *t);
/* Has it this string as a key? */
bool rawtable_has_key(const struct rawtable *t, const char *text, uint32_t length);

#endif
