/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Internet checksum with NEON, which every 64-bit ARM has.
 *
 * Words of 32 bits are added pairwise into lanes of 64 bits, so that carries
 * are never lost.
 */
#include <arm_neon.h>

#include "wire/checksum.h"

static uint64_t sum_neon(const uint8_t *data, size_t len)
{
	uint64x2_t sum[4] = { vdupq_n_u64(0), vdupq_n_u64(0), vdupq_n_u64(0),
			      vdupq_n_u64(0) };

	for (; len >= 64; data += 64, len -= 64)
		for (int i = 0; i < 4; i++)
			sum[i] = vpadalq_u32(
				sum[i], vreinterpretq_u32_u8(vld1q_u8(
						data + (ptrdiff_t)16 * i)));
	sum[0] =
		vaddq_u64(vaddq_u64(sum[0], sum[1]), vaddq_u64(sum[2], sum[3]));
	return vgetq_lane_u64(sum[0], 0) + vgetq_lane_u64(sum[0], 1) +
	       checksum_sum_scalar(data, len);
}

static bool always(void)
{
	return true;
}

const struct checksum_body checksum_bodies[] = {
	{ "neon", always, sum_neon },
	{ "scalar", always, checksum_sum_scalar },
};
const size_t checksum_n_bodies =
	sizeof(checksum_bodies) / sizeof(checksum_bodies[0]);

uint64_t checksum_sum(const void *data, size_t len)
{
	return sum_neon(data, len);
}
