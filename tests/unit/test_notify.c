/* SPDX-License-Identifier: MIT
 *
 * Against sockets that the test makes, as a service manager does.
 */
#include "core/notify.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cmocka.h>

static int manager = -1;
static char name[100];

/* `name`: with an '@' for the abstract namespace. */
static void listen_at(void)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t length = strlen(name);
	memcpy(at.sun_path, name, length);
	if (name[0] == '@')
		at.sun_path[0] = '\0';
	manager = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	assert_true(manager >= 0);
	assert_int_equal(bind(manager, (struct sockaddr *)&at,
			      (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)),
			 0);
}

static void expect(const char *text)
{
	char got[256];
	ssize_t n = recv(manager, got, sizeof(got), 0);
	if (text == NULL) {
		assert_int_equal(n, -1);
		return;
	}
	assert_int_equal(n, strlen(text));
	assert_memory_equal(got, text, (size_t)n);
}

static int teardown(void **state UNUSED)
{
	notify_close();
	if (manager >= 0)
		close(manager);
	manager = -1;
	if (name[0] == '/')
		unlink(name);
	name[0] = '\0';
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
	return 0;
}

static void test_without_a_manager(void **state UNUSED)
{
	assert_true(notify_open());
	notify_send("READY=1");
	assert_int_equal(notify_watchdog_ns(), 0);
}

static void hears(void)
{
	listen_at();
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", "3000000", 1);
	assert_true(notify_open());
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_null(getenv("WATCHDOG_USEC"));
	assert_int_equal(notify_watchdog_ns(), 3000000000ll);
	notify_send("READY=1\nSTATUS=running");
	notify_send("WATCHDOG=1");
	expect("READY=1\nSTATUS=running");
	expect("WATCHDOG=1");
	expect(NULL);
}

static void test_a_path(void **state UNUSED)
{
	snprintf(name, sizeof(name), "/tmp/equilune-notify-%d", (int)getpid());
	hears();
}

static void test_an_abstract_name(void **state UNUSED)
{
	snprintf(name, sizeof(name), "@equilune-notify-%d", (int)getpid());
	hears();
}

static void test_a_manager_that_is_gone_stops_nobody(void **state UNUSED)
{
	snprintf(name, sizeof(name), "@equilune-notify-%d", (int)getpid());
	listen_at();
	setenv("NOTIFY_SOCKET", name, 1);
	assert_true(notify_open());
	close(manager);
	manager = -1;
	notify_send("READY=1");
}

static void test_a_manager_that_does_not_read_stops_nobody(void **state UNUSED)
{
	snprintf(name, sizeof(name), "@equilune-notify-%d", (int)getpid());
	listen_at();
	setenv("NOTIFY_SOCKET", name, 1);
	assert_true(notify_open());
	for (int i = 0; i < 10000; i++)
		notify_send("WATCHDOG=1");
	expect("WATCHDOG=1");
}

static void refuse(const char *socket)
{
	setenv("NOTIFY_SOCKET", socket, 1);
	setenv("WATCHDOG_USEC", "1000000", 1);
	assert_false(notify_open());
	assert_int_not_equal(errno, 0);
	assert_int_equal(notify_watchdog_ns(), 0);
	notify_send("READY=1");
}

static void test_names_that_are_none(void **state UNUSED)
{
	char longest[200];
	memset(longest, 'x', sizeof(longest) - 1);
	longest[0] = '/';
	longest[sizeof(longest) - 1] = '\0';
	refuse("");
	refuse("@");
	refuse("relative");
	refuse("/nonexistent/socket");
	refuse(longest);
}

static void expect_interval(const char *usec, const char *pid, int64_t ns)
{
	setenv("NOTIFY_SOCKET", name, 1);
	setenv("WATCHDOG_USEC", usec, 1);
	if (pid)
		setenv("WATCHDOG_PID", pid, 1);
	assert_true(notify_open());
	assert_int_equal(notify_watchdog_ns(), ns);
	notify_close();
}

static void test_whose_watchdog_it_is(void **state UNUSED)
{
	char mine[16];
	snprintf(mine, sizeof(mine), "%d", (int)getpid());
	snprintf(name, sizeof(name), "@equilune-notify-%d", (int)getpid());
	listen_at();
	expect_interval("500000", mine, 500000000);
	expect_interval("500000", "1", 0);
	expect_interval("", NULL, 0);
	expect_interval("5x", NULL, 0);
	expect_interval("-5", NULL, 0);
	expect_interval("99999999999999999999", NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(test_without_a_manager, teardown),
		cmocka_unit_test_teardown(test_a_path, teardown),
		cmocka_unit_test_teardown(test_an_abstract_name, teardown),
		cmocka_unit_test_teardown(test_a_manager_that_is_gone_stops_nobody, teardown),
		cmocka_unit_test_teardown(test_a_manager_that_does_not_read_stops_nobody, teardown),
		cmocka_unit_test_teardown(test_names_that_are_none, teardown),
		cmocka_unit_test_teardown(test_whose_watchdog_it_is, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
