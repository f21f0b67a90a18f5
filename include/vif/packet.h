/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A packet: bytes in one or more pieces, and the work its sender left undone.
 *
 * The offload state has the meaning of struct virtio_net_hdr (Virtio 1.2,
 * section 5.1.6), but only combinations that make sense can be expressed, and
 * every port checks what it lets in. A packet never owns its bytes: it borrows
 * them from the port it was received on, or from the program that sends it.
 */
#ifndef VIF_PACKET_H
#define VIF_PACKET_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/uio.h>

#include <vif/version.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What the first byte of a packet is. */
enum vif_medium {
	VIF_MEDIUM_ANY, /* the port does not look (null) */
	VIF_MEDIUM_IP,  /* L3: an IPv4 or IPv6 header */
	VIF_MEDIUM_ETH, /* L2: an Ethernet header */
};

/* What is known of the L4 checksum. */
enum vif_csum {
	VIF_CSUM_COMPLETE, /* as on a wire: filled in, not looked at */
	VIF_CSUM_PARTIAL,  /* the field holds the folded pseudo-header sum */
	VIF_CSUM_VERIFIED, /* checked by whoever delivered the packet */
};

/* How a superpacket is to be segmented. */
enum vif_gso {
	VIF_GSO_NONE, /* not a superpacket */
	VIF_GSO_TCP4, /* TCP over IPv4 */
	VIF_GSO_TCP6, /* TCP over IPv6 */
	VIF_GSO_UDP,  /* UDP over either, a datagram each gso_size bytes */
};

/* Sets of GSO kinds, for capabilities. */
#define VIF_GSO_BIT(gso) (1u << (gso))
#define VIF_GSO_TCP      (VIF_GSO_BIT(VIF_GSO_TCP4) | VIF_GSO_BIT(VIF_GSO_TCP6))
#define VIF_GSO_ALL      (VIF_GSO_TCP | VIF_GSO_BIT(VIF_GSO_UDP))

/* Bits of vif_packet.flags. */
#define VIF_PACKET_ECN     0x1u /* TCP superpacket with CWR set */
#define VIF_PACKET_HOSTILE 0x2u /* a peer can still change the bytes */

enum vif_packet_limits {
	VIF_PACKET_LEN_MAX = 65664, /* bytes: 65535 of IP, plus L2 and tags */
	VIF_PACKET_HDR_MAX = 192,   /* bytes of L2 to L4 headers in piece 0 */
	VIF_PACKET_SEG_MAX = 64,    /* pieces a packet may have at a port */
};

/**
 * struct vif_packet - one packet, borrowed
 *
 * All headers, L2 to L4, lie in the first piece. The offsets count from the
 * first byte of the packet and mean something only when @gso is not
 * VIF_GSO_NONE or @csum is VIF_CSUM_PARTIAL. A superpacket always has @csum
 * VIF_CSUM_PARTIAL. Zero in every field after @n_seg is a plain packet.
 */
struct vif_packet {
	struct iovec *seg; /* the pieces */
	uint32_t len;      /* bytes of all pieces together */
	uint16_t n_seg;    /* pieces, at least 1 */
	uint16_t flags;    /* VIF_PACKET_* */
	uint16_t l3_off;   /* the IP header */
	uint16_t l4_off;   /* the TCP or UDP header; checksum starts here */
	uint16_t csum_off; /* the checksum field, counted from l4_off */
	uint16_t hdr_len;  /* superpackets: bytes of headers, L2 to L4 */
	uint16_t gso_size; /* superpackets: payload bytes of each segment */
	uint8_t gso;       /* enum vif_gso */
	uint8_t csum;      /* enum vif_csum */
	uint32_t reserved; /* 0 */
};

/**
 * struct vif_batch - an array of packets with room for their pieces
 *
 * Made once, used for many bursts. The port that fills it owns its content
 * until vif_port_rx_done().
 */
struct vif_batch {
	/* immutable after vif_batch_new() */
	struct vif_packet *packet; /* n_max of them */
	struct iovec *seg;         /* pieces for all packets, n_seg_max */
	uint32_t n_max;
	uint32_t n_seg_max;
	/* set by the port that fills the batch */
	uint32_t n;     /* packets in it */
	uint32_t n_seg; /* pieces in use */
};

/**
 * vif_batch_new() - allocate a batch
 * @n_packet:  packets it can hold, 1 to 4096.
 * @n_seg:     pieces of all of them together, @n_packet to 65536.
 * @ret_batch: the batch, empty; unchanged on failure.
 *
 * Return: 0, -EINVAL for a number out of range, -ENOMEM.
 * Context: any thread; allocates.
 * Ownership: the caller frees it with vif_batch_free().
 */
VIF_API int vif_batch_new(uint32_t n_packet, uint32_t n_seg,
			  struct vif_batch **ret_batch);

/**
 * vif_batch_free() - free a batch
 * @batch: taken; NULL is allowed. Lent packets must have been given back.
 *
 * Context: any thread.
 */
VIF_API void vif_batch_free(struct vif_batch *batch);

/**
 * vif_batch_add() - append a packet with one piece
 * @batch: gets the packet.
 * @data:  its bytes; borrowed for as long as the packet is used.
 * @len:   bytes of @data, 1 to VIF_PACKET_LEN_MAX.
 *
 * The packet is plain: no offload state. Ports use it to fill a batch, and
 * programs to build what they send.
 *
 * Return: the packet, to be completed by the caller; NULL when the batch is
 * full or @len out of range.
 * Context: the thread that owns @batch.
 */
VIF_API struct vif_packet *vif_batch_add(struct vif_batch *batch, void *data,
					 uint32_t len);

/**
 * vif_batch_clear() - forget the packets of a batch
 * @batch: is empty afterwards.
 *
 * For batches a program fills itself. What a port lent goes back with
 * vif_port_rx_done() instead.
 *
 * Context: the thread that owns @batch.
 */
VIF_API void vif_batch_clear(struct vif_batch *batch);

/**
 * vif_packet_check() - tell whether the offload state makes sense
 * @packet: borrowed; the headers in its first piece are read.
 * @medium: what the packet starts with, not VIF_MEDIUM_ANY.
 *
 * Ports call this on everything they let in. A program that builds packets
 * with offload state may call it to learn early what tx would refuse.
 *
 * Return: 0, or -EINVAL: lengths or offsets outside the packet, a superpacket
 * without segment size or without partial checksum, or a GSO kind that does
 * not match the headers.
 * Context: any thread; never blocks.
 */
VIF_API int vif_packet_check(const struct vif_packet *packet,
			     enum vif_medium medium);

/**
 * vif_packet_flow_hash() - hash the flow a packet belongs to
 * @packet: borrowed; the headers in its first piece are read.
 * @medium: what the packet starts with.
 *
 * Symmetric: both directions of a connection give the same value, and so do
 * all fragments of a datagram, which are hashed by addresses alone. Anything
 * that is not IP is hashed by its Ethernet addresses, or is 0.
 *
 * Return: the hash. The same for the life of the process, not across releases.
 * Context: any thread; never blocks.
 */
VIF_API uint32_t vif_packet_flow_hash(const struct vif_packet *packet,
				      enum vif_medium medium);

#ifdef __cplusplus
}
#endif

#endif
