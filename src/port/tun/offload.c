/* SPDX-License-Identifier: Apache-2.0 */
/* The offloads of a port: see ladder.h for how they are found out. */
#include <errno.h>

#include "os/tun.h"
#include "port/tun/judge.h"
#include "port/tun/ladder.h"
#include "port/tun/tun.h"

/* Every queue has to have the framing the first one has. */
static int judge_queues(struct tun *tun, struct vif_error *error)
{
	struct tun_facts first = { .fd = -1 }, facts;

	for (uint32_t i = 0; i < tun->n_queue; i++) {
		int r = tun_judge(tun->queue[i].fd, &facts, error);

		if (r == 0 && i == 0)
			first = facts;
		else if (r == 0)
			r = tun_judge_alike(&first, &facts, error);
		if (r < 0)
			return r;
		tun->queue[i].header_size = facts.header_size;
	}
	return 0;
}

int tun_offload_open(struct tun *tun, struct vif_error *error)
{
	struct tun_rung rung = { .mask = 0 };
	int r = judge_queues(tun, error);

	if (r == 0)
		r = tun_ladder_take(tun->queue[0].fd, tun->queue[0].header_size,
				    tun->options.offload, &tun->port.caps,
				    &rung, error);
	if (r == 0)
		r = tun_probe_offload(tun, &rung, error);
	if (r < 0)
		return r;
	tun->gso_known = rung.gso;
	tun->csum_known = rung.mask != 0;
	tun->port.caps.rx_settable = rung.mask != 0;
	return 0;
}

int tun_offload_set(struct tun *tun, unsigned int gso, bool csum)
{
	struct vif_port_caps *caps = &tun->port.caps;
	struct tun_rung rung = { .mask = 0 };
	int fd = tun->queue[0].fd;
	int r;

	if ((gso & ~tun->gso_known) || (gso != 0 && !csum))
		return -EINVAL;
	if (csum && !tun->csum_known)
		return -EINVAL;
	if (tun->queue[0].header_size == 0)
		return gso == 0 && !csum ? 0 : -EOPNOTSUPP;
	r = csum ? tun_ladder_climb(fd, gso, &rung) : tun_set_offload(fd, 0);
	if (r < 0)
		return r;
	caps->rx_gso = rung.gso;
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
