/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handshake of a circuit: OPEN, ACCEPT, CONFIRM.
 *
 * docs/design/trunk.md, section 5. A derived circuit takes over what its trunk
 * has agreed on; the others have a Noise handshake of their own, whose messages
 * ride in these frames. A message is made when it is wanted and kept until there
 * is room to send it.
 */
#include "trunk/core.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/crypto.h>

#include "trunk/relay.h"

struct circuit_handshake {
	struct noise_handshake noise;    /* zeroed in derived circuits */
	struct noise_pair own;           /* of the dialled; zeroed: none */
	const struct noise_pair *local;  /* who we are here; NULL: nobody */
	struct noise_key tx_key, rx_key; /* when they are split */
	enum noise_pattern pattern;
	enum noise_cipher cipher;
	bool has_pinned;
	uint8_t pinned[VIF_KEY_LEN]; /* who the far end has to be */
	uint8_t open[CORE_OPEN_FIXED + VIF_CIRCUIT_SERVICE_MAX];
	size_t open_len;                /* of OPEN, without the Noise message */
	uint8_t message[CORE_OPEN_MAX]; /* body that waits to be sent */
	size_t message_len;
};

/* Values of the protocol. */
enum dial_pattern {
	DIAL_XX = 1,
	DIAL_IK = 2,
};

enum dial_suite {
	DIAL_CHACHAPOLY = 1,
	DIAL_AESGCM = 2,
};

static const uint8_t no_key[VIF_KEY_LEN];

void dial_free(struct vif_circuit *circuit)
{
	struct circuit_handshake *handshake = circuit->handshake;

	if (!handshake)
		return;
	noise_handshake_fini(&handshake->noise);
	noise_pair_fini(&handshake->own);
	noise_key_fini(&handshake->tx_key);
	noise_key_fini(&handshake->rx_key);
	free(handshake);
	circuit->handshake = NULL;
}

const uint8_t *dial_pinned(const struct vif_circuit *circuit)
{
	const struct circuit_handshake *handshake = circuit->handshake;

	return handshake && handshake->has_pinned ? handshake->pinned : NULL;
}

/* What each end tells the other about its windows. */
static void put_hello(const struct vif_trunk *trunk, uint8_t *to)
{
	put_be32(to, trunk->config.circuit_window);
	put_be32(to + 4, trunk->config.flow_window);
	put_be32(to + 8, trunk->config.flows_max);
}

static void got_hello(struct vif_circuit *circuit, const uint8_t *from)
{
	circuit->tx_credit.limit = get_be32(from);
	circuit->peer_flow_window = get_be32(from + 4);
	circuit->flows_max = get_be32(from + 8);
}

/* Names everything both ends have seen of this circuit. */
static int prologue(struct vif_circuit *circuit,
		    uint8_t ret_prologue[NOISE_HASH_LEN])
{
	static const char label[] = "vif trunk 1 circuit";
	struct vif_trunk *trunk = circuit->trunk;
	struct circuit_handshake *handshake = circuit->handshake;
	bool is_bound = circuit->mode == VIF_CIRCUIT_BOUND;
	uint8_t len[4];
	struct iovec piece[] = {
		{ (void *)(uintptr_t)label, sizeof(label) - 1 },
		{ len, sizeof(len) },
		{ handshake->open, handshake->open_len },
		{ trunk->hash, sizeof(trunk->hash) },
	};

	put_be32(len, (uint32_t)handshake->open_len);
	return noise_hash(&trunk->crypto, piece, is_bound ? 4 : 3,
			  ret_prologue);
}

static int start_noise(struct vif_circuit *circuit)
{
	struct vif_trunk *trunk = circuit->trunk;
	struct circuit_handshake *handshake = circuit->handshake;
	uint8_t hash[NOISE_HASH_LEN];
	struct noise_config config = {
		.pattern = handshake->pattern,
		.cipher = handshake->cipher,
		.role = circuit->is_local ? NOISE_INITIATOR : NOISE_RESPONDER,
		.prologue = hash,
		.prologue_len = sizeof(hash),
		.local = handshake->local,
		.random = trunk->config.random,
		.random_user = trunk->config.user,
	};
	int r = prologue(circuit, hash);

	if (circuit->is_local && handshake->pattern == NOISE_IK)
		config.remote = handshake->pinned;
	return r < 0 ? r :
		       noise_handshake_init(&handshake->noise, &trunk->crypto,
					    &config);
}

/* Appends the next message of Noise to what waits to be sent. */
static int add_message(struct circuit_handshake *handshake,
		       const uint8_t *payload, size_t payload_len)
{
	size_t len;
	int r = noise_handshake_write(
		&handshake->noise, payload, payload_len,
		handshake->message + handshake->message_len,
		sizeof(handshake->message) - handshake->message_len, &len);

	if (r == 0)
		handshake->message_len += len;
	return r;
}

static void set_local(struct vif_circuit *circuit,
		      const struct noise_pair *local)
{
	circuit->handshake->local = local;
	circuit->has_local = local;
	if (local)
		memcpy(circuit->local, local->public_key, VIF_KEY_LEN);
}

int dial_init(struct vif_circuit *circuit,
	      const struct vif_circuit_config *config)
{
	struct vif_trunk *trunk = circuit->trunk;
	struct circuit_handshake *handshake = calloc(1, sizeof(*handshake));

	if (!handshake)
		return -ENOMEM;
	circuit->handshake = handshake;
	handshake->pattern = config->remote ? NOISE_IK : NOISE_XX;
	handshake->cipher = trunk->has_aes ? NOISE_AESGCM : NOISE_CHACHAPOLY;
	if (config->remote) {
		handshake->has_pinned = true;
		memcpy(handshake->pinned, config->remote, VIF_KEY_LEN);
		if (!noise_public_key_is_canonical(handshake->pinned))
			return -EINVAL;
	}
	if (config->identity) {
		int r = noise_pair_init(&handshake->own, &trunk->crypto,
					config->identity);

		if (r < 0)
			return r;
	}
	set_local(circuit, config->identity    ? &handshake->own :
			   trunk->has_identity ? &trunk->identity :
						 NULL);
	return 0;
}

/* Writes the fixed part of OPEN and the service. */
static void put_open(struct vif_circuit *circuit)
{
	struct circuit_handshake *handshake = circuit->handshake;
	size_t service_len = strlen(circuit->service);
	uint8_t *to = handshake->open;
	bool has_noise = circuit->mode != VIF_CIRCUIT_DERIVED;

	to[0] = (uint8_t)circuit->mode;
	if (has_noise)
		to[1] = handshake->pattern == NOISE_IK ? DIAL_IK : DIAL_XX;
	if (circuit->mode == VIF_CIRCUIT_SEALED)
		to[2] = handshake->cipher == NOISE_AESGCM ? DIAL_AESGCM :
							    DIAL_CHACHAPOLY;
	else
		handshake->cipher = NOISE_CHACHAPOLY;
	put_hello(circuit->trunk, to + 4);
	if (handshake->has_pinned)
		memcpy(to + 16, handshake->pinned, VIF_KEY_LEN);
	to[48] = (uint8_t)service_len;
	memcpy(to + CORE_OPEN_FIXED, circuit->service, service_len);
	handshake->open_len = CORE_OPEN_FIXED + service_len;
}

int dial_start(struct vif_circuit *circuit)
{
	struct circuit_handshake *handshake = circuit->handshake;
	int r = 0;

	put_open(circuit);
	memcpy(handshake->message, handshake->open, handshake->open_len);
	handshake->message_len = handshake->open_len;
	if (circuit->mode != VIF_CIRCUIT_DERIVED) {
		r = start_noise(circuit);
		if (r == 0)
			r = add_message(handshake, NULL, 0);
	}
	if (r < 0)
		return r;
	circuit_enter(circuit, CIRCUIT_OPENING);
	circuit_want(circuit, WANTS_OPEN);
	return 0;
}

const uint8_t *dial_message(const struct vif_circuit *circuit, size_t *ret_len)
{
	*ret_len = circuit->handshake->message_len;
	return circuit->handshake->message;
}

/* It is the trunk's other side, which may not be who was dialled. */
static int derive_remote(struct vif_circuit *circuit)
{
	const struct circuit_handshake *handshake = circuit->handshake;
	const struct vif_trunk *trunk = circuit->trunk;

	if (handshake->has_pinned &&
	    !(trunk->has_remote &&
	      CRYPTO_memcmp(trunk->remote, handshake->pinned, VIF_KEY_LEN) ==
		      0))
		return -EACCES;
	circuit->has_remote = trunk->has_remote;
	memcpy(circuit->remote, trunk->remote, VIF_KEY_LEN);
	return 0;
}

/* The number is in it, so that two circuits alike have two exporters. */
static int derive(struct vif_circuit *circuit)
{
	static const char label[] = "vif circuit";
	const struct circuit_handshake *handshake = circuit->handshake;
	struct vif_trunk *trunk = circuit->trunk;
	uint8_t ikm[sizeof(label) - 1 + 4 + sizeof(handshake->open)];
	uint8_t out[1][NOISE_HASH_LEN];
	int r = derive_remote(circuit);

	if (r < 0)
		return r;
	memcpy(ikm, label, sizeof(label) - 1);
	put_be32(ikm + sizeof(label) - 1, circuit->node.id);
	memcpy(ikm + sizeof(label) + 3, handshake->open, handshake->open_len);
	r = noise_hkdf(&trunk->crypto, trunk->exporter, ikm,
		       sizeof(label) + 3 + handshake->open_len, out, 1);
	memcpy(circuit->exporter, out[0], sizeof(circuit->exporter));
	noise_wipe(out, sizeof(out));
	circuit->has_exporter = r == 0;
	return r;
}

/* Takes the keys out of a handshake that is done. */
static int split(struct vif_circuit *circuit)
{
	struct circuit_handshake *handshake = circuit->handshake;
	int r = noise_handshake_split(&handshake->noise, &handshake->tx_key,
				      &handshake->rx_key, circuit->exporter);

	circuit->has_exporter = r == 0;
	return r;
}

/* The handshake is over: what has to seal and open does so from now on. */
static void use_keys(struct vif_circuit *circuit)
{
	struct circuit_handshake *handshake = circuit->handshake;

	if (circuit->mode != VIF_CIRCUIT_SEALED)
		return;
	bucket_init(&circuit->rekeys, CORE_REKEYS, CORE_REKEYS_PER_SECOND,
		    circuit->trunk->now_ns);
	seal_begin(&circuit->tx_seal, &handshake->tx_key,
		   circuit->trunk->now_ns);
	seal_begin(&circuit->rx_seal, &handshake->rx_key,
		   circuit->trunk->now_ns);
}

/* Whether the far end is who it has to be, and welcome. */
static bool judge_remote(struct vif_circuit *circuit)
{
	const struct circuit_handshake *handshake = circuit->handshake;
	const struct vif_trunk_config *config = &circuit->trunk->config;
	const uint8_t *key = noise_handshake_remote(&handshake->noise);

	assert(key);
	if (handshake->has_pinned &&
	    CRYPTO_memcmp(key, handshake->pinned, VIF_KEY_LEN) != 0)
		return false;
	/* Ourselves, unless that is who was dialled: somebody reflects. */
	if (!handshake->has_pinned &&
	    CRYPTO_memcmp(key, circuit->local, VIF_KEY_LEN) == 0)
		return false;
	memcpy(circuit->remote, key, VIF_KEY_LEN);
	circuit->has_remote = true;
	return !config->authorize || config->authorize(config->user, key);
}

/* Ends the circuit if a step of its handshake has failed. */
static bool failed(struct vif_circuit *circuit, int r)
{
	if (r == -EACCES)
		circuit_fault(circuit, VIF_REASON_IDENTITY, "");
	else if (r < 0)
		circuit_fault(circuit,
			      r == -ENOMEM ? VIF_REASON_MEMORY :
					     VIF_REASON_HANDSHAKE,
			      "the handshake failed");
	return r < 0;
}

/* What an OPEN says, in the form that this side can check. */
struct open_body {
	uint8_t mode, pattern, suite;
	const uint8_t *destination;
	size_t len; /* without the Noise message */
	/* What it is to this trunk, by find_us(): */
	bool is_us;
	bool is_hidden; /* nobody is to find out that it is */
	const struct noise_pair *local;
};

static bool read_open(const uint8_t *body, size_t len,
		      struct open_body *ret_open)
{
	struct open_body open = { .len = CORE_OPEN_FIXED };

	if (len < CORE_OPEN_FIXED)
		return false;
	open.mode = body[0];
	open.pattern = body[1];
	open.suite = body[2];
	open.destination = body + 16;
	open.len += body[48];
	if (len < open.len || body[3] != 0 ||
	    !text_is_clean(body + CORE_OPEN_FIXED, body[48]))
		return false;
	*ret_open = open;
	if (open.mode == VIF_CIRCUIT_DERIVED)
		return open.pattern == 0 && open.suite == 0 && len == open.len;
	return (open.mode == VIF_CIRCUIT_BOUND ?
			open.suite == 0 :
		open.mode == VIF_CIRCUIT_SEALED ?
			open.suite == DIAL_CHACHAPOLY ||
				open.suite == DIAL_AESGCM :
			false) &&
	       (open.pattern == DIAL_XX || open.pattern == DIAL_IK);
}

static bool is_trunks(const struct vif_trunk *trunk, const uint8_t *destination)
{
	return memcmp(destination, no_key, VIF_KEY_LEN) == 0 ||
	       (trunk->has_identity &&
		memcmp(destination, trunk->identity.public_key, VIF_KEY_LEN) ==
			0);
}

/*
 * Identities besides the trunk's own are nobody's business: only who proves in
 * his first message that he is welcome gets another answer than for a key that
 * is not here. XX would answer anybody.
 */
static void find_us(const struct vif_trunk *trunk, struct open_body *open)
{
	if (is_trunks(trunk, open->destination)) {
		open->is_us = true;
		open->local = trunk->has_identity ? &trunk->identity : NULL;
	} else if (trunk->is_listening && open->pattern == DIAL_IK) {
		open->local = identity_find(trunk, open->destination);
		open->is_us = open->is_hidden = open->local;
	}
}

/* Why a circuit cannot be had; VIF_REASON_NONE when it can. */
static enum vif_reason refusal(const struct vif_trunk *trunk,
			       const struct open_body *open)
{
	if (trunk->is_closing)
		return VIF_REASON_DRAINING;
	if (open->is_us && !trunk->is_listening)
		return VIF_REASON_REFUSED;
	if (trunk->n_remote > trunk->config.circuits_max ||
	    trunk->n_handshakes > trunk->config.handshakes_max)
		return VIF_REASON_LIMIT;
	if (open->is_us && open->mode != VIF_CIRCUIT_DERIVED && !open->local)
		return VIF_REASON_IDENTITY;
	return VIF_REASON_NONE;
}

/* Reads message 1 and prepares the answer. */
static int answer(struct vif_circuit *circuit, const struct open_body *open,
		  const uint8_t *message, size_t len)
{
	struct circuit_handshake *handshake = circuit->handshake;
	uint8_t hello[CORE_HELLO_LEN];
	size_t payload_len;
	int r;

	put_hello(circuit->trunk, hello);
	if (open->mode == VIF_CIRCUIT_DERIVED) {
		memcpy(handshake->message, hello, sizeof(hello));
		handshake->message_len = sizeof(hello);
		return derive(circuit);
	}
	handshake->pattern = open->pattern == DIAL_IK ? NOISE_IK : NOISE_XX;
	handshake->cipher =
		open->suite == DIAL_AESGCM ? NOISE_AESGCM : NOISE_CHACHAPOLY;
	r = start_noise(circuit);
	if (r == 0)
		r = noise_handshake_read(&handshake->noise, message, len, NULL,
					 0, &payload_len);
	if (r < 0)
		return r;
	/* In IK the first message says who it is. */
	if (handshake->pattern == NOISE_IK && !judge_remote(circuit))
		return -EACCES;
	r = add_message(handshake, hello, sizeof(hello));
	return r == 0 && handshake->pattern == NOISE_IK ? split(circuit) : r;
}

static struct vif_circuit *incoming(struct vif_trunk *trunk,
				    const struct frame_header *frame)
{
	struct vif_circuit *circuit;

	if (circuit_new(trunk, false, &circuit) < 0)
		return NULL;
	circuit->handshake = calloc(1, sizeof(*circuit->handshake));
	if (!circuit->handshake) {
		circuit_end(circuit, VIF_REASON_MEMORY, "", false);
		return NULL;
	}
	circuit->node.id = frame->id;
	id_table_add(&trunk->circuit_table, &circuit->node);
	return circuit;
}

/* Everything about an OPEN that is the opener's to keep to. */
static bool is_in_turn(struct vif_trunk *trunk,
		       const struct frame_header *frame)
{
	if (frame->id != trunk->next_remote || frame->id > UINT32_MAX - 2)
		(void)trunk_end(trunk, VIF_REASON_PROTOCOL, true,
				"circuit %u was opened out of turn", frame->id);
	else if (trunk->peer_said_drained)
		(void)trunk_end(trunk, VIF_REASON_PROTOCOL, true,
				"a circuit was opened after DRAINED");
	else if (!bucket_take(&trunk->bucket.circuits, trunk->now_ns, 1))
		(void)trunk_end(trunk, VIF_REASON_FLOOD, true,
				"too many circuits were opened");
	else if (trunk->n_remote >= trunk->config.circuits_max + CORE_SHUTS)
		(void)trunk_end(trunk, VIF_REASON_FLOOD, true,
				"too many circuits wait to be shut");
	else
		return true;
	return false;
}

/* It is for us: answer, and wait for the last word. */
static enum vif_reason accept_open(struct vif_circuit *circuit,
				   const struct frame_header *frame,
				   const uint8_t *body,
				   const struct open_body *open)
{
	struct vif_trunk *trunk = circuit->trunk;
	int r;

	memcpy(circuit->service, body + CORE_OPEN_FIXED, body[48]);
	memcpy(circuit->handshake->open, body, open->len);
	circuit->handshake->open_len = open->len;
	got_hello(circuit, body + 4);
	set_local(circuit, open->local);
	r = answer(circuit, open, body + open->len, frame->len - open->len);
	if (r < 0 && open->is_hidden)
		return VIF_REASON_NO_ROUTE;
	if (failed(circuit, r))
		return VIF_REASON_NONE;
	/* Not before: for a key that is not here memory is no matter. */
	if (!window_open(circuit))
		return VIF_REASON_LIMIT;
	circuit->deadline_ns =
		time_after(trunk, trunk->config.circuit_handshake_ns);
	circuit_want(circuit, WANTS_ACCEPT);
	return VIF_REASON_NONE;
}

/* Takes it, here or behind another trunk; or says why not. */
static enum vif_reason judge_open(struct vif_circuit *circuit,
				  const struct frame_header *frame,
				  const uint8_t *body,
				  const struct open_body *open)
{
	enum vif_reason reason = refusal(circuit->trunk, open);

	if (reason != VIF_REASON_NONE)
		return reason;
	if (!circuit_got_hop(circuit, frame->value))
		return VIF_REASON_PROTOCOL;
	if (!open->is_us)
		return open->mode == VIF_CIRCUIT_SEALED ?
			       relay_open(circuit, frame, body,
					  open->destination) :
			       VIF_REASON_NO_ROUTE;
	return accept_open(circuit, frame, body, open);
}

void dial_got_open(struct vif_trunk *trunk, const struct frame_header *frame,
		   const uint8_t *body)
{
	struct open_body open;
	struct vif_circuit *circuit;
	enum vif_reason reason;

	if (!is_in_turn(trunk, frame))
		return;
	trunk->next_remote += 2;
	if (!read_open(body, frame->len, &open)) {
		(void)trunk_end(trunk, VIF_REASON_PROTOCOL, true,
				"an OPEN made no sense");
		return;
	}
	find_us(trunk, &open);
	circuit = incoming(trunk, frame);
	if (!circuit) {
		(void)trunk_end(trunk, VIF_REASON_MEMORY, true, "no memory");
		return;
	}
	circuit->mode = (enum vif_circuit_mode)open.mode;
	circuit_enter(circuit, CIRCUIT_CONFIRMING);
	trunk->n_handshakes++;
	reason = judge_open(circuit, frame, body, &open);
	if (reason == VIF_REASON_NONE)
		return;
	trunk->stats.refused_circuits++;
	circuit_end(circuit, reason, "", true);
}

int dial_keep(struct vif_circuit *circuit, const uint8_t *body, size_t len)
{
	if (!circuit->handshake)
		circuit->handshake = calloc(1, sizeof(*circuit->handshake));
	if (!circuit->handshake)
		return -ENOMEM;
	assert(len <= sizeof(circuit->handshake->message));
	memcpy(circuit->handshake->message, body, len);
	circuit->handshake->message_len = len;
	return 0;
}

/* The opener's last word: message 3, or a proof that it has the keys. */
static int confirm(struct vif_circuit *circuit)
{
	struct circuit_handshake *handshake = circuit->handshake;
	int r;

	handshake->message_len = 0;
	if (circuit->mode == VIF_CIRCUIT_DERIVED)
		return derive(circuit);
	if (!judge_remote(circuit))
		return -EACCES;
	if (handshake->pattern == NOISE_XX) {
		r = add_message(handshake, NULL, 0);
		return r < 0 ? r : split(circuit);
	}
	r = split(circuit);
	if (r == 0)
		r = noise_key_seal(&handshake->tx_key, NULL, 0, NULL, 0,
				   handshake->message);
	handshake->message_len = NOISE_TAG_LEN;
	return r;
}

void dial_got_accept(struct vif_circuit *circuit,
		     const struct frame_header *frame, const uint8_t *body)
{
	struct circuit_handshake *handshake = circuit->handshake;
	uint8_t hello[CORE_HELLO_LEN];
	size_t len = frame->len;
	int r = 0;

	if (circuit->state != CIRCUIT_OPENING || circuit->wants & WANTS_OPEN ||
	    !circuit_got_hop(circuit, frame->value)) {
		circuit_fault(circuit, VIF_REASON_PROTOCOL,
			      "an ACCEPT came out of turn");
		return;
	}
	if (circuit->mode != VIF_CIRCUIT_DERIVED)
		r = noise_handshake_read(&handshake->noise, body, len, hello,
					 sizeof(hello), &len);
	else if (len == sizeof(hello))
		memcpy(hello, body, sizeof(hello));
	if (r == 0 && len != sizeof(hello))
		r = -EBADMSG;
	if (r == 0)
		r = confirm(circuit);
	if (failed(circuit, r))
		return;
	got_hello(circuit, hello);
	use_keys(circuit);
	circuit_want(circuit, WANTS_CONFIRM);
	circuit_became_open(circuit);
}

static int check_confirm(struct vif_circuit *circuit, const uint8_t *body,
			 size_t len)
{
	struct circuit_handshake *handshake = circuit->handshake;
	uint8_t none[1];
	size_t payload_len;
	int r;

	if (circuit->mode == VIF_CIRCUIT_DERIVED)
		return len == 0 ? 0 : -EBADMSG;
	if (handshake->pattern == NOISE_IK)
		return len == NOISE_TAG_LEN ?
			       noise_key_open(&handshake->rx_key, NULL, 0, body,
					      0, none) :
			       -EBADMSG;
	r = noise_handshake_read(&handshake->noise, body, len, NULL, 0,
				 &payload_len);
	if (r < 0)
		return r;
	return judge_remote(circuit) ? split(circuit) : -EACCES;
}

void dial_got_confirm(struct vif_circuit *circuit, const uint8_t *body,
		      size_t len)
{
	int r;

	if (circuit->state != CIRCUIT_CONFIRMING ||
	    circuit->wants & WANTS_ACCEPT) {
		circuit_fault(circuit, VIF_REASON_PROTOCOL,
			      "a CONFIRM came out of turn");
		return;
	}
	r = check_confirm(circuit, body, len);
	if (failed(circuit, r))
		return;
	use_keys(circuit);
	circuit_became_open(circuit);
}
