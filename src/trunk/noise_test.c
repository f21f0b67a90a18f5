/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of Noise handshakes between two ends that mean well, or are
 * configured differently. Against other implementations: tests/trunk.
 */
#include "trunk/noise.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/noise_rig.h"

static void init(struct noise_rig *rig, const struct noise_rig_case *c)
{
	print_message("%s, cipher %d, psk %d\n",
		      noise_rig_patterns[c->pattern].name, c->cipher,
		      c->psk_place);
	noise_rig_init(rig, c);
}

/* A message from one end to the other, with a payload of its own. */
static void pass(struct noise_rig *rig, unsigned int i)
{
	struct noise_handshake *writer = &rig->end[noise_rig_writer(i)];
	struct noise_handshake *reader = &rig->end[1 - noise_rig_writer(i)];
	char payload[] = "payload 0";
	uint8_t message[NOISE_RIG_SIZE];
	char got[sizeof(payload)];
	size_t len;
	size_t overhead = noise_handshake_overhead(writer);

	payload[8] = (char)('0' + i);
	assert_true(noise_handshake_is_writing(writer));
	assert_false(noise_handshake_is_writing(reader));
	assert_int_equal(noise_handshake_overhead(reader), overhead);
	assert_int_equal(noise_handshake_write(writer, payload, sizeof(payload),
					       message, sizeof(message), &len),
			 0);
	assert_int_equal(len, overhead + sizeof(payload));
	assert_int_equal(noise_handshake_read(reader, message, len, got,
					      sizeof(got), &len),
			 0);
	assert_int_equal(len, sizeof(payload));
	assert_memory_equal(got, payload, sizeof(payload));
}

static void pass_all(struct noise_rig *rig)
{
	unsigned int n = noise_rig_patterns[rig->config[0].pattern].n_message;

	for (unsigned int i = 0; i < n; i++) {
		assert_false(noise_handshake_is_done(&rig->end[0]));
		assert_null(noise_handshake_hash(&rig->end[0]));
		pass(rig, i);
	}
	for (unsigned int i = 0; i < 2; i++) {
		assert_true(noise_handshake_is_done(&rig->end[i]));
		assert_false(noise_handshake_is_writing(&rig->end[i]));
	}
}

/* A record each way, twice. */
static void talk(struct noise_key *seal, struct noise_key *open)
{
	for (unsigned int i = 0; i < 2; i++) {
		uint8_t record[32 + NOISE_TAG_LEN];

		memset(record, (int)i, 32);
		assert_int_equal(
			noise_key_seal(seal, "aad", 3, record, 32, record), 0);
		assert_int_equal(
			noise_key_open(open, "aad", 3, record, 32, record), 0);
		assert_int_equal(record[31], i);
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

static void check_remotes(struct noise_rig *rig)
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

		init(&rig, &c);
		assert_int_equal(noise_rig_start(&rig), 0);
		pass_all(&rig);
		split(&rig);
		check_remotes(&rig);
		assert_memory_equal(noise_handshake_hash(&rig.end[0]),
				    noise_handshake_hash(&rig.end[1]),
				    NOISE_HASH_LEN);
		noise_rig_fini(&rig);
	} while (noise_rig_next(&c));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_ends_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
