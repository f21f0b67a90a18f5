/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of Noise handshakes between two ends that mean well, some of which are
 * configured wrongly. Byte for byte against others: tests/trunk.
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

static const struct noise_rig_case xx = { NOISE_XX, NOISE_CHACHAPOLY, -1 };
static const struct noise_rig_case ik = { NOISE_IK, NOISE_AESGCM, 2 };

static void begin(struct noise_rig *rig, const struct noise_rig_case *c)
{
	noise_rig_init(rig, c);
	assert_int_equal(noise_rig_start(rig), 0);
}

static void assert_dead(struct noise_handshake *h)
{
	uint8_t byte = 0;
	size_t len;

	assert_int_equal(h->state, NOISE_DEAD);
	assert_false(noise_handshake_is_writing(h));
	assert_false(noise_handshake_is_done(h));
	assert_null(noise_handshake_hash(h));
	assert_null(noise_handshake_remote(h));
	assert_int_equal(noise_handshake_read(h, &byte, 1, &byte, 1, &len),
			 -EPROTO);
}

/* A message from one end to the other. */
static void pass(struct noise_rig *rig, unsigned int i)
{
	struct noise_handshake *writer = &rig->end[noise_rig_writer(i)];
	struct noise_handshake *reader = &rig->end[1 - noise_rig_writer(i)];
	const uint8_t want[] = { 'p', 'a', 'y', (uint8_t)i };
	struct noise_rig_message message;
	struct noise_rig_message payload;
	size_t overhead = noise_handshake_overhead(writer);

	assert_true(noise_handshake_is_writing(writer));
	assert_false(noise_handshake_is_writing(reader));
	assert_int_equal(noise_handshake_overhead(reader), overhead);
	assert_int_equal(noise_rig_write(rig, i, &message), 0);
	assert_int_equal(message.len, overhead + NOISE_RIG_PAYLOAD_LEN);
	assert_int_equal(noise_rig_read(rig, i, &message, &payload), 0);
	assert_int_equal(payload.len, sizeof(want));
	assert_memory_equal(payload.at, want, sizeof(want));
}

static void pass_all(struct noise_rig *rig)
{
	for (unsigned int i = 0; i < noise_rig_n_message(rig); i++) {
		assert_false(noise_handshake_is_done(&rig->end[0]));
		assert_false(noise_handshake_is_done(&rig->end[1]));
		assert_null(noise_handshake_hash(&rig->end[0]));
		pass(rig, i);
	}
	for (unsigned int i = 0; i < 2; i++) {
		assert_true(noise_handshake_is_done(&rig->end[i]));
		assert_false(noise_handshake_is_writing(&rig->end[i]));
	}
}

/* Two records one way. */
static void talk(struct noise_key *seal, struct noise_key *open)
{
	for (unsigned int i = 0; i < 2; i++) {
		uint8_t record[32 + NOISE_TAG_LEN];
		uint8_t plain[32];

		memset(plain, (int)i, sizeof(plain));
		memcpy(record, plain, sizeof(plain));
		assert_int_equal(
			noise_key_seal(seal, "aad", 3, record, 32, record), 0);
		assert_memory_not_equal(record, plain, sizeof(plain));
		assert_int_equal(
			noise_key_open(open, "aad", 3, record, 32, record), 0);
		assert_memory_equal(record, plain, sizeof(plain));
	}
}

static void split(struct noise_rig *rig)
{
	struct noise_key send[2];
	struct noise_key receive[2];
	uint8_t exporter[2][NOISE_KEY_LEN];

	for (unsigned int i = 0; i < 2; i++)
		assert_int_equal(noise_handshake_split(&rig->end[i], &send[i],
						       &receive[i],
						       exporter[i]),
				 0);
	assert_memory_equal(exporter[0], exporter[1], NOISE_KEY_LEN);
	for (unsigned int i = 0; i < 2; i++)
		talk(&send[i], &receive[1 - i]);
	for (unsigned int i = 0; i < 2; i++) {
		noise_key_fini(&send[i]);
		noise_key_fini(&receive[i]);
	}
}

static void check_remotes(const struct noise_rig *rig)
{
	const struct noise_rig_pattern *pattern =
		&noise_rig_patterns[rig->config[0].pattern];

	for (unsigned int i = 0; i < 2; i++) {
		const uint8_t *remote = noise_handshake_remote(&rig->end[i]);

		assert_int_equal(remote != NULL, pattern->has_static[1 - i]);
		if (remote)
			assert_memory_equal(remote, rig->pair[1 - i].public_key,
					    NOISE_KEY_LEN);
	}
}

static void both_ends_agree(void **state)
{
	struct noise_rig_case c = NOISE_RIG_FIRST;

	(void)state;
	do {
		struct noise_rig rig;

		print_message("%s, cipher %d, psk %d\n",
			      noise_rig_patterns[c.pattern].name, c.cipher,
			      c.psk_place);
		begin(&rig, &c);
		pass_all(&rig);
		split(&rig);
		check_remotes(&rig);
		assert_memory_equal(noise_handshake_hash(&rig.end[0]),
				    noise_handshake_hash(&rig.end[1]),
				    NOISE_HASH_LEN);
		noise_rig_fini(&rig);
	} while (noise_rig_next(&c));
}

/* The initiator of XX is known when its last message has been read. */
static void a_remote_is_known_in_time(void **state)
{
	struct noise_rig rig;

	(void)state;
	begin(&rig, &xx);
	pass(&rig, 0);
	assert_null(noise_handshake_remote(&rig.end[0]));
	assert_null(noise_handshake_remote(&rig.end[1]));
	pass(&rig, 1);
	assert_non_null(noise_handshake_remote(&rig.end[0]));
	assert_null(noise_handshake_remote(&rig.end[1]));
	pass(&rig, 2);
	assert_non_null(noise_handshake_remote(&rig.end[1]));
	noise_rig_fini(&rig);
}

/* Two runs with the same static keys have nothing else in common. */
static void each_handshake_has_its_own_hash(void **state)
{
	uint8_t hash[NOISE_HASH_LEN];
	struct noise_rig rig;

	(void)state;
	begin(&rig, &xx);
	pass_all(&rig);
	memcpy(hash, noise_handshake_hash(&rig.end[0]), sizeof(hash));
	rig.seed[0]++;
	assert_int_equal(noise_rig_start(&rig), 0);
	pass_all(&rig);
	assert_memory_not_equal(hash, noise_handshake_hash(&rig.end[0]),
				sizeof(hash));
	noise_rig_fini(&rig);
}

static void names_are_those_of_noise(void **state)
{
	struct noise_config config = { .pattern = NOISE_XX };
	char name[NOISE_NAME_SIZE];

	(void)state;
	assert_int_equal(noise_name(&config, name), 32);
	assert_string_equal(name, "Noise_XX_25519_ChaChaPoly_SHA256");
	config = (struct noise_config){ .pattern = NOISE_KK,
					.cipher = NOISE_AESGCM,
					.psk = noise_rig_psk,
					.psk_place = 2 };
	assert_int_equal(noise_name(&config, name), 32);
	assert_string_equal(name, "Noise_KKpsk2_25519_AESGCM_SHA256");
}

/* Ends that differ */

/* Changes the responder so that it is not what the initiator expects. */
typedef void spoil(struct noise_config *config);

static const uint8_t other_psk[NOISE_KEY_LEN] = "a secret that both ends hawe";
static uint8_t other_key[NOISE_KEY_LEN] = { 9 };

static void spoil_prologue(struct noise_config *config)
{
	config->prologue = "prologuf";
}

static void spoil_prologue_len(struct noise_config *config)
{
	config->prologue_len--;
}

static void spoil_psk(struct noise_config *config)
{
	config->psk = other_psk;
}

static void spoil_no_psk(struct noise_config *config)
{
	config->psk = NULL;
}

static void spoil_psk_place(struct noise_config *config)
{
	config->psk_place--;
}

static void spoil_cipher(struct noise_config *config)
{
	config->cipher = config->cipher == NOISE_AESGCM ? NOISE_CHACHAPOLY :
							  NOISE_AESGCM;
}

static void spoil_pattern(struct noise_config *config)
{
	config->pattern = NOISE_IX; /* it has a key for both */
}

static void spoil_remote(struct noise_config *config)
{
	config->remote = other_key;
}

/* In the order of the test. NOLINTNEXTLINE(*.performance.Padding) */
static const struct spoil_case {
	const char *what;
	struct noise_rig_case c;
	spoil *spoil;
	unsigned int end; /* which is spoilt */
} spoils[] = {
	{ "prologue", { NOISE_XX, NOISE_CHACHAPOLY, -1 }, spoil_prologue, 1 },
	{ "prologue", { NOISE_NN, NOISE_CHACHAPOLY, -1 }, spoil_prologue, 0 },
	{ "its length", { NOISE_XX, NOISE_AESGCM, -1 }, spoil_prologue_len, 1 },
	{ "psk at 0", { NOISE_XX, NOISE_CHACHAPOLY, 0 }, spoil_psk, 1 },
	{ "psk at 1", { NOISE_NN, NOISE_CHACHAPOLY, 1 }, spoil_psk, 1 },
	{ "psk at 2", { NOISE_IK, NOISE_AESGCM, 2 }, spoil_psk, 1 },
	{ "psk at 3", { NOISE_XX, NOISE_CHACHAPOLY, 3 }, spoil_psk, 1 },
	{ "no psk", { NOISE_XX, NOISE_CHACHAPOLY, 3 }, spoil_no_psk, 1 },
	{ "no psk", { NOISE_XX, NOISE_CHACHAPOLY, 3 }, spoil_no_psk, 0 },
	{ "its place", { NOISE_XX, NOISE_CHACHAPOLY, 3 }, spoil_psk_place, 1 },
	{ "cipher", { NOISE_XX, NOISE_CHACHAPOLY, -1 }, spoil_cipher, 1 },
	{ "pattern", { NOISE_XX, NOISE_CHACHAPOLY, -1 }, spoil_pattern, 1 },
	{ "pattern", { NOISE_XX, NOISE_CHACHAPOLY, -1 }, spoil_pattern, 0 },
	{ "pin of NK", { NOISE_NK, NOISE_CHACHAPOLY, -1 }, spoil_remote, 0 },
	{ "pin of XK", { NOISE_XK, NOISE_AESGCM, -1 }, spoil_remote, 0 },
	{ "pin of IK", { NOISE_IK, NOISE_CHACHAPOLY, -1 }, spoil_remote, 0 },
	{ "pin of KK", { NOISE_KK, NOISE_CHACHAPOLY, -1 }, spoil_remote, 0 },
	{ "pin of KK", { NOISE_KK, NOISE_AESGCM, -1 }, spoil_remote, 1 },
};

static void ends_that_differ_do_not_agree(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(spoils); i++) {
		const struct spoil_case *c = &spoils[i];
		struct noise_rig rig;

		print_message("%s: another %s\n",
			      noise_rig_patterns[c->c.pattern].name, c->what);
		noise_rig_init(&rig, &c->c);
		c->spoil(&rig.config[c->end]);
		assert_int_equal(noise_rig_start(&rig), 0);
		assert_int_equal(
			noise_rig_pass(&rig, 0, noise_rig_n_message(&rig)),
			-EBADMSG);
		assert_true(rig.end[0].state == NOISE_DEAD ||
			    rig.end[1].state == NOISE_DEAD);
		noise_rig_fini(&rig);
	}
}

/* Misuse, and limits */

static void a_pin_has_one_spelling(void **state)
{
	struct noise_rig rig;
	uint8_t key[NOISE_KEY_LEN];

	(void)state;
	noise_rig_init(&rig, &ik);
	memcpy(key, rig.pair[1].public_key, sizeof(key));
	key[31] |= 0x80;
	rig.config[0].remote = key;
	assert_int_equal(noise_rig_start(&rig), -EINVAL);
	assert_dead(&rig.end[0]);
	noise_rig_fini(&rig);
}

/* As the type is. NOLINTNEXTLINE(readability-non-const-parameter) */
static int no_random(void *user, uint8_t *ret_bytes, size_t len)
{
	(void)user;
	(void)ret_bytes;
	(void)len;
	return -EAGAIN;
}

static void without_randomness_nothing_is_written(void **state)
{
	static const uint8_t zero[NOISE_RIG_SIZE];
	struct noise_rig_message message;
	struct noise_rig rig;

	(void)state;
	noise_rig_init(&rig, &ik);
	rig.config[0].random = no_random;
	assert_int_equal(noise_rig_start(&rig), 0);
	memset(&message, 0x55, sizeof(message));
	assert_int_equal(noise_rig_write(&rig, 0, &message), -EAGAIN);
	assert_memory_equal(message.at, zero, 32 + 48 + 20);
	assert_dead(&rig.end[0]);
	noise_rig_fini(&rig);
}

static int count_random(void *user, uint8_t *ret_bytes, size_t len)
{
	(void)noise_rig_random(user, ret_bytes, len);
	return (int)len;
}

/* As getrandom() does; no key of zeros goes out then. */
static void randomness_may_be_counted(void **state)
{
	struct noise_rig rig;

	(void)state;
	noise_rig_init(&rig, &ik);
	for (unsigned int i = 0; i < 2; i++)
		rig.config[i].random = count_random;
	assert_int_equal(noise_rig_start(&rig), 0);
	pass_all(&rig);
	noise_rig_fini(&rig);
}

static void reading_out_of_turn_is_the_end(void **state)
{
	struct noise_rig_message message;
	struct noise_rig_message payload;
	struct noise_rig rig;

	(void)state;
	begin(&rig, &xx);
	assert_int_equal(noise_rig_write(&rig, 0, &message), 0);
	assert_int_equal(noise_rig_read(&rig, 0, &message, &payload), 0);
	/* It is the responder's turn. */
	assert_int_equal(noise_rig_read(&rig, 0, &message, &payload), -EPROTO);
	assert_dead(&rig.end[1]);
	/* An initiator that has not written. */
	assert_int_equal(noise_rig_start(&rig), 0);
	assert_int_equal(noise_rig_read(&rig, 1, &message, &payload), -EPROTO);
	assert_dead(&rig.end[0]);
	noise_rig_fini(&rig);
}

static void reading_after_the_end_is_the_end(void **state)
{
	struct noise_rig_message message = { .len = 100 };
	struct noise_rig_message payload;
	struct noise_rig rig;

	(void)state;
	begin(&rig, &ik);
	pass_all(&rig);
	for (unsigned int i = 0; i < 2; i++) {
		assert_int_equal(noise_rig_read(&rig, i, &message, &payload),
				 -EPROTO);
		assert_dead(&rig.end[1 - i]);
	}
	noise_rig_fini(&rig);
}

/* A first message of NN is 32 bytes, and the payload in clear. */
static void messages_have_a_longest(void **state)
{
	static uint8_t payload[NOISE_MESSAGE_LEN_MAX + 1];
	static uint8_t message[NOISE_MESSAGE_LEN_MAX + 1];
	const struct noise_rig_case nn = { NOISE_NN, NOISE_AESGCM, -1 };
	size_t most = NOISE_MESSAGE_LEN_MAX - 32;
	struct noise_rig rig;
	size_t len;

	(void)state;
	begin(&rig, &nn);
	assert_int_equal(noise_handshake_write(&rig.end[0], payload, most,
					       message, sizeof(message), &len),
			 0);
	assert_int_equal(len, NOISE_MESSAGE_LEN_MAX);
	assert_int_equal(noise_handshake_read(&rig.end[1], message, len,
					      payload, most, &len),
			 0);
	assert_int_equal(len, most);
	assert_int_equal(noise_handshake_write(&rig.end[1], payload,
					       NOISE_MESSAGE_LEN_MAX - 48,
					       message, sizeof(message), &len),
			 0);
	assert_int_equal(noise_handshake_read(&rig.end[0], message, len,
					      payload, sizeof(payload), &len),
			 0);
	assert_int_equal(len, NOISE_MESSAGE_LEN_MAX - 48);

	assert_int_equal(noise_rig_start(&rig), 0);
	assert_int_equal(noise_handshake_write(&rig.end[0], payload, most + 1,
					       message, sizeof(message), &len),
			 -EMSGSIZE);
	assert_dead(&rig.end[0]);
	assert_int_equal(noise_handshake_read(&rig.end[1], message,
					      sizeof(message), payload,
					      sizeof(payload), &len),
			 -EBADMSG);
	assert_dead(&rig.end[1]);
	noise_rig_fini(&rig);
}

static void a_buffer_may_fit_exactly(void **state)
{
	uint8_t message[100];
	uint8_t payload[20];
	struct noise_rig rig;
	size_t len;

	(void)state;
	begin(&rig, &xx);
	assert_int_equal(noise_handshake_write(&rig.end[0], "0123456789", 10,
					       message, 42, &len),
			 0);
	assert_int_equal(noise_handshake_read(&rig.end[1], message, len,
					      payload, 10, &len),
			 0);
	assert_int_equal(noise_rig_start(&rig), 0);
	assert_int_equal(noise_handshake_write(&rig.end[0], "0123456789", 10,
					       message, 42, &len),
			 0);
	assert_int_equal(noise_handshake_read(&rig.end[1], message, len,
					      payload, 9, &len),
			 -EMSGSIZE);
	assert_dead(&rig.end[1]);
	assert_int_equal(noise_rig_start(&rig), 0);
	assert_int_equal(noise_handshake_write(&rig.end[0], "0123456789", 10,
					       message, 41, &len),
			 -EMSGSIZE);
	assert_int_equal(noise_rig_start(&rig), 0);
	assert_int_equal(
		noise_handshake_write(&rig.end[0], NULL, 0, message, 31, &len),
		-EMSGSIZE);
	assert_dead(&rig.end[0]);
	noise_rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_agree),
		cmocka_unit_test(a_remote_is_known_in_time),
		cmocka_unit_test(each_handshake_has_its_own_hash),
		cmocka_unit_test(names_are_those_of_noise),
		cmocka_unit_test(ends_that_differ_do_not_agree),
		cmocka_unit_test(a_pin_has_one_spelling),
		cmocka_unit_test(without_randomness_nothing_is_written),
		cmocka_unit_test(randomness_may_be_counted),
		cmocka_unit_test(reading_out_of_turn_is_the_end),
		cmocka_unit_test(reading_after_the_end_is_the_end),
		cmocka_unit_test(messages_have_a_longest),
		cmocka_unit_test(a_buffer_may_fit_exactly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
