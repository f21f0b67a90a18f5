/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests that a handshake fails in good order for want of memory, whichever of
 * libcrypto's allocations it is that fails.
 */
#include "trunk/noise/noise.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <openssl/crypto.h>
#include <openssl/err.h>

#include "tests/noise_rig.h"

static unsigned long n_left; /* until one fails; 0 for none */

static bool is_due(void)
{
	return n_left > 0 && --n_left == 0;
}

static void *scarce_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return is_due() ? NULL : malloc(size);
}

static void *scarce_realloc(void *at, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return is_due() ? NULL : realloc(at, size);
}

static void plain_free(void *at, const char *file, int line)
{
	(void)file;
	(void)line;
	free(at);
}

/* Whatever there is of it; zeroed where it was not made. */
struct session {
	struct noise_rig rig;
	struct noise_key send[2];
	struct noise_key receive[2];
};

static void end(struct session *s)
{
	for (unsigned int i = 0; i < 2; i++) {
		noise_key_fini(&s->send[i]);
		noise_key_fini(&s->receive[i]);
	}
	noise_rig_fini(&s->rig);
}

static int make_keys(struct session *s)
{
	int r = 0;

	for (unsigned int i = 0; i < 2 && r == 0; i++)
		r = noise_handshake_split(&s->rig.end[i], &s->send[i],
					  &s->receive[i], NULL);
	return r;
}

static int run(struct session *s)
{
	uint8_t secret[NOISE_KEY_LEN] = { 0x11 };
	int r = noise_crypto_init(&s->rig.crypto);

	for (unsigned int i = 0; i < 2 && r == 0; i++)
		r = noise_pair_init(&s->rig.pair[i], &s->rig.crypto, secret);
	if (r == 0)
		r = noise_rig_start(&s->rig);
	if (r == 0)
		r = noise_rig_pass(&s->rig, 0, 3);
	return r < 0 ? r : make_keys(s);
}

/* The configs of a rig, without what costs memory. */
static void prepare(struct session *s)
{
	const struct noise_rig_case c = { NOISE_XX, NOISE_AESGCM, -1 };

	memset(s, 0, sizeof(*s));
	noise_rig_init(&s->rig, &c);
	noise_rig_fini(&s->rig);
}

/* Returns whether there was an allocation of this number. */
static bool fail_at(unsigned long n)
{
	struct session s;
	bool was_due;
	int r;

	prepare(&s);
	n_left = n;
	r = run(&s);
	was_due = n_left == 0;
	n_left = 0;
	/* libcrypto can go without some of them. */
	assert_true(r == 0 || (was_due && (r == -ENOMEM || r == -ENOTSUP)));
	end(&s);
	ERR_clear_error();
	return was_due;
}

static void want_of_memory_is_an_error(void **state)
{
	unsigned long n = 1;
	struct session s;

	(void)state;
	while (fail_at(n))
		n++;
	print_message("%lu allocations\n", n - 1);
	assert_true(n > 10);
	/* And it works again. */
	prepare(&s);
	assert_int_equal(run(&s), 0);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(want_of_memory_is_an_error),
	};

	/* Only before libcrypto has allocated anything. */
	if (CRYPTO_set_mem_functions(scarce_malloc, scarce_realloc,
				     plain_free) != 1)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
