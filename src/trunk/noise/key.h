/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One direction of a channel: a key, set once, and the number of the next
 * record (CipherState of the Noise Protocol Framework, revision 34).
 *
 * Records are counted from 0 on both ends and the number is never sent, so a
 * record that is lost, repeated, or out of order does not open. Each direction
 * has its own key and object: one thread at a time for each, both in parallel.
 * May be moved in memory. Nothing is allocated after init.
 */
#ifndef TRUNK_NOISE_KEY_H
#define TRUNK_NOISE_KEY_H

#include "trunk/noise/crypto.h"

enum noise_direction {
	NOISE_SEAL,
	NOISE_OPEN,
};

/*
 * So many records go under one key. 2^64-1 is reserved for the change of keys;
 * this is so far below that no arithmetic on numbers of records can wrap.
 */
#define NOISE_NONCE_MAX ((uint64_t)1 << 63)

struct noise_key {
	EVP_CIPHER_CTX *ctx; /* has the key; no copy of it is kept elsewhere */
	enum noise_cipher cipher;
	enum noise_direction direction;
	uint64_t nonce; /* of the next record; only tests set it */
};

/*
 * noise_key_init() - take a key into use
 *
 * The key is copied, and the caller wipes its own. Returns 0 or -ENOMEM; then
 * fini is allowed.
 */
int noise_key_init(struct noise_key *key, const struct noise_crypto *crypto,
		   enum noise_cipher cipher, enum noise_direction direction,
		   const uint8_t secret[NOISE_KEY_LEN]);

/* noise_key_fini() - wipes the key; also on zeroed memory, and twice. */
void noise_key_fini(struct noise_key *key);

/*
 * noise_key_seal() - encrypt and authenticate the next record
 *
 * Writes len + NOISE_TAG_LEN bytes. from may be to, for sealing in place;
 * otherwise they do not overlap. aad is authenticated, but not part of the
 * output. Returns 0, -EKEYEXPIRED at NOISE_NONCE_MAX records, or -EIO when
 * libcrypto fails; then what was written is of no use, and the number stays.
 */
int noise_key_seal(struct noise_key *key, const void *aad, size_t aad_len,
		   const uint8_t *from, size_t len, uint8_t *to);

/*
 * noise_key_open() - verify and decrypt the next record
 *
 * len is without the tag, which follows the ciphertext: from has len +
 * NOISE_TAG_LEN bytes, and len are written. from may be to; otherwise they do
 * not overlap. Returns 0, -EBADMSG when the record is not the one that was
 * sealed, or -EKEYEXPIRED. On failure the number stays, and what was
 * written is wiped, so that nobody looks at bytes that are not authentic.
 */
int noise_key_open(struct noise_key *key, const void *aad, size_t aad_len,
		   const uint8_t *from, size_t len, uint8_t *to);

/*
 * noise_key_rekey() - replace the key by one that does not lead back to it
 *
 * REKEY() of Noise; the other end does the same between the same two records.
 * The number of the next record stays. Returns 0 or -EIO; then the key is not
 * to be used any more.
 */
int noise_key_rekey(struct noise_key *key);

#endif
