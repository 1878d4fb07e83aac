/* SPDX-License-Identifier: MIT */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/base.h"
#include "core/cgroup.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* A folder with `proc` and `groups` of its own. */
static char root[64], proc[80], groups[80];

static void make_folders(const char *path)
{
	char part[512];
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		snprintf(part, sizeof(part), "%.*s", (int)(slash - path), path);
		assert_true(mkdir(part, 0700) == 0 || errno == EEXIST);
	}
}

/* `path` is below the root. */
static void put(const char *path, const char *text)
{
	char full[512];
	snprintf(full, sizeof(full), "%s/%s", root, path);
	make_folders(full);
	FILE *f = fopen(full, "w");
	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int64_t quota(void)
{
	return cgroup_quota_millicpus(proc, groups);
}

static int begin(void **state)
{
	snprintf(root, sizeof(root), "/tmp/equilune-cgroup-XXXXXX");
	assert_non_null(mkdtemp(root));
	snprintf(proc, sizeof(proc), "%s/proc", root);
	snprintf(groups, sizeof(groups), "%s/groups", root);
	(void)state;
	return 0;
}

static int end(void **state)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf '%s'", root);
	(void)state;
	return system(command);
}

static void nothing_there(void **state)
{
	assert_int_equal(quota(), 0);
	put("proc/self/cgroup", "");
	assert_int_equal(quota(), 0);
	put("proc/self/cgroup", "rubbish\n0:\n:::\n0::/a/b\n4:cpu:/x\n");
	assert_int_equal(quota(), 0);
	(void)state;
}

static void version_2(void **state)
{
	put("proc/self/cgroup", "0::/user.slice/game.service\n");
	put("groups/user.slice/game.service/cpu.max", "max 100000\n");
	assert_int_equal(quota(), 0);
	put("groups/user.slice/game.service/cpu.max", "150000 100000\n");
	assert_int_equal(quota(), 1500);
	/* An ancestor that leaves less. */
	put("groups/user.slice/cpu.max", "50000 100000\n");
	assert_int_equal(quota(), 500);
	put("groups/user.slice/cpu.max", "400000 100000\n");
	assert_int_equal(quota(), 1500);
	/* The top, and a quota too small to show. */
	put("groups/cpu.max", "1 100000000\n");
	assert_int_equal(quota(), 1);
	put("groups/cpu.max", "-5 100000\n");
	assert_int_equal(quota(), 1500);
	put("groups/cpu.max", "100000\n");
	assert_int_equal(quota(), 1500);
	put("groups/cpu.max", "100000 0\n");
	assert_int_equal(quota(), 1500);
	put("groups/cpu.max", "9223372036854775807 1\n");
	assert_int_equal(quota(), 1500);
	(void)state;
}

/* Without a namespace for groups the path is the host's, and of its folders none is here but the top. */
static void version_2_in_a_container(void **state)
{
	put("proc/self/cgroup", "0::/docker/0123456789abcdef\n");
	put("groups/cpu.max", "200000 100000\n");
	assert_int_equal(quota(), 2000);
	put("proc/self/cgroup", "0::/../other\n");
	assert_int_equal(quota(), 2000);
	put("proc/self/cgroup", "0::/\n");
	assert_int_equal(quota(), 2000);
	(void)state;
}

static void version_1(void **state)
{
	put("proc/self/cgroup", "7:memory:/x\n4:cpu,cpuacct:/game/one\n1:name=systemd:/\n");
	put("groups/cpu,cpuacct/game/one/cpu.cfs_quota_us", "-1\n");
	put("groups/cpu,cpuacct/game/one/cpu.cfs_period_us", "100000\n");
	put("groups/memory/x/cpu.cfs_quota_us", "1000\n");
	put("groups/memory/x/cpu.cfs_period_us", "100000\n");
	assert_int_equal(quota(), 0);
	put("groups/cpu,cpuacct/game/one/cpu.cfs_quota_us", "250000\n");
	assert_int_equal(quota(), 2500);
	put("groups/cpu,cpuacct/game/cpu.cfs_quota_us", "10000\n");
	put("groups/cpu,cpuacct/game/cpu.cfs_period_us", "20000\n");
	assert_int_equal(quota(), 500);
	/* By the customary link, whatever the line calls the controllers. */
	put("proc/self/cgroup", "4:cpuacct,cpu:/\n");
	put("groups/cpu/cpu.cfs_quota_us", "30000\n");
	put("groups/cpu/cpu.cfs_period_us", "10000\n");
	assert_int_equal(quota(), 3000);
	/* cpuset and cpuacct are not cpu. */
	put("proc/self/cgroup", "3:cpuset:/\n2:cpuacct:/\n");
	assert_int_equal(quota(), 0);
	(void)state;
}

static void both_versions(void **state)
{
	put("proc/self/cgroup", "1:cpu:/a\n0::/b\n");
	put("groups/cpu/a/cpu.cfs_quota_us", "300000\n");
	put("groups/cpu/a/cpu.cfs_period_us", "100000\n");
	assert_int_equal(quota(), 3000);
	put("groups/unified/b/cpu.max", "200000 100000\n");
	assert_int_equal(quota(), 2000);
	put("groups/cpu/a/cpu.cfs_quota_us", "100000\n");
	assert_int_equal(quota(), 1000);
	(void)state;
}

int main(void)
{
#define IN_A_FOLDER(f) cmocka_unit_test_setup_teardown(f, begin, end)
	const struct CMUnitTest tests[] = {
		IN_A_FOLDER(nothing_there),
		IN_A_FOLDER(version_2),
		IN_A_FOLDER(version_2_in_a_container),
		IN_A_FOLDER(version_1),
		IN_A_FOLDER(both_versions),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
