/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a request costs that does nothing, by a system call and by io_uring.
 * Writes go to /dev/null. CPU time of the thread, so others hardly disturb.
 *
 * usage: ringcost
 */
#include <fcntl.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "device.h"
#include "ring.h"

enum limits {
	TIMES = 1 << 21,
	BATCH = 32,
	LEN = 64,
};

static struct ring ring;
static int null_fd;
static char bytes[LEN];

static double now_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) < 0)
		die("clock_gettime");
	return (double)now.tv_sec * 1e9 + (double)now.tv_nsec;
}

static void call(uint32_t n)
{
	while (n-- > 0)
		(void)syscall(SYS_getppid);
}

static void call_write(uint32_t n)
{
	while (n-- > 0)
		if (write(null_fd, bytes, LEN) != LEN)
			die("write");
}

static void submit_all(uint32_t n)
{
	struct io_uring_cqe cqe;

	ring_enter(&ring, n);
	for (; ring_next(&ring, &cqe); n--)
		if (cqe.res < 0)
			die("a request");
	if (n != 0)
		die("a completion");
}

static void ring_nop(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		ring_queue(&ring)->opcode = IORING_OP_NOP;
	submit_all(n);
}

static void ring_write(uint32_t n)
{
	for (uint32_t i = 0; i < n; i++) {
		struct io_uring_sqe *sqe = ring_queue(&ring);

		sqe->opcode = IORING_OP_WRITE;
		sqe->flags = IOSQE_FIXED_FILE;
		sqe->addr = (uintptr_t)bytes;
		sqe->len = LEN;
	}
	submit_all(n);
}

static void measure(const char *what, void (*run)(uint32_t n), uint32_t batch)
{
	double start_ns = now_ns();

	for (uint32_t i = 0; i < TIMES; i += batch)
		run(batch);
	(void)printf("%-28s %4.0f ns\n", what, (now_ns() - start_ns) / TIMES);
}

int main(void)
{
	null_fd = open("/dev/null", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (null_fd < 0)
		die("/dev/null");
	ring_open(&ring,
		  IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_DEFER_TASKRUN);
	ring_register(&ring, IORING_REGISTER_FILES, &null_fd, 1);
	measure("getppid", call, BATCH);
	measure("write", call_write, BATCH);
	measure("io_uring, write, one by one", ring_write, 1);
	measure("io_uring, write, by 32", ring_write, BATCH);
	measure("io_uring, nothing, by 32", ring_nop, BATCH);
}
