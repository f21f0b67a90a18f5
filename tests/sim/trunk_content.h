/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content of streams and lanes that need not be kept to be known.
 *
 * A byte of a stream is a function of its seed and position, a packet of a lane
 * one of its seed and number.
 */
#ifndef TESTS_SIM_TRUNK_CONTENT_H
#define TESTS_SIM_TRUNK_CONTENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/uio.h>

#include <vif/packet.h>

/* content_fill() - bytes from pos on; the very first is the seed's low byte */
void content_fill(uint64_t seed, uint64_t pos, uint8_t *bytes, size_t len);

/* content_is() - whether bytes are those from pos on */
bool content_is(uint64_t seed, uint64_t pos, const uint8_t *bytes, size_t len);

/*
 * content_packet() - the n-th packet of a lane
 *
 * Of 1 to len_max bytes; in bytes, which has room for VIF_PACKET_LEN_MAX. Some
 * are superpackets or lack their checksum, if there is room for that.
 */
void content_packet(uint64_t seed, uint64_t n, size_t len_max, uint8_t *bytes,
		    struct iovec *seg, struct vif_packet *ret_packet);

/* content_packet_is() - whether this packet is the n-th, offload state and all */
bool content_packet_is(uint64_t seed, uint64_t n, size_t len_max,
		       const struct vif_packet *packet);

#endif
