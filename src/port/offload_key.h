/* SPDX-License-Identifier: Apache-2.0 */
/* The key offload=, which several backends have, and what it stands for. */
#ifndef PORT_OFFLOAD_KEY_H
#define PORT_OFFLOAD_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vif/packet.h>

/* Index into port_offload_choices. */
enum port_offload {
	PORT_OFFLOAD_AUTO,    /* the best there is */
	PORT_OFFLOAD_OFF,     /* nothing left undone */
	PORT_OFFLOAD_CSUM,    /* checksums only */
	PORT_OFFLOAD_TSO,     /* and TCP superpackets */
	PORT_OFFLOAD_TSO_USO, /* and UDP superpackets */
};

static const char *const port_offload_choices[] = {
	"auto", "off", "csum", "tso", "tso+uso", NULL,
};

static inline bool port_offload_csum(uint32_t offload)
{
	return offload != PORT_OFFLOAD_OFF;
}

static inline uint32_t port_offload_gso(uint32_t offload)
{
	if (offload == PORT_OFFLOAD_TSO)
		return VIF_GSO_TCP;
	if (offload == PORT_OFFLOAD_OFF || offload == PORT_OFFLOAD_CSUM)
		return 0;
	return VIF_GSO_ALL;
}

#endif
