/* SPDX-License-Identifier: Apache-2.0 */
/*
 * memif: shared memory with VPP, DPDK, libmemif, or another vif, as a port.
 *
 * The port is there before its peer and outlives it: it goes up and down, and
 * only its owner closes it. Two ports that share a socket share a context: the
 * second one is opened with the first as its sibling.
 */
#include "port/memif/port.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "port/memif/ride.h"
#include "wire/inet.h"

enum port_sizes {
	QUEUE_TEXT = 640, /* of what is told of a queue, with all drops */
};

static struct memif_port *to_memif(struct vif_port *port)
{
	return container_of(port, struct memif_port, port);
}

static const struct memif_port *to_const_memif(const struct vif_port *port)
{
	return const_container_of(port, struct memif_port, port);
}

/* Offload state, which only another vif takes and sends. */

static uint16_t choose_ride(const struct memif_options *options)
{
	/* What a packet of that mode begins with, nobody knows. */
	if (options->mode == VIF_MEMIF_PUNT_INJECT)
		return 0;
	return memif_ride_of(port_offload_csum(options->offload),
			     port_offload_gso(options->offload));
}

/* What does not go along on a connection; everything if there is none. */
static uint32_t lacking(uint16_t ride)
{
	return (VIF_GSO_ALL & ~memif_ride_gso(ride)) |
	       (ride & MEMIF_RIDE_CSUM ? 0 : PORT_CSUM);
}

static void vary(struct memif_port *memif, uint32_t refused, uint32_t absent)
{
	if (memif->port.caps.offload_varies)
		port_vary(&memif->port, refused, absent);
}

/* Callbacks of the interface */

/*
 * What comes is known before the first packet, and until the last one of the
 * connection is given back; so it stays as it is between connections.
 */
static void on_opening(void *user, struct vif_memif_interface *interface)
{
	struct memif_port *memif = user;

	vary(memif, port_tx_refused(&memif->port),
	     lacking(memif_interface_ride(interface)));
}

static void on_connect(void *user, struct vif_memif_interface *interface)
{
	struct memif_port *memif = user;

	vary(memif, lacking(memif_interface_ride(interface)),
	     port_rx_absent(&memif->port));
	port_set_state(&memif->port, VIF_PORT_UP);
}

static void on_disconnect(void *user, struct vif_memif_interface *interface,
			  const char *reason)
{
	struct memif_port *memif = user;
	char text[640];

	vary(memif, lacking(0), port_rx_absent(&memif->port));
	port_set_state(&memif->port, VIF_PORT_DOWN);
	(void)snprintf(text, sizeof(text), "the peer is gone: %.230s%s%.240s",
		       reason, interface->hint[0] ? "; " : "", interface->hint);
	port_notice(&memif->port, text);
}

/*
 * A packet of a full MTU takes two buffers then, which costs speed, and DPDK
 * does not do well with.
 */
static void warn_of_buffer(struct memif_port *memif)
{
	const struct vif_port_caps *caps = &memif->port.caps;
	uint32_t need = caps->mtu;
	char text[256];

	if (caps->medium == VIF_MEDIUM_ETH)
		need += INET_ETH_LEN;
	if (!memif->buffer || memif->buffer >= need)
		return;
	(void)snprintf(text, sizeof(text),
		       "a buffer of %u bytes does not hold a packet of %u: it "
		       "goes as a chain, which DPDK does not do well with; use "
		       "buffer=%u or more",
		       memif->buffer, need, (need + 63) / 64 * 64);
	port_notice(&memif->port, text);
}

static void on_failure(void *user, struct vif_memif_interface *interface,
		       const struct vif_error *error)
{
	struct memif_port *memif = user;
	char text[640];

	(void)interface;
	(void)snprintf(text, sizeof(text), "%.120s: %.240s%s%.240s",
		       error->what, error->why, error->hint[0] ? "; " : "",
		       error->hint);
	port_notice(&memif->port, text);
}

/* Opening */

static int join_context(struct memif_port *memif, struct vif_error *error)
{
	struct vif_port *sibling = memif->port.config.sibling;

	if (sibling && sibling->ops == memif->port.ops) {
		memif->memif = to_memif(sibling)->memif;
		memif->memif->n_user++;
		return 0;
	}
	return vif_memif_new(NULL, &memif->memif, error);
}

static int open_socket(struct memif_port *memif,
		       const struct vif_memif_socket_config *config,
		       struct vif_error *error)
{
	memif->socket =
		memif_socket_find(memif->memif, config->path, config->netns);
	if (memif->socket)
		return 0;
	return vif_memif_socket_open(memif->memif, config, &memif->socket,
				     error);
}

static int open_interface(struct memif_port *memif,
			  const struct memif_options *options,
			  struct vif_memif_interface_config *config,
			  struct vif_error *error)
{
	const struct memif_interface_extra extra = {
		.counters = memif->port.queue,
		.opening = on_opening,
	};
	char name[32];

	(void)snprintf(name, sizeof(name), "memif%u", options->id);
	if (!config->name)
		config->name = name;
	config->on_connect = on_connect;
	config->on_disconnect = on_disconnect;
	config->on_failure = on_failure;
	config->user = memif;
	config->offload_csum = memif->ride & MEMIF_RIDE_CSUM;
	config->offload_gso = memif_ride_gso(memif->ride);
	return memif_interface_open(memif->socket, config, &extra,
				    &memif->interface, error);
}

static void publish(struct memif_port *memif,
		    const struct memif_options *options, uint32_t queues)
{
	struct vif_port_caps *caps = &memif->port.caps;

	caps->medium = options->mode == VIF_MEMIF_ETHERNET ? VIF_MEDIUM_ETH :
							     VIF_MEDIUM_IP;
	caps->mtu = options->mtu;
	caps->len_max = VIF_PACKET_LEN_MAX;
	caps->n_queue = queues;
	caps->seg_max = VIF_PACKET_SEG_MAX;
	caps->rx_hostile = true;
	caps->rx_csum = caps->tx_csum = memif->ride & MEMIF_RIDE_CSUM;
	caps->rx_gso = caps->tx_gso = memif_ride_gso(memif->ride);
	caps->offload_varies = memif->ride != 0;
	vary(memif, lacking(0), lacking(0));
}

/* Sockets and interfaces name the path; of a port it is the address. */
static int refuse_address(int code, struct vif_error *error)
{
	if (error)
		error->where[0] = '\0'; /* for whoever opens ports */
	return code;
}

static int memif_open(struct vif_port *port, const struct address *address,
		      struct vif_error *error)
{
	struct memif_port *memif = to_memif(port);
	struct memif_options options = { .role = 0 };
	struct memif_wish wish = { .secret = "" };
	int r = address_options(address, memif_keys, MEMIF_KEYS_N, &options,
				error);

	if (r == 0)
		r = memif_options_apply(&options, address->main, &wish, error);
	if (r == 0 && port_make_queues(port, wish.interface.n_rx) < 0)
		r = error_set(error, -ENOMEM, "cannot make the queues");
	if (r == 0)
		r = join_context(memif, error);
	if (r == 0)
		r = open_socket(memif, &wish.socket, error);
	memif->ride = choose_ride(&options);
	if (r == 0)
		r = open_interface(memif, &options, &wish.interface, error);
	explicit_bzero(wish.secret, sizeof(wish.secret));
	if (r < 0)
		return refuse_address(r, error);
	if (wish.interface.role == VIF_MEMIF_CLIENT)
		memif->buffer = wish.interface.buffer;
	publish(memif, &options, wish.interface.n_rx);
	(void)snprintf(port->name, sizeof(port->name), "memif:%.48s/%u",
		       wish.path, options.id);
	/* It is reported once it is open. */
	atomic_store(&port->state, VIF_PORT_DOWN);
	return 0;
}

static int memif_start(struct vif_port *port, struct vif_error *error)
{
	struct memif_port *memif = to_memif(port);

	(void)error;
	if (!memif->has_started)
		warn_of_buffer(memif);
	memif->has_started = true;
	return 0;
}

static void memif_close(struct vif_port *port)
{
	struct memif_port *memif = to_memif(port);

	vif_memif_close(memif->interface);
	(void)vif_memif_socket_close(memif->socket); /* others may need it */
	vif_memif_free(memif->memif);
	memif->interface = NULL;
	memif->socket = NULL;
	memif->memif = NULL;
}

/* The data path. Without a peer there is nothing, and nothing arrives. */

static int memif_rx(struct vif_port *port, unsigned int queue,
		    struct vif_batch *batch)
{
	int r = vif_memif_rx(to_memif(port)->interface, queue, batch);

	return r == -ENOTCONN ? 0 : r;
}

static void memif_rx_done(struct vif_port *port, unsigned int queue,
			  struct vif_batch *batch)
{
	vif_memif_rx_done(to_memif(port)->interface, queue, batch);
}

static int memif_tx(struct vif_port *port, unsigned int queue,
		    const struct vif_packet *packet, unsigned int n)
{
	struct port_counters *counters = &port->queue[queue].tx;
	int r = memif_interface_tx(to_memif(port)->interface, queue, packet, n);

	if (r != -ENOTCONN)
		return r;
	counter_add(&counters->drops[VIF_DROP_DOWN], n);
	return (int)n;
}

static unsigned int memif_tx_places(struct vif_port *port, unsigned int queue,
				    struct iovec *piece, unsigned int n)
{
	return memif_interface_tx_places(to_memif(port)->interface, queue,
					 piece, n);
}

static void memif_tx_places_end(struct vif_port *port, unsigned int queue)
{
	memif_interface_tx_places_end(to_memif(port)->interface, queue);
}

static unsigned int memif_rx_held(struct vif_port *port, unsigned int queue)
{
	return memif_interface_rx_left(to_memif(port)->interface, queue);
}

static unsigned int memif_tx_left(struct vif_port *port, unsigned int queue)
{
	return memif_interface_tx_left(to_memif(port)->interface, queue);
}

static int memif_wait_fd(const struct vif_port *port, unsigned int queue,
			 enum vif_wait what, short *ret_events)
{
	const struct memif_port *memif = to_const_memif(port);

	*ret_events = POLLIN;
	if (what == VIF_WAIT_CONTROL)
		return vif_memif_fd(memif->memif);
	return what == VIF_WAIT_RX ?
		       vif_memif_rx_fd(memif->interface, queue) :
		       memif_interface_tx_fd(memif->interface, queue);
}

static int memif_arm(struct vif_port *port, unsigned int queue,
		     enum vif_wait what)
{
	struct vif_memif_interface *interface = to_memif(port)->interface;

	return what == VIF_WAIT_RX ? vif_memif_rx_arm(interface, queue) :
				     memif_interface_tx_arm(interface, queue);
}

static void memif_settle(struct vif_port *port, unsigned int queue)
{
	memif_interface_rx_settle(to_memif(port)->interface, queue);
}

static int memif_service(struct vif_port *port, uint64_t now_ns,
			 uint64_t *ret_deadline_ns)
{
	struct memif_port *memif = to_memif(port);
	vif_memif_service(memif->memif, now_ns, ret_deadline_ns);
	return 0;
}

/* Facts */

typedef void emit_function(void *user, const char *key, const char *value);

static void emit_number(emit_function *emit, void *user, const char *key,
			uint64_t value)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	emit(user, key, text);
}

static void emit_offload(const struct vif_memif_details *details,
			 emit_function *emit, void *user)
{
	uint16_t ride =
		memif_ride_of(details->offload_csum, details->offload_gso);
	char text[24];

	(void)snprintf(text, sizeof(text), "%s%s%s",
		       ride & MEMIF_RIDE_CSUM ? "csum" : "none",
		       ride & MEMIF_RIDE_TCP ? "+tso" : "",
		       ride & MEMIF_RIDE_UDP ? "+uso" : "");
	emit(user, "offload_state", text);
}

struct emit_ends {
	emit_function *emit;
	void *user;
};

static void emit_end(void *argument, const char *name, uint64_t n)
{
	const struct emit_ends *ends = argument;

	emit_number(ends->emit, ends->user, name, n);
}

/* Appends " key=value" to a text of QUEUE_TEXT bytes; cut where it is full. */
static void append(char *text, const char *key, uint64_t value)
{
	size_t len = strlen(text);

	(void)snprintf(text + len, QUEUE_TEXT - len, " %s=%llu", key,
		       (unsigned long long)value);
}

static void tell_geometry(const struct vif_memif_queue_details *queue,
			  bool is_rx, char *text)
{
	(void)snprintf(text, QUEUE_TEXT,
		       "ring=%u buffer=%u head=%u tail=%u interrupts=%s",
		       queue->ring, queue->buffer, queue->head, queue->tail,
		       queue->interrupts ? "yes" : "no");
	if (is_rx)
		(void)snprintf(text + strlen(text), QUEUE_TEXT - strlen(text),
			       " rx=%s", memif_rx_mode_names[queue->rx_mode]);
}

/* What one direction never counts is left out, and so is a drop of none. */
static void tell_counters(const struct vif_memif_queue_details *queue,
			  bool is_rx, char *text)
{
	append(text, "packets", queue->packets);
	append(text, "bytes", queue->bytes);
	append(text, "kicks", queue->kicks);
	append(text, is_rx ? "sleeps" : "waits",
	       is_rx ? queue->sleeps : queue->waits);
	if (is_rx)
		append(text, "pulled", queue->pulled);
	if (queue->empty > 0)
		append(text, "drop_empty", queue->empty);
	if (queue->faults > 0)
		append(text, "faults", queue->faults);
	if (queue->skipped > 0)
		append(text, "skipped", queue->skipped);
	for (int i = 0; i < VIF_DROP_N; i++) {
		char key[32];

		(void)snprintf(key, sizeof(key), "drop_%s",
			       vif_drop_name((enum vif_drop)i));
		if (queue->drops[i] > 0)
			append(text, key, queue->drops[i]);
	}
}

static void emit_queue(const struct vif_memif_interface *interface,
		       emit_function *emit, void *user, bool is_rx,
		       unsigned int i)
{
	struct vif_memif_queue_details queue;
	char key[16], text[QUEUE_TEXT];
	int r = is_rx ? vif_memif_rx_details(interface, i, &queue) :
			vif_memif_tx_details(interface, i, &queue);

	if (r < 0)
		return;
	(void)snprintf(key, sizeof(key), "%s%u", is_rx ? "rx" : "tx", i);
	tell_geometry(&queue, is_rx, text);
	tell_counters(&queue, is_rx, text);
	emit(user, key, text);
}

static void memif_describe(const struct vif_port *port, emit_function *emit,
			   void *user)
{
	const struct vif_memif_interface *interface =
		to_const_memif(port)->interface;
	struct vif_memif_details details;

	vif_memif_details(interface, &details);
	emit(user, "socket", details.socket);
	emit(user, "role",
	     details.role == VIF_MEMIF_SERVER ? "server" : "client");
	emit_number(emit, user, "id", details.id);
	emit(user, "mode", memif_mode_names[details.mode]);
	emit(user, "secret", details.has_secret ? "yes" : "no");
	emit(user, "interface", details.name);
	emit(user, "peer_interface", details.peer_name);
	emit(user, "peer_program", details.peer_app);
	emit(user, "link", vif_memif_state_name(details.state));
	emit(user, "last_reason", details.reason);
	emit(user, "last_hint", details.hint);
	emit_offload(&details, emit, user);
	emit_number(emit, user, "connects", details.connects);
	emit_number(emit, user, "failures", details.failures);
	memif_interface_ends(interface, emit_end,
			     &(struct emit_ends){ emit, user });
	emit_number(emit, user, "regions", details.n_region);
	emit_number(emit, user, "region_bytes", details.region_len);
	for (unsigned int i = 0; i < details.n_rx; i++)
		emit_queue(interface, emit, user, true, i);
	for (unsigned int i = 0; i < details.n_tx; i++)
		emit_queue(interface, emit, user, false, i);
}

const struct vif_port_ops vif_port_ops_memif = {
	.name = "memif",
	.summary = "shared memory with VPP, DPDK, libmemif or another vif",
	.main = "path of the control socket, or @NAME for an abstract one",
	.example = "vif link memif:/run/vpp/memif.sock,role=client,id=1 "
		   "tap:a,ip=10.0.0.1/24",
	.keys = memif_keys,
	.n_keys = MEMIF_KEYS_N,
	.size = sizeof(struct memif_port),
	.open = memif_open,
	.start = memif_start,
	.close = memif_close,
	.rx = memif_rx,
	.rx_done = memif_rx_done,
	.tx = memif_tx,
	.wait_fd = memif_wait_fd,
	.arm = memif_arm,
	.settle = memif_settle,
	.rx_held = memif_rx_held,
	.tx_left = memif_tx_left,
	.tx_places = memif_tx_places,
	.tx_places_end = memif_tx_places_end,
	.service = memif_service,
	.describe = memif_describe,
};
