/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Noise handshakes with somebody in between who changes the messages, and with
 * peers that lie.
 *
 * What is not encrypted yet can be changed without being noticed at once, but
 * then the next message does not open: no handshake ends well for both.
 *
 * VIF_TEST_SCALE=small flips one bit of each byte.
 */
#include "trunk/noise/noise.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/noise_rig.h"

/* One of each pattern, and what a psk adds. */
static const struct noise_rig_case cases[] = {
	{ NOISE_NN, NOISE_CHACHAPOLY, -1 }, { NOISE_NK, NOISE_AESGCM, -1 },
	{ NOISE_NX, NOISE_CHACHAPOLY, -1 }, { NOISE_XK, NOISE_AESGCM, -1 },
	{ NOISE_XX, NOISE_CHACHAPOLY, -1 }, { NOISE_KK, NOISE_AESGCM, -1 },
	{ NOISE_IK, NOISE_CHACHAPOLY, -1 }, { NOISE_IX, NOISE_AESGCM, -1 },
	{ NOISE_XX, NOISE_AESGCM, 3 },      { NOISE_IK, NOISE_CHACHAPOLY, 2 },
	{ NOISE_KK, NOISE_CHACHAPOLY, 0 },
};

static void announce(const struct noise_rig_case *c)
{
	print_message("%s, cipher %d, psk %d\n",
		      noise_rig_patterns[c->pattern].name, c->cipher,
		      c->psk_place);
}

/* Begins, and goes on until message i is written. */
static void write_up_to(struct noise_rig *rig, unsigned int i,
			struct noise_rig_message *ret_message)
{
	assert_int_equal(noise_rig_start(rig), 0);
	assert_int_equal(noise_rig_pass(rig, 0, i), 0);
	assert_int_equal(noise_rig_write(rig, i, ret_message), 0);
}

/*
 * Reads message i, which somebody has changed, and goes on. It must fail here,
 * or, if this message was not authentic yet, at the one after it.
 */
static void must_fail(struct noise_rig *rig, unsigned int i,
		      const struct noise_rig_message *message)
{
	struct noise_rig_message payload;
	unsigned int last = noise_rig_n_message(rig) - 1;
	int r = noise_rig_read(rig, i, message, &payload);

	if (r == 0) {
		assert_int_not_equal(i, last);
		r = noise_rig_pass(rig, i + 1, i + 2);
	}
	assert_int_equal(r, -EBADMSG);
	assert_true(rig->end[0].state == NOISE_DEAD ||
		    rig->end[1].state == NOISE_DEAD);
}

static unsigned int bit_step(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes it */
	const char *scale = getenv("VIF_TEST_SCALE");

	return scale && strcmp(scale, "small") == 0 ? 7 : 1;
}

static void flip_bits(struct noise_rig *rig, unsigned int i)
{
	struct noise_rig_message message;
	size_t n = 1;

	for (size_t bit = 0; bit < n; bit += bit_step()) {
		write_up_to(rig, i, &message);
		n = 8 * message.len;
		message.at[bit / 8] ^= (uint8_t)(1 << bit % 8);
		must_fail(rig, i, &message);
	}
	assert_true(n > 1);
}

static void no_bit_may_flip(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct noise_rig rig;

		announce(&cases[i]);
		noise_rig_init(&rig, &cases[i]);
		for (unsigned int j = 0; j < noise_rig_n_message(&rig); j++)
			flip_bits(&rig, j);
		noise_rig_fini(&rig);
	}
}

/* Every shorter length, and some longer ones. */
static void change_length(struct noise_rig *rig, unsigned int i)
{
	struct noise_rig_message message;
	size_t right;

	write_up_to(rig, i, &message);
	right = message.len;
	for (size_t len = 0; len < right + 20; len++) {
		if (len == right)
			continue;
		memset(&message, 0, sizeof(message));
		write_up_to(rig, i, &message);
		message.len = len;
		must_fail(rig, i, &message);
	}
}

static void lengths_are_exact(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct noise_rig rig;

		announce(&cases[i]);
		noise_rig_init(&rig, &cases[i]);
		for (unsigned int j = 0; j < noise_rig_n_message(&rig); j++)
			change_length(&rig, j);
		noise_rig_fini(&rig);
	}
}

/* All messages of a handshake, from another run with other ephemeral keys. */
static void record(struct noise_rig *rig, struct noise_rig_message *ret_message)
{
	struct noise_rig_message payload;

	assert_int_equal(noise_rig_start(rig), 0);
	for (unsigned int i = 0; i < noise_rig_n_message(rig); i++) {
		assert_int_equal(noise_rig_write(rig, i, &ret_message[i]), 0);
		assert_int_equal(
			noise_rig_read(rig, i, &ret_message[i], &payload), 0);
	}
}

/* In place of message i, one of the recorded ones. */
static void replay(struct noise_rig *rig, unsigned int i,
		   const struct noise_rig_message *old)
{
	struct noise_rig_message message;

	write_up_to(rig, i, &message);
	must_fail(rig, i, old);
}

static void messages_of_another_run_do_not_fit(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct noise_rig_message old[3];
		struct noise_rig rig;

		announce(&cases[i]);
		noise_rig_init(&rig, &cases[i]);
		record(&rig, old);
		rig.seed[0]++;
		rig.seed[1]++;
		for (unsigned int j = 0; j < noise_rig_n_message(&rig); j++)
			for (unsigned int k = 0; k < noise_rig_n_message(&rig);
			     k++)
				replay(&rig, j, &old[k]);
		noise_rig_fini(&rig);
	}
}

/* What an end wrote comes back to it. */
static void reflection_fails(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct noise_rig_message message;
		struct noise_rig_message payload;
		struct noise_rig rig;

		announce(&cases[i]);
		noise_rig_init(&rig, &cases[i]);
		write_up_to(&rig, 0, &message);
		assert_int_equal(noise_handshake_read(&rig.end[0], message.at,
						      message.len, payload.at,
						      sizeof(payload.at),
						      &payload.len),
				 -EBADMSG);
		assert_int_equal(rig.end[0].state, NOISE_DEAD);
		noise_rig_fini(&rig);
	}
}

/* Keys that decide a secret alone, or that have another spelling. */
static const uint8_t bad_points[][NOISE_KEY_LEN] = {
	{ 0 },
	{ 1 },
	{ 0xe0, 0xeb, 0x7a, 0x7c, 0x3b, 0x41, 0xb8, 0xae, 0x16, 0x56, 0xe3,
	  0xfa, 0xf1, 0x9f, 0xc4, 0x6a, 0xda, 0x09, 0x8d, 0xeb, 0x9c, 0x32,
	  0xb1, 0xfd, 0x86, 0x62, 0x05, 0x16, 0x5f, 0x49, 0xb8, 0x00 },
	{ [0] = 0xec, [1 ... 30] = 0xff, [31] = 0x7f }, /* p - 1 */
	{ [0] = 0xed, [1 ... 30] = 0xff, [31] = 0x7f }, /* p */
	{ [0] = 0xf6, [1 ... 30] = 0xff, [31] = 0x7f }, /* p + 9 */
	{ [0] = 9, [31] = 0x80 },                       /* a top bit */
};

/*
 * The peer sends the point as its ephemeral key. A message with nothing but an
 * ephemeral key mixes it in, and the answer cannot be made.
 */
static void ephemeral_points_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct noise_rig rig;

		noise_rig_init(&rig, &cases[i]);
		for (size_t j = 0; j < 2 * ARRAY_LEN(bad_points); j++) {
			struct noise_rig_message message;

			write_up_to(&rig, j % 2, &message);
			memcpy(message.at, bad_points[j / 2], NOISE_KEY_LEN);
			must_fail(&rig, j % 2, &message);
		}
		noise_rig_fini(&rig);
	}
}

/* The peer's static key is the point, and it knows all other secrets. */
static void static_points_are_checked(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad_points); i++) {
		const struct noise_rig_case c = { NOISE_XX, NOISE_AESGCM, -1 };
		struct noise_rig_message message;
		struct noise_rig_message payload;
		struct noise_rig rig;

		noise_rig_init(&rig, &c);
		memcpy(rig.pair[0].public_key, bad_points[i], NOISE_KEY_LEN);
		write_up_to(&rig, 2, &message);
		assert_int_equal(noise_rig_read(&rig, 2, &message, &payload),
				 -EBADMSG);
		assert_null(noise_handshake_remote(&rig.end[1]));
		noise_rig_fini(&rig);
	}
}

static void must_refuse(struct noise_rig *rig, unsigned int i,
			const struct noise_rig_message *message)
{
	struct noise_rig_message payload;

	assert_int_equal(noise_rig_read(rig, i, message, &payload), -EBADMSG);
	assert_int_equal(rig->end[1].state, NOISE_DEAD);
}

/*
 * The peer spells its own key in another way, which the curve takes for the
 * same. It is refused at once, also where it is not used yet, so that nobody is
 * told that this is the peer.
 */
static void static_keys_have_one_spelling(void **state)
{
	static const struct {
		struct noise_rig_case c;
		unsigned int message;
	} sent[] = {
		{ { NOISE_XX, NOISE_CHACHAPOLY, -1 }, 2 },
		{ { NOISE_IX, NOISE_CHACHAPOLY, -1 }, 0 }, /* in clear */
		{ { NOISE_IX, NOISE_AESGCM, 0 }, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(sent); i++) {
		struct noise_rig_message message;
		struct noise_rig rig;

		announce(&sent[i].c);
		noise_rig_init(&rig, &sent[i].c);
		rig.pair[0].public_key[NOISE_KEY_LEN - 1] |= 0x80;
		write_up_to(&rig, sent[i].message, &message);
		must_refuse(&rig, sent[i].message, &message);
		noise_rig_fini(&rig);
	}
}

static void ephemeral_keys_have_one_spelling(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct noise_rig_message message;
		struct noise_rig rig;

		announce(&cases[i]);
		noise_rig_init(&rig, &cases[i]);
		write_up_to(&rig, 0, &message);
		message.at[NOISE_KEY_LEN - 1] |= 0x80;
		must_refuse(&rig, 0, &message);
		noise_rig_fini(&rig);
	}
}

/* A pin that is of low order, so that anybody could answer. */
static void a_pin_of_low_order_is_of_no_use(void **state)
{
	const struct noise_rig_case c = { NOISE_NK, NOISE_CHACHAPOLY, -1 };
	struct noise_rig_message message;
	struct noise_rig rig;

	(void)state;
	noise_rig_init(&rig, &c);
	rig.config[0].remote = bad_points[2];
	assert_int_equal(noise_rig_start(&rig), 0);
	assert_int_equal(noise_rig_write(&rig, 0, &message), -EBADMSG);
	assert_int_equal(rig.end[0].state, NOISE_DEAD);
	noise_rig_fini(&rig);
}

/* What could not be opened is not shown. */
static void a_failed_read_leaves_no_payload(void **state)
{
	static const uint8_t zero[NOISE_RIG_PAYLOAD_LEN];
	const struct noise_rig_case c = { NOISE_IK, NOISE_CHACHAPOLY, -1 };
	struct noise_rig_message message;
	struct noise_rig_message payload;
	struct noise_rig rig;

	(void)state;
	noise_rig_init(&rig, &c);
	write_up_to(&rig, 1, &message);
	message.at[message.len - 1] ^= 1;
	memset(&payload, 0x55, sizeof(payload));
	assert_int_equal(noise_rig_read(&rig, 1, &message, &payload), -EBADMSG);
	assert_memory_equal(payload.at, zero, sizeof(zero));
	assert_int_equal(payload.at[sizeof(zero)], 0x55);
	noise_rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_bit_may_flip),
		cmocka_unit_test(lengths_are_exact),
		cmocka_unit_test(messages_of_another_run_do_not_fit),
		cmocka_unit_test(reflection_fails),
		cmocka_unit_test(ephemeral_points_are_checked),
		cmocka_unit_test(static_points_are_checked),
		cmocka_unit_test(ephemeral_keys_have_one_spelling),
		cmocka_unit_test(static_keys_have_one_spelling),
		cmocka_unit_test(a_pin_of_low_order_is_of_no_use),
		cmocka_unit_test(a_failed_read_leaves_no_payload),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
