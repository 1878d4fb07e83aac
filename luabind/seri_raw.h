/* SPDX-License-Identifier: MIT
 *
 * Packing tables as they lie in memory: the fast way for what messages are made of. Whatever it does not know it leaves
 * to the API: tables that iterate by themselves, what cannot be packed, light userdata.
 */
#ifndef LUABIND_SERI_RAW_H
#define LUABIND_SERI_RAW_H

#include "luabind/rawtable.h"
#include "luabind/seri_write.h"

enum seri_raw_result {
	SERI_RAW_DONE,
	SERI_RAW_FULL,  /* no room; try again with more */
	SERI_RAW_OTHER, /* something for the API is in it; raising errors is the API's too */
};

/* Writes the table. Not DONE: what is written behind `w->at` as it was has no meaning, and `w->at` stands somewhere. The
 * layout is proven. Raises nothing, allocates nothing. `depth`: how many tables it is in. Thread that runs the VM. */
enum seri_raw_result seri_raw_table(struct seri_writer *w, const struct rawtable *t, int depth);

/* The same of `count` values as they stand on the stack, one after the other. */
enum seri_raw_result seri_raw_values(struct seri_writer *w, const rawvalue *values, size_t count);
/* How many bytes `count` values take at the most, if none of them is a table or something for the API; else 0. */
size_t seri_raw_bound(const rawvalue *values, size_t count);

#endif
