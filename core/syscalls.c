/* SPDX-License-Identifier: MIT */
#include "core/syscalls.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *const name[] = {
#include "core/syscall_names.inc"
};

/* Those that wait, and have a descriptor for a first argument. */
static const uint16_t of_descriptor[] = {
	SYS_accept,	 SYS_accept4,	SYS_connect,   SYS_copy_file_range, SYS_epoll_pwait,
	SYS_epoll_wait,	 SYS_fallocate, SYS_fcntl,     SYS_fdatasync,	    SYS_flock,
	SYS_fstat,	 SYS_fsync,	SYS_ftruncate, SYS_getdents64,	    SYS_ioctl,
	SYS_lseek,	 SYS_pread64,	SYS_preadv,    SYS_preadv2,	    SYS_pwrite64,
	SYS_pwritev,	 SYS_pwritev2,	SYS_read,      SYS_readv,	    SYS_recvfrom,
	SYS_recvmmsg,	 SYS_recvmsg,	SYS_sendfile,  SYS_sendmmsg,	    SYS_sendmsg,
	SYS_sendto,	 SYS_splice,	SYS_syncfs,    SYS_tee,		    SYS_write,
	SYS_writev,	 SYS_close,	SYS_shutdown,  SYS_sync_file_range, SYS_io_uring_enter,
};

const char *syscalls_name(long number)
{
	return number >= 0 && (size_t)number < COUNT_OF(name) ? name[number] : NULL;
}

/* "NUMBER SIX ARGUMENTS SP PC", "-1 SP PC" or "running": see proc(5). */
bool syscalls_parse(const char *text, struct syscalls_call *call)
{
	uint64_t word[9];
	int words = 0;
	for (char *end; words < (int)COUNT_OF(word); words++, text = end) {
		word[words] = strtoull(text, &end, 0);
		if (end == text)
			break;
	}
	*call = (struct syscalls_call){.number = words > 0 ? (long)word[0] : -1};
	bool none = words == 3 && call->number == -1;
	if (words != (int)COUNT_OF(word) && !none)
		return false;
	for (int i = 0; i < 6 && !none; i++)
		call->argument[i] = word[1 + i];
	call->sp = word[words - 2];
	call->pc = word[words - 1];
	return true;
}

bool syscalls_read(int32_t tid, struct syscalls_call *call)
{
	char path[64], text[256];
	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (fd >= 0)
		close(fd);
	if (got <= 0)
		return false;
	text[got] = '\0';
	return syscalls_parse(text, call);
}

static bool has_descriptor(long number)
{
	for (size_t i = 0; i < COUNT_OF(of_descriptor); i++)
		if (of_descriptor[i] == number)
			return true;
	return false;
}

/* "3<pipe:[4711]>". The link is the kernel's own memory of a path: reading it touches no file system. */
static void put_descriptor(int fd, char *out, size_t size)
{
	char path[32], target[128];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	ssize_t bytes = readlink(path, target, sizeof(target));
	snprintf(out, size, "%d%s%.*s%s", fd, bytes > 0 ? "<" : "", bytes > 0 ? (int)bytes : 0, target,
		 bytes > 0 ? ">" : "");
}

size_t syscalls_format(const struct syscalls_call *call, char *out, size_t size)
{
	const char *known = syscalls_name(call->number);
	char first[192] = "";
	int n;
	if (has_descriptor(call->number))
		put_descriptor((int)call->argument[0], first, sizeof(first));
	if (call->number < 0)
		n = snprintf(out, size, "no system call");
	else if (known == NULL)
		n = snprintf(out, size, "system call %ld(...)", call->number);
	else
		n = snprintf(out, size, "%s(%s%s...)", known, first, first[0] ? ", " : "");
	return clipped(n, size);
}
