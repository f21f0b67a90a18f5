/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of the stages: what comes out, in which portions, and what is counted.
 * That segments and superpackets are right is for the tests of packet/.
 */
#include "link/stages.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "port/ops.h"
#include "tests/frame.h"
#include "tests/pseudo.h"
#include "wire/inet.h"

enum {
	HEADERS = 40, /* IPv4 and TCP */
	PACKETS_MAX = STAGES_BATCH,
};

struct bench {
	uint32_t seg_max; /* of what comes out */
	struct frame frame[PACKETS_MAX];
	struct vif_batch *in;
	struct stages *stages;
};

static struct bench *bench_new(const struct stages_config *config)
{
	struct bench *bench = calloc(1, sizeof(*bench));

	assert_non_null(bench);
	assert_int_equal(
		vif_batch_new(PACKETS_MAX, 4 * PACKETS_MAX, &bench->in), 0);
	assert_int_equal(stages_new(config, &bench->stages), 0);
	bench->seg_max = config->seg_max;
	return bench;
}

static void bench_free(struct bench *bench)
{
	vif_batch_free(bench->in);
	stages_free(bench->stages);
	free(bench);
}

#define ALL (VIF_GSO_ALL | PORT_CSUM)

static const struct stages_config all = {
	.medium = VIF_MEDIUM_IP,
	.cut = VIF_GSO_ALL,
	.finish = true,
	.seg_max = VIF_PACKET_SEG_MAX,
};

/* A TCP packet over IPv4 whose checksum is still the pseudo-header's. */
static struct vif_packet *add_partial(struct bench *bench, uint32_t payload)
{
	struct frame *frame = &bench->frame[bench->in->n];
	uint32_t len = HEADERS + payload;
	struct vif_packet *packet;

	*frame = frame_make("ip4 tcp");
	assert_true(len <= FRAME_SIZE);
	put_be16(frame->byte + 2, (uint16_t)len);
	for (uint32_t i = 0; i < payload; i++)
		frame->byte[HEADERS + i] = (uint8_t)(i * 5);
	checksum_store(frame->byte + 36,
		       pseudo(frame->byte, INET_PROTO_TCP, len - 20));
	packet = vif_batch_add(bench->in, frame->byte, len);
	assert_non_null(packet);
	packet->csum = VIF_CSUM_PARTIAL;
	packet->l4_off = 20;
	packet->csum_off = INET_TCP_CSUM;
	return packet;
}

static struct vif_packet *add_super(struct bench *bench, uint32_t payload,
				    uint16_t gso_size)
{
	struct vif_packet *packet = add_partial(bench, payload);

	packet->gso = VIF_GSO_TCP4;
	packet->gso_size = gso_size;
	packet->hdr_len = HEADERS;
	return packet;
}

/* A finished one, number i of a stream with 100 bytes in each. */
static void add_single(struct bench *bench, uint32_t i)
{
	struct vif_packet *packet = add_partial(bench, 100);
	uint8_t *ip = packet->seg[0].iov_base;

	put_be16(ip + 4, (uint16_t)i);
	put_be16(ip + 26, (uint16_t)(100 * i));
	checksum_store(ip + 10, 0);
	checksum_store(ip + 10, (uint16_t)~checksum_fold(checksum_sum(ip, 20)));
	checksum_store(ip + 36,
		       (uint16_t)~checksum_fold(checksum_sum(ip + 20, 120)));
	packet->csum = VIF_CSUM_COMPLETE;
	packet->l4_off = packet->csum_off = 0;
}

static uint64_t sum_of(const struct vif_packet *packet)
{
	uint8_t flat[FRAME_SIZE] = { 0 };
	size_t len = 0;

	for (uint16_t i = 0; i < packet->n_seg; i++) {
		memcpy(flat + len, packet->seg[i].iov_base,
		       packet->seg[i].iov_len);
		len += packet->seg[i].iov_len;
	}
	return checksum_sum(flat + 20, len - 20) +
	       pseudo(flat, INET_PROTO_TCP, len - 20);
}

/* Checks all that comes out; returns how much it is. */
static uint32_t run(struct bench *bench, uint32_t *ret_portions)
{
	uint32_t n, sum = 0, portions = 0;
	uint32_t left = stages_left(bench->stages);
	const struct vif_packet *packet;

	while ((n = stages_next(bench->stages, &packet)) > 0) {
		assert_true(n <= STAGES_BATCH);
		for (uint32_t i = 0; i < n; i++) {
			assert_in_range(packet[i].n_seg, 1, bench->seg_max);
			assert_int_equal(
				vif_packet_check(&packet[i], VIF_MEDIUM_IP), 0);
			if (packet[i].csum != VIF_CSUM_PARTIAL)
				assert_int_equal(
					checksum_fold(sum_of(&packet[i])),
					0xffff);
		}
		sum += n;
		portions++;
		assert_int_equal(stages_left(bench->stages), left - sum);
	}
	assert_int_equal(stages_left(bench->stages), 0);
	*ret_portions = portions;
	return sum;
}

static void superpackets_are_cut(void **state)
{
	struct bench *bench = bench_new(&all);
	const struct stages_counters *count = stages_counters(bench->stages);
	uint32_t portions;

	(void)state;
	add_super(bench, 2500, 1000);
	add_partial(bench, 300);
	add_super(bench, 10, 1000);
	stages_begin(bench->stages, bench->in, 0, ALL);
	assert_int_equal(stages_left(bench->stages), 5);
	assert_int_equal(run(bench, &portions), 5);
	assert_int_equal(portions, 1);
	assert_int_equal(counter_read(&count->cut_superpackets), 2);
	assert_int_equal(counter_read(&count->cut_segments), 4);
	assert_int_equal(counter_read(&count->finished), 1);
	assert_int_equal(counter_read(&count->malformed), 0);
	bench_free(bench);
}

/* Room for segments is bounded, whatever a superpacket is cut into. */
static void many_segments_come_in_portions(void **state)
{
	struct bench *bench = bench_new(&all);
	uint32_t portions;

	(void)state;
	for (int i = 0; i < 3; i++)
		add_super(bench, 1000, 1);
	stages_begin(bench->stages, bench->in, 0, ALL);
	assert_int_equal(run(bench, &portions), 3000);
	assert_int_equal(portions, (3000 + STAGES_BATCH - 1) / STAGES_BATCH);
	bench_free(bench);
}

/* Segments of a packet in many pieces need room for just as many. */
static void many_pieces_fit(void **state)
{
	struct bench *bench = bench_new(&all);
	struct vif_packet *packet = add_super(bench, 62 * 3, 2);
	uint8_t *data = packet->seg[0].iov_base;
	uint32_t portions;

	(void)state;
	packet->n_seg = 63;
	packet->seg[0].iov_len = HEADERS;
	data += HEADERS;
	for (uint16_t i = 0; i < 62; i++, data += 3)
		packet->seg[1 + i] = (struct iovec){ data, 3 };
	stages_begin(bench->stages, bench->in, 0, ALL);
	assert_int_equal(run(bench, &portions), 93);
	bench_free(bench);
}

/* Lent bytes may be lent twice: they are not written. */
static void lent_bytes_stay(void **state)
{
	struct bench *bench = bench_new(&all);
	struct frame before[2];
	uint32_t portions;

	(void)state;
	add_super(bench, 2500, 1000);
	add_partial(bench, 300);
	memcpy(before, bench->frame, sizeof(before));
	stages_begin(bench->stages, bench->in, 0, ALL);
	assert_int_equal(run(bench, &portions), 4);
	assert_memory_equal(before, bench->frame, sizeof(before));
	bench_free(bench);
}

static void malformed_packets_are_counted(void **state)
{
	struct bench *bench = bench_new(&all);
	const struct stages_counters *count = stages_counters(bench->stages);
	const struct vif_packet *packet;
	struct vif_packet *bad;

	(void)state;
	bad = add_super(bench, 2500, 1000);
	put_be16((uint8_t *)bad->seg[0].iov_base + 2, 30); /* IP length */
	bad = add_partial(bench, 1000);
	bad->l4_off = 900; /* beyond what is copied */
	add_partial(bench, 100);
	stages_begin(bench->stages, bench->in, 0, ALL);
	assert_int_equal(stages_next(bench->stages, &packet), 1);
	assert_int_equal(packet->len, 140);
	assert_int_equal(stages_next(bench->stages, &packet), 0);
	assert_int_equal(counter_read(&count->malformed), 2);
	bench_free(bench);
}

/* Kinds the destination takes stay whole, and so do their checksums. */
static void other_kinds_pass(void **state)
{
	struct stages_config config = all;
	struct bench *bench;
	const struct vif_packet *packet;

	(void)state;
	config.cut = VIF_GSO_BIT(VIF_GSO_UDP);
	config.finish = false;
	bench = bench_new(&config);
	add_super(bench, 2500, 1000);
	add_partial(bench, 100);
	stages_begin(bench->stages, bench->in, 0, ALL);
	assert_int_equal(stages_next(bench->stages, &packet), 2);
	assert_memory_equal(packet, bench->in->packet, 2 * sizeof(*packet));
	bench_free(bench);
}

/* Takes the last packet apart, after its first bytes. */
static void split(struct bench *bench, size_t first, uint16_t n_seg)
{
	struct vif_packet *packet = &bench->in->packet[bench->in->n - 1];
	uint8_t *at = packet->seg[0].iov_base;
	size_t left = packet->len - first;

	bench->in->n_seg += n_seg - 1u;
	packet->n_seg = n_seg;
	packet->seg[0].iov_len = first;
	at += first;
	for (uint16_t i = 1; i < n_seg; i++) {
		size_t len = i + 1 < n_seg ? left / n_seg : left;

		packet->seg[i] = (struct iovec){ at, len };
		at += len;
		left -= len;
	}
}

static const struct stages_config glue_only = {
	.medium = VIF_MEDIUM_IP,
	.glue = VIF_GSO_ALL,
	.seg_max = VIF_PACKET_SEG_MAX,
};

static void singles_are_glued(void **state)
{
	struct bench *bench = bench_new(&glue_only);
	const struct stages_counters *count = stages_counters(bench->stages);
	const struct vif_packet *packet;

	(void)state;
	for (uint32_t i = 0; i < 10; i++)
		add_single(bench, i < 6 ? i : i + 100);
	stages_begin(bench->stages, bench->in, 0, ALL);
	assert_int_equal(stages_left(bench->stages), 2);
	assert_int_equal(stages_next(bench->stages, &packet), 2);
	assert_int_equal(packet[0].len, HEADERS + 600);
	assert_int_equal(packet[1].len, HEADERS + 400);
	assert_int_equal(stages_next(bench->stages, &packet), 0);
	assert_int_equal(counter_read(&count->glued_packets), 10);
	assert_int_equal(counter_read(&count->glued_superpackets), 2);
	bench_free(bench);
}

/* Of a full burst, too, in as many pieces as a wire has room for. */
static void chains_are_glued(void **state)
{
	struct bench *bench = bench_new(&glue_only);
	const struct vif_packet *packet;
	uint32_t n_seg = 0;

	(void)state;
	for (uint32_t i = 0; i < PACKETS_MAX; i++) {
		add_single(bench, i);
		split(bench, HEADERS, 4);
	}
	assert_int_equal(bench->in->n_seg, bench->in->n_seg_max);
	stages_begin(bench->stages, bench->in, 0, ALL);
	assert_int_equal(stages_next(bench->stages, &packet), 4);
	for (uint32_t i = 0; i < 4; i++)
		n_seg += packet[i].n_seg;
	/* 21 packets of three pieces, and their headers, are 64. */
	assert_int_equal(packet[0].n_seg, VIF_PACKET_SEG_MAX);
	assert_int_equal(packet[0].len, HEADERS + 2100);
	assert_int_equal(n_seg, 3 * VIF_PACKET_SEG_MAX + 4);
	bench_free(bench);
}

static void refused_kinds_are_not_made(void **state)
{
	struct bench *bench = bench_new(&glue_only);
	const struct vif_packet *packet;

	(void)state;
	add_single(bench, 0);
	add_single(bench, 1);
	stages_begin(bench->stages, bench->in, VIF_GSO_ALL, ALL);
	assert_int_equal(stages_next(bench->stages, &packet), 2);
	stages_begin(bench->stages, bench->in, VIF_GSO_BIT(VIF_GSO_TCP4), ALL);
	assert_int_equal(stages_next(bench->stages, &packet), 2);
	stages_begin(bench->stages, bench->in, VIF_GSO_BIT(VIF_GSO_UDP), ALL);
	assert_int_equal(stages_next(bench->stages, &packet), 1);
	bench_free(bench);
}

/* Cut what the destination does not take, glue what it does. */
static void kinds_are_glued_and_cut(void **state)
{
	struct stages_config config = glue_only;
	struct bench *bench;
	uint32_t portions;

	(void)state;
	config.glue = VIF_GSO_BIT(VIF_GSO_TCP4);
	config.cut = VIF_GSO_BIT(VIF_GSO_TCP6) | VIF_GSO_BIT(VIF_GSO_UDP);
	bench = bench_new(&config);
	add_single(bench, 0);
	add_single(bench, 1);
	add_super(bench, 2500, 1000);
	stages_begin(bench->stages, bench->in, 0, ALL);
	assert_int_equal(run(bench, &portions), 2);
	bench_free(bench);
}

static const struct stages_config ready = {
	.medium = VIF_MEDIUM_IP,
	.cut_ready = VIF_GSO_ALL,
	.finish_ready = true,
	.seg_max = VIF_PACKET_SEG_MAX,
};

/* What is refused now is cut and finished, and the rest left alone. */
static void what_is_refused_now_is_done(void **state)
{
	static const struct {
		uint32_t refused;
		uint32_t n;
		uint64_t cut, finished;
	} cases[] = {
		{ ALL, 4, 1, 1 },
		{ 0, 2, 0, 0 },
		{ VIF_GSO_ALL, 4, 1, 0 },
		{ VIF_GSO_BIT(VIF_GSO_UDP), 2, 0, 0 },
		{ VIF_GSO_BIT(VIF_GSO_TCP4), 4, 1, 0 },
		{ ALL, 4, 1, 1 },
	};
	struct bench *bench = bench_new(&ready);
	const struct stages_counters *count = stages_counters(bench->stages);
	uint64_t cut = 0, finished = 0;
	uint32_t portions;

	(void)state;
	add_super(bench, 2500, 1000);
	add_partial(bench, 100);
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		stages_begin(bench->stages, bench->in, cases[i].refused, ALL);
		assert_int_equal(run(bench, &portions), cases[i].n);
		cut += cases[i].cut;
		finished += cases[i].finished;
		assert_int_equal(counter_read(&count->cut_superpackets), cut);
		assert_int_equal(counter_read(&count->finished), finished);
	}
	bench_free(bench);
}

/* Segments are finished exactly if single packets are. */
static void segments_are_as_finished_as_others(void **state)
{
	struct bench *bench = bench_new(&ready);
	const struct vif_packet *packet;

	(void)state;
	add_super(bench, 2500, 1000);
	stages_begin(bench->stages, bench->in, VIF_GSO_ALL, ALL);
	assert_int_equal(stages_next(bench->stages, &packet), 3);
	assert_int_equal(packet[0].csum, VIF_CSUM_PARTIAL);
	stages_begin(bench->stages, bench->in, ALL, ALL);
	assert_int_equal(stages_next(bench->stages, &packet), 3);
	assert_int_equal(packet[0].csum, VIF_CSUM_COMPLETE);
	bench_free(bench);
}

/* No copy of the batch is made: it is the very same packets. */
static void bursts_without_work_pass(void **state)
{
	struct bench *bench = bench_new(&ready);
	const struct vif_packet *packet;

	(void)state;
	add_super(bench, 2500, 1000);
	add_partial(bench, 100);
	stages_begin(bench->stages, bench->in, 0, ALL);
	assert_int_equal(stages_next(bench->stages, &packet), 2);
	assert_ptr_equal(packet, bench->in->packet);
	assert_int_equal(stages_next(bench->stages, &packet), 0);
	bench_free(bench);

	/* Nor where stages always run, but there is nothing for them. */
	bench = bench_new(&all);
	add_single(bench, 0);
	add_single(bench, 1);
	stages_begin(bench->stages, bench->in, ALL, ALL);
	assert_int_equal(stages_next(bench->stages, &packet), 2);
	assert_ptr_equal(packet, bench->in->packet);
	bench_free(bench);
}

/*
 * What the source says it does not leave undone is not looked for. That a packet
 * passes which is there all the same shows that none was looked at.
 */
static void what_the_source_finishes_is_not_looked_at(void **state)
{
	static const struct stages_config *const configs[] = { &all, &ready };
	static const struct {
		uint32_t undone;
		uint32_t n;
	} cases[] = {
		{ 0, 2 },
		{ ALL, 4 },
		{ PORT_CSUM, 2 },
		{ VIF_GSO_TCP | PORT_CSUM, 4 },
		{ VIF_GSO_BIT(VIF_GSO_UDP) | PORT_CSUM, 2 },
		{ 0, 2 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(configs); i++) {
		struct bench *bench = bench_new(configs[i]);
		const struct vif_packet *packet;

		add_super(bench, 2500, 1000);
		add_partial(bench, 100);
		for (size_t j = 0; j < ARRAY_LEN(cases); j++) {
			bool looks = cases[j].undone != 0;

			stages_begin(bench->stages, bench->in, ALL,
				     cases[j].undone);
			assert_int_equal(stages_next(bench->stages, &packet),
					 cases[j].n);
			assert_true((packet == bench->in->packet) == !looks);
			assert_true((packet[cases[j].n - 1].csum ==
				     VIF_CSUM_PARTIAL) == !looks);
		}
		bench_free(bench);
	}
}

static void superpackets_of_the_source_end_gluing(void **state)
{
	struct stages_config config = glue_only;
	struct bench *bench;
	const struct vif_packet *packet;

	(void)state;
	for (int ready_only = 0; ready_only < 2; ready_only++) {
		config.glue_ready = ready_only;
		bench = bench_new(&config);
		add_single(bench, 0);
		add_single(bench, 1);
		stages_begin(bench->stages, bench->in, 0, PORT_CSUM);
		assert_int_equal(stages_next(bench->stages, &packet), 1);
		stages_begin(bench->stages, bench->in, 0,
			     VIF_GSO_BIT(VIF_GSO_UDP));
		assert_int_equal(stages_next(bench->stages, &packet),
				 ready_only ? 2 : 1);
		bench_free(bench);
	}
}

/* Half a burst is cut for one peer; what is left of it has no other. */
static void abandoned_bursts_leave_nothing(void **state)
{
	struct bench *bench = bench_new(&ready);
	const struct vif_packet *packet;

	(void)state;
	add_super(bench, 1000, 1);
	stages_begin(bench->stages, bench->in, ALL, ALL);
	assert_int_equal(stages_next(bench->stages, &packet), STAGES_BATCH);
	assert_int_equal(stages_abandon(bench->stages), 1000 - STAGES_BATCH);
	stages_begin(bench->stages, bench->in, 0, ALL);
	assert_int_equal(stages_next(bench->stages, &packet), 1);
	assert_ptr_equal(packet, bench->in->packet);
	bench_free(bench);
}

/* One packet through stages of this kind; returns what comes out. */
static uint32_t run_one(const struct stages_config *config, bool is_super,
			uint16_t n_seg)
{
	struct bench *bench = bench_new(config);
	const struct stages_counters *count = stages_counters(bench->stages);
	uint32_t n, portions;

	if (is_super)
		add_super(bench, 2500, 1000);
	else
		add_partial(bench, 2500);
	if (n_seg > 1)
		split(bench, 300, n_seg);
	stages_begin(bench->stages, bench->in, 0, ALL);
	n = run(bench, &portions);
	assert_int_equal(counter_read(&count->malformed), 0);
	bench_free(bench);
	return n;
}

/* Whatever is done to packets: run() counts pieces, and sums up bytes. */
static void no_packet_has_too_many_pieces(void **state)
{
	static const uint16_t numbers[] = { 1, 2, 3, 4, 5, 9, 62, 63, 64 };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(numbers) * ARRAY_LEN(numbers); i++) {
		uint16_t n = numbers[i % ARRAY_LEN(numbers)];
		struct stages_config config = all;

		config.seg_max = numbers[i / ARRAY_LEN(numbers)];
		config.gather = config.seg_max < VIF_PACKET_SEG_MAX;
		assert_int_equal(run_one(&config, true, n), 3);
		assert_int_equal(run_one(&config, false, n), 1);
		config.finish = false;
		assert_int_equal(run_one(&config, true, n), 3);
		config.cut = 0;
		if (config.gather)
			assert_int_equal(run_one(&config, true, n), 1);
	}
}

/* As many pieces as there can be, and one more for headers of one's own. */
static void most_pieces_are_not_too_many(void **state)
{
	struct bench *bench = bench_new(&all);
	uint32_t portions;

	(void)state;
	add_super(bench, 1400, 1400);
	split(bench, 300, VIF_PACKET_SEG_MAX);
	add_partial(bench, 1400);
	split(bench, 300, VIF_PACKET_SEG_MAX);
	stages_begin(bench->stages, bench->in, 0, ALL);
	assert_int_equal(run(bench, &portions), 2);
	assert_int_equal(
		counter_read(&stages_counters(bench->stages)->malformed), 0);
	bench_free(bench);
}

static const struct stages_config flat = {
	.medium = VIF_MEDIUM_IP,
	.gather = true,
	.seg_max = 1,
};

static void pieces_are_gathered_in_a_copy(void **state)
{
	struct bench *bench = bench_new(&flat);
	const struct vif_packet *packet;

	(void)state;
	add_super(bench, 1400, 700);
	split(bench, HEADERS, 7);
	add_partial(bench, 100);
	stages_begin(bench->stages, bench->in, 0, 0);
	assert_int_equal(stages_next(bench->stages, &packet), 2);
	assert_int_equal(packet[0].n_seg, 1);
	assert_int_equal(packet[0].gso, VIF_GSO_TCP4);
	assert_int_equal(packet[0].gso_size, 700);
	assert_int_equal(packet[0].csum, VIF_CSUM_PARTIAL);
	assert_ptr_not_equal(packet[0].seg[0].iov_base, bench->frame[0].byte);
	assert_memory_equal(packet[0].seg[0].iov_base, bench->frame[0].byte,
			    HEADERS + 1400);
	/* What fits is no copy. */
	assert_ptr_equal(packet[1].seg[0].iov_base, bench->frame[1].byte);
	assert_int_equal(stages_next(bench->stages, &packet), 0);
	bench_free(bench);
}

/* A whole burst passes as it is, if it can. */
static void single_pieces_pass(void **state)
{
	struct bench *bench = bench_new(&flat);
	const struct vif_packet *packet;

	(void)state;
	add_partial(bench, 100);
	add_partial(bench, 200);
	stages_begin(bench->stages, bench->in, 0, 0);
	assert_int_equal(stages_next(bench->stages, &packet), 2);
	assert_ptr_equal(packet, bench->in->packet);
	bench_free(bench);
}

/* Room for copies is bounded, too: large ones come in portions. */
static void copies_come_in_portions(void **state)
{
	enum { LARGE = VIF_PACKET_LEN_MAX };
	struct bench *bench = bench_new(&flat);
	uint8_t *bytes = malloc(LARGE);
	const struct vif_packet *packet;
	uint32_t n = 0;

	(void)state;
	assert_non_null(bytes);
	for (uint32_t i = 0; i < LARGE; i++)
		bytes[i] = (uint8_t)(i * 7 + i / 256);
	for (size_t i = 0; i < 5; i++) {
		assert_non_null(vif_batch_add(bench->in, bytes, LARGE));
		split(bench, 1000 + i, 2);
	}
	stages_begin(bench->stages, bench->in, 0, 0);
	for (uint32_t got = 2; got == 2; n += got) {
		got = stages_next(bench->stages, &packet);
		assert_in_range(got, 1, 2);
		for (uint32_t i = 0; i < got; i++) {
			assert_int_equal(packet[i].n_seg, 1);
			assert_int_equal(packet[i].len, LARGE);
			assert_memory_equal(packet[i].seg[0].iov_base, bytes,
					    LARGE);
		}
	}
	assert_int_equal(n, 5);
	assert_int_equal(stages_next(bench->stages, &packet), 0);
	free(bytes);
	bench_free(bench);
}

/* They take no room from those behind them, which would be lost uncounted. */
static void malformed_packets_leave_room(void **state)
{
	enum { LARGE = VIF_PACKET_LEN_MAX, N_BAD = 3 };
	struct stages_config config = flat;
	struct bench *bench;
	uint8_t *bytes = calloc(1, LARGE);
	const struct vif_packet *packet;

	(void)state;
	assert_non_null(bytes);
	config.finish = true;
	bench = bench_new(&config);
	for (size_t i = 0; i < N_BAD; i++) {
		struct vif_packet *bad = vif_batch_add(bench->in, bytes, LARGE);

		assert_non_null(bad);
		split(bench, 1000, 2);
		bad->csum = VIF_CSUM_PARTIAL;
		bad->l4_off = UINT16_MAX;
		bad->csum_off = UINT16_MAX; /* beyond its end */
	}
	add_partial(bench, 100);
	stages_begin(bench->stages, bench->in, 0, ALL);
	assert_int_equal(stages_next(bench->stages, &packet), 1);
	assert_int_equal(packet->len, 140);
	assert_int_equal(
		counter_read(&stages_counters(bench->stages)->malformed),
		N_BAD);
	free(bytes);
	bench_free(bench);
}

static void nothing_is_left_at_first(void **state)
{
	struct bench *bench = bench_new(&all);

	(void)state;
	assert_int_equal(stages_left(bench->stages), 0);
	stages_free(NULL);
	bench_free(bench);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(superpackets_are_cut),
		cmocka_unit_test(many_segments_come_in_portions),
		cmocka_unit_test(many_pieces_fit),
		cmocka_unit_test(lent_bytes_stay),
		cmocka_unit_test(malformed_packets_are_counted),
		cmocka_unit_test(other_kinds_pass),
		cmocka_unit_test(singles_are_glued),
		cmocka_unit_test(chains_are_glued),
		cmocka_unit_test(refused_kinds_are_not_made),
		cmocka_unit_test(kinds_are_glued_and_cut),
		cmocka_unit_test(what_is_refused_now_is_done),
		cmocka_unit_test(segments_are_as_finished_as_others),
		cmocka_unit_test(bursts_without_work_pass),
		cmocka_unit_test(what_the_source_finishes_is_not_looked_at),
		cmocka_unit_test(superpackets_of_the_source_end_gluing),
		cmocka_unit_test(abandoned_bursts_leave_nothing),
		cmocka_unit_test(no_packet_has_too_many_pieces),
		cmocka_unit_test(most_pieces_are_not_too_many),
		cmocka_unit_test(pieces_are_gathered_in_a_copy),
		cmocka_unit_test(single_pieces_pass),
		cmocka_unit_test(copies_come_in_portions),
		cmocka_unit_test(malformed_packets_leave_room),
		cmocka_unit_test(nothing_is_left_at_first),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
