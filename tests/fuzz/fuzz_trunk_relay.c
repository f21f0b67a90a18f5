/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A relay between two peers that say anything (Z7).
 *
 * First byte: how far the circuit through the relay has come. Then steps, each a
 * byte for which peer it is, whether it reads what the relay says, and time; and
 * a record, see trunk_input.h.
 */
#include <vif/relay.h>

#include "tests/fuzz/trunk_input.h"

static struct hostile side[2]; /* who dials, and who is dialled */

/* Both live on trunks that the relay has accepted. */
static void begin_side(struct hostile *h, uint64_t seed)
{
	hostile_init(h, VIF_TRUNK_ACCEPTER);
	h->peer_seed = seed;
	h->config.window = 4 << 20;
	h->config.circuits_max = 4;
	h->config.circuit_window = 65536;
	h->config.hop_window = 65536;
	h->config.only_chacha = true;
	hostile_start(h);
	require(vif_trunk_is_ready(h->trunk));
}

static void run_both(void)
{
	for (int i = 0; i < 2; i++) {
		hostile_run(&side[i]);
		side[i].n_taken = 0;
	}
	hostile_run(&side[0]);
	side[0].n_taken = 0;
}

static void open_through(void)
{
	uint8_t body[CORE_OPEN_FIXED + VIF_KEY_LEN];
	size_t len = hostile_open_body(&side[0], VIF_CIRCUIT_SEALED, body);

	memcpy(body + 16, side[1].pair.public_key, VIF_KEY_LEN);
	memset(body + len, 9, VIF_KEY_LEN);
	(void)hostile_control(&side[0], FRAME_TRUNK_OPEN, 1, hostile_hop(65536),
			      body, sizeof(body));
	run_both();
	require(side[1].heard[FRAME_TRUNK_OPEN].n == 1);
}

static void advance_circuit(unsigned int stages)
{
	if (stages > 0)
		open_through();
	if (stages > 1)
		hostile_accept(&side[1],
			       side[1].heard[FRAME_TRUNK_OPEN].header.id);
	run_both();
	if (stages > 2)
		(void)hostile_control(&side[0], FRAME_TRUNK_CONFIRM, 1, 0, NULL,
				      0);
	run_both();
}

static void step(struct input *input)
{
	static uint8_t record[HOSTILE_PLAIN + 64];
	uint8_t how = input_byte(input);
	struct hostile *h = &side[how & 1];
	size_t len = input_seal(h, input, record);

	(void)vif_trunk_receive(h->trunk, record, len);
	if (how & 2)
		h->is_deaf = !h->is_deaf;
	if (how & 4)
		h->now_ns += 1000000000u;
	vif_trunk_advance(h->trunk, h->now_ns);
	for (int i = 0; i < 2; i++)
		check_trunk(side[i].trunk);
	run_both();
	for (int i = 0; i < 2; i++)
		check_trunk(side[i].trunk);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct vif_relay *relay;
	struct vif_relay_stats stats;

	for (int i = 0; i < 2; i++)
		begin_side(&side[i], 400 + (uint64_t)i);
	require(vif_relay_new(&relay) == 0);
	for (int i = 0; i < 2; i++)
		require(vif_relay_add(relay, side[i].trunk) == 0);
	require(vif_relay_route(side[1].trunk, NULL) == 0);
	advance_circuit(input_byte(&input) % 4);
	while (input.size > 0)
		step(&input);
	for (int i = 0; i < 2; i++)
		hostile_fini(&side[i]);
	vif_relay_stats(relay, &stats);
	require(stats.bytes_held == 0 && stats.trunks == 0 &&
		stats.routes == 0);
	vif_relay_free(relay);
	return 0;
}
