/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The offload ladder: what the kernel leaves undone for us.
 *
 * TUNSETOFFLOAD works on the whole device and says what may be delivered to
 * us; what may be written depends on the header alone. The ioctl is accepted
 * even without IFF_VNET_HDR, and reads then return superpackets nobody can
 * recognise. So TUNGETIFF decides first, and without the header the mask is
 * never touched.
 */
#include <errno.h>

#include "base/bits.h"
#include "base/error.h"
#include "os/tun.h"
#include "port/offload_key.h"
#include "port/tun/tun.h"

struct rung {
	unsigned int mask;
	unsigned int gso;
};

/* Best first. USO came with Linux 6.2; both halves must be asked together. */
static const struct rung ladder[] = {
	{ TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN | TUN_F_USO4 |
		  TUN_F_USO6,
	  VIF_GSO_ALL },
	{ TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_USO4 | TUN_F_USO6,
	  VIF_GSO_ALL },
	{ TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN, VIF_GSO_TCP },
	{ TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6, VIF_GSO_TCP },
	{ TUN_F_CSUM, 0 },
};

/* Best rung within gso that the kernel takes; 0 and its kinds, or an error. */
static int climb(struct tun *tun, unsigned int gso, unsigned int *ret_gso)
{
	int r = -EOPNOTSUPP;

	for (size_t i = 0; i < ARRAY_LEN(ladder); i++) {
		if (ladder[i].gso & ~gso)
			continue;
		r = tun_set_offload(tun->queue[0].fd, ladder[i].mask);
		if (r == 0) {
			*ret_gso = ladder[i].gso;
			return 0;
		}
	}
	return r;
}

/* Whether every queue has the framing the first one has. */
static int check_queues(struct tun *tun, struct vif_error *error)
{
	char name[IF_NAMESIZE];
	unsigned int flags, first = 0;

	for (uint32_t i = 0; i < tun->n_queue; i++) {
		int r = tun_get(tun->queue[i].fd, name, &flags);

		if (r < 0)
			return error_set(error, r, "cannot look at queue %u",
					 i);
		if (i == 0)
			first = flags;
		if (!(flags & IFF_NO_PI) || (flags ^ first) & IFF_VNET_HDR) {
			error_set(error, -EOPNOTSUPP, "cannot use queue %u", i);
			return error_why(error, -EOPNOTSUPP,
					 "it frames packets differently");
		}
	}
	return (first & IFF_VNET_HDR) != 0;
}

static int cannot_offload(struct vif_error *error, const char *asked)
{
	error_set(error, -EOPNOTSUPP, "cannot do offload=%s", asked);
	error_why(error, -EOPNOTSUPP, "this kernel does not offer it");
	return error_hint(error, -EOPNOTSUPP,
			  "offload=auto takes the best there is; 'vif probe' "
			  "shows what that will be");
}

int tun_offload_open(struct tun *tun, struct vif_error *error)
{
	uint32_t asked = tun->options.offload;
	struct vif_port_caps *caps = &tun->port.caps;
	unsigned int gso = 0;
	int size = 0;
	int r = check_queues(tun, error);

	if (r < 0)
		return r;
	if (r == 0 && asked != PORT_OFFLOAD_OFF && asked != PORT_OFFLOAD_AUTO)
		return cannot_offload(error, port_offload_choices[asked]);
	if (r == 0)
		return 0;
	r = tun_get_header_size(tun->queue[0].fd, &size);
	if (r < 0 || size < VIRTIO_NET_LEN || size > VIRTIO_NET_LEN_MAX)
		return error_set(error, r < 0 ? r : -EOPNOTSUPP,
				 "cannot use offload headers of %d bytes",
				 size);
	for (uint32_t i = 0; i < tun->n_queue; i++)
		tun->queue[i].header_size = (uint32_t)size;
	if (asked == PORT_OFFLOAD_OFF) {
		r = tun_set_offload(tun->queue[0].fd, 0);
		return r < 0 ? error_set(error, r, "cannot set offloads") : 0;
	}
	r = climb(tun, port_offload_gso(asked), &gso);
	if (asked != PORT_OFFLOAD_AUTO &&
	    (r < 0 || gso != port_offload_gso(asked)))
		return cannot_offload(error, port_offload_choices[asked]);
	tun->gso_known = gso;
	caps->rx_gso = caps->tx_gso = gso;
	caps->rx_csum = caps->tx_csum = r == 0;
	caps->rx_settable = true;
	return 0;
}

int tun_offload_set(struct tun *tun, unsigned int gso, bool csum)
{
	struct vif_port_caps *caps = &tun->port.caps;
	unsigned int got = 0;
	int r;

	if ((gso & ~tun->gso_known) || (gso != 0 && !csum))
		return -EINVAL;
	if (tun->queue[0].header_size == 0)
		return gso == 0 && !csum ? 0 : -EOPNOTSUPP;
	r = csum ? climb(tun, gso, &got) : tun_set_offload(tun->queue[0].fd, 0);
	if (r < 0)
		return r;
	caps->rx_gso = got;
	caps->rx_csum = csum;
	return 0;
}

/*
 * A device that stays keeps its mask, and whoever opens it next without the
 * header would get superpackets it cannot recognise.
 */
void tun_offload_restore(struct tun *tun)
{
	if (tun->persists && tun->queue[0].header_size > 0)
		(void)tun_set_offload(tun->queue[0].fd, 0); /* or it is gone */
}
