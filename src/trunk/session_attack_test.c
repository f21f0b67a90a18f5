/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of sessions with somebody in between who changes, cuts, repeats or
 * reflects what is sent.
 *
 * Environment: VIF_TEST_SCALE=small flips every seventh bit, for slow builds.
 */
#include "trunk/session.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/session_check.h"
#include "wire/bytes.h"

enum {
	HELLO_AT = RECORD_HEADER_LEN, /* of the body, in a stream */
};

static const struct session_rig_setup *const setup_xx = &session_rig_setups[0];
static const struct session_rig_setup *const setup_ik = &session_rig_setups[1];

static struct session_rig rig; /* large */

static void start(const struct session_rig_setup *setup)
{
	session_rig_init(&rig, setup, true);
	assert_int_equal(session_rig_start(&rig), 0);
}

static struct session *session_of(int role)
{
	return &rig.side[role].session;
}

/* Who is in between, and changes what one side has sent */

struct change {
	int side;
	unsigned int n_record; /* which one of that side */
	size_t at;
	uint8_t xor ; /* this into the byte there */
	/* With what the record ends instead of its own bytes, from there on. */
	const void *tail;
	size_t tail_len;
	bool was_done;
};

static void change_record(struct session_rig *r, unsigned int side,
			  uint8_t *record, size_t *len)
{
	struct change *change = r->tap_user;

	if ((int)side != change->side ||
	    r->side[side].out.n_record != change->n_record)
		return;
	change->was_done = true;
	record[change->at] ^= change->xor ;
	if (change->tail) {
		memcpy(record + change->at, change->tail, change->tail_len);
		if (*len < change->at + change->tail_len)
			*len = change->at + change->tail_len;
	}
}

static void run_with(const struct session_rig_setup *setup,
		     struct change *change)
{
	start(setup);
	rig.tap = change_record;
	rig.tap_user = change;
	session_rig_run(&rig);
	assert_true(change->was_done);
}

/* How long the records of an undisturbed run are; 0 for those not sent. */
struct lengths {
	size_t len[2][3]; /* by side, and number of the record */
};

static struct lengths measure(const struct session_rig_setup *setup)
{
	struct lengths lengths = { 0 };

	start(setup);
	while (session_rig_step(&rig))
		;
	assert_true(session_rig_is_done(&rig));
	for (int i = 0; i < 2; i++) {
		const struct session_rig_stream *out = &rig.side[i].out;
		size_t at = 0;

		for (unsigned int j = 0; j < out->n_record; j++) {
			size_t len = (size_t)RECORD_HEADER_LEN +
				     get_be16(out->byte + at + 2);

			lengths.len[i][j] = len;
			at += len;
		}
		assert_int_equal(at, out->len);
	}
	session_rig_fini(&rig);
	return lengths;
}

/* S2: each bit, from either side */

static void flip(const struct session_rig_setup *setup, int side,
		 unsigned int n_record, size_t bit)
{
	struct change change = {
		.side = side,
		.n_record = n_record,
		.at = bit / 8,
		.xor = (uint8_t)(1 << bit % 8),
	};

	run_with(setup, &change);
	if (session_is_done(session_of(1 - side)))
		fail_msg("%s: bit %zu of record %u of side %d", setup->name,
			 bit, n_record, side);
	session_rig_fini(&rig);
}

static unsigned int flip_all(const struct session_rig_setup *setup, int side,
			     unsigned int n_record, size_t len)
{
	const char *scale = getenv("VIF_TEST_SCALE");
	size_t step = scale && strcmp(scale, "small") == 0 ? 7 : 1;
	unsigned int n = 0;

	for (size_t bit = 0; bit < 8 * len; bit += step, n++)
		flip(setup, side, n_record, bit);
	return n;
}

/* The Hellos are alike in all setups: those of the first will do. */
static void test_s2_every_bit_flipped(void **state)
{
	unsigned int n = 0;

	(void)state;
	for (int i = 0; i < SESSION_RIG_SETUPS; i++) {
		struct lengths lengths = measure(&session_rig_setups[i]);

		for (int side = 0; side < 2; side++)
			for (unsigned int j = i == 0 ? 0 : 1; j < 3; j++)
				n += flip_all(&session_rig_setups[i], side, j,
					      lengths.len[side][j]);
	}
	print_message("%u bits\n", n);
	assert_true(n > 1000);
}

/* Cut */

/* The other side waits for the rest, and takes nothing for done. */
static void test_cut_at_every_byte(void **state)
{
	(void)state;
	for (int i = 0; i < SESSION_RIG_SETUPS; i++) {
		struct lengths lengths = measure(&session_rig_setups[i]);

		for (int side = 0; side < 2; side++) {
			const size_t *len = lengths.len[side];
			size_t whole = len[0] + len[1] + len[2];

			for (size_t cut = 0; cut < whole; cut++) {
				start(&session_rig_setups[i]);
				while (rig.side[side].out.len <= cut &&
				       session_rig_step(&rig))
					;
				rig.side[side].out.len = cut;
				(void)session_rig_read(
					&rig, (unsigned int)(1 - side));
				assert_false(
					session_is_done(session_of(1 - side)));
				assert_string_equal(
					session_check_text(&rig, 1 - side), "");
				session_rig_fini(&rig);
			}
		}
	}
}

/* A record that says that it is shorter, or longer, than it was. */
static void run_resized(int side, unsigned int n_record, size_t body_len)
{
	uint8_t body[256] = { 0 };
	struct record_header header;

	start(setup_xx);
	while (rig.side[side].out.n_record <= n_record)
		assert_true(session_rig_step(&rig));
	/* It is the last one on its stream, and not read yet. */
	memcpy(body,
	       rig.side[side].out.byte + rig.side[side].out.n_read +
		       RECORD_HEADER_LEN,
	       128);
	header = record_header_read(rig.side[side].out.byte +
				    rig.side[side].out.n_read);
	header.len = (uint16_t)body_len;
	assert_int_equal(session_read(session_of(1 - side), &header, body),
			 -ECONNABORTED);
	assert_int_not_equal(session_reason(session_of(1 - side), NULL),
			     VIF_REASON_NONE);
	session_rig_fini(&rig);
}

static void test_shorter_and_longer_records(void **state)
{
	struct lengths lengths = measure(setup_xx);

	(void)state;
	for (int side = 0; side < 2; side++)
		for (unsigned int j = 0; j < 3; j++)
			for (size_t len = 0; len < 120; len++)
				if (lengths.len[side][j] > 0 &&
				    len + RECORD_HEADER_LEN !=
					    lengths.len[side][j] &&
				    /* zeros are no option without a type,
				     * but one of type 0 */
				    (j > 0 || len + RECORD_HEADER_LEN <
						      lengths.len[side][j]))
					run_resized(side, j, len);
}

/* S3: downgrades */

/* Where the lists of a Hello are, in its record. */
enum {
	AT_VERSION_MIN = HELLO_AT + 4,
	AT_VERSION_MAX = HELLO_AT + 5,
	AT_VERSION = HELLO_AT + 6,
	AT_SUITE = HELLO_AT + 7,
	AT_PATTERN = HELLO_AT + 8,
	AT_RECORD_MAX = HELLO_AT + 12,
	AT_CIRCUITS_MAX = HELLO_AT + 14,
	AT_WINDOW = HELLO_AT + 16,
	AT_SUITES = HELLO_AT + HELLO_FIXED_LEN,
	AT_PATTERNS = AT_SUITES + 2,
};

/* What becomes of it, at a side. */
enum {
	NONE = VIF_REASON_NONE,
	PROTOCOL = VIF_REASON_PROTOCOL,
	VERSION = VIF_REASON_VERSION,
	SUITE = VIF_REASON_SUITE,
	NOISE = VIF_REASON_HANDSHAKE,
};

struct downgrade {
	const char *what;
	int side; /* whose Hello is changed */
	size_t at;
	size_t len;
	const char *bytes;
	int dialer;
	int accepter;
};

static const struct downgrade downgrades[] = {
	{ "AES is not offered", DIALER, AT_SUITES, 2, "\1\1", NOISE, NONE },
	{ "ChaCha is not", DIALER, AT_SUITES, 2, "\2\2", NOISE, SUITE },
	{ "XX is first", DIALER, AT_PATTERNS, 3, "\1\2\3", NOISE, NONE },
	{ "XX is alone", DIALER, AT_PATTERNS, 3, "\1\1\1", NOISE, NONE },
	{ "version 1 to 2", DIALER, AT_VERSION_MAX, 1, "\2", NONE, NOISE },
	{ "version 2", DIALER, AT_VERSION_MIN, 2, "\2\2", NOISE, VERSION },
	{ "small records", DIALER, AT_RECORD_MAX, 2, "\4\0", NONE, NOISE },
	{ "small records", ACCEPTER, AT_RECORD_MAX, 2, "\4\0", NONE, NOISE },
	{ "one circuit", ACCEPTER, AT_CIRCUITS_MAX, 2, "\0\1", NONE, NOISE },
	{ "a small window", DIALER, AT_WINDOW, 4, "\0\0\0\1", NONE, NOISE },
	/* An accepter that chooses badly: that takes no key of his. */
	{ "ChaCha is chosen", ACCEPTER, AT_SUITE, 1, "\1", NOISE, NONE },
	{ "suite 3 is chosen", ACCEPTER, AT_SUITE, 1, "\3", NOISE, NONE },
	{ "no suite is chosen", ACCEPTER, AT_SUITE, 1, "\0", NOISE, NONE },
	{ "XK is chosen", ACCEPTER, AT_PATTERN, 1, "\3", NOISE, NONE },
	{ "XX is chosen", ACCEPTER, AT_PATTERN, 1, "\1", NOISE, NONE },
	{ "NK is chosen", ACCEPTER, AT_PATTERN, 1, "\4", NOISE, NONE },
	{ "no pattern is chosen", ACCEPTER, AT_PATTERN, 1, "\0", NOISE, NONE },
	{ "version 2 is chosen", ACCEPTER, AT_VERSION, 1, "\2", NOISE, NONE },
	{ "nothing is chosen", ACCEPTER, AT_VERSION, 3, "\0\0\0", NOISE, NONE },
	{ "he has no AES", ACCEPTER, AT_SUITES, 2, "\1\1", NOISE, NONE },
	/* Choosing is not for the dialer. */
	{ "a version", DIALER, AT_VERSION, 1, "\1", NONE, PROTOCOL },
	{ "a suite", DIALER, AT_SUITE, 1, "\2", NONE, PROTOCOL },
	{ "a pattern", DIALER, AT_PATTERN, 1, "\2", NONE, PROTOCOL },
};

static void test_s3_downgrades(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(downgrades); i++) {
		const struct downgrade *downgrade = &downgrades[i];
		struct change change = {
			.side = downgrade->side,
			.at = downgrade->at,
			.tail = downgrade->bytes,
			.tail_len = downgrade->len,
		};

		print_message("%s\n", downgrade->what);
		run_with(setup_ik, &change);
		assert_false(session_rig_is_done(&rig));
		assert_int_equal(session_rig_reason(&rig, DIALER),
				 downgrade->dialer);
		assert_int_equal(session_rig_reason(&rig, ACCEPTER),
				 downgrade->accepter);
		session_rig_fini(&rig);
	}
}

/* Both Hellos are changed, so that they fit: nobody sees it in them. */
static void drop_aes(struct session_rig *r, unsigned int side, uint8_t *record,
		     size_t *len)
{
	(void)len;
	if (r->side[side].out.n_record > 0)
		return;
	record[AT_SUITES] = HELLO_CHACHAPOLY;
	if (side == (unsigned int)ACCEPTER)
		record[AT_SUITE] = HELLO_CHACHAPOLY;
}

static void test_s3_both_hellos_changed(void **state)
{
	(void)state;
	start(setup_xx);
	rig.tap = drop_aes;
	session_rig_run(&rig);
	session_check_reasons(&rig, VIF_REASON_HANDSHAKE, VIF_REASON_NONE);
	assert_false(session_is_done(session_of(DIALER)));
	assert_false(session_is_done(session_of(ACCEPTER)));
	session_rig_fini(&rig);
}

/* Replays what a side sent in another run, which was a good one. */
static void replay(const struct session_rig_setup *setup, int side,
		   unsigned int n_record)
{
	static struct session_rig_stream old;
	struct change change = { .side = side, .n_record = n_record };

	start(setup);
	session_rig_run(&rig);
	assert_true(session_rig_is_done(&rig));
	old = rig.side[side].out;
	session_rig_fini(&rig);
	for (size_t at = 0; at < old.len; n_record--) {
		change.tail = old.byte + at;
		change.tail_len =
			(size_t)RECORD_HEADER_LEN + get_be16(old.byte + at + 2);
		at += change.tail_len;
		if (n_record == 0)
			break;
	}
	session_rig_init(&rig, setup, true);
	rig.side[DIALER].seed = 1000; /* another time */
	rig.side[ACCEPTER].seed = 1001;
	assert_int_equal(session_rig_start(&rig), 0);
	rig.tap = change_record;
	rig.tap_user = &change;
	session_rig_run(&rig);
	assert_true(change.was_done);
	assert_false(session_is_done(session_of(1 - side)));
	session_rig_fini(&rig);
}

static void test_s3_old_records(void **state)
{
	(void)state;
	for (int i = 0; i < SESSION_RIG_SETUPS; i++) {
		struct lengths lengths = measure(&session_rig_setups[i]);

		for (int side = 0; side < 2; side++)
			for (unsigned int j = 0; j < 3; j++)
				if (lengths.len[side][j] > 0)
					replay(&session_rig_setups[i], side, j);
	}
}

/* A recorded dialer is nobody: the accepter gets no message that fits. */
static void test_s3_whole_dialer_replayed(void **state)
{
	static struct session_rig_stream old;

	(void)state;
	for (int i = 0; i < SESSION_RIG_SETUPS; i++) {
		start(&session_rig_setups[i]);
		session_rig_run(&rig);
		old = rig.side[DIALER].out;
		session_rig_fini(&rig);
		session_rig_init(&rig, &session_rig_setups[i], true);
		rig.side[ACCEPTER].seed = 1001;
		assert_int_equal(session_rig_start(&rig), 0);
		rig.side[DIALER].out = old;
		rig.side[DIALER].out.n_read = 0;
		while (session_rig_write(&rig, ACCEPTER) ||
		       session_rig_read(&rig, ACCEPTER))
			;
		assert_false(session_is_done(session_of(ACCEPTER)));
		assert_int_equal(session_rig_reason(&rig, ACCEPTER),
				 VIF_REASON_HANDSHAKE);
		session_rig_fini(&rig);
	}
}

/* S7: what a side says comes back to it */

/* A record of one's own, instead of the next one of the other side. */
static void test_s7_reflection(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * SESSION_RIG_SETUPS; i++) {
		int role = i % 2;
		const struct session_rig_stream *own = &rig.side[role].out;
		struct session *session = session_of(role);
		bool has_read = false;

		start(&session_rig_setups[i / 2]);
		/* Until a record of the other side would be the next. */
		for (size_t at = 0;
		     session_reason(session, NULL) == VIF_REASON_NONE;) {
			struct record_header header;

			while (own->len <= at && session_rig_step(&rig))
				;
			assert_true(own->len > at);
			header = record_header_read(own->byte + at);
			(void)session_read(session, &header,
					   own->byte + at + RECORD_HEADER_LEN);
			at += (size_t)RECORD_HEADER_LEN + header.len;
			has_read = true;
		}
		assert_true(has_read);
		assert_false(session_is_done(session));
		session_rig_fini(&rig);
	}
}

/* Both directions of a dialer are one: everything it says comes back. */
static void test_s7_mirror(void **state)
{
	(void)state;
	for (int i = 0; i < SESSION_RIG_SETUPS; i++) {
		struct session *dialer = session_of(DIALER);
		struct record_header header;
		uint8_t record[SESSION_WRITE_MAX];
		size_t len;

		start(&session_rig_setups[i]);
		while ((len = session_write(dialer, record, sizeof(record))) >
		       0) {
			header = record_header_read(record);
			(void)session_read(dialer, &header,
					   record + RECORD_HEADER_LEN);
		}
		assert_int_equal(session_reason(dialer, NULL),
				 VIF_REASON_HANDSHAKE);
		session_rig_fini(&rig);
	}
}

/* S9: points that decide the result alone */

static void test_s9_ephemerals_of_low_order(void **state)
{
	static const uint8_t zero[NOISE_KEY_LEN];
	static const uint8_t one[NOISE_KEY_LEN] = { 1 };

	(void)state;
	for (int i = 0; i < 4; i++) {
		struct change change = {
			.side = i % 2,
			.n_record = 1,
			.at = RECORD_HEADER_LEN, /* e */
			.tail = i < 2 ? zero : one,
			.tail_len = NOISE_KEY_LEN,
		};

		run_with(setup_xx, &change);
		assert_false(session_is_done(session_of(DIALER)));
		assert_false(session_is_done(session_of(ACCEPTER)));
		session_rig_fini(&rig);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_s2_every_bit_flipped),
		cmocka_unit_test(test_cut_at_every_byte),
		cmocka_unit_test(test_shorter_and_longer_records),
		cmocka_unit_test(test_s3_downgrades),
		cmocka_unit_test(test_s3_both_hellos_changed),
		cmocka_unit_test(test_s3_old_records),
		cmocka_unit_test(test_s3_whole_dialer_replayed),
		cmocka_unit_test(test_s7_reflection),
		cmocka_unit_test(test_s7_mirror),
		cmocka_unit_test(test_s9_ephemerals_of_low_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
