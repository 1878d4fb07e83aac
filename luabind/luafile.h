/* SPDX-License-Identifier: MIT
 *
 * A config file, evaluated. The file is Lua, as in skynet: assignments to globals, `include
 * "path"`, and
 * `$NAME` anywhere in the text, comments too, for a variable of the process's environment. It runs
 * in a throwaway LuaJIT state with no libraries, the JIT off, and limits on its time and memory, so
 * that no config file can hang or bloat the start. What comes out is a plain C tree that knows, for
 * every key, where it was written.
 */
#ifndef LUABIND_LUAFILE_H
#define LUABIND_LUAFILE_H

#include "core/base.h"

enum conf_kind {
	CONF_STRING,
	CONF_NUMBER,
	CONF_BOOLEAN,
	CONF_TABLE,
};

struct conf_value {
	enum conf_kind kind;
	const char *key; /* NULL: a numeric key, see `index` */
	double index;
	const char *name; /* with all that leads to it: service["log*"].slice */
	const char *text; /* as Lua's tostring has it; no zero byte within; NULL for a table */
	double number;
	bool boolean;
	const char *file; /* where the key stands */
	int line;         /* 0: unknown; a computed key has its nearest known ancestor's */
	/* A table's, in the order of the text; keys that the text does not spell out come last, by
	 * number or name. */
	struct conf_value *children;
	size_t child_count;
	size_t order; /* private: sorts the children */
};

/* Owned by whoever loaded it, used by one thread at a time. All that hangs on it goes with it. */
struct luafile {
	struct conf_value *root; /* a table; NULL when the file did not run to its end */
	const char **errors;     /* whole lines, "FILE:LINE: TEXT", for the user */
	size_t error_count;
	struct luafile_block *blocks; /* private: all memory of this file */
};

/* Reads and evaluates `path`; relative includes count from the folder of the file they stand in.
 * Never NULL: look at `errors`. Free with luafile_free. Any thread. */
struct luafile *luafile_load(const char *path);
/* The same for a text that is no file; `name` is what messages call it and includes count from. */
struct luafile *luafile_parse(const char *name, const char *text, size_t size_bytes);
/* NULL is fine. */
void luafile_free(struct luafile *f);

/* For those who build the file (luarun, luatree): memory and errors that live as long as it does.
 */
void *luafile_arena(struct luafile *f, size_t bytes);
const char *luafile_text(struct luafile *f, const char *text, size_t length);
const char *luafile_format(struct luafile *f, const char *format, ...) PRINTF(2, 3);
void luafile_add_error(struct luafile *f, const char *text);

/* A word for people: "a string", "a table", ... */
const char *conf_kind_name(enum conf_kind kind);

#endif
