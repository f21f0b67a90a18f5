/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The header in front of every packet on a TUN, TAP or AF_PACKET descriptor
 * with offloads: struct virtio_net_hdr (Virtio 1.2, section 5.1.6).
 *
 * The kernel's header file hides newer constants from older userlands, so the
 * numbers are written down here. Fields are in the byte order of the machine,
 * which is what the kernel uses unless told otherwise.
 */
#ifndef WIRE_VIRTIO_NET_H
#define WIRE_VIRTIO_NET_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

enum virtio_net_flags {
	VIRTIO_NET_NEEDS_CSUM = 1,
	VIRTIO_NET_DATA_VALID = 2,
	VIRTIO_NET_RSC_INFO = 4,
};

enum virtio_net_gso {
	VIRTIO_NET_GSO_NONE = 0,
	VIRTIO_NET_GSO_TCP4 = 1,
	VIRTIO_NET_GSO_UFO = 3, /* fragments, not datagrams; never used */
	VIRTIO_NET_GSO_TCP6 = 4,
	VIRTIO_NET_GSO_UDP = 5,    /* UDP_L4 in the documents */
	VIRTIO_NET_GSO_ECN = 0x80, /* or-ed to a TCP type */
};

struct virtio_net {
	uint8_t flags;
	uint8_t gso_type;
	uint16_t hdr_len; /* a hint on read: the kernel's is often wrong */
	uint16_t gso_size;
	uint16_t csum_start;
	uint16_t csum_offset;
};

enum virtio_net_sizes {
	VIRTIO_NET_LEN = 10,      /* the header itself */
	VIRTIO_NET_LEN_MAX = 128, /* with what a device may append */
};

static_assert(sizeof(struct virtio_net) == VIRTIO_NET_LEN,
	      "struct virtio_net is the wire format");

static inline struct virtio_net virtio_net_get(const uint8_t *at)
{
	struct virtio_net header;

	memcpy(&header, at, sizeof(header));
	return header;
}

static inline void virtio_net_put(const struct virtio_net *header, uint8_t *at)
{
	memcpy(at, header, sizeof(*header));
}

#endif
