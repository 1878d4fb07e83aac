/* SPDX-License-Identifier: MIT */
#include "conf/types.h"
#include "conf/cli.h"
#include "luabind/embedded.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

/* The folders above a file. */
static bool make_folders(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		bool failed = mkdir(path, 0777) != 0 && errno != EEXIST;
		*slash = '/';
		if (failed)
			return false;
	}
	return true;
}

static bool write_file(char *path, const struct embedded *e)
{
	if (!make_folders(path))
		return false;
	FILE *file = fopen(path, "w");
	if (file == NULL)
		return false;
	bool written = fwrite(e->source, 1, e->size_bytes, file) == e->size_bytes;
	return fclose(file) == 0 && written;
}

int types_write(const char *folder)
{
	int count = 0;
	for (size_t i = 0; i < embedded_count; i++) {
		const struct embedded *e = &embedded_table[i];
		char path[PATH_MAX];
		if (strcmp(e->kind, "types") != 0)
			continue;
		errno = ENAMETOOLONG;
		if (snprintf(path, sizeof(path), "%s/%s", folder, e->name) >= (int)sizeof(path) ||
		    !write_file(path, e)) {
			fprintf(stderr, "equilune: %s/%s: %s\n", folder, e->name, strerror(errno));
			return CLI_EXIT_FAILURE;
		}
		count++;
	}
	printf("%d files in %s; for LuaLS: \"workspace.library\": [\"%s\"], \"runtime.version\": \"LuaJIT\"\n", count,
	       folder, folder);
	return CLI_EXIT_OK;
}
