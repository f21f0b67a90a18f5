/* SPDX-License-Identifier: Apache-2.0 */
/* A server and a client link in one process. */
#include "tests/memif/cord.h"

#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"
#include "port/memif/channel.h"
#include "tests/memif_places.h"

enum cord_numbers {
	ROUNDS_MAX = 100000, /* of one settling */
};

static struct cord_end *to_end(struct memif_link *link)
{
	return container_of(link, struct cord_end, link);
}

static void on_up(struct memif_link *link, void *user)
{
	const struct cord *cord = user;

	to_end(link)->n_up++;
	assert_non_null(memif_link_rx_queue(link, 0));
	assert_non_null(memif_link_tx_queue(link, 0));
	assert_int_equal(link->state, MEMIF_LINK_UP);
	if (to_end(link)->disconnect_in_up)
		memif_link_disconnect(link, cord->now_ns, "not today");
}

static void on_down(struct memif_link *link, void *user)
{
	const struct cord *cord = user;

	to_end(link)->n_down++;
	assert_null(memif_link_rx_queue(link, 0));
	assert_int_not_equal(link->state, MEMIF_LINK_UP);
	assert_int_not_equal(link->error.code, 0);
	if (to_end(link)->request_in_down)
		assert_int_equal(memif_link_request(link, cord->now_ns, NULL),
				 0);
}

static void on_failed(struct memif_link *link, void *user)
{
	(void)user;
	to_end(link)->n_failed++;
	print_message("%s: %s: %s\n  hint: %s\n", link->error.where,
		      link->error.what, link->error.why, link->error.hint);
	assert_null(strstr(link->error.why, "open sesame"));
	assert_true(link->error.code < 0);
}

struct cord cord_defaults(void)
{
	struct cord cord = {
		.now_ns = 1000 * MEMIF_MS,
		.listener_config = {
			.bind = {
				.name = place_name(place_path("s")),
				.netns_fd = -1,
			},
			.adopt_fd = -1,
			.app_name = "cord",
		},
	};

	for (int i = 0; i < SIDES; i++) {
		cord.config[i] = (struct memif_link_config){
			.role = i == SERVER ? MEMIF_SERVER : MEMIF_CLIENT,
			.id = 7,
			.app_name = "cord",
			.name = i == SERVER ? "server0" : "client0",
			.netns_fd = -1,
			.log2_size = 6,
			.n_ring = { 1, 1 },
			.up = on_up,
			.down = on_down,
			.failed = on_failed,
		};
	}
	cord.config[CLIENT].socket = cord.listener_config.bind.name;
	return cord;
}

void cord_open_listener(struct cord *cord)
{
	if (!cord->poller.fd)
		assert_int_equal(memif_poller_init(&cord->poller, NULL), 0);
	assert_int_equal(memif_listener_init(&cord->listener,
					     &cord->listener_config,
					     &cord->poller, NULL),
			 0);
}

void cord_open_end(struct cord *cord, enum cord_side side)
{
	struct vif_error error = { .code = 0 };
	struct memif_listener *listener =
		side == SERVER ? &cord->listener : NULL;

	cord->config[side].user = cord;
	if (!cord->poller.fd)
		assert_int_equal(memif_poller_init(&cord->poller, NULL), 0);
	if (memif_link_init(&cord->end[side].link, &cord->config[side],
			    &cord->poller, listener, &error) < 0)
		fail_msg("%s: %s", error.what, error.why);
}

void cord_open(struct cord *cord)
{
	cord_open_listener(cord);
	cord_open_end(cord, SERVER);
	cord_open_end(cord, CLIENT);
}

void cord_close_end(struct cord *cord, enum cord_side side)
{
	memif_link_fini(&cord->end[side].link);
	memif_link_fini(&cord->end[side].link);
	assert_int_equal(cord->end[side].n_up, cord->end[side].n_down);
}

void cord_close(struct cord *cord)
{
	cord_close_end(cord, CLIENT);
	cord_close_end(cord, SERVER);
	memif_listener_fini(&cord->listener);
	memif_listener_fini(&cord->listener);
	memif_poller_fini(&cord->poller);
}

static bool is_ready(const struct cord *cord)
{
	struct pollfd fd = { cord->poller.fd, POLLIN, 0 };

	return poll(&fd, 1, 0) == 1;
}

static uint64_t settle(struct cord *cord)
{
	for (int i = 0; i < ROUNDS_MAX; i++) {
		uint64_t next =
			memif_poller_service(&cord->poller, cord->now_ns);

		if (next > cord->now_ns && !is_ready(cord))
			return next;
	}
	fail_msg("it never settles");
	return 0;
}

void cord_settle(struct cord *cord)
{
	(void)settle(cord);
}

bool cord_skip(struct cord *cord)
{
	uint64_t next = settle(cord);

	if (next == MEMIF_NEVER)
		return false;
	cord->now_ns = next;
	(void)settle(cord);
	return true;
}

bool cord_is_up(const struct cord *cord)
{
	return cord->end[SERVER].link.state == MEMIF_LINK_UP &&
	       cord->end[CLIENT].link.state == MEMIF_LINK_UP;
}

void cord_wait_up(struct cord *cord)
{
	uint64_t end_ns = cord->now_ns + 60000 * MEMIF_MS;

	cord_settle(cord);
	while (!cord_is_up(cord)) {
		assert_true(cord_skip(cord));
		assert_true(cord->now_ns < end_ns);
	}
}

int cord_connect(struct cord *cord)
{
	struct vif_error error;
	int fd =
		memif_channel_connect(&cord->config[CLIENT].socket, -1, &error);

	if (fd < 0)
		fail_msg("%s: %s", error.what, error.why);
	return fd;
}

void cord_expect_record(int fd, unsigned int type, const char *reason)
{
	struct memif_received received;
	struct memif_msg msg;

	assert_int_equal(memif_channel_receive(fd, &received),
			 MEMIF_CHANNEL_DONE);
	assert_int_equal(memif_msg_decode(received.bytes, received.len, &msg),
			 0);
	assert_int_equal(msg.type, type);
	if (reason)
		assert_non_null(strstr(msg.disconnect.reason, reason));
}

struct memif_link *server_of(struct cord *cord)
{
	return &cord->end[SERVER].link;
}

struct memif_link *client_of(struct cord *cord)
{
	return &cord->end[CLIENT].link;
}

/* Sends a packet from one side, and gets it on the other. */
static void pass_packet(struct cord *cord, enum cord_side from,
			unsigned int queue)
{
	uint8_t bytes[100];
	struct iovec seg = { bytes, sizeof(bytes) };
	const struct vif_packet packet = {
		.seg = &seg,
		.n_seg = 1,
		.len = sizeof(bytes),
	};
	struct memif_queue *tx =
		memif_link_tx_queue(&cord->end[from].link, queue);
	struct memif_queue *rx =
		memif_link_rx_queue(&cord->end[1 - from].link, queue);
	struct vif_batch *batch;

	memset(bytes, (int)(from + queue + 1), sizeof(bytes));
	assert_int_equal(vif_batch_new(64, 256, &batch), 0);
	assert_int_equal(memif_queue_tx(tx, &packet, 1), 1);
	assert_int_equal(memif_queue_rx(rx, batch), 1);
	assert_int_equal(batch->packet[0].len, sizeof(bytes));
	assert_memory_equal(batch->packet[0].seg[0].iov_base, bytes,
			    sizeof(bytes));
	memif_queue_rx_done(rx);
	vif_batch_free(batch);
}

void cord_check_geometry(struct cord *cord)
{
	const struct memif_geometry *a = &server_of(cord)->handshake.geometry;
	const struct memif_geometry *b = &client_of(cord)->handshake.geometry;

	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->line, b->line);
	assert_int_equal(a->n_region, b->n_region);
	assert_memory_equal(a->region_size, b->region_size,
			    sizeof(a->region_size));
	assert_true(same_places(a, b));
}

void cord_check_packets(struct cord *cord)
{
	const struct memif_geometry *geometry =
		&server_of(cord)->handshake.geometry;

	for (unsigned int i = 0; i < geometry->n_ring[MEMIF_C2S]; i++)
		pass_packet(cord, CLIENT, i);
	for (unsigned int i = 0; i < geometry->n_ring[MEMIF_S2C]; i++)
		pass_packet(cord, SERVER, i);
}
