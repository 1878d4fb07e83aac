/* SPDX-License-Identifier: MIT
 *
 * What a launch asks the config for, and when. Nothing runs: there are no workers.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "core/handle.h"
#include "core/timer.h"
#include "luabind/luabind.h"
#include "sched/sched.h"

#include <stdio.h>
#include <string.h>

static char asked[128]; /* the last name */
static int times;
static int32_t weight[2]; /* the answers of the first and the second time */

static void options_for(const char *name, struct vm_options *out)
{
	snprintf(asked, sizeof(asked), "%s", name);
	*out = (struct vm_options){.sched = settings_preset[CLASS_NORMAL]};
	out->sched.weight = weight[times++ > 0];
}

static struct service *launch(const char *line)
{
	times = 0;
	uint32_t handle = vm_launch(line, 0);
	assert_int_not_equal(handle, 0);
	struct service *s = service_grab(handle);
	assert_non_null(s);
	assert_string_equal(asked, s->name);
	return s;
}

static void weighs(struct service *s, int wanted)
{
	struct settings now;
	sched_settings_of(s, &now);
	assert_int_equal(now.weight, wanted);
	service_release(s);
}

/* A reload in the middle of a launch does not see the service: the launch sees the reload. */
static void the_config_changes_meanwhile(void **state)
{
	weight[0] = weight[1] = 7;
	weighs(launch("x"), 7);
	weight[1] = 9;
	weighs(launch("x"), 9);
	(void)state;
}

static void names(void **state)
{
	static const char *const samples[][2] = {
		{"main", "main"},
		{"main a b", "main"},
		{"  main\ta", "main"},
		{"\n\v\f\r main", "main"},
		{"main\nlog", "main"},
		{"main\vlog", "main"},
		{"main\flog", "main"},
		{"main\rlog", "main"},
		{"dir/main", "dir/main"},
		{"m*[a]?", "m*[a]?"},
		{"a\1b\x1b[2Jc\x7f", "a?b?[2Jc?"},
		{"\xc3\xa4 x", "\xc3\xa4"},
		{"", ""},
	};
	for (size_t i = 0; i < COUNT_OF(samples); i++) {
		service_release(launch(samples[i][0]));
		assert_string_equal(asked, samples[i][1]);
	}
	(void)state;
}

/* One that is cut is not taken for the one that has just the first part. */
static void long_names(void **state)
{
	char line[2000], name[64];
	memset(line, 'l', sizeof(line));
	memset(name, 'l', sizeof(name));
	line[63] = name[63] = '\0';
	service_release(launch(line));
	assert_string_equal(asked, name);
	line[63] = 'l';
	line[64] = '\0';
	memcpy(name + 60, "...", 4);
	service_release(launch(line));
	assert_string_equal(asked, name);
	line[64] = 'l';
	line[sizeof(line) - 1] = '\0';
	service_release(launch(line));
	assert_string_equal(asked, name);
	(void)state;
}

static void fire(uint32_t handle, int32_t session)
{
	(void)handle, (void)session;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_config_changes_meanwhile),
		cmocka_unit_test(names),
		cmocka_unit_test(long_names),
	};
	struct sched_options options = {
		.workers = 1,
		.spares_max = 2,
		.stack_bytes = 256 * 1024,
		.min_run_ns = 50000,
	};
	handle_init();
	timer_init(fire);
	sched_init(&options);
	vm_options_for = options_for;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
