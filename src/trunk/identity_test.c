/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of circuits to, and from, identities that are not their trunk's. */
#include "trunk/core.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/trunk_hostile_open.h"
#include "tests/trunk_rig.h"

struct person {
	uint8_t secret[VIF_KEY_LEN];
	uint8_t key[VIF_KEY_LEN];
};

static struct person person(uint8_t name)
{
	struct person person;

	memset(person.secret, name, sizeof(person.secret));
	assert_int_equal(vif_key_public(person.secret, person.key), 0);
	return person;
}

/* The accepter is all of them, besides itself. */
static void start(struct rig *rig, const struct person *person, int n)
{
	rig_start(rig);
	for (int i = 0; i < n; i++)
		assert_int_equal(
			vif_trunk_add_identity(rig->end[1], person[i].secret),
			0);
}

static void dial(struct rig *rig, enum vif_circuit_mode mode,
		 const struct person *from, const struct person *to)
{
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = mode,
		.identity = from ? from->secret : NULL,
		.remote = to->key,
	};

	rig->circuit[1] = NULL;
	assert_int_equal(
		vif_circuit_dial(rig->end[0], &config, &rig->circuit[0]), 0);
	rig_run(rig);
}

static void check_open(struct rig *rig, const uint8_t *from, const uint8_t *to)
{
	uint8_t secret[2][VIF_KEY_LEN];
	struct vif_flow *flow;
	char got[8];

	assert_non_null(rig->circuit[1]);
	assert_memory_equal(vif_circuit_local(rig->circuit[0]), from,
			    VIF_KEY_LEN);
	assert_memory_equal(vif_circuit_remote(rig->circuit[0]), to,
			    VIF_KEY_LEN);
	assert_memory_equal(vif_circuit_local(rig->circuit[1]), to,
			    VIF_KEY_LEN);
	assert_memory_equal(vif_circuit_remote(rig->circuit[1]), from,
			    VIF_KEY_LEN);
	for (int i = 0; i < 2; i++)
		assert_int_equal(vif_circuit_export(rig->circuit[i], "test",
						    NULL, 0, secret[i]),
				 0);
	assert_memory_equal(secret[0], secret[1], VIF_KEY_LEN);
	assert_int_equal(vif_flow_open(rig->circuit[0], NULL, &flow), 0);
	assert_int_equal(vif_flow_write(flow, "hello", 5), 5);
	rig_run(rig);
	assert_int_equal(vif_flow_read(rig->flow[1], got, sizeof(got)), 5);
}

static void each_key_has_its_owner(void **state)
{
	const struct person to[] = { person('a'), person('b'), person('c') };
	const struct person from = person('d');
	struct rig rig;

	(void)state;
	rig_init(&rig);
	start(&rig, to, ARRAY_LEN(to));
	for (size_t i = 0; i < ARRAY_LEN(to); i++) {
		dial(&rig, VIF_CIRCUIT_SEALED, NULL, &to[i]);
		check_open(&rig, rig.key[0], to[i].key);
		dial(&rig, VIF_CIRCUIT_BOUND, &from, &to[i]);
		check_open(&rig, from.key, to[i].key);
	}
	/* The trunk's own is still there. */
	rig_dial(&rig, VIF_CIRCUIT_SEALED);
	check_open(&rig, rig.key[0], rig.key[1]);
	rig_dial(&rig, VIF_CIRCUIT_DERIVED);
	check_open(&rig, rig.key[0], rig.key[1]);
	rig_fini(&rig);
}

/* It has to be a trunk, but not one of a person. */
static void a_dialer_without_identity_can_be_dialled(void **state)
{
	const struct person from = person('a'), to = person('b');
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = VIF_CIRCUIT_SEALED,
		.identity = from.secret,
		.remote = to.key,
	};
	struct vif_circuit *circuit;
	struct rig rig;

	(void)state;
	rig_init(&rig);
	rig.config[0].identity = NULL;
	rig.config[0].remote = rig.key[1];
	rig.config[1].allow_anonymous = true;
	rig_start(&rig);
	assert_int_equal(vif_trunk_add_identity(rig.end[0], to.secret), 0);
	assert_int_equal(vif_circuit_dial(rig.end[1], &config, &circuit), 0);
	rig_run(&rig);
	assert_memory_equal(vif_circuit_local(rig.circuit[0]), to.key,
			    VIF_KEY_LEN);
	assert_memory_equal(vif_circuit_remote(circuit), to.key, VIF_KEY_LEN);
	rig_fini(&rig);
}

static void what_can_be_added(void **state)
{
	struct person other = person(1);
	struct rig rig;

	(void)state;
	rig_init(&rig);
	start(&rig, &other, 1);
	assert_int_equal(vif_trunk_add_identity(rig.end[1], other.secret),
			 -EEXIST);
	assert_int_equal(vif_trunk_add_identity(rig.end[1], rig.secret[1]),
			 -EEXIST);
	for (uint8_t i = 2; i <= VIF_CIRCUIT_IDENTITIES_MAX; i++) {
		other = person(i);
		assert_int_equal(
			vif_trunk_add_identity(rig.end[1], other.secret), 0);
	}
	other = person(VIF_CIRCUIT_IDENTITIES_MAX + 1);
	assert_int_equal(vif_trunk_add_identity(rig.end[1], other.secret),
			 -EDQUOT);
	vif_trunk_abort(rig.end[1], 0, NULL);
	assert_int_equal(vif_trunk_add_identity(rig.end[1], other.secret),
			 -ECONNABORTED);
	rig_fini(&rig);
}

/* What is not told apart. */

static bool nobody_is_welcome(void *user, const uint8_t key[VIF_KEY_LEN])
{
	(void)user, (void)key;
	return false;
}

enum {
	UNKNOWN,
	HERE,
	NOT_LISTENING,
	NOT_WELCOME,
};

/* The SHUT that an OPEN gets, which has to be the same for all. */
static void check_refused(struct hostile *h, const void *body, size_t len)
{
	static const uint8_t no_text[4] = { 0, 0, 0, VIF_REASON_NO_ROUTE };
	const struct heard *shut = &h->heard[FRAME_TRUNK_SHUT];

	(void)hostile_control(h, FRAME_TRUNK_OPEN, 1, hostile_hop(1 << 20),
			      body, len);
	assert_int_equal(h->heard[FRAME_TRUNK_ACCEPT].n, 0);
	assert_int_equal(shut->n, 1);
	assert_int_equal(shut->header.id, 1);
	assert_int_equal(shut->header.len, sizeof(no_text));
	assert_memory_equal(shut->body, no_text, sizeof(no_text));
	assert_int_equal(h->n_event[VIF_CIRCUIT_INCOMING], 0);
	assert_int_equal(h->n_event[VIF_CIRCUIT_CLOSED], 0);
	assert_int_equal(h->trunk->n_handshakes, 0);
	assert_int_equal(h->trunk->n_circuits, 0);
	assert_true(hostile_is_alive(h));
}

static struct hostile *stranger(int what, const struct person *to)
{
	struct hostile *h = malloc(sizeof(*h));

	assert_non_null(h);
	hostile_init(h, VIF_TRUNK_ACCEPTER);
	hostile_start(h);
	if (what != UNKNOWN)
		assert_int_equal(vif_trunk_add_identity(h->trunk, to->secret),
				 0);
	if (what == NOT_LISTENING)
		assert_int_equal(vif_trunk_listen(h->trunk, false), 0);
	if (what == NOT_WELCOME)
		h->trunk->config.authorize = nobody_is_welcome;
	return h;
}

/* OPEN with a first message of IK; returns its length. */
static size_t open_to(struct hostile *h, enum vif_circuit_mode mode,
		      const struct person *to, uint8_t *body)
{
	struct noise_handshake noise = { 0 };
	size_t len = hostile_open_to(h, mode, to->key, &noise, body);

	noise_handshake_fini(&noise);
	return len;
}

static void forget_stranger(struct hostile *h)
{
	hostile_fini(h);
	free(h);
}

static void refused_alike(int what, enum vif_circuit_mode mode)
{
	const struct person to = person('a');
	struct hostile *h = stranger(what, &to);
	uint8_t body[CORE_OPEN_MAX];

	check_refused(h, body, open_to(h, mode, &to, body));
	forget_stranger(h);
}

static void an_unknown_key_is_as_one_that_is_not_told(void **state)
{
	(void)state;
	for (int mode = VIF_CIRCUIT_BOUND; mode <= VIF_CIRCUIT_SEALED; mode++) {
		refused_alike(UNKNOWN, (enum vif_circuit_mode)mode);
		refused_alike(NOT_LISTENING, (enum vif_circuit_mode)mode);
		refused_alike(NOT_WELCOME, (enum vif_circuit_mode)mode);
	}
	/* Which has the trunk's identity, and no other. */
	refused_alike(UNKNOWN, VIF_CIRCUIT_DERIVED);
	refused_alike(HERE, VIF_CIRCUIT_DERIVED);
}

/* The message above is one that would be taken. */
static void a_stranger_who_is_welcome_gets_in(void **state)
{
	const struct person to = person('a');
	struct hostile *h = stranger(HERE, &to);
	uint8_t body[CORE_OPEN_MAX];
	size_t len = open_to(h, VIF_CIRCUIT_SEALED, &to, body);

	(void)state;
	(void)hostile_control(h, FRAME_TRUNK_OPEN, 1, hostile_hop(1 << 20),
			      body, len);
	assert_int_equal(h->heard[FRAME_TRUNK_ACCEPT].n, 1);
	assert_int_equal(h->heard[FRAME_TRUNK_SHUT].n, 0);
	forget_stranger(h);
}

/* Each byte of the first message, and messages of other lengths. */
static void a_wrong_proof_is_as_an_unknown_key(void **state)
{
	const struct person to = person('a');
	size_t len = CORE_OPEN_FIXED + 1;

	(void)state;
	for (size_t at = CORE_OPEN_FIXED; at < len; at++) {
		struct hostile *h = stranger(HERE, &to);
		uint8_t body[CORE_OPEN_MAX];

		len = open_to(h, VIF_CIRCUIT_SEALED, &to, body);
		body[at] ^= 1;
		check_refused(h, body, len);
		forget_stranger(h);
	}
	for (size_t less = 1; less <= len - CORE_OPEN_FIXED; less++) {
		struct hostile *h = stranger(HERE, &to);
		uint8_t body[CORE_OPEN_MAX];

		len = open_to(h, VIF_CIRCUIT_SEALED, &to, body);
		check_refused(h, body, len - less);
		forget_stranger(h);
	}
}

/* For one identity, sent to another one. */
static void a_proof_is_for_one_key(void **state)
{
	const struct person to = person('a'), other = person('b');
	struct hostile *h = stranger(HERE, &to);
	uint8_t body[CORE_OPEN_MAX];
	size_t len;

	(void)state;
	assert_int_equal(vif_trunk_add_identity(h->trunk, other.secret), 0);
	len = open_to(h, VIF_CIRCUIT_SEALED, &to, body);
	memcpy(body + 16, other.key, VIF_KEY_LEN);
	check_refused(h, body, len);
	forget_stranger(h);
}

/* XX says who it is before it knows whom it talks to. */
static void xx_finds_nobody(void **state)
{
	const struct person to = person('a');

	(void)state;
	for (int what = UNKNOWN; what <= HERE; what++) {
		struct hostile *h = stranger(what, &to);
		uint8_t body[CORE_OPEN_MAX] = { 0 };
		size_t len = hostile_open_body(h, VIF_CIRCUIT_SEALED, body);

		memcpy(body + 16, to.key, VIF_KEY_LEN);
		body[len] = 9; /* a point */
		check_refused(h, body, len + VIF_KEY_LEN);
		forget_stranger(h);
	}
}

/* The order of what is checked tells nothing either. */
static void a_bad_hop_is_told_alike(void **state)
{
	const struct person to = person('a');

	(void)state;
	for (int what = UNKNOWN; what <= HERE; what++) {
		struct hostile *h = stranger(what, &to);
		uint8_t body[CORE_OPEN_MAX];
		size_t len = open_to(h, VIF_CIRCUIT_BOUND, &to, body);

		(void)hostile_control(h, FRAME_TRUNK_OPEN, 1, 0, body, len);
		assert_true(hostile_heard_code(h, FRAME_TRUNK_SHUT, 1,
					       VIF_REASON_PROTOCOL));
		forget_stranger(h);
	}
}

/* What a circuit that has ended brought is not read, and holds all memory. */
static struct hostile *full_stranger(int what, const struct person *to)
{
	struct hostile *h = malloc(sizeof(*h));

	assert_non_null(h);
	hostile_init(h, VIF_TRUNK_ACCEPTER);
	h->config.circuits_max = 2;
	h->config.circuit_window = h->config.flow_window = 65536;
	h->config.window = 2 * 65536;
	hostile_start(h);
	if (what != UNKNOWN)
		assert_int_equal(vif_trunk_add_identity(h->trunk, to->secret),
				 0);
	hostile_open(h, 1, VIF_CIRCUIT_DERIVED);
	for (uint64_t at = 0; at < 4 * 16000; at += 16000)
		(void)hostile_data(h, 1, at == 0 ? FRAME_DATA_OPEN : 0, 1, at,
				   16000);
	hostile_code_frame(h, FRAME_TRUNK_SHUT, 1, 0, VIF_REASON_PROGRAM);
	(void)hostile_record(h, RECORD_CONTROL, 0, 0);
	return h;
}

static enum vif_reason refused_when_full(int what, bool has_proof)
{
	const struct person to = person('a');
	struct hostile *h = full_stranger(what, &to);
	const struct heard *shut = &h->heard[FRAME_TRUNK_SHUT];
	uint8_t body[CORE_OPEN_MAX];
	size_t len = open_to(h, VIF_CIRCUIT_SEALED, &to, body);
	enum vif_reason reason;

	if (!has_proof)
		body[len - 1] ^= 1;
	(void)hostile_control(h, FRAME_TRUNK_OPEN, 3, hostile_hop(1 << 20),
			      body, len);
	assert_int_equal(h->heard[FRAME_TRUNK_ACCEPT].n, 1); /* the first */
	assert_int_equal(shut->n, 1);
	assert_int_equal(shut->header.id, 3);
	reason = (enum vif_reason)get_be32(shut->body);
	forget_stranger(h);
	return reason;
}

static void full_memory_is_told_only_to_who_is_welcome(void **state)
{
	(void)state;
	assert_int_equal(refused_when_full(UNKNOWN, true), VIF_REASON_NO_ROUTE);
	assert_int_equal(refused_when_full(HERE, false), VIF_REASON_NO_ROUTE);
	assert_int_equal(refused_when_full(HERE, true), VIF_REASON_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_key_has_its_owner),
		cmocka_unit_test(a_dialer_without_identity_can_be_dialled),
		cmocka_unit_test(what_can_be_added),
		cmocka_unit_test(an_unknown_key_is_as_one_that_is_not_told),
		cmocka_unit_test(a_stranger_who_is_welcome_gets_in),
		cmocka_unit_test(a_wrong_proof_is_as_an_unknown_key),
		cmocka_unit_test(a_proof_is_for_one_key),
		cmocka_unit_test(xx_finds_nobody),
		cmocka_unit_test(a_bad_hop_is_told_alike),
		cmocka_unit_test(full_memory_is_told_only_to_who_is_welcome),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
