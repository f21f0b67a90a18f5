/* SPDX-License-Identifier: Apache-2.0 */
/* The HELLO of a trunk. */
#include "trunk/hello.h"

#include <assert.h>
#include <string.h>

#include <vif/trunk.h>

#include "wire/bytes.h"
#include "wire/trunk_record.h"

enum hello_offsets {
	MAGIC_AT = 0,
	VERSION_MIN_AT = 4,
	VERSION_MAX_AT = 5,
	VERSION_AT = 6,
	SUITE_AT = 7,
	PATTERN_AT = 8,
	N_SUITE_AT = 9,
	N_PATTERN_AT = 10,
	RESERVED_AT = 11,
	RECORD_MAX_AT = 12,
	CIRCUITS_MAX_AT = 14,
	WINDOW_AT = 16,
	RESERVED_WORD_AT = 20,
	RANDOM_AT = 24,
	OPTION_HEADER_LEN = 4,
};

static_assert((int)HELLO_SUITES_MAX <= (int)HELLO_PATTERNS_MAX,
	      "a list has room for either");
static_assert(RANDOM_AT + HELLO_RANDOM_LEN == HELLO_FIXED_LEN,
	      "the random bytes are the last field");

static const uint8_t magic[4] = { 0x56, 0x49, 0x46, 0x54 };

/* Whether a list is one: not empty, not too long, and without "none". */
static bool is_list(const struct hello_list *list, uint8_t n_max)
{
	return list->n >= 1 && list->n <= n_max && !hello_has(list, 0);
}

/* Of too long a list only the count is taken, which is judged later. */
static struct hello_list read_list(const uint8_t *from, uint8_t n)
{
	struct hello_list list = { .n = n };

	if (n <= sizeof(list.item))
		memcpy(list.item, from, n);
	return list;
}

static bool are_options(const uint8_t *from, const uint8_t *end)
{
	for (int i = 0; i < HELLO_OPTIONS_MAX && from < end; i++) {
		size_t len;

		if (end - from < OPTION_HEADER_LEN || from[1] != 0)
			return false;
		len = get_be16(from + 2);
		from += OPTION_HEADER_LEN;
		if (len > (size_t)(end - from))
			return false;
		from += len;
	}
	return from == end;
}

static enum hello_fault judge_fields(const struct hello *hello,
				     const uint8_t *body)
{
	if (hello->version_min == 0 || hello->version_min > hello->version_max)
		return HELLO_VERSIONS;
	if (!is_list(&hello->suites, HELLO_SUITES_MAX))
		return HELLO_SUITES;
	if (!is_list(&hello->patterns, HELLO_PATTERNS_MAX))
		return HELLO_PATTERNS;
	if (body[RESERVED_AT] != 0 || get_be32(body + RESERVED_WORD_AT) != 0)
		return HELLO_RESERVED;
	if (hello->record_max < VIF_TRUNK_RECORD_MIN ||
	    hello->record_max > VIF_TRUNK_RECORD_MAX)
		return HELLO_RECORD_MAX;
	return HELLO_GOOD;
}

enum hello_fault hello_read(const uint8_t *body, size_t len,
			    struct hello *ret_hello)
{
	enum hello_fault fault;
	const uint8_t *suites, *end;
	struct hello hello;
	size_t lists_len;

	if (len < sizeof(magic) || memcmp(body, magic, sizeof(magic)) != 0)
		return HELLO_MAGIC;
	if (len < HELLO_FIXED_LEN || len > HELLO_BODY_MAX)
		return HELLO_LEN;
	lists_len = (size_t)body[N_SUITE_AT] + body[N_PATTERN_AT];
	if (lists_len > len - HELLO_FIXED_LEN)
		return HELLO_LEN;
	suites = body + HELLO_FIXED_LEN;
	end = body + len;
	hello = (struct hello){
		.version_min = body[VERSION_MIN_AT],
		.version_max = body[VERSION_MAX_AT],
		.choice.version = body[VERSION_AT],
		.choice.suite = body[SUITE_AT],
		.choice.pattern = body[PATTERN_AT],
		.suites = read_list(suites, body[N_SUITE_AT]),
		.patterns = read_list(suites + body[N_SUITE_AT],
				      body[N_PATTERN_AT]),
		.record_max = get_be16(body + RECORD_MAX_AT),
		.circuits_max = get_be16(body + CIRCUITS_MAX_AT),
		.window = get_be32(body + WINDOW_AT),
	};
	memcpy(hello.random, body + RANDOM_AT, HELLO_RANDOM_LEN);
	fault = judge_fields(&hello, body);
	if (fault == HELLO_GOOD && !are_options(suites + lists_len, end))
		fault = HELLO_OPTIONS;
	if (fault == HELLO_GOOD)
		*ret_hello = hello;
	return fault;
}

const char *hello_fault_text(enum hello_fault fault)
{
	static const char *const texts[] = {
		[HELLO_GOOD] = "",
		[HELLO_MAGIC] = "it is not one of ours",
		[HELLO_LEN] = "it is cut short or too long",
		[HELLO_VERSIONS] = "its range of versions is empty",
		[HELLO_SUITES] = "its list of suites is empty, or broken",
		[HELLO_PATTERNS] = "its list of patterns is empty, or broken",
		[HELLO_RESERVED] = "what has to be zero is not",
		[HELLO_RECORD_MAX] = "its largest record is out of range",
		[HELLO_OPTIONS] = "its options are broken, or too many",
	};

	static_assert(sizeof(texts) / sizeof(texts[0]) == HELLO_FAULTS,
		      "each fault has a text");
	return texts[fault];
}

size_t hello_write(const struct hello *hello, uint8_t to[HELLO_WRITTEN_MAX])
{
	uint8_t *suites = to + HELLO_FIXED_LEN;
	uint8_t *patterns = suites + hello->suites.n;

	assert(hello->suites.n <= HELLO_SUITES_MAX);
	assert(hello->patterns.n <= HELLO_PATTERNS_MAX);
	memset(to, 0, HELLO_FIXED_LEN);
	memcpy(to + MAGIC_AT, magic, sizeof(magic));
	to[VERSION_MIN_AT] = hello->version_min;
	to[VERSION_MAX_AT] = hello->version_max;
	to[VERSION_AT] = hello->choice.version;
	to[SUITE_AT] = hello->choice.suite;
	to[PATTERN_AT] = hello->choice.pattern;
	to[N_SUITE_AT] = hello->suites.n;
	to[N_PATTERN_AT] = hello->patterns.n;
	put_be16(to + RECORD_MAX_AT, hello->record_max);
	put_be16(to + CIRCUITS_MAX_AT, hello->circuits_max);
	put_be32(to + WINDOW_AT, hello->window);
	memcpy(to + RANDOM_AT, hello->random, HELLO_RANDOM_LEN);
	memcpy(suites, hello->suites.item, hello->suites.n);
	memcpy(patterns, hello->patterns.item, hello->patterns.n);
	assert(judge_fields(hello, to) == HELLO_GOOD);
	return (size_t)(patterns + hello->patterns.n - to);
}

bool hello_has(const struct hello_list *list, uint8_t item)
{
	return memchr(list->item, item, list->n) != NULL;
}

static uint8_t choose_version(const struct hello *a, const struct hello *b)
{
	uint8_t top = a->version_max < b->version_max ? a->version_max :
							b->version_max;

	return top >= a->version_min && top >= b->version_min ? top : 0;
}

/* Who does not list the suite that everybody has has nothing in common. */
static uint8_t choose_suite(const struct hello_list *a,
			    const struct hello_list *b)
{
	if (!hello_has(a, HELLO_CHACHAPOLY) || !hello_has(b, HELLO_CHACHAPOLY))
		return 0;
	return hello_has(a, HELLO_AESGCM) && hello_has(b, HELLO_AESGCM) ?
		       HELLO_AESGCM :
		       HELLO_CHACHAPOLY;
}

static uint8_t choose_pattern(const struct hello_list *dialer,
			      const struct hello_list *accepter)
{
	for (uint8_t i = 0; i < dialer->n; i++)
		if (hello_has(accepter, dialer->item[i]))
			return dialer->item[i];
	return 0;
}

struct hello_choice hello_choose(const struct hello *dialer,
				 const struct hello *accepter)
{
	struct hello_choice choice = { choose_version(dialer, accepter), 0, 0 };

	if (choice.version == 0)
		return choice;
	choice.suite = choose_suite(&dialer->suites, &accepter->suites);
	choice.pattern = choose_pattern(&dialer->patterns, &accepter->patterns);
	return choice;
}
