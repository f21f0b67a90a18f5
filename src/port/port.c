/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What all ports share: opening by address, stopping, waiting, counting.
 *
 * Stopping works through one eventfd for each port. Every parked thread polls
 * it beside its own descriptor, so nobody has to be signalled or unblocked by
 * closing a descriptor under it, which would race with reuse of the number.
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/error.h"
#include "base/nearest.h"
#include "packet/offload.h"
#include "port/address.h"
#include "port/ops.h"

const char *vif_port_state_name(enum vif_port_state state)
{
	static const char *const names[] = {
		[VIF_PORT_CLOSED] = "closed",
		[VIF_PORT_OPENING] = "opening",
		[VIF_PORT_DOWN] = "down",
		[VIF_PORT_UP] = "up",
	};

	return (size_t)state < ARRAY_LEN(names) ? names[state] : "?";
}

const char *vif_drop_name(enum vif_drop drop)
{
	static const char *const names[] = {
		[VIF_DROP_FULL] = "full",
		[VIF_DROP_DOWN] = "down",
		[VIF_DROP_HEADER] = "bad_header",
		[VIF_DROP_TRUNCATED] = "truncated",
		[VIF_DROP_TOO_LONG] = "too_long",
		[VIF_DROP_OFFLOAD] = "offload",
		[VIF_DROP_REFUSED] = "refused",
		[VIF_DROP_MEMORY] = "no_memory",
		[VIF_DROP_STOPPED] = "stopped",
		[VIF_DROP_INJECTED] = "injected",
	};

	static_assert(ARRAY_LEN(names) == VIF_DROP_N, "every reason is named");
	return (size_t)drop < ARRAY_LEN(names) ? names[drop] : "?";
}

/* While a port is being opened there is nothing that could be read yet. */
static void report_state(struct vif_port *port, enum vif_port_state state)
{
	if (port->config.on_state && port->queue && state != VIF_PORT_OPENING)
		port->config.on_state(port->config.user, port, state);
}

static int unknown_type(const char *type, struct vif_error *error)
{
	struct nearest nearest = nearest_to(type);
	const struct vif_port_ops *ops;

	for (size_t i = 0; (ops = port_ops_at(i)); i++)
		nearest_try(&nearest, ops->name);
	error_set(error, -EINVAL, "unknown port type '%s'", type);
	error_why(error, -EINVAL, "this build has no such type");
	if (nearest_found(&nearest))
		return error_hint(error, -EINVAL,
				  "did you mean '%s'? 'vif help' lists the "
				  "types",
				  nearest_found(&nearest));
	return error_hint(error, -EINVAL, "'vif help' lists the types");
}

static struct vif_port *port_new(const struct vif_port_ops *ops,
				 const struct vif_port_config *config,
				 const struct address *address)
{
	struct vif_port *port = calloc(1, ops->size);

	if (!port)
		return NULL;
	port->ops = ops;
	port->config = *config;
	port->stop_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	(void)snprintf(port->name, sizeof(port->name), "%s%s%s", ops->name,
		       address->main[0] ? ":" : "", address->main);
	atomic_store(&port->state, VIF_PORT_OPENING);
	return port;
}

int port_make_queues(struct vif_port *port, uint32_t n)
{
	size_t size = n * sizeof(*port->queue);

	port->queue = aligned_alloc(_Alignof(struct port_queue), size);
	if (!port->queue)
		return -ENOMEM;
	memset(port->queue, 0, size);
	return 0;
}

static int port_init(struct vif_port *port, const struct address *address,
		     struct vif_error *error)
{
	int r;

	if (port->stop_fd < 0) {
		r = -errno;
		return error_set(error, r, "cannot make an eventfd");
	}
	if (!port->ops->main && address->main[0] != '\0') {
		error_set(error, -EINVAL, "'%.64s' means nothing here",
			  address->main);
		return error_why(error, -EINVAL, "type '%s' takes no name",
				 port->ops->name);
	}
	r = port->ops->open(port, address, error);
	if (r < 0)
		return r;
	assert(port->caps.n_queue > 0 && port->caps.n_queue <= PORT_QUEUES_MAX);
	if (!port->queue && port_make_queues(port, port->caps.n_queue) < 0)
		return error_set(error, -ENOMEM, "cannot open the port");
	return 0;
}

int vif_port_open(const char *text, const struct vif_port_config *user_config,
		  struct vif_port **ret_port, struct vif_error *error)
{
	struct vif_port_config config;
	const struct vif_port_ops *ops;
	struct address address;
	struct vif_port *port;
	char where[ADDRESS_LEN_MAX];
	int r;

	r = address_parse(text, &address, error);
	if (r < 0)
		return error_where(error, r, text);
	(void)snprintf(where, sizeof(where), "%s:%s", address.type,
		       address.main);
	ops = port_ops_find(address.type);
	if (!ops)
		return error_where(error, unknown_type(address.type, error),
				   text);
	r = config_take(user_config, sizeof(config), &config, error);
	if (r < 0)
		return error_where(error, r, where);
	port = port_new(ops, &config, &address);
	if (!port)
		return error_where(
			error,
			error_set(error, -ENOMEM, "cannot open the port"),
			where);
	r = port_init(port, &address, error);
	if (r < 0) {
		vif_port_close(port);
		return error_where(error, r, where);
	}
	*ret_port = port;
	report_state(port, vif_port_state(port));
	return 0;
}

void vif_port_close(struct vif_port *port)
{
	if (!port)
		return;
	vif_port_stop(port);
	port->ops->close(port);
	if (port->stop_fd >= 0)
		(void)close(port->stop_fd); /* an eventfd has nothing to say */
	free(port->queue);
	free(port);
}

int vif_port_start(struct vif_port *port, struct vif_error *error)
{
	uint64_t count;
	int r;

	if (atomic_exchange(&port->stopped, false) &&
	    read(port->stop_fd, &count, sizeof(count)) < 0)
		assert(errno == EAGAIN); /* stopped, but not written yet */
	if (!port->ops->start)
		return 0;
	r = port->ops->start(port, error);
	return r < 0 ? error_where(error, r, port->name) : 0;
}

void vif_port_stop(struct vif_port *port)
{
	const uint64_t one = 1;
	ssize_t n;

	if (atomic_exchange(&port->stopped, true))
		return;
	if (port->stop_fd >= 0) {
		n = write(port->stop_fd, &one, sizeof(one));
		assert(n == sizeof(one)); /* cannot be full after one write */
	}
	if (port->ops->stop)
		port->ops->stop(port);
}

static bool is_stopped(const struct vif_port *port)
{
	return atomic_load_explicit(&port->stopped, memory_order_acquire);
}

/* Whoever finds the device gone reports it; port_set_state() does so once. */
static int note_end(struct vif_port *port, int r)
{
	if (r == -ENODEV)
		port_set_state(port, VIF_PORT_CLOSED);
	return r;
}

int vif_port_rx(struct vif_port *port, unsigned int queue,
		struct vif_batch *batch)
{
	if (queue >= port->caps.n_queue || batch->n > 0)
		return -EINVAL;
	if (is_stopped(port))
		return -ESHUTDOWN;
	return note_end(port, port->ops->rx(port, queue, batch));
}

int port_rx_into(struct vif_port *port, unsigned int queue,
		 const struct iovec *piece, unsigned int n,
		 struct vif_batch *batch)
{
	if (is_stopped(port))
		return -ESHUTDOWN;
	return note_end(port, port->ops->rx_into(port, queue, piece, n, batch));
}

void vif_port_rx_done(struct vif_port *port, unsigned int queue,
		      struct vif_batch *batch)
{
	if (batch->n > 0 && queue < port->caps.n_queue)
		port->ops->rx_done(port, queue, batch);
	vif_batch_clear(batch);
}

int vif_port_tx(struct vif_port *port, unsigned int queue,
		const struct vif_packet *packet, unsigned int n)
{
	if (queue >= port->caps.n_queue)
		return -EINVAL;
	if (is_stopped(port))
		return -ESHUTDOWN;
	if (n == 0)
		return 0;
	return note_end(port, port->ops->tx(port, queue, packet, n));
}

unsigned int port_tx_places(struct vif_port *port, unsigned int queue,
			    struct iovec *piece, unsigned int n)
{
	return is_stopped(port) ? 0 :
				  port->ops->tx_places(port, queue, piece, n);
}

void port_tx_places_end(struct vif_port *port, unsigned int queue)
{
	port->ops->tx_places_end(port, queue);
}

unsigned int vif_port_tx_held(struct vif_port *port, unsigned int queue)
{
	if (queue >= port->caps.n_queue || !port->ops->tx_held)
		return 0;
	return port->ops->tx_held(port, queue);
}

unsigned int port_tx_left(struct vif_port *port, unsigned int queue)
{
	if (queue >= port->caps.n_queue || !port->ops->tx_left)
		return 0;
	return port->ops->tx_left(port, queue);
}

unsigned int vif_port_rx_held(struct vif_port *port, unsigned int queue)
{
	if (queue >= port->caps.n_queue || !port->ops->rx_held)
		return 0;
	return port->ops->rx_held(port, queue);
}

int vif_port_wait_fd(const struct vif_port *port, unsigned int queue,
		     enum vif_wait what, short *ret_events)
{
	if (what != VIF_WAIT_CONTROL && queue >= port->caps.n_queue)
		return -EINVAL;
	return port->ops->wait_fd(port, queue, what, ret_events);
}

int vif_port_arm(struct vif_port *port, unsigned int queue, enum vif_wait what)
{
	if (queue >= port->caps.n_queue || what == VIF_WAIT_CONTROL)
		return 0;
	return port->ops->arm ? port->ops->arm(port, queue, what) : 0;
}

void port_settle(struct vif_port *port, unsigned int queue)
{
	if (queue < port->caps.n_queue && port->ops->settle)
		port->ops->settle(port, queue);
}

int vif_port_wait(struct vif_port *port, unsigned int queue, enum vif_wait what,
		  int timeout_ms)
{
	struct pollfd fd[2] = {
		{ .fd = port->stop_fd, .events = POLLIN },
	};
	int r;

	if (is_stopped(port))
		return -ESHUTDOWN;
	fd[1].fd = vif_port_wait_fd(port, queue, what, &fd[1].events);
	if (fd[1].fd < 0)
		return fd[1].fd;
	if (what != VIF_WAIT_CONTROL && vif_port_arm(port, queue, what) > 0)
		return 1;
	r = poll(fd, 2, timeout_ms);
	if (r < 0)
		return errno == EINTR ? 1 : -errno;
	if (fd[0].revents != 0)
		return -ESHUTDOWN;
	return r > 0;
}

int vif_port_service(struct vif_port *port, uint64_t now_ns,
		     uint64_t *ret_deadline_ns)
{
	*ret_deadline_ns = UINT64_MAX;
	if (!port->ops->service)
		return 0;
	return note_end(port,
			port->ops->service(port, now_ns, ret_deadline_ns));
}

int vif_port_set(struct vif_port *port, enum vif_port_param param,
		 uint64_t value)
{
	return port->ops->set ? port->ops->set(port, param, value) :
				-EOPNOTSUPP;
}

const struct vif_port_caps *vif_port_caps(const struct vif_port *port)
{
	return &port->caps;
}

const char *vif_port_name(const struct vif_port *port)
{
	return port->name;
}

enum vif_port_state vif_port_state(const struct vif_port *port)
{
	return (enum vif_port_state)atomic_load(&port->state);
}

void port_set_state(struct vif_port *port, enum vif_port_state state)
{
	int before = atomic_load(&port->state);

	/* Nothing comes after closed, however late other news arrives. */
	do {
		if (before == (int)state || before == VIF_PORT_CLOSED)
			return;
	} while (!atomic_compare_exchange_weak(&port->state, &before,
					       (int)state));
	report_state(port, state);
}

void port_notice(struct vif_port *port, const char *text)
{
	if (port->config.on_notice)
		port->config.on_notice(port->config.user, port, text);
}

void port_vary(struct vif_port *port, uint32_t tx_refused, uint32_t rx_absent)
{
	assert(port->caps.offload_varies);
	assert(!(tx_refused & PORT_CSUM) ||
	       (tx_refused & VIF_GSO_ALL) == VIF_GSO_ALL);
	atomic_store_explicit(&port->tx_refused, tx_refused,
			      memory_order_relaxed);
	atomic_store_explicit(&port->rx_absent, rx_absent,
			      memory_order_relaxed);
}

void port_refuse(struct vif_port *port, uint32_t kinds)
{
	uint32_t news = kinds & ~atomic_fetch_or(&port->tx_refused, kinds);
	char text[128];

	for (uint32_t gso = VIF_GSO_TCP4; gso <= VIF_GSO_UDP; gso++) {
		if (!(news & VIF_GSO_BIT(gso)))
			continue;
		(void)snprintf(text, sizeof(text),
			       "the kernel refuses superpackets of %s; from "
			       "now on they are cut and none are made",
			       offload_gso_name((uint8_t)gso));
		port_notice(port, text);
	}
}

enum vif_drop port_tx_fits(const struct vif_port_caps *caps,
			   const struct vif_packet *packet)
{
	if (packet->len > caps->len_max || packet->n_seg > caps->seg_max)
		return VIF_DROP_TOO_LONG;
	if (packet->gso != VIF_GSO_NONE &&
	    !(caps->tx_gso & VIF_GSO_BIT(packet->gso)))
		return VIF_DROP_OFFLOAD;
	if (packet->csum == VIF_CSUM_PARTIAL && !caps->tx_csum)
		return VIF_DROP_OFFLOAD;
	return VIF_DROP_N;
}

bool port_tx_gate(struct vif_port *port, unsigned int queue,
		  const struct vif_packet *packet)
{
	enum vif_drop drop = VIF_DROP_HEADER;

	if (vif_packet_check(packet, port->caps.medium) == 0)
		drop = port_tx_fits(&port->caps, packet);
	if (drop == VIF_DROP_N) {
		port_count(&port->queue[queue].tx, packet);
		return true;
	}
	port_drop(&port->queue[queue].tx, drop);
	return false;
}

void port_add_rx_stats(const struct port_counters *rx,
		       struct vif_port_stats *stats)
{
	stats->rx_packets += counter_read(&rx->packets);
	stats->rx_bytes += counter_read(&rx->bytes);
	stats->rx_superpackets += counter_read(&rx->superpackets);
	for (int i = 0; i < VIF_DROP_N; i++)
		stats->rx_drops[i] += counter_read(&rx->drops[i]);
}

void port_add_tx_stats(const struct port_counters *tx,
		       struct vif_port_stats *stats)
{
	stats->tx_packets += counter_read(&tx->packets);
	stats->tx_bytes += counter_read(&tx->bytes);
	stats->tx_superpackets += counter_read(&tx->superpackets);
	stats->tx_refused_superpackets +=
		counter_read(&tx->refused_superpackets);
	for (int i = 0; i < VIF_DROP_N; i++)
		stats->tx_drops[i] += counter_read(&tx->drops[i]);
}

void vif_port_stats(const struct vif_port *port,
		    struct vif_port_stats *ret_stats)
{
	struct vif_port_stats sum = { .rx_packets = 0 };

	for (uint32_t q = 0; q < port->caps.n_queue; q++) {
		port_add_rx_stats(&port->queue[q].rx, &sum);
		port_add_tx_stats(&port->queue[q].tx, &sum);
	}
	*ret_stats = sum;
}

void vif_port_describe(const struct vif_port *port,
		       void (*emit)(void *user, const char *key,
				    const char *value),
		       void *user)
{
	if (port->ops->describe)
		port->ops->describe(port, emit, user);
}
