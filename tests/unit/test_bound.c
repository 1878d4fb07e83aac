/* SPDX-License-Identifier: MIT */
#include "core/mailbox.h"
#include "core/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct message *ordinary(int32_t session)
{
	return message_new(1, MESSAGE_LUA, session, NULL, 0);
}

static struct message *control(int32_t session)
{
	return message_new(1, MESSAGE_RESPONSE, session, NULL, 0);
}

/* Frees the message when it is not accepted. */
static void offer(struct mailbox *b, struct message *m, enum mailbox_pushed expected)
{
	struct message *dropped;
	enum mailbox_pushed pushed = mailbox_offer(b, m, &dropped);
	assert_int_equal(pushed, expected);
	assert_null(dropped);
	if (pushed == MAILBOX_FULL || pushed == MAILBOX_REFUSED)
		message_free(m);
}

static void pop(struct mailbox *b, int32_t session)
{
	struct message *m = mailbox_pop(b);
	assert_non_null(m);
	assert_int_equal(m->session, session);
	assert_null(m->next);
	message_free(m);
}

static void expect_list(struct message *m, const int32_t *session, int count)
{
	for (int i = 0; i < count; i++) {
		assert_non_null(m);
		assert_int_equal(m->session, session[i]);
		struct message *next = m->next;
		message_free(m);
		m = next;
	}
	assert_null(m);
}

/* The one that was admitted since. */
static void expect_admitted(struct mailbox *b, uint32_t owner, int32_t ticket)
{
	struct bound_waiter *w = mailbox_admitted(b);
	assert_non_null(w);
	assert_int_equal(w->owner, owner);
	assert_int_equal(w->ticket, ticket);
	assert_null(w->next);
	mem_free(w);
}

static void test_kinds(void **state UNUSED)
{
	static const int control_types[] = {MESSAGE_RESPONSE, MESSAGE_ERROR, MESSAGE_SYSTEM,
					    MESSAGE_SOCKET, MESSAGE_DEBUG};
	int count = 0;
	for (int type = 0; type < 256; type++) {
		struct message m = {.type = (uint8_t)type};
		count += message_is_control(&m);
	}
	assert_int_equal(count, COUNT_OF(control_types));
	for (size_t i = 0; i < COUNT_OF(control_types); i++) {
		struct message m = {.type = (uint8_t)control_types[i]};
		assert_true(message_is_control(&m));
	}
}

static void test_names(void **state UNUSED)
{
	enum bound_policy policy;
	for (int i = 0; i < BOUND_POLICIES; i++) {
		assert_true(bound_policy_of(bound_policy_name((enum bound_policy)i), &policy));
		assert_int_equal(policy, i);
	}
	assert_false(bound_policy_of("drop", &policy));
}

static void refuses(enum bound_policy policy)
{
	struct mailbox b;
	mailbox_init(&b);
	mailbox_set_bound(&b, 2, policy);
	offer(&b, ordinary(1), MAILBOX_WOKE);
	offer(&b, ordinary(2), MAILBOX_QUEUED);
	offer(&b, ordinary(3), MAILBOX_FULL);
	offer(&b, control(4), MAILBOX_QUEUED);
	assert_int_equal(mailbox_length(&b), 3);
	pop(&b, 1);
	offer(&b, ordinary(5), MAILBOX_QUEUED);
	offer(&b, ordinary(6), MAILBOX_FULL);
	pop(&b, 2);
	pop(&b, 4);
	pop(&b, 5);
	assert_null(mailbox_pop(&b));
	assert_true(mailbox_rest(&b));
	assert_int_equal(load_relaxed(&b.bound->taken), 0);
	assert_int_equal(load_relaxed(&b.rejected), policy == BOUND_REJECT ? 2 : 0);
	assert_int_equal(load_relaxed(&b.dropped), policy == BOUND_REJECT ? 0 : 2);
	assert_int_equal(mailbox_length(&b), 0);
	mailbox_term(&b);
}

static void test_reject(void **state UNUSED)
{
	refuses(BOUND_REJECT);
}

static void test_drop_new(void **state UNUSED)
{
	refuses(BOUND_DROP_NEW);
}

/* Also one that the consumer has taken off the head already, and never a control message. */
static void test_drop_old(void **state UNUSED)
{
	struct mailbox b;
	struct message *dropped;
	mailbox_init(&b);
	mailbox_set_bound(&b, 2, BOUND_DROP_OLD);
	offer(&b, control(1), MAILBOX_WOKE);
	offer(&b, ordinary(2), MAILBOX_QUEUED);
	offer(&b, control(3), MAILBOX_QUEUED);
	offer(&b, ordinary(4), MAILBOX_QUEUED);
	static const int32_t oldest[] = {2, 4, 5, 6};
	for (int32_t i = 0; i < 4; i++) {
		assert_int_equal(mailbox_offer(&b, ordinary(5 + i), &dropped), MAILBOX_QUEUED);
		expect_list(dropped, &oldest[i], 1);
	}
	assert_int_equal(mailbox_length(&b), 4);
	pop(&b, 1);
	pop(&b, 3);
	pop(&b, 7);
	pop(&b, 8);
	assert_null(mailbox_pop(&b));
	assert_int_equal(load_relaxed(&b.dropped), 4);
	assert_int_equal(load_relaxed(&b.bound->taken), 0);
	/* The place is taken, and nothing is there yet: the new one counts as the oldest. */
	assert_true(bound_reserve(b.bound) && bound_reserve(b.bound));
	struct message *late = ordinary(9);
	assert_int_equal(mailbox_offer(&b, late, &dropped), MAILBOX_FULL);
	assert_null(dropped);
	message_free(late);
	mailbox_term(&b);
}

static enum mailbox_pushed wait_for_place(struct mailbox *b, int32_t session, int32_t ticket)
{
	struct message *dropped, *m = ordinary(session);
	assert_int_equal(mailbox_offer(b, m, &dropped), MAILBOX_FULL);
	return mailbox_wait(b, m, 7, ticket, true);
}

static void test_block(void **state UNUSED)
{
	struct mailbox b;
	mailbox_init(&b);
	mailbox_set_bound(&b, 1, BOUND_BLOCK);
	offer(&b, ordinary(1), MAILBOX_WOKE);
	assert_int_equal(wait_for_place(&b, 2, 20), MAILBOX_WAITS);
	assert_int_equal(wait_for_place(&b, 3, 30), MAILBOX_WAITS);
	offer(&b, control(4), MAILBOX_QUEUED);
	assert_int_equal(mailbox_length(&b), 2);
	assert_int_equal(load_relaxed(&b.bound->waiting), 2);
	pop(&b, 1);
	expect_admitted(&b, 7, 20);
	assert_null(mailbox_admitted(&b));
	/* Whoever waits is not overtaken. */
	struct message *dropped, *m = ordinary(5);
	assert_int_equal(mailbox_offer(&b, m, &dropped), MAILBOX_FULL);
	message_free(m);
	pop(&b, 4);
	pop(&b, 2);
	expect_admitted(&b, 7, 30);
	assert_false(mailbox_rest(&b));
	pop(&b, 3);
	assert_null(mailbox_admitted(&b));
	assert_null(mailbox_pop(&b));
	assert_true(mailbox_rest(&b));
	offer(&b, ordinary(6), MAILBOX_WOKE);
	pop(&b, 6);
	assert_int_equal(load_relaxed(&b.bound->waited), 2);
	mailbox_term(&b);
}

/* A place that came free between the offer and the wait is taken at once. */
static void test_block_that_need_not(void **state UNUSED)
{
	struct mailbox b;
	struct message *dropped, *m = ordinary(2);
	mailbox_init(&b);
	mailbox_set_bound(&b, 1, BOUND_BLOCK);
	offer(&b, ordinary(1), MAILBOX_WOKE);
	assert_int_equal(mailbox_offer(&b, m, &dropped), MAILBOX_FULL);
	pop(&b, 1);
	assert_true(mailbox_rest(&b));
	assert_int_equal(mailbox_wait(&b, m, 7, 20, true), MAILBOX_WOKE);
	pop(&b, 2);
	assert_null(mailbox_admitted(&b));
	mailbox_term(&b);
}

static void test_withdraw(void **state UNUSED)
{
	struct mailbox b;
	mailbox_init(&b);
	mailbox_set_bound(&b, 1, BOUND_BLOCK);
	offer(&b, ordinary(1), MAILBOX_WOKE);
	assert_null(mailbox_withdraw(&b, 7, 20));
	for (int32_t i = 2; i <= 4; i++)
		assert_int_equal(wait_for_place(&b, i, i * 10), MAILBOX_WAITS);
	assert_null(mailbox_withdraw(&b, 8, 20));
	expect_list(mailbox_withdraw(&b, 7, 40), (int32_t[]){4}, 1);
	assert_null(mailbox_withdraw(&b, 7, 40));
	assert_int_equal(wait_for_place(&b, 5, 50), MAILBOX_WAITS);
	expect_list(mailbox_withdraw(&b, 7, 20), (int32_t[]){2}, 1);
	pop(&b, 1);
	expect_admitted(&b, 7, 30);
	pop(&b, 3);
	expect_admitted(&b, 7, 50);
	pop(&b, 5);
	assert_null(mailbox_pop(&b));
	assert_int_equal(load_relaxed(&b.bound->waiting), 0);
	mailbox_term(&b);
}

static void test_shut(void **state UNUSED)
{
	struct mailbox b;
	mailbox_init(&b);
	assert_int_equal(mailbox_push(&b, ordinary(1)), MAILBOX_WOKE);
	mailbox_push(&b, ordinary(2));
	mailbox_push(&b, control(3));
	mailbox_push(&b, ordinary(4));
	pop(&b, 1); /* the others are in the consumer's list now */
	mailbox_push(&b, control(5));
	mailbox_shut(&b, true);
	pop(&b, 3);
	pop(&b, 5);
	assert_null(mailbox_pop(&b));
	assert_int_equal(mailbox_length(&b), 2);
	assert_true(mailbox_rest(&b));
	assert_int_equal(mailbox_push(&b, ordinary(6)), MAILBOX_WOKE);
	assert_null(mailbox_pop(&b));
	assert_true(mailbox_rest(&b));
	assert_int_equal(mailbox_push(&b, control(7)), MAILBOX_WOKE);
	pop(&b, 7);
	mailbox_shut(&b, false);
	assert_false(mailbox_rest(&b));
	mailbox_push(&b, ordinary(8));
	mailbox_push(&b, control(9));
	pop(&b, 2);
	pop(&b, 4);
	pop(&b, 6);
	pop(&b, 8);
	pop(&b, 9);
	assert_null(mailbox_pop(&b));
	assert_true(mailbox_rest(&b));
	assert_int_equal(mailbox_length(&b), 0);
	mailbox_term(&b);
}

/* Both lanes in their order, what is at the head, and those that wait by themselves. */
static void test_close(void **state UNUSED)
{
	struct mailbox b;
	bool was_idle = true;
	mailbox_init(&b);
	mailbox_set_bound(&b, 3, BOUND_BLOCK);
	offer(&b, ordinary(1), MAILBOX_WOKE);
	offer(&b, control(2), MAILBOX_QUEUED);
	offer(&b, ordinary(3), MAILBOX_QUEUED);
	offer(&b, control(4), MAILBOX_QUEUED);
	mailbox_shut(&b, true);
	pop(&b, 2);
	offer(&b, ordinary(5), MAILBOX_QUEUED);
	offer(&b, control(6), MAILBOX_QUEUED);
	assert_int_equal(wait_for_place(&b, 7, 70), MAILBOX_WAITS);
	expect_list(mailbox_close(&b, &was_idle), (int32_t[]){1, 3, 4, 5, 6}, 5);
	assert_false(was_idle);
	struct bound_waiter *w = mailbox_take_waiters(&b);
	assert_non_null(w);
	assert_int_equal(w->ticket, 70);
	expect_list(w->message, (int32_t[]){7}, 1);
	assert_null(w->next);
	mem_free(w);
	assert_null(mailbox_withdraw(&b, 7, 70));
	offer(&b, ordinary(8), MAILBOX_REFUSED);
	struct message *m = ordinary(9);
	assert_int_equal(mailbox_wait(&b, m, 7, 90, true), MAILBOX_REFUSED);
	message_free(m);
	assert_null(mailbox_pop(&b));
	assert_false(mailbox_rest(&b));
	mailbox_term(&b);
}

/* Numbers of messages go round. */
static void test_order_wraps(void **state UNUSED)
{
	struct mailbox b;
	mailbox_init(&b);
	mailbox_set_bound(&b, 10, BOUND_REJECT);
	b.bound->order = UINT32_MAX - 2;
	for (int32_t i = 0; i < 8; i++)
		offer(&b, i % 2 ? control(i) : ordinary(i), i ? MAILBOX_QUEUED : MAILBOX_WOKE);
	for (int32_t i = 0; i < 8; i++)
		pop(&b, i);
	mailbox_term(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_reject),
		cmocka_unit_test(test_drop_new),
		cmocka_unit_test(test_drop_old),
		cmocka_unit_test(test_block),
		cmocka_unit_test(test_block_that_need_not),
		cmocka_unit_test(test_withdraw),
		cmocka_unit_test(test_shut),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_order_wraps),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
