/* SPDX-License-Identifier: Apache-2.0 */
/* Offload state of packets, as two programs with this library see it. */
#include <errno.h>
#include <stdlib.h>

#include <vif/memif_details.h>

#include "base/bits.h"
#include "tests/memif/ends.h"
#include "tests/super.h"

#define UDP VIF_GSO_BIT(VIF_GSO_UDP)

/* What an end asks for, as two fields of its config. */
struct wish {
	bool csum;
	uint32_t gso;
};

static const struct wish wishes[] = {
	{ false, 0 },  { true, 0 },           { true, VIF_GSO_TCP },
	{ true, UDP }, { true, VIF_GSO_ALL },
};

static const struct wish all = { true, VIF_GSO_ALL };

struct sample {
	const char *layers;
	uint16_t gso_size;
	uint32_t gso; /* VIF_GSO_BIT(), or 0 for its checksum alone */
};

static const struct sample samples[] = {
	{ "eth ip4 tcp+12 data+3000", 1448, VIF_GSO_BIT(VIF_GSO_TCP4) },
	{ "eth ip6 tcp data+3500", 1000, VIF_GSO_BIT(VIF_GSO_TCP6) },
	{ "eth ip4 udp data+3000", 1400, UDP },
	{ "eth ip4 tcp data+900", 1448, 0 },
};

static void make_sample(const struct sample *sample, struct super *super)
{
	super_make(sample->layers, sample->gso_size, super);
	if (sample->gso)
		return;
	super->packet.gso = VIF_GSO_NONE;
	super->packet.gso_size = super->packet.hdr_len = 0;
}

static void start(struct pair *pair, struct wish server, struct wish client)
{
	pair_init(pair);
	pair->end[SERVER].config.offload_csum = server.csum;
	pair->end[SERVER].config.offload_gso = server.gso;
	pair->end[CLIENT].config.offload_csum = client.csum;
	pair->end[CLIENT].config.offload_gso = client.gso;
	pair_open(pair);
	pair_connect(pair);
}

static void expect_same(const struct vif_packet *got, const struct super *sent)
{
	const struct vif_packet *packet = &sent->packet;
	uint32_t at = 0;

	assert_int_equal(vif_packet_check(got, VIF_MEDIUM_ETH), 0);
	assert_int_equal(got->len, packet->len);
	assert_int_equal(got->csum, packet->csum);
	assert_int_equal(got->gso, packet->gso);
	assert_int_equal(got->gso_size, packet->gso_size);
	assert_int_equal(got->hdr_len, packet->hdr_len);
	assert_int_equal(got->l4_off, packet->l4_off);
	assert_int_equal(got->csum_off, packet->csum_off);
	for (uint16_t i = 0; i < got->n_seg; i++) {
		assert_memory_equal(got->seg[i].iov_base, sent->byte + at,
				    got->seg[i].iov_len);
		at += (uint32_t)got->seg[i].iov_len;
	}
}

static uint64_t tx_drops(const struct pair *pair, int side)
{
	struct vif_memif_queue_details queue;

	assert_int_equal(
		vif_memif_tx_details(pair->end[side].interface, 0, &queue), 0);
	return queue.drops[VIF_DROP_OFFLOAD];
}

/* One way. What was not agreed on is taken, dropped and counted. */
static void send_sample(struct pair *pair, int from, const struct super *super,
			bool goes)
{
	struct vif_memif_interface *rx = pair->end[1 - from].interface;
	struct vif_batch *batch = pair->batch[1 - from];
	uint64_t before = tx_drops(pair, from);

	assert_int_equal(
		vif_memif_tx(pair->end[from].interface, 0, &super->packet, 1),
		1);
	assert_int_equal(vif_memif_rx(rx, 0, batch), goes);
	assert_int_equal(tx_drops(pair, from), before + !goes);
	if (!goes)
		return;
	expect_same(&batch->packet[0], super);
	vif_memif_rx_done(rx, 0, batch);
}

static bool takes(const struct wish *agreed, const struct sample *sample)
{
	return agreed->csum && (sample->gso & ~agreed->gso) == 0;
}

static void expect_agreed(const struct pair *pair, const struct wish *agreed)
{
	for (int i = 0; i < SIDES; i++) {
		struct vif_memif_details details;

		vif_memif_details(pair->end[i].interface, &details);
		assert_int_equal(details.offload_csum, agreed->csum);
		assert_int_equal(details.offload_gso, agreed->gso);
	}
}

static void send_all(struct pair *pair, const struct wish *agreed)
{
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct super super;

		make_sample(&samples[i], &super);
		for (int from = 0; from < SIDES; from++)
			send_sample(pair, from, &super,
				    takes(agreed, &samples[i]));
		free(super.byte);
	}
	pair_check(pair);
}

static void what_both_want_goes_along(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(wishes) * ARRAY_LEN(wishes); i++) {
		struct wish server = wishes[i / ARRAY_LEN(wishes)];
		struct wish client = wishes[i % ARRAY_LEN(wishes)];
		struct wish agreed = { server.csum && client.csum,
				       server.gso & client.gso };
		struct pair pair;

		start(&pair, server, client);
		expect_agreed(&pair, &agreed);
		send_all(&pair, &agreed);
		pair_close(&pair);
	}
}

/* It belongs to a connection, and the next one agrees on it anew. */
static void nothing_is_left_of_a_connection(void **state)
{
	static const struct wish none = { false, 0 };
	struct pair pair;
	struct end *client = &pair.end[CLIENT];

	(void)state;
	start(&pair, all, all);
	expect_agreed(&pair, &all);
	vif_memif_close(client->interface);
	client->interface = NULL;
	client->config.offload_csum = false;
	client->config.offload_gso = 0;
	end_open(client);
	pair_connect(&pair);
	expect_agreed(&pair, &none);
	send_all(&pair, &none);
	pair_close(&pair);
}

/* One packet as bytes has no room for it. */
static void a_read_drops_what_has_state(void **state)
{
	static uint8_t got[VIF_PACKET_LEN_MAX];
	struct vif_memif_queue_details queue;
	struct vif_memif_interface *rx;
	struct pair pair;

	(void)state;
	start(&pair, all, all);
	rx = pair.end[SERVER].interface;
	for (size_t i = 0; i < ARRAY_LEN(samples); i++) {
		struct super super;

		make_sample(&samples[i], &super);
		assert_int_equal(vif_memif_tx(pair.end[CLIENT].interface, 0,
					      &super.packet, 1),
				 1);
		assert_int_equal(vif_memif_read(rx, 0, got, sizeof(got)),
				 -EOPNOTSUPP);
		free(super.byte);
	}
	assert_int_equal(vif_memif_read(rx, 0, got, sizeof(got)), 0);
	assert_int_equal(vif_memif_rx_details(rx, 0, &queue), 0);
	assert_int_equal(queue.drops[VIF_DROP_OFFLOAD], ARRAY_LEN(samples));
	pair_check(&pair);
	pair_close(&pair);
}

/* Packets with and without it in one burst, sent on by who owns the buffers. */
static void forwarded_packets_keep_it(void **state)
{
	enum { N = 2 * ARRAY_LEN(samples) };
	struct super super[ARRAY_LEN(samples)];
	struct vif_memif_interface *client, *server;
	struct vif_packet packet[N];
	uint8_t bytes[100];
	struct iovec seg = { bytes, sizeof(bytes) };
	struct pair pair;

	(void)state;
	start(&pair, all, all);
	client = pair.end[CLIENT].interface;
	server = pair.end[SERVER].interface;
	ends_fill(bytes, 7, sizeof(bytes));
	for (size_t i = 0; i < N; i += 2) {
		make_sample(&samples[i / 2], &super[i / 2]);
		packet[i] = super[i / 2].packet;
		packet[i + 1] = (struct vif_packet){ .seg = &seg,
						     .n_seg = 1,
						     .len = sizeof(bytes) };
	}
	assert_int_equal(vif_memif_tx(server, 0, packet, N), N);
	assert_int_equal(vif_memif_rx(client, 0, pair.batch[CLIENT]), N);
	assert_int_equal(
		vif_memif_forward(client, 0, pair.batch[CLIENT], 0, N, 0), N);
	vif_memif_rx_done(client, 0, pair.batch[CLIENT]);
	assert_int_equal(vif_memif_rx(server, 0, pair.batch[SERVER]), N);
	for (size_t i = 0; i < N; i += 2) {
		const struct vif_packet *got = &pair.batch[SERVER]->packet[i];

		expect_same(&got[0], &super[i / 2]);
		assert_int_equal(got[1].csum, VIF_CSUM_COMPLETE);
		assert_true(ends_holds(&got[1], 7, sizeof(bytes)));
		free(super[i / 2].byte);
	}
	vif_memif_rx_done(server, 0, pair.batch[SERVER]);
	pair_close(&pair);
}

#define PLACED(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(what_both_want_goes_along),
		PLACED(nothing_is_left_of_a_connection),
		PLACED(a_read_drops_what_has_state),
		PLACED(forwarded_packets_keep_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
