/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of sessions whose ends mean well, or are configured differently, and of
 * the order of records. Attacks: session_attack_test.c.
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

static const struct session_rig_setup *const setup_xx = &session_rig_setups[0];
static const struct session_rig_setup *const setup_ik = &session_rig_setups[1];
static const struct session_rig_setup *const setup_nk = &session_rig_setups[3];

static struct session_rig rig; /* large */

static void start(void)
{
	assert_int_equal(session_rig_start(&rig), 0);
}

static void begin(const struct session_rig_setup *setup, bool has_aes)
{
	print_message("%s, %s\n", setup->name, has_aes ? "AES" : "ChaCha");
	session_rig_init(&rig, setup, has_aes);
}

/* Results */

static void talk(struct noise_key *send, struct noise_key *receive)
{
	uint8_t record[32 + NOISE_TAG_LEN] = "some bytes";

	assert_int_equal(noise_key_seal(send, "a", 1, record, 32, record), 0);
	assert_int_equal(noise_key_open(receive, "a", 1, record, 32, record),
			 0);
	assert_string_equal((const char *)record, "some bytes");
}

static void assert_agreed(const struct session_rig_setup *setup,
			  enum noise_cipher cipher)
{
	struct session_result result[2];

	for (int i = 0; i < 2; i++) {
		struct session *session = &rig.side[i].session;

		assert_true(session_is_done(session));
		assert_int_equal(session_take(session, &result[i]), 0);
		assert_int_equal(result[i].version, 1);
		assert_int_equal(result[i].cipher, cipher);
		assert_int_equal(result[i].pattern, setup->pattern);
		assert_int_equal(result[i].record_max, 16400);
		assert_int_equal(result[i].circuits_max, 64 + (1 - i));
		assert_int_equal(result[i].window, (1 << 24) + (1 - i));
	}
	assert_memory_equal(result[0].exporter, result[1].exporter,
			    NOISE_KEY_LEN);
	assert_memory_equal(result[0].hash, result[1].hash, NOISE_HASH_LEN);
	assert_true(result[DIALER].has_remote);
	assert_memory_equal(result[DIALER].remote,
			    rig.side[ACCEPTER].pair.public_key, NOISE_KEY_LEN);
	assert_int_equal(result[ACCEPTER].has_remote, !setup->is_anonymous);
	if (!setup->is_anonymous)
		assert_memory_equal(result[ACCEPTER].remote,
				    rig.side[DIALER].pair.public_key,
				    NOISE_KEY_LEN);
	talk(&result[0].send, &result[1].receive);
	talk(&result[1].send, &result[0].receive);
	session_result_fini(&result[0]);
	session_result_fini(&result[1]);
}

static void test_every_pattern_and_suite(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * SESSION_RIG_SETUPS; i++) {
		begin(&session_rig_setups[i / 2], i % 2 != 0);
		start();
		session_rig_run(&rig);
		session_check_reasons(&rig, VIF_REASON_NONE, VIF_REASON_NONE);
		assert_agreed(&session_rig_setups[i / 2],
			      i % 2 != 0 ? NOISE_AESGCM : NOISE_CHACHAPOLY);
		session_rig_fini(&rig);
	}
}

/* AESGCM is for two who have it. */
static void test_suite_of_unequal_sides(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(setup_ik, true);
		rig.side[i].config.has_aes = false;
		start();
		session_rig_run(&rig);
		assert_agreed(setup_ik, NOISE_CHACHAPOLY);
		session_rig_fini(&rig);
	}
}

/* Nothing is the same twice, but for what has to be. */
static void test_another_time_other_keys(void **state)
{
	struct session_result result[2];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		begin(setup_ik, true);
		rig.side[DIALER].seed += i;
		start();
		session_rig_run(&rig);
		assert_int_equal(
			session_take(&rig.side[DIALER].session, &result[i]), 0);
		session_rig_fini(&rig);
	}
	assert_memory_not_equal(result[0].hash, result[1].hash, NOISE_HASH_LEN);
	assert_memory_not_equal(result[0].exporter, result[1].exporter,
				NOISE_KEY_LEN);
	session_result_fini(&result[0]);
	session_result_fini(&result[1]);
}

/* Done is who has nothing to write any more. */
static void test_done_when_written(void **state)
{
	(void)state;
	begin(setup_ik, true);
	start();
	while (rig.side[DIALER].out.n_record < 2)
		assert_true(session_rig_step(&rig));
	assert_true(session_rig_read(&rig, ACCEPTER));
	assert_false(session_is_done(&rig.side[ACCEPTER].session));
	assert_true(session_rig_write(&rig, ACCEPTER));
	assert_true(session_is_done(&rig.side[ACCEPTER].session));
	assert_false(session_is_done(&rig.side[DIALER].session));
	session_rig_fini(&rig);
}

static void test_fini_wipes(void **state)
{
	static const struct session nothing;

	(void)state;
	begin(setup_ik, true);
	start();
	assert_true(session_rig_step(&rig));
	assert_true(session_rig_step(&rig));
	for (int i = 0; i < 2; i++) {
		session_fini(&rig.side[i].session);
		assert_memory_equal(&rig.side[i].session, &nothing,
				    sizeof(nothing));
	}
	session_rig_fini(&rig); /* a second time */
}

/* Configs */

static void test_configs_that_make_no_sense(void **state)
{
	static const struct {
		const char *what;
		int role;
		bool has_local, has_remote, has_psk, is_hidden, is_anonymous;
		int r;
	} cases[] = {
		{ "nobody dials anybody", DIALER, false, false, false, false,
		  false, -EINVAL },
		{ "nobody dials somebody", DIALER, false, true, false, false,
		  false, 0 },
		{ "nobody has a secret", DIALER, false, true, true, false,
		  false, -EINVAL },
		{ "nobody hides", DIALER, false, true, false, true, false,
		  -EINVAL },
		{ "hides from anybody", DIALER, true, false, false, true, false,
		  -EINVAL },
		{ "hides", DIALER, true, true, false, true, false, 0 },
		{ "has it all", DIALER, true, true, true, true, true, 0 },
		{ "nobody accepts", ACCEPTER, false, false, false, false, false,
		  -EINVAL },
		{ "nobody accepts nobody", ACCEPTER, false, false, false, false,
		  true, -EINVAL },
		{ "accepts", ACCEPTER, true, false, false, false, false, 0 },
		{ "accepts one", ACCEPTER, true, true, false, false, false, 0 },
		{ "accepts anybody", ACCEPTER, true, false, false, true, true,
		  0 },
		{ "accepts anybody, and one", ACCEPTER, true, true, false,
		  false, true, -EINVAL },
		{ "accepts anybody with a secret", ACCEPTER, true, false, true,
		  false, true, -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct session_rig_side *side = &rig.side[cases[i].role];

		begin(setup_xx, true);
		print_message("%s\n", cases[i].what);
		if (!cases[i].has_local)
			side->config.local = NULL;
		if (cases[i].has_remote)
			side->config.remote =
				rig.side[1 - cases[i].role].pair.public_key;
		side->config.psk = cases[i].has_psk ? session_rig_psk : NULL;
		side->config.hide_identity = cases[i].is_hidden;
		side->config.allow_anonymous = cases[i].is_anonymous;
		assert_int_equal(session_init(&side->session, &rig.crypto,
					      &side->config),
				 cases[i].r);
		session_rig_fini(&rig);
	}
}

static void assert_list(const struct hello_list *list, const uint8_t *items,
			size_t n)
{
	assert_int_equal(list->n, n);
	assert_memory_equal(list->item, items, n);
}

/* As section 3 of the page has it. */
static void test_what_is_offered(void **state)
{
	(void)state;
	begin(setup_ik, true);
	start();
	assert_list(&rig.side[DIALER].session.hello.patterns,
		    (const uint8_t[]){ HELLO_IK, HELLO_XK, HELLO_XX }, 3);
	assert_list(&rig.side[ACCEPTER].session.hello.patterns,
		    (const uint8_t[]){ HELLO_IK, HELLO_XK, HELLO_XX }, 3);
	assert_list(&rig.side[DIALER].session.hello.suites,
		    (const uint8_t[]){ HELLO_AESGCM, HELLO_CHACHAPOLY }, 2);
	session_rig_fini(&rig);
	begin(&session_rig_setups[6], false);
	start();
	assert_list(&rig.side[DIALER].session.hello.patterns,
		    (const uint8_t[]){ HELLO_XKPSK3, HELLO_XXPSK3 }, 2);
	assert_list(
		&rig.side[ACCEPTER].session.hello.patterns,
		(const uint8_t[]){ HELLO_IKPSK2, HELLO_XKPSK3, HELLO_XXPSK3 },
		3);
	assert_list(&rig.side[DIALER].session.hello.suites,
		    (const uint8_t[]){ HELLO_CHACHAPOLY }, 1);
	session_rig_fini(&rig);
	begin(setup_nk, true);
	start();
	assert_list(&rig.side[DIALER].session.hello.patterns,
		    (const uint8_t[]){ HELLO_NK }, 1);
	assert_list(&rig.side[ACCEPTER].session.hello.patterns,
		    (const uint8_t[]){ HELLO_IK, HELLO_XK, HELLO_XX, HELLO_NK },
		    4);
	session_rig_fini(&rig);
}

static int no_random(void *user, uint8_t *ret_bytes, size_t len)
{
	int *n_good = user;

	if ((*n_good)-- <= 0)
		return -ENOSYS;
	memset(ret_bytes, 7, len);
	return 0;
}

static void test_no_randomness(void **state)
{
	int n_good = 0;

	(void)state;
	begin(setup_xx, true);
	rig.side[DIALER].config.random = no_random;
	rig.side[DIALER].config.random_user = &n_good;
	assert_int_equal(session_rig_start(&rig), -ENOSYS);
	session_rig_fini(&rig);
	n_good = 1; /* for the Hello */
	begin(setup_xx, true);
	rig.side[DIALER].config.random = no_random;
	rig.side[DIALER].config.random_user = &n_good;
	start();
	session_rig_run(&rig);
	session_check_reasons(&rig, VIF_REASON_HANDSHAKE, VIF_REASON_NONE);
	assert_int_equal(rig.side[DIALER].out.n_record, 1);
	session_rig_fini(&rig);
}

/* Sides that do not fit together */

static void test_one_side_has_a_psk(void **state)
{
	(void)state;
	for (int i = 0; i < 2; i++) {
		begin(setup_xx, true);
		rig.side[i].config.psk = session_rig_psk;
		start();
		session_rig_run(&rig);
		session_check_reasons(&rig, VIF_REASON_SUITE, VIF_REASON_SUITE);
		assert_int_equal(rig.side[ACCEPTER].out.n_record, 1);
		session_rig_fini(&rig);
	}
	begin(setup_xx, true);
	rig.side[DIALER].config.psk = session_rig_psk;
	start();
	session_rig_run(&rig);
	assert_string_equal(session_check_text(&rig, DIALER),
			    "they do patterns IK, XK, XX; we do XXpsk3");
	assert_string_equal(session_check_text(&rig, ACCEPTER),
			    "they do patterns XXpsk3; we do IK, XK, XX");
	session_rig_fini(&rig);
}

static void test_anonymous_needs_both(void **state)
{
	(void)state;
	begin(setup_nk, true);
	rig.side[ACCEPTER].config.allow_anonymous = false;
	start();
	session_rig_run(&rig);
	session_check_reasons(&rig, VIF_REASON_SUITE, VIF_REASON_SUITE);
	session_rig_fini(&rig);
}

static void test_wrong_psk(void **state)
{
	static const uint8_t other[NOISE_KEY_LEN] = "another secret";

	(void)state;
	for (int i = 4; i < SESSION_RIG_SETUPS; i++) {
		begin(&session_rig_setups[i], true);
		rig.side[ACCEPTER].config.psk = other;
		start();
		session_rig_run(&rig);
		assert_false(session_rig_is_done(&rig));
		/* Who reads the last message notices. */
		if (session_rig_setups[i].pattern == HELLO_IKPSK2)
			session_check_reasons(&rig, VIF_REASON_HANDSHAKE,
					      VIF_REASON_NONE);
		else
			session_check_reasons(&rig, VIF_REASON_NONE,
					      VIF_REASON_HANDSHAKE);
		session_rig_fini(&rig);
	}
}

static void test_wrong_binding(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * SESSION_RIG_SETUPS; i++) {
		begin(&session_rig_setups[i / 3], true);
		rig.side[ACCEPTER].config.binding =
			i % 3 == 0 ? "a carriet" : "a carrier ";
		rig.side[ACCEPTER].config.binding_len = i % 3 == 0 ? 9 :
							i % 3 == 1 ? 10 :
								     0;
		start();
		session_rig_run(&rig);
		assert_false(session_is_done(&rig.side[DIALER].session));
		assert_false(session_is_done(&rig.side[ACCEPTER].session));
		assert_true(session_rig_reason(&rig, DIALER) ==
				    VIF_REASON_HANDSHAKE ||
			    session_rig_reason(&rig, ACCEPTER) ==
				    VIF_REASON_HANDSHAKE);
		session_rig_fini(&rig);
	}
}

/* Versions */

/* Makes a side one that speaks other versions. */
static void speak(int role, uint8_t version_min, uint8_t version_max)
{
	struct session *session = &rig.side[role].session;

	session->hello.version_min = version_min;
	session->hello.version_max = version_max;
	if (role == DIALER)
		hello_write(&session->hello, session->out + RECORD_HEADER_LEN);
}

static void test_versions_overlap(void **state)
{
	static const uint8_t ranges[][2] = { { 1, 1 }, { 1, 2 }, { 1, 255 } };

	(void)state;
	for (int i = 0; i < 2; i++)
		for (size_t j = 0; j < ARRAY_LEN(ranges); j++) {
			begin(setup_ik, true);
			start();
			speak(i, ranges[j][0], ranges[j][1]);
			session_rig_run(&rig);
			assert_agreed(setup_ik, NOISE_AESGCM);
			session_rig_fini(&rig);
		}
}

static void test_versions_are_disjoint(void **state)
{
	const uint8_t *answer = rig.side[ACCEPTER].out.byte + RECORD_HEADER_LEN;

	(void)state;
	begin(setup_ik, true);
	start();
	speak(DIALER, 2, 3);
	session_rig_run(&rig);
	session_check_reasons(&rig, VIF_REASON_VERSION, VIF_REASON_VERSION);
	assert_string_equal(session_check_text(&rig, ACCEPTER),
			    "they speak versions 2 to 3, we speak 1 to 1");
	assert_string_equal(session_check_text(&rig, DIALER),
			    "they speak versions 1 to 1, we speak 2 to 3");
	assert_int_equal(rig.side[ACCEPTER].out.n_record, 1);
	assert_memory_equal(answer + 4, ((uint8_t[]){ 1, 1, 0, 0, 0 }), 5);
	assert_int_equal(rig.side[DIALER].out.n_record, 1);
	session_rig_fini(&rig);
}

static void test_suites_are_disjoint(void **state)
{
	struct session *dialer = &rig.side[DIALER].session;

	(void)state;
	begin(setup_ik, true);
	start();
	dialer->hello.suites = (struct hello_list){ 1, { HELLO_AESGCM } };
	dialer->out_len =
		RECORD_HEADER_LEN +
		hello_write(&dialer->hello, dialer->out + RECORD_HEADER_LEN);
	put_be16(dialer->out + 2,
		 (uint16_t)(dialer->out_len - RECORD_HEADER_LEN));
	session_rig_run(&rig);
	session_check_reasons(&rig, VIF_REASON_SUITE, VIF_REASON_SUITE);
	assert_string_equal(session_check_text(&rig, ACCEPTER),
			    "they do suites 2; we do 2, 1");
	session_rig_fini(&rig);
}

/* The order of records */

/* Both sides after n records were read, and with all written. */
static void begin_at(const struct session_rig_setup *setup, int n)
{
	session_rig_init(&rig, setup, true);
	start();
	while (session_rig_write(&rig, DIALER) ||
	       session_rig_write(&rig, ACCEPTER) ||
	       (n-- > 0 && (session_rig_read(&rig, ACCEPTER) ||
			    session_rig_read(&rig, DIALER))))
		;
}

static int read_type(struct session *session, uint8_t type, uint8_t flags,
		     uint32_t circuit, const struct session_rig_stream *from)
{
	const uint8_t *record = from->byte + from->n_read;
	struct record_header header = { 0 };

	/* What would come, if there is anything, in another guise. */
	if (from->len > from->n_read)
		header = record_header_read(record);
	header.type = type;
	header.flags = flags;
	header.circuit = circuit;
	return session_read(session, &header, record + RECORD_HEADER_LEN);
}

/* The only type that may come to a side after n records were read; or -1. */
static int expected(int role, int n)
{
	/* The dialer waits for the 2nd and 4th, the accepter for the others. */
	int n_before = role == DIALER ? n / 2 : (n + 1) / 2;

	if (n_before >= (role == DIALER ? 2 : 3))
		return -1;
	return n_before == 0 ? RECORD_HELLO : RECORD_HANDSHAKE;
}

static void refuse_type(int role, int n, uint8_t type)
{
	struct session *session = &rig.side[role].session;
	const struct session_rig_stream *in = &rig.side[1 - role].out;

	begin_at(setup_xx, n);
	assert_int_equal(read_type(session, type, 0, 0, in), -ECONNABORTED);
	assert_int_equal(session_reason(session, NULL), VIF_REASON_PROTOCOL);
	/* That was the end of it. */
	assert_int_equal(read_type(session, RECORD_HELLO, 0, 0, in),
			 -ECONNABORTED);
	assert_false(session_rig_write(&rig, (unsigned int)role));
	assert_false(session_is_done(session));
	session_rig_fini(&rig);
}

static void test_strict_order(void **state)
{
	static const uint8_t types[] = { 0, 1, 2, 3, 4, 5, 6, 128, 255 };
	int n_refused = 0;

	(void)state;
	for (int role = 0; role < 2; role++)
		for (int n = 0; n <= 5; n++)
			for (size_t i = 0; i < ARRAY_LEN(types); i++)
				if (types[i] != expected(role, n)) {
					refuse_type(role, n, types[i]);
					n_refused++;
				}
	assert_int_equal(n_refused, 2 * 6 * (int)ARRAY_LEN(types) - 4 - 5);
}

static void test_flags_and_circuits(void **state)
{
	(void)state;
	for (int n = 0; n < 5; n++)
		for (int i = 0; i < 8 + 32; i++) {
			int role = n % 2 == 0 ? ACCEPTER : DIALER;
			uint8_t flags = (uint8_t)(i < 8 ? 1 << i : 0);
			uint32_t circuit = i < 8 ? 0 : UINT32_C(1) << (i - 8);

			begin_at(setup_xx, n);
			assert_int_equal(read_type(&rig.side[role].session,
						   (uint8_t)expected(role, n),
						   flags, circuit,
						   &rig.side[1 - role].out),
					 -ECONNABORTED);
			assert_int_equal(
				session_rig_reason(&rig, (unsigned int)role),
				VIF_REASON_PROTOCOL);
			session_rig_fini(&rig);
		}
}

/* As long as a record waits to be written, the other side cannot know it. */
static void test_none_may_come_before_ours(void **state)
{
	(void)state;
	for (int role = 0; role < 2; role++) {
		session_rig_init(&rig, setup_xx, true);
		start();
		if (role == ACCEPTER) {
			assert_true(session_rig_write(&rig, DIALER));
			assert_true(session_rig_read(&rig, ACCEPTER));
		}
		assert_int_equal(read_type(&rig.side[role].session,
					   role == DIALER ? RECORD_HELLO :
							    RECORD_HANDSHAKE,
					   0, 0, &rig.side[1 - role].out),
				 -ECONNABORTED);
		assert_int_equal(session_rig_reason(&rig, (unsigned int)role),
				 VIF_REASON_PROTOCOL);
		assert_false(session_rig_write(&rig, (unsigned int)role));
		session_rig_fini(&rig);
	}
}

static void test_record_of_8_kib_and_more(void **state)
{
	static uint8_t body[SESSION_READ_MAX + 1];
	struct record_header header = { .type = RECORD_HELLO };
	struct session *accepter = &rig.side[ACCEPTER].session;

	(void)state;
	for (int more = 0; more < 2; more++) {
		size_t len;

		begin_at(setup_xx, 0);
		len = hello_write(&rig.side[DIALER].session.hello, body);
		header.len = (uint16_t)(SESSION_READ_MAX + more);
		body[len] = 1; /* padding */
		body[len + 1] = 0;
		put_be16(body + len + 2, (uint16_t)(header.len - len - 4));
		assert_int_equal(session_read(accepter, &header, body),
				 more ? -ECONNABORTED : 0);
		assert_int_equal(session_reason(accepter, NULL),
				 more ? VIF_REASON_PROTOCOL : VIF_REASON_NONE);
		assert_string_equal(session_check_text(&rig, ACCEPTER),
				    more ? "record of type 1: it is too long" :
					   "");
		session_rig_fini(&rig);
	}
	begin_at(setup_xx, 2);
	header.type = RECORD_HANDSHAKE;
	assert_int_equal(session_read(accepter, &header, body), -ECONNABORTED);
	assert_string_equal(session_check_text(&rig, ACCEPTER),
			    "record of type 2: it is too long");
	session_rig_fini(&rig);
}

/* The keys are the caller's now; the session is good for nothing else. */
static void test_none_may_come_when_taken(void **state)
{
	(void)state;
	for (uint8_t type = 0; type < 8; type++)
		for (int role = 0; role < 2; role++) {
			struct session *session = &rig.side[role].session;
			struct session_result result;

			begin_at(setup_xx, 5);
			assert_int_equal(session_take(session, &result), 0);
			session_result_fini(&result);
			assert_true(session_is_done(session));
			assert_int_equal(read_type(session, type, 0, 0,
						   &rig.side[1 - role].out),
					 -ECONNABORTED);
			assert_non_null(strstr(session_check_text(&rig, role),
					       "the handshake is over"));
			assert_false(session_is_done(session));
			session_rig_fini(&rig);
		}
}

static void test_garbage_is_answered_by_nothing(void **state)
{
	static const char *const garbage[] = {
		"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
		"",
		"V",
		"VIF",
		"VIF1....................................................",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(garbage); i++) {
		const struct record_header header = {
			.type = RECORD_HELLO,
			.len = (uint16_t)strlen(garbage[i]),
		};

		session_rig_init(&rig, setup_xx, true);
		start();
		assert_int_equal(session_read(&rig.side[ACCEPTER].session,
					      &header,
					      (const uint8_t *)garbage[i]),
				 -ECONNABORTED);
		assert_false(session_rig_write(&rig, ACCEPTER));
		session_check_reasons(&rig, VIF_REASON_NONE,
				      VIF_REASON_PROTOCOL);
		session_rig_fini(&rig);
	}
}

/* A peer of the test's own, after the page */

static void add_be32(uint8_t *to, size_t value)
{
	const uint8_t bytes[] = { (uint8_t)(value >> 24),
				  (uint8_t)(value >> 16), (uint8_t)(value >> 8),
				  (uint8_t)value };

	memcpy(to, bytes, 4);
}

/* The prologue as the page has it, made in one piece. */
static void make_prologue(const uint8_t *hello, size_t hello_len,
			  const uint8_t *answer, size_t answer_len,
			  uint8_t ret_hash[NOISE_HASH_LEN])
{
	size_t len = 15 + 4 + hello_len + 4 + answer_len + 9;
	uint8_t *bytes = malloc(len);
	uint8_t *at = bytes;
	struct iovec piece = { bytes, len };

	assert_non_null(bytes);
	memcpy(at, "vif trunk 1 hop", 15);
	add_be32(at += 15, hello_len);
	memcpy(at += 4, hello, hello_len);
	add_be32(at += hello_len, answer_len);
	memcpy(at += 4, answer, answer_len);
	memcpy(at + answer_len, "a carrier", 9);
	assert_int_equal(noise_hash(&rig.crypto, &piece, 1, ret_hash), 0);
	free(bytes);
}

static void dial_by_hand(struct noise_handshake *noise, const uint8_t *hello,
			 uint16_t hello_len)
{
	const struct session_rig_stream *in = &rig.side[ACCEPTER].out;
	struct record_header header = { .type = RECORD_HELLO,
					.len = hello_len };
	uint8_t prologue[NOISE_HASH_LEN], message[128];
	uint8_t nothing[1];
	size_t len;
	struct session *accepter = &rig.side[ACCEPTER].session;
	struct noise_config config = {
		.pattern = NOISE_XX,
		.cipher = NOISE_AESGCM,
		.role = NOISE_INITIATOR,
		.prologue = prologue,
		.prologue_len = sizeof(prologue),
		.local = &rig.side[DIALER].pair,
		.random = session_rig_random,
		.random_user = &rig.side[DIALER].seed,
	};

	assert_int_equal(session_read(accepter, &header, hello), 0);
	assert_true(session_rig_write(&rig, ACCEPTER));
	make_prologue(hello, hello_len, in->byte + RECORD_HEADER_LEN,
		      in->len - RECORD_HEADER_LEN, prologue);
	assert_int_equal(noise_handshake_init(noise, &rig.crypto, &config), 0);
	for (int i = 0; i < 2; i++) {
		size_t before = in->len;

		assert_int_equal(noise_handshake_write(noise, "", 0, message,
						       sizeof(message), &len),
				 0);
		header.type = RECORD_HANDSHAKE;
		header.len = (uint16_t)len;
		assert_int_equal(session_read(accepter, &header, message), 0);
		if (i > 0)
			break;
		assert_true(session_rig_write(&rig, ACCEPTER));
		assert_int_equal(noise_handshake_read(
					 noise,
					 in->byte + before + RECORD_HEADER_LEN,
					 in->len - before - RECORD_HEADER_LEN,
					 nothing, 0, &len),
				 0);
	}
}

/* Unknown options, suites and patterns, of a dialer with padding to the top. */
static void test_against_the_page(void **state)
{
	static uint8_t hello[HELLO_BODY_MAX] = {
		0x56, 0x49, 0x46, 0x54, 1, 9, 0, 0, 0, 3, 2, 0, 0x10, 0, 0, 3,
	};
	static const uint8_t rest[] = {
		99,  2, 1,    77,   1,    /* lists */
		200, 0, 0,    2,    5, 6, /* an option */
		1,   0, 0x1f, 0xc9,       /* padding: 8192 - 40 - 5 - 6 - 4 */
	};
	struct noise_handshake noise;
	struct session_result result;

	(void)state;
	memcpy(hello + HELLO_FIXED_LEN, rest, sizeof(rest));
	session_rig_init(&rig, setup_xx, true);
	start();
	dial_by_hand(&noise, hello, sizeof(hello));
	assert_true(noise_handshake_is_done(&noise));
	assert_int_equal(session_take(&rig.side[ACCEPTER].session, &result), 0);
	assert_memory_equal(result.hash, noise_handshake_hash(&noise),
			    NOISE_HASH_LEN);
	assert_int_equal(result.record_max, 0x1000);
	assert_int_equal(result.circuits_max, 3);
	assert_int_equal(result.window, 0);
	session_result_fini(&result);
	noise_handshake_fini(&noise);
	session_rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_pattern_and_suite),
		cmocka_unit_test(test_suite_of_unequal_sides),
		cmocka_unit_test(test_another_time_other_keys),
		cmocka_unit_test(test_done_when_written),
		cmocka_unit_test(test_fini_wipes),
		cmocka_unit_test(test_configs_that_make_no_sense),
		cmocka_unit_test(test_what_is_offered),
		cmocka_unit_test(test_no_randomness),
		cmocka_unit_test(test_one_side_has_a_psk),
		cmocka_unit_test(test_anonymous_needs_both),
		cmocka_unit_test(test_wrong_psk),
		cmocka_unit_test(test_wrong_binding),
		cmocka_unit_test(test_versions_overlap),
		cmocka_unit_test(test_versions_are_disjoint),
		cmocka_unit_test(test_suites_are_disjoint),
		cmocka_unit_test(test_strict_order),
		cmocka_unit_test(test_flags_and_circuits),
		cmocka_unit_test(test_none_may_come_before_ours),
		cmocka_unit_test(test_record_of_8_kib_and_more),
		cmocka_unit_test(test_none_may_come_when_taken),
		cmocka_unit_test(test_garbage_is_answered_by_nothing),
		cmocka_unit_test(test_against_the_page),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
