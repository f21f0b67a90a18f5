/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Internet checksum with AVX2 and AVX-512.
 *
 * Words of 32 bits are split into their even and odd ones and added up in
 * lanes of 64 bits, so that carries are never lost: a mask for one half, a
 * shift for the other. Which body runs is decided at each call from the CPU's
 * features, which the compiler's run-time has found out before main().
 */
#include <immintrin.h>

#include "wire/checksum.h"

enum {
	SMALL = 64, /* below this the scalar body is faster */
};

__attribute__((target("avx2"))) static uint64_t add_lanes(__m256i v)
{
	__m128i half = _mm_add_epi64(_mm256_castsi256_si128(v),
				     _mm256_extracti128_si256(v, 1));

	return (uint64_t)_mm_extract_epi64(half, 0) +
	       (uint64_t)_mm_extract_epi64(half, 1);
}

__attribute__((target("avx2"))) static uint64_t sum_avx2(const uint8_t *data,
							 size_t len)
{
	const __m256i low = _mm256_set1_epi64x(0xffffffff);
	__m256i even[2] = { _mm256_setzero_si256(), _mm256_setzero_si256() };
	__m256i odd[2] = { _mm256_setzero_si256(), _mm256_setzero_si256() };

	for (; len >= 64; data += 64, len -= 64) {
		__m256i a = _mm256_loadu_si256((const void *)data);
		__m256i b = _mm256_loadu_si256((const void *)(data + 32));

		even[0] = _mm256_add_epi64(even[0], _mm256_and_si256(a, low));
		odd[0] = _mm256_add_epi64(odd[0], _mm256_srli_epi64(a, 32));
		even[1] = _mm256_add_epi64(even[1], _mm256_and_si256(b, low));
		odd[1] = _mm256_add_epi64(odd[1], _mm256_srli_epi64(b, 32));
	}
	even[0] = _mm256_add_epi64(_mm256_add_epi64(even[0], even[1]),
				   _mm256_add_epi64(odd[0], odd[1]));
	return add_lanes(even[0]) + checksum_sum_scalar(data, len);
}

__attribute__((target("avx512f,avx512bw"))) static uint64_t
sum_avx512(const uint8_t *data, size_t len)
{
	const __m512i low = _mm512_set1_epi64(0xffffffff);
	__m512i even[2] = { _mm512_setzero_si512(), _mm512_setzero_si512() };
	__m512i odd[2] = { _mm512_setzero_si512(), _mm512_setzero_si512() };
	__m512i last;

	for (; len >= 128; data += 128, len -= 128) {
		__m512i a = _mm512_loadu_si512((const void *)data);
		__m512i b = _mm512_loadu_si512((const void *)(data + 64));

		even[0] = _mm512_add_epi64(even[0], _mm512_and_si512(a, low));
		odd[0] = _mm512_add_epi64(odd[0], _mm512_srli_epi64(a, 32));
		even[1] = _mm512_add_epi64(even[1], _mm512_and_si512(b, low));
		odd[1] = _mm512_add_epi64(odd[1], _mm512_srli_epi64(b, 32));
	}
	/* The rest through masks, which read nothing beyond its end. */
	for (; len > 0; data += 64, len -= len < 64 ? len : 64) {
		__mmask64 mask = len < 64 ? (1ull << len) - 1 : ~0ull;

		last = _mm512_maskz_loadu_epi8(mask, data);
		even[0] =
			_mm512_add_epi64(even[0], _mm512_and_si512(last, low));
		odd[0] = _mm512_add_epi64(odd[0], _mm512_srli_epi64(last, 32));
	}
	even[0] = _mm512_add_epi64(_mm512_add_epi64(even[0], even[1]),
				   _mm512_add_epi64(odd[0], odd[1]));
	return (uint64_t)_mm512_reduce_add_epi64(even[0]);
}

static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512bw") != 0;
}

static bool has_avx2(void)
{
	return __builtin_cpu_supports("avx2") != 0;
}

static bool always(void)
{
	return true;
}

const struct checksum_body checksum_bodies[] = {
	{ "avx512", has_avx512, sum_avx512 },
	{ "avx2", has_avx2, sum_avx2 },
	{ "scalar", always, checksum_sum_scalar },
};
const size_t checksum_n_bodies =
	sizeof(checksum_bodies) / sizeof(checksum_bodies[0]);

uint64_t checksum_sum(const void *data, size_t len)
{
	if (len >= SMALL && has_avx512())
		return sum_avx512(data, len);
	if (len >= SMALL && has_avx2())
		return sum_avx2(data, len);
	return checksum_sum_scalar(data, len);
}
