/* SPDX-License-Identifier: Apache-2.0 */
/* What only the fault port does: the faults, by a seed. */
#include <errno.h>
#include <string.h>

#include "tests/contract/fault_pair.h"

/* Offers a burst that begins with serial first. Returns how many were taken. */
static uint32_t offer(struct vif_port *port, uint32_t first)
{
	static struct probe probes[RING];
	struct vif_packet packet[RING];
	uint32_t n = N_PACKET - first < RING ? N_PACKET - first : RING;
	int r;

	for (uint32_t i = 0; i < n; i++) {
		probe_make(&probes[i], PROBE_UDP4, false, first + i, 20);
		packet[i] = probes[i].packet;
	}
	r = vif_port_tx(port, 0, packet, n);
	assert_in_range(r, 0, n);
	return (uint32_t)r;
}

/* Sends N_PACKET packets, at times more than there is room for. */
static void pass(struct vif_port *from, struct vif_port *to,
		 struct vif_batch *batch, struct arrivals *arrivals, int offers)
{
	uint32_t sent = 0;

	arrivals->n = 0;
	while (sent < N_PACKET) {
		for (int i = 0; i < offers; i++)
			sent += offer(from, sent);
		(void)vif_port_tx_held(from, 0); /* sends it, given room */
		assert_int_equal(pair_receive(to, batch, arrivals), 0);
		(void)vif_port_tx_held(from, 0);
		assert_int_equal(pair_receive(to, batch, arrivals), 0);
		assert_int_equal(vif_port_tx_held(from, 0), 0);
	}
}

static void run_offers(const char *keys, bool out, int offers,
		       struct arrivals *arrivals,
		       struct vif_port_stats *ret_stats)
{
	struct pair pair;

	pair_open(&pair, keys);
	if (out)
		pass(pair.near, pair.far, pair.batch, arrivals, offers);
	else
		pass(pair.far, pair.near, pair.batch, arrivals, offers);
	vif_port_stats(pair.near, ret_stats);
	pair_close(&pair);
}

static void run(const char *keys, bool out, struct arrivals *arrivals,
		struct vif_port_stats *ret_stats)
{
	run_offers(keys, out, 1, arrivals, ret_stats);
}

static void check_drop(bool out)
{
	static struct arrivals first, second, other;
	struct vif_port_stats stats;
	const uint64_t *drops = out ? stats.tx_drops : stats.rx_drops;

	run(",drop=20%,seed=5", out, &first, &stats);
	assert_int_equal(first.n + drops[VIF_DROP_INJECTED], N_PACKET);
	assert_in_range(drops[VIF_DROP_INJECTED], 150, 250);
	assert_int_equal(out ? stats.tx_packets : stats.rx_packets, first.n);
	for (uint32_t i = 1; i < first.n; i++)
		assert_true(first.serial[i] > first.serial[i - 1]);
	run(",drop=20%,seed=5", out, &second, &stats);
	assert_memory_equal(&first, &second, sizeof(first));
	/* Other faults do not move the ones that were. */
	run(",drop=20%,seed=5,stall=30%,short=30%", out, &second, &stats);
	assert_memory_equal(&first, &second, sizeof(first));
	/* Nor does a full port, for what it has not taken. */
	run_offers(",drop=20%,seed=5", out, 3, &second, &stats);
	assert_memory_equal(&first, &second, sizeof(first));
	run(",drop=20%,seed=6", out, &other, &stats);
	assert_memory_not_equal(&first, &other, sizeof(first));
	run(out ? ",drop=20%,direction=rx" : ",drop=20%,direction=tx", out,
	    &other, &stats);
	assert_int_equal(other.n, N_PACKET);
	run(",drop=100%", out, &other, &stats);
	assert_int_equal(other.n, 0);
}

static void drop_rx(void **state)
{
	(void)state;
	check_drop(false);
}

static void drop_tx(void **state)
{
	(void)state;
	check_drop(true);
}

static void duplicate(void **state)
{
	static struct arrivals all;
	struct vif_port_stats stats;

	(void)state;
	run(",duplicate=100%,direction=rx", false, &all, &stats);
	assert_int_equal(all.n, 2 * N_PACKET);
	for (uint32_t i = 0; i < all.n; i++)
		assert_int_equal(all.serial[i], i / 2);
	assert_int_equal(stats.rx_packets, 2 * N_PACKET);
	/* Out, the second one is left out where there is no room for it. */
	run(",duplicate=10%,direction=tx", true, &all, &stats);
	assert_in_range(all.n, N_PACKET + 50, N_PACKET + 150);
	assert_int_equal(stats.tx_packets, all.n);
}

static void check_reorder(const char *keys, bool out, uint32_t n_min,
			  uint32_t n_max)
{
	static struct arrivals all;
	struct vif_port_stats stats;
	uint32_t swapped = 0;

	run(keys, out, &all, &stats);
	assert_int_equal(all.n, N_PACKET); /* none lost, none twice */
	for (uint32_t i = 0; i < all.n; i++) {
		if (all.serial[i] == i)
			continue;
		assert_int_equal(all.serial[i], i + 1);
		assert_int_equal(all.serial[i + 1], i);
		swapped++;
		i++;
	}
	assert_in_range(swapped, n_min, n_max);
}

static void reorder(void **state)
{
	(void)state;
	check_reorder(",reorder=10%", false, 60, 140);
	check_reorder(",reorder=10%", true, 60, 140);
	check_reorder(",reorder=100%", false, 450, 500);
	check_reorder(",reorder=100%", true, 450, 500);
	check_reorder(",reorder=50%,stall=50%,short=50%", true, 1, 500);
}

static void short_tx(void **state)
{
	static struct probe probe;
	struct vif_packet packet[10];
	struct pair pair;

	(void)state;
	pair_open(&pair, ",short=100%");
	probe_make(&probe, PROBE_UDP4, false, 1, 20);
	for (int i = 0; i < 10; i++)
		packet[i] = probe.packet;
	for (int i = 0; i < 10; i++) {
		struct arrivals all = { .n = 0 };
		int r = vif_port_tx(pair.near, 0, packet, 10);

		assert_in_range(r, 0, 9);
		assert_int_equal(pair_receive(pair.far, pair.batch, &all), 0);
		assert_int_equal(all.n, r);
		/* There is room, and the port says so. */
		assert_int_equal(vif_port_wait(pair.near, 0, VIF_WAIT_TX, 0),
				 1);
	}
	pair_close(&pair);
}

static void stall(void **state)
{
	static struct probe probe;
	struct pair pair;

	(void)state;
	pair_open(&pair, ",stall=100%");
	probe_make(&probe, PROBE_UDP4, false, 1, 20);
	/* Nothing there: it may sleep. */
	assert_int_equal(vif_port_rx(pair.near, 0, pair.batch), 0);
	assert_int_equal(vif_port_arm(pair.near, 0, VIF_WAIT_RX), 0);
	assert_int_equal(vif_port_tx(pair.far, 0, &probe.packet, 1), 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vif_port_rx(pair.near, 0, pair.batch), 0);
		assert_int_equal(vif_port_arm(pair.near, 0, VIF_WAIT_RX), 1);
		assert_int_equal(vif_port_tx(pair.near, 0, &probe.packet, 1),
				 0);
		assert_int_equal(vif_port_arm(pair.near, 0, VIF_WAIT_TX), 1);
	}
	pair_close(&pair);
}

static void fail_after(void **state)
{
	static struct probe probe;
	struct pair pair;
	struct vif_packet packet[10];
	struct vif_error error;
	uint64_t deadline_ns;

	(void)state;
	pair_open(&pair, ",fail=15");
	probe_make(&probe, PROBE_UDP4, false, 1, 20);
	for (int i = 0; i < 10; i++)
		packet[i] = probe.packet;
	assert_int_equal(vif_port_tx(pair.near, 0, packet, 10), 10);
	assert_int_equal(vif_port_state(pair.near), VIF_PORT_UP);
	assert_false(pair_is_ready(pair.near, VIF_WAIT_RX));
	assert_false(pair_is_ready(pair.near, VIF_WAIT_CONTROL));
	assert_int_equal(vif_port_service(pair.near, 1, &deadline_ns), 0);
	assert_int_equal(vif_port_tx(pair.near, 0, packet, 10), 5);
	/* Everybody who waits is woken, though nothing has come. */
	assert_true(pair_is_ready(pair.near, VIF_WAIT_RX));
	assert_true(pair_is_ready(pair.near, VIF_WAIT_CONTROL));
	assert_int_equal(vif_port_tx(pair.near, 0, packet, 10), -ENODEV);
	assert_int_equal(vif_port_rx(pair.near, 0, pair.batch), -ENODEV);
	assert_int_equal(vif_port_service(pair.near, 2, &deadline_ns), -ENODEV);
	assert_int_equal(vif_port_state(pair.near), VIF_PORT_CLOSED);
	vif_port_stop(pair.near);
	assert_int_equal(vif_port_start(pair.near, &error), -ENODEV);
	assert_int_equal(error.code, -ENODEV);
	assert_int_equal(pair.n_closed, 1);
	pair_close(&pair);
	assert_int_equal(pair.n_closed, 1);
}

static void fail_while_receiving(void **state)
{
	static struct probe probe;
	struct pair pair;

	(void)state;
	pair_open(&pair, ",fail=3");
	probe_make(&probe, PROBE_UDP4, false, 1, 20);
	for (int i = 0; i < 5; i++)
		assert_int_equal(vif_port_tx(pair.far, 0, &probe.packet, 1), 1);
	assert_int_equal(vif_port_rx(pair.near, 0, pair.batch), 3);
	vif_port_rx_done(pair.near, 0, pair.batch);
	assert_int_equal(vif_port_rx(pair.near, 0, pair.batch), -ENODEV);
	assert_int_equal(pair.n_closed, 1);
	pair_close(&pair);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(drop_rx),
		cmocka_unit_test(drop_tx),
		cmocka_unit_test(duplicate),
		cmocka_unit_test(reorder),
		cmocka_unit_test(short_tx),
		cmocka_unit_test(stall),
		cmocka_unit_test(fail_after),
		cmocka_unit_test(fail_while_receiving),
		cmocka_unit_test(delay),
		cmocka_unit_test(delay_of_many),
		cmocka_unit_test(failed_open_takes_nothing),
		cmocka_unit_test(around_null),
		cmocka_unit_test(stop_reaches_inner),
		cmocka_unit_test(wrapped_twice),
		cmocka_unit_test(delay_with_threads),
		cmocka_unit_test(delay_in_link),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
