/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Internet checksum with AVX2 and AVX-512.
 *
 * Each lane adds up words of 64 bits, and their upper halves once more. The
 * first sum overflows, but modulo 2^64 it is that of the lower halves and 2^32
 * times that of the upper ones. The latter is known, and so the former is, too.
 * This saves the mask that would cut out the lower halves.
 *
 * Which body runs is decided at each call from the CPU's features, which the
 * compiler's run-time has found out before main().
 */
#include <immintrin.h>

#include "wire/checksum.h"

#define AVX2   __attribute__((target("avx2")))
#define AVX512 __attribute__((target("avx512f,avx512bw")))

enum {
	SMALL = 32, /* below this the scalar body is as fast or faster */
};

struct lanes256 {
	__m256i word;
	__m256i upper;
};

struct lanes512 {
	__m512i word;
	__m512i upper;
};

/*
 * The empty instruction keeps v in a register. GCC would take it from memory for
 * the addition and for the shift, which costs a third more where it lies across
 * two cache lines, as every other one does in a packet.
 */
AVX2 static inline void add256(struct lanes256 *lanes, __m256i v)
{
	__asm__("" : "+x"(v));
	lanes->word = _mm256_add_epi64(lanes->word, v);
	lanes->upper = _mm256_add_epi64(lanes->upper, _mm256_srli_epi64(v, 32));
}

AVX2 static inline uint64_t total256(const struct lanes256 *a,
				     const struct lanes256 *b)
{
	__m256i upper = _mm256_add_epi64(a->upper, b->upper);
	__m256i lower = _mm256_sub_epi64(_mm256_add_epi64(a->word, b->word),
					 _mm256_slli_epi64(upper, 32));
	__m256i both = _mm256_add_epi64(lower, upper);
	__m128i half = _mm_add_epi64(_mm256_castsi256_si128(both),
				     _mm256_extracti128_si256(both, 1));

	return (uint64_t)_mm_extract_epi64(half, 0) +
	       (uint64_t)_mm_extract_epi64(half, 1);
}

/* The first n words of 32 bits, n below 8; reads nothing behind them. */
AVX2 static inline __m256i load_words(const uint8_t *data, size_t n)
{
	static const int32_t mask[16] = { -1, -1, -1, -1, -1, -1, -1, -1 };

	return _mm256_maskload_epi32(
		(const void *)data,
		_mm256_loadu_si256((const void *)(mask + 8 - n)));
}

AVX2 static uint64_t sum_avx2(const uint8_t *data, size_t len)
{
	struct lanes256 a = { _mm256_setzero_si256(), _mm256_setzero_si256() };
	struct lanes256 b = a;

	for (; len >= 64; data += 64, len -= 64) {
		add256(&a, _mm256_loadu_si256((const void *)data));
		add256(&b, _mm256_loadu_si256((const void *)(data + 32)));
	}
	if (len >= 32) {
		add256(&a, _mm256_loadu_si256((const void *)data));
		data += 32;
		len -= 32;
	}
	add256(&b, load_words(data, len / 4));
	return total256(&a, &b) + checksum_short(data + len / 4 * 4, len % 4);
}

AVX512 static inline void add512(struct lanes512 *lanes, __m512i v)
{
	__asm__("" : "+v"(v)); /* as above */
	lanes->word = _mm512_add_epi64(lanes->word, v);
	lanes->upper = _mm512_add_epi64(lanes->upper, _mm512_srli_epi64(v, 32));
}

AVX512 static inline uint64_t total512(const struct lanes512 *a,
				       const struct lanes512 *b)
{
	__m512i upper = _mm512_add_epi64(a->upper, b->upper);
	__m512i lower = _mm512_sub_epi64(_mm512_add_epi64(a->word, b->word),
					 _mm512_slli_epi64(upper, 32));

	return (uint64_t)_mm512_reduce_add_epi64(
		_mm512_add_epi64(lower, upper));
}

AVX512 static uint64_t sum_avx512(const uint8_t *data, size_t len)
{
	struct lanes512 a = { _mm512_setzero_si512(), _mm512_setzero_si512() };
	struct lanes512 b = a;

	for (; len >= 128; data += 128, len -= 128) {
		add512(&a, _mm512_loadu_si512((const void *)data));
		add512(&b, _mm512_loadu_si512((const void *)(data + 64)));
	}
	if (len >= 64) {
		add512(&a, _mm512_loadu_si512((const void *)data));
		data += 64;
		len -= 64;
	}
	/* The rest through a mask, which reads nothing behind its end. */
	add512(&b, _mm512_maskz_loadu_epi8((1ull << len) - 1, data));
	return total512(&a, &b);
}

static bool has_avx512(void)
{
	return __builtin_cpu_supports("avx512bw") != 0;
}

/*
 * The first CPUs with AVX-512 lower their clock for some time when they use wide
 * registers, which all other code pays for. Those with VBMI do not.
 */
static bool likes_avx512(void)
{
	return has_avx512() && __builtin_cpu_supports("avx512vbmi");
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
	if (len >= SMALL && likes_avx512())
		return sum_avx512(data, len);
	if (len >= SMALL && has_avx2())
		return sum_avx2(data, len);
	return checksum_sum_scalar(data, len);
}
