/* SPDX-License-Identifier: MIT
 *
 * Native frames as text, and the record that they come through.
 */
#include "watchdog/native.h"
#include "core/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static NOINLINE void somewhere(void)
{
	__asm__ volatile("");
}

static void has(const char *text, const char *part)
{
	if (strstr(text, part) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", part, text);
}

static const struct walk *three(void)
{
	static struct walk w;
	w.count = 3;
	w.first[0] = (struct walk_frame){(uintptr_t)somewhere, 1, true};
	w.first[1] = (struct walk_frame){(uintptr_t)somewhere + 1, 7, true};
	w.first[2] = (struct walk_frame){16, 1, false};
	return &w;
}

static void test_frames_as_text(void **state UNUSED)
{
	char out[512];
	native_put_frames(three(), out, sizeof(out));
	assert_memory_equal(out, "\tsomewhere+0x0 (equilune+0x", 27);
	has(out, ")\n\tsomewhere+0x1 (equilune+0x");
	has(out, "), times 7\n\tmachine code made at run time (perhaps)");
	assert_int_not_equal(out[strlen(out) - 1], '\n');
	const struct walk none = {.count = 0};
	native_put_frames(&none, out, sizeof(out));
	assert_string_equal(out, "");
}

static void test_a_frame_that_does_not_fit_is_left_out_whole(void **state UNUSED)
{
	char whole[512], out[512];
	native_put_frames(three(), whole, sizeof(whole));
	for (size_t size = 1; size <= strlen(whole) + 2; size++) {
		memset(out, '#', sizeof(out));
		native_put_frames(three(), out, size);
		size_t bytes = strlen(out);
		assert_true(bytes < size);
		assert_memory_equal(out, whole, bytes);
		assert_true(whole[bytes] == '\n' || whole[bytes] == '\0' || bytes == 0);
		assert_int_equal(out[size], '#');
	}
}

/* ---- the record ---- */

static void take(struct sighting *s, uint64_t epoch)
{
	uintptr_t stack[1] = {0};
	sighting_take(s, epoch, (uintptr_t)somewhere, (uintptr_t)stack, 0, (uintptr_t)stack, false);
}

static void test_is_written_once_for_each_time_it_is_asked(void **state UNUSED)
{
	static struct sighting s;
	take(&s, 5);
	assert_null(sighting_read(&s, 5));
	sighting_ask(&s, 5);
	assert_null(sighting_read(&s, 5));
	take(&s, 6); /* another dispatch */
	assert_null(sighting_read(&s, 5));
	assert_null(sighting_read(&s, 6));
	take(&s, 5);
	const struct sighting *seen = sighting_read(&s, 5);
	assert_non_null(seen);
	assert_int_equal(seen->walk.count, 1);
	assert_int_equal(walk_frame(&seen->walk, 0)->pc, (uintptr_t)somewhere);
	assert_null(sighting_read(&s, 6));
	/* It stays as it is until it is asked again. */
	uint64_t before = load_relaxed(&s.word);
	take(&s, 5);
	assert_int_equal(load_relaxed(&s.word), before);
	sighting_ask(&s, 9);
	assert_null(sighting_read(&s, 5));
	take(&s, 9);
	assert_non_null(sighting_read(&s, 9));
}

static void test_nobody_asks_while_it_is_written(void **state UNUSED)
{
	static struct sighting s;
	enum { WRITING = 2 };
	store_relaxed(&s.word, 5u << 2 | WRITING);
	sighting_ask(&s, 6);
	assert_int_equal(load_relaxed(&s.word), 5u << 2 | WRITING);
	assert_null(sighting_read(&s, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_frames_as_text),
		cmocka_unit_test(test_a_frame_that_does_not_fit_is_left_out_whole),
		cmocka_unit_test(test_is_written_once_for_each_time_it_is_asked),
		cmocka_unit_test(test_nobody_asks_while_it_is_written),
	};
	text_init(NULL);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	text_term();
	return failed;
}
