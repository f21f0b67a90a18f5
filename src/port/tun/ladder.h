/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The offload ladder: what the kernel leaves undone for us.
 *
 * TUNSETOFFLOAD works on the whole device and says what may be delivered to
 * us; what may be written depends on the header alone. The ioctl is accepted
 * even without IFF_VNET_HDR, and reads then return superpackets nobody can
 * recognise. So tun_judge() comes first, and without the header the mask is
 * never touched.
 */
#ifndef PORT_TUN_LADDER_H
#define PORT_TUN_LADDER_H

#include <stdint.h>

#include <vif/error.h>
#include <vif/port.h>

struct tun_rung {
	unsigned int mask; /* for TUNSETOFFLOAD */
	uint32_t gso;      /* superpackets it brings, VIF_GSO_BIT() */
};

/*
 * tun_ladder_climb() - set the best mask that the kernel takes
 *
 * Only kinds in gso; checksums in any case. Returns 0, or the errno of the last
 * attempt with the mask as it was.
 */
int tun_ladder_climb(int fd, uint32_t gso, struct tun_rung *ret_rung);

/*
 * tun_ladder_take() - set what the key offload= asks for
 *
 * offload is an enum port_offload, header_size what tun_judge() found. Fills
 * the offloads of caps. ret_rung is all zero when nothing was set. Returns 0,
 * or a negative errno with error filled.
 */
int tun_ladder_take(int fd, uint32_t header_size, uint32_t offload,
		    struct vif_port_caps *caps, struct tun_rung *ret_rung,
		    struct vif_error *error);

#endif
