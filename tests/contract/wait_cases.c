/* SPDX-License-Identifier: Apache-2.0 */
/* Waiting, and being woken. */
#include <errno.h>
#include <poll.h>

#include "tests/contract/contract.h"

enum wait_limits {
	WAIT_TRIES = 5, /* a busy machine may be late, but not each time */
};

/* Stops the port while a thread is parked. Returns how long that took. */
static uint64_t stop_parked(struct parker *parker, struct vif_port *port)
{
	uint64_t stop_ns, woken_ns;

	parker_until_parked(parker);
	stop_ns = now_ns();
	vif_port_stop(port);
	assert_int_equal(parker_join(parker, &woken_ns), -ESHUTDOWN);
	return woken_ns - stop_ns;
}

static void stop_wakes(struct rig *rig, enum vif_wait what)
{
	uint64_t took_ns = 0;

	for (int i = 0; i < WAIT_TRIES; i++) {
		took_ns = stop_parked(parker_new_stubborn(rig->port, 0, what),
				      rig->port);
		if (took_ns <= CONTRACT_WAKE_MS * 1000000ull)
			return;
		assert_int_equal(vif_port_start(rig->port, &rig->error), 0);
	}
	fail_msg("woken after %llu us", (unsigned long long)took_ns / 1000);
}

static void stop_wakes_rx(void **state)
{
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	stop_wakes(rig, VIF_WAIT_RX);
}

/* Sends until there is no room. */
static uint32_t fill(struct rig *rig)
{
	static struct probe probe;
	uint32_t n = 0;

	/* Many times none taken in a row: it is full, not only stalled. */
	for (int none = 0; none < 100; n++) {
		int r;

		probe_make(&probe, PROBE_UDP4, rig_is_eth(rig), n, PROBE_SMALL);
		while ((r = vif_port_tx(rig->port, 0, &probe.packet, 1)) == 0)
			if (++none == 100)
				return n;
		assert_int_equal(r, 1);
		none = 0;
	}
	return n;
}

static void stop_wakes_tx(void **state)
{
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	assert_int_equal(fill(rig), CONTRACT_RING);
	stop_wakes(rig, VIF_WAIT_TX);
}

static void stop_wakes_everybody(void **state)
{
	struct rig *rig = rig_of(state);
	struct parker *parker[2];
	uint64_t woken_ns;

	rig_up(rig, ",queues=2");
	assert_int_equal(vif_port_caps(rig->port)->n_queue, 2);
	for (unsigned int i = 0; i < 2; i++) {
		parker[i] = parker_new(rig->port, i, VIF_WAIT_RX, -1);
		parker_until_parked(parker[i]);
	}
	(void)stop_parked(parker[0], rig->port);
	assert_int_equal(parker_join(parker[1], &woken_ns), -ESHUTDOWN);
}

static void stop_spares_others(void **state)
{
	struct rig *rig = rig_of(state);
	struct rig other;
	struct parker *parker;
	uint64_t start_ns, woken_ns;

	rig_init(&other, rig->driver);
	rig_up(rig, "");
	rig_up(&other, "");
	start_ns = now_ns();
	parker = parker_new(rig->port, 0, VIF_WAIT_RX, 200);
	parker_until_parked(parker);
	vif_port_stop(other.port);
	rig_close(&other);
	assert_int_equal(parker_join(parker, &woken_ns), 0);
	assert_true(woken_ns - start_ns >= 200 * 1000000ull);
	assert_int_equal(vif_port_rx(rig->port, 0, rig->batch), 0);
}

/* A thread that starts to wait after the stop does not park. */
static void stop_before_wait(void **state)
{
	struct rig *rig = rig_of(state);
	uint64_t woken_ns;

	rig_up(rig, "");
	vif_port_stop(rig->port);
	assert_int_equal(parker_join(parker_new(rig->port, 0, VIF_WAIT_RX, -1),
				     &woken_ns),
			 -ESHUTDOWN);
}

static void packet_wakes_rx(void **state)
{
	static struct probe probe;
	static struct probe_seen seen;
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	for (uint32_t i = 0; i < 20; i++) {
		struct parker *parker;
		uint64_t sent_ns, woken_ns;

		probe_make(&probe, PROBE_UDP4, rig_is_eth(rig), i, PROBE_SMALL);
		parker = parker_new(rig->port, 0, VIF_WAIT_RX,
				    CONTRACT_PATIENCE_MS);
		parker_until_parked(parker);
		sent_ns = now_ns();
		assert_true(rig->driver->far_send(rig, &probe.packet));
		assert_int_equal(parker_join(parker, &woken_ns), 1);
		assert_true(woken_ns - sent_ns < 1000000000u);
		rig_receive(rig, &seen);
		assert_int_equal(seen.serial, i);
	}
}

static void room_wakes_tx(void **state)
{
	static struct probe_seen seen;
	struct rig *rig = rig_of(state);
	struct parker *parker;
	uint64_t woken_ns;

	rig_up(rig, "");
	assert_int_equal(fill(rig), CONTRACT_RING);
	parker = parker_new(rig->port, 0, VIF_WAIT_TX, CONTRACT_PATIENCE_MS);
	parker_until_parked(parker);
	/* Room is made when the far side gives its burst back. */
	for (uint32_t i = 0; i < CONTRACT_RING; i++)
		assert_true(rig->driver->far_receive(rig, &seen));
	vif_port_rx_done(rig->far, 0, rig->far_batch);
	rig->far_next = 0;
	assert_int_equal(parker_join(parker, &woken_ns), 1);
	assert_int_equal(vif_port_wait(rig->port, 0, VIF_WAIT_TX, 0), 1);
}

static void tx_with_room_is_ready(void **state)
{
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	assert_int_equal(
		vif_port_wait(rig->port, 0, VIF_WAIT_TX, CONTRACT_PATIENCE_MS),
		1);
}

/* What arm promised: nothing to do, and the descriptor says the same. */
static void idle_is_quiet(void **state)
{
	struct rig *rig = rig_of(state);
	struct pollfd fd = { .events = 0 };

	rig_up(rig, "");
	for (int i = 0; i < 3; i++) {
		assert_int_equal(vif_port_rx(rig->port, 0, rig->batch), 0);
		fd.fd = vif_port_wait_fd(rig->port, 0, VIF_WAIT_RX, &fd.events);
		assert_true(fd.fd >= 0);
		assert_true(fd.events != 0);
		assert_int_equal(vif_port_arm(rig->port, 0, VIF_WAIT_RX), 0);
		assert_int_equal(poll(&fd, 1, 10), 0);
	}
	assert_int_equal(vif_port_wait(rig->port, 0, VIF_WAIT_RX, 10), 0);
}

/* A port that needs no waiting says so for every side, and changes nothing. */
static void wait_fd_is_sound(void **state)
{
	static const enum vif_wait sides[] = { VIF_WAIT_RX, VIF_WAIT_TX,
					       VIF_WAIT_CONTROL };
	struct rig *rig = rig_of(state);

	rig_up(rig, "");
	for (int i = 0; i < 3; i++) {
		short events = 0x4444;
		int fd = vif_port_wait_fd(rig->port, 0, sides[i], &events);

		if (fd < 0) {
			assert_int_equal(fd, -EINVAL);
			assert_int_equal(events, 0x4444);
			assert_int_equal(
				vif_port_wait(rig->port, 0, sides[i], 0),
				-EINVAL);
			continue;
		}
		assert_true((events & ~(POLLIN | POLLOUT)) == 0 && events != 0);
		assert_int_equal(
			fd, vif_port_wait_fd(rig->port, 0, sides[i], &events));
	}
}

/* Who waits when the device goes away is told. */
static void gone_wakes_rx(void **state)
{
	struct rig *rig = rig_of(state);
	struct parker *parker;
	uint64_t woken_ns, gone_ns;

	rig_up(rig, "");
	parker = parker_new(rig->port, 0, VIF_WAIT_RX, CONTRACT_PATIENCE_MS);
	parker_until_parked(parker);
	gone_ns = now_ns();
	rig->driver->vanish(rig);
	assert_int_equal(parker_join(parker, &woken_ns), 1);
	assert_true(woken_ns - gone_ns < 1000000000u);
}

const struct contract_case wait_cases[] = {
	{ "stop_wakes_rx", stop_wakes_rx, HAS_WAIT },
	{ "stop_wakes_tx", stop_wakes_tx, HAS_FULL },
	{ "stop_wakes_everybody", stop_wakes_everybody, HAS_WAIT },
	{ "stop_spares_others", stop_spares_others, HAS_WAIT },
	{ "stop_before_wait", stop_before_wait, 0 },
	{ "packet_wakes_rx", packet_wakes_rx, HAS_WAIT | HAS_FAR },
	{ "room_wakes_tx", room_wakes_tx, HAS_FULL | HAS_FAR_PORT | HAS_ROOM },
	{ "tx_with_room_is_ready", tx_with_room_is_ready, HAS_WAIT },
	{ "idle_is_quiet", idle_is_quiet, HAS_WAIT },
	{ "wait_fd_is_sound", wait_fd_is_sound, 0 },
	{ "gone_wakes_rx", gone_wakes_rx, HAS_GONE | HAS_WAIT },
	{ NULL, NULL, 0 },
};
