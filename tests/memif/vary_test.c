/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a memif port says of its peer as peers change, and what a fault port
 * around it makes of that:
 *
 *     link == fault -- port == memif == peer
 */
#include <stdio.h>

#include <vif/port.h>

#include "port/ops.h"
#include "tests/memif/ends.h"

#define ALL (VIF_GSO_ALL | PORT_CSUM)

struct scene {
	struct vif_port *port;
	struct vif_port *fault;
	struct vif_port *peer; /* NULL while there is none */
	struct vif_batch *batch;
	uint32_t absent_at_up; /* what the port said when it came up */
};

static void on_state(void *user, struct vif_port *port,
		     enum vif_port_state state)
{
	struct scene *scene = user;

	if (state == VIF_PORT_UP)
		scene->absent_at_up = port_rx_absent(port);
}

static void serve(struct scene *scene)
{
	struct vif_port *const port[] = { scene->port, scene->peer };
	uint64_t deadline_ns;

	for (int i = 0; i < 2 && port[i]; i++)
		assert_int_equal(
			vif_port_service(port[i], ends_now_ns(), &deadline_ns),
			0);
}

static void open_port(struct scene *scene)
{
	struct vif_port_config config = {
		.size = sizeof(config),
		.on_state = on_state,
		.user = scene,
	};
	char address[256];

	*scene = (struct scene){ .absent_at_up = 0 };
	assert_int_equal(vif_batch_new(64, 256, &scene->batch), 0);
	(void)snprintf(address, sizeof(address), "memif:%s,role=server",
		       place_path("s"));
	assert_int_equal(vif_port_open(address, &config, &scene->port, NULL),
			 0);
	assert_int_equal(vif_port_start(scene->port, NULL), 0);
}

static void close_port(struct scene *scene)
{
	vif_port_close(scene->peer);
	vif_port_close(scene->port);
	vif_batch_free(scene->batch);
}

static void open_peer(struct scene *scene, const char *keys)
{
	char address[256];

	(void)snprintf(address, sizeof(address), "memif:%s,role=client%s",
		       place_path("s"), keys);
	assert_int_equal(vif_port_open(address, NULL, &scene->peer, NULL), 0);
	assert_int_equal(vif_port_start(scene->peer, NULL), 0);
}

static void await(struct scene *scene, const struct vif_port *port,
		  enum vif_port_state state)
{
	uint64_t start_ns = ends_now_ns();

	while (vif_port_state(port) != state) {
		assert_true(ends_now_ns() - start_ns <
			    ENDS_PATIENCE_MS * 1000000ull);
		serve(scene);
	}
}

static void bring_peer(struct scene *scene, const char *keys)
{
	open_peer(scene, keys);
	await(scene, scene->port, VIF_PORT_UP);
	await(scene, scene->peer, VIF_PORT_UP);
}

static void lose_peer(struct scene *scene)
{
	vif_port_close(scene->peer);
	scene->peer = NULL;
	await(scene, scene->port, VIF_PORT_DOWN);
}

static void send_one(struct scene *scene)
{
	static uint8_t bytes[60];
	struct iovec seg = { bytes, sizeof(bytes) };
	struct vif_packet packet = { .seg = &seg, .n_seg = 1, .len = 60 };

	assert_int_equal(vif_port_tx(scene->peer, 0, &packet, 1), 1);
}

/* What is absent is known before the first packet can be had. */
static void each_peer_is_known(void **state)
{
	struct scene scene;

	(void)state;
	open_port(&scene);
	for (int i = 0; i < 3; i++) {
		bring_peer(&scene, "");
		assert_int_equal(scene.absent_at_up, 0);
		assert_int_equal(port_rx_absent(scene.port), 0);
		assert_int_equal(port_tx_refused(scene.port), 0);
		lose_peer(&scene);
		assert_int_equal(port_tx_refused(scene.port), ALL);
		bring_peer(&scene, ",offload=off");
		assert_int_equal(scene.absent_at_up, ALL);
		assert_int_equal(port_rx_absent(scene.port), ALL);
		assert_int_equal(port_tx_refused(scene.port), ALL);
		lose_peer(&scene);
	}
	close_port(&scene);
}

/* What a peer has sent is judged by what that peer can send. */
static void lent_packets_outlive_their_peer(void **state)
{
	struct scene scene;

	(void)state;
	open_port(&scene);
	bring_peer(&scene, "");
	send_one(&scene);
	assert_int_equal(vif_port_rx(scene.port, 0, scene.batch), 1);
	lose_peer(&scene);
	assert_int_equal(port_rx_absent(scene.port), 0);
	open_peer(&scene, ",offload=off");
	await(&scene, scene.peer, VIF_PORT_UP);
	for (int i = 0; i < 10; i++)
		serve(&scene);
	assert_int_equal(port_rx_absent(scene.port), 0);
	vif_port_rx_done(scene.port, 0, scene.batch);
	await(&scene, scene.port, VIF_PORT_UP);
	assert_int_equal(port_rx_absent(scene.port), ALL);
	close_port(&scene);
}

/* A fault port may hold packets of any peer there has been. */
static void held_packets_outlive_their_peer(void **state)
{
	struct vif_port_config config = { .size = sizeof(config) };
	struct scene scene;

	(void)state;
	open_port(&scene);
	config.peer = scene.port;
	assert_int_equal(vif_port_open("fault:,duplicate=100%", &config,
				       &scene.fault, NULL),
			 0);
	assert_int_equal(vif_port_start(scene.fault, NULL), 0);
	for (int i = 0; i < 2; i++) {
		bring_peer(&scene, i ? "" : ",offload=off");
		send_one(&scene);
		scene.batch->n_max = 1;
		assert_int_equal(vif_port_rx(scene.fault, 0, scene.batch), 1);
		assert_int_equal(port_rx_absent(scene.fault), i ? 0 : ALL);
		vif_port_rx_done(scene.fault, 0, scene.batch);
		lose_peer(&scene);
	}
	bring_peer(&scene, ",offload=off");
	assert_int_equal(port_tx_refused(scene.fault), ALL);
	assert_int_equal(vif_port_rx(scene.fault, 0, scene.batch), 1);
	assert_int_equal(port_rx_absent(scene.fault), 0);
	vif_port_rx_done(scene.fault, 0, scene.batch);
	scene.port = scene.fault; /* which closes it */
	close_port(&scene);
}

#define PLACED(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(each_peer_is_known),
		PLACED(lent_packets_outlive_their_peer),
		PLACED(held_packets_outlive_their_peer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
