/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reading Noise messages that somebody in between has changed or made up.
 *
 * The input is a pattern, a cipher with the place of a psk, and for each
 * message what is done to it: nothing, a byte changed, another length, or other
 * bytes. Where all messages arrived as they were sent, both ends are done and
 * agree; where one did not, they never do.
 */
#include <errno.h>
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/noise_rig.h"

enum fuzz_noise_deed {
	DEED_NOTHING,
	DEED_FLIP,    /* offset, and what is XORed to the byte there */
	DEED_LENGTH,  /* what is too much is 0 */
	DEED_REPLACE, /* length, and bytes */
	DEEDS
};

struct input {
	const uint8_t *at;
	size_t left;
};

/* Bytes that are not there are 0. */
static uint8_t take(struct input *input)
{
	if (input->left == 0)
		return 0;
	input->left--;
	return *input->at++;
}

static size_t take_size(struct input *input)
{
	size_t high = take(input);

	return (high << 8 | take(input)) % (NOISE_RIG_SIZE + 1);
}

static void replace(struct input *input, struct noise_rig_message *message)
{
	message->len = take_size(input);
	for (size_t i = 0; i < message->len; i++)
		message->at[i] = take(input);
}

static void flip(struct input *input, struct noise_rig_message *message)
{
	size_t offset = take_size(input);
	uint8_t mask = take(input);

	if (message->len > 0)
		message->at[offset % message->len] ^= mask;
}

static void change(struct input *input, struct noise_rig_message *message)
{
	switch (take(input) % DEEDS) {
	case DEED_FLIP:
		flip(input, message);
		break;
	case DEED_LENGTH:
		message->len = take_size(input);
		break;
	case DEED_REPLACE:
		replace(input, message);
		break;
	default:
		break;
	}
}

static bool same(const struct noise_rig_message *a,
		 const struct noise_rig_message *b)
{
	return a->len == b->len && memcmp(a->at, b->at, a->len) == 0;
}

/* Reads the message in a block of its size, so that nothing is read behind. */
static int read_exactly(struct noise_rig *rig, unsigned int i,
			const struct noise_rig_message *message)
{
	struct noise_handshake *reader = &rig->end[1 - noise_rig_writer(i)];
	uint8_t *bytes = malloc(message->len > 0 ? message->len : 1);
	size_t overhead = noise_handshake_overhead(reader);
	size_t size = message->len > overhead ? message->len - overhead : 0;
	uint8_t *payload = malloc(size > 0 ? size : 1);
	size_t len = 0;
	int r;

	require(bytes && payload);
	memcpy(bytes, message->at, message->len);
	r = noise_handshake_read(reader, bytes, message->len, payload, size,
				 &len);
	if (r < 0)
		require(r == -EBADMSG && reader->state == NOISE_DEAD);
	else
		require(len == size);
	free(payload);
	free(bytes);
	return r;
}

/* Whether message i arrived at all; ret_intact stays unless it was changed. */
static bool pass(struct noise_rig *rig, unsigned int i, struct input *input,
		 bool *ret_intact)
{
	struct noise_rig_message sent = { .len = 0 };
	struct noise_rig_message got;
	int r = noise_rig_write(rig, i, &sent);

	/* A key that was changed into a point of low order. */
	if (r < 0) {
		require(r == -EBADMSG && !*ret_intact);
		return false;
	}
	got = sent;
	change(input, &got);
	if (!same(&sent, &got))
		*ret_intact = false;
	return read_exactly(rig, i, &got) == 0;
}

static void check_end(const struct noise_rig *rig, bool arrived, bool intact)
{
	bool done = noise_handshake_is_done(&rig->end[0]) &&
		    noise_handshake_is_done(&rig->end[1]);

	require(done == intact && arrived == intact);
	if (done)
		require(memcmp(noise_handshake_hash(&rig->end[0]),
			       noise_handshake_hash(&rig->end[1]),
			       NOISE_HASH_LEN) == 0);
}

static struct noise_rig_case take_case(struct input *input)
{
	struct noise_rig_case c = {
		.pattern = (enum noise_pattern)(take(input) % NOISE_PATTERNS),
	};
	unsigned int more = take(input);
	unsigned int n_place = noise_rig_patterns[c.pattern].n_message + 2;

	c.cipher = (enum noise_cipher)(more % NOISE_CIPHERS);
	c.psk_place = (int)(more / NOISE_CIPHERS % n_place) - 1;
	return c;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input = { data, size };
	struct noise_rig_case c = take_case(&input);
	bool arrived = true;
	bool intact = true;
	struct noise_rig rig;

	noise_rig_init(&rig, &c);
	require(noise_rig_start(&rig) == 0);
	for (unsigned int i = 0; i < noise_rig_n_message(&rig) && arrived; i++)
		arrived = pass(&rig, i, &input, &intact);
	check_end(&rig, arrived, intact);
	noise_rig_fini(&rig);
	return 0;
}
