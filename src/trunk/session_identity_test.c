/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of who the other side of a session is: pinned, welcome, ourselves; and
 * of when it learns who we are.
 */
#include "trunk/session.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/session_check.h"

static const struct session_rig_setup *const setup_xx = &session_rig_setups[0];
static const struct session_rig_setup *const setup_ik = &session_rig_setups[1];
static const struct session_rig_setup *const setup_xk = &session_rig_setups[2];

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

/* S7: identities */

static bool deny(void *user, const uint8_t key[VIF_KEY_LEN])
{
	unsigned int *n_asked = user;

	(void)key;
	++*n_asked;
	return false;
}

struct welcome {
	const uint8_t *key;
	unsigned int n_asked;
};

static bool allow_one(void *user, const uint8_t key[VIF_KEY_LEN])
{
	struct welcome *welcome = user;

	welcome->n_asked++;
	return memcmp(welcome->key, key, VIF_KEY_LEN) == 0;
}

/* Makes an accepter that does nothing but XX. */
static void do_xx_only(void)
{
	struct hello_list *patterns = &session_of(ACCEPTER)->hello.patterns;

	*patterns = (struct hello_list){ 1, { HELLO_XX } };
}

static void test_s7_dialer_pins_another(void **state)
{
	uint8_t key[NOISE_KEY_LEN];

	(void)state;
	session_rig_init(&rig, setup_ik, true);
	memcpy(key, rig.side[DIALER].pair.public_key, sizeof(key));
	key[0] ^= 1;
	rig.side[DIALER].config.remote = key;
	assert_int_equal(session_rig_start(&rig), 0);
	do_xx_only();
	session_rig_run(&rig);
	session_check_reasons(&rig, VIF_REASON_IDENTITY, VIF_REASON_NONE);
	assert_non_null(strstr(session_check_text(&rig, DIALER),
			       "is not the pinned one"));
	/* S8: the third message is not there. */
	assert_int_equal(rig.side[DIALER].out.n_record, 2);
	session_rig_fini(&rig);
}

/* Who cannot read the first message learns nothing, and says nothing. */
static void test_s7_accepter_is_another(void **state)
{
	(void)state;
	for (int i = 1; i < SESSION_RIG_SETUPS; i++) {
		uint8_t key[NOISE_KEY_LEN];

		if (i == 4)
			continue; /* XXpsk3: nothing is pinned */
		session_rig_init(&rig, &session_rig_setups[i], true);
		memcpy(key, rig.side[ACCEPTER].pair.public_key, sizeof(key));
		rig.side[DIALER].config.remote = key;
		noise_pair_fini(&rig.side[ACCEPTER].pair);
		session_rig_key(&rig, &rig.side[ACCEPTER].pair, 999);
		assert_int_equal(session_rig_start(&rig), 0);
		session_rig_run(&rig);
		session_check_reasons(&rig, VIF_REASON_NONE,
				      VIF_REASON_HANDSHAKE);
		assert_false(session_is_done(session_of(DIALER)));
		assert_int_equal(rig.side[ACCEPTER].out.n_record, 1);
		session_rig_fini(&rig);
	}
}

static void test_s7_accepter_pins_another(void **state)
{
	(void)state;
	for (int i = 0; i < SESSION_RIG_SETUPS; i++) {
		struct noise_pair other;

		if (session_rig_setups[i].is_anonymous)
			continue;
		session_rig_init(&rig, &session_rig_setups[i], true);
		session_rig_key(&rig, &other, 999);
		rig.side[ACCEPTER].config.remote = other.public_key;
		assert_int_equal(session_rig_start(&rig), 0);
		session_rig_run(&rig);
		session_check_reasons(&rig, VIF_REASON_NONE,
				      VIF_REASON_IDENTITY);
		assert_false(session_is_done(session_of(ACCEPTER)));
		noise_pair_fini(&other);
		session_rig_fini(&rig);
	}
}

static void test_s7_right_pins(void **state)
{
	(void)state;
	for (int i = 0; i < SESSION_RIG_SETUPS; i++) {
		if (session_rig_setups[i].is_anonymous)
			continue;
		session_rig_init(&rig, &session_rig_setups[i], true);
		rig.side[ACCEPTER].config.remote =
			rig.side[DIALER].pair.public_key;
		rig.side[DIALER].config.remote =
			rig.side[ACCEPTER].pair.public_key;
		assert_int_equal(session_rig_start(&rig), 0);
		session_rig_run(&rig);
		assert_true(session_rig_is_done(&rig));
		session_rig_fini(&rig);
	}
}

/* Asked once, of either side; nothing is sent to who is not welcome. */
static void test_s7_not_welcome(void **state)
{
	(void)state;
	for (int i = 0; i < 2 * SESSION_RIG_SETUPS; i++) {
		const struct session_rig_setup *setup =
			&session_rig_setups[i / 2];
		unsigned int n_asked = 0;
		int role = i % 2;

		session_rig_init(&rig, setup, true);
		rig.side[role].config.authorize = deny;
		rig.side[role].config.authorize_user = &n_asked;
		assert_int_equal(session_rig_start(&rig), 0);
		session_rig_run(&rig);
		if (role == ACCEPTER && setup->is_anonymous) {
			/* There is nobody to be asked about. */
			assert_int_equal(n_asked, 0);
			assert_true(session_rig_is_done(&rig));
		} else {
			assert_int_equal(n_asked, 1);
			assert_false(session_is_done(session_of(role)));
			assert_int_equal(
				session_rig_reason(&rig, (unsigned int)role),
				VIF_REASON_IDENTITY);
			assert_non_null(strstr(session_check_text(&rig, role),
					       "is not welcome"));
		}
		session_rig_fini(&rig);
	}
}

static void test_s7_welcome(void **state)
{
	(void)state;
	for (int i = 0; i < SESSION_RIG_SETUPS; i++) {
		struct welcome welcome[2] = { 0 };

		session_rig_init(&rig, &session_rig_setups[i], true);
		for (int role = 0; role < 2; role++) {
			welcome[role].key = rig.side[1 - role].pair.public_key;
			rig.side[role].config.authorize = allow_one;
			rig.side[role].config.authorize_user = &welcome[role];
		}
		assert_int_equal(session_rig_start(&rig), 0);
		session_rig_run(&rig);
		assert_true(session_rig_is_done(&rig));
		assert_int_equal(welcome[DIALER].n_asked, 1);
		assert_int_equal(welcome[ACCEPTER].n_asked,
				 session_rig_setups[i].is_anonymous ? 0 : 1);
		session_rig_fini(&rig);
	}
}

/* S9 as well: other spellings, and points that decide the result alone. */

static void test_s7_pin_in_another_spelling(void **state)
{
	static const uint8_t p_and_more[NOISE_KEY_LEN] = {
		0xed, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f,
	};
	uint8_t top_bit[NOISE_KEY_LEN];

	(void)state;
	for (int i = 0; i < 4; i++) {
		session_rig_init(&rig, setup_ik, true);
		memcpy(top_bit, rig.side[1 - i % 2].pair.public_key,
		       sizeof(top_bit));
		top_bit[NOISE_KEY_LEN - 1] |= 0x80;
		rig.side[i % 2].config.remote = i < 2 ? top_bit : p_and_more;
		assert_int_equal(session_rig_start(&rig), -EINVAL);
		session_rig_fini(&rig);
	}
}

static void test_s7_key_in_another_spelling(void **state)
{
	(void)state;
	for (int side = 0; side < 2; side++) {
		session_rig_init(&rig, setup_xx, true);
		rig.side[side].pair.public_key[NOISE_KEY_LEN - 1] |= 0x80;
		assert_int_equal(session_rig_start(&rig), 0);
		session_rig_run(&rig);
		assert_false(session_is_done(session_of(1 - side)));
		assert_int_equal(
			session_rig_reason(&rig, (unsigned int)(1 - side)),
			VIF_REASON_HANDSHAKE);
		session_rig_fini(&rig);
	}
}

static void test_s9_pin_of_low_order(void **state)
{
	static const uint8_t zero[NOISE_KEY_LEN];

	(void)state;
	session_rig_init(&rig, setup_ik, true);
	rig.side[DIALER].config.remote = zero;
	assert_int_equal(session_rig_start(&rig), 0);
	session_rig_run(&rig);
	session_check_reasons(&rig, VIF_REASON_HANDSHAKE, VIF_REASON_NONE);
	assert_int_equal(rig.side[DIALER].out.n_record, 1);
	session_rig_fini(&rig);
}

/* Somebody is joined to himself */

static void give_same_key(const struct session_rig_setup *setup)
{
	session_rig_init(&rig, setup, true);
	noise_pair_fini(&rig.side[ACCEPTER].pair);
	session_rig_key(&rig, &rig.side[ACCEPTER].pair, 100); /* the dialer's */
}

static void test_s7_same_key_at_both_ends(void **state)
{
	(void)state;
	give_same_key(setup_xx);
	assert_int_equal(session_rig_start(&rig), 0);
	session_rig_run(&rig);
	session_check_reasons(&rig, VIF_REASON_IDENTITY, VIF_REASON_NONE);
	assert_int_equal(rig.side[DIALER].out.n_record, 2);
	session_rig_fini(&rig);
	/* Who is pinned by one side only. */
	give_same_key(setup_ik);
	assert_int_equal(session_rig_start(&rig), 0);
	session_rig_run(&rig);
	session_check_reasons(&rig, VIF_REASON_NONE, VIF_REASON_IDENTITY);
	session_rig_fini(&rig);
	/* Both sides say so: then it is meant. */
	give_same_key(setup_ik);
	rig.side[ACCEPTER].config.remote = rig.side[DIALER].pair.public_key;
	assert_int_equal(session_rig_start(&rig), 0);
	session_rig_run(&rig);
	assert_true(session_rig_is_done(&rig));
	session_rig_fini(&rig);
}

/* S8: when the dialer's identity is on the wire */

static bool is_on_wire(const uint8_t key[NOISE_KEY_LEN])
{
	for (int i = 0; i < 2; i++)
		if (memmem(rig.side[i].out.byte, rig.side[i].out.len, key,
			   NOISE_KEY_LEN))
			return true;
	return false;
}

/* Keeps how much the dialer has sent when it was asked. */
static bool note_and_allow(void *user, const uint8_t key[VIF_KEY_LEN])
{
	size_t *sent = user;

	(void)key;
	*sent = rig.side[DIALER].out.len;
	return true;
}

static void test_s8_never_in_clear(void **state)
{
	(void)state;
	for (int i = 0; i < SESSION_RIG_SETUPS; i++) {
		start(&session_rig_setups[i]);
		session_rig_run(&rig);
		assert_true(session_rig_is_done(&rig));
		assert_false(is_on_wire(rig.side[DIALER].pair.public_key));
		assert_false(is_on_wire(rig.side[ACCEPTER].pair.public_key));
		session_rig_fini(&rig);
	}
}

/*
 * XX and XK send it in the third message, sealed; when the policy is asked the
 * first two records at most are on the wire, which no key of the dialer's is
 * part of: they are the same for another dialer with the same randomness.
 */
static void test_s8_after_the_accepter_is_authorized(void **state)
{
	static struct session_rig_stream one;

	(void)state;
	for (int i = 0; i < SESSION_RIG_SETUPS; i++) {
		const struct session_rig_setup *setup = &session_rig_setups[i];
		size_t sent = 0;

		if (setup->pattern == HELLO_IK ||
		    setup->pattern == HELLO_IKPSK2 || setup->is_anonymous)
			continue;
		for (int j = 0; j < 2; j++) {
			session_rig_init(&rig, setup, true);
			if (j == 1) {
				noise_pair_fini(&rig.side[DIALER].pair);
				session_rig_key(&rig, &rig.side[DIALER].pair,
						999);
			}
			rig.side[DIALER].config.authorize = note_and_allow;
			rig.side[DIALER].config.authorize_user = &sent;
			assert_int_equal(session_rig_start(&rig), 0);
			session_rig_run(&rig);
			assert_true(session_rig_is_done(&rig));
			if (j == 0)
				one = rig.side[DIALER].out;
			assert_true(sent < one.len);
			session_rig_fini(&rig);
		}
		/* Equal up to the third record, and not after it. */
		assert_memory_equal(one.byte, rig.side[DIALER].out.byte, sent);
		assert_memory_not_equal(one.byte, rig.side[DIALER].out.byte,
					one.len);
	}
}

/* In IK and NK the policy is asked before anything of Noise is sent. */
static void test_s8_policy_is_asked_first(void **state)
{
	(void)state;
	for (int i = 0; i < SESSION_RIG_SETUPS; i++) {
		unsigned int n_asked = 0;

		if (!session_rig_setups[i].is_pinned)
			continue;
		session_rig_init(&rig, &session_rig_setups[i], true);
		rig.side[DIALER].config.authorize = deny;
		rig.side[DIALER].config.authorize_user = &n_asked;
		assert_int_equal(session_rig_start(&rig), 0);
		session_rig_run(&rig);
		assert_int_equal(n_asked, 1);
		assert_int_equal(rig.side[DIALER].out.n_record, 1);
		session_rig_fini(&rig);
	}
}

/* A fake accepter without the pinned key gets two records, and no third. */
static void test_s8_fake_accepter(void **state)
{
	(void)state;
	session_rig_init(&rig, setup_xk, true);
	rig.side[DIALER].config.remote = rig.side[ACCEPTER].pair.public_key;
	assert_int_equal(session_rig_start(&rig), 0);
	do_xx_only();
	/* It is somebody else from now on. */
	rig.side[DIALER].session.remote[3] ^= 1;
	session_rig_run(&rig);
	session_check_reasons(&rig, VIF_REASON_IDENTITY, VIF_REASON_NONE);
	assert_int_equal(rig.side[DIALER].out.n_record, 2);
	session_rig_fini(&rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_s7_dialer_pins_another),
		cmocka_unit_test(test_s7_accepter_is_another),
		cmocka_unit_test(test_s7_accepter_pins_another),
		cmocka_unit_test(test_s7_right_pins),
		cmocka_unit_test(test_s7_not_welcome),
		cmocka_unit_test(test_s7_welcome),
		cmocka_unit_test(test_s7_pin_in_another_spelling),
		cmocka_unit_test(test_s7_key_in_another_spelling),
		cmocka_unit_test(test_s9_pin_of_low_order),
		cmocka_unit_test(test_s7_same_key_at_both_ends),
		cmocka_unit_test(test_s8_never_in_clear),
		cmocka_unit_test(test_s8_after_the_accepter_is_authorized),
		cmocka_unit_test(test_s8_policy_is_asked_first),
		cmocka_unit_test(test_s8_fake_accepter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
