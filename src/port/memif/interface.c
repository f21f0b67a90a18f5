/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Interfaces of memif.
 *
 * A connection brings memory and rings. When it ends while a data thread has
 * packets of it, the memory is kept until they are given back, and only then
 * does that queue get the rings of the next connection. The control thread
 * looks each millisecond as long as there is somebody to wait for.
 */
#include "port/memif/interface.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/config.h"
#include "base/error.h"

static bool is_server(const struct vif_memif_interface *interface)
{
	return interface->config.role == VIF_MEMIF_SERVER;
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
		if (side_at(interface, i)->event_fd < 0 &&
		    !memif_side_is_shut(side_at(interface, i)))
			return false;
	return true;
}

/* Connections */

static int open_side(struct vif_memif_interface *interface, uint32_t i)
{
	struct memif_link *link = &interface->link;
	struct memif_side *side = side_at(interface, i);
	uint32_t ring = side->is_tx ? i - interface->n_rx : i;
	struct memif_queue *queue = side->is_tx ?
					    memif_link_tx_queue(link, ring) :
					    memif_link_rx_queue(link, ring);
	struct memif_queue_state state;
	int fd;

	if (!queue || side->event_fd >= 0)
		return 0;
	if (!memif_side_is_shut(side))
		return -EBUSY;
	memif_queue_state(queue, &state);
	fd = side->is_tx ? memif_queue_wait_fd(queue) : state.event_fd;
	if (!side->is_tx)
		memif_queue_set_rx_mode(
			queue, (enum memif_rx_mode)atomic_load(&side->rx_mode));
	if (memif_side_open(side, queue, fd) < 0)
		return -ENOMEM;
	/* Whoever sleeps looks again, and arms the new ring. */
	if (!side->is_tx)
		memif_kick(&interface->socket->memif->kicker, fd);
	return 0;
}

static uint32_t count_rings(struct vif_memif_interface *interface, bool is_tx)
{
	uint32_t max = is_tx ? interface->n_tx : interface->n_rx;
	uint32_t n = 0;

	while (n < max && (is_tx ? memif_link_tx_queue(&interface->link, n) :
				   memif_link_rx_queue(&interface->link, n)))
		n++;
	return n;
}

static void tell_connected(struct vif_memif_interface *interface)
{
	eventfd_t count;

	atomic_store(&interface->n_rx_ring, count_rings(interface, false));
	atomic_store(&interface->n_tx_ring, count_rings(interface, true));
	(void)eventfd_read(interface->down_fd, &count);
	interface->is_told = true;
	if (interface->config.on_connect)
		interface->config.on_connect(interface->config.user, interface);
}

/* Opens all sides that can be; the rest when their threads have left. */
static void try_open(struct vif_memif_interface *interface, uint64_t now_ns)
{
	int r = 0;

	if (interface->link.state != MEMIF_LINK_UP || interface->is_told)
		return;
	for (uint32_t i = 0; r == 0 && i < n_side(interface); i++)
		r = open_side(interface, i);
	if (r == 0)
		tell_connected(interface);
	else if (r == -EBUSY)
		interface->leave.deadline_ns = now_ns + MEMIF_LEAVE_NS;
	else
		memif_link_disconnect(&interface->link, now_ns,
				      "cannot wait for its queues");
}

static void link_up(struct memif_link *link, void *user)
{
	struct vif_memif_interface *interface = user;

	(void)link;
	try_open(interface, interface->socket->memif->now_ns);
}

/*
 * Keeps the memory that threads still use. A side is opened again only when its
 * thread has left, so each pins one memory at most.
 */
static void keep_memory(struct vif_memif_interface *interface)
{
	uint32_t i = 0;

	while (interface->kept[i])
		i++;
	assert(i < n_side(interface));
	interface->kept[i] = memif_link_keep_memory(&interface->link);
	interface->leave.deadline_ns =
		interface->socket->memif->now_ns + MEMIF_LEAVE_NS;
}

/* Returns whether the memory of this connection is still in use. */
static bool shut_sides(struct vif_memif_interface *interface)
{
	bool used = false;

	for (uint32_t i = 0; i < n_side(interface); i++) {
		struct memif_side *side = side_at(interface, i);
		bool was_open = side->event_fd >= 0;

		used |= !memif_side_shut(side) && was_open;
	}
	return used;
}

static void link_down(struct memif_link *link, void *user)
{
	struct vif_memif_interface *interface = user;
	char reason[sizeof(link->error.why)];
	bool was_told = interface->is_told;

	atomic_store(&interface->n_rx_ring, 0);
	atomic_store(&interface->n_tx_ring, 0);
	(void)eventfd_write(interface->down_fd, 1);
	if (shut_sides(interface))
		keep_memory(interface);
	interface->is_told = false;
	(void)snprintf(reason, sizeof(reason), "%s", link->error.why);
	if (was_told && interface->config.on_disconnect)
		interface->config.on_disconnect(interface->config.user,
						interface, reason);
}

static void link_failed(struct memif_link *link, void *user)
{
	struct vif_memif_interface *interface = user;

	if (interface->config.on_failure)
		interface->config.on_failure(interface->config.user, interface,
					     &link->error);
}

static void free_kept(struct vif_memif_interface *interface)
{
	for (uint32_t i = 0; i < n_side(interface); i++) {
		memif_memory_free(interface->kept[i]);
		interface->kept[i] = NULL;
	}
}

static void look_for_leavers(struct memif_watch *watch, uint32_t events,
			     uint64_t now_ns)
{
	struct vif_memif_interface *interface =
		container_of(watch, struct vif_memif_interface, leave);

	(void)events;
	if (!all_shut(interface)) {
		watch->deadline_ns = now_ns + MEMIF_LEAVE_NS;
		return;
	}
	free_kept(interface);
	try_open(interface, now_ns);
}

void memif_interfaces_look(struct vif_memif_interface *first, uint64_t now_ns)
{
	for (struct vif_memif_interface *i = first; i; i = i->next)
		if (!i->is_doomed)
			(void)memif_link_check(&i->link, now_ns);
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

static void fill_link_config(struct vif_memif_interface *interface,
			     const struct vif_memif_interface_config *config,
			     const struct memif_interface_extra *extra,
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
	ret->queue.counters = extra->counters;
	ret->queue.kicker = &interface->socket->memif->kicker;
	ret->queue.rx_mode = (enum memif_rx_mode)config->rx_mode;
	ret->supply.get = config->memory_get;
	ret->supply.put = config->memory_put;
	ret->supply.user = config->user;
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
	    config->buffer <= 65535 && config->line <= 128 &&
	    !config->memory_get == !config->memory_put)
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
	interface->kept = calloc(n, sizeof(struct memif_memory *));
	interface->rx = calloc(n, sizeof(*interface->rx));
	if (!interface->rx || !interface->kept)
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
	free(interface->rx);
	interface->rx = NULL;
	return error_set(error, r, "cannot make the queues");
}

static void free_interface(struct vif_memif_interface *interface)
{
	for (uint32_t i = 0; interface->rx && i < n_side(interface); i++)
		memif_side_fini(side_at(interface, i));
	if (interface->down_fd >= 0)
		(void)close(interface->down_fd); /* an eventfd */
	free(interface->kept);
	free(interface->rx);
	free(interface);
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
		const struct memif_interface_extra *extra,
		struct vif_error *error)
{
	struct vif_memif_socket *socket = interface->socket;
	struct memif_listener *listener = NULL;
	struct memif_link_config link_config;
	int r = 0;

	fill_link_config(interface, config, extra, &link_config);
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
	interface->leave.call = look_for_leavers;
	memif_watch_add(&socket->memif->poller, &interface->leave);
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
	interface = calloc(1, sizeof(*interface));
	if (!interface)
		return error_set(error, -ENOMEM, "cannot make the interface");
	interface->socket = socket;
	interface->config = config;
	interface->has_secret = config.secret && config.secret[0] != '\0';
	interface->n_rx = config.n_rx ? config.n_rx : 1;
	interface->n_tx = config.n_tx ? config.n_tx : 1;
	(void)snprintf(interface->name, sizeof(interface->name), "%s",
		       config.name ? config.name : "");
	/* They are the program's, and may be gone after this. */
	interface->config.name = interface->config.secret = NULL;
	r = make_sides(interface, error);
	if (r == 0) {
		memif_lock(socket->memif);
		r = join(interface, &config, extra, error);
		memif_unlock(socket->memif);
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

	memif_link_fini(&interface->link);
	/* Whoever closes it has seen to it that nobody is inside. */
	assert(all_shut(interface));
	memif_watch_remove(&interface->leave);
	free_kept(interface);
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

void vif_memif_close(struct vif_memif_interface *interface)
{
	struct vif_memif *memif;

	if (!interface)
		return;
	memif = interface->socket->memif;
	memif_lock(memif);
	if (memif->n_inside == 0) {
		destroy(interface);
	} else {
		/* Its own callback may be running: when the service ends. */
		interface->is_doomed = true;
		memif_link_disconnect(&interface->link, memif->now_ns,
				      "the interface is closed");
	}
	memif_unlock(memif);
}

int vif_memif_connect(struct vif_memif_interface *interface)
{
	struct vif_memif *memif = interface->socket->memif;
	int r;

	memif_lock(memif);
	r = memif_link_hurry(&interface->link);
	memif_unlock(memif);
	memif_poke(memif);
	return r;
}

void vif_memif_disconnect(struct vif_memif_interface *interface,
			  const char *reason)
{
	struct vif_memif *memif = interface->socket->memif;

	memif_lock(memif);
	memif_link_disconnect(&interface->link, memif->now_ns, reason);
	memif_unlock(memif);
}
