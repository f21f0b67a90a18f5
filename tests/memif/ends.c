/* SPDX-License-Identifier: Apache-2.0 */
/* Two ends of a memif link as a program has them. */
#include "tests/memif/ends.h"

#include <stdio.h>
#include <time.h>

uint64_t ends_now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Callbacks */

static void on_connect(void *user, struct vif_memif_interface *interface)
{
	struct end *end = user;

	assert_true(!end->interface || end->interface == interface);
	atomic_fetch_add(&end->n_connect, 1);
	if (end->connected)
		end->connected(end);
}

static void on_disconnect(void *user, struct vif_memif_interface *interface,
			  const char *reason)
{
	struct end *end = user;

	(void)interface;
	atomic_fetch_add(&end->n_disconnect, 1);
	(void)snprintf(end->reason, sizeof(end->reason), "%s", reason);
	if (end->disconnected)
		end->disconnected(end);
}

static void on_failure(void *user, struct vif_memif_interface *interface,
		       const struct vif_error *error)
{
	struct end *end = user;

	(void)interface;
	atomic_fetch_add(&end->n_failure, 1);
	end->failure = *error;
	if (end->failed)
		end->failed(end);
}

/* Ends */

static void must(int r, const struct vif_error *error)
{
	char text[1024];

	if (r == 0)
		return;
	(void)vif_error_text(error, text, sizeof(text));
	fail_msg("%s", text);
}

void end_open_context(struct end *end)
{
	struct vif_error error;

	must(vif_memif_new(NULL, &end->memif, &error), &error);
}

void end_open_socket(struct end *end, const char *path)
{
	const struct vif_memif_socket_config config = { .size = sizeof(config),
							.path = path };
	struct vif_error error;

	must(vif_memif_socket_open(end->memif, &config, &end->socket, &error),
	     &error);
}

void end_open(struct end *end)
{
	struct vif_memif_interface_config config = end->config;
	struct vif_error error;

	config.size = sizeof(config);
	config.on_connect = on_connect;
	config.on_disconnect = on_disconnect;
	config.on_failure = on_failure;
	config.user = end;
	must(vif_memif_open(end->socket, &config, &end->interface, &error),
	     &error);
}

void end_close(struct end *end)
{
	vif_memif_close(end->interface);
	assert_int_equal(vif_memif_socket_close(end->socket), 0);
	end->interface = NULL;
	end->socket = NULL;
}

/* Pairs */

void pair_init(struct pair *pair)
{
	*pair = (struct pair){ .is_shared = false };
	pair->end[SERVER].config.role = VIF_MEMIF_SERVER;
	pair->end[CLIENT].config.role = VIF_MEMIF_CLIENT;
	(void)snprintf(pair->path, sizeof(pair->path), "%s", place_path("s"));
}

void pair_open(struct pair *pair)
{
	struct end *end = pair->end;

	for (int i = 0; i < SIDES; i++) {
		assert_int_equal(
			vif_batch_new(ENDS_BATCH, ENDS_SEGS, &pair->batch[i]),
			0);
		if (i == CLIENT && pair->is_shared) {
			end[i].memif = end[SERVER].memif;
			end[i].socket = end[SERVER].socket;
		} else {
			end_open_context(&end[i]);
			end_open_socket(&end[i], pair->path);
		}
		end_open(&end[i]);
	}
}

void pair_close(struct pair *pair)
{
	struct end *end = pair->end;

	for (int i = CLIENT; i >= SERVER; i--) {
		vif_memif_close(end[i].interface);
		end[i].interface = NULL;
		if (i == CLIENT && pair->is_shared)
			end[i].memif = NULL;
		vif_memif_free(end[i].memif);
		vif_batch_free(pair->batch[i]);
		end[i].memif = NULL;
		pair->batch[i] = NULL;
	}
}

void pair_serve(struct pair *pair)
{
	for (int i = 0; i < SIDES; i++)
		assert_true(vif_memif_poll(pair->end[i].memif, 1) >= 0);
}

void pair_until(struct pair *pair, bool (*holds)(const struct pair *pair))
{
	uint64_t end_ns = ends_now_ns() + ENDS_PATIENCE_MS * 1000000ull;

	while (!holds(pair)) {
		if (ends_now_ns() > end_ns)
			fail_msg("waited in vain; client: %s; server: %s",
				 pair->end[CLIENT].failure.why,
				 pair->end[SERVER].failure.why);
		pair_serve(pair);
	}
}

bool pair_is_up(const struct pair *pair)
{
	for (int i = 0; i < SIDES; i++)
		if (vif_memif_state(pair->end[i].interface) !=
		    VIF_MEMIF_CONNECTED)
			return false;
	return true;
}

void pair_connect(struct pair *pair)
{
	pair_until(pair, pair_is_up);
}

/* Packets */

void ends_fill(uint8_t *bytes, uint32_t seed, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++)
		bytes[i] = ends_byte(seed, i);
}

bool ends_holds(const struct vif_packet *packet, uint32_t seed, uint32_t len)
{
	uint32_t at = 0;

	if (packet->len != len)
		return false;
	for (uint16_t i = 0; i < packet->n_seg; i++) {
		const uint8_t *bytes = packet->seg[i].iov_base;

		for (size_t k = 0; k < packet->seg[i].iov_len; k++)
			if (bytes[k] != ends_byte(seed, at++))
				return false;
	}
	return at == len;
}

void pair_pass(struct pair *pair, enum ends_side from, unsigned int queue,
	       uint32_t len)
{
	static uint8_t bytes[VIF_PACKET_LEN_MAX];
	struct vif_memif_interface *tx = pair->end[from].interface;
	struct vif_memif_interface *rx = pair->end[1 - from].interface;
	struct vif_batch *batch = pair->batch[1 - from];

	ends_fill(bytes, len, len);
	assert_int_equal(vif_memif_write(tx, queue, bytes, len), 1);
	assert_int_equal(vif_memif_rx(rx, queue, batch), 1);
	assert_true(ends_holds(&batch->packet[0], len, len));
	vif_memif_rx_done(rx, queue, batch);
	assert_int_equal(vif_memif_rx(rx, queue, batch), 0);
}

void pair_check(struct pair *pair)
{
	pair_pass(pair, CLIENT, 0, 60);
	pair_pass(pair, SERVER, 0, 61);
}
