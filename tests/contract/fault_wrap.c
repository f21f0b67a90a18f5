/* SPDX-License-Identifier: Apache-2.0 */
/* Wrapping a port: whose it is, and what it must be told. */
#include <errno.h>
#include <string.h>

#include "tests/contract/fault_pair.h"

/* A port that the program gave stays the program's when open fails. */
void failed_open_takes_nothing(void **state)
{
	static const char *const bad[] = {
		"fault:,drop=x",
		"fault:loop:",
		"fault:,delay=1ms,direction=tx",
	};
	static struct probe probe;
	struct vif_port_config config = { .size = sizeof(config) };
	struct vif_port *near = NULL, *far = NULL, *port = NULL;
	struct vif_error error;

	(void)state;
	assert_int_equal(vif_port_open("loop:", NULL, &far, NULL), 0);
	config.peer = far;
	assert_int_equal(vif_port_open("loop:", &config, &near, NULL), 0);
	assert_int_equal(vif_port_start(near, NULL), 0);
	config.peer = near;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		assert_int_equal(vif_port_open(bad[i], &config, &port, &error),
				 -EINVAL);
		assert_null(port);
	}
	probe_make(&probe, PROBE_UDP4, false, 1, 20);
	assert_int_equal(vif_port_tx(near, 0, &probe.packet, 1), 1);
	vif_port_close(near);
	vif_port_close(far);
}

/* Around a port with nothing to wait for, a stall must not last for ever. */
void around_null(void **state)
{
	static struct probe probe;
	struct vif_port *port = NULL;

	(void)state;
	assert_int_equal(
		vif_port_open("fault:null:,stall=100%", NULL, &port, NULL), 0);
	assert_int_equal(vif_port_start(port, NULL), 0);
	probe_make(&probe, PROBE_UDP4, false, 1, 20);
	assert_int_equal(vif_port_tx(port, 0, &probe.packet, 1), 0);
	assert_int_equal(vif_port_wait(port, 0, VIF_WAIT_TX, 10), 1);
	assert_int_equal(vif_port_wait(port, 0, VIF_WAIT_RX, 10), 0);
	vif_port_close(port);
}

/* The inner port is stopped and started with ours. */
void stop_reaches_inner(void **state)
{
	struct vif_port_config config = { .size = sizeof(config) };
	struct vif_port *port = NULL, *inner;

	(void)state;
	assert_int_equal(vif_port_open("null:", NULL, &inner, NULL), 0);
	config.peer = inner;
	assert_int_equal(vif_port_open("fault:", &config, &port, NULL), 0);
	assert_int_equal(vif_port_start(port, NULL), 0);
	assert_int_equal(vif_port_tx(inner, 0, NULL, 0), 0);
	vif_port_stop(port);
	assert_int_equal(vif_port_tx(inner, 0, NULL, 0), -ESHUTDOWN);
	assert_int_equal(vif_port_start(port, NULL), 0);
	assert_int_equal(vif_port_tx(inner, 0, NULL, 0), 0);
	vif_port_close(port);
}

void wrapped_twice(void **state)
{
	struct vif_port *port = NULL;
	struct vif_error error;

	(void)state;
	assert_int_equal(
		vif_port_open("fault:fault:loop:\\\\\\,ring=4\\,drop=5%,"
			      "drop=1%,queues=1",
			      NULL, &port, &error),
		-EINVAL);
	assert_non_null(strstr(error.what, "queues"));
	assert_int_equal(
		vif_port_open("fault:fault:loop:\\\\\\,ring=4\\,drop=5%,"
			      "drop=1%",
			      NULL, &port, &error),
		0);
	assert_memory_equal(vif_port_name(port), "fault:fault:loop", 16);
	assert_int_equal(vif_port_start(port, &error), 0);
	vif_port_close(port);
}
