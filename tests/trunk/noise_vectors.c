/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Plays both ends of Noise sessions that somebody else has written down, and
 * compares every byte. Reads lines from its input, of these words, with "-" for
 * no bytes:
 *
 *	protocol NAME           begins a session
 *	prologue HEX
 *	static0 HEX             secret of the initiator, if the pattern has one
 *	static1 HEX             of the responder
 *	ephemeral0 HEX
 *	ephemeral1 HEX
 *	psk HEX
 *	message PLAIN SEALED    of the initiator first, then by turns; those
 *	                        after the handshake are records
 *	hash HEX                of the handshake
 *	exporter HEX
 *	nonce N                 of the next record either way
 *	rekey                   both ways
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "tests/noise_rig.h"

enum noise_vectors_sizes {
	BYTES_MAX = NOISE_MESSAGE_LEN_MAX + NOISE_TAG_LEN,
	WORDS_MAX = 3,
};

struct bytes {
	uint8_t at[BYTES_MAX];
	size_t len;
};

struct session {
	char protocol[NOISE_NAME_SIZE];
	struct bytes prologue;
	struct bytes secret[2]; /* by role, as all of these */
	struct bytes ephemeral[2];
	struct bytes psk;
	struct noise_pair pair[2];
	struct noise_handshake end[2];
	struct noise_key send[2];
	struct noise_key receive[2];
	uint8_t exporter[2][NOISE_KEY_LEN];
	bool is_started;
	bool is_split;
	unsigned int n_message;
};

static struct noise_crypto crypto;
static struct session session;
static unsigned long n_line;
static unsigned long n_session;

static _Noreturn void fail(const char *what)
{
	(void)fprintf(stderr, "line %lu, %s, message %u: %s\n", n_line,
		      session.protocol, session.n_message, what);
	/* There is one thread. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	exit(1);
}

static void must(bool holds, const char *what)
{
	if (!holds)
		fail(what);
}

static void must_equal(const void *got, const void *want, size_t len,
		       const char *what)
{
	must(len == 0 || memcmp(got, want, len) == 0, what);
}

static unsigned int digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	size_t at = strcspn(digits, (const char[]){ c, '\0' });

	must(c != '\0' && digits[at] != '\0', "no hexadecimal digit");
	return (unsigned int)at;
}

static void read_hex(const char *hex, struct bytes *ret_bytes)
{
	size_t len = strcmp(hex, "-") == 0 ? 0 : strlen(hex) / 2;

	must(len <= sizeof(ret_bytes->at), "too many bytes");
	ret_bytes->len = len;
	for (size_t i = 0; i < len; i++)
		ret_bytes->at[i] = (uint8_t)(digit(hex[2 * i]) << 4 |
					     digit(hex[2 * i + 1]));
}

static int give_ephemeral(void *user, uint8_t *ret_bytes, size_t len)
{
	const struct bytes *ephemeral = user;

	if (ephemeral->len != len)
		return -EINVAL;
	memcpy(ret_bytes, ephemeral->at, len);
	return 0;
}

/* Start */

static void end_session(void)
{
	for (unsigned int i = 0; i < 2; i++) {
		noise_key_fini(&session.send[i]);
		noise_key_fini(&session.receive[i]);
		noise_handshake_fini(&session.end[i]);
		noise_pair_fini(&session.pair[i]);
	}
	memset(&session, 0, sizeof(session));
}

/* The one of all that can be had whose name this is. */
static struct noise_rig_case find_case(void)
{
	struct noise_rig_case c = NOISE_RIG_FIRST;

	do {
		struct noise_config config = {
			.pattern = c.pattern,
			.cipher = c.cipher,
			.psk = c.psk_place < 0 ? NULL : noise_rig_psk,
			.psk_place = (unsigned int)c.psk_place,
		};
		char name[NOISE_NAME_SIZE];

		(void)noise_name(&config, name);
		if (strcmp(name, session.protocol) == 0)
			return c;
	} while (noise_rig_next(&c));
	fail("unknown protocol");
}

static void start_end(const struct noise_rig_case *c, unsigned int role)
{
	const struct noise_rig_pattern *pattern =
		&noise_rig_patterns[c->pattern];
	struct noise_config config = {
		.pattern = c->pattern,
		.cipher = c->cipher,
		.role = role == 0 ? NOISE_INITIATOR : NOISE_RESPONDER,
		.prologue = session.prologue.at,
		.prologue_len = session.prologue.len,
		.local = pattern->has_static[role] ? &session.pair[role] : NULL,
		.remote = pattern->knows_static[role] ?
				  session.pair[1 - role].public_key :
				  NULL,
		.psk = c->psk_place < 0 ? NULL : session.psk.at,
		.psk_place = (unsigned int)c->psk_place,
		.random = give_ephemeral,
		.random_user = &session.ephemeral[role],
	};

	must(noise_handshake_init(&session.end[role], &crypto, &config) == 0,
	     "init");
}

static void start(void)
{
	struct noise_rig_case c = find_case();

	for (unsigned int i = 0; i < 2; i++) {
		if (!noise_rig_patterns[c.pattern].has_static[i])
			continue;
		must(session.secret[i].len == NOISE_KEY_LEN, "no secret");
		must(noise_pair_init(&session.pair[i], &crypto,
				     session.secret[i].at) == 0,
		     "pair");
	}
	must(c.psk_place < 0 || session.psk.len == NOISE_KEY_LEN, "no psk");
	start_end(&c, 0);
	start_end(&c, 1);
	session.is_started = true;
}

static void split(void)
{
	for (unsigned int i = 0; i < 2; i++)
		must(noise_handshake_split(&session.end[i], &session.send[i],
					   &session.receive[i],
					   session.exporter[i]) == 0,
		     "split");
	session.is_split = true;
}

/* Messages */

static void pass_message(const struct bytes *plain, const struct bytes *sealed)
{
	struct noise_handshake *writer = &session.end[session.n_message % 2];
	struct noise_handshake *reader =
		&session.end[(session.n_message + 1) % 2];
	static uint8_t out[BYTES_MAX];
	size_t len;

	must(noise_handshake_write(writer, plain->at, plain->len, out,
				   sizeof(out), &len) == 0,
	     "write");
	must(len == sealed->len, "length of the message");
	must_equal(out, sealed->at, len, "bytes of the message");
	must(noise_handshake_read(reader, sealed->at, sealed->len, out,
				  sizeof(out), &len) == 0,
	     "read");
	must(len == plain->len, "length of the payload");
	must_equal(out, plain->at, len, "bytes of the payload");
}

static void pass_record(const struct bytes *plain, const struct bytes *sealed)
{
	struct noise_key *send = &session.send[session.n_message % 2];
	struct noise_key *receive =
		&session.receive[(session.n_message + 1) % 2];
	static uint8_t record[BYTES_MAX];

	must(plain->len + NOISE_TAG_LEN == sealed->len, "length of the record");
	memcpy(record, plain->at, plain->len);
	must(noise_key_seal(send, NULL, 0, record, plain->len, record) == 0,
	     "seal");
	must_equal(record, sealed->at, sealed->len, "bytes of the record");
	must(noise_key_open(receive, NULL, 0, record, plain->len, record) == 0,
	     "open");
	must_equal(record, plain->at, plain->len, "bytes of the content");
}

static void take_message(char **word)
{
	static struct bytes plain;
	static struct bytes sealed;

	read_hex(word[1], &plain);
	read_hex(word[2], &sealed);
	if (!session.is_started)
		start();
	if (session.is_split)
		pass_record(&plain, &sealed);
	else
		pass_message(&plain, &sealed);
	session.n_message++;
	if (!session.is_split && noise_handshake_is_done(&session.end[0]))
		split();
}

/* Words */

static void take_protocol(char **word)
{
	end_session();
	n_session++;
	(void)snprintf(session.protocol, sizeof(session.protocol), "%s",
		       word[1]);
}

static void take_hash(char **word)
{
	static struct bytes hash;

	read_hex(word[1], &hash);
	must(session.is_split && hash.len == NOISE_HASH_LEN, "no hash");
	for (unsigned int i = 0; i < 2; i++)
		must_equal(noise_handshake_hash(&session.end[i]), hash.at,
			   hash.len, "hash");
}

static void take_exporter(char **word)
{
	static struct bytes exporter;

	read_hex(word[1], &exporter);
	must(session.is_split && exporter.len == NOISE_KEY_LEN, "no exporter");
	for (unsigned int i = 0; i < 2; i++)
		must_equal(session.exporter[i], exporter.at, exporter.len,
			   "exporter");
}

static void take_nonce(char **word)
{
	uint64_t nonce = strtoull(word[1], NULL, 10);

	for (unsigned int i = 0; i < 2; i++) {
		session.send[i].nonce = nonce;
		session.receive[i].nonce = nonce;
	}
}

static void take_rekey(char **word)
{
	(void)word;
	must(session.is_split, "no keys");
	for (unsigned int i = 0; i < 2; i++)
		must(noise_key_rekey(&session.send[i]) == 0 &&
			     noise_key_rekey(&session.receive[i]) == 0,
		     "rekey");
}

/* Words that are only noted down. */
static const struct {
	const char *name;
	struct bytes *bytes;
} notes[] = {
	{ "prologue", &session.prologue },
	{ "static0", &session.secret[0] },
	{ "static1", &session.secret[1] },
	{ "ephemeral0", &session.ephemeral[0] },
	{ "ephemeral1", &session.ephemeral[1] },
	{ "psk", &session.psk },
};

static const struct {
	const char *name;
	unsigned int n_word;
	void (*take)(char **word);
} orders[] = {
	{ "protocol", 2, take_protocol }, { "message", 3, take_message },
	{ "hash", 2, take_hash },         { "exporter", 2, take_exporter },
	{ "nonce", 2, take_nonce },       { "rekey", 1, take_rekey },
};

static void take(char **word, unsigned int n_word)
{
	for (size_t i = 0; i < ARRAY_LEN(notes); i++) {
		if (strcmp(notes[i].name, word[0]) != 0)
			continue;
		must(n_word == 2, "how many words");
		read_hex(word[1], notes[i].bytes);
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(orders); i++) {
		if (strcmp(orders[i].name, word[0]) != 0)
			continue;
		must(n_word == orders[i].n_word, "how many words");
		orders[i].take(word);
		return;
	}
	fail("unknown word");
}

static void take_line(char *line)
{
	char *word[WORDS_MAX];
	unsigned int n = 0;
	char *rest = line;
	char *at;

	n_line++;
	while ((at = strtok_r(rest, " \n", &rest))) {
		must(n < WORDS_MAX, "too many words");
		word[n++] = at;
	}
	if (n > 0)
		take(word, n);
}

int main(void)
{
	char *line = NULL;
	size_t size = 0;

	must(noise_crypto_init(&crypto) == 0, "libcrypto");
	while (getline(&line, &size, stdin) >= 0)
		take_line(line);
	free(line);
	end_session();
	noise_crypto_fini(&crypto);
	must(n_session > 0, "no session in the input");
	(void)printf("%lu sessions\n", n_session);
	return 0;
}
