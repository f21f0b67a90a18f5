/* SPDX-License-Identifier: Apache-2.0 */
/*
 * null: takes every packet and delivers none. For measuring what the other
 * side can send, and for tests.
 */
#include <errno.h>

#include "base/bits.h"
#include "port/address.h"
#include "port/ops.h"

struct null {
	struct vif_port port;
};

struct null_options {
	uint32_t queues;
};

static const struct port_key keys[] = {
	{ "queues", PORT_KEY_UINT, offsetof(struct null_options, queues), "1",
	  "queues", .min = 1, .max = PORT_QUEUES_MAX },
};

static int null_open(struct vif_port *port, const struct address *address,
		     struct vif_error *error)
{
	struct null_options options = { .queues = 0 };
	int r = address_options(address, keys, ARRAY_LEN(keys), &options,
				error);

	if (r < 0)
		return r;
	port->caps = (struct vif_port_caps){
		.medium = VIF_MEDIUM_ANY,
		.mtu = 65535,
		.len_max = VIF_PACKET_LEN_MAX,
		.n_queue = options.queues,
		.seg_max = VIF_PACKET_SEG_MAX,
		.tx_gso = VIF_GSO_ALL,
		.tx_csum = true,
		.tx_shared = true,
	};
	port_set_state(port, VIF_PORT_UP);
	return 0;
}

static void null_close(struct vif_port *port)
{
	(void)port; /* holds nothing */
}

static int null_rx(struct vif_port *port, unsigned int queue,
		   struct vif_batch *batch)
{
	(void)port, (void)queue, (void)batch;
	return 0;
}

static void null_rx_done(struct vif_port *port, unsigned int queue,
			 struct vif_batch *batch)
{
	(void)port, (void)queue, (void)batch;
}

static int null_tx(struct vif_port *port, unsigned int queue,
		   const struct vif_packet *packet, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++)
		port_count(&port->queue[queue].tx, &packet[i]);
	return (int)n;
}

/* A slot has the type it has. NOLINTBEGIN(readability-non-const-parameter) */
static int null_wait_fd(const struct vif_port *port, unsigned int queue,
			enum vif_wait what, short *ret_events)
{
	(void)port, (void)queue, (void)what, (void)ret_events;
	return -EINVAL;
}
/* NOLINTEND(readability-non-const-parameter) */

const struct vif_port_ops vif_port_ops_null = {
	.name = "null",
	.summary = "takes every packet, delivers none",
	.example = "vif link tun:a,netns=red null:",
	.keys = keys,
	.n_keys = ARRAY_LEN(keys),
	.size = sizeof(struct null),
	.open = null_open,
	.close = null_close,
	.rx = null_rx,
	.rx_done = null_rx_done,
	.tx = null_tx,
	.wait_fd = null_wait_fd,
};
