/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session whose other side, or who is in between, says anything (Z5).
 *
 * The first byte is who reads it: the setup (3 bits), the role (8), and whether
 * both have AES (16). The rest is what comes on the connection. Keys and
 * randomness are the same in each run, so that what an honest other side would
 * have sent is known, and an input may begin with it; an input of nothing but
 * the first byte stands for all of that.
 *
 * A session that says it is done has read that, to the byte: nothing else is
 * authentic. One that has failed says why, and has nothing more to write but an
 * accepter's answer to a dialer with which it has nothing in common.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "tests/session_rig.h"

enum fuzz_session_numbers {
	SETUP_BITS = 7,
	ROLE_BIT = 8,
	AES_BIT = 16,
	VARIANTS = 32,
};

struct play {
	struct session_rig rig;
	unsigned int role; /* of who is under test */
};

/* What each variant's honest sides write; made when it is needed. */
static struct session_rig_stream honest[VARIANTS];

static void begin(struct play *play, uint8_t variant)
{
	const struct session_rig_setup *setup =
		&session_rig_setups[(variant & SETUP_BITS) % SESSION_RIG_SETUPS];

	play->role = variant & ROLE_BIT ? 1 : 0;
	session_rig_init(&play->rig, setup, variant & AES_BIT);
	/* A stream is good for one variant only: accepters are often alike. */
	for (unsigned int i = 0; i < 2; i++)
		play->rig.side[i].seed += (uint64_t)2 * variant;
	require(session_rig_start(&play->rig) == 0);
}

static const struct session_rig_stream *honest_stream(struct play *play,
						      uint8_t variant)
{
	struct session_rig_stream *stream = &honest[variant];

	if (stream->len > 0)
		return stream;
	begin(play, variant);
	session_rig_run(&play->rig);
	require(session_rig_is_done(&play->rig));
	*stream = play->rig.side[1 - play->role].out;
	stream->n_read = 0;
	session_rig_fini(&play->rig);
	return stream;
}

static void check_end(struct play *play)
{
	struct session *session = &play->rig.side[play->role].session;
	struct session_result result;
	uint8_t record[SESSION_WRITE_MAX];
	const char *text;
	enum vif_reason reason = session_reason(session, &text);

	require((reason != VIF_REASON_NONE) == (text[0] != '\0'));
	require(strlen(text) <= VIF_TRUNK_TEXT_MAX);
	if (session_is_done(session)) {
		require(reason == VIF_REASON_NONE);
		require(session_take(session, &result) == 0);
		require(result.record_max == 16400);
		session_result_fini(&result);
	}
	require(session_write(session, record, sizeof(record)) == 0);
}

/* One record, and what there is to say about it. */
static void hear(struct play *play, const uint8_t *record)
{
	struct session *session = &play->rig.side[play->role].session;
	struct record_header header = record_header_read(record);
	enum vif_reason before = session_reason(session, NULL);
	int r = session_read(session, &header, record + RECORD_HEADER_LEN);
	enum vif_reason after = session_reason(session, NULL);
	uint8_t answer[SESSION_WRITE_MAX];
	size_t len = session_write(session, answer, sizeof(answer));

	require((r == 0) == (after == VIF_REASON_NONE));
	require(before == VIF_REASON_NONE || (before == after && len == 0));
	require(r == 0 || len == 0 ||
		(play->role == VIF_TRUNK_ACCEPTER &&
		 (after == VIF_REASON_VERSION || after == VIF_REASON_SUITE)));
}

static void play_stream(struct play *play, const uint8_t *bytes, size_t len)
{
	struct session_rig_side *side = &play->rig.side[play->role];
	const uint8_t *end = bytes + len;
	uint8_t record[SESSION_WRITE_MAX];

	(void)session_write(&side->session, record, sizeof(record));
	while (end - bytes >= RECORD_HEADER_LEN) {
		struct record_header header = record_header_read(bytes);

		if (header.len > end - bytes - RECORD_HEADER_LEN)
			break;
		hear(play, bytes);
		bytes += (size_t)RECORD_HEADER_LEN + header.len;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct play play; /* large */
	const struct session_rig_stream *expected;
	const uint8_t *stream;
	uint8_t variant;
	bool is_honest;

	if (size == 0)
		return 0;
	variant = data[0] % VARIANTS;
	expected = honest_stream(&play, variant);
	stream = size > 1 ? data + 1 : expected->byte;
	size = size > 1 ? size - 1 : expected->len;
	is_honest = size >= expected->len &&
		    memcmp(stream, expected->byte, expected->len) == 0;
	begin(&play, variant);
	play_stream(&play, stream, size);
	if (session_is_done(&play.rig.side[play.role].session))
		require(is_honest);
	if (size == expected->len)
		require(session_is_done(&play.rig.side[play.role].session) ==
			is_honest);
	check_end(&play);
	session_rig_fini(&play.rig);
	return 0;
}
