/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The HELLO of a trunk: its body, and what two of them agree on.
 *
 * docs/design/trunk.md, section 3. The layout is the same in all versions, so
 * that ends which have no version in common can still tell each other. Pure
 * functions: nothing is kept, allocated, or judged but the form.
 */
#ifndef TRUNK_HELLO_H
#define TRUNK_HELLO_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum hello_limits {
	HELLO_FIXED_LEN = 40, /* before the lists */
	HELLO_BODY_MAX = 8192,
	HELLO_SUITES_MAX = 8,
	HELLO_PATTERNS_MAX = 16,
	HELLO_OPTIONS_MAX = 64,
	HELLO_RANDOM_LEN = 16,
	/* Of those that we write: they have no options. */
	HELLO_WRITTEN_MAX =
		HELLO_FIXED_LEN + HELLO_SUITES_MAX + HELLO_PATTERNS_MAX,
};

enum hello_version {
	HELLO_VERSION_MIN = 1,
	HELLO_VERSION_MAX = 1,
};

/* All are with 25519 and SHA256. */
enum hello_suite {
	HELLO_CHACHAPOLY = 1,
	HELLO_AESGCM = 2,
};

enum hello_pattern {
	HELLO_XX = 1,
	HELLO_IK = 2,
	HELLO_XK = 3,
	HELLO_NK = 4,
	HELLO_XXPSK3 = 17,
	HELLO_IKPSK2 = 18,
	HELLO_XKPSK3 = 19,
};

/* What a list names: bytes, best first. Those nobody knows are kept. */
struct hello_list {
	uint8_t n;
	uint8_t item[HELLO_PATTERNS_MAX];
};

/* What is used from now on; 0 for what there is nothing in common of. */
struct hello_choice {
	uint8_t version;
	uint8_t suite;
	uint8_t pattern;
};

struct hello {
	uint8_t version_min;
	uint8_t version_max;
	struct hello_choice choice; /* the accepter's */
	struct hello_list suites;
	struct hello_list patterns;
	uint16_t record_max;
	uint16_t circuits_max; /* that the other side may open */
	uint32_t window;
	uint8_t random[HELLO_RANDOM_LEN];
};

/* What is wrong with a body. */
enum hello_fault {
	HELLO_GOOD,
	HELLO_MAGIC, /* not for us at all */
	HELLO_LEN,
	HELLO_VERSIONS,
	HELLO_SUITES,
	HELLO_PATTERNS,
	HELLO_RESERVED,
	HELLO_RECORD_MAX,
	HELLO_OPTIONS,
	HELLO_FAULTS
};

/*
 * hello_read() - take a body apart
 *
 * Options are checked for their form, and skipped. ret_hello is unchanged when
 * there is a fault; the first one in the order of the enum, which is that of
 * the fields, is returned.
 */
enum hello_fault hello_read(const uint8_t *body, size_t len,
			    struct hello *ret_hello);

/* hello_fault_text() - a fault in words; "" for none */
const char *hello_fault_text(enum hello_fault fault);

/*
 * hello_write() - make a body
 *
 * What hello_read() would refuse is the caller's mistake and asserted. Returns
 * the length.
 */
size_t hello_write(const struct hello *hello, uint8_t to[HELLO_WRITTEN_MAX]);

/* hello_has() - whether a list names something */
bool hello_has(const struct hello_list *list, uint8_t item);

/*
 * hello_choose() - what has to be chosen, by the rules
 *
 * The same at both ends, so that the dialer can check what the accepter says.
 * Without a version in common the rest is 0 as well, as numbers have a meaning
 * in a version only.
 */
struct hello_choice hello_choose(const struct hello *dialer,
				 const struct hello *accepter);

#endif
