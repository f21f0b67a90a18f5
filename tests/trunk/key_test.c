/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that change, and numbers of records that are never used twice.
 *
 * Linked with --wrap, so that each key that is set and each record that is
 * sealed is seen.
 */
#include "trunk/core.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/trunk_rig.h"
#include "trunk/noise/aead.h"

#define SECOND_NS UINT64_C(1000000000)

/* S5: what was sealed with, so far. */

enum {
	MONITOR_CONTEXTS = 256,
	MONITOR_SIZE = 1 << 18,
};

struct use {
	uint8_t key[NOISE_KEY_LEN];
	uint64_t nonce;
	bool is_there;
};

static struct {
	struct {
		const EVP_CIPHER_CTX *ctx;
		uint8_t key[NOISE_KEY_LEN];
	} context[MONITOR_CONTEXTS];
	unsigned int n_contexts;
	struct use use[MONITOR_SIZE];
	unsigned int n_uses, n_keys, n_repeated;
} monitor;

int __real_noise_aead_key(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
			  enum noise_direction direction,
			  const uint8_t secret[NOISE_KEY_LEN]);
int __wrap_noise_aead_key(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
			  enum noise_direction direction,
			  const uint8_t secret[NOISE_KEY_LEN]);
int __real_noise_aead_seal(const struct noise_aead *aead, const uint8_t *from,
			   size_t len, uint8_t *to);
int __wrap_noise_aead_seal(const struct noise_aead *aead, const uint8_t *from,
			   size_t len, uint8_t *to);

static unsigned int context_of(const EVP_CIPHER_CTX *ctx)
{
	for (unsigned int i = 0; i < monitor.n_contexts; i++)
		if (monitor.context[i].ctx == ctx)
			return i;
	assert_true(monitor.n_contexts < MONITOR_CONTEXTS);
	monitor.context[monitor.n_contexts].ctx = ctx;
	return monitor.n_contexts++;
}

int __wrap_noise_aead_key(EVP_CIPHER_CTX *ctx, const EVP_CIPHER *cipher,
			  enum noise_direction direction,
			  const uint8_t secret[NOISE_KEY_LEN])
{
	memcpy(monitor.context[context_of(ctx)].key, secret, NOISE_KEY_LEN);
	monitor.n_keys++;
	return __real_noise_aead_key(ctx, cipher, direction, secret);
}

static void remember(const uint8_t *key, uint64_t nonce)
{
	uint64_t at;

	memcpy(&at, key, sizeof(at));
	at += nonce;
	for (;; at++) {
		struct use *use = &monitor.use[at % MONITOR_SIZE];

		if (!use->is_there) {
			memcpy(use->key, key, NOISE_KEY_LEN);
			use->nonce = nonce;
			use->is_there = true;
			break;
		}
		if (use->nonce == nonce &&
		    memcmp(use->key, key, NOISE_KEY_LEN) == 0) {
			monitor.n_repeated++;
			return;
		}
	}
	assert_true(++monitor.n_uses < MONITOR_SIZE / 2);
}

int __wrap_noise_aead_seal(const struct noise_aead *aead, const uint8_t *from,
			   size_t len, uint8_t *to)
{
	remember(monitor.context[context_of(aead->ctx)].key, aead->nonce);
	return __real_noise_aead_seal(aead, from, len, to);
}

static int forget_all(void **state)
{
	(void)state;
	memset(&monitor, 0, sizeof(monitor));
	return 0;
}

static void the_monitor_notices(void **state)
{
	static const uint8_t secret[NOISE_KEY_LEN] = "any";
	struct noise_crypto crypto;
	struct noise_key key;
	uint8_t out[NOISE_TAG_LEN];

	(void)state;
	assert_int_equal(noise_crypto_init(&crypto), 0);
	assert_int_equal(noise_key_init(&key, &crypto, NOISE_CHACHAPOLY,
					NOISE_SEAL, secret),
			 0);
	for (int i = 0; i < 2; i++)
		assert_int_equal(noise_key_seal(&key, NULL, 0, NULL, 0, out),
				 0);
	assert_int_equal(monitor.n_repeated, 0);
	key.nonce--;
	assert_int_equal(noise_key_seal(&key, NULL, 0, NULL, 0, out), 0);
	assert_int_equal(monitor.n_repeated, 1);
	noise_key_fini(&key);
	noise_crypto_fini(&crypto);
}

/* S6 */

struct wire {
	struct vif_flow *flow[2];
	uint64_t written[2], read[2]; /* by who wrote it, by who reads */
};

static uint8_t byte_at(uint64_t i, int side)
{
	return (uint8_t)(i * 31 + (i >> 8) + (uint64_t)side);
}

static void write_some(struct wire *wire, int side, size_t len)
{
	uint8_t bytes[4096];
	int64_t n;

	for (size_t i = 0; i < len; i++)
		bytes[i] = byte_at(wire->written[side] + i, side);
	n = vif_flow_write(wire->flow[side], bytes, len);
	assert_true(n >= 0);
	wire->written[side] += (uint64_t)n;
}

static void read_all(struct wire *wire, int side)
{
	uint8_t bytes[4096];
	int64_t n;

	if (!wire->flow[side])
		return;
	while ((n = vif_flow_read(wire->flow[side], bytes, sizeof(bytes))) > 0)
		for (int64_t i = 0; i < n; i++)
			assert_int_equal(bytes[i],
					 byte_at(wire->read[side]++, 1 - side));
	assert_int_equal(n, 0);
}

static void start(struct rig *rig, struct wire *wire,
		  enum vif_circuit_mode mode)
{
	*wire = (struct wire){ 0 };
	rig_start(rig);
	rig_dial(rig, mode);
	assert_int_equal(vif_flow_open(rig->circuit[0], NULL, &wire->flow[0]),
			 0);
	write_some(wire, 0, 1);
	rig_run(rig);
	wire->flow[1] = rig->flow[1];
	assert_non_null(wire->flow[1]);
}

static void check_whole(const struct wire *wire)
{
	for (int side = 0; side < 2; side++)
		assert_int_equal(wire->read[1 - side], wire->written[side]);
}

static void keys_change_each_3_records(void **state)
{
	(void)state;
	for (int only_chacha = 0; only_chacha < 2; only_chacha++) {
		struct rig rig;
		struct wire wire;
		uint64_t before;

		rig_init(&rig);
		for (int i = 0; i < 2; i++) {
			rig.config[i].rekey_records = 3;
			rig.config[i].only_chacha = only_chacha;
		}
		start(&rig, &wire, VIF_CIRCUIT_SEALED);
		before = rig.end[0]->stats.rekeys;
		for (int step = 0; step < 300; step++) {
			uint8_t random[4];

			(void)rig_random(&rig, random, sizeof(random));
			for (int side = 0; side < 2; side++)
				if (random[side] & 1)
					write_some(&wire, side,
						   1 + random[2 + side] * 16u);
			rig_advance(&rig, 10 * SECOND_NS);
			rig_run(&rig);
			read_all(&wire, 0);
			read_all(&wire, 1);
			rig_run(&rig);
		}
		check_whole(&wire);
		assert_true(wire.written[0] > 100000 &&
			    wire.written[1] > 100000);
		/* Of the hop, and of the circuit, both ways. */
		assert_true(rig.end[0]->stats.rekeys > before + 100);
		assert_true(rig.circuit[0]->stats.rekeys > 100);
		assert_true(rig.circuit[0]->tx_seal.n_key > 30);
		assert_true(rig.circuit[0]->rx_seal.n_key > 30);
		assert_int_equal(rig.circuit[0]->tx_seal.n_key,
				 rig.circuit[1]->rx_seal.n_key);
		assert_int_equal(rig.end[0]->tx_seal.n_key,
				 rig.end[1]->rx_seal.n_key);
		rig_fini(&rig);
	}
	/* S5 */
	assert_int_equal(monitor.n_repeated, 0);
	assert_true(monitor.n_uses > 2000 && monitor.n_keys > 500);
}

/* The reader sleeps for hours, with both windows full and keys growing old. */
static void keys_change_while_blocked(void **state)
{
	struct rig rig;
	struct wire wire;
	uint64_t n_key;

	(void)state;
	rig_init(&rig);
	start(&rig, &wire, VIF_CIRCUIT_SEALED);
	for (int i = 0; i < 100; i++)
		for (int side = 0; side < 2; side++)
			write_some(&wire, side, 4096);
	rig_run(&rig);
	n_key = rig.circuit[0]->tx_seal.n_key;
	for (int i = 0; i < 3; i++) {
		/* In steps, as somebody has to answer that he is there. */
		for (int k = 0; k < 400; k++) {
			rig_advance(&rig, 10 * SECOND_NS);
			rig_run(&rig);
		}
		assert_int_equal(rig.circuit[0]->tx_seal.n_key, n_key + 1);
		assert_int_equal(rig.end[1]->tx_seal.n_key, n_key + 1);
		n_key++;
	}
	while (wire.read[0] < wire.written[1] ||
	       wire.read[1] < wire.written[0]) {
		uint64_t before = wire.read[0] + wire.read[1];

		read_all(&wire, 0);
		read_all(&wire, 1);
		rig_run(&rig);
		assert_true(wire.read[0] + wire.read[1] > before);
	}
	check_whole(&wire);
	assert_int_equal(monitor.n_repeated, 0);
	rig_fini(&rig);
}

/* What a program asks for is more than any receiver allows. */
static void nobody_can_ask_for_a_flood_of_keys(void **state)
{
	struct rig rig;
	struct wire wire;
	uint64_t n_key;

	(void)state;
	rig_init(&rig);
	rig.config[0].rekey_records = 1;
	rig.config[0].rekey_bytes = 1;
	rig.config[0].rekey_ns = 1;
	start(&rig, &wire, VIF_CIRCUIT_SEALED);
	n_key = rig.end[0]->tx_seal.n_key;
	for (int i = 0; i < 1000; i++) { /* of 100 ms */
		write_some(&wire, 0, 1);
		rig_advance(&rig, SECOND_NS / 10);
		rig_run(&rig);
		read_all(&wire, 1);
		/* It does not wake up in vain. */
		assert_true(vif_trunk_deadline(rig.end[0]) > rig.now_ns);
	}
	assert_true(vif_trunk_is_ready(rig.end[1]));
	check_whole(&wire);
	assert_int_equal(rig.end[0]->tx_seal.n_key, n_key + 50);
	assert_int_equal(rig.circuit[0]->tx_seal.n_key, 50);
	rig_fini(&rig);
}

/* Half a minute of it comes at once, to somebody who was stopped. */
static void a_reader_may_have_been_stopped(void **state)
{
	static uint8_t late[1 << 20];
	size_t len = 0;
	struct rig rig;
	struct wire wire;

	(void)state;
	rig_init(&rig);
	rig.config[0].rekey_records = 1;
	for (int i = 0; i < 2; i++)
		rig.config[i].health_ns = UINT64_MAX;
	start(&rig, &wire, VIF_CIRCUIT_SEALED);
	for (int i = 0; i < 31; i++) {
		int64_t n;

		write_some(&wire, 0, 1);
		rig.now_ns += SECOND_NS;
		vif_trunk_advance(rig.end[0], rig.now_ns);
		assert_true(sizeof(late) - len >= VIF_TRUNK_SEND_MIN);
		n = vif_trunk_send(rig.end[0], late + len, sizeof(late) - len);
		assert_true(n > 0);
		len += (size_t)n;
	}
	rig_advance(&rig, 0);
	assert_int_equal(vif_trunk_receive(rig.end[1], late, len), 0);
	rig_run(&rig);
	read_all(&wire, 1);
	check_whole(&wire);
	assert_int_equal(rig.circuit[1]->rx_seal.n_key, 15);
	rig_fini(&rig);
}

static void more_records_than_a_key_is_good_for(void **state)
{
	struct vif_error error;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig.config[0].rekey_records = (1 << 22) + 1;
	assert_int_equal(vif_trunk_new(VIF_TRUNK_DIALER, &rig.config[0], 0,
				       &rig.end[0], &error),
			 -EINVAL);
	assert_non_null(strstr(error.why, "rekey_records"));
}

/* Circuits of the same age change their keys at the same time. */
static void keys_of_many_circuits_change_at_once(void **state)
{
	enum { N = 30 };
	struct vif_circuit *circuit[N];
	struct rig rig;

	(void)state;
	rig_init(&rig);
	for (int i = 0; i < 2; i++)
		rig.config[i].health_ns = UINT64_MAX;
	rig_start(&rig);
	for (int i = 0; i < N; i++) {
		rig_dial(&rig, VIF_CIRCUIT_SEALED);
		circuit[i] = rig.circuit[0];
	}
	rig_advance(&rig, 3600 * SECOND_NS);
	rig_run(&rig);
	for (int i = 0; i < N; i++) {
		assert_int_equal(circuit[i]->tx_seal.n_key, 1);
		assert_int_equal(circuit[i]->rx_seal.n_key, 1);
	}
	assert_true(vif_trunk_is_ready(rig.end[0]));
	assert_true(vif_trunk_is_ready(rig.end[1]));
	rig_fini(&rig);
}

static void no_record_beyond_the_last_of_a_key(void **state)
{
	struct rig rig;
	struct wire wire;
	uint64_t before;

	(void)state;
	rig_init(&rig);
	start(&rig, &wire, VIF_CIRCUIT_DERIVED);
	/* As if so many had come already, and the sender had not rekeyed. */
	rig.end[1]->rx_seal.first_record =
		rig.end[1]->rx_seal.key.nonce - (SEAL_RECORDS_MAX - 10);
	before = rig.end[1]->stats.rx_records;
	for (int i = 0; i < 20 && vif_trunk_is_ready(rig.end[1]); i++) {
		write_some(&wire, 0, 1);
		rig_run(&rig);
	}
	/* The eleventh was one too many. */
	assert_int_equal(rig.end[1]->stats.rx_records, before + 11);
	assert_int_equal(vif_trunk_reason(rig.end[1], NULL), VIF_REASON_SEAL);
	rig_fini(&rig);
}

/* A child has the same keys, and the same numbers. */

static int in_child(struct rig *rig)
{
	static uint8_t bytes[VIF_TRUNK_SEND_MIN];
	struct vif_circuit *circuit;
	struct vif_flow *flow;
	struct vif_trunk *trunk = rig->end[0];
	unsigned int uses = monitor.n_uses;

	return vif_trunk_send(trunk, bytes, sizeof(bytes)) == -EOWNERDEAD &&
	       vif_trunk_receive(trunk, bytes, 1) == -EOWNERDEAD &&
	       vif_trunk_listen(trunk, false) == -EOWNERDEAD &&
	       vif_trunk_drain(trunk) == -EOWNERDEAD &&
	       vif_trunk_close(trunk, 0, NULL) == -EOWNERDEAD &&
	       vif_circuit_dial(trunk, NULL, &circuit) == -EOWNERDEAD &&
	       vif_flow_open(rig->circuit[0], NULL, &flow) == -EOWNERDEAD &&
	       monitor.n_uses == uses;
}

static bool circuit_is_dead(struct vif_circuit *circuit)
{
	uint8_t key[VIF_KEY_LEN];

	return vif_circuit_accept(circuit) == -EOWNERDEAD &&
	       vif_circuit_listen(circuit, false) == -EOWNERDEAD &&
	       vif_circuit_close(circuit, 0, NULL) == -EOWNERDEAD &&
	       vif_circuit_export(circuit, "", NULL, 0, key) == -EOWNERDEAD &&
	       vif_trunk_export(circuit->trunk, "", NULL, 0, key) ==
		       -EOWNERDEAD;
}

/* All in flow.h that return an error, of streams. */
static bool flow_is_dead(struct vif_flow *flow)
{
	uint8_t bytes[1] = { 0 };
	struct iovec piece;
	void *room;
	size_t len;

	return vif_flow_write(flow, bytes, 1) == -EOWNERDEAD &&
	       vif_flow_reserve(flow, &room, &len) == -EOWNERDEAD &&
	       vif_flow_commit(flow, 1) == -EOWNERDEAD &&
	       vif_flow_finish(flow) == -EOWNERDEAD &&
	       vif_flow_reset(flow, 0) == -EOWNERDEAD &&
	       vif_flow_stop(flow, 0) == -EOWNERDEAD &&
	       vif_flow_read(flow, bytes, 1) == -EOWNERDEAD &&
	       vif_flow_peek(flow, &piece, 1) == -EOWNERDEAD &&
	       vif_flow_consume(flow, 0) == -EOWNERDEAD;
}

static bool lane_is_dead(struct vif_flow *lane)
{
	uint8_t bytes[1500] = { 0 };
	struct iovec seg = { bytes, 100 };
	struct vif_packet packet = { .seg = &seg, .n_seg = 1, .len = 100 };

	return vif_flow_send_packet(lane, &packet) == -EOWNERDEAD &&
	       vif_flow_receive_packet(lane, bytes, sizeof(bytes), &seg,
				       &packet) == -EOWNERDEAD;
}

/* What returns nothing does nothing that anybody could see. */
static bool is_given_back(struct rig *rig, struct wire *wire)
{
	vif_flow_close(wire->flow[0]);
	vif_circuit_abort(rig->circuit[0], 0, NULL);
	rig_fini(rig);
	return true;
}

static void a_child_uses_nothing(void **state)
{
	struct rig rig;
	struct wire wire;
	struct vif_flow_config lane_config = {
		.size = sizeof(lane_config),
		.packets = true,
	};
	struct vif_flow *lane;
	unsigned int uses;
	int status;
	pid_t pid;

	(void)state;
	rig_init(&rig);
	start(&rig, &wire, VIF_CIRCUIT_SEALED);
	assert_int_equal(vif_flow_open(rig.circuit[0], &lane_config, &lane), 0);
	write_some(&wire, 0, 100);
	uses = monitor.n_uses;
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		bool is_dead = in_child(&rig) &&
			       circuit_is_dead(rig.circuit[0]) &&
			       flow_is_dead(wire.flow[0]) &&
			       lane_is_dead(lane) && is_given_back(&rig, &wire);

		_exit(is_dead && monitor.n_uses == uses ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	/* It is still the parent's. */
	rig_run(&rig);
	read_all(&wire, 1);
	check_whole(&wire);
	rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_monitor_notices, forget_all),
		cmocka_unit_test_setup(keys_change_each_3_records, forget_all),
		cmocka_unit_test_setup(keys_change_while_blocked, forget_all),
		cmocka_unit_test_setup(nobody_can_ask_for_a_flood_of_keys,
				       forget_all),
		cmocka_unit_test_setup(a_reader_may_have_been_stopped,
				       forget_all),
		cmocka_unit_test_setup(more_records_than_a_key_is_good_for,
				       forget_all),
		cmocka_unit_test_setup(keys_of_many_circuits_change_at_once,
				       forget_all),
		cmocka_unit_test_setup(no_record_beyond_the_last_of_a_key,
				       forget_all),
		cmocka_unit_test_setup(a_child_uses_nothing, forget_all),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
