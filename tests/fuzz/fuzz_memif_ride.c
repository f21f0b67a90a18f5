/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a memif peer says of its packet: a byte of choices, the word, then the
 * headers. What is taken over has to be fit for every port, and be what our own
 * sender would have said.
 */
#include <stdlib.h>
#include <string.h>

#include "port/memif/ride.h"
#include "tests/fuzz/fuzz.h"

enum fuzz_ride_sizes {
	PREFIX_LEN = 5,
	CHOICE_IP = 8,
	CHOICE_PAYLOAD = 16,
	PAYLOAD_LEN = 1000,
};

static void try_word(uint16_t ride, enum vif_medium medium, uint32_t word,
		     const struct vif_packet *plain)
{
	struct vif_packet packet = *plain;
	uint32_t back = 0;

	if (memif_ride_decode(ride, medium, word, &packet) < 0) {
		require(memcmp(&packet, plain, sizeof(packet)) == 0);
		return;
	}
	require(vif_packet_check(&packet, medium) == 0);
	require(memif_ride_encode(ride, medium, &packet, &back) ==
		MEMIF_RIDE_GOES);
	require(back == word);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	enum vif_medium medium;
	struct iovec seg[2];
	struct vif_packet packet = { .seg = seg, .n_seg = 1 };
	uint32_t word;

	if (size <= PREFIX_LEN || size > PREFIX_LEN + VIF_PACKET_HDR_MAX)
		return 0;
	medium = data[0] & CHOICE_IP ? VIF_MEDIUM_IP : VIF_MEDIUM_ETH;
	memcpy(&word, data + 1, sizeof(word));
	size -= PREFIX_LEN;
	/* In a block of its own, of just its size. */
	seg[0] = (struct iovec){ malloc(size), size };
	require(seg[0].iov_base);
	memcpy(seg[0].iov_base, data + PREFIX_LEN, size);
	packet.len = (uint32_t)size;
	if (data[0] & CHOICE_PAYLOAD) {
		/* Nobody may look at it. */
		seg[1] = (struct iovec){ NULL, PAYLOAD_LEN };
		packet.len += PAYLOAD_LEN;
		packet.n_seg = 2;
	}
	if (word != 0)
		try_word(data[0] & MEMIF_RIDE_ALL, medium, word, &packet);
	free(seg[0].iov_base);
	return 0;
}
