/* SPDX-License-Identifier: Apache-2.0 */
/* Packets through the port: bytes, order, pieces, counters. */
#include "tests/contract/burst.h"

static struct probe_seen seen;

static void rx_of_nothing(void **state)
{
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	for (int i = 0; i < 10; i++) {
		assert_int_equal(vif_port_rx(rig->port, 0, rig->batch), 0);
		assert_int_equal(rig->batch->n, 0);
		vif_port_rx_done(rig->port, 0, rig->batch);
	}
}

static void tx_of_nothing(void **state)
{
	struct rig *rig = rig_of(state);
	struct vif_port_stats stats;

	rig_up(rig, "");
	assert_int_equal(vif_port_tx(rig->port, 0, burst_packet, 0), 0);
	assert_int_equal(vif_port_tx(rig->port, 0, NULL, 0), 0);
	assert_int_equal(vif_port_tx_held(rig->port, 0), 0);
	vif_port_stats(rig->port, &stats);
	assert_int_equal(stats.tx_packets, 0);
}

static void take_all(void **state)
{
	struct rig *rig = rig_of(state);
	struct vif_port_stats stats;
	uint64_t bytes = 0;

	rig_up(rig, "");
	burst_make(rig, 0, CONTRACT_BATCH);
	for (uint32_t i = 0; i < CONTRACT_BATCH; i++)
		bytes += burst_packet[i].len;
	assert_int_equal(rig_tx(rig, 0, burst_packet, CONTRACT_BATCH),
			 CONTRACT_BATCH);
	vif_port_stats(rig->port, &stats);
	assert_int_equal(stats.tx_packets, CONTRACT_BATCH);
	assert_int_equal(stats.tx_bytes, bytes);
	assert_int_equal(stats.tx_superpackets, 0);
}

static void bytes_survive(void **state)
{
	static const uint32_t sizes[] = { 16, 17, 63, 64, 500, 1400, 1472 };
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	for (uint32_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		probe_make(&burst_probe[0], PROBE_UDP4, rig_is_eth(rig), i,
			   sizes[i]);
		assert_int_equal(rig_tx(rig, 0, &burst_probe[0].packet, 1), 1);
		assert_true(rig->driver->far_receive(rig, &seen));
		assert_true(probe_equal(&burst_probe[0], &seen));
		assert_true(rig->driver->far_send(rig, &burst_probe[0].packet));
		rig_receive(rig, &seen);
		assert_true(probe_equal(&burst_probe[0], &seen));
	}
}

static void counters_add_up(void **state)
{
	struct rig *rig = rig_of(state);
	struct vif_port_stats stats;
	uint64_t bytes = 0;

	rig_up(rig, "");
	for (uint32_t i = 0; i < 100; i++) {
		burst_make(rig, i, 1);
		bytes += burst_packet[0].len;
		assert_int_equal(rig_tx(rig, 0, burst_packet, 1), 1);
		assert_true(rig->driver->far_receive(rig, &seen));
		assert_true(rig->driver->far_send(rig, burst_packet));
		rig_receive(rig, &seen);
	}
	vif_port_stats(rig->port, &stats);
	assert_int_equal(stats.tx_packets, 100);
	assert_int_equal(stats.tx_bytes, bytes);
	assert_int_equal(stats.rx_packets, rig->rx_packets);
	assert_int_equal(stats.rx_bytes, rig->rx_bytes);
	assert_true(rig->rx_packets >= 100 && rig->rx_bytes >= bytes);
	assert_int_equal(stats.rx_superpackets, 0);
	assert_int_equal(stats.tx_superpackets, 0);
	for (int i = 0; i < VIF_DROP_N; i++) {
		assert_int_equal(stats.rx_drops[i], 0);
		assert_int_equal(stats.tx_drops[i], 0);
	}
}

static void order_kept_out(void **state)
{
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	for (uint32_t first = 0; first < 320; first += CONTRACT_BATCH) {
		burst_make(rig, first, CONTRACT_BATCH);
		assert_int_equal(rig_tx(rig, 0, burst_packet, CONTRACT_BATCH),
				 CONTRACT_BATCH);
		for (uint32_t i = 0; i < CONTRACT_BATCH; i++) {
			assert_true(rig->driver->far_receive(rig, &seen));
			assert_int_equal(seen.serial, first + i);
		}
	}
}

static void order_kept_in(void **state)
{
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	for (uint32_t first = 0; first < 320; first += CONTRACT_BATCH) {
		burst_make(rig, first, CONTRACT_BATCH);
		for (uint32_t i = 0; i < CONTRACT_BATCH; i++)
			assert_true(
				rig->driver->far_send(rig, &burst_packet[i]));
		burst_expect(rig, first, CONTRACT_BATCH);
	}
}

static void pieces_arrive_whole(void **state)
{
	static const uint16_t pieces[] = { 2, 3, 5, VIF_PACKET_SEG_MAX };
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	for (uint32_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		uint16_t n = pieces[i];

		if (n > vif_port_caps(rig->port)->seg_max)
			continue;
		probe_make(&burst_probe[0], PROBE_UDP4, rig_is_eth(rig), i,
			   1200);
		probe_scatter(&burst_probe[0], n);
		assert_int_equal(rig_tx(rig, 0, &burst_probe[0].packet, 1), 1);
		if (!rig->driver->far_receive)
			continue;
		assert_true(rig->driver->far_receive(rig, &seen));
		assert_true(probe_equal(&burst_probe[0], &seen));
	}
}

static void each_queue_sends(void **state)
{
	struct rig *rig = rig_of(state);

	rig_up(rig, ",queues=2");
	for (unsigned int queue = 0; queue < 2; queue++) {
		burst_make(rig, queue, 1);
		assert_int_equal(rig_tx(rig, queue, burst_packet, 1), 1);
		if (rig->far) {
			/* A pair keeps queues apart: look at the same one. */
			assert_int_equal(
				vif_port_rx(rig->far, queue, rig->far_batch),
				1);
			assert_true(probe_look(rig->far_batch->packet,
					       rig_is_eth(rig), &seen));
			vif_port_rx_done(rig->far, queue, rig->far_batch);
		} else {
			assert_true(rig->driver->far_receive(rig, &seen));
		}
		assert_int_equal(seen.serial, queue);
	}
}

const struct contract_case data_cases[] = {
	{ "rx_of_nothing", rx_of_nothing, 0 },
	{ "tx_of_nothing", tx_of_nothing, 0 },
	{ "take_all", take_all, 0 },
	{ "bytes_survive", bytes_survive, HAS_FAR },
	{ "counters_add_up", counters_add_up, HAS_FAR },
	{ "order_kept_out", order_kept_out, HAS_FAR },
	{ "order_kept_in", order_kept_in, HAS_FAR },
	{ "pieces_arrive_whole", pieces_arrive_whole, 0 },
	{ "each_queue_sends", each_queue_sends, HAS_FAR },
	{ NULL, NULL, 0 },
};
