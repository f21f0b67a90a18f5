/* SPDX-License-Identifier: Apache-2.0 */
/* C10: timers of a trunk a nanosecond before their time, at it, and behind it. */
#include "tests/trunk_attack.h"

#define SECOND_NS UINT64_C(1000000000)

static const int64_t around[] = { -1, 0, 1 };

/* Handshake. */

static void check_handshake(struct hostile *h, int64_t off)
{
	hostile_advance(h, 5 * SECOND_NS + (uint64_t)off);
	assert_int_equal(h->n_event[VIF_TRUNK_CLOSED], off >= 0);
	assert_int_equal(vif_trunk_reason(h->trunk, NULL),
			 off < 0 ? VIF_REASON_NONE : VIF_REASON_TIMEOUT);
}

static void nothing_comes(enum vif_trunk_role role, int64_t off)
{
	struct hostile *h = hostile_new(role);

	assert_int_equal(
		vif_trunk_new(role, &h->config, h->now_ns, &h->trunk, NULL), 0);
	h->is_deaf = true; /* there are no keys */
	check_handshake(h, off);
	hostile_free(h);
}

/* The peer has the keys, and says READY in time, or never. */
static void ready_does_not_come(enum vif_trunk_role role, int64_t off)
{
	struct hostile *h = hostile_new(role);

	hostile_shake_hands(h);
	check_handshake(h, off);
	assert_int_equal(h->heard[FRAME_TRUNK_CLOSE].n, off >= 0);
	(void)hostile_control(h, FRAME_TRUNK_READY, 0, 0, NULL, 0);
	assert_int_equal(vif_trunk_is_ready(h->trunk), off < 0);
	/* That was that: it is no matter any more. */
	hostile_advance(h, 2);
	assert_int_equal(vif_trunk_is_ready(h->trunk), off < 0);
	hostile_free(h);
}

static void handshake(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(around); i++) {
		nothing_comes(VIF_TRUNK_DIALER, around[i]);
		nothing_comes(VIF_TRUNK_ACCEPTER, around[i]);
		ready_does_not_come(VIF_TRUNK_DIALER, around[i]);
		ready_does_not_come(VIF_TRUNK_ACCEPTER, around[i]);
	}
}

/* Health. */

static struct hostile *ready(void)
{
	struct hostile *h = hostile_new(VIF_TRUNK_ACCEPTER);

	hostile_start(h);
	return h;
}

static void the_question(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(around); i++) {
		struct hostile *h = ready();

		hostile_advance(h, 15 * SECOND_NS + (uint64_t)around[i]);
		assert_int_equal(h->heard[FRAME_TRUNK_PING].n, around[i] >= 0);
		hostile_free(h);
	}
}

static void the_end_of_patience(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(around); i++) {
		struct hostile *h = ready();

		hostile_advance(h, 15 * SECOND_NS);
		hostile_advance(h, 15 * SECOND_NS + (uint64_t)around[i]);
		assert_int_equal(vif_trunk_reason(h->trunk, NULL),
				 around[i] < 0 ? VIF_REASON_NONE :
						 VIF_REASON_HEALTH);
		assert_int_equal(h->heard[FRAME_TRUNK_CLOSE].n, around[i] >= 0);
		assert_int_equal(h->heard[FRAME_TRUNK_PING].n, 1);
		hostile_free(h);
	}
}

/* In the last nanosecond; it counts from there. */
static void a_sign_of_life(void **state)
{
	struct hostile *h = ready();

	(void)state;
	hostile_advance(h, 15 * SECOND_NS);
	hostile_advance(h, 15 * SECOND_NS - 1);
	(void)hostile_control(h, FRAME_TRUNK_PONG, 0,
			      h->heard[FRAME_TRUNK_PING].header.value, NULL, 0);
	hostile_advance(h, 15 * SECOND_NS - 1);
	assert_int_equal(h->heard[FRAME_TRUNK_PING].n, 1);
	hostile_advance(h, 1);
	assert_int_equal(h->heard[FRAME_TRUNK_PING].n, 2);
	hostile_advance(h, 15 * SECOND_NS - 1);
	assert_true(vif_trunk_is_ready(h->trunk));
	hostile_advance(h, 1);
	assert_int_equal(vif_trunk_reason(h->trunk, NULL), VIF_REASON_HEALTH);
	hostile_free(h);
}

/* A machine that slept asks before it gives up, however long it was. */
static void a_jump(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(around); i++) {
		struct hostile *h = ready();

		hostile_advance(h, 30 * SECOND_NS + (uint64_t)around[i]);
		assert_true(vif_trunk_is_ready(h->trunk));
		assert_int_equal(h->heard[FRAME_TRUNK_PING].n, 1);
		hostile_advance(h, 15 * SECOND_NS - 1);
		assert_true(vif_trunk_is_ready(h->trunk));
		hostile_advance(h, 1);
		assert_int_equal(vif_trunk_reason(h->trunk, NULL),
				 VIF_REASON_HEALTH);
		hostile_free(h);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(handshake),
		cmocka_unit_test(the_question),
		cmocka_unit_test(the_end_of_patience),
		cmocka_unit_test(a_sign_of_life),
		cmocka_unit_test(a_jump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
