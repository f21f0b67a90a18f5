/* SPDX-License-Identifier: Apache-2.0 */
/* Kicking and clearing eventfds that a peer can make blocking. */
#include "port/memif/event.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum memif_event_limits {
	COMPLETIONS = 64, /* kicks between two visits to fetch completions */
	SUBMITS_MAX = 16, /* attempts of one kick */
};

int memif_kicker_init(struct memif_kicker *kicker)
{
	kicker->context = 0;
	return syscall(SYS_io_setup, COMPLETIONS, &kicker->context) < 0 ?
		       -errno :
		       0;
}

void memif_kicker_fini(struct memif_kicker *kicker)
{
	if (kicker->context)
		(void)syscall(SYS_io_destroy, kicker->context);
	kicker->context = 0;
}

/*
 * An empty read of the eventfd fails at once, without having looked at it. That
 * it is over is what the kernel counts.
 */
static bool submit(const struct memif_kicker *kicker, int event_fd)
{
	struct iocb block = {
		.aio_fildes = (uint32_t)event_fd,
		.aio_lio_opcode = IOCB_CMD_PREAD,
		.aio_flags = IOCB_FLAG_RESFD,
		.aio_resfd = (uint32_t)event_fd,
	};
	struct iocb *blocks[] = { &block };

	return syscall(SYS_io_submit, kicker->context, 1, blocks) == 1;
}

static void fetch_completions(const struct memif_kicker *kicker)
{
	struct io_event events[COMPLETIONS];
	struct timespec now = { 0 };

	(void)syscall(SYS_io_getevents, kicker->context, 0, COMPLETIONS, events,
		      &now);
}

static void kick_by_write(int event_fd)
{
	struct pollfd room = { .fd = event_fd, .events = POLLOUT };

	/* A counter without room needs no kick, and could block us. */
	if (poll(&room, 1, 0) == 1 && (room.revents & POLLOUT))
		(void)eventfd_write(event_fd, 1);
}

void memif_kick(const struct memif_kicker *kicker, int event_fd)
{
	if (!kicker || !kicker->context) {
		kick_by_write(event_fd);
		return;
	}
	/* Other threads may take the places that have been made. */
	for (int i = 0; i < SUBMITS_MAX; i++) {
		if (submit(kicker, event_fd))
			return;
		fetch_completions(kicker);
	}
	kick_by_write(event_fd);
}

bool memif_event_clear(int event_fd)
{
	uint64_t count = 0;
	struct iovec iov = { &count, sizeof(count) };
	struct pollfd ready = { .fd = event_fd, .events = POLLIN };

	if (preadv2(event_fd, &iov, 1, -1, RWF_NOWAIT) >= 0)
		return true;
	/* Before Linux 5.8 an eventfd does not know that flag. */
	return errno == EOPNOTSUPP && poll(&ready, 1, 0) == 1 &&
	       (ready.revents & POLLIN) &&
	       read(event_fd, &count, sizeof(count)) > 0;
}

enum memif_verdict memif_event_judge(int fd)
{
	static const char wanted[] = "anon_inode:[eventfd]";
	char path[32], name[sizeof(wanted)] = { 0 };
	ssize_t n;

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	n = readlink(path, name, sizeof(name));
	return n == sizeof(wanted) - 1 && memcmp(name, wanted, (size_t)n) == 0 ?
		       MEMIF_VERDICT_GOOD :
		       MEMIF_VERDICT_NOT_EVENT;
}

int memif_event_create(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}
