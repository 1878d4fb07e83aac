/* SPDX-License-Identifier: MIT */
#include "core/mailbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct message *numbered(int32_t session)
{
	return message_new(1, MESSAGE_LUA, session, NULL, 0);
}

static void push(struct mailbox *b, int32_t session, enum mailbox_pushed expected)
{
	assert_int_equal(mailbox_push(b, numbered(session)), expected);
}

static void pop(struct mailbox *b, int32_t session)
{
	struct message *m = mailbox_pop(b);
	assert_non_null(m);
	assert_int_equal(m->session, session);
	assert_null(m->next);
	message_free(m);
}

/* Frees a list and checks that it is from, from + 1, ... to. */
static void expect_list(struct message *m, int32_t from, int32_t to)
{
	for (int32_t session = from; session <= to; session++) {
		assert_non_null(m);
		assert_int_equal(m->session, session);
		struct message *next = m->next;
		message_free(m);
		m = next;
	}
	assert_null(m);
}

static void test_only_first_push_wakes(void **state UNUSED)
{
	struct mailbox b;
	mailbox_init(&b);
	push(&b, 1, MAILBOX_WOKE);
	push(&b, 2, MAILBOX_QUEUED);
	assert_int_equal(mailbox_length(&b), 2);
	assert_false(mailbox_has_run_empty(&b));
	pop(&b, 1);
	assert_false(mailbox_has_run_empty(&b)); /* the second has been taken off the head */
	push(&b, 3, MAILBOX_QUEUED);
	assert_false(mailbox_rest(&b));
	pop(&b, 2);
	assert_false(mailbox_rest(&b));
	pop(&b, 3);
	assert_true(mailbox_has_run_empty(&b));
	assert_null(mailbox_pop(&b));
	/* Popped empty is not idle. */
	push(&b, 4, MAILBOX_QUEUED);
	assert_false(mailbox_rest(&b));
	pop(&b, 4);
	assert_int_equal(mailbox_length(&b), 0);
	assert_true(mailbox_rest(&b));
	push(&b, 5, MAILBOX_WOKE);
	pop(&b, 5);
}

static void test_order_across_refills(void **state UNUSED)
{
	struct mailbox b;
	int32_t in = 0, out = 0;
	mailbox_init(&b);
	push(&b, in++, MAILBOX_WOKE);
	for (int round = 1; round < 50; round++) {
		for (int i = 0; i < round; i++)
			push(&b, in++, MAILBOX_QUEUED);
		for (int i = 0; i < round / 2 + 1; i++)
			pop(&b, out++);
		assert_int_equal(mailbox_length(&b), in - out);
	}
	while (out < in)
		pop(&b, out++);
	assert_null(mailbox_pop(&b));
}

static void test_rouse(void **state UNUSED)
{
	struct mailbox b;
	mailbox_init(&b);
	assert_null(mailbox_pop(&b));
	assert_true(mailbox_rouse(&b));
	assert_false(mailbox_rouse(&b));
	push(&b, 1, MAILBOX_QUEUED);
	assert_false(mailbox_rouse(&b));
	pop(&b, 1);
	assert_true(mailbox_rest(&b));
	assert_true(mailbox_rouse(&b));
	assert_null(mailbox_close(&b, NULL));
	assert_false(mailbox_rouse(&b));
}

static void test_close_returns_both_halves(void **state UNUSED)
{
	struct mailbox b;
	mailbox_init(&b);
	push(&b, 1, MAILBOX_WOKE);
	push(&b, 2, MAILBOX_QUEUED);
	push(&b, 3, MAILBOX_QUEUED);
	pop(&b, 1); /* 2 and 3 are in the consumer's list now */
	push(&b, 4, MAILBOX_QUEUED);
	push(&b, 5, MAILBOX_QUEUED);
	assert_false(mailbox_is_closed(&b));
	struct message *queued = mailbox_close(&b, NULL);
	assert_null(mailbox_pop(&b)); /* before they are freed: they are not its any more */
	expect_list(queued, 2, 5);
	assert_true(mailbox_is_closed(&b));
	assert_int_equal(mailbox_length(&b), 0);
}

static void test_closed(void **state UNUSED)
{
	struct mailbox b;
	mailbox_init(&b);
	push(&b, 1, MAILBOX_WOKE);
	bool was_idle = true;
	expect_list(mailbox_close(&b, &was_idle), 1, 1);
	assert_false(was_idle);
	assert_null(mailbox_close(&b, NULL));
	struct message *m = numbered(2);
	assert_int_equal(mailbox_push(&b, m), MAILBOX_REFUSED);
	assert_int_equal(m->session, 2); /* still ours */
	message_free(m);
	assert_null(mailbox_pop(&b));
	assert_false(mailbox_rest(&b));
	assert_true(mailbox_is_closed(&b));
	assert_int_equal(mailbox_length(&b), 0);
	mailbox_init(&b);
	assert_null(mailbox_close(&b, &was_idle));
	assert_true(was_idle); /* the closer must see to its end */
	mailbox_init(&b);
	assert_false(mailbox_is_closed(&b));
	push(&b, 3, MAILBOX_WOKE);
	pop(&b, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_only_first_push_wakes),
		cmocka_unit_test(test_order_across_refills),
		cmocka_unit_test(test_rouse),
		cmocka_unit_test(test_close_returns_both_halves),
		cmocka_unit_test(test_closed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
