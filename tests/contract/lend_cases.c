/* SPDX-License-Identifier: Apache-2.0 */
/* Whose packets are whose, and for how long. */
#include <string.h>

#include "tests/contract/burst.h"

static struct probe_seen seen;

/* Fills the port, keeps what it did not take, and sends that later. */
static void partial_tx(void **state)
{
	struct rig *rig = rig_of(state);
	uint32_t sent = 0, got = 0;
	bool was_partial = false;

	rig_up(rig, "");
	while (got < 10 * CONTRACT_RING) {
		uint32_t rounds = 0;
		int r = 1;

		/* A stall takes none, too; that many in a row is no stall. */
		while (rounds++ < 100) {
			burst_make(rig, sent, CONTRACT_BATCH);
			r = vif_port_tx(rig->port, 0, burst_packet,
					CONTRACT_BATCH);
			assert_in_range(r, 0, CONTRACT_BATCH);
			was_partial |= r < CONTRACT_BATCH;
			sent += (uint32_t)r;
		}
		assert_int_equal(r, 0);
		assert_int_equal(sent - got, CONTRACT_RING);
		for (; got < sent; got++) {
			assert_true(rig->driver->far_receive(rig, &seen));
			assert_int_equal(seen.serial, got);
		}
		vif_port_rx_done(rig->far, 0, rig->far_batch);
		rig->far_next = 0;
		assert_int_equal(vif_port_wait(rig->port, 0, VIF_WAIT_TX,
					       CONTRACT_PATIENCE_MS),
				 1);
	}
	assert_true(was_partial);
}

/* The port goes over the packets itself, or not at all: it changes nothing. */
static void tx_borrows_only(void **state)
{
	static struct probe before;
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	burst_make(rig, 5, 1);
	before = burst_probe[0];
	assert_int_equal(rig_tx(rig, 0, burst_packet, 1), 1);
	assert_memory_equal(&burst_packet[0], &burst_probe[0].packet,
			    sizeof(*burst_packet));
	assert_memory_equal(before.bytes, burst_probe[0].bytes,
			    burst_packet[0].len);
	/* Taken is taken: what we do to the bytes now is our business. */
	memset(burst_probe[0].bytes, 0xee, burst_packet[0].len);
	if (!rig->driver->far_receive)
		return;
	assert_true(rig->driver->far_receive(rig, &seen));
	assert_true(probe_equal(&before, &seen));
}

static void batch_of_one(void **state)
{
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	vif_batch_free(rig->batch);
	assert_int_equal(vif_batch_new(1, 1, &rig->batch), 0);
	burst_make(rig, 0, 10);
	for (uint32_t i = 0; i < 10; i++)
		assert_true(rig->driver->far_send(rig, &burst_packet[i]));
	for (uint32_t i = 0; i < 10; i++) {
		assert_int_equal(rig_rx(rig, 0), 1);
		assert_int_equal(rig->batch->n, 1);
		assert_true(probe_look(&rig->batch->packet[0], rig_is_eth(rig),
				       &seen));
		assert_int_equal(seen.serial, i);
		vif_port_rx_done(rig->port, 0, rig->batch);
		assert_int_equal(rig->batch->n, 0);
	}
	assert_int_equal(vif_port_rx(rig->port, 0, rig->batch), 0);
}

static void lent_stays(void **state)
{
	struct rig *rig = rig_of(state);
	uint32_t got, lent = 0;

	rig_up(rig, "");
	burst_make(rig, 0, CONTRACT_BATCH);
	for (uint32_t i = 0; i < 4; i++)
		assert_true(rig->driver->far_send(rig, &burst_packet[i]));
	lent = (uint32_t)rig_rx(rig, 0);
	assert_in_range(lent, 1, 4);
	/* Much happens meanwhile, both ways. */
	for (uint32_t i = 4; i < CONTRACT_BATCH; i++)
		assert_true(rig->driver->far_send(rig, &burst_packet[i]));
	assert_int_equal(rig_tx(rig, 0, burst_packet, 8), 8);
	for (got = 0; got < lent; got++) {
		assert_true(probe_look(&rig->batch->packet[got],
				       rig_is_eth(rig), &seen));
		assert_true(probe_equal(&burst_probe[got], &seen));
	}
	vif_port_rx_done(rig->port, 0, rig->batch);
	burst_expect(rig, lent, CONTRACT_BATCH - lent);
}

const struct contract_case lend_cases[] = {
	{ "partial_tx", partial_tx, HAS_FULL | HAS_FAR_PORT },
	{ "tx_borrows_only", tx_borrows_only, 0 },
	{ "batch_of_one", batch_of_one, HAS_FAR },
	{ "lent_stays", lent_stays, HAS_FAR },
	{ NULL, NULL, 0 },
};
