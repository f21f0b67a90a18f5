/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bodies of HELLOs, as a stranger may send them (Z3).
 *
 * Two bodies: the first two bytes of the input are the length of the first one,
 * the rest is the second. What is read and written again is read as the same;
 * what two have in common both list, and it is the same from either side where
 * it has to be.
 */
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "trunk/hello.h"
#include "wire/bytes.h"

static void check_written(const struct hello *hello)
{
	uint8_t body[2][HELLO_WRITTEN_MAX];
	size_t len = hello_write(hello, body[0]);
	struct hello again;

	require(hello_read(body[0], len, &again) == HELLO_GOOD);
	require(hello_write(&again, body[1]) == len);
	require(memcmp(body[0], body[1], len) == 0);
	/* Nothing shorter is one. */
	require(hello_read(body[0], len - 1, &again) != HELLO_GOOD);
}

static bool read_one(const uint8_t *body, size_t len, struct hello *ret_hello)
{
	enum hello_fault fault = hello_read(body, len, ret_hello);

	require((hello_fault_text(fault)[0] == '\0') == (fault == HELLO_GOOD));
	if (fault != HELLO_GOOD)
		return false;
	require(len >= HELLO_FIXED_LEN + 2 && len <= HELLO_BODY_MAX);
	check_written(ret_hello);
	return true;
}

static bool speaks(const struct hello *hello, uint8_t version)
{
	return version >= hello->version_min && version <= hello->version_max;
}

static void check_choice(const struct hello *a, const struct hello *b)
{
	const struct hello_choice choice = hello_choose(a, b);
	const struct hello_choice back = hello_choose(b, a);

	require(choice.version == back.version && choice.suite == back.suite);
	require((choice.pattern == 0) == (back.pattern == 0));
	if (choice.version == 0) {
		require(choice.suite == 0 && choice.pattern == 0);
		require(a->version_max < b->version_min ||
			b->version_max < a->version_min);
		return;
	}
	require(speaks(a, choice.version) && speaks(b, choice.version));
	require(choice.version == a->version_max ||
		choice.version == b->version_max);
	require(choice.suite == 0 || (hello_has(&a->suites, choice.suite) &&
				      hello_has(&b->suites, choice.suite)));
	require(choice.pattern == 0 ||
		(hello_has(&a->patterns, choice.pattern) &&
		 hello_has(&b->patterns, choice.pattern)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hello first, second;
	size_t len;
	bool are_good;

	if (size < 2)
		return 0;
	len = get_be16(data);
	data += 2;
	size -= 2;
	if (len > size)
		len = size;
	are_good = read_one(data, len, &first);
	are_good &= read_one(data + len, size - len, &second);
	if (are_good)
		check_choice(&first, &second);
	return 0;
}
