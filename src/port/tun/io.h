/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One TUN or TAP descriptor, and the packets that pass it: no port needed.
 *
 * Threads: one that receives and one that sends at a time. Sending touches
 * nothing but the counters it is given, so a second thread may send with
 * counters of its own.
 */
#ifndef PORT_TUN_IO_H
#define PORT_TUN_IO_H

#include <stdint.h>

#include "port/ops.h"
#include "wire/virtio_net.h"

enum tun_io_limits {
	/* What one read can return, with its header. */
	TUN_READ_MAX = VIF_PACKET_LEN_MAX + VIRTIO_NET_LEN_MAX,
	/*
	 * Room for a burst: two superpackets, or some hundred small packets,
	 * each aligned to a cache line. Measured: more spills the L2 cache
	 * between read and write.
	 */
	TUN_ARENA_SIZE = 3 * 65536,
	/* Refusals in a row after which a kind is given up. */
	TUN_REFUSALS_MAX = 8,
};

/*
 * Superpackets the kernel refuses although it said that it takes them. There
 * have been such kernels: see docs/design/tun.md. Shared by the queues of a
 * device; any thread.
 */
struct tun_refusals {
	_Atomic uint32_t kinds; /* VIF_GSO_BIT(): it is not asked any more */
	_Atomic uint32_t in_a_row[VIF_GSO_UDP + 1];
};

struct tun_io {
	int fd;                 /* non-blocking */
	uint32_t header_size;   /* of virtio_net_hdr; 0 without */
	enum vif_medium medium; /* not VIF_MEDIUM_ANY */
	uint8_t *arena;         /* TUN_ARENA_SIZE bytes; receiving thread */
	struct tun_refusals *refusals; /* borrowed */
};

/*
 * tun_io_init() - take a descriptor
 *
 * Makes the arena; header_size and medium are the caller's to fill. Returns 0
 * or -ENOMEM, with the descriptor not taken.
 */
int tun_io_init(struct tun_io *io, int fd, struct tun_refusals *refusals);

/* Frees the arena, and gives the descriptor back to who brought it. */
void tun_io_release(struct tun_io *io);

/* The same, and closes the descriptor. */
void tun_io_fini(struct tun_io *io);

/*
 * tun_io_rx() - receive a burst
 *
 * As the slot rx of a port: packets lie in the arena and are good until the
 * next call. Returns how many, 0 for none, -ENODEV when the device is gone, or
 * another error of the read.
 */
int tun_io_rx(struct tun_io *io, struct port_counters *counters,
	      struct vif_batch *batch);

/*
 * tun_io_rx_into() - receive a burst into room of somebody else
 *
 * As the slot rx_into of a port. Headers lie in the arena.
 */
int tun_io_rx_into(struct tun_io *io, struct port_counters *counters,
		   const struct iovec *piece, unsigned int n,
		   struct vif_batch *batch);

/*
 * tun_io_tx() - send a burst
 *
 * As the slot tx of a port: a packet that can never be sent, or is beyond caps,
 * is dropped and counted. A superpacket that the kernel refuses is cut and its
 * segments are sent instead; after TUN_REFUSALS_MAX in a row the kernel is not
 * asked any more. Returns how many were taken, or -ENODEV with none taken.
 */
int tun_io_tx(const struct tun_io *io, const struct vif_port_caps *caps,
	      struct port_counters *counters, const struct vif_packet *packet,
	      unsigned int n);

#endif
