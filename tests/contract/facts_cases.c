/* SPDX-License-Identifier: Apache-2.0 */
/* What a port says of itself, and changing it. */
#include <ctype.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/contract/contract.h"

static void caps_make_sense(void **state)
{
	struct rig *rig = rig_of(state);
	const struct vif_port_caps *caps;

	rig_open(rig, "");
	caps = vif_port_caps(rig->port);
	assert_true(caps->medium <= VIF_MEDIUM_ETH);
	assert_in_range(caps->n_queue, 1, 256);
	assert_in_range(caps->seg_max, 1, VIF_PACKET_SEG_MAX);
	assert_in_range(caps->mtu, 68, 65535);
	assert_in_range(caps->len_max, caps->mtu, VIF_PACKET_LEN_MAX);
	assert_int_equal(caps->rx_gso & ~VIF_GSO_ALL, 0);
	assert_int_equal(caps->tx_gso & ~VIF_GSO_ALL, 0);
	/* A superpacket has an unfinished checksum by definition. */
	if (caps->rx_gso)
		assert_true(caps->rx_csum);
	if (caps->tx_gso)
		assert_true(caps->tx_csum && caps->len_max >= 65535);
}

static void name_and_state(void **state)
{
	struct rig *rig = rig_of(state);
	size_t len = strlen(rig->driver->type);
	const char *name;

	rig_up(rig, "");
	name = vif_port_name(rig->port);
	assert_memory_equal(name, rig->driver->type, len);
	assert_true(name[len] == ':' || name[len] == '\0');
	assert_int_equal(vif_port_state(rig->port), VIF_PORT_UP);
	/* The program was told, once, and of the port it knows. */
	assert_int_equal(atomic_load(&rig->n_state[VIF_PORT_UP]), 1);
	assert_int_equal(atomic_load(&rig->n_state[VIF_PORT_CLOSED]), 0);
	assert_int_equal(rig_service(rig), 0);
	assert_int_equal(atomic_load(&rig->n_state[VIF_PORT_UP]), 1);
	if (atomic_load(&rig->state_port) != rig->port)
		fail_msg("on_state was called for some other port");
}

struct facts {
	unsigned int n;
	bool bad;
};

static void check_fact(void *user, const char *key, const char *value)
{
	struct facts *facts = user;

	facts->n++;
	if (!key || !value || !key[0]) {
		facts->bad = true;
		return;
	}
	for (; *key != '\0'; key++)
		if (!islower((unsigned char)*key) &&
		    !isdigit((unsigned char)*key) && *key != '_')
			facts->bad = true;
}

static void describe(void **state)
{
	struct rig *rig = rig_of(state);
	struct facts facts = { .n = 0 };

	rig_open(rig, "");
	vif_port_describe(rig->port, check_fact, &facts);
	assert_false(facts.bad);
	if (rig->driver->has & HAS_FACTS)
		assert_true(facts.n > 0);
}

static void set_beyond(void **state)
{
	struct rig *rig = rig_of(state);
	struct vif_port_caps before;
	struct vif_port *port;

	rig_open(rig, "");
	port = rig->port;
	before = *vif_port_caps(port);
	assert_true(vif_port_set(port, VIF_PORT_RX_GSO, VIF_GSO_BIT(9)) < 0);
	assert_true(vif_port_set(port, VIF_PORT_RX_GSO, 1ull << 40) < 0);
	assert_true(vif_port_set(port, VIF_PORT_RX_CSUM, 2) < 0);
	assert_true(vif_port_set(port, (enum vif_port_param)99, 0) < 0);
	assert_memory_equal(&before, vif_port_caps(port), sizeof(before));
}

static void set_lower(void **state)
{
	struct rig *rig = rig_of(state);
	const struct vif_port_caps *caps;
	struct vif_port_caps before;

	rig_open(rig, "");
	caps = vif_port_caps(rig->port);
	before = *caps;
	if (!before.rx_settable) {
		assert_true(vif_port_set(rig->port, VIF_PORT_RX_GSO, 0) < 0);
		return;
	}
	assert_int_equal(vif_port_set(rig->port, VIF_PORT_RX_GSO, 0), 0);
	assert_int_equal(caps->rx_gso, 0);
	assert_int_equal(caps->rx_csum, before.rx_csum);
	assert_int_equal(caps->tx_gso, before.tx_gso);
	assert_int_equal(vif_port_set(rig->port, VIF_PORT_RX_CSUM, 0), 0);
	assert_false(caps->rx_csum);
	/* Without checksums there are no superpackets. */
	if (before.rx_gso)
		assert_true(vif_port_set(rig->port, VIF_PORT_RX_GSO,
					 before.rx_gso) < 0);
	/* And up again, to where it was. */
	assert_int_equal(vif_port_set(rig->port, VIF_PORT_RX_CSUM, 1), 0);
	assert_int_equal(
		vif_port_set(rig->port, VIF_PORT_RX_GSO, before.rx_gso), 0);
	assert_memory_equal(&before, caps, sizeof(before));
}

const struct contract_case facts_cases[] = {
	{ "caps_make_sense", caps_make_sense, 0 },
	{ "name_and_state", name_and_state, 0 },
	{ "describe", describe, 0 },
	{ "set_beyond", set_beyond, 0 },
	{ "set_lower", set_lower, 0 },
	{ NULL, NULL, 0 },
};
