/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault: wraps another port and does to its packets what a bad network does,
 * by a seed, so that a run repeats. For tests, and for finding out how
 * something else copes.
 */
#include "port/fault/fault.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/error.h"

/* What the inner port cannot send now. Kinds that a kernel refuses stay so. */
static void relay_offload(struct fault *fault, const struct vif_port *inner)
{
	if (fault->port.caps.offload_varies)
		atomic_store(&fault->port.tx_refused, port_tx_refused(inner));
	else
		atomic_fetch_or(&fault->port.tx_refused,
				port_tx_refused(inner));
}

/* The inner port's states are ours; after the end port.c lets none pass. */
static void relay_state(void *user, struct vif_port *inner,
			enum vif_port_state state)
{
	struct fault *fault = user;

	relay_offload(fault, inner);
	port_set_state(&fault->port, state);
}

static void relay_notice(void *user, struct vif_port *inner, const char *text)
{
	struct fault *fault = user;

	relay_offload(fault, inner);
	port_notice(&fault->port, text);
}

static int nothing_to_wrap(const struct address *address,
			   struct vif_error *error)
{
	if (address->main[0] != '\0') {
		error_set(error, -EINVAL, "cannot wrap '%.64s'", address->main);
		return error_why(error, -EINVAL,
				 "the config brings a port to wrap already");
	}
	error_set(error, -EINVAL, "no port to wrap");
	error_why(error, -EINVAL, "the address does not name one");
	return error_hint(error, -EINVAL,
			  "write fault:tun:NAME,KEY=VALUE; commas of the "
			  "inner address are written \\,");
}

/* Opens the inner port, or takes over the one the program gave. */
static int open_inner(struct fault *fault, const struct address *address,
		      struct vif_error *error)
{
	struct vif_port *peer = fault->port.config.peer;
	const struct vif_port_config config = {
		.size = sizeof(config),
		.on_state = relay_state,
		.on_notice = relay_notice,
		.user = fault,
	};

	if (!peer == (address->main[0] == '\0'))
		return nothing_to_wrap(address, error);
	if (!peer)
		return vif_port_open(address->main, &config, &fault->inner,
				     error);
	fault->inner = peer;
	fault->inner_config = peer->config;
	peer->config.on_state = relay_state;
	peer->config.on_notice = relay_notice;
	peer->config.user = fault;
	return 0;
}

/*
 * Whether the inner port is ours to stop and close. One that the program gave
 * is only once open has succeeded, and then port.c has made our counters.
 */
static bool owns_inner(const struct fault *fault)
{
	return fault->inner && (!fault->port.config.peer || fault->port.queue);
}

static void derive_caps(struct fault *fault)
{
	struct vif_port_caps *caps = &fault->port.caps;

	*caps = *vif_port_caps(fault->inner);
	caps->tx_shared = false; /* one set of dice, one packet held */
	if (fault->tx_rates.reorder > 0)
		caps->tx_holds = true;
	relay_offload(fault, fault->inner);
	atomic_store(&fault->port.rx_absent, port_rx_absent(fault->inner));
}

static int make_lanes(struct fault *fault)
{
	uint32_t n = fault->port.caps.n_queue;
	int r;

	if (fault->fail > 0) {
		fault->gone_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fault->gone_fd < 0)
			return -errno;
	}
	r = fault_wait_init(&fault->control, fault->inner, 0, VIF_WAIT_CONTROL,
			    fault->delay_ns > 0, fault->gone_fd);
	fault->rx = calloc(n, sizeof(*fault->rx));
	fault->tx = calloc(n, sizeof(*fault->tx));
	if (!fault->rx || !fault->tx)
		return -ENOMEM;
	while (r == 0 && fault->n_rx < n)
		r = fault_rx_init(fault, fault->n_rx++);
	while (r == 0 && fault->n_tx < n)
		r = fault_tx_init(fault, fault->n_tx++);
	return r;
}

static int fault_open(struct vif_port *port, const struct address *address,
		      struct vif_error *error)
{
	struct fault *fault = to_fault(port);
	int r;

	fault->gone_fd = fault->control.epoll_fd = fault->control.wake_fd = -1;
	fault->opening = true;
	r = fault_options(fault, address, error);
	if (r < 0)
		return r;
	r = open_inner(fault, address, error);
	if (r < 0)
		return r;
	derive_caps(fault);
	r = make_lanes(fault);
	if (r < 0)
		return error_set(error, r, "cannot make the queues");
	(void)snprintf(port->name, sizeof(port->name), "fault:%.56s",
		       vif_port_name(fault->inner));
	port_set_state(port, vif_port_state(fault->inner));
	return 0;
}

static void free_lanes(struct fault *fault)
{
	for (uint32_t i = 0; i < fault->n_rx; i++)
		fault_rx_fini(&fault->rx[i]);
	for (uint32_t i = 0; i < fault->n_tx; i++)
		fault_tx_fini(&fault->tx[i]);
	free(fault->rx);
	free(fault->tx);
	fault->n_rx = fault->n_tx = 0;
	fault->rx = NULL;
	fault->tx = NULL;
}

static void fault_close(struct vif_port *port)
{
	struct fault *fault = to_fault(port);

	if (!fault->opening)
		return;
	free_lanes(fault);
	fault_wait_fini(&fault->control);
	if (fault->gone_fd >= 0)
		(void)close(fault->gone_fd); /* an eventfd says nothing */
	fault->gone_fd = -1;
	if (owns_inner(fault))
		vif_port_close(fault->inner);
	else if (fault->inner)
		fault->inner->config = fault->inner_config;
	fault->inner = NULL;
}

static int fault_start(struct vif_port *port, struct vif_error *error)
{
	struct fault *fault = to_fault(port);

	if (fault_is_gone(fault)) {
		error_set(error, -ENODEV, "cannot start the port");
		return error_why(error, -ENODEV,
				 "it has failed, as fail= says");
	}
	return vif_port_start(fault->inner, error);
}

static void fault_stop(struct vif_port *port)
{
	if (owns_inner(to_fault(port)))
		vif_port_stop(to_fault(port)->inner);
}

static int fault_wait_fd(const struct vif_port *port, unsigned int queue,
			 enum vif_wait what, short *ret_events)
{
	const struct fault *fault = to_const_fault(port);

	*ret_events = POLLIN;
	if (what == VIF_WAIT_CONTROL)
		return fault->control.epoll_fd;
	return what == VIF_WAIT_RX ? fault->rx[queue].wait.epoll_fd :
				     fault->tx[queue].wait.epoll_fd;
}

static int fault_arm(struct vif_port *port, unsigned int queue,
		     enum vif_wait what)
{
	struct fault *fault = to_fault(port);

	return what == VIF_WAIT_RX ? fault_rx_arm(fault, queue) :
				     fault_tx_arm(fault, queue);
}

static void fault_settle(struct vif_port *port, unsigned int queue)
{
	port_settle(to_fault(port)->inner, queue);
}

static int fault_service(struct vif_port *port, uint64_t now_ns,
			 uint64_t *ret_deadline_ns)
{
	struct fault *fault = to_fault(port);
	int r = vif_port_service(fault->inner, now_ns, ret_deadline_ns);

	fault_wait_clear(&fault->control);
	atomic_store(&fault->now_ns, now_ns);
	atomic_fetch_add(&fault->tick, 1);
	for (uint32_t i = 0; i < fault->n_rx; i++) {
		uint64_t next_ns = fault_rx_service(&fault->rx[i], now_ns);

		if (next_ns < *ret_deadline_ns)
			*ret_deadline_ns = next_ns;
	}
	return r == 0 && fault_is_gone(fault) ? -ENODEV : r;
}

static int fault_set(struct vif_port *port, enum vif_port_param param,
		     uint64_t value)
{
	struct fault *fault = to_fault(port);
	int r = vif_port_set(fault->inner, param, value);

	derive_caps(fault);
	return r;
}

static void fault_describe(const struct vif_port *port,
			   void (*emit)(void *user, const char *key,
					const char *value),
			   void *user)
{
	const struct fault *fault = to_const_fault(port);
	char text[16];

	emit(user, "inner", vif_port_name(fault->inner));
	(void)snprintf(text, sizeof(text), "%u", fault->seed);
	emit(user, "seed", text);
	vif_port_describe(fault->inner, emit, user);
}

const struct vif_port_ops vif_port_ops_fault = {
	.name = "fault",
	.summary = "another port, made unreliable",
	.main = "address of that port, its commas written \\,",
	.example =
		"vif link tun:a 'fault:tun:b\\,netns=blue,drop=1%,delay=10ms'",
	.keys = fault_keys,
	.n_keys = FAULT_KEYS_N,
	.size = sizeof(struct fault),
	.open = fault_open,
	.close = fault_close,
	.rx = fault_rx,
	.rx_done = fault_rx_done,
	.tx = fault_tx,
	.wait_fd = fault_wait_fd,
	.start = fault_start,
	.stop = fault_stop,
	.arm = fault_arm,
	.settle = fault_settle,
	.tx_held = fault_tx_held,
	.rx_held = fault_rx_held,
	.tx_left = fault_tx_left,
	.service = fault_service,
	.set = fault_set,
	.describe = fault_describe,
};
