/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces of memif.
 *
 * A connection brings memory and rings. When it ends while a data thread has
 * packets of it, the memory is kept until they are given back, and only then do
 * queues get the rings of the next connection. The thread that leaves last pokes
 * the control thread.
 */
#include "port/memif/interface.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/config.h"
#include "base/error.h"
#include "base/heap.h"
#include "port/memif/ride.h"

static bool is_server(const struct vif_memif_interface *interface)
{
	return interface->config.role == VIF_MEMIF_SERVER;
}

static const struct vif_allocator *
heap_of(const struct vif_memif_interface *interface)
{
	return &interface->socket->memif->heap;
}

static uint32_t n_side(const struct vif_memif_interface *interface)
{
	return interface->n_rx + interface->n_tx;
}

/* All sides, those that send behind those that receive. */
static struct memif_side *side_at(struct vif_memif_interface *interface,
				  uint32_t i)
{
	return &interface->rx[i];
}

static bool all_shut(struct vif_memif_interface *interface)
{
	for (uint32_t i = 0; i < n_side(interface); i++)
		if (!memif_side_is_shut(side_at(interface, i)))
			return false;
	return true;
}

/* Connections */

static uint32_t count_rings(struct vif_memif_interface *interface, bool is_tx)
{
	uint32_t max = is_tx ? interface->n_tx : interface->n_rx;
	uint32_t n = 0;

	while (n < max && (is_tx ? memif_link_tx_queue(&interface->link, n) :
				   memif_link_rx_queue(&interface->link, n)))
		n++;
	return n;
}

/* The ring of a side, or the one it shares with others, or NULL. */
static struct memif_queue *ring_of(struct vif_memif_interface *interface,
				   uint32_t i)
{
	uint32_t n = interface->n_tx_ring;

	if (!side_at(interface, i)->is_tx)
		return memif_link_rx_queue(&interface->link, i);
	i -= interface->n_rx;
	return n > 0 ? memif_link_tx_queue(&interface->link, i % n) : NULL;
}

static int event_of(const struct memif_side *side,
		    const struct memif_queue *queue)
{
	struct memif_queue_state state;

	if (side->is_tx)
		return memif_queue_wait_fd(queue);
	memif_queue_state(queue, &state);
	return state.event_fd;
}

static int watch_rings(struct vif_memif_interface *interface)
{
	for (uint32_t i = 0; i < n_side(interface); i++) {
		struct memif_side *side = side_at(interface, i);
		struct memif_queue *queue = ring_of(interface, i);
		int r = 0;

		if (queue)
			r = memif_side_watch(side, event_of(side, queue));
		if (r < 0)
			return r;
	}
	return 0;
}

static void open_sides(struct vif_memif_interface *interface)
{
	uint32_t n_tx = interface->n_tx_ring;

	interface->is_open = true;
	for (uint32_t i = 0; i < interface->n_rx_ring; i++) {
		struct memif_side *side = &interface->rx[i];

		memif_side_open(side, ring_of(interface, i));
		/* Whoever sleeps looks again, and arms the new ring. */
		memif_kick(&interface->socket->memif->kicker, side->event_fd);
	}
	for (uint32_t i = 0; i < n_tx; i++)
		memif_side_open(&interface->tx[i],
				ring_of(interface, interface->n_rx + i));
}

static void free_kept(struct vif_memif_interface *interface)
{
	memif_memory_free(interface->kept);
	interface->kept = NULL;
	atomic_store(&interface->is_closing, false);
}

static void tell_connected(struct vif_memif_interface *interface)
{
	eventfd_t count;

	(void)eventfd_read(interface->down_fd, &count);
	atomic_store(&interface->is_told, true);
	if (interface->config.on_connect)
		interface->config.on_connect(interface->config.user, interface);
}

static void tell_disconnected(struct vif_memif_interface *interface)
{
	char reason[sizeof(interface->reason)];

	if (!atomic_exchange(&interface->is_told, false) ||
	    !interface->config.on_disconnect)
		return;
	memcpy(reason, interface->reason, sizeof(reason));
	interface->config.on_disconnect(interface->config.user, interface,
					reason);
}

/*
 * Lets threads in, once all have left what was before: then no more than one
 * memory has to be kept, however often the peer comes and goes meanwhile.
 */
static void try_open(struct vif_memif_interface *interface, uint64_t now_ns)
{
	if (!all_shut(interface))
		return;
	free_kept(interface);
	if (interface->link.state != MEMIF_LINK_UP || interface->is_open ||
	    interface->is_doomed)
		return;
	atomic_store(&interface->n_rx_ring, count_rings(interface, false));
	atomic_store(&interface->n_tx_ring, count_rings(interface, true));
	if (watch_rings(interface) < 0) {
		memif_link_disconnect(&interface->link, now_ns,
				      "cannot wait for its queues");
		return;
	}
	if (interface->opening)
		interface->opening(interface->config.user, interface);
	open_sides(interface);
	tell_connected(interface);
}

static void link_up(struct memif_link *link, void *user)
{
	struct vif_memif_interface *interface = user;

	(void)link;
	try_open(interface, interface->socket->memif->now_ns);
}

static void note_reason(struct vif_memif_interface *interface)
{
	(void)snprintf(interface->reason, sizeof(interface->reason), "%s",
		       interface->link.error.why);
	(void)snprintf(interface->hint, sizeof(interface->hint), "%s",
		       interface->link.error.hint);
}

static void set_closed(struct vif_memif_interface *interface)
{
	(void)snprintf(interface->reason, sizeof(interface->reason),
		       "the interface is closed");
	interface->hint[0] = '\0';
}

static void link_down(struct memif_link *link, void *user)
{
	struct vif_memif_interface *interface = user;
	bool was_open = interface->is_open;

	atomic_store(&interface->n_rx_ring, 0);
	atomic_store(&interface->n_tx_ring, 0);
	(void)eventfd_write(interface->down_fd, 1);
	for (uint32_t i = 0; i < n_side(interface); i++)
		(void)memif_side_shut(side_at(interface, i));
	interface->is_open = false;
	if (was_open && !all_shut(interface)) {
		assert(!interface->kept);
		interface->kept = memif_link_keep_memory(link);
		atomic_store(&interface->is_closing, true);
	}
	note_reason(interface);
	tell_disconnected(interface);
}

static void link_failed(struct memif_link *link, void *user)
{
	struct vif_memif_interface *interface = user;

	note_reason(interface);
	if (interface->config.on_failure)
		interface->config.on_failure(interface->config.user, interface,
					     &link->error);
}

void memif_interface_look(struct vif_memif_interface *interface,
			  uint64_t now_ns)
{
	if (interface->is_doomed)
		return;
	if (!memif_link_check(&interface->link, now_ns))
		try_open(interface, now_ns);
}

/* Life */

static uint32_t random_number(void *user)
{
	struct vif_memif_interface *interface = user;
	uint64_t *x = &interface->socket->memif->random;

	/* splitmix64; the pauses need no better one. */
	*x += 0x9e3779b97f4a7c15u;
	return (uint32_t)((*x ^ *x >> 30) * 0xbf58476d1ce4e5b9u >> 32);
}

/* Pauses double from a tenth of a second on, or begin with the longest. */
static void fill_retry(const struct vif_memif_interface_config *config,
		       struct memif_link_config *ret)
{
	ret->retry_max_ns = config->retry_ms * MEMIF_MS;
	if (ret->retry_max_ns < MEMIF_RETRY_MIN_NS)
		ret->retry_min_ns = ret->retry_max_ns; /* 0: the default */
}

static void fill_link_config(struct vif_memif_interface *interface,
			     const struct vif_memif_interface_config *config,
			     struct port_queue *counters,
			     struct memif_link_config *ret)
{
	bool server = is_server(interface);

	*ret = (struct memif_link_config){
		.role = server ? MEMIF_SERVER : MEMIF_CLIENT,
		.mode = (enum memif_mode)config->mode,
		.id = config->id,
		.app_name = interface->socket->memif->app_name,
		.name = config->name,
		.secret = config->secret,
		.socket = interface->socket->config.bind.name,
		.netns_fd = interface->socket->netns_fd,
		.log2_size = (uint8_t)config->ring_log2,
		.line = (uint8_t)config->line,
		.buffer_size = config->buffer,
		.headroom = config->headroom,
		.n_region_max = MEMIF_REGIONS_MAX,
		.unsealed = (enum memif_unsealed)config->unsealed,
		.no_retry = config->no_retry,
		.random = random_number,
		.up = link_up,
		.down = link_down,
		.failed = link_failed,
		.user = interface,
	};
	ret->n_ring[MEMIF_C2S] =
		(uint16_t)(server ? interface->n_rx : interface->n_tx);
	ret->n_ring[MEMIF_S2C] =
		(uint16_t)(server ? interface->n_tx : interface->n_rx);
	fill_retry(config, ret);
	ret->ride = memif_ride_of(config->offload_csum, config->offload_gso);
	ret->heap = heap_of(interface);
	ret->queue.counters = counters;
	ret->queue.kicker = &interface->socket->memif->kicker;
	ret->queue.rx_mode = (enum memif_rx_mode)config->rx_mode;
	ret->queue.resync = config->resync;
	ret->supply.get = config->memory_get;
	ret->supply.put = config->memory_put;
	ret->supply.user = config->user;
}

/* What a packet begins with that is carried and not interpreted, nobody knows. */
static bool offload_is_possible(const struct vif_memif_interface_config *config)
{
	uint32_t gso = config->offload_gso;
	uint32_t tcp = gso & VIF_GSO_TCP;

	if (gso & ~VIF_GSO_ALL || (tcp != 0 && tcp != VIF_GSO_TCP))
		return false;
	return config->offload_csum ? config->mode != VIF_MEMIF_PUNT_INJECT :
				      gso == 0;
}

static int check(const struct vif_memif_interface_config *config,
		 struct vif_error *error)
{
	if (config->role <= VIF_MEMIF_SERVER &&
	    config->mode <= VIF_MEMIF_PUNT_INJECT &&
	    config->rx_mode <= VIF_MEMIF_RX_POLL &&
	    config->unsealed <= VIF_MEMIF_UNSEALED_GUARD &&
	    config->n_rx <= MEMIF_RINGS_MAX &&
	    config->n_tx <= MEMIF_RINGS_MAX && config->ring_log2 <= 15 &&
	    config->buffer <= 65535 && config->headroom <= 65535 &&
	    config->line <= 128 && offload_is_possible(config) &&
	    !config->memory_get == !config->memory_put &&
	    (!config->name || strlen(config->name) < MEMIF_MSG_NAME_SIZE))
		return 0;
	error_set(error, -EINVAL, "cannot use this interface config");
	return error_why(error, -EINVAL, "a value is out of range");
}

static int make_sides(struct vif_memif_interface *interface,
		      struct vif_error *error)
{
	uint32_t n = n_side(interface), done = 0;
	int r = 0;

	interface->down_fd = eventfd(1, EFD_CLOEXEC | EFD_NONBLOCK);
	if (interface->down_fd < 0) {
		r = -errno;
		return error_set(error, r, "cannot make an eventfd");
	}
	interface->rx = heap_new(heap_of(interface), n, sizeof(*interface->rx));
	if (!interface->rx)
		r = -ENOMEM;
	for (; r == 0 && done < n; done++) {
		struct memif_side *side = side_at(interface, done);

		r = memif_side_init(side, done >= interface->n_rx,
				    interface->down_fd);
		atomic_store(&side->rx_mode, (int)interface->config.rx_mode);
	}
	if (r == 0) {
		interface->tx = interface->rx + interface->n_rx;
		return 0;
	}
	/* Those after the one that failed are zeroed, with descriptor 0. */
	for (uint32_t i = 0; interface->rx && i + 1 < done; i++)
		memif_side_fini(side_at(interface, i));
	heap_free(heap_of(interface), interface->rx);
	interface->rx = NULL;
	return error_set(error, r, "cannot make the queues");
}

static void free_interface(struct vif_memif_interface *interface)
{
	for (uint32_t i = 0; interface->rx && i < n_side(interface); i++)
		memif_side_fini(side_at(interface, i));
	if (interface->down_fd >= 0)
		(void)close(interface->down_fd); /* an eventfd */
	heap_free(heap_of(interface), interface->rx);
	heap_free(heap_of(interface), interface);
}

static bool has_server(const struct vif_memif_socket *socket)
{
	const struct vif_memif_interface *i = socket->interfaces;

	while (i && !is_server(i))
		i = i->next;
	return i != NULL;
}

static int join(struct vif_memif_interface *interface,
		const struct vif_memif_interface_config *config,
		struct port_queue *counters, struct vif_error *error)
{
	struct vif_memif_socket *socket = interface->socket;
	struct memif_listener *listener = NULL;
	struct memif_link_config link_config;
	int r = 0;

	fill_link_config(interface, config, counters, &link_config);
	if (is_server(interface))
		r = memif_socket_listen(socket, &listener, error);
	if (r == 0)
		r = memif_link_init(&interface->link, &link_config,
				    &socket->memif->poller, listener, error);
	if (r < 0) {
		if (socket->listens && !has_server(socket))
			memif_socket_unlisten(socket);
		return r;
	}
	interface->next = socket->interfaces;
	socket->interfaces = interface;
	memif_poke(socket->memif);
	return 0;
}

int memif_interface_open(struct vif_memif_socket *socket,
			 const struct vif_memif_interface_config *user_config,
			 const struct memif_interface_extra *extra,
			 struct vif_memif_interface **ret_interface,
			 struct vif_error *error)
{
	struct vif_memif_interface_config config;
	struct vif_memif_interface *interface;
	int r = config_take(user_config, sizeof(config), &config, error);

	if (r == 0)
		r = check(&config, error);
	if (r < 0)
		return r;
	interface = heap_new(&socket->memif->heap, 1, sizeof(*interface));
	if (!interface)
		return error_set(error, -ENOMEM, "cannot make the interface");
	interface->socket = socket;
	interface->config = config;
	interface->opening = extra->opening;
	interface->has_secret = config.secret && config.secret[0] != '\0';
	interface->n_rx = config.n_rx ? config.n_rx : 1;
	interface->n_tx = config.n_tx ? config.n_tx : 1;
	(void)snprintf(interface->name, sizeof(interface->name), "%s",
		       config.name ? config.name : "");
	/* They are the program's, and may be gone after this. */
	interface->config.name = interface->config.secret = NULL;
	r = make_sides(interface, error);
	if (r == 0) {
		memif_enter(socket->memif);
		r = join(interface, &config, extra->counters, error);
		memif_leave(socket->memif);
	}
	if (r < 0) {
		free_interface(interface);
		return r;
	}
	*ret_interface = interface;
	return 0;
}

int vif_memif_open(struct vif_memif_socket *socket,
		   const struct vif_memif_interface_config *config,
		   struct vif_memif_interface **ret_interface,
		   struct vif_error *error)
{
	const struct memif_interface_extra extra = { .counters = NULL };

	return memif_interface_open(socket, config, &extra, ret_interface,
				    error);
}

static void destroy(struct vif_memif_interface *interface)
{
	struct vif_memif_socket *socket = interface->socket;
	struct vif_memif_interface **at = &socket->interfaces;

	/* What is lent still goes with it. Its counters are the link's. */
	free_kept(interface);
	memif_link_fini(&interface->link);
	assert(!interface->kept);
	while (*at != interface)
		at = &(*at)->next;
	*at = interface->next;
	if (socket->listens && !has_server(socket))
		memif_socket_unlisten(socket);
	free_interface(interface);
}

void memif_interfaces_reap(struct vif_memif_socket *socket)
{
	struct vif_memif_interface *i = socket->interfaces;

	while (i) {
		struct vif_memif_interface *next = i->next;

		if (i->is_doomed)
			destroy(i);
		i = next;
	}
}

/*
 * After this no callback comes, and its id is free. One of its own may be
 * running, so that the rest has to wait.
 */
void vif_memif_close(struct vif_memif_interface *interface)
{
	struct vif_memif *memif;
	struct memif_link *link;

	if (!interface)
		return;
	memif = interface->socket->memif;
	link = &interface->link;
	memif_enter(memif);
	link->config.no_retry = true;
	link->config.failed = NULL;
	if (link->listener)
		memif_listener_remove(link->listener, &link->service);
	memif_link_disconnect(link, memif->now_ns, "the interface is closed");
	if (atomic_load(&interface->is_told))
		set_closed(interface);
	tell_disconnected(interface);
	interface->is_doomed = true;
	memif->has_doomed = true;
	memif_leave(memif);
}

int vif_memif_connect(struct vif_memif_interface *interface)
{
	struct vif_memif *memif = interface->socket->memif;
	int r;

	memif_enter(memif);
	r = memif_link_hurry(&interface->link);
	memif_leave(memif);
	memif_poke(memif);
	return r;
}

void vif_memif_disconnect(struct vif_memif_interface *interface,
			  const char *reason)
{
	struct vif_memif *memif = interface->socket->memif;

	memif_enter(memif);
	memif_link_disconnect(&interface->link, memif->now_ns, reason);
	memif_leave(memif);
	memif_poke(memif); /* a client has a new deadline */
}
