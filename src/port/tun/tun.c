/* SPDX-License-Identifier: Apache-2.0 */
/*
 * tun and tap: the kernel's own network stack as a port.
 *
 * A device has one descriptor for each queue. Its life is watched by netlink,
 * so that state changes are noticed even when no packet moves; packets notice
 * them, too, and faster.
 */
#include "port/tun/tun.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "os/netns.h"
#include "port/tun/steer.h"

struct open_call {
	struct tun *tun;
	const char *name;
	struct vif_error *error;
};

static int steer(struct tun *tun, struct vif_error *error)
{
	int fd, r;

	if (tun->options.steering == TUN_STEERING_AUTO)
		return 0;
	fd = tun_steer_by_hash(error);
	if (fd < 0)
		return fd;
	r = tun_steer_set(tun->queue[0].fd, fd, error);
	(void)close(fd); /* the device holds the program */
	tun->is_steered = r == 0;
	return r;
}

/* Runs inside the namespace of the device. */
static int open_inside(void *argument)
{
	struct open_call *call = argument;
	struct tun *tun = call->tun;
	int r = rtnl_open(&tun->rtnl);

	if (r < 0)
		return error_set(call->error, r, "cannot open netlink");
	if (tun->options.fd.n > 0)
		r = tun_adopt_look(tun, call->error);
	else
		r = tun_device_attach(tun, call->name, call->error);
	if (r == 0)
		r = steer(tun, call->error);
	if (r == 0)
		r = tun_offload_open(tun, call->error);
	if (r == 0)
		r = tun_settings_apply(tun, call->error);
	return r;
}

static int open_device(struct tun *tun, const char *name,
		       struct vif_error *error)
{
	struct open_call call = { tun, name, error };
	int netns_fd = -1;
	int r;

	if (tun->options.fd.n > 0) {
		r = tun_adopt(tun, name, &netns_fd, error);
		if (r < 0)
			return r;
	} else if (tun->options.netns) {
		netns_fd = netns_open(tun->options.netns, error);
		if (netns_fd < 0)
			return netns_fd;
	}
	r = netns_call(netns_fd, open_inside, &call, error);
	if (netns_fd >= 0)
		(void)close(netns_fd); /* the sockets hold the namespace */
	return r;
}

static void publish(struct tun *tun)
{
	struct vif_port_caps *caps = &tun->port.caps;

	caps->medium = tun->is_tap ? VIF_MEDIUM_ETH : VIF_MEDIUM_IP;
	caps->mtu = tun->link.mtu;
	caps->len_max = VIF_PACKET_LEN_MAX;
	caps->n_queue = tun->n_queue;
	caps->seg_max = VIF_PACKET_SEG_MAX;
	caps->tx_shared = true;
	(void)snprintf(tun->port.name, sizeof(tun->port.name), "%s:%s",
		       tun->port.ops->name, tun->link.name);
	port_set_state(&tun->port, tun->link.up ? VIF_PORT_UP : VIF_PORT_DOWN);
}

static int tun_open_port(struct vif_port *port, const struct address *address,
			 struct vif_error *error)
{
	struct tun *tun = to_tun(port);
	int r = address_options(address, port->ops->keys, port->ops->n_keys,
				&tun->options, error);

	if (r < 0)
		return r;
	if (tun->is_tap && tun->options.mtu > TAP_MTU_MAX) {
		error_set(error, -EINVAL, "bad value '%u' for key 'mtu'",
			  tun->options.mtu);
		return error_why(error, -EINVAL,
				 "a TAP device takes no more than %d",
				 TAP_MTU_MAX);
	}
	r = tun_device_find_owner(tun, error);
	if (r == 0)
		r = open_device(tun, address->main, error);
	/* They point into the address, which ends with this call. */
	tun->options.netns = tun->options.owner = tun->options.group = NULL;
	if (r < 0)
		return r;
	publish(tun);
	return 0;
}

static int tun_open_tun(struct vif_port *port, const struct address *address,
			struct vif_error *error)
{
	return tun_open_port(port, address, error);
}

static int tun_open_tap(struct vif_port *port, const struct address *address,
			struct vif_error *error)
{
	to_tun(port)->is_tap = true;
	return tun_open_port(port, address, error);
}

static void tun_close(struct vif_port *port)
{
	struct tun *tun = to_tun(port);

	if (tun->attached) {
		tun_settings_restore(tun);
		tun_offload_restore(tun);
		if (tun->is_steered && tun->persists)
			(void)tun_steer_set(tun->queue[0].fd, -1, NULL);
	}
	tun_adopt_restore(tun);
	tun_device_fini(tun);
	rtnl_close(&tun->rtnl);
}

static int tun_start(struct vif_port *port, struct vif_error *error)
{
	struct tun *tun = to_tun(port);
	int r;

	/* Somebody may have changed it since it was opened or stopped. */
	r = rtnl_link_again(&tun->rtnl, tun->link.index, &tun->link);
	if (r < 0)
		return error_set(error, r, "cannot look at the device");
	r = tun_settings_up(tun, error);
	if (r == 0)
		r = tun_device_keep(tun, error);
	if (r < 0)
		return r;
	/* What is queued by now is the echo of changes we know of. */
	while (rtnl_next_event(&tun->rtnl, tun->link.index) != RTNL_EVENT_NONE)
		;
	tun_probe_tell(tun);
	port_set_state(port, tun->link.up ? VIF_PORT_UP : VIF_PORT_DOWN);
	return 0;
}

static int tun_rx(struct vif_port *port, unsigned int queue,
		  struct vif_batch *batch)
{
	return tun_io_rx(&to_tun(port)->queue[queue], &port->queue[queue].rx,
			 batch);
}

static int tun_rx_into(struct vif_port *port, unsigned int queue,
		       const struct iovec *piece, unsigned int n,
		       struct vif_batch *batch)
{
	return tun_io_rx_into(&to_tun(port)->queue[queue],
			      &port->queue[queue].rx, piece, n, batch);
}

static int tun_tx(struct vif_port *port, unsigned int queue,
		  const struct vif_packet *packet, unsigned int n)
{
	struct tun *tun = to_tun(port);
	int r = tun_io_tx(&tun->queue[queue], &port->caps,
			  &port->queue[queue].tx, packet, n);
	uint32_t refused = atomic_load_explicit(&tun->refusals.kinds,
						memory_order_relaxed);

	if (refused != port_tx_refused(port))
		port_refuse(port, refused);
	return r;
}

static void tun_rx_done(struct vif_port *port, unsigned int queue,
			struct vif_batch *batch)
{
	/* The arena is used anew by the next rx; nothing to give back. */
	(void)port, (void)queue, (void)batch;
}

static int tun_wait_fd(const struct vif_port *port, unsigned int queue,
		       enum vif_wait what, short *ret_events)
{
	const struct tun *tun = to_const_tun(port);

	*ret_events = what == VIF_WAIT_TX ? POLLOUT : POLLIN;
	if (what == VIF_WAIT_CONTROL)
		return rtnl_event_fd(&tun->rtnl);
	return tun->queue[queue].fd;
}

static int tun_service(struct vif_port *port, uint64_t now_ns,
		       uint64_t *ret_deadline_ns)
{
	struct tun *tun = to_tun(port);
	enum rtnl_event last = RTNL_EVENT_NONE;
	enum rtnl_event event;

	(void)now_ns;
	*ret_deadline_ns = UINT64_MAX; /* no timers */
	/* A device that is removed goes down first: that is no news. */
	while ((event = rtnl_next_event(&tun->rtnl, tun->link.index)) !=
	       RTNL_EVENT_NONE) {
		if (event == RTNL_EVENT_GONE && tun_device_is_gone(tun))
			return -ENODEV;
		if (event == RTNL_EVENT_GONE)
			continue; /* moved; its descriptors still work */
		last = event;
	}
	if (last != RTNL_EVENT_NONE)
		port_set_state(port, last == RTNL_EVENT_UP ? VIF_PORT_UP :
							     VIF_PORT_DOWN);
	return 0;
}

static int tun_set(struct vif_port *port, enum vif_port_param param,
		   uint64_t value)
{
	struct tun *tun = to_tun(port);

	if (param == VIF_PORT_RX_GSO && value <= UINT32_MAX)
		return tun_offload_set(tun, (unsigned int)value,
				       port->caps.rx_csum);
	if (param == VIF_PORT_RX_CSUM && value <= 1)
		return tun_offload_set(tun, port->caps.rx_gso, value != 0);
	return -EINVAL;
}

static void tun_describe(const struct vif_port *port,
			 void (*emit)(void *user, const char *key,
				      const char *value),
			 void *user)
{
	const struct tun *tun = to_const_tun(port);
	char text[32];

	emit(user, "device", tun->link.name);
	(void)snprintf(text, sizeof(text), "%d", tun->link.index);
	emit(user, "ifindex", text);
	(void)snprintf(text, sizeof(text), "%u", tun->queue[0].header_size);
	emit(user, "header_size", text);
	(void)snprintf(text, sizeof(text), "%u", tun->link.txqueuelen);
	emit(user, "txqueuelen", text);
	emit(user, "steering", tun->is_steered ? "hash" : "auto");
	emit(user, "created", tun->created ? "yes" : "no");
	if (tun->options.probe)
		emit(user, "probe", tun->probe);
}

const struct vif_port_ops vif_port_ops_tun = {
	.name = "tun",
	.summary = "IP packets from and to the kernel",
	.main = "name of the device; empty: the kernel chooses",
	.example = "vif link tun:a,ip=10.0.0.1/24 "
		   "tun:b,ip=10.0.0.2/24,netns=blue",
	.keys = tun_keys,
	.n_keys = TUN_KEYS_N,
	.size = sizeof(struct tun),
	.open = tun_open_tun,
	.close = tun_close,
	.rx = tun_rx,
	.rx_done = tun_rx_done,
	.tx = tun_tx,
	.wait_fd = tun_wait_fd,
	.rx_into = tun_rx_into,
	.start = tun_start,
	.service = tun_service,
	.set = tun_set,
	.describe = tun_describe,
};

const struct vif_port_ops vif_port_ops_tap = {
	.name = "tap",
	.summary = "Ethernet frames from and to the kernel",
	.main = "name of the device; empty: the kernel chooses",
	.example = "vif link tap:a,netns=red tap:b,netns=blue,mtu=9000",
	.keys = tun_keys,
	.n_keys = TAP_KEYS_N,
	.size = sizeof(struct tun),
	.open = tun_open_tap,
	.close = tun_close,
	.rx = tun_rx,
	.rx_done = tun_rx_done,
	.tx = tun_tx,
	.wait_fd = tun_wait_fd,
	.rx_into = tun_rx_into,
	.start = tun_start,
	.service = tun_service,
	.set = tun_set,
	.describe = tun_describe,
};
