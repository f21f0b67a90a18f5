/* SPDX-License-Identifier: Apache-2.0 */
/* Offload state across the port: whole where the capability says so. */
#include "tests/contract/contract.h"

static struct probe probe;
static struct probe_seen seen;

/* What a port must be able to do for a kind of probe. */
static bool can(uint32_t kind, uint32_t gso, bool csum)
{
	static const uint32_t bits[PROBE_KINDS] = {
		[PROBE_GSO_TCP4] = VIF_GSO_BIT(VIF_GSO_TCP4),
		[PROBE_GSO_TCP6] = VIF_GSO_BIT(VIF_GSO_TCP6),
		[PROBE_GSO_UDP4] = VIF_GSO_BIT(VIF_GSO_UDP),
	};

	return (kind == PROBE_UDP4 || csum) && (bits[kind] & ~gso) == 0;
}

static uint32_t payload_of(uint32_t kind)
{
	return kind >= PROBE_GSO_TCP4 ? 40 * PROBE_GSO_SIZE + 123 : 1000;
}

static void survives_out(void **state)
{
	struct rig *rig = rig_of(state);
	const struct vif_port_caps *caps;
	struct vif_port_stats stats;
	uint32_t n_super = 0;

	rig_up(rig, "");
	caps = vif_port_caps(rig->port);
	for (uint32_t kind = 0; kind < PROBE_KINDS; kind++) {
		if (!can(kind, caps->tx_gso, caps->tx_csum)) {
			print_message("no probe of kind %u here\n", kind);
			continue;
		}
		probe_make(&probe, kind, rig_is_eth(rig), kind,
			   payload_of(kind));
		assert_int_equal(rig_tx(rig, 0, &probe.packet, 1), 1);
		assert_true(rig->driver->far_receive(rig, &seen));
		if (!probe_equal(&probe, &seen))
			fail_msg("probe of kind %u has changed", kind);
		n_super += probe.packet.gso != VIF_GSO_NONE;
	}
	vif_port_stats(rig->port, &stats);
	assert_int_equal(stats.tx_superpackets, n_super);
	assert_true(n_super > 0);
}

static void survives_in(void **state)
{
	struct rig *rig = rig_of(state);
	const struct vif_port_caps *caps;
	struct vif_port_stats stats;
	uint32_t n_super = 0;

	rig_up(rig, "");
	caps = vif_port_caps(rig->port);
	for (uint32_t kind = 0; kind < PROBE_KINDS; kind++) {
		if (!can(kind, caps->rx_gso, caps->rx_csum)) {
			print_message("no probe of kind %u here\n", kind);
			continue;
		}
		probe_make(&probe, kind, rig_is_eth(rig), kind,
			   payload_of(kind));
		assert_true(rig->driver->far_send(rig, &probe.packet));
		rig_receive(rig, &seen);
		if (!probe_equal(&probe, &seen))
			fail_msg("probe of kind %u has changed", kind);
		seen.packet.seg = &(struct iovec){ seen.bytes, seen.len };
		assert_int_equal(vif_packet_check(&seen.packet, caps->medium),
				 0);
		assert_int_equal(seen.packet.l3_off, probe.packet.l3_off);
		assert_int_equal(seen.packet.hdr_len, probe.packet.hdr_len);
		n_super += probe.packet.gso != VIF_GSO_NONE;
	}
	vif_port_stats(rig->port, &stats);
	assert_int_equal(stats.rx_superpackets, n_super);
	assert_true(n_super > 0);
}

/* A superpacket in pieces is one packet all the same. */
static void survives_in_pieces(void **state)
{
	struct rig *rig = rig_of(state);
	const struct vif_port_caps *caps;

	rig_up(rig, "");
	caps = vif_port_caps(rig->port);
	if (!can(PROBE_GSO_TCP4, caps->tx_gso, caps->tx_csum) ||
	    caps->seg_max < 17)
		return;
	probe_make(&probe, PROBE_GSO_TCP4, rig_is_eth(rig), 3, 60000);
	probe_scatter(&probe, 17);
	assert_int_equal(rig_tx(rig, 0, &probe.packet, 1), 1);
	assert_true(rig->driver->far_receive(rig, &seen));
	assert_true(probe_equal(&probe, &seen));
}

/* What was asked not to be delivered is not. */
static void lowered_rx(void **state)
{
	struct rig *rig = rig_of(state);
	struct vif_port_stats stats;

	rig_open(rig, "");
	if (!vif_port_caps(rig->port)->rx_settable)
		return;
	assert_int_equal(vif_port_set(rig->port, VIF_PORT_RX_GSO, 0), 0);
	assert_int_equal(vif_port_set(rig->port, VIF_PORT_RX_CSUM, 0), 0);
	assert_int_equal(vif_port_start(rig->port, &rig->error), 0);
	probe_make(&probe, PROBE_UDP4_PARTIAL, rig_is_eth(rig), 8, 1000);
	assert_true(rig->driver->far_send(rig, &probe.packet));
	rig_receive(rig, &seen);
	assert_int_equal(seen.serial, 8);
	assert_int_not_equal(seen.packet.csum, VIF_CSUM_PARTIAL);
	vif_port_stats(rig->port, &stats);
	assert_int_equal(stats.rx_superpackets, 0);
}

const struct contract_case offload_cases[] = {
	{ "survives_out", survives_out, HAS_FAR | HAS_OFFLOAD },
	{ "survives_in", survives_in, HAS_FAR | HAS_OFFLOAD },
	{ "survives_in_pieces", survives_in_pieces, HAS_FAR | HAS_OFFLOAD },
	{ "lowered_rx", lowered_rx, HAS_FAR | HAS_OFFLOAD },
	{ NULL, NULL, 0 },
};
