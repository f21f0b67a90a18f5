/* SPDX-License-Identifier: Apache-2.0 */
/* What is known of an interface, for people and programs. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <vif/memif_details.h>

#include "base/bits.h"
#include "port/memif/interface.h"
#include "port/memif/ride.h"

const char *vif_memif_state_name(enum vif_memif_state state)
{
	static const char *const names[] = {
		[VIF_MEMIF_IDLE] = "idle",
		[VIF_MEMIF_CONNECTING] = "connecting",
		[VIF_MEMIF_CONNECTED] = "connected",
		[VIF_MEMIF_CLOSING] = "closing",
	};

	return (size_t)state < ARRAY_LEN(names) ? names[state] : "?";
}

/* Without the lock: a callback may be waiting for the thread that asks. */
enum vif_memif_state
vif_memif_state(const struct vif_memif_interface *interface)
{
	enum memif_link_state state;

	if (atomic_load(&interface->is_told))
		return VIF_MEMIF_CONNECTED;
	if (atomic_load(&interface->is_closing))
		return VIF_MEMIF_CLOSING;
	state = atomic_load(&interface->link.state);
	if (state == MEMIF_LINK_CONNECTING || state == MEMIF_LINK_UP)
		return VIF_MEMIF_CONNECTING;
	return VIF_MEMIF_IDLE;
}

/* Each connection that came about has ended once, too, but for the last. */
static uint64_t failures_of(const struct memif_link *link)
{
	uint64_t n = 0;

	for (int i = 0; i < MEMIF_DOWN_N; i++)
		n += counter_read(&link->downs[i]);
	return n - (counter_read(&link->ups) - link->is_told);
}

void memif_interface_ends(const struct vif_memif_interface *interface,
			  void (*emit)(void *user, const char *name,
				       uint64_t n),
			  void *user)
{
	const struct memif_listener *listener = interface->link.listener;

	memif_lock(interface->socket->memif);
	for (int i = 0; i < MEMIF_DOWN_N; i++) {
		uint64_t n = counter_read(&interface->link.downs[i]);

		if (listener)
			n += counter_read(&listener->downs[i]);
		if (n > 0)
			emit(user, memif_down_name((enum memif_down)i), n);
	}
	memif_unlock(interface->socket->memif);
}

static void fill_details(const struct vif_memif_interface *interface,
			 struct vif_memif_details *to)
{
	const struct memif_link *link = &interface->link;
	uint16_t ride;

	to->state = vif_memif_state(interface);
	to->role = interface->config.role;
	to->mode = interface->config.mode;
	to->id = interface->config.id;
	to->has_secret = interface->has_secret;
	(void)snprintf(to->socket, sizeof(to->socket), "%s",
		       interface->socket->config.bind.name.text);
	(void)snprintf(to->name, sizeof(to->name), "%s", interface->name);
	(void)snprintf(to->app_name, sizeof(to->app_name), "%s",
		       interface->socket->memif->app_name);
	(void)snprintf(to->reason, sizeof(to->reason), "%s",
		       link->error.code ? link->error.why : interface->reason);
	(void)snprintf(to->hint, sizeof(to->hint), "%s",
		       link->error.code ? link->error.hint : interface->hint);
	to->connects = counter_read(&link->ups);
	to->failures = failures_of(link);
	if (!interface->is_open)
		return;
	(void)snprintf(to->peer_name, sizeof(to->peer_name), "%s",
		       link->handshake.peer_name);
	(void)snprintf(to->peer_app, sizeof(to->peer_app), "%s",
		       link->handshake.peer_app);
	to->n_rx = atomic_load(&interface->n_rx_ring);
	to->n_tx = atomic_load(&interface->n_tx_ring);
	ride = memif_interface_ride(interface);
	to->offload_csum = ride & MEMIF_RIDE_CSUM;
	to->offload_gso = memif_ride_gso(ride);
	to->n_region = link->memory->regions.n;
	to->region_len = link->memory->regions.total;
}

void vif_memif_details(const struct vif_memif_interface *interface,
		       struct vif_memif_details *ret_details)
{
	memset(ret_details, 0, sizeof(*ret_details));
	memif_lock(interface->socket->memif);
	fill_details(interface, ret_details);
	memif_unlock(interface->socket->memif);
}

static uint64_t faults_of(const struct memif_queue_counters *counters)
{
	uint64_t n = 0;

	for (int i = 0; i < MEMIF_FAULT_N; i++)
		n += counter_read(&counters->fault[i]);
	return n;
}

/* Under the lock, and connected. */
static void fill_queue(const struct memif_side *side,
		       const struct memif_queue *queue,
		       const struct port_counters *counters,
		       struct vif_memif_queue_details *to)
{
	const struct memif_queue_counters *more = memif_queue_counters(queue);
	struct memif_queue_state state;

	memif_queue_state(queue, &state);
	*to = (struct vif_memif_queue_details){
		.ring = state.size,
		.buffer = state.buffer_size,
		.head = state.head,
		.tail = state.tail,
		.interrupts = !state.masked,
		.rx_mode = (enum vif_memif_rx_mode)atomic_load(&side->rx_mode),
		.fd = side->poll_fd,
		.packets = counter_read(&counters->packets),
		.bytes = counter_read(&counters->bytes),
		.kicks = counter_read(&more->kicks),
		.sleeps = counter_read(&more->sleeps),
		.waits = counter_read(&more->waits),
		.pulled = counter_read(&more->pulled),
		.empty = counter_read(&more->empty),
		.faults = faults_of(more),
		.skipped = counter_read(&more->skipped),
	};
	for (int i = 0; i < VIF_DROP_N; i++)
		to->drops[i] = counter_read(&counters->drops[i]);
}

static int queue_details(const struct vif_memif_interface *interface,
			 bool is_tx, unsigned int i,
			 struct vif_memif_queue_details *to)
{
	const struct memif_link *link = &interface->link;
	const struct port_queue *counters = link->config.queue.counters;

	if (i >= (is_tx ? interface->n_tx : interface->n_rx))
		return -EINVAL;
	if (!interface->is_open)
		return -ENOTCONN;
	if (i >= (is_tx ? interface->n_tx_ring : interface->n_rx_ring))
		return -EINVAL;
	if (is_tx)
		fill_queue(&interface->tx[i], memif_link_tx_queue(link, i),
			   &counters[i].tx, to);
	else
		fill_queue(&interface->rx[i], memif_link_rx_queue(link, i),
			   &counters[i].rx, to);
	return 0;
}

int vif_memif_rx_details(const struct vif_memif_interface *interface,
			 unsigned int queue,
			 struct vif_memif_queue_details *ret_details)
{
	int r;

	memif_lock(interface->socket->memif);
	r = queue_details(interface, false, queue, ret_details);
	memif_unlock(interface->socket->memif);
	return r;
}

int vif_memif_tx_details(const struct vif_memif_interface *interface,
			 unsigned int queue,
			 struct vif_memif_queue_details *ret_details)
{
	int r;

	memif_lock(interface->socket->memif);
	r = queue_details(interface, true, queue, ret_details);
	memif_unlock(interface->socket->memif);
	return r;
}
