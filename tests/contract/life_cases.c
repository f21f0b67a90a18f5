/* SPDX-License-Identifier: Apache-2.0 */
/* Opening, starting, stopping, closing, and a device that goes away. */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/contract/contract.h"

static void open_close_again(void **state)
{
	struct rig *rig = rig_of(state);
	unsigned int before = count_fds();

	vif_port_close(NULL);
	for (int i = 0; i < 3; i++) {
		struct vif_port *port = NULL;

		assert_int_equal(vif_port_open(rig->driver->alone, NULL, &port,
					       &rig->error),
				 0);
		assert_non_null(port);
		vif_port_close(port);
		assert_int_equal(count_fds(), before);
	}
}

static void open_bad_address(void **state)
{
	struct rig *rig = rig_of(state);
	struct vif_port *const sentinel = (struct vif_port *)rig;

	for (const char *const *bad = rig->driver->bad; *bad; bad++) {
		struct vif_port *port = sentinel;
		unsigned int before = count_fds();
		int r;

		memset(&rig->error, 0, sizeof(rig->error));
		r = vif_port_open(*bad, NULL, &port, &rig->error);
		if (r >= 0)
			fail_msg("%s can be opened", *bad);
		assert_ptr_equal(port, sentinel);
		assert_int_equal(rig->error.code, r);
		if (!rig->error.where[0] || !rig->error.what[0] ||
		    !rig->error.why[0])
			fail_msg("%s: where '%s', what '%s', why '%s'", *bad,
				 rig->error.where, rig->error.what,
				 rig->error.why);
		assert_int_equal(count_fds(), before);
		/* Nobody asked for the reason. */
		assert_int_equal(vif_port_open(*bad, NULL, &port, NULL), r);
		assert_ptr_equal(port, sentinel);
	}
}

struct long_config {
	struct vif_port_config known;
	uint64_t unknown;
};

static void config_size(void **state)
{
	struct rig *rig = rig_of(state);
	struct long_config config = { .unknown = 0 };
	struct vif_port *port = NULL;
	/* Only size is there; what lies behind must not be looked at. */
	struct vif_port_config shortest = {
		.size = sizeof(shortest.size),
		.on_state = (void (*)(void *, struct vif_port *,
				      enum vif_port_state))1,
		.peer = (struct vif_port *)1,
	};
	const char *address = rig->driver->alone;

	assert_int_equal(vif_port_open(address, &shortest, &port, &rig->error),
			 0);
	assert_int_equal(vif_port_start(port, &rig->error), 0);
	vif_port_close(port);

	config.known.size = sizeof(config);
	assert_int_equal(
		vif_port_open(address, &config.known, &port, &rig->error), 0);
	vif_port_close(port);

	config.unknown = 1;
	assert_int_equal(
		vif_port_open(address, &config.known, &port, &rig->error),
		-EINVAL);
	assert_int_equal(rig->error.code, -EINVAL);

	config.known.size = 0;
	assert_int_equal(
		vif_port_open(address, &config.known, &port, &rig->error),
		-EINVAL);
}

static void start_twice(void **state)
{
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	assert_int_equal(vif_port_start(rig->port, &rig->error), 0);
	assert_int_equal(vif_port_rx(rig->port, 0, rig->batch), 0);
	assert_int_equal(vif_port_state(rig->port), VIF_PORT_UP);
}

static void expect_stopped(struct rig *rig)
{
	static struct probe probe;
	struct vif_port *port = rig->port;

	probe_make(&probe, PROBE_UDP4, rig_is_eth(rig), 1, PROBE_SMALL);
	assert_int_equal(vif_port_rx(port, 0, rig->batch), -ESHUTDOWN);
	assert_int_equal(vif_port_tx(port, 0, &probe.packet, 1), -ESHUTDOWN);
	assert_int_equal(vif_port_wait(port, 0, VIF_WAIT_RX, 0), -ESHUTDOWN);
	assert_int_equal(vif_port_wait(port, 0, VIF_WAIT_TX, 0), -ESHUTDOWN);
	assert_int_equal(vif_port_wait(port, 0, VIF_WAIT_CONTROL, 0),
			 -ESHUTDOWN);
}

static void stop_before_start(void **state)
{
	struct rig *rig = rig_of(state);

	rig_open(rig, "");
	vif_port_stop(rig->port);
	expect_stopped(rig);
	assert_int_equal(vif_port_start(rig->port, &rig->error), 0);
	assert_int_equal(vif_port_rx(rig->port, 0, rig->batch), 0);
}

static void stop_twice(void **state)
{
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	vif_port_stop(rig->port);
	vif_port_stop(rig->port);
	expect_stopped(rig);
	/* Closing stops once more. */
}

/* One packet each way. */
static void pass_traffic(struct rig *rig, uint32_t serial)
{
	static struct probe probe;
	static struct probe_seen seen;

	probe_make(&probe, PROBE_UDP4, rig_is_eth(rig), serial, PROBE_SMALL);
	assert_int_equal(rig_tx(rig, 0, &probe.packet, 1), 1);
	if (!rig->driver->far_send)
		return;
	assert_true(rig->driver->far_receive(rig, &seen));
	assert_int_equal(seen.serial, serial);
	assert_true(rig->driver->far_send(rig, &probe.packet));
	rig_receive(rig, &seen);
	assert_int_equal(seen.serial, serial);
}

static void restart(void **state)
{
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	for (uint32_t i = 0; i < 3; i++) {
		pass_traffic(rig, i);
		vif_port_stop(rig->port);
		expect_stopped(rig);
		assert_int_equal(vif_port_start(rig->port, &rig->error), 0);
	}
	pass_traffic(rig, 9);
}

static void close_while_packets_wait(void **state)
{
	static struct probe probe;
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	probe_make(&probe, PROBE_UDP4, rig_is_eth(rig), 1, PROBE_SMALL);
	assert_int_equal(rig_tx(rig, 0, &probe.packet, 1), 1);
	assert_true(rig->driver->far_send(rig, &probe.packet));
	/* Lent, and never given back: the port's memory goes with the port. */
	assert_true(rig_rx(rig, 0) > 0);
}

static void gone(void **state)
{
	static struct probe probe;
	struct rig *rig = rig_of(state);
	uint64_t end_ns;
	int r = 0;

	rig_up(rig, "");
	probe_make(&probe, PROBE_UDP4, rig_is_eth(rig), 1, PROBE_SMALL);
	rig->driver->vanish(rig);
	end_ns = now_ns() + CONTRACT_PATIENCE_MS * 1000000ull;
	while ((r = vif_port_rx(rig->port, 0, rig->batch)) == 0) {
		assert_true(now_ns() < end_ns);
		(void)vif_port_wait(rig->port, 0, VIF_WAIT_RX, 1000);
	}
	assert_int_equal(r, -ENODEV);
	while ((r = vif_port_tx(rig->port, 0, &probe.packet, 1)) == 0)
		assert_true(now_ns() < end_ns);
	assert_int_equal(r, -ENODEV);
	(void)rig_service(rig);
	(void)rig_service(rig);
	assert_int_equal(vif_port_rx(rig->port, 0, rig->batch), -ENODEV);
	assert_int_equal(atomic_load(&rig->n_state[VIF_PORT_CLOSED]), 1);
	assert_int_equal(vif_port_state(rig->port), VIF_PORT_CLOSED);
}

/* Q7: what is sent while it is down is dropped and counted. */
static void down_and_up(void **state)
{
	static struct probe probe;
	struct rig *rig = rig_of(state);
	struct vif_port_stats stats;

	rig_up(rig, "");
	pass_traffic(rig, 1);
	probe_make(&probe, PROBE_UDP4, rig_is_eth(rig), 2, PROBE_SMALL);
	rig->driver->set_up(rig, false);
	assert_int_equal(rig_tx(rig, 0, &probe.packet, 1), 1);
	assert_int_equal(vif_port_rx(rig->port, 0, rig->batch), 0);
	vif_port_stats(rig->port, &stats);
	assert_int_equal(stats.tx_drops[VIF_DROP_DOWN], 1);
	assert_int_equal(stats.tx_packets, 1);
	assert_int_equal(vif_port_wait(rig->port, 0, VIF_WAIT_CONTROL, 1000),
			 1);
	assert_int_equal(rig_service(rig), 0);
	assert_int_equal(vif_port_state(rig->port), VIF_PORT_DOWN);
	assert_int_equal(atomic_load(&rig->n_state[VIF_PORT_UP]), 1);

	rig->driver->set_up(rig, true);
	assert_int_equal(vif_port_wait(rig->port, 0, VIF_WAIT_CONTROL, 1000),
			 1);
	assert_int_equal(rig_service(rig), 0);
	assert_int_equal(vif_port_state(rig->port), VIF_PORT_UP);
	assert_int_equal(atomic_load(&rig->n_state[VIF_PORT_UP]), 2);
	pass_traffic(rig, 3);
}

const struct contract_case life_cases[] = {
	{ "open_close_again", open_close_again, 0 },
	{ "open_bad_address", open_bad_address, 0 },
	{ "config_size", config_size, 0 },
	{ "start_twice", start_twice, 0 },
	{ "stop_before_start", stop_before_start, 0 },
	{ "stop_twice", stop_twice, 0 },
	{ "restart", restart, 0 },
	{ "close_while_packets_wait", close_while_packets_wait, HAS_FAR },
	{ "gone", gone, HAS_GONE },
	{ "down_and_up", down_and_up, HAS_DOWN },
	{ NULL, NULL, 0 },
};
