/* SPDX-License-Identifier: MIT
 *
 * Who owns a payload: a block of its own, or room in the message. AddressSanitizer looks for what is freed twice or never.
 */
#include "core/message.h"
#include "core/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>

static const char TEXT[] = "a payload of more than eight bytes";

static void test_a_block_is_taken_as_it_is(void **state UNUSED)
{
	char *block = mem_alloc(sizeof(TEXT));
	memcpy(block, TEXT, sizeof(TEXT));
	struct message *m = message_new(1, MESSAGE_LUA, 2, block, sizeof(TEXT));
	assert_ptr_equal(m->data, block);
	assert_ptr_equal(message_take_data(m), block);
	assert_null(m->data);
	assert_int_equal(m->size_bytes, 0);
	message_free(m);
	assert_string_equal(block, TEXT);
	mem_free(block);
}

static void test_a_copy_lies_in_the_message(void **state UNUSED)
{
	char source[sizeof(TEXT)];
	memcpy(source, TEXT, sizeof(TEXT));
	struct message *m = message_new_copy(1, MESSAGE_LUA, 2, source, sizeof(source));
	memset(source, 0, sizeof(source));
	assert_ptr_equal(m->data, m->room);
	assert_int_equal(m->size_bytes, sizeof(TEXT));
	assert_string_equal(m->data, TEXT);
	message_free(m);
}

static void test_what_is_taken_out_outlives_the_message(void **state UNUSED)
{
	struct message *m = message_new_copy(1, MESSAGE_LUA, 2, TEXT, sizeof(TEXT));
	char *data = message_take_data(m);
	assert_ptr_not_equal(data, m->room);
	assert_null(m->data);
	message_free(m);
	assert_string_equal(data, TEXT);
	mem_free(data);
}

static void test_nothing_is_null(void **state UNUSED)
{
	struct message *m = message_new_copy(1, MESSAGE_LUA, 2, TEXT, 0);
	assert_null(m->data);
	assert_null(message_take_data(m));
	message_free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_block_is_taken_as_it_is),
		cmocka_unit_test(test_a_copy_lies_in_the_message),
		cmocka_unit_test(test_what_is_taken_out_outlives_the_message),
		cmocka_unit_test(test_nothing_is_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
