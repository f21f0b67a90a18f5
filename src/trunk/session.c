/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The beginning of a trunk: HELLO, HELLO, and a Noise handshake.
 *
 *	dialer     HELLO -> hello -> [message -> ...] -> done
 *	accepter   hello -> HELLO -> [message -> ...] -> done
 *
 * What is to be written is made at once, when the record before it was read, so
 * that all failures are those of reading and the states are those of waiting.
 * Keys are judged as soon as they are known, and hence before the next message
 * is made: nothing of us is revealed to who is not welcome.
 */
#include "trunk/session.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "base/bits.h"
#include "trunk/offer.h"

static const char prologue_label[] = "vif trunk 1 hop";

static_assert(SESSION_WRITE_MAX >= RECORD_HEADER_LEN + HELLO_WRITTEN_MAX,
	      "our Hello is a record that can be written");

/* Ends */

static void forget(struct session *session)
{
	noise_handshake_fini(&session->noise);
	noise_wipe(session->psk, sizeof(session->psk));
	free(session->binding); /* no secret: it names something */
	session->binding = NULL;
}

VIF_PRINTF(3, 4)
static int fail(struct session *session, enum vif_reason reason,
		const char *format, ...)
{
	va_list args;

	va_start(args, format);
	(void)vsnprintf(session->text, sizeof(session->text), format, args);
	va_end(args);
	forget(session);
	session->out_len = 0;
	session->reason = reason;
	session->state = SESSION_FAILED;
	return -ECONNABORTED;
}

/* Noise failed, with a message of the other side or one of ours. */
static int fail_noise(struct session *session, int code)
{
	unsigned int n = session->n_message + 1;

	if (code == -ENOMEM)
		return fail(session, VIF_REASON_MEMORY, "no memory for keys");
	if (code == -EMSGSIZE)
		return fail(session, VIF_REASON_PROTOCOL,
			    "handshake message %u has a payload", n);
	if (code == -EBADMSG)
		return fail(session, VIF_REASON_HANDSHAKE,
			    "handshake message %u is not authentic: other "
			    "keys, another secret, or somebody in between",
			    n);
	return fail(session, VIF_REASON_HANDSHAKE,
		    "handshake message %u: no randomness, or libcrypto failed",
		    n);
}

/* Writing */

static void put_out(struct session *session, enum record_type type,
		    size_t body_len)
{
	const struct record_header header = {
		.type = (uint8_t)type,
		.len = (uint16_t)body_len,
	};

	assert(session->out_len == 0);
	assert(body_len <= sizeof(session->out) - RECORD_HEADER_LEN);
	record_header_write(&header, session->out);
	session->out_len = RECORD_HEADER_LEN + body_len;
}

static void write_hello(struct session *session)
{
	put_out(session, RECORD_HELLO,
		hello_write(&session->hello, session->out + RECORD_HEADER_LEN));
}

static int write_message(struct session *session)
{
	size_t len;
	int r = noise_handshake_write(&session->noise, NULL, 0,
				      session->out + RECORD_HEADER_LEN,
				      SESSION_MESSAGE_MAX, &len);

	if (r < 0)
		return fail_noise(session, r);
	session->n_message++;
	put_out(session, RECORD_HANDSHAKE, len);
	return 0;
}

size_t session_write(struct session *session, uint8_t *to, size_t size)
{
	size_t len = session->out_len;

	assert(size >= SESSION_WRITE_MAX);
	memcpy(to, session->out, len);
	session->out_len = 0;
	return len;
}

/* Who is it? */

static int fail_identity(struct session *session,
			 const uint8_t key[NOISE_KEY_LEN], const char *what)
{
	char hex[2 * NOISE_KEY_LEN + 1];

	for (size_t i = 0; i < NOISE_KEY_LEN; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", key[i]);
	return fail(session, VIF_REASON_IDENTITY, "their key %s %s", hex, what);
}

static bool is_same(const uint8_t a[NOISE_KEY_LEN],
		    const uint8_t b[NOISE_KEY_LEN])
{
	return CRYPTO_memcmp(a, b, NOISE_KEY_LEN) == 0;
}

static int judge_key(struct session *session, const uint8_t key[NOISE_KEY_LEN])
{
	const struct session_config *config = &session->config;

	if (config->remote && !is_same(key, config->remote))
		return fail_identity(session, key, "is not the pinned one");
	/* Somebody may have joined two of our own connections. */
	if (!config->remote && config->local &&
	    is_same(key, config->local->public_key))
		return fail_identity(session, key,
				     "is our own, and not pinned");
	if (config->authorize &&
	    !config->authorize(config->authorize_user, key))
		return fail_identity(session, key, "is not welcome");
	return 0;
}

/* Once, as soon as there is a key. */
static int judge_remote(struct session *session)
{
	const uint8_t *key = noise_handshake_remote(&session->noise);

	if (!key || session->is_authorized)
		return 0;
	session->is_authorized = true;
	return judge_key(session, key);
}

/* The handshake */

/* After a message, or when nothing was exchanged yet. */
static int proceed(struct session *session)
{
	int r = judge_remote(session);

	if (r == 0 && noise_handshake_is_writing(&session->noise))
		r = write_message(session);
	if (r < 0 || !noise_handshake_is_done(&session->noise))
		return r;
	assert(session->is_authorized || session->config.allow_anonymous);
	session->state = SESSION_DONE;
	return 0;
}

static int read_message(struct session *session, const uint8_t *body,
			size_t len)
{
	uint8_t nothing[1];
	size_t payload_len;
	int r = noise_handshake_read(&session->noise, body, len, nothing, 0,
				     &payload_len);

	if (r < 0)
		return fail_noise(session, r);
	session->n_message++;
	return proceed(session);
}

/* Hellos: the dialer's first. */
static int hash_prologue(struct session *session, const struct iovec hello[2],
			 uint8_t ret_hash[NOISE_HASH_LEN])
{
	uint8_t len[2][4];
	const struct iovec piece[] = {
		{ (void *)(uintptr_t)prologue_label,
		  sizeof(prologue_label) - 1 },
		{ len[0], sizeof(len[0]) },
		hello[0],
		{ len[1], sizeof(len[1]) },
		hello[1],
		{ session->binding, session->config.binding_len },
	};

	for (size_t i = 0; i < 2; i++)
		put_be32(len[i], (uint32_t)hello[i].iov_len);
	return noise_hash(session->crypto, piece, ARRAY_LEN(piece), ret_hash);
}

static int init_noise(struct session *session, const struct iovec hello[2])
{
	const struct session_config *config = &session->config;
	const struct hello_choice *choice = &session->choice;
	const struct offer_pattern *pattern = offer_pattern(choice->pattern);
	bool is_dialer = config->role == VIF_TRUNK_DIALER;
	uint8_t prologue[NOISE_HASH_LEN];
	const struct noise_config noise = {
		.pattern = pattern->noise,
		.cipher = offer_cipher(choice->suite),
		.role = is_dialer ? NOISE_INITIATOR : NOISE_RESPONDER,
		.prologue = prologue,
		.prologue_len = sizeof(prologue),
		.local = config->local,
		.remote = is_dialer && pattern->needs_remote ? config->remote :
							       NULL,
		.psk = config->psk,
		.psk_place = pattern->psk_place,
		.random = config->random,
		.random_user = config->random_user,
	};
	int r = hash_prologue(session, hello, prologue);

	if (r == 0)
		r = noise_handshake_init(&session->noise, session->crypto,
					 &noise);
	return r < 0 ? fail_noise(session, r) : 0;
}

/* Hello */

/* Takes ours and theirs with the dialer's first. */
static int begin(struct session *session, const uint8_t *body, size_t len)
{
	uint8_t ours[HELLO_WRITTEN_MAX];
	struct iovec hello[2];
	size_t us = session->config.role == VIF_TRUNK_DIALER ? 0 : 1;
	int r;

	hello[us].iov_base = ours;
	hello[us].iov_len = hello_write(&session->hello, ours);
	hello[1 - us].iov_base = (void *)(uintptr_t)body;
	hello[1 - us].iov_len = len;
	r = init_noise(session, hello);
	if (r < 0)
		return r;
	session->state = SESSION_MESSAGE;
	return proceed(session);
}

/* Names where there are any, else numbers. */
static void print_list(const struct hello_list *list, bool are_patterns,
		       char *to, size_t size)
{
	size_t len = 0;

	to[0] = '\0';
	for (uint8_t i = 0; i < list->n && len < size; i++) {
		const struct offer_pattern *pattern =
			are_patterns ? offer_pattern(list->item[i]) : NULL;
		const char *comma = i > 0 ? ", " : "";

		len += (size_t)(pattern ? snprintf(to + len, size - len, "%s%s",
						   comma, pattern->name) :
					  snprintf(to + len, size - len, "%s%u",
						   comma, list->item[i]));
	}
}

static int fail_lists(struct session *session, bool are_patterns)
{
	char theirs[VIF_TRUNK_TEXT_MAX / 2 - 16];
	char ours[sizeof(theirs)];
	const struct hello *us = &session->hello;
	const struct hello *them = &session->theirs;

	print_list(are_patterns ? &them->patterns : &them->suites, are_patterns,
		   theirs, sizeof(theirs));
	print_list(are_patterns ? &us->patterns : &us->suites, are_patterns,
		   ours, sizeof(ours));
	return fail(session, VIF_REASON_SUITE, "they do %s %s; we do %s",
		    are_patterns ? "patterns" : "suites", theirs, ours);
}

/* There is nothing in common; what was found in common has no 0. */
static int fail_common(struct session *session)
{
	const struct hello *us = &session->hello;
	const struct hello *them = &session->theirs;

	if (session->choice.version == 0)
		return fail(session, VIF_REASON_VERSION,
			    "they speak versions %u to %u, we speak %u to %u",
			    them->version_min, them->version_max,
			    us->version_min, us->version_max);
	return fail_lists(session, session->choice.suite != 0);
}

static bool is_common(const struct hello_choice *choice)
{
	return choice->version != 0 && choice->suite != 0 &&
	       choice->pattern != 0;
}

/* The dialer's Hello came. */
static int answer(struct session *session, const uint8_t *body, size_t len)
{
	const struct hello_choice *claim = &session->theirs.choice;

	if (claim->version != 0 || claim->suite != 0 || claim->pattern != 0)
		return fail(session, VIF_REASON_PROTOCOL,
			    "a dialer's HELLO chooses something");
	session->choice = hello_choose(&session->theirs, &session->hello);
	session->hello.choice = session->choice;
	if (is_common(&session->choice)) {
		write_hello(session);
		return begin(session, body, len);
	}
	(void)fail_common(session); /* but not without an answer */
	write_hello(session);
	return -ECONNABORTED;
}

/* The accepter's Hello came: it has to be the one choice there is. */
static int check(struct session *session, const uint8_t *body, size_t len)
{
	const struct hello_choice *claim = &session->theirs.choice;
	struct hello_choice choice =
		hello_choose(&session->hello, &session->theirs);

	session->choice = choice;
	if (claim->version != choice.version || claim->suite != choice.suite ||
	    claim->pattern != choice.pattern)
		return fail(session, VIF_REASON_HANDSHAKE,
			    "they chose version %u, suite %u, pattern %u where "
			    "%u, %u, %u is right: a downgrade",
			    claim->version, claim->suite, claim->pattern,
			    choice.version, choice.suite, choice.pattern);
	if (!is_common(&choice))
		return fail_common(session);
	return begin(session, body, len);
}

static int read_hello(struct session *session, const uint8_t *body, size_t len)
{
	enum hello_fault fault = hello_read(body, len, &session->theirs);

	if (fault != HELLO_GOOD)
		return fail(session, VIF_REASON_PROTOCOL, "their HELLO: %s",
			    hello_fault_text(fault));
	return session->config.role == VIF_TRUNK_DIALER ?
		       check(session, body, len) :
		       answer(session, body, len);
}

/* Records */

/* What is wrong with a record, or NULL. */
static const char *judge_record(const struct session *session,
				const struct record_header *header)
{
	if (session->out_len > 0)
		return "it is not their turn";
	if (session->state == SESSION_DONE || session->state == SESSION_TAKEN)
		return "the handshake is over";
	if (session->state == SESSION_HELLO && header->type != RECORD_HELLO)
		return "a HELLO has to come";
	if (session->state == SESSION_MESSAGE &&
	    header->type != RECORD_HANDSHAKE)
		return "a HANDSHAKE has to come";
	if (header->flags != 0 || header->circuit != 0)
		return "it has flags, or a circuit";
	return header->len > SESSION_READ_MAX ? "it is too long" : NULL;
}

int session_read(struct session *session, const struct record_header *header,
		 const uint8_t *body)
{
	const char *wrong;

	if (session->state == SESSION_FAILED)
		return -ECONNABORTED;
	wrong = judge_record(session, header);
	if (wrong)
		return fail(session, VIF_REASON_PROTOCOL,
			    "record of type %u: %s", header->type, wrong);
	return session->state == SESSION_HELLO ?
		       read_hello(session, body, header->len) :
		       read_message(session, body, header->len);
}

/* Begin and end */

static int copy_config(struct session *session,
		       const struct session_config *config)
{
	session->config = *config;
	if (config->remote) {
		memcpy(session->remote, config->remote, NOISE_KEY_LEN);
		session->config.remote = session->remote;
	}
	if (config->psk) {
		memcpy(session->psk, config->psk, NOISE_KEY_LEN);
		session->config.psk = session->psk;
	}
	if (config->binding_len > 0) {
		session->binding = malloc(config->binding_len);
		if (!session->binding)
			return -ENOMEM;
		memcpy(session->binding, config->binding, config->binding_len);
	}
	session->config.binding = session->binding;
	return 0;
}

static int fill_hello(struct session *session)
{
	const struct session_config *config = &session->config;
	struct hello *hello = &session->hello;
	const struct offer offer = {
		.is_dialer = config->role == VIF_TRUNK_DIALER,
		.has_identity = config->local != NULL,
		.has_remote = config->remote != NULL,
		.has_psk = config->psk != NULL,
		.hide_identity = config->hide_identity,
		.allow_anonymous = config->allow_anonymous,
		.has_aes = config->has_aes,
	};

	hello->version_min = HELLO_VERSION_MIN;
	hello->version_max = HELLO_VERSION_MAX;
	hello->record_max = config->record_max;
	hello->circuits_max = config->circuits_max;
	hello->window = config->window;
	if (offer_lists(&offer, &hello->suites, &hello->patterns) < 0)
		return -EINVAL;
	return config->random(config->random_user, hello->random,
			      sizeof(hello->random));
}

int session_init(struct session *session, struct noise_crypto *crypto,
		 const struct session_config *config)
{
	int r;

	assert(config->random);
	memset(session, 0, sizeof(*session));
	session->crypto = crypto;
	if (config->remote && !noise_public_key_is_canonical(config->remote))
		return -EINVAL;
	r = copy_config(session, config);
	if (r == 0)
		r = fill_hello(session);
	if (r < 0) {
		session_fini(session);
		return r;
	}
	if (config->role == VIF_TRUNK_DIALER)
		write_hello(session);
	return 0;
}

void session_fini(struct session *session)
{
	forget(session);
	noise_wipe(session, sizeof(*session));
}

bool session_is_done(const struct session *session)
{
	return (session->state == SESSION_DONE ||
		session->state == SESSION_TAKEN) &&
	       session->out_len == 0;
}

int session_take(struct session *session, struct session_result *ret_result)
{
	const struct hello *us = &session->hello;
	const struct hello *them = &session->theirs;
	const uint8_t *remote = noise_handshake_remote(&session->noise);
	struct session_result result = {
		.version = session->choice.version,
		.cipher = offer_cipher(session->choice.suite),
		.pattern = (enum hello_pattern)session->choice.pattern,
		.has_remote = remote != NULL,
		.record_max = us->record_max < them->record_max ?
				      us->record_max :
				      them->record_max,
		.circuits_max = them->circuits_max,
		.window = them->window,
	};
	int r;

	assert(session->state == SESSION_DONE && session->out_len == 0);
	if (remote)
		memcpy(result.remote, remote, sizeof(result.remote));
	memcpy(result.hash, noise_handshake_hash(&session->noise),
	       sizeof(result.hash));
	r = noise_handshake_split(&session->noise, &result.send,
				  &result.receive, result.exporter);
	if (r < 0) {
		(void)fail_noise(session, r);
		return r;
	}
	*ret_result = result;
	noise_wipe(&result, sizeof(result));
	forget(session);
	session->state = SESSION_TAKEN;
	return 0;
}

void session_result_fini(struct session_result *result)
{
	noise_key_fini(&result->send);
	noise_key_fini(&result->receive);
	noise_wipe(result, sizeof(*result));
}

enum vif_reason session_reason(const struct session *session,
			       const char **ret_text)
{
	if (ret_text)
		*ret_text = session->text;
	return session->reason;
}
