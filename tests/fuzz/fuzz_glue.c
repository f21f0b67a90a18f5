/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Gluing a burst: case G25 of the study this work follows.
 *
 * Input: a byte of settings, then records until it ends. A record makes the
 * next packet of a flow, with what is odd about it, or has its bytes as they
 * are. Cutting the output must give back the input, in order; the input must
 * be as it was; and a second burst of the same packets must give the same.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "packet/glue.h"
#include "tests/craft.h"
#include "tests/fuzz/fuzz.h"
#include "tests/round_trip.h"

/* The first byte. */
enum fuzz_glue_settings {
	SETTING_ETH = 1,
	SETTING_GSO = VIF_GSO_ALL,
	SETTING_SEG_SHIFT = 4, /* pieces a packet may have; 0: all */
};

static_assert(VIF_GSO_ALL == 0x0e, "bits of the first byte");

/* First byte of a record. */
enum fuzz_glue_kind {
	KIND_PORT = 3,
	KIND_IP6 = 4,
	KIND_UDP = 8,
	KIND_DF = 16,
	KIND_RAW = 32, /* a length and bytes follow */
	KIND_STATE_SHIFT = 6,
};

enum fuzz_glue_state {
	STATE_COMPLETE,
	STATE_VERIFIED, /* if it is right */
	STATE_HOSTILE,
	STATE_PARTIAL, /* if it can be */
};

/* Last byte of a record, before its patches. */
enum fuzz_glue_odd {
	ODD_PATCHES = 3, /* pairs of offset and what to xor there */
	ODD_LONG = 4,    /* payload eight times as long */
	ODD_TRAILER = 8,
	ODD_IP_OPTIONS = 16,
	ODD_TCP_OPTIONS = 32,
	ODD_PIECES = 64,     /* two of them */
	ODD_PATCH_SUM = 128, /* patch after the checksums were made */
};

enum fuzz_glue_sizes {
	RECORD_LEN = 6,
	ETH_LEN = 14,
	PACKET_SIZE = 4096,
};

struct reader {
	const uint8_t *data;
	size_t left;
};

/* A burst, and a copy of each packet to compare with. */
struct burst {
	enum vif_medium medium;
	uint32_t seq[16];
	uint16_t id[16];
	uint8_t byte[PACKET_SIZE]; /* the packet in the making */
	uint8_t *copy[GLUE_BURST_MAX];
	struct vif_batch *in;
	struct vif_batch *out;
};

static uint8_t next(struct reader *reader)
{
	if (reader->left == 0)
		return 0;
	reader->left--;
	return *reader->data++;
}

static int next_signed(struct reader *reader)
{
	int value = next(reader);

	return value < 128 ? value : value - 256;
}

static void *exact(size_t len)
{
	void *block = malloc(len > 0 ? len : 1);

	require(block);
	return block;
}

/* A piece in a block of its own, of just its size. */
static void add_piece(struct burst *burst, struct vif_packet *packet,
		      const uint8_t *from, size_t len)
{
	struct iovec *seg = &burst->in->seg[burst->in->n_seg++];

	if (packet->n_seg == 0)
		packet->seg = seg;
	packet->n_seg++;
	packet->len += (uint32_t)len;
	*seg = (struct iovec){ exact(len), len };
	memcpy(seg->iov_base, from, len);
}

/*
 * Where the headers make sense; else the packet stays as it is. A checksum that
 * is right becomes the sum it is to start from, any other stays and is wrong.
 */
static void set_partial(struct vif_packet *packet, enum vif_medium medium,
			size_t l3, const uint8_t *byte)
{
	uint8_t *data = packet->seg[0].iov_base;
	struct vif_packet partial = *packet;
	struct naive found;
	bool good;

	if (packet->seg[0].iov_len <= l3 ||
	    !naive_find(data + l3, packet->seg[0].iov_len - l3, &found))
		return;
	good = naive_good(byte + l3, packet->len - l3);
	partial.csum = VIF_CSUM_PARTIAL;
	partial.l3_off = (uint16_t)l3;
	partial.l4_off = (uint16_t)(l3 + found.l4_off);
	partial.csum_off = (uint16_t)naive_field(found.proto);
	if (vif_packet_check(&partial, medium) < 0)
		return;
	*packet = partial;
	if (good)
		put_be16(data + partial.l4_off + partial.csum_off,
			 naive_pseudo(data + l3, found.proto,
				      partial.len - partial.l4_off));
}

static void add(struct burst *burst, size_t len, bool in_two, uint8_t state)
{
	struct vif_packet *packet = &burst->in->packet[burst->in->n];
	size_t l3 = burst->medium == VIF_MEDIUM_ETH ? ETH_LEN : 0;
	size_t first = in_two && len > 60 ? 60 : len;

	*packet = (struct vif_packet){ .len = 0 };
	add_piece(burst, packet, burst->byte, first);
	if (first < len)
		add_piece(burst, packet, burst->byte + first, len - first);
	if (state == STATE_HOSTILE)
		packet->flags = VIF_PACKET_HOSTILE;
	if (state == STATE_VERIFIED && len > l3 &&
	    naive_good_padded(burst->byte + l3, len - l3))
		packet->csum = VIF_CSUM_VERIFIED;
	if (state == STATE_PARTIAL)
		set_partial(packet, burst->medium, l3, burst->byte);
	require(vif_packet_check(packet, burst->medium) == 0);
	burst->copy[burst->in->n] = exact(len);
	require(round_trip_flatten(packet, burst->copy[burst->in->n]) == len);
	burst->in->n++;
}

static void add_raw(struct burst *burst, struct reader *reader, uint8_t kind)
{
	size_t len = next(reader);

	if (len > reader->left)
		len = reader->left;
	if (len == 0)
		return; /* no port delivers such a packet */
	for (size_t i = 0; i < len; i++)
		burst->byte[i] = next(reader);
	add(burst, len, false, kind >> KIND_STATE_SHIFT);
}

static void patch(struct burst *burst, struct reader *reader, uint8_t odd,
		  size_t len)
{
	for (int i = 0; i < (odd & ODD_PATCHES); i++) {
		size_t at = next(reader);
		uint8_t value = next(reader);

		if (at < len)
			burst->byte[at] ^= value;
	}
}

/* Checksums for the bytes as they are now. */
static void sum_again(uint8_t *ip, size_t len)
{
	struct naive found;
	uint16_t sum;

	if (!naive_find(ip, len, &found) || found.len > len ||
	    found.len < found.l4_off)
		return;
	if (ip[0] >> 4 == 4) {
		size_t ihl = (size_t)(ip[0] & 15) * 4;

		put_be16(ip + 10, 0);
		if (ihl <= len)
			put_be16(ip + 10, (uint16_t)~naive_add(0, ip, ihl));
	}
	sum = craft_sum(ip, found.proto, ip + found.l4_off,
			found.len - found.l4_off);
	if (sum == 0 && found.proto == NAIVE_UDP)
		sum = 0xffff;
	put_be16(ip + found.l4_off + naive_field(found.proto), sum);
}

static void add_record(struct burst *burst, struct reader *reader, uint8_t kind)
{
	uint8_t flow = kind & 15;
	struct craft craft = {
		.ip6 = kind & KIND_IP6,
		.udp = kind & KIND_UDP,
		.df = kind & KIND_DF,
		.port = kind & KIND_PORT,
		.len = next(reader),
	};
	uint8_t *ip = burst->byte;
	uint8_t flags, odd;
	size_t len;

	craft.seq = burst->seq[flow] + (uint32_t)next_signed(reader);
	craft.id = (uint16_t)(burst->id[flow] + next_signed(reader));
	flags = next(reader);
	craft.flags = flags ^ 0x10;
	/* UDP has no flags, and more ways to write a checksum. */
	if (craft.udp)
		craft.csum = flags % (CRAFT_ZERO + 1);
	odd = next(reader);
	if (odd & ODD_LONG)
		craft.len *= 8;
	craft.trailer = odd & ODD_TRAILER ? 6 : 0;
	craft.ip_options = odd & ODD_IP_OPTIONS ? 8 : 0;
	craft.tcp_options = odd & ODD_TCP_OPTIONS ? 12 : 0;
	if (burst->medium == VIF_MEDIUM_ETH) {
		memset(ip, 2, ETH_LEN);
		put_be16(ip + 12, craft.ip6 ? 0x86dd : 0x0800);
		ip += ETH_LEN;
	}
	len = craft_put(&craft, ip) + (size_t)(ip - burst->byte);
	patch(burst, reader, odd, len);
	if (!(odd & ODD_PATCH_SUM))
		sum_again(ip, len - (size_t)(ip - burst->byte));
	burst->seq[flow] = craft.seq + craft.len;
	burst->id[flow] = (uint16_t)(craft.id + 1);
	add(burst, len, odd & ODD_PIECES, kind >> KIND_STATE_SHIFT);
}

static void read_burst(struct burst *burst, struct reader *reader)
{
	while (reader->left >= RECORD_LEN && burst->in->n < GLUE_BURST_MAX) {
		uint8_t kind = next(reader);

		if (kind & KIND_RAW)
			add_raw(burst, reader, kind);
		else
			add_record(burst, reader, kind);
	}
}

static void check_untouched(const struct burst *burst)
{
	for (uint32_t i = 0; i < burst->in->n; i++) {
		const struct vif_packet *packet = &burst->in->packet[i];
		const uint8_t *copy = burst->copy[i];

		for (uint16_t s = 0; s < packet->n_seg; s++) {
			require(memcmp(packet->seg[s].iov_base, copy,
				       packet->seg[s].iov_len) == 0);
			copy += packet->seg[s].iov_len;
		}
	}
}

static void check_output(const struct glue *glue, const struct burst *burst,
			 uint32_t made, struct round_trip *trip)
{
	const char *fault =
		round_trip(burst->in, burst->out, burst->medium, trip);
	uint32_t n = 0;

	if (fault)
		(void)fprintf(stderr, "%s\n", fault);
	require(!fault);
	for (uint32_t i = 0; i < burst->out->n; i++) {
		const struct vif_packet *packet = &burst->out->packet[i];

		if (round_trip_is_input(burst->in, packet))
			continue;
		n++;
		require(packet->n_seg <= glue->seg_max);
		require(glue->gso & VIF_GSO_BIT(packet->gso));
		require(packet->len - packet->l3_off <= 65535);
	}
	require(n == made);
}

static void try_glue(struct burst *burst, uint8_t settings)
{
	static struct round_trip first, second;
	struct glue *glue = exact(sizeof(*glue));
	uint32_t seg_max = settings >> SETTING_SEG_SHIFT;

	glue_init(glue, burst->medium, settings & SETTING_GSO,
		  seg_max ? seg_max : VIF_PACKET_SEG_MAX);
	check_output(glue, burst, glue_burst(glue, burst->in, burst->out),
		     &first);
	vif_batch_clear(burst->out);
	check_output(glue, burst, glue_burst(glue, burst->in, burst->out),
		     &second);
	for (uint32_t i = 0; i < burst->in->n; i++)
		require(first.before[i] == second.before[i] &&
			first.order[i] == second.order[i]);
	free(glue);
}

static void free_burst(struct burst *burst)
{
	for (uint32_t i = 0; i < burst->in->n; i++)
		free(burst->copy[i]);
	for (uint32_t i = 0; i < burst->in->n_seg; i++)
		free(burst->in->seg[i].iov_base);
	vif_batch_free(burst->in);
	vif_batch_free(burst->out);
	free(burst);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reader reader = { data, size };
	struct burst *burst = calloc(1, sizeof(*burst));
	uint8_t settings = next(&reader);

	require(burst);
	require(vif_batch_new(GLUE_BURST_MAX, 2 * GLUE_BURST_MAX, &burst->in) ==
		0);
	require(vif_batch_new(GLUE_BURST_MAX, 2 * GLUE_BURST_MAX,
			      &burst->out) == 0);
	burst->medium = settings & SETTING_ETH ? VIF_MEDIUM_ETH : VIF_MEDIUM_IP;
	read_burst(burst, &reader);
	try_glue(burst, settings);
	check_untouched(burst);
	free_burst(burst);
	return 0;
}
