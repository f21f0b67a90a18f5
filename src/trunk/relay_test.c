/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of relays: circuits through trunks that cannot read them. */
#include "trunk/relay.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/trunk_rig.h"

/*
 * Alice dials Bob by way of the relay:
 *
 *	alice.end[0] ==== alice.end[1] (relay) bob.end[1] ==== bob.end[0]
 */
struct chain {
	struct rig alice, bob;
	struct vif_relay *relay;
	struct vif_circuit *far; /* at Bob's */
	struct vif_flow *flow;   /* at Bob's */
};

static void chain_run(struct chain *chain)
{
	size_t n;

	do {
		n = rig_move(&chain->alice, 0) + rig_move(&chain->alice, 1) +
		    rig_move(&chain->bob, 0) + rig_move(&chain->bob, 1);
		rig_listen(&chain->alice, 0);
		rig_listen(&chain->alice, 1);
		rig_listen(&chain->bob, 0);
		rig_listen(&chain->bob, 1);
	} while (n > 0);
}

static void chain_make(struct chain *chain, uint32_t record_max_of_bob)
{
	memset(chain, 0, sizeof(*chain));
	rig_init(&chain->alice);
	rig_init(&chain->bob);
	/* The relay is one and the same; Bob is somebody else. */
	chain->bob.random = 77;
	(void)rig_random(&chain->bob, chain->bob.secret[0], VIF_KEY_LEN);
	assert_int_equal(
		vif_key_public(chain->bob.secret[0], chain->bob.key[0]), 0);
	chain->bob.config[0].record_max = record_max_of_bob;
	rig_start(&chain->alice);
	rig_start(&chain->bob);
	assert_int_equal(vif_relay_new(&chain->relay), 0);
	assert_int_equal(vif_relay_add(chain->relay, chain->alice.end[1]), 0);
	assert_int_equal(vif_relay_add(chain->relay, chain->bob.end[1]), 0);
	assert_int_equal(vif_relay_route(chain->bob.end[1], NULL), 0);
}

static void chain_dial(struct chain *chain)
{
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = VIF_CIRCUIT_SEALED,
		.remote = chain->bob.key[0],
		.service = "echo",
	};

	assert_int_equal(vif_circuit_dial(chain->alice.end[0], &config,
					  &chain->alice.circuit[0]),
			 0);
	chain_run(chain);
	chain->far = chain->bob.circuit[0];
}

static void chain_fini(struct chain *chain)
{
	rig_fini(&chain->alice);
	rig_fini(&chain->bob);
	vif_relay_free(chain->relay);
}

static void a_circuit_goes_through(void **state)
{
	struct vif_relay_stats stats;
	struct vif_flow *flow;
	struct chain chain;
	char got[16];

	(void)state;
	chain_make(&chain, 0);
	chain_dial(&chain);
	assert_true(rig_saw(&chain.alice, 0, VIF_CIRCUIT_READY));
	assert_non_null(chain.far);
	assert_string_equal(vif_circuit_service(chain.far), "echo");
	assert_memory_equal(vif_circuit_remote(chain.far), chain.alice.key[0],
			    VIF_KEY_LEN);
	assert_memory_equal(vif_circuit_remote(chain.alice.circuit[0]),
			    chain.bob.key[0], VIF_KEY_LEN);
	/* The relay's programs hear nothing of it. */
	assert_null(chain.alice.circuit[1]);
	assert_int_equal(vif_flow_open(chain.alice.circuit[0], NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "hello", 6), 6);
	chain_run(&chain);
	assert_int_equal(vif_flow_read(chain.bob.flow[0], got, sizeof(got)), 6);
	assert_string_equal(got, "hello");
	assert_int_equal(vif_flow_write(chain.bob.flow[0], "yes", 4), 4);
	chain_run(&chain);
	assert_int_equal(vif_flow_read(flow, got, sizeof(got)), 4);
	vif_relay_stats(chain.relay, &stats);
	assert_int_equal(stats.circuits, 1);
	assert_int_equal(stats.bytes_held, 0);
	assert_true(stats.records > 0);
	assert_int_equal(vif_circuit_close(chain.alice.circuit[0], 0, NULL), 0);
	chain_run(&chain);
	assert_int_equal(vif_circuit_reason(chain.far, NULL),
			 VIF_REASON_CLOSED);
	assert_int_equal(vif_circuit_reason(chain.alice.circuit[0], NULL),
			 VIF_REASON_NONE);
	assert_int_equal(chain.alice.end[1]->n_circuits, 0);
	assert_int_equal(chain.bob.end[1]->n_circuits, 0);
	vif_flow_close(flow);
	vif_flow_close(chain.bob.flow[0]);
	chain_fini(&chain);
}

/* Bob is somebody else as well, and the relay knows the way to both. */
static void a_circuit_goes_to_another_identity(void **state)
{
	static const uint8_t secret[VIF_KEY_LEN] = "somebody else";
	uint8_t key[VIF_KEY_LEN];
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = VIF_CIRCUIT_SEALED,
		.remote = key,
	};
	struct chain chain;

	(void)state;
	chain_make(&chain, 0);
	assert_int_equal(vif_key_public(secret, key), 0);
	assert_int_equal(vif_trunk_add_identity(chain.bob.end[0], secret), 0);
	assert_int_equal(vif_relay_route(chain.bob.end[1], key), 0);
	assert_int_equal(vif_circuit_dial(chain.alice.end[0], &config,
					  &chain.alice.circuit[0]),
			 0);
	chain_run(&chain);
	assert_true(rig_saw(&chain.alice, 0, VIF_CIRCUIT_READY));
	assert_memory_equal(vif_circuit_local(chain.bob.circuit[0]), key,
			    VIF_KEY_LEN);
	chain_dial(&chain);
	assert_memory_equal(vif_circuit_local(chain.far), chain.bob.key[0],
			    VIF_KEY_LEN);
	chain_fini(&chain);
}

/* More than the hop's window; and hops of different record sizes. */
static void much_goes_through(uint32_t record_max)
{
	enum { TOTAL = 3 << 20 };
	static uint8_t bytes[65536];
	struct vif_flow *flow;
	struct chain chain;
	size_t written = 0, read = 0;

	chain_make(&chain, record_max);
	chain_dial(&chain);
	assert_int_equal(vif_flow_open(chain.alice.circuit[0], NULL, &flow), 0);
	while (read < TOTAL) {
		int64_t n = 0;

		for (size_t i = 0; i < sizeof(bytes); i++)
			bytes[i] = (uint8_t)((written + i) * 31 >> 3);
		if (written < TOTAL)
			n = vif_flow_write(flow, bytes, sizeof(bytes));
		assert_true(n >= 0);
		written += (size_t)n;
		chain_run(&chain);
		while (chain.bob.flow[0] &&
		       (n = vif_flow_read(chain.bob.flow[0], bytes,
					  sizeof(bytes))) > 0)
			for (int64_t i = 0; i < n; i++, read++)
				assert_int_equal(bytes[i],
						 (uint8_t)(read * 31 >> 3));
		assert_int_equal(n, 0);
		chain_run(&chain);
		assert_true(chain.bob.end[1]->pool.bytes <= 400000);
	}
	assert_int_equal(chain.alice.end[1]->rx_held, 0);
	vif_flow_close(flow);
	vif_flow_close(chain.bob.flow[0]);
	chain_fini(&chain);
}

static void much_goes_through_equal_hops(void **state)
{
	(void)state;
	much_goes_through(0);
}

static void much_goes_through_a_narrow_hop(void **state)
{
	(void)state;
	much_goes_through(1024);
}

static void nobody_is_behind_a_key_without_route(void **state)
{
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = VIF_CIRCUIT_SEALED,
	};
	uint8_t secret[VIF_KEY_LEN] = { 9 }, key[VIF_KEY_LEN];
	struct vif_circuit *circuit;
	struct chain chain;

	(void)state;
	chain_make(&chain, 0);
	assert_int_equal(vif_key_public(secret, key), 0);
	config.remote = key;
	assert_int_equal(
		vif_circuit_dial(chain.alice.end[0], &config, &circuit), 0);
	chain_run(&chain);
	assert_true(rig_saw(&chain.alice, 0, VIF_CIRCUIT_CLOSED));
	assert_int_equal(vif_circuit_reason(circuit, NULL),
			 VIF_REASON_NO_ROUTE);
	chain_fini(&chain);
}

/* Only what the ends have sealed themselves goes beyond one hop. */
static void other_modes_are_not_relayed(void **state)
{
	struct vif_circuit_config config = { .size = sizeof(config) };
	struct vif_circuit *circuit;
	struct chain chain;

	(void)state;
	for (int mode = VIF_CIRCUIT_DERIVED; mode <= VIF_CIRCUIT_BOUND;
	     mode++) {
		chain_make(&chain, 0);
		config.mode = (enum vif_circuit_mode)mode;
		config.remote = chain.bob.key[0];
		assert_int_equal(
			vif_circuit_dial(chain.alice.end[0], &config, &circuit),
			0);
		chain_run(&chain);
		assert_int_equal(vif_circuit_reason(circuit, NULL),
				 VIF_REASON_NO_ROUTE);
		chain_fini(&chain);
	}
}

static void a_lost_trunk_ends_what_it_carried(void **state)
{
	struct vif_flow *flow;
	struct chain chain;
	char got[8];

	(void)state;
	chain_make(&chain, 0);
	chain_dial(&chain);
	assert_int_equal(vif_flow_open(chain.alice.circuit[0], NULL, &flow), 0);
	vif_trunk_receive_end(chain.bob.end[1]);
	chain_run(&chain);
	assert_int_equal(vif_circuit_reason(chain.alice.circuit[0], NULL),
			 VIF_REASON_RELAY_LOST);
	assert_int_equal(vif_flow_read(flow, got, sizeof(got)), -ECONNRESET);
	assert_true(vif_trunk_is_ready(chain.alice.end[0]));
	vif_flow_close(flow);
	chain_fini(&chain);
}

static void the_first_of_a_key_stays(void **state)
{
	struct chain chain;

	(void)state;
	chain_make(&chain, 0);
	assert_int_equal(vif_relay_route(chain.alice.end[1], chain.bob.key[0]),
			 -EEXIST);
	assert_int_equal(vif_relay_route(chain.bob.end[1], NULL), -EEXIST);
	assert_int_equal(vif_relay_route(chain.alice.end[0], NULL), -ENOENT);
	chain_fini(&chain);
}

static void routes_of_a_trunk_are_limited(void **state)
{
	struct chain chain;
	uint8_t key[VIF_KEY_LEN] = { 0 };

	(void)state;
	chain_make(&chain, 0);
	for (int i = 0; i < VIF_RELAY_ROUTES_MAX; i++) {
		key[0] = (uint8_t)i;
		assert_int_equal(vif_relay_route(chain.alice.end[1], key), 0);
	}
	key[1] = 1;
	assert_int_equal(vif_relay_route(chain.alice.end[1], key), -EDQUOT);
	vif_relay_remove(chain.alice.end[1]);
	chain_fini(&chain);
}

/* A reader that sleeps holds its hop limit, and nothing else. */
static void a_slow_end_slows_its_own_circuit(void **state)
{
	static uint8_t bytes[65536];
	struct vif_circuit *slow;
	struct vif_flow *flow, *other;
	struct vif_relay_stats stats;
	struct chain chain;
	int64_t n;
	char got[8];

	(void)state;
	chain_make(&chain, 0);
	chain_dial(&chain);
	slow = chain.alice.circuit[0];
	assert_int_equal(vif_flow_open(slow, NULL, &flow), 0);
	do {
		n = vif_flow_write(flow, bytes, sizeof(bytes));
		chain_run(&chain);
	} while (n > 0);
	vif_relay_stats(chain.relay, &stats);
	assert_true(stats.bytes_held <= 128 << 10);
	chain_dial(&chain);
	assert_int_equal(vif_flow_open(chain.alice.circuit[0], NULL, &other),
			 0);
	assert_int_equal(vif_flow_write(other, "quick", 6), 6);
	chain_run(&chain);
	assert_int_equal(vif_flow_read(chain.bob.flow[0], got, sizeof(got)), 6);
	vif_flow_close(flow);
	vif_flow_close(other);
	chain_fini(&chain);
}

static void pass_on(struct chain *chain, uint32_t len)
{
	const struct record_header header = { .type = RECORD_SEALED };
	struct vif_trunk *trunk = chain->alice.end[1];

	relay_receive(circuit_find(trunk, 1), &header, len);
}

/* As an end would take it amiss, and think that it was the relay. */
static void what_holds_no_frame_goes_no_further(void **state)
{
	const uint32_t len = FRAME_HEADER_LEN + RECORD_TAG_LEN;
	struct chain chain;

	(void)state;
	chain_make(&chain, 0);
	chain_dial(&chain);
	pass_on(&chain, len);
	assert_int_equal(vif_circuit_reason(chain.alice.circuit[0], NULL),
			 VIF_REASON_NONE);
	pass_on(&chain, len - 1);
	chain_run(&chain);
	assert_int_equal(vif_circuit_reason(chain.alice.circuit[0], NULL),
			 VIF_REASON_PROTOCOL);
	chain_fini(&chain);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_circuit_goes_through),
		cmocka_unit_test(a_circuit_goes_to_another_identity),
		cmocka_unit_test(much_goes_through_equal_hops),
		cmocka_unit_test(much_goes_through_a_narrow_hop),
		cmocka_unit_test(nobody_is_behind_a_key_without_route),
		cmocka_unit_test(other_modes_are_not_relayed),
		cmocka_unit_test(a_lost_trunk_ends_what_it_carried),
		cmocka_unit_test(the_first_of_a_key_stays),
		cmocka_unit_test(routes_of_a_trunk_are_limited),
		cmocka_unit_test(a_slow_end_slows_its_own_circuit),
		cmocka_unit_test(what_holds_no_frame_goes_no_further),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
