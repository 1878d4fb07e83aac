/* SPDX-License-Identifier: MIT */
#include "luabind/codecache.h"
#include "core/mem.h"

#include <lauxlib.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#define BUCKETS 1024u

/* What tells one version of a file from the next. */
struct version {
	int64_t mtime_ns;
	int64_t size_bytes;
	uint64_t inode;
};

/* Constant once it is in the table, but for what is said to be under the lock. */
struct chunk {
	char *path;
	struct version version;
	size_t code_bytes;
	unsigned char *code;

	struct chunk *next;  /* under `lock` */
	uint32_t references; /* under `lock`; the table has one */
	uint64_t looked;     /* under `lock`: the value of `clears` when the file was compared last */
};

static struct {
	pthread_mutex_t lock;
	struct chunk *bucket[BUCKETS]; /* by path */
	uint64_t clears;
	struct codecache_figures figures;
} cache = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- the table ---- */

static struct chunk **bucket_of(const char *path)
{
	uint32_t hash = 2166136261u;
	for (const char *at = path; *at; at++)
		hash = (hash ^ (unsigned char)*at) * 16777619u;
	return &cache.bucket[hash % BUCKETS];
}

/* Under `lock`. The link that holds the chunk, or the end of the chain. */
static struct chunk **link_of(const char *path)
{
	struct chunk **link = bucket_of(path);
	while (*link && strcmp((*link)->path, path) != 0)
		link = &(*link)->next;
	return link;
}

/* Under `lock`. */
static void let_go(struct chunk *c)
{
	if (--c->references > 0)
		return;
	mem_free(c->path);
	mem_free(c->code);
	mem_free(c);
}

/* Under `lock`. */
static void take_out(struct chunk **link)
{
	struct chunk *c = *link;
	*link = c->next;
	cache.figures.chunks--;
	cache.figures.bytes -= c->code_bytes;
	let_go(c);
}

/* Under `lock`. Of two that were compiled at the same time the later one stays. */
static void put_in(struct chunk *c)
{
	struct chunk **link = link_of(c->path);
	if (*link)
		take_out(link);
	struct chunk **first = bucket_of(c->path);
	c->next = *first;
	*first = c;
	cache.figures.chunks++;
	cache.figures.bytes += c->code_bytes;
}

static bool version_of(const char *path, struct version *out)
{
	struct stat s;
	if (stat(path, &s) != 0 || !S_ISREG(s.st_mode))
		return false;
	*out = (struct version){
		.mtime_ns = s.st_mtim.tv_sec * 1000000000ll + s.st_mtim.tv_nsec,
		.size_bytes = s.st_size,
		.inode = s.st_ino,
	};
	return true;
}

static bool same_version(const struct version *a, const struct version *b)
{
	return a->mtime_ns == b->mtime_ns && a->size_bytes == b->size_bytes && a->inode == b->inode;
}

/* A chunk with a reference for the caller, and whether its file must be looked at. NULL: there is none. */
static struct chunk *find(const char *path, bool *suspect, uint64_t *clears)
{
	pthread_mutex_lock(&cache.lock);
	struct chunk *c = *link_of(path);
	*clears = cache.clears;
	if (c) {
		c->references++;
		*suspect = c->looked != cache.clears;
	}
	pthread_mutex_unlock(&cache.lock);
	return c;
}

/* Gives back what `find` gave; `good`: its file was as it is here, when the cache had been cleared that often. */
static void judge(struct chunk *c, bool good, uint64_t clears)
{
	pthread_mutex_lock(&cache.lock);
	struct chunk **link = link_of(c->path);
	if (good)
		c->looked = clears;
	else if (*link == c)
		take_out(link);
	cache.figures.hits += good;
	let_go(c);
	pthread_mutex_unlock(&cache.lock);
}

/* ---- bytecode ---- */

struct buffer {
	unsigned char *data;
	size_t size_bytes, room_bytes;
};

static int append(lua_State *L UNUSED, const void *data, size_t size_bytes, void *state)
{
	struct buffer *b = state;
	if (b->size_bytes + size_bytes > b->room_bytes) {
		b->room_bytes = 2 * b->room_bytes + size_bytes;
		b->data = mem_realloc(b->data, b->room_bytes);
	}
	memcpy(b->data + b->size_bytes, data, size_bytes);
	b->size_bytes += size_bytes;
	return 0;
}

/* Keeps the function on top of the stack. What cannot be dumped (no memory in the VM) is not kept. */
static void keep(lua_State *L, const char *path, const struct version *version, uint64_t clears)
{
	struct buffer b = {0};
	if (lua_dump(L, append, &b) != 0 || b.size_bytes == 0) {
		mem_free(b.data);
		return;
	}
	struct chunk *c = mem_zalloc(sizeof(*c));
	c->path = mem_strdup(path);
	c->version = *version;
	c->code = mem_realloc(b.data, b.size_bytes);
	c->code_bytes = b.size_bytes;
	c->references = 1;
	c->looked = clears;
	pthread_mutex_lock(&cache.lock);
	put_in(c);
	cache.figures.misses++;
	pthread_mutex_unlock(&cache.lock);
}

bool codecache_has_file(const char *path)
{
	pthread_mutex_lock(&cache.lock);
	const struct chunk *c = *link_of(path);
	bool has = c && c->looked == cache.clears;
	pthread_mutex_unlock(&cache.lock);
	return has;
}

static int load_code(lua_State *L, const struct chunk *c)
{
	/* The name comes from the bytecode. */
	return luaL_loadbuffer(L, (const char *)c->code, c->code_bytes, c->path);
}

int codecache_load_file(lua_State *L, const char *path, enum codecache_mode mode)
{
	struct version now = {0};
	bool suspect = false;
	uint64_t clears = 0;
	struct chunk *c = mode == CODECACHE_OFF ? NULL : find(path, &suspect, &clears);
	if (c) {
		bool good = !suspect || (version_of(path, &now) && same_version(&now, &c->version));
		int status = good ? load_code(L, c) : 0;
		judge(c, good, clears);
		if (good)
			return status;
	}
	/* Looked at before it is read: a change in between makes the next look find a difference. */
	bool keepable = mode == CODECACHE_ON && version_of(path, &now);
	int status = luaL_loadfile(L, path);
	if (status == 0 && keepable)
		keep(L, path, &now, clears);
	return status;
}

int codecache_load_embedded(lua_State *L, const struct embedded *e)
{
	static const struct version never_changes;
	bool suspect = false;
	uint64_t clears = 0;
	struct chunk *c = find(e->chunkname, &suspect, &clears);
	if (c) {
		int status = load_code(L, c);
		judge(c, true, clears);
		return status;
	}
	int status = luaL_loadbuffer(L, (const char *)e->source, e->size_bytes, e->chunkname);
	if (status == 0)
		keep(L, e->chunkname, &never_changes, clears);
	return status;
}

void codecache_clear(void)
{
	pthread_mutex_lock(&cache.lock);
	cache.clears++;
	pthread_mutex_unlock(&cache.lock);
}

uint64_t codecache_clears(void)
{
	pthread_mutex_lock(&cache.lock);
	uint64_t clears = cache.clears;
	pthread_mutex_unlock(&cache.lock);
	return clears;
}

void codecache_figures(struct codecache_figures *out)
{
	pthread_mutex_lock(&cache.lock);
	*out = cache.figures;
	pthread_mutex_unlock(&cache.lock);
}

/* ---- the module ---- */

static const char *const mode_names[] = {"OFF", "EXIST", "ON", NULL};
static const char mode_key; /* its address is the registry key of the VM's mode */

static enum codecache_mode mode_of(lua_State *L)
{
	lua_pushlightuserdata(L, (void *)(uintptr_t)&mode_key);
	lua_rawget(L, LUA_REGISTRYINDEX);
	enum codecache_mode mode =
		lua_isnil(L, -1) ? CODECACHE_ON : (enum codecache_mode)lua_tointeger(L, -1);
	lua_pop(L, 1);
	return mode;
}

/* ([mode]) -> the mode, when none is given; this service's only */
static int cache_mode(lua_State *L)
{
	if (lua_isnoneornil(L, 1)) {
		lua_pushstring(L, mode_names[mode_of(L)]);
		return 1;
	}
	int mode = luaL_checkoption(L, 1, NULL, mode_names);
	lua_pushlightuserdata(L, (void *)(uintptr_t)&mode_key);
	lua_pushinteger(L, mode);
	lua_rawset(L, LUA_REGISTRYINDEX);
	return 0;
}

static int cache_clear(lua_State *L UNUSED)
{
	codecache_clear();
	return 0;
}

/* (path [, mode [, env]]) -> function, or nil and a message: as Lua's loadfile, whose work it leaves to the
 * original (upvalue 1) when there is no path, or a mode that bytecode might not be allowed by. */
static int cache_loadfile(lua_State *L)
{
	const char *path = luaL_optstring(L, 1, NULL);
	if (path == NULL || !lua_isnoneornil(L, 2)) {
		lua_pushvalue(L, lua_upvalueindex(1));
		lua_insert(L, 1);
		lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
		return lua_gettop(L);
	}
	bool own_environment = lua_gettop(L) >= 3;
	if (codecache_load_file(L, path, mode_of(L)) != 0) {
		lua_pushnil(L);
		lua_insert(L, -2);
		return 2;
	}
	if (own_environment) {
		lua_pushvalue(L, 3);
		lua_setfenv(L, -2);
	}
	return 1;
}

/* () -> { chunks =, bytes =, hits =, misses = } of the process */
static int cache_figures(lua_State *L)
{
	struct codecache_figures f;
	codecache_figures(&f);
	lua_createtable(L, 0, 4);
	lua_pushnumber(L, (lua_Number)f.chunks);
	lua_setfield(L, -2, "chunks");
	lua_pushnumber(L, (lua_Number)f.bytes);
	lua_setfield(L, -2, "bytes");
	lua_pushnumber(L, (lua_Number)f.hits);
	lua_setfield(L, -2, "hits");
	lua_pushnumber(L, (lua_Number)f.misses);
	lua_setfield(L, -2, "misses");
	return 1;
}

/* Upvalue 1: the loadfile with the cache. */
static int open_module(lua_State *L)
{
	static const luaL_Reg functions[] = {
		{"clear", cache_clear},
		{"mode", cache_mode},
		{"figures", cache_figures},
		{NULL, NULL},
	};
	lua_newtable(L);
	luaL_register(L, NULL, functions);
	lua_pushvalue(L, lua_upvalueindex(1));
	lua_setfield(L, -2, "loadfile");
	return 1;
}

void codecache_open(lua_State *L)
{
	lua_getglobal(L, "loadfile");
	lua_pushcclosure(L, cache_loadfile, 1);
	lua_pushvalue(L, -1);
	lua_setglobal(L, "loadfile");
	lua_getglobal(L, "package");
	lua_getfield(L, -1, "preload");
	lua_pushvalue(L, -3);
	lua_pushcclosure(L, open_module, 1);
	lua_setfield(L, -2, "skynet.codecache");
	lua_pop(L, 3);
}
