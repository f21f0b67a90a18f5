/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What becomes of a connection whose peer writes nonsense into its ring: it
 * ends, or, as the config has it, goes on without what was wrong. The nonsense
 * is written here, beside an honest peer.
 */
#include "port/memif/interface.h"
#include "tests/memif/ends.h"

/* The ring that packets come to a side on, as that side has mapped it. */
static struct memif_ring ring_to(const struct pair *pair, enum ends_side side)
{
	const struct memif_link *link = &pair->end[side].interface->link;
	const struct memif_geometry *geometry = &link->handshake.geometry;
	const struct memif_place *place =
		&geometry->ring[memif_rx_direction(link->config.role)][0];
	struct memif_ring ring;

	assert_int_equal(
		memif_ring_attach(
			&ring,
			link->memory->regions.region[place->region].base +
				place->offset,
			geometry->line, place->log2_size),
		0);
	return ring;
}

static void start(struct pair *pair, bool resync)
{
	pair_init(pair);
	for (int i = 0; i < SIDES; i++) {
		pair->end[i].config.ring_log2 = 6;
		pair->end[i].config.resync = resync;
	}
	pair_open(pair);
	pair_connect(pair);
}

/* A packet that says it is longer than all memory there is. */
static void spoil_a_packet(struct pair *pair, enum ends_side to)
{
	struct memif_ring ring = ring_to(pair, to);
	struct memif_desc desc = memif_slot_read(memif_ring_slot(&ring, 0));
	uint8_t bytes[60] = { 0 };

	assert_int_equal(vif_memif_write(pair->end[1 - to].interface, 0, bytes,
					 sizeof(bytes)),
			 1);
	desc.flags = 0;
	desc.length = UINT32_MAX;
	memif_slot_write_front(memif_ring_slot(&ring, 0), &desc);
}

static bool is_over(const struct pair *pair)
{
	return pair->end[SERVER].n_disconnect > 0 &&
	       pair->end[CLIENT].n_disconnect > 0;
}

static void a_fault_ends_the_connection(void **state)
{
	(void)state;
	for (int to = 0; to < SIDES; to++) {
		struct pair pair;

		start(&pair, false);
		spoil_a_packet(&pair, (enum ends_side)to);
		assert_true(vif_memif_rx(pair.end[to].interface, 0,
					 pair.batch[to]) < 0);
		pair_until(&pair, is_over);
		assert_non_null(
			strstr(pair.end[1 - to].reason, pair.end[to].reason));
		pair_close(&pair);
	}
}

static void or_it_is_left_out(void **state)
{
	(void)state;
	for (int to = 0; to < SIDES; to++) {
		struct vif_memif_interface *rx;
		struct vif_memif_queue_details queue;
		struct pair pair;

		start(&pair, true);
		rx = pair.end[to].interface;
		spoil_a_packet(&pair, (enum ends_side)to);
		assert_int_equal(vif_memif_rx(rx, 0, pair.batch[to]), 0);
		assert_int_equal(vif_memif_rx_details(rx, 0, &queue), 0);
		assert_int_equal(queue.faults, 1);
		assert_int_equal(queue.skipped, 1);
		assert_int_equal(queue.packets, 0);
		for (int i = 0; i < 3 * 64; i++)
			pair_pass(&pair, (enum ends_side)(1 - to), 0, 100);
		assert_int_equal(pair.end[to].n_disconnect, 0);
		pair_close(&pair);
	}
}

#define PLACED(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(a_fault_ends_the_connection),
		PLACED(or_it_is_left_out),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
