/* SPDX-License-Identifier: Apache-2.0 */
/* The offload ladder. */
#include "port/tun/ladder.h"

#include <errno.h>

#include "base/bits.h"
#include "base/error.h"
#include "os/tun.h"
#include "port/offload_key.h"

/* Best first. USO came with Linux 6.2; both halves must be asked together. */
static const struct {
	uint32_t gso;
	unsigned int ecn; /* for TCP */
} ladder[] = {
	{ VIF_GSO_ALL, TUN_F_TSO_ECN },
	{ VIF_GSO_ALL, 0 },
	{ VIF_GSO_TCP, TUN_F_TSO_ECN },
	{ VIF_GSO_TCP, 0 },
	{ 0, 0 },
};

static unsigned int mask_of(uint32_t gso, unsigned int ecn)
{
	unsigned int mask = TUN_F_CSUM;

	if (gso & VIF_GSO_BIT(VIF_GSO_TCP4))
		mask |= TUN_F_TSO4 | ecn;
	if (gso & VIF_GSO_BIT(VIF_GSO_TCP6))
		mask |= TUN_F_TSO6 | ecn;
	if (gso & VIF_GSO_BIT(VIF_GSO_UDP))
		mask |= TUN_F_USO4 | TUN_F_USO6;
	return mask;
}

int tun_ladder_climb(int fd, uint32_t gso, struct tun_rung *ret_rung)
{
	int r = -EOPNOTSUPP;

	for (size_t i = 0; i < ARRAY_LEN(ladder); i++) {
		struct tun_rung rung = { .gso = gso & ladder[i].gso };

		rung.mask = mask_of(rung.gso, ladder[i].ecn);
		r = tun_set_offload(fd, rung.mask);
		if (r == 0) {
			*ret_rung = rung;
			return 0;
		}
	}
	return r;
}

static int cannot_offload(struct vif_error *error, uint32_t offload)
{
	error_set(error, -EOPNOTSUPP, "cannot do offload=%s",
		  port_offload_choices[offload]);
	error_why(error, -EOPNOTSUPP, "this kernel does not offer it");
	return error_hint(error, -EOPNOTSUPP,
			  "offload=auto takes the best there is; 'vif probe' "
			  "shows what that will be");
}

int tun_ladder_take(int fd, uint32_t header_size, uint32_t offload,
		    struct vif_port_caps *caps, struct tun_rung *ret_rung,
		    struct vif_error *error)
{
	bool is_demand =
		offload != PORT_OFFLOAD_OFF && offload != PORT_OFFLOAD_AUTO;
	struct tun_rung rung = { .mask = 0 };
	int r;

	*ret_rung = rung;
	if (header_size == 0)
		return is_demand ? cannot_offload(error, offload) : 0;
	if (offload == PORT_OFFLOAD_OFF) {
		r = tun_set_offload(fd, 0);
		return r < 0 ? error_set(error, r, "cannot set offloads") : 0;
	}
	r = tun_ladder_climb(fd, port_offload_gso(offload), &rung);
	if (is_demand && (r < 0 || rung.gso != port_offload_gso(offload))) {
		/* Who reads it instead of us may not expect the lower rung. */
		(void)tun_set_offload(fd, 0);
		return cannot_offload(error, offload);
	}
	caps->rx_gso = caps->tx_gso = rung.gso;
	caps->rx_csum = caps->tx_csum = r == 0;
	*ret_rung = rung;
	return 0;
}
