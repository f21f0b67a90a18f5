/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Devices as vif makes them, for the loops it is compared with. What fails ends
 * the program.
 */
#ifndef BENCH_DEVICE_H
#define BENCH_DEVICE_H

#include <poll.h>

enum device_limits {
	HEADER_LEN = 10, /* struct virtio_net_hdr */
	/* 64 KiB of packet with room for Ethernet and tags. */
	PACKET_MAX = HEADER_LEN + 65664,
	CACHE_LINE = 64,
};

void die(const char *what);

/*
 * A device in a namespace, with the header and the offload mask of vif. The kind
 * is tun, tap, tun-off or tap-off; the latter two take no offloads.
 */
int make_device(const char *kind, const char *netns, const char *name);

/* Sleeps until one is ready. Ends the program when a device is gone. */
void wait_for(struct pollfd *fds, nfds_t n);

/* The line "ready": somebody may set the devices up now. */
void say_ready(void);

#endif
