/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that cannot be sent: taken, counted, and no harm to the others. */
#include <string.h>

#include "tests/contract/contract.h"

static struct probe probe, good;
static struct probe_seen seen;

/* How a packet is spoiled. Each makes vif_packet_check() refuse it. */
static void no_pieces(struct vif_packet *packet)
{
	packet->n_seg = 0;
}

static void many_pieces(struct vif_packet *packet)
{
	packet->n_seg = VIF_PACKET_SEG_MAX + 1;
}

static void no_length(struct vif_packet *packet)
{
	packet->len = 0;
}

static void length_above_pieces(struct vif_packet *packet)
{
	packet->len++;
}

static void length_below_pieces(struct vif_packet *packet)
{
	packet->len--;
}

static void unknown_gso(struct vif_packet *packet)
{
	packet->gso = 17;
}

static void unknown_csum(struct vif_packet *packet)
{
	packet->csum = 3;
}

static void ecn_without_gso(struct vif_packet *packet)
{
	packet->flags = VIF_PACKET_ECN;
}

static void gso_without_csum(struct vif_packet *packet)
{
	packet->gso = VIF_GSO_UDP;
	packet->gso_size = PROBE_GSO_SIZE;
}

static void gso_without_size(struct vif_packet *packet)
{
	packet->gso = VIF_GSO_UDP;
	packet->csum = VIF_CSUM_PARTIAL;
}

static void csum_behind_end(struct vif_packet *packet)
{
	packet->csum = VIF_CSUM_PARTIAL;
	packet->l4_off = (uint16_t)(packet->len - 1);
	packet->csum_off = 6;
}

static void csum_far_behind_end(struct vif_packet *packet)
{
	packet->csum = VIF_CSUM_PARTIAL;
	packet->l4_off = UINT16_MAX;
	packet->csum_off = UINT16_MAX;
}

static void csum_before_l4(struct vif_packet *packet)
{
	packet->csum = VIF_CSUM_PARTIAL;
	packet->csum_off = 6;
}

static void gso_of_other_kind(struct vif_packet *packet)
{
	packet->gso = VIF_GSO_TCP6;
	packet->csum = VIF_CSUM_PARTIAL;
	packet->gso_size = PROBE_GSO_SIZE;
	packet->l4_off = 40;
	packet->hdr_len = 60;
	packet->csum_off = 16;
}

static void (*const spoilers[])(struct vif_packet *packet) = {
	no_pieces,           many_pieces,         no_length,
	length_above_pieces, length_below_pieces, unknown_gso,
	unknown_csum,        ecn_without_gso,     gso_without_csum,
	gso_without_size,    csum_behind_end,     csum_far_behind_end,
	csum_before_l4,      gso_of_other_kind,
};

enum drop_counts {
	N_SPOILER = sizeof(spoilers) / sizeof(spoilers[0]),
};

static uint64_t sum_drops(const uint64_t *drops)
{
	uint64_t sum = 0;

	for (int i = 0; i < VIF_DROP_N; i++)
		sum += drops[i];
	return sum;
}

/* Good, bad, good, in one call: both good ones arrive. */
static void sandwich(struct rig *rig, const struct vif_packet *bad,
		     uint32_t serial)
{
	struct vif_packet batch[3];
	static struct probe last;

	probe_make(&good, PROBE_UDP4, rig_is_eth(rig), serial, PROBE_SMALL);
	probe_make(&last, PROBE_UDP4, rig_is_eth(rig), serial + 1, PROBE_SMALL);
	batch[0] = good.packet;
	batch[1] = *bad;
	batch[2] = last.packet;
	assert_int_equal(rig_tx(rig, 0, batch, 3), 3);
	for (uint32_t i = 0; i < 2; i++) {
		assert_true(rig->driver->far_receive(rig, &seen));
		assert_int_equal(seen.serial, serial + i);
	}
}

static void malformed(void **state)
{
	struct rig *rig = rig_of(state);
	struct vif_port_stats stats;

	rig_up(rig, "");
	for (uint32_t i = 0; i < N_SPOILER; i++) {
		probe_make(&probe, PROBE_UDP4, rig_is_eth(rig), 7777, 1200);
		probe_scatter(&probe, VIF_PACKET_SEG_MAX + 1);
		probe.packet.n_seg = 1;
		probe.seg[0].iov_len = probe.packet.len;
		if (spoilers[i] == many_pieces)
			probe_scatter(&probe, VIF_PACKET_SEG_MAX + 1);
		else
			spoilers[i](&probe.packet);
		sandwich(rig, &probe.packet, 2 * i);
		vif_port_stats(rig->port, &stats);
		if (stats.tx_drops[VIF_DROP_HEADER] +
			    stats.tx_drops[VIF_DROP_TOO_LONG] !=
		    i + 1)
			fail_msg("spoiler %u is not counted", i);
	}
	assert_int_equal(sum_drops(stats.tx_drops), N_SPOILER);
	assert_int_equal(stats.tx_packets, 2 * N_SPOILER);
}

static void too_long(void **state)
{
	struct rig *rig = rig_of(state);
	struct vif_port_stats stats;
	uint32_t len_max, headers;

	rig_up(rig, ",offload=off");
	len_max = vif_port_caps(rig->port)->len_max;
	headers = rig_is_eth(rig) ? 42 : 28;
	if (len_max >= VIF_PACKET_LEN_MAX)
		probe_make(&probe, PROBE_UDP4, rig_is_eth(rig), 7777,
			   VIF_PACKET_LEN_MAX + 1 - headers);
	else
		probe_make(&probe, PROBE_UDP4, rig_is_eth(rig), 7777,
			   len_max + 1 - headers);
	sandwich(rig, &probe.packet, 1);
	vif_port_stats(rig->port, &stats);
	assert_int_equal(stats.tx_drops[VIF_DROP_HEADER] +
				 stats.tx_drops[VIF_DROP_TOO_LONG],
			 1);
	assert_int_equal(sum_drops(stats.tx_drops), 1);
}

static void lacks_offload(void **state)
{
	struct rig *rig = rig_of(state);
	struct vif_port_stats stats;

	rig_up(rig, ",offload=off");
	assert_int_equal(vif_port_caps(rig->port)->tx_gso, 0);
	assert_false(vif_port_caps(rig->port)->tx_csum);
	for (uint32_t kind = PROBE_UDP4_PARTIAL; kind < PROBE_KINDS; kind++) {
		/* Short enough, so that only the offload is in the way. */
		probe_make(&probe, kind, rig_is_eth(rig), 7777, 1200);
		sandwich(rig, &probe.packet, 10 * kind);
		vif_port_stats(rig->port, &stats);
		assert_int_equal(stats.tx_drops[VIF_DROP_OFFLOAD], kind);
	}
	assert_int_equal(sum_drops(stats.tx_drops), PROBE_KINDS - 1);
	assert_int_equal(stats.tx_superpackets, 0);
}

static void lacks_gso_only(void **state)
{
	struct rig *rig = rig_of(state);
	struct vif_port_stats stats;

	rig_up(rig, ",offload=csum");
	assert_true(vif_port_caps(rig->port)->tx_csum);
	assert_int_equal(vif_port_caps(rig->port)->tx_gso, 0);
	probe_make(&probe, PROBE_GSO_TCP4, rig_is_eth(rig), 7777, 1200);
	sandwich(rig, &probe.packet, 1);
	vif_port_stats(rig->port, &stats);
	assert_int_equal(stats.tx_drops[VIF_DROP_OFFLOAD], 1);
	probe_make(&probe, PROBE_UDP4_PARTIAL, rig_is_eth(rig), 5, 1000);
	assert_int_equal(rig_tx(rig, 0, &probe.packet, 1), 1);
	assert_true(rig->driver->far_receive(rig, &seen));
	assert_true(probe_equal(&probe, &seen));
}

/* A burst of nothing but rubbish is taken whole. */
static void all_bad(void **state)
{
	struct vif_packet batch[CONTRACT_BATCH];
	struct rig *rig = rig_of(state);
	struct vif_port_stats stats;

	rig_up(rig, "");
	probe_make(&probe, PROBE_UDP4, rig_is_eth(rig), 7777, PROBE_SMALL);
	unknown_gso(&probe.packet);
	for (int i = 0; i < CONTRACT_BATCH; i++)
		batch[i] = probe.packet;
	for (int i = 0; i < 10; i++)
		assert_int_equal(rig_tx(rig, 0, batch, CONTRACT_BATCH),
				 CONTRACT_BATCH);
	vif_port_stats(rig->port, &stats);
	assert_int_equal(stats.tx_packets, 0);
	assert_int_equal(stats.tx_bytes, 0);
	assert_int_equal(stats.tx_drops[VIF_DROP_HEADER], 10 * CONTRACT_BATCH);
}

const struct contract_case drop_cases[] = {
	{ "malformed", malformed, HAS_FAR },
	{ "too_long", too_long, HAS_FAR | HAS_OFFLOAD },
	{ "lacks_offload", lacks_offload, HAS_FAR | HAS_OFFLOAD },
	{ "lacks_gso_only", lacks_gso_only, HAS_FAR | HAS_OFFLOAD },
	{ "all_bad", all_bad, HAS_FAR },
	{ NULL, NULL, 0 },
};
