/* SPDX-License-Identifier: Apache-2.0 */
/* Promises of docs/design/trunk.md about circuits, one by one. */
#include "tests/trunk_attack.h"
#include "tests/trunk_rig.h"

#define SECOND_NS UINT64_C(1000000000)

/* Keys. */

/* Sends a frame with the sealed circuit's key, which has sealed n records. */
static struct hostile *after_records(uint64_t n)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_SEALED);
	struct seal *seal = &h->circuit->rx_seal;

	seal->first_record = seal->key.nonce - n;
	hostile_frame(h, FRAME_PAD, 0, 0, 0, NULL, 0);
	(void)hostile_circuit_record(h, 0, 1);
	assert_true(hostile_is_alive(h));
	return h;
}

/* What a cipher is good for, end to end as on a trunk. */
static void a_key_of_a_circuit_is_worn(void **state)
{
	struct hostile *h = after_records((1 << 23) - 1);

	(void)state;
	assert_int_equal(vif_circuit_reason(h->circuit, NULL), VIF_REASON_NONE);
	hostile_free(h);
	h = after_records(1 << 23);
	assert_true(
		hostile_heard_code(h, FRAME_TRUNK_SHUT, 1, VIF_REASON_SEAL));
	hostile_free(h);
}

/* S7: somebody who answers us with what is ours. */
static void reflect(enum vif_circuit_mode mode, bool is_pinned)
{
	struct rig rig;
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = mode,
	};

	rig_init(&rig);
	rig_start(&rig);
	config.identity = rig.secret[1];
	if (is_pinned)
		config.remote = rig.key[1];
	assert_int_equal(vif_circuit_dial(rig.end[0], &config, &rig.circuit[0]),
			 0);
	rig_run(&rig);
	assert_int_equal(vif_circuit_reason(rig.circuit[0], NULL),
			 VIF_REASON_IDENTITY);
	assert_false(rig_saw(&rig, 1, VIF_CIRCUIT_INCOMING));
	assert_true(vif_trunk_is_ready(rig.end[0]));
	rig_fini(&rig);
}

static void nobody_is_his_own_far_end(void **state)
{
	(void)state;
	for (int is_pinned = 0; is_pinned < 2; is_pinned++) {
		reflect(VIF_CIRCUIT_BOUND, is_pinned);
		reflect(VIF_CIRCUIT_SEALED, is_pinned);
	}
}

/* Exports. */

struct secret {
	uint8_t key[VIF_KEY_LEN];
};

static bool is_same(struct secret a, struct secret b)
{
	return memcmp(a.key, b.key, sizeof(a.key)) == 0;
}

static struct secret of_circuit(struct vif_circuit *circuit,
				const char *context)
{
	struct secret secret;

	assert_int_equal(vif_circuit_export(circuit, "label", context,
					    strlen(context), secret.key),
			 0);
	return secret;
}

static struct secret of_trunk(struct vif_trunk *trunk, const char *context)
{
	struct secret secret;

	assert_int_equal(vif_trunk_export(trunk, "label", context,
					  strlen(context), secret.key),
			 0);
	return secret;
}

/* Dialled alike, on the same trunk: nothing but their numbers differs. */
static void circuits_alike_have_exporters_of_their_own(void **state)
{
	struct vif_circuit *end[2][2];
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	for (int i = 0; i < 2; i++) {
		rig_dial(&rig, VIF_CIRCUIT_DERIVED);
		end[i][0] = rig.circuit[0];
		end[i][1] = rig.circuit[1];
		assert_true(is_same(of_circuit(end[i][0], ""),
				    of_circuit(end[i][1], "")));
	}
	assert_false(
		is_same(of_circuit(end[0][0], ""), of_circuit(end[1][0], "")));
	rig_fini(&rig);
}

static void a_context_makes_another_export(void **state)
{
	static const char *const contexts[] = { "", "one", "two", "tw" };
	const size_t n = ARRAY_LEN(contexts);
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig_start(&rig);
	rig_dial(&rig, VIF_CIRCUIT_SEALED);
	for (size_t i = 0; i < n; i++)
		for (size_t j = 0; j < n; j++) {
			assert_int_equal(
				is_same(of_trunk(rig.end[0], contexts[i]),
					of_trunk(rig.end[1], contexts[j])),
				i == j);
			assert_int_equal(
				is_same(of_circuit(rig.circuit[0], contexts[i]),
					of_circuit(rig.circuit[1],
						   contexts[j])),
				i == j);
		}
	rig_fini(&rig);
}

/* The end of a circuit. */

static void a_close_that_nobody_answers(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	struct vif_circuit *circuit = h->circuit;

	(void)state;
	assert_int_equal(vif_circuit_close(circuit, 0, NULL), 0);
	hostile_run(h);
	assert_int_equal(h->heard[FRAME_CLOSE].n, 1);
	hostile_advance(h, 20 * SECOND_NS - 1);
	assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 0);
	assert_int_equal(h->n_event[VIF_CIRCUIT_CLOSED], 0);
	hostile_advance(h, 1);
	assert_true(
		hostile_heard_code(h, FRAME_TRUNK_SHUT, 1, VIF_REASON_TIMEOUT));
	assert_int_equal(vif_circuit_reason(circuit, NULL), VIF_REASON_TIMEOUT);
	assert_int_equal(h->n_event[VIF_CIRCUIT_CLOSED], 1);
	assert_true(hostile_is_alive(h));
	hostile_free(h);
}

/* We have said that it is over, but what was written is not out yet. */
static void no_flow_is_taken_while_it_closes(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	struct vif_flow *flow;

	(void)state;
	h->is_deaf = true;
	assert_int_equal(vif_flow_open(h->circuit, NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "x", 1), 1);
	assert_int_equal(vif_circuit_close(h->circuit, 0, NULL), 0);
	(void)hostile_data(h, 1, FRAME_DATA_OPEN, 1, 0, 1);
	assert_int_equal(h->n_event[VIF_FLOW_INCOMING], 0);
	assert_int_equal(h->trunk->stats.refused_flows, 1);
	h->is_deaf = false;
	hostile_run(h);
	assert_true(hostile_heard_code(h, FRAME_RESET, 1, VIF_REASON_REFUSED));
	assert_true(hostile_heard_code(h, FRAME_STOP, 1, VIF_REASON_REFUSED));
	assert_int_equal(h->data_bytes, 1);
	assert_int_equal(h->heard[FRAME_CLOSE].n, 1);
	hostile_free(h);
}

/* The order of sending. */

enum {
	HEAVY_BYTES = 1 << 20,
};

static struct vif_circuit *with_weight(struct rig *rig, uint32_t weight)
{
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.weight = weight,
	};
	struct vif_circuit *circuit;

	assert_int_equal(vif_circuit_dial(rig->end[0], &config, &circuit), 0);
	rig_run(rig);
	return circuit;
}

static void write_much(struct vif_circuit *circuit)
{
	static const uint8_t bytes[HEAVY_BYTES];
	struct vif_flow *flow;

	assert_int_equal(vif_flow_open(circuit, NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, bytes, sizeof(bytes)),
			 sizeof(bytes));
}

static uint64_t sent_by(const struct vif_circuit *circuit)
{
	struct vif_circuit_stats stats;

	vif_circuit_stats(circuit, &stats);
	return stats.tx_payload;
}

/* As it was dialled: one with the default, one with four times that. */
static void weight_is_share(void **state)
{
	struct vif_circuit *light, *heavy;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig.config[0].flow_send_max = HEAVY_BYTES;
	rig.config[1].circuits_max = 4;
	rig.config[1].circuit_window = HEAVY_BYTES;
	rig.config[1].flow_window = HEAVY_BYTES;
	rig_start(&rig);
	light = with_weight(&rig, 0);
	heavy = with_weight(&rig, 4 * VIF_WEIGHT_DEFAULT);
	write_much(light);
	write_much(heavy);
	while (sent_by(heavy) < HEAVY_BYTES / 2)
		assert_true(rig_move(&rig, 0) > 0);
	/* But for the turn that one of them is in. */
	assert_in_range(4 * sent_by(light), sent_by(heavy) - 80000,
			sent_by(heavy) + 80000);
	rig_fini(&rig);
}

/* V10: what is small and written together goes together. */
static void small_writes_share_a_record(void **state)
{
	struct hostile *h = hostile_with_circuit(VIF_CIRCUIT_DERIVED);
	struct vif_flow *flow[8];
	unsigned int before = h->n_records;

	(void)state;
	for (int i = 0; i < 8; i++) {
		assert_int_equal(vif_flow_open(h->circuit, NULL, &flow[i]), 0);
		assert_int_equal(vif_flow_write(flow[i], "one", 3), 3);
		assert_int_equal(vif_flow_write(flow[i], "two", 3), 3);
	}
	hostile_run(h);
	assert_int_equal(h->heard[FRAME_DATA].n, 8);
	assert_int_equal(h->data_bytes, 8 * 6);
	assert_int_equal(h->n_records, before + 1);
	/* And so when all of them are known. */
	for (int i = 0; i < 8; i++)
		assert_int_equal(vif_flow_write(flow[i], "three", 5), 5);
	hostile_run(h);
	assert_int_equal(h->heard[FRAME_DATA].n, 16);
	assert_int_equal(h->n_records, before + 2);
	hostile_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_key_of_a_circuit_is_worn),
		cmocka_unit_test(nobody_is_his_own_far_end),
		cmocka_unit_test(circuits_alike_have_exporters_of_their_own),
		cmocka_unit_test(a_context_makes_another_export),
		cmocka_unit_test(a_close_that_nobody_answers),
		cmocka_unit_test(no_flow_is_taken_while_it_closes),
		cmocka_unit_test(weight_is_share),
		cmocka_unit_test(small_writes_share_a_record),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
