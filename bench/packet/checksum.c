/* SPDX-License-Identifier: Apache-2.0 */
/* Work: checksums of bytes that are in the cache. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/packet/packet.h"
#include "wire/checksum.h"

enum limits {
	LEN_MAX = 65535,
	HEADER = 20, /* what is summed up begins behind an IPv4 header */
	TURN_BYTES =
		65536, /* about as many in each turn, whatever the length */
};

struct sums {
	uint64_t (*sum)(const uint8_t *data, size_t len);
	uint32_t n;
	uint32_t len;
	volatile uint64_t result; /* so that no sum is left out */
	const uint8_t *byte;
};

static uint64_t dispatched(const uint8_t *data, size_t len)
{
	return checksum_sum(data, len);
}

void checksum_list(void)
{
	for (size_t i = 0; i < checksum_n_bodies; i++)
		if (checksum_bodies[i].supported())
			(void)puts(checksum_bodies[i].name);
}

static uint64_t (*find_body(const char *name))(const uint8_t *, size_t)
{
	if (strcmp(name, "naive") == 0)
		return naive_sum;
	if (strcmp(name, "chosen") == 0)
		return dispatched;
	for (size_t i = 0; i < checksum_n_bodies; i++)
		if (strcmp(name, checksum_bodies[i].name) == 0 &&
		    checksum_bodies[i].supported())
			return checksum_bodies[i].sum;
	usage();
}

static void turn(void *of)
{
	struct sums *sums = of;
	uint64_t result = 0;

	for (uint32_t i = 0; i < sums->n; i++)
		result += sums->sum(sums->byte, sums->len);
	sums->result = result;
}

/* BODY LENGTH */
void checksum_work(char **words, int n_word, struct work *ret_work)
{
	static _Alignas(64) uint8_t packet[HEADER + LEN_MAX];
	static struct sums sums;
	unsigned long len;

	if (n_word != 2)
		usage();
	len = strtoul(words[1], NULL, 10);
	if (len == 0 || len > LEN_MAX)
		usage();
	sums.sum = find_body(words[0]);
	sums.len = (uint32_t)len;
	sums.n = TURN_BYTES / sums.len;
	sums.byte = packet + HEADER;
	for (size_t i = 0; i < sizeof(packet); i++)
		packet[i] = (uint8_t)(i * 37 + i / 256);
	if (checksum_fold(sums.sum(sums.byte, len)) !=
	    checksum_fold(naive_sum(sums.byte, len)))
		die("a body that sums up wrongly");
	*ret_work = (struct work){ turn, &sums, sums.n, sums.n * sums.len };
}
