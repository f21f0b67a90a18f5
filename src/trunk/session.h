/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The beginning of a trunk: from a connection to keys of both directions.
 *
 *	session_init(&s, &crypto, &config);
 *	until session_is_done(&s):
 *	    send what session_write() gives out, until that is 0;
 *	    session_read() of each record that comes;
 *	session_take(&s, &result);
 *	session_fini(&s);
 *
 * docs/design/trunk.md, sections 3 and 4. A machine without I/O: records in and
 * out, randomness is an argument. READY is not part of it. It is strict: in
 * each state one record may come, and none while one waits to be written. Any
 * failure is final. One thread at a time. Must not be moved or copied.
 *
 * Who writes the last message is done before the other side has read it. That
 * it could, and is who it says, is only proven by its first sealed record.
 */
#ifndef TRUNK_SESSION_H
#define TRUNK_SESSION_H

#include <vif/trunk.h>

#include "trunk/hello.h"
#include "trunk/noise/noise.h"
#include "wire/trunk_record.h"

enum session_limits {
	/* Of a noise message without payload: e, s and two tags. */
	SESSION_MESSAGE_MAX = 2 * NOISE_KEY_LEN + 2 * NOISE_TAG_LEN,
	SESSION_WRITE_MAX = RECORD_HEADER_LEN + SESSION_MESSAGE_MAX,
	SESSION_READ_MAX = HELLO_BODY_MAX, /* bytes of a body */
};

/* Everything is set; there are no defaults at this level. */
struct session_config {
	enum vif_trunk_role role;
	/* Who we are; borrowed until fini. NULL: a dialer without identity. */
	const struct noise_pair *local;
	/* Who the other side must be, and a secret both sides have; NULL: none.
	 * Copied. */
	const uint8_t *remote;
	const uint8_t *psk;
	bool hide_identity;   /* dialer, with both keys: not IK */
	bool allow_anonymous; /* accepter, without remote and psk: NK, too */
	bool has_aes;         /* offer AESGCM; see cpu_has_aes() */
	/* Whether a key is welcome; called once, when it is known. NULL: yes.
	 * May not call the session. */
	bool (*authorize)(void *user, const uint8_t key[VIF_KEY_LEN]);
	void *authorize_user;
	noise_random *random;
	void *random_user;
	const void *binding; /* names the carrier; copied */
	size_t binding_len;
	/* What our Hello says. */
	uint16_t record_max;
	uint16_t circuits_max;
	uint32_t window;
};

enum session_state {
	SESSION_HELLO,   /* is what has to come */
	SESSION_MESSAGE, /* the same; or it is our turn, in between */
	SESSION_DONE,
	SESSION_TAKEN,
	SESSION_FAILED,
};

struct session {
	enum session_state state;
	struct session_config config; /* what is borrowed in it, or ours */
	struct noise_crypto *crypto;  /* borrowed */
	uint8_t remote[NOISE_KEY_LEN];
	uint8_t psk[NOISE_KEY_LEN];
	void *binding;      /* ours */
	struct hello hello; /* ours */
	struct hello theirs;
	struct hello_choice choice;
	struct noise_handshake noise;
	bool is_authorized;
	unsigned int n_message; /* that came or went */
	/* The record to be written. */
	uint8_t out[SESSION_WRITE_MAX];
	size_t out_len;
	/* Why it failed. */
	enum vif_reason reason;
	char text[VIF_TRUNK_TEXT_MAX + 1];
};

/* What two ends have agreed on. */
struct session_result {
	uint8_t version;
	enum noise_cipher cipher;
	enum hello_pattern pattern;
	struct noise_key send;
	struct noise_key receive;
	uint8_t exporter[NOISE_KEY_LEN]; /* secret */
	uint8_t hash[NOISE_HASH_LEN];    /* of the handshake; public */
	bool has_remote;                 /* false: it is anonymous */
	uint8_t remote[NOISE_KEY_LEN];
	uint16_t record_max;   /* the smaller one */
	uint16_t circuits_max; /* that we may open */
	uint32_t window;       /* first limit of what we may send */
};

/*
 * session_init() - begin
 *
 * crypto is borrowed until fini. Returns 0; -EINVAL for keys that do not make
 * sense together or a remote one that has another spelling; what the random
 * source returned; or -ENOMEM. Then fini is allowed.
 */
int session_init(struct session *session, struct noise_crypto *crypto,
		 const struct session_config *config);

/* session_fini() - wipe everything; also on zeroed memory, and twice. */
void session_fini(struct session *session);

/*
 * session_write() - next record to be sent
 *
 * Header and body; size is at least SESSION_WRITE_MAX. Returns the length, or 0
 * when there is none: a record has to come, it is done, or has failed. An
 * accepter that has nothing in common with the dialer has one more record.
 */
size_t session_write(struct session *session, uint8_t *to, size_t size);

/*
 * session_read() - take a record that came
 *
 * The body has header->len bytes. Returns 0, or -ECONNABORTED when it has
 * failed, now or before: see session_reason().
 */
int session_read(struct session *session, const struct record_header *header,
		 const uint8_t *body);

/* session_is_done() - whether there are keys, and no record to be written */
bool session_is_done(const struct session *session);

/*
 * session_take() - what was agreed on
 *
 * Once, when done, which is asserted. ret_result is the caller's, to be wiped
 * by session_result_fini(). Returns 0, or -ENOMEM; then it has failed.
 */
int session_take(struct session *session, struct session_result *ret_result);

/* session_result_fini() - wipes; also on zeroed memory, and twice. */
void session_result_fini(struct session_result *result);

/*
 * session_reason() - why it failed
 *
 * VIF_REASON_NONE when it has not. ret_text, unless NULL, gets at most
 * VIF_TRUNK_TEXT_MAX bytes and a NUL, borrowed until fini; "" for none.
 */
enum vif_reason session_reason(const struct session *session,
			       const char **ret_text);

#endif
