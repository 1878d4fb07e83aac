/* SPDX-License-Identifier: MIT
 *
 * The heap of a VM against plain malloc: an allocation-heavy Lua program (medians, the two taking
 * turns), and what VMs hold beyond what they use, bare with libraries and filled with data.
 */
#include "luabind/heap.h"

#include "core/clock.h"
#include "core/mem.h"
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

#define ROUNDS 15
#define VMS    200

static const char program[] = "local t = {}\n"
			      "for i = 1, 150000 do\n"
			      "  t[i % 2048 + 1] = {id = i, name = 'n' .. i, pos = {i, i * 2}, f = "
			      "function() return i end}\n"
			      "end\n";

static void *plain_alloc(void *ud, void *block, size_t old_bytes, size_t new_bytes)
{
	(void)ud, (void)old_bytes;
	if (new_bytes == 0) {
		mem_free(block);
		return NULL;
	}
	return block ? mem_try_realloc(block, new_bytes) : mem_try_alloc(new_bytes);
}

static double run_ms(lua_Alloc alloc, void *ud)
{
	lua_State *L = lua_newstate(alloc, ud);
	luaL_openlibs(L);
	int64_t start_ns = clock_self_cpu_ns();
	if (luaL_dostring(L, program))
		abort();
	lua_close(L);
	return (double)(clock_self_cpu_ns() - start_ns) / NS_PER_MS;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static void time_program(void)
{
	double plain[ROUNDS], ours[ROUNDS];
	for (int round = 0; round < ROUNDS; round++) {
		struct heap *h = heap_new(0);
		heap_add_first(h);
		plain[round] = run_ms(plain_alloc, NULL);
		ours[round] = run_ms(heap_alloc, h);
		heap_delete(h);
	}
	qsort(plain, ROUNDS, sizeof(*plain), compare);
	qsort(ours, ROUNDS, sizeof(*ours), compare);
	double plain_ms = plain[ROUNDS / 2], ours_ms = ours[ROUNDS / 2];
	printf("program: malloc %.1f ms, heap %.1f ms, ratio %.3f\n", plain_ms, ours_ms,
	       ours_ms / plain_ms);
}

static size_t resident_bytes(void)
{
	unsigned long total = 0, resident = 0;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f == NULL || fscanf(f, "%lu %lu", &total, &resident) != 2)
		resident = 0;
	if (f != NULL)
		fclose(f);
	return resident * 4096;
}

static void weigh_vms(const char *name, const char *chunk, size_t vms)
{
	static struct heap *heaps[VMS];
	static lua_State *states[VMS];
	size_t used = 0, held = 0;
	size_t system_before = mem_allocated_bytes(), resident_before = resident_bytes();
	for (size_t i = 0; i < vms; i++) {
		heaps[i] = heap_new(0);
		heap_add_first(heaps[i]);
		states[i] = lua_newstate(heap_alloc, heaps[i]);
		luaL_openlibs(states[i]);
		if (luaL_dostring(states[i], chunk))
			abort();
		lua_gc(states[i], LUA_GCCOLLECT, 0);
		used += heap_used_bytes(heaps[i]);
		held += heap_held_bytes(heaps[i]);
	}
	size_t system = mem_allocated_bytes() - system_before;
	size_t resident = resident_bytes() - resident_before;
	printf("%s VM: used %zu, held %zu (+%.1f %%), of the system %zu (+%.1f %%), resident %zu\n",
	       name, used / vms, held / vms, 100.0 * (double)held / (double)used - 100,
	       system / vms, 100.0 * (double)system / (double)used - 100, resident / vms);
	for (size_t i = 0; i < vms; i++) {
		lua_close(states[i]);
		heap_delete(heaps[i]);
	}
}

int main(void)
{
	weigh_vms("bare", "", VMS);
	weigh_vms("filled",
		  "kept = {} for i = 1, 3000 do\n"
		  "  kept[i] = {id = i, name = 'n' .. i, pos = {i, i * 2}}\n"
		  "end",
		  20);
	time_program();
	return 0;
}
