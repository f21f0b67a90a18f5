/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Handshakes of the Noise Protocol Framework, revision 34, with X25519, SHA-256
 * and either cipher: two strangers, or acquaintances, agree on keys.
 *
 *	noise_handshake_init(&h, &crypto, &config);
 *	until noise_handshake_is_done(&h):
 *	    if (noise_handshake_is_writing(&h))
 *	        noise_handshake_write(), and send it;
 *	    else
 *	        receive a message, and noise_handshake_read() it;
 *	noise_handshake_split(&h, &send, &receive, NULL);
 *	noise_handshake_fini(&h);
 *
 * A machine without I/O; randomness is an argument. The length of a message is
 * the caller's to transmit. Any failure of a write or a read leaves the
 * handshake dead and its secrets wiped: there is no second try with the same
 * keys. One thread at a time. Must not be copied; may be moved in memory.
 *
 * A payload has the security its message has: none in the first message of XX,
 * and one that can be replayed in that of IK. See section 7.7 of the framework.
 */
#ifndef TRUNK_NOISE_NOISE_H
#define TRUNK_NOISE_NOISE_H

#include "trunk/noise/key.h"
#include "trunk/noise/pair.h"

/*
 * Two letters, of the initiator and of the responder: N has no static key, K
 * has one that the other knows beforehand, X sends its own under encryption, I
 * sends it at once.
 */
enum noise_pattern {
	NOISE_NN,
	NOISE_NK,
	NOISE_NX,
	NOISE_XK,
	NOISE_XX,
	NOISE_KK,
	NOISE_IK,
	NOISE_IX,
	NOISE_PATTERNS
};

enum noise_role {
	NOISE_INITIATOR, /* writes the first message */
	NOISE_RESPONDER,
};

enum noise_handshake_sizes {
	/* Of "Noise_XXpsk3_25519_ChaChaPoly_SHA256" and its NUL, rounded up. */
	NOISE_NAME_SIZE = 48,
};

/* Both ends must agree on all of it but the role and the keys. */
struct noise_config {
	enum noise_pattern pattern;
	enum noise_cipher cipher;
	enum noise_role role;
	/* What both ends have seen before, such as a negotiation; read once. */
	const void *prologue;
	size_t prologue_len;
	/* Borrowed until done; NULL if and only if the pattern has none. */
	const struct noise_pair *local;
	/* Copied; NULL if and only if the pattern does not know it. */
	const uint8_t *remote;
	/* A secret both ends have besides, NULL for none; copied. */
	const uint8_t *psk;
	/* Where it goes: 0 before the first message, n after the nth. */
	unsigned int psk_place;
	/* For the ephemeral key, 32 bytes once. */
	noise_random *random;
	void *random_user; /* borrowed until done */
};

enum noise_state {
	NOISE_DEAD, /* wiped, or never begun */
	NOISE_WRITING,
	NOISE_READING,
	NOISE_DONE,  /* split is next */
	NOISE_SPLIT, /* keys are gone; hash and remote key remain */
};

struct noise_handshake {
	struct noise_crypto *crypto; /* borrowed */
	enum noise_pattern pattern;
	enum noise_cipher cipher;
	enum noise_role role;
	enum noise_state state;
	unsigned int n_message; /* so far */
	bool has_psk;
	unsigned int psk_place;
	noise_random *random;
	void *random_user;
	/* Keys of both ends. */
	const struct noise_pair *local; /* borrowed */
	struct noise_pair ephemeral;
	uint8_t remote[NOISE_KEY_LEN];
	uint8_t remote_ephemeral[NOISE_KEY_LEN];
	uint8_t psk[NOISE_KEY_LEN];
	bool has_remote;
	/* SymmetricState and its CipherState: ck, h, k and n. */
	uint8_t chaining_key[NOISE_HASH_LEN];
	uint8_t hash[NOISE_HASH_LEN];
	uint8_t key[NOISE_KEY_LEN];
	bool has_key;
	uint64_t nonce;
};

/*
 * noise_name() - name of a protocol, as Noise spells it
 *
 * Returns the length of the name.
 */
size_t noise_name(const struct noise_config *config,
		  char ret_name[NOISE_NAME_SIZE]);

/*
 * noise_handshake_init() - begin
 *
 * A key too many or too few, or a place of a psk that the pattern does not
 * have, is the caller's mistake and asserted. Returns 0, -EINVAL when the
 * remote key is not canonical, or -ENOMEM; then fini is allowed.
 */
int noise_handshake_init(struct noise_handshake *h, struct noise_crypto *crypto,
			 const struct noise_config *config);

/*
 * noise_handshake_fini() - wipe every key and the hash
 *
 * Also on zeroed memory, and twice.
 */
void noise_handshake_fini(struct noise_handshake *h);

/* noise_handshake_overhead() - what the next message has besides its payload */
size_t noise_handshake_overhead(const struct noise_handshake *h);

/*
 * noise_handshake_write() - make the next message
 *
 * Only when it is our turn, which is asserted. The message has payload_len and
 * noise_handshake_overhead() bytes; payload and to do not overlap.
 * Returns 0; -EMSGSIZE when the message would have more than size bytes, or
 * more than NOISE_MESSAGE_LEN_MAX; -EBADMSG when a key of the peer is of low
 * order; what the random source returned; or -ENOMEM, -EIO. Dead after any
 * failure, with to wiped.
 */
int noise_handshake_write(struct noise_handshake *h, const void *payload,
			  size_t payload_len, uint8_t *to, size_t size,
			  size_t *ret_len);

/*
 * noise_handshake_read() - take the peer's next message, and its payload
 *
 * The message is whole, and nothing follows. The payload has len less
 * noise_handshake_overhead() bytes; from and ret_payload do not overlap.
 * Returns 0; -EPROTO when it is not the peer's turn; -EBADMSG when the message
 * is too short or too long, a key in it is of low order or not canonical, or
 * anything is not authentic; -EMSGSIZE when the payload has more than size
 * bytes; or -ENOMEM, -EIO. Dead after any failure, with ret_payload wiped.
 */
int noise_handshake_read(struct noise_handshake *h, const uint8_t *from,
			 size_t len, void *ret_payload, size_t size,
			 size_t *ret_payload_len);

/* noise_handshake_is_writing() - whether the next message is ours */
bool noise_handshake_is_writing(const struct noise_handshake *h);

/* noise_handshake_is_done() - whether all messages have been exchanged */
bool noise_handshake_is_done(const struct noise_handshake *h);

/*
 * noise_handshake_remote() - static key of the peer
 *
 * Borrowed until fini; NULL as long as it is not known, when the pattern has
 * none, and when dead. That the peer has the secret of it is proven only by the
 * message that the pattern says.
 */
const uint8_t *noise_handshake_remote(const struct noise_handshake *h);

/*
 * noise_handshake_hash() - what names this handshake and no other
 *
 * The same on both ends, and not secret: for channel binding. Borrowed until
 * fini; NULL unless done.
 */
const uint8_t *noise_handshake_hash(const struct noise_handshake *h);

/*
 * noise_handshake_split() - take the keys of both directions
 *
 * Once, when done, which is asserted; then the handshake forgets all secrets.
 * ret_exporter, unless NULL, gets a secret of the two ends that is independent
 * of both keys, for deriving others from: the third output of the HKDF whose
 * first two are the keys. Returns 0, or -ENOMEM; then there are no keys, and
 * the handshake is dead.
 */
int noise_handshake_split(struct noise_handshake *h, struct noise_key *ret_send,
			  struct noise_key *ret_receive, uint8_t *ret_exporter);

#endif
