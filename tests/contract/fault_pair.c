/* SPDX-License-Identifier: Apache-2.0 */
/* A pair of loops, one end wrapped by a fault port. */
#include "tests/contract/fault_pair.h"

#include <poll.h>
#include <stdio.h>

static void on_state(void *user, struct vif_port *port,
		     enum vif_port_state state)
{
	struct pair *pair = user;

	(void)port;
	pair->n_closed += state == VIF_PORT_CLOSED;
}

void pair_open(struct pair *pair, const char *keys)
{
	struct vif_port_config config = { .size = sizeof(config) };
	char address[128];

	*pair = (struct pair){ .n_closed = 0 };
	(void)snprintf(address, sizeof(address), "loop:,ring=%d", RING);
	assert_int_equal(vif_port_open(address, NULL, &pair->far, NULL), 0);
	config.peer = pair->far;
	assert_int_equal(vif_port_open("loop:", &config, &config.peer, NULL),
			 0);
	config.on_state = on_state;
	config.user = pair;
	(void)snprintf(address, sizeof(address), "fault:%s", keys);
	assert_int_equal(vif_port_open(address, &config, &pair->near, NULL), 0);
	assert_int_equal(vif_batch_new(RING, RING, &pair->batch), 0);
	assert_int_equal(vif_port_start(pair->near, NULL), 0);
	assert_int_equal(vif_port_start(pair->far, NULL), 0);
}

void pair_close(struct pair *pair)
{
	vif_port_close(pair->near);
	vif_port_close(pair->far);
	vif_batch_free(pair->batch);
}

int pair_receive(struct vif_port *port, struct vif_batch *batch,
		 struct arrivals *arrivals)
{
	static struct probe_seen seen;
	int r;

	/* A second look: what waited to be overtaken goes then. */
	for (int none = 0; none < 2;) {
		r = vif_port_rx(port, 0, batch);
		if (r < 0)
			return r;
		none = r == 0 ? none + 1 : 0;
		for (int i = 0; i < r; i++) {
			assert_true(
				probe_look(&batch->packet[i], false, &seen));
			assert_true(arrivals->n < 2 * N_PACKET);
			arrivals->serial[arrivals->n++] = seen.serial;
		}
		vif_port_rx_done(port, 0, batch);
	}
	return 0;
}

bool pair_is_ready(struct vif_port *port, enum vif_wait what)
{
	struct pollfd fd = { .events = 0 };

	fd.fd = vif_port_wait_fd(port, 0, what, &fd.events);
	assert_true(fd.fd >= 0);
	if (what != VIF_WAIT_CONTROL && vif_port_arm(port, 0, what) > 0)
		return true;
	return poll(&fd, 1, 0) == 1;
}
