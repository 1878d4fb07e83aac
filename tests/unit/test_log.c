/* SPDX-License-Identifier: MIT */
#include "core/log.h"
#include "core/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#define PREFIX_BYTES 24 /* "dd/mm/yy HH:MM:SS.cc " is 21 */
#define DATE_BYTES   21

static char folder[] = "/tmp/equilune-log-XXXXXX";
static char path[64], moved[64];
static char content[1 << 20];

static const char *read_all(const char *file)
{
	int fd = open(file, O_RDONLY);
	assert_true(fd >= 0);
	ssize_t bytes = read(fd, content, sizeof(content) - 1);
	assert_true(bytes >= 0);
	content[bytes] = '\0';
	close(fd);
	return content;
}

static int setup(void **state UNUSED)
{
	return log_open(path);
}

static int teardown(void **state UNUSED)
{
	log_close();
	unlink(path);
	unlink(moved);
	return 0;
}

static void expect_date(const char *line)
{
	for (int i = 0; i < DATE_BYTES; i++) {
		char shape = "99/99/99 99:99:99.99 "[i];
		if (shape == '9')
			assert_in_range(line[i], '0', '9');
		else
			assert_int_equal(line[i], shape);
	}
}

static void test_line(void **state UNUSED)
{
	errno = ENOTTY;
	log_write(0x1f, "hello\nthere", 11);
	log_write(0, "", 0);
	assert_int_equal(errno, ENOTTY);
	const char *text = read_all(path);
	expect_date(text);
	assert_memory_equal(text + DATE_BYTES, "[:0000001f] hello\nthere\n", 24);
	text += DATE_BYTES + 24;
	expect_date(text);
	assert_string_equal(text + DATE_BYTES, "[:00000000] \n");
}

/* Our own calendar against libc's, with the zone of this process: the line's date is that of a
 * moment between two readings of the clock. */
static void test_local_time(void **state UNUSED)
{
	char low[PREFIX_BYTES], high[PREFIX_BYTES];
	time_t before = time(NULL), after;
	log_write(1, "x", 1);
	after = time(NULL) + 1;
	const char *text = read_all(path);
	bool found = false;
	for (time_t t = before - 1; t <= after; t++) {
		strftime(low, sizeof(low), "%d/%m/%y %H:%M:%S", localtime(&t));
		found |= strncmp(text, low, strlen(low)) == 0;
	}
	strftime(high, sizeof(high), "%d/%m/%y %H:%M:%S", localtime(&after));
	if (!found)
		fail_msg("%.20s is not near %s", text, high);
}

static void test_printf_cuts(void **state UNUSED)
{
	char fit[LOG_LINE_BYTES], longer[LOG_LINE_BYTES + 1];
	memset(fit, 'a', sizeof(fit));
	fit[sizeof(fit) - 1] = '\0';
	memset(longer, 'b', sizeof(longer));
	longer[sizeof(longer) - 1] = '\0';
	log_printf(2, "%d%s", 7, "x");
	log_printf(2, "%s", fit);
	log_printf(2, "%s", longer);
	const char *text = read_all(path) + DATE_BYTES;
	assert_memory_equal(text, "[:00000002] 7x\n", 15);
	text += 15 + DATE_BYTES + 12;
	assert_memory_equal(text, fit, sizeof(fit) - 1);
	text += sizeof(fit);
	text += DATE_BYTES + 12;
	size_t bytes = LOG_LINE_BYTES - 1;
	assert_int_equal(strlen(text), bytes + 1);
	assert_memory_equal(text, longer, bytes - 3);
	assert_string_equal(text + bytes - 3, "...\n");
}

static void test_reopen(void **state UNUSED)
{
	log_write(1, "old", 3);
	assert_int_equal(rename(path, moved), 0);
	log_write(1, "still old", 9);
	log_reopen();
	log_write(1, "new", 3);
	assert_string_equal(strchr(read_all(path), '['), "[:00000001] new\n");
	assert_non_null(strstr(read_all(moved), "still old\n"));
	assert_null(strstr(content, "new"));
}

static void test_reopen_fails(void **state UNUSED)
{
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(mkdir(path, 0700), 0);
	log_reopen();
	log_write(1, "after", 5);
	assert_int_equal(rmdir(path), 0);
	assert_non_null(strstr(read_all(moved), "cannot reopen"));
	assert_non_null(strstr(content, "Is a directory"));
	assert_non_null(strstr(content, "[:00000001] after\n"));
}

/* Not even when nobody reads it, now or when it is opened again. */
static void test_pipe_is_not_waited_for(void **state UNUSED)
{
	log_close();
	unlink(path);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(log_open(path), -1);
	assert_int_equal(errno, ENXIO);
	int reader = open(path, O_RDONLY | O_NONBLOCK);
	assert_int_equal(log_open(path), 0);
	log_write(1, "into the pipe", 13);
	assert_true(read(reader, content, sizeof(content)) > 13);
	close(reader);
	signal(SIGPIPE, SIG_IGN);
	log_reopen();
	signal(SIGPIPE, SIG_DFL);
}

static void test_open_fails(void **state UNUSED)
{
	assert_int_equal(log_open("/nowhere/at/all"), -1);
	assert_int_equal(errno, ENOENT);
	log_write(1, "kept", 4); /* the file of before */
	assert_non_null(strstr(read_all(path), "kept\n"));
}

/* A file size limit stands for the full disk: a write is cut at it, the next says EFBIG. */
static void test_lost_lines(void **state UNUSED)
{
	struct rlimit old, small;
	char line[60];
	memset(line, 'f', sizeof(line));
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &old), 0);
	small = old;
	small.rlim_cur = 100;
	int saved_stderr = dup(STDERR_FILENO);
	int caught = open(moved, O_RDWR | O_CREAT | O_APPEND, 0600);
	signal(SIGXFSZ, SIG_IGN);
	log_write(1, line, sizeof(line)); /* 94 bytes */
	dup2(caught, STDERR_FILENO);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	log_write(2, "broken",
		  6); /* 6 of its bytes fit; stderr is such a file too, but 40 fit there */
	log_write(3, "lost", 4);
	setrlimit(RLIMIT_FSIZE, &old);
	dup2(saved_stderr, STDERR_FILENO);
	close(saved_stderr);
	close(caught);
	assert_int_equal(log_lost(), 2);
	log_write(4, "again", 5);
	assert_int_equal(log_lost(), 0);
	log_write(5, "last", 4);

	assert_non_null(strstr(read_all(moved), "[:00000002] broken\n"));
	assert_non_null(strstr(content, "[:00000003] lost\n"));
	const char *text = read_all(path) + 94;
	assert_int_equal(text[6], '\n'); /* the cut line was ended */
	expect_date(text + 7);
	static const char rest[] = "[:00000000] 2 log lines were lost: File too large\n";
	assert_memory_equal(text + 7 + DATE_BYTES, rest, strlen(rest));
	text += 7 + DATE_BYTES + strlen(rest);
	assert_memory_equal(text + DATE_BYTES, "[:00000004] again\n", 18);
	assert_string_equal(text + DATE_BYTES + 18 + DATE_BYTES, "[:00000005] last\n");
}

#define THREADS 4
#define LINES   500

static void *write_lines(void *arg)
{
	uint32_t source = *(uint32_t *)arg;
	for (uint32_t i = 0; i < LINES; i++)
		log_printf(source, "%u line %u of thread %u", i, i, source);
	return NULL;
}

static void test_threads_and_reopen(void **state UNUSED)
{
	pthread_t thread[THREADS];
	uint32_t number[THREADS], next[THREADS] = {0}, source, a, b, c;
	for (uint32_t i = 0; i < THREADS; i++) {
		number[i] = i;
		assert_int_equal(pthread_create(&thread[i], NULL, write_lines, &number[i]), 0);
	}
	for (int i = 0; i < 20; i++)
		log_reopen(); /* the same file, which is appended to */
	for (int i = 0; i < THREADS; i++)
		pthread_join(thread[i], NULL);
	read_all(path);
	uint32_t lines = 0;
	for (char *rest, *line = strtok_r(content, "\n", &rest); line != NULL;
	     line = strtok_r(NULL, "\n", &rest), lines++) {
		expect_date(line);
		assert_int_equal(sscanf(line + DATE_BYTES, "[:%x] %u line %u of thread %u", &source,
					&a, &b, &c),
				 4);
		assert_true(source < THREADS && a == b && c == source);
		assert_int_equal(a, next[source]++);
	}
	assert_int_equal(lines, THREADS * LINES);
}

int main(void)
{
	setenv("TZ", "Asia/Kathmandu", 1); /* not a whole hour from UTC */
	if (mkdtemp(folder) == NULL)
		return 1;
	snprintf(path, sizeof(path), "%s/log", folder);
	snprintf(moved, sizeof(moved), "%s/moved", folder);
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_line, setup, teardown),
		cmocka_unit_test_setup_teardown(test_local_time, setup, teardown),
		cmocka_unit_test_setup_teardown(test_printf_cuts, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reopen, setup, teardown),
		cmocka_unit_test_setup_teardown(test_reopen_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_pipe_is_not_waited_for, setup, teardown),
		cmocka_unit_test_setup_teardown(test_open_fails, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads_and_reopen, setup, teardown),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(folder);
	return failed;
}
