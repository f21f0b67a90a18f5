/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of offload state on the ring: with an honest peer, with one that says
 * anything of any packet, and with an ordinary one, who is not to notice.
 */
#include "port/memif/ride.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "tests/memif_rig.h"
#include "tests/super.h"

enum ride_test_facts {
	ALL = MEMIF_RIDE_ALL,
	CSUM = MEMIF_RIDE_CSUM,
	TCP = MEMIF_RIDE_CSUM | MEMIF_RIDE_TCP,
	UDP = MEMIF_RIDE_CSUM | MEMIF_RIDE_UDP,
	WORD_UNFINISHED = 8,
	WORD_ECN = 4,
	LAPS = 100,
	LARGE = 65535 + 14,
};

static const struct {
	enum rig_end tx, rx;
} ways[] = {
	{ RIG_CLIENT_TX, RIG_SERVER_RX },
	{ RIG_SERVER_TX, RIG_CLIENT_RX },
};

static uint64_t drops(const struct rig *rig, enum rig_end end,
		      enum vif_drop drop)
{
	return counter_read(&rig->counters[end].drops[drop]);
}

static void copy_out(const struct vif_packet *packet, uint8_t *to)
{
	for (uint16_t i = 0; i < packet->n_seg; i++) {
		memcpy(to, packet->seg[i].iov_base, packet->seg[i].iov_len);
		to += packet->seg[i].iov_len;
	}
}

static void expect_same(const struct vif_packet *got,
			const struct vif_packet *sent)
{
	static uint8_t a[LARGE], b[LARGE];

	assert_int_equal(got->len, sent->len);
	assert_int_equal(got->gso, sent->gso);
	assert_int_equal(got->gso_size, sent->gso_size);
	assert_int_equal(got->csum, sent->csum);
	assert_int_equal(got->l3_off, sent->l3_off);
	assert_int_equal(got->l4_off, sent->l4_off);
	assert_int_equal(got->csum_off, sent->csum_off);
	assert_int_equal(got->hdr_len, sent->hdr_len);
	assert_int_equal(got->flags & VIF_PACKET_ECN,
			 sent->flags & VIF_PACKET_ECN);
	assert_int_equal(vif_packet_check(got, VIF_MEDIUM_ETH), 0);
	copy_out(got, a);
	copy_out(sent, b);
	assert_memory_equal(a, b, sent->len);
}

/* The headers are not where the peer can change them; the payload is. */
static void expect_private_headers(const struct rig *rig, enum rig_end end,
				   const struct vif_packet *packet)
{
	const struct memif_region *region = end == RIG_SERVER_RX ?
						    &rig->server.region[0] :
						    &rig->client.region[0];
	const uint8_t *first = packet->seg[0].iov_base;

	assert_true((size_t)(first - region->base) >= region->size);
	assert_true(packet->seg[0].iov_len >= packet->hdr_len);
	assert_int_equal(packet->flags & VIF_PACKET_HOSTILE,
			 VIF_PACKET_HOSTILE);
}

static void send_and_expect(struct rig *rig, size_t way,
			    const struct vif_packet *packet)
{
	assert_int_equal(memif_queue_tx(rig->queue[ways[way].tx], packet, 1),
			 1);
	assert_int_equal(rig_receive(rig, ways[way].rx), 1);
	expect_same(&rig->batch->packet[0], packet);
	if (packet->gso != VIF_GSO_NONE)
		expect_private_headers(rig, ways[way].rx,
				       &rig->batch->packet[0]);
	rig_done(rig, ways[way].rx);
}

static const struct {
	const char *layers;
	uint16_t gso_size;
	uint16_t ride; /* the least that carries it */
} supers[] = {
	{ "eth ip4 tcp data+1000", 300, TCP },
	{ "eth ip4 tcp+12 data+3000", 1448, TCP },
	{ "eth ip4+40 tcp+40 data+1", 1, TCP },
	{ "eth vlan ip6 tcp+12 data+3000", 1428, TCP },
	{ "eth qinq vlan ip6 dst+8 tcp data+500", 65534, TCP },
	{ "eth ip4 udp data+3000", 1400, UDP },
	{ "eth ip6 hop udp data+100", 7, UDP },
};

static void superpackets_cross(void **state)
{
	static const uint32_t buffers[] = { 64, 256, 2048, 4096 };

	(void)state;
	for (size_t b = 0; b < ARRAY_LEN(buffers); b++) {
		const struct rig_config config = { .ride = ALL,
						   .log2_size = 7,
						   .buffer_size = buffers[b] };
		struct rig *rig = rig_new(&config);

		for (size_t i = 0; i < ARRAY_LEN(supers); i++) {
			struct super super;

			super_make(supers[i].layers, supers[i].gso_size,
				   &super);
			for (size_t way = 0; way < ARRAY_LEN(ways); way++)
				send_and_expect(rig, way, &super.packet);
			if (super.packet.gso != VIF_GSO_UDP) {
				super.packet.flags |= VIF_PACKET_ECN;
				send_and_expect(rig, 0, &super.packet);
				send_and_expect(rig, 1, &super.packet);
			}
			free(super.byte);
		}
		rig_free(rig);
	}
}

static void counters_tell_superpackets(void **state)
{
	const struct rig_config config = { .ride = ALL };
	struct rig *rig = rig_new(&config);
	struct super super;

	(void)state;
	super_make(supers[0].layers, supers[0].gso_size, &super);
	send_and_expect(rig, 0, &super.packet);
	for (int end = RIG_CLIENT_TX; end <= RIG_SERVER_RX; end++) {
		const struct port_counters *count = &rig->counters[end];

		assert_int_equal(counter_read(&count->packets), 1);
		assert_int_equal(counter_read(&count->superpackets), 1);
		assert_int_equal(counter_read(&count->bytes), super.packet.len);
	}
	free(super.byte);
	rig_free(rig);
}

/* As a packet that is none, but whose checksum is unfinished. */
static void make_partial(const char *layers, struct super *super)
{
	super_make(layers, 1, super);
	super->packet.gso = VIF_GSO_NONE;
	super->packet.gso_size = 0;
	super->packet.hdr_len = 0;
}

static void unfinished_checksums_cross(void **state)
{
	static const uint16_t rides[] = { CSUM, TCP, UDP, ALL };

	(void)state;
	for (size_t r = 0; r < ARRAY_LEN(rides); r++) {
		const struct rig_config config = { .ride = rides[r],
						   .log2_size = 6,
						   .buffer_size = 128 };
		struct rig *rig = rig_new(&config);

		for (size_t i = 0; i < ARRAY_LEN(supers); i++) {
			struct super super;

			make_partial(supers[i].layers, &super);
			send_and_expect(rig, 0, &super.packet);
			send_and_expect(rig, 1, &super.packet);
			free(super.byte);
		}
		rig_free(rig);
	}
}

/* In one buffer it stays in one piece, which can be glued. */
static void single_packets_stay_in_place(void **state)
{
	const struct rig_config config = { .ride = ALL };
	struct rig *rig = rig_new(&config);
	struct super super;

	(void)state;
	make_partial(supers[0].layers, &super);
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		const struct vif_packet *packet = &rig->batch->packet[0];

		assert_int_equal(memif_queue_tx(rig->queue[ways[way].tx],
						&super.packet, 1),
				 1);
		assert_int_equal(rig_receive(rig, ways[way].rx), 1);
		assert_int_equal(packet->n_seg, 1);
		assert_int_equal(packet->flags, VIF_PACKET_HOSTILE);
		expect_same(packet, &super.packet);
		rig_done(rig, ways[way].rx);
	}
	free(super.byte);
	rig_free(rig);
}

/* All 64 KiB, in one chain; only its first slot has the word. */
static void check_largest_superpacket(uint32_t stride, uint32_t n_seg)
{
	const struct rig_config config = { .ride = ALL,
					   .log2_size = 6,
					   .stride = stride };
	const uint32_t n = (LARGE + 2047) / 2048;
	struct rig *rig = rig_new(&config);
	uint8_t *data = malloc(LARGE);
	struct super super;

	assert_non_null(data);
	super_make("eth ip4 tcp+12 data+1000", 1448, &super);
	for (uint32_t i = 0; i < LARGE; i++)
		data[i] = (uint8_t)(i * 7 + (i >> 8));
	memcpy(data, super.byte, super.packet.hdr_len);
	super.seg = (struct iovec){ data, LARGE };
	super.packet.len = LARGE;
	put_be16(data + 16, 65535);
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		const struct memif_ring *ring = &rig->ring[way];

		assert_int_equal(memif_queue_tx(rig->queue[ways[way].tx],
						&super.packet, 1),
				 1);
		for (uint32_t i = 0; i < n; i++) {
			struct memif_desc desc =
				memif_slot_read(&ring->slot[i]);

			assert_int_equal(desc.flags, i + 1 < n);
			assert_int_equal(desc.metadata,
					 i == 0 ?
						 1448u << 16 | WORD_UNFINISHED |
							 VIF_GSO_TCP4 :
						 0);
		}
		assert_int_equal(rig_receive(rig, ways[way].rx), 1);
		expect_same(&rig->batch->packet[0], &super.packet);
		assert_int_equal(rig->batch->packet[0].n_seg, n_seg);
		rig_done(rig, ways[way].rx);
	}
	free(super.byte);
	free(data);
	rig_free(rig);
}

/* The headers are a piece of their own, and so is each buffer. */
static void largest_superpacket_is_one_chain(void **state)
{
	(void)state;
	check_largest_superpacket(2048, 2); /* but for those in a row */
	check_largest_superpacket(2112, 34);
}

/* What the peer has not been granted is not sent to it. */
static void only_what_was_granted_is_sent(void **state)
{
	static const uint16_t rides[] = { 0, CSUM, TCP, UDP };

	(void)state;
	for (size_t r = 0; r < ARRAY_LEN(rides); r++) {
		const struct rig_config config = { .ride = rides[r],
						   .log2_size = 6 };
		struct rig *rig = rig_new(&config);
		uint64_t refused = 0;

		for (size_t i = 0; i < ARRAY_LEN(supers); i++) {
			bool granted = !(supers[i].ride & ~rides[r]);
			struct super super;

			super_make(supers[i].layers, supers[i].gso_size,
				   &super);
			assert_int_equal(
				memif_queue_tx(rig->queue[RIG_CLIENT_TX],
					       &super.packet, 1),
				1);
			assert_int_equal(rig_receive(rig, RIG_SERVER_RX),
					 granted);
			if (granted)
				rig_done(rig, RIG_SERVER_RX);
			refused += !granted;
			assert_int_equal(
				drops(rig, RIG_CLIENT_TX, VIF_DROP_OFFLOAD),
				refused);
			free(super.byte);
		}
		assert_true(refused > 0);
		rig_free(rig);
	}
}

static void malformed_packets_are_not_sent(void **state)
{
	const struct rig_config config = { .ride = ALL };
	struct rig *rig = rig_new(&config);
	struct super super;

	(void)state;
	super_make(supers[0].layers, supers[0].gso_size, &super);
	super.packet.l4_off++;
	assert_int_equal(
		memif_queue_tx(rig->queue[RIG_CLIENT_TX], &super.packet, 1), 1);
	super.packet.l4_off--;
	super.packet.gso_size = 0;
	super.packet.flags = VIF_PACKET_HOSTILE;
	assert_int_equal(
		memif_queue_tx(rig->queue[RIG_CLIENT_TX], &super.packet, 1), 1);
	/* Its pieces have less bytes than it says, or there are none. */
	super.packet.gso_size = supers[0].gso_size;
	super.packet.len++;
	assert_int_equal(
		memif_queue_tx(rig->queue[RIG_CLIENT_TX], &super.packet, 1), 1);
	super.packet.len = 0;
	super.packet.n_seg = 0;
	assert_int_equal(
		memif_queue_tx(rig->queue[RIG_CLIENT_TX], &super.packet, 1), 1);
	assert_int_equal(drops(rig, RIG_CLIENT_TX, VIF_DROP_HEADER), 4);
	assert_int_equal(rig_receive(rig, RIG_SERVER_RX), 0);
	free(super.byte);
	rig_free(rig);
}

/* The sum over the packet from l4_off on, and what it was seeded with. */
static void expect_finished(const struct vif_packet *got, uint16_t l4_off,
			    uint16_t seed)
{
	static uint8_t flat[LARGE];

	assert_int_equal(got->csum, VIF_CSUM_COMPLETE);
	assert_int_equal(got->l4_off, 0);
	copy_out(got, flat);
	assert_int_equal(naive_add(seed, flat + l4_off, got->len - l4_off),
			 0xffff);
}

/* Checksums that a receiver would not find are finished by the sender. */
static void hidden_checksums_are_finished(void **state)
{
	static const struct {
		const char *layers;
		uint16_t l4_off, csum_off;
	} cases[] = {
		{ "eth ip4 icmp data+400", 34, 2 },      /* another protocol */
		{ "eth ip4 udp data+400", 34 + 28, 16 }, /* an inner packet */
		{ "eth ip4 tcp data+400", 34, 18 },      /* another field */
		{ "eth ip4_first udp data+400", 34, 6 }, /* a fragment */
		{ "eth arp data+400", 34, 6 },           /* no IP at all */
		{ "eth ip6 dst+120 udp data+400", 182, 6 }, /* just in reach */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct rig_config config = { .ride = ALL,
						   .buffer_size = 128,
						   .log2_size = 6 };
		struct rig *rig = rig_new(&config);
		struct frame frame = frame_make(cases[i].layers);
		struct iovec seg = { frame.byte, frame.len };
		struct vif_packet packet = { .seg = &seg,
					     .len = (uint32_t)frame.len,
					     .n_seg = 1,
					     .l3_off = 14,
					     .l4_off = cases[i].l4_off,
					     .csum_off = cases[i].csum_off,
					     .csum = VIF_CSUM_PARTIAL };
		const struct frame before = frame;
		uint16_t field = (uint16_t)(packet.l4_off + packet.csum_off);

		put_be16(frame.byte + field, 0x1234);
		for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
			bool goes = i == 5;

			packet.flags = way ? VIF_PACKET_HOSTILE : 0;
			assert_int_equal(
				memif_queue_tx(rig->queue[ways[way].tx],
					       &packet, 1),
				1);
			assert_int_equal(rig_receive(rig, ways[way].rx), 1);
			if (goes)
				assert_int_equal(rig->batch->packet[0].csum,
						 VIF_CSUM_PARTIAL);
			else
				/* The seed went where the result now is. */
				expect_finished(&rig->batch->packet[0],
						packet.l4_off, 0x1234);
			rig_done(rig, ways[way].rx);
		}
		put_be16(frame.byte + field,
			 (uint16_t)(before.byte[field] << 8 |
				    before.byte[field + 1]));
		assert_memory_equal(frame.byte, before.byte, frame.len);
		rig_free(rig);
	}
}

/* Which words a packet may have, by the table of the design page alone. */
static bool is_right(uint16_t ride, uint32_t word, enum vif_gso kind)
{
	uint32_t size = word >> 16;
	uint32_t gso = word & 3;

	if ((word & 0xfff0) || !(word & WORD_UNFINISHED))
		return false;
	if (gso == VIF_GSO_NONE)
		return !(word & WORD_ECN) && size == 0;
	if (gso != kind || size == 0 || size == UINT16_MAX)
		return false;
	if (gso == VIF_GSO_UDP)
		return !(word & WORD_ECN) && (ride & MEMIF_RIDE_UDP);
	return ride & MEMIF_RIDE_TCP;
}

static void try_word(const struct super *super, uint16_t ride, uint32_t word)
{
	const struct vif_packet plain = { .seg = super->packet.seg,
					  .len = super->packet.len,
					  .n_seg = 1 };
	struct vif_packet packet = plain;
	int r = memif_ride_decode(ride, super->medium, word, &packet);

	if (!is_right(ride, word, super->packet.gso)) {
		assert_int_equal(r, -EINVAL);
		assert_memory_equal(&packet, &plain, sizeof(plain));
		return;
	}
	assert_int_equal(r, 0);
	assert_int_equal(vif_packet_check(&packet, super->medium), 0);
	assert_int_equal(packet.l4_off, super->packet.l4_off);
	assert_int_equal(packet.gso_size, word >> 16);
}

/* All lower halves with some upper ones, and the other way round. */
static void every_word_of_a_good_packet(void **state)
{
	static const uint32_t sizes[] = { 0, 1, 1448, 65534, 65535 };
	static const char *const layers[] = { "eth ip4 tcp data+100",
					      "ip6 tcp+12 data+100",
					      "eth vlan ip4 udp data+100" };
	static const uint16_t rides[] = { CSUM, TCP, UDP, ALL };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(layers); i++) {
		struct super super;

		super_make(layers[i], 10, &super);
		for (size_t r = 0; r < ARRAY_LEN(rides); r++) {
			for (uint32_t low = 0; low <= UINT16_MAX; low++)
				for (size_t s = 0; s < ARRAY_LEN(sizes); s++)
					try_word(&super, rides[r],
						 sizes[s] << 16 | low);
			for (uint32_t size = 0; size <= UINT16_MAX; size++)
				for (uint32_t low = 0; low < 16; low++)
					try_word(&super, rides[r],
						 size << 16 | low);
		}
		free(super.byte);
	}
}

/* Puts a packet into the ring as a peer that says anything of it. */
static void lie(struct rig *rig, size_t way, void *data, uint32_t len,
		uint32_t word)
{
	const struct memif_ring *ring = &rig->ring[way];
	_Atomic uint16_t *index = way == 0 ? ring->head : ring->tail;
	uint16_t at = memif_ring_look(index);

	assert_int_equal(rig_send(rig, ways[way].tx, data, len), 1);
	memif_slot_write_metadata(memif_ring_slot(ring, at), word);
}

/* Headers that no offload state fits to, whatever the word says. */
static void no_word_fits_these_packets(void **state)
{
	static const struct {
		const char *layers;
		uint32_t len; /* 0: all of it */
	} cases[] = {
		{ "eth", 1 },
		{ "eth ip4", 0 },
		{ "eth arp", 0 },
		{ "eth ip4 icmp data+100", 0 },
		{ "eth ip4 sctp data+100", 0 },
		{ "eth ip4_first tcp data+100", 0 },
		{ "eth ip4_middle data+100", 0 },
		{ "eth ip6 ip6_first udp data+100", 0 },
		{ "eth ip4 tcp", 34 + 17 }, /* half of the checksum */
		{ "eth ip6 udp", 54 + 7 },
		{ "eth ip6 dst+128 tcp data+100", 0 }, /* too far */
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct rig_config config = { .ride = ALL,
						   .is_fenced = true };
		struct rig *rig = rig_new(&config);
		struct frame frame = frame_make(cases[i].layers);
		uint32_t len =
			cases[i].len ? cases[i].len : (uint32_t)frame.len;
		uint64_t n[2] = { 0, 0 };

		for (uint32_t word = 1; word <= UINT16_MAX; word++) {
			size_t way = word % 2;

			lie(rig, way, frame.byte, len,
			    (word % 3 * 1000) << 16 | word);
			assert_int_equal(rig_receive(rig, ways[way].rx), 0);
			n[way]++;
		}
		for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
			assert_int_equal(
				drops(rig, ways[way].rx, VIF_DROP_HEADER),
				n[way]);
			/* A lie costs its packet, and nothing else. */
			lie(rig, way, frame.byte, len, 0);
			assert_int_equal(rig_receive(rig, ways[way].rx), 1);
			rig_done(rig, ways[way].rx);
		}
		rig_free(rig);
	}
}

/* TCP headers that contradict themselves, or reach beyond what is there. */
static void bad_headers_of_superpackets(void **state)
{
	const struct rig_config config = { .ride = ALL, .is_fenced = true };
	struct rig *rig = rig_new(&config);
	const uint32_t word = 100u << 16 | WORD_UNFINISHED | VIF_GSO_TCP4;
	uint64_t n = 0;

	(void)state;
	for (uint32_t off = 0; off < 16; off++) {
		struct frame frame = frame_make("eth ip4 tcp data+20");
		int good = off >= 5 && off <= 10;

		frame.byte[34 + 12] = (uint8_t)(off << 4);
		lie(rig, 0, frame.byte, (uint32_t)frame.len, word);
		assert_int_equal(rig_receive(rig, RIG_SERVER_RX), good);
		if (good)
			rig_done(rig, RIG_SERVER_RX);
		n += !good;
	}
	assert_int_equal(drops(rig, RIG_SERVER_RX, VIF_DROP_HEADER), n);
	rig_free(rig);
}

/* Good ones and lies in one burst: the good ones arrive, in order. */
static void lies_do_not_spoil_a_burst(void **state)
{
	const struct rig_config config = { .ride = ALL, .log2_size = 8 };
	struct rig *rig = rig_new(&config);
	struct frame frame = frame_make("eth ip4 udp data+100");
	uint8_t *number = &frame.byte[frame.len - 1];

	(void)state;
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		uint8_t next = 0;
		int r;

		for (uint8_t i = 0; i < 150; i++) {
			*number = i;
			lie(rig, way, frame.byte, (uint32_t)frame.len,
			    i % 3 == 0 ? 0 :
			    i % 3 == 1 ? WORD_UNFINISHED :
					 0x80);
		}
		while ((r = rig_receive(rig, ways[way].rx)) > 0) {
			for (int i = 0; i < r; i++) {
				static uint8_t flat[FRAME_SIZE];

				copy_out(&rig->batch->packet[i], flat);
				assert_int_equal(flat[frame.len - 1], next);
				assert_int_equal(rig->batch->packet[i].csum,
						 next % 3 ? VIF_CSUM_PARTIAL :
							    VIF_CSUM_COMPLETE);
				next = (uint8_t)(next + (next % 3 ? 2 : 1));
			}
			rig_done(rig, ways[way].rx);
		}
		assert_int_equal(next, 150);
		assert_int_equal(drops(rig, ways[way].rx, VIF_DROP_HEADER), 50);
	}
	rig_free(rig);
}

/* The word of a lap before is not that of the packet that is there now. */
static void words_do_not_stay(void **state)
{
	const struct rig_config config = { .ride = ALL, .log2_size = 3 };
	struct rig *rig = rig_new(&config);
	struct frame frame = frame_make("eth ip4 tcp data+1000");
	struct super super;

	(void)state;
	super_make(supers[0].layers, supers[0].gso_size, &super);
	for (uint32_t i = 0; i < LAPS; i++)
		for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
			struct iovec seg;
			struct vif_packet plain = rig_packet(
				&seg, frame.byte, (uint32_t)frame.len);

			send_and_expect(rig, way,
					i % 3 ? &super.packet : &plain);
		}
	free(super.byte);
	rig_free(rig);
}

/* Nor that of a packet which did not fit, and was given up. */
static void words_of_what_was_not_sent_do_not_stay(void **state)
{
	const struct rig_config config = { .ride = ALL,
					   .log2_size = 2,
					   .buffer_size = 64 };
	struct frame frame = frame_make("eth ip4 tcp");
	struct super super;

	(void)state;
	super_make(supers[0].layers, supers[0].gso_size, &super);
	for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
		struct rig *rig = rig_new(&config);
		struct memif_queue *tx = rig->queue[ways[way].tx];

		while (memif_queue_tx(tx, &super.packet, 1) == 0)
			(void)memif_queue_arm(tx);
		assert_int_equal(drops(rig, ways[way].tx, VIF_DROP_TOO_LONG),
				 1);
		assert_int_equal(rig_send(rig, ways[way].tx, frame.byte,
					  (uint32_t)frame.len),
				 1);
		assert_int_equal(rig_receive(rig, ways[way].rx), 1);
		assert_int_equal(rig->batch->packet[0].csum, VIF_CSUM_COMPLETE);
		rig_done(rig, ways[way].rx);
		rig_free(rig);
	}
	free(super.byte);
}

/* Nobody looks at the word of a peer that nothing was agreed on with. */
static void ordinary_peers_say_nothing(void **state)
{
	const struct rig_config config = { .log2_size = 4 };
	struct rig *rig = rig_new(&config);
	struct frame frame = frame_make("eth ip4 tcp data+1000");

	(void)state;
	for (uint32_t i = 0; i < LAPS; i++)
		for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
			lie(rig, way, frame.byte, (uint32_t)frame.len,
			    1u << i % 32 | i);
			assert_int_equal(rig_receive(rig, ways[way].rx), 1);
			assert_int_equal(rig->batch->packet[0].csum,
					 VIF_CSUM_COMPLETE);
			assert_int_equal(rig->batch->packet[0].gso,
					 VIF_GSO_NONE);
			rig_done(rig, ways[way].rx);
		}
	rig_free(rig);
}

/* And it gets to see none of ours, whatever it is sent. */
static void ordinary_peers_see_nothing(void **state)
{
	const struct rig_config config = { .log2_size = 4 };
	struct rig *rig = rig_new(&config);
	struct frame frame = frame_make("eth ip4 tcp data+3000");

	(void)state;
	for (uint32_t i = 0; i < LAPS; i++)
		for (size_t way = 0; way < ARRAY_LEN(ways); way++) {
			struct super super;
			int r = rig_send(rig, ways[way].tx, frame.byte,
					 (uint32_t)frame.len);

			assert_int_equal(r, 1);
			super_make(supers[0].layers, 300, &super);
			r = memif_queue_tx(rig->queue[ways[way].tx],
					   &super.packet, 1);
			assert_int_equal(r, 1);
			free(super.byte);
			assert_int_equal(rig_receive(rig, ways[way].rx), 1);
			rig_done(rig, ways[way].rx);
			for (uint32_t s = 0; s < 16; s++)
				assert_int_equal(
					memif_slot_read_metadata(
						&rig->ring[way].slot[s]),
					0);
		}
	assert_int_equal(drops(rig, RIG_CLIENT_TX, VIF_DROP_OFFLOAD), LAPS);
	assert_int_equal(drops(rig, RIG_SERVER_TX, VIF_DROP_OFFLOAD), LAPS);
	rig_free(rig);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(superpackets_cross),
		cmocka_unit_test(counters_tell_superpackets),
		cmocka_unit_test(unfinished_checksums_cross),
		cmocka_unit_test(single_packets_stay_in_place),
		cmocka_unit_test(largest_superpacket_is_one_chain),
		cmocka_unit_test(only_what_was_granted_is_sent),
		cmocka_unit_test(malformed_packets_are_not_sent),
		cmocka_unit_test(hidden_checksums_are_finished),
		cmocka_unit_test(every_word_of_a_good_packet),
		cmocka_unit_test(no_word_fits_these_packets),
		cmocka_unit_test(bad_headers_of_superpackets),
		cmocka_unit_test(lies_do_not_spoil_a_burst),
		cmocka_unit_test(words_do_not_stay),
		cmocka_unit_test(words_of_what_was_not_sent_do_not_stay),
		cmocka_unit_test(ordinary_peers_say_nothing),
		cmocka_unit_test(ordinary_peers_see_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
