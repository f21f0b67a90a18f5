/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The offload state of a packet, to and from a virtio_net_hdr.
 *
 * This is the gate: what passes offload_from_virtio() satisfies
 * vif_packet_check(), whatever the device said, and what offload_to_virtio()
 * writes is accepted by the kernel.
 */
#ifndef PACKET_OFFLOAD_H
#define PACKET_OFFLOAD_H

#include <vif/packet.h>

#include "wire/virtio_net.h"

/*
 * offload_from_virtio() - take over what a device said of a packet
 *
 * packet has its pieces and length; medium is not VIF_MEDIUM_ANY. Header
 * lengths are taken from the packet itself, never from the hint. Returns 0, or
 * -EINVAL with the packet unchanged when the header and the packet do not fit.
 */
int offload_from_virtio(struct vif_packet *packet, enum vif_medium medium,
			const struct virtio_net *header);

/* Short name of a GSO kind, "tcp4"; "none" for VIF_GSO_NONE. */
const char *offload_gso_name(uint8_t gso);

/*
 * offload_to_virtio() - tell a device about a packet
 *
 * Returns 0, or -EINVAL, with the header unchanged, for a packet that
 * vif_packet_check() refuses.
 */
int offload_to_virtio(const struct vif_packet *packet, enum vif_medium medium,
		      struct virtio_net *ret_header);

#endif
