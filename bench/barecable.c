/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit vif is compared with: two TUN or TAP devices joined by nothing but
 * read and write.
 *
 * One packet for each pair of system calls, then the other way has its turn,
 * and poll only when both sides are empty. Moving up to 8 or 64 packets one way
 * first was no faster; see docs/design/bench-cable.md.
 *
 * It looks at no header, counts nothing, and handles no device that goes away.
 * So whatever uses these system calls and does more can at best be as fast.
 *
 * usage: barecable KIND NETNS_A NAME_A NETNS_B NAME_B
 *
 * The devices are made by it, with the header and the offload mask vif asks
 * for, and are down and without address until somebody sets them up after the
 * line "ready". Ends with a signal, or when a device is gone.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <unistd.h>

#include "device.h"

/* What follows the header begins a cache line: the copies are faster. */
static char memory[CACHE_LINE + PACKET_MAX] __attribute__((aligned(4096)));
static char *const packet = memory + CACHE_LINE - HEADER_LEN;

static void put(int fd, size_t len)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	while (write(fd, packet, len) < 0) {
		if (errno == EAGAIN)
			wait_for(&room, 1);
		else if (errno != EINTR)
			return; /* refused, or the device is down: dropped */
	}
}

/* Moves a packet. Returns whether there was one. */
static bool move(int from, int to)
{
	ssize_t len = read(from, packet, PACKET_MAX);

	if (len < 0)
		return errno == EINTR;
	put(to, (size_t)len);
	return true;
}

static void cable(int a, int b)
{
	struct pollfd fds[] = {
		{ .fd = a, .events = POLLIN },
		{ .fd = b, .events = POLLIN },
	};

	for (;;) {
		bool moved_a = move(a, b);
		bool moved_b = move(b, a);

		if (!moved_a && !moved_b)
			wait_for(fds, 2);
	}
}

int main(int argc, char **argv)
{
	int a, b;

	if (argc != 6) {
		(void)fprintf(stderr, "usage: barecable KIND NETNS_A NAME_A "
				      "NETNS_B NAME_B\n");
		return 2;
	}
	a = make_device(argv[1], argv[2], argv[3]);
	b = make_device(argv[1], argv[4], argv[5]);
	say_ready();
	cable(a, b);
}
