/* SPDX-License-Identifier: Apache-2.0 */
/* Drivers that need nothing of the kernel: loop, null, fault around loop. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "tests/contract/contract.h"
#include "tests/contract/pair.h"

static int prepare_nothing(void)
{
	return 0;
}

/* Opens a pair: rig->far, and the other end of it. */
static int open_pair(struct rig *rig, const char *keys,
		     const struct vif_port_config *near_config,
		     struct vif_port **ret_near)
{
	struct vif_port_config config = *near_config;
	char address[256];
	int r;

	(void)snprintf(address, sizeof(address), "loop:,ring=%d%s",
		       CONTRACT_RING, keys);
	r = vif_port_open(address, NULL, &rig->far, &rig->error);
	if (r < 0)
		return r;
	config.peer = rig->far;
	r = vif_port_open("loop:", &config, ret_near, &rig->error);
	return r < 0 ? r : vif_port_start(rig->far, &rig->error);
}

static int loop_open(struct rig *rig, const char *keys)
{
	struct vif_port_config config = rig_config(rig);

	return open_pair(rig, keys, &config, &rig->port);
}

bool pair_far_send(struct rig *rig, const struct vif_packet *packet)
{
	return vif_port_tx(rig->far, 0, packet, 1) == 1;
}

/* Receives from the far port, without waiting. */
static bool far_next(struct rig *rig, struct vif_packet *ret_packet)
{
	struct vif_batch *batch = rig->far_batch;

	if (rig->far_next == batch->n) {
		vif_port_rx_done(rig->far, 0, batch);
		rig->far_next = 0;
		if (vif_port_rx(rig->far, 0, batch) <= 0)
			return false;
	}
	*ret_packet = batch->packet[rig->far_next++];
	return true;
}

bool pair_far_receive(struct rig *rig, struct probe_seen *ret_seen)
{
	uint64_t end_ns = now_ns() + CONTRACT_PATIENCE_MS * 1000000ull;
	struct vif_packet packet;

	while (now_ns() < end_ns) {
		if (far_next(rig, &packet))
			return probe_look(&packet, rig_is_eth(rig), ret_seen);
		if (vif_port_wait(rig->far, 0, VIF_WAIT_RX,
				  CONTRACT_PATIENCE_MS) < 0)
			return false;
	}
	return false;
}

static void loop_vanish(struct rig *rig)
{
	vif_port_rx_done(rig->far, 0, rig->far_batch);
	vif_port_close(rig->far);
	rig->far = NULL;
}

static const char *const loop_bad[] = {
	"loop:name",
	"loop:,ring=1",
	"loop:,queues=0",
	"loop:,mtu=67",
	"loop:,offload=maybe",
	"loop:,rinf=4",
	"loop:,ring",
	"loop:,",
	NULL,
};

const struct driver driver_loop = {
	.name = "loop",
	.type = "loop",
	.alone = "loop:",
	.has = HAS_FAR | HAS_FULL | HAS_ROOM | HAS_GONE | HAS_WAIT |
	       HAS_OFFLOAD | HAS_FAR_PORT,
	.bad = loop_bad,
	.prepare = prepare_nothing,
	.open = loop_open,
	.far_send = pair_far_send,
	.far_receive = pair_far_receive,
	.vanish = loop_vanish,
};

static int null_open(struct rig *rig, const char *keys)
{
	struct vif_port_config config = rig_config(rig);
	char address[256];

	(void)snprintf(address, sizeof(address), "null:%s", keys);
	return vif_port_open(address, &config, &rig->port, &rig->error);
}

static const char *const null_bad[] = {
	"null:name", "null:,queues=0", "null:,queues=257", "null:,q=1", NULL,
};

const struct driver driver_null = {
	.name = "null",
	.type = "null",
	.alone = "null:",
	.bad = null_bad,
	.prepare = prepare_nothing,
	.open = null_open,
};

/* Wraps the near end of a pair. */
static int wrap_pair(struct rig *rig, const char *keys, const char *fault)
{
	const struct vif_port_config plain = { .size = sizeof(plain) };
	struct vif_port_config config = rig_config(rig);
	int r = open_pair(rig, keys, &plain, &config.peer);

	if (r < 0)
		return r;
	r = vif_port_open(fault, &config, &rig->port, &rig->error);
	if (r < 0)
		vif_port_close(config.peer); /* still ours */
	return r;
}

static int fault_loop_open(struct rig *rig, const char *keys)
{
	return wrap_pair(rig, keys, "fault:");
}

/* Calls that do less than they could, but lose nothing. */
static int fault_rough_open(struct rig *rig, const char *keys)
{
	return wrap_pair(rig, keys, "fault:,stall=30%,short=30%,seed=7");
}

static const char *const fault_bad[] = {
	"fault:",
	"fault:nonsense:",
	"fault:loop:\\,ring=1",
	"fault:loop:,ring=4",
	"fault:loop:,drop=101%",
	"fault:loop:,drop=1",
	"fault:loop:,delay=10ms,direction=tx",
	"fault:loop:,fail=0",
	"fault:fault:loop:\\,drop=x",
	NULL,
};

const struct driver driver_fault_loop = {
	.name = "fault-loop",
	.type = "fault",
	.alone = "fault:loop:\\,ring=16",
	.has = HAS_FAR | HAS_FULL | HAS_ROOM | HAS_GONE | HAS_WAIT |
	       HAS_OFFLOAD | HAS_FACTS | HAS_FAR_PORT,
	.bad = fault_bad,
	.prepare = prepare_nothing,
	.open = fault_loop_open,
	.far_send = pair_far_send,
	.far_receive = pair_far_receive,
	.vanish = loop_vanish,
};

const struct driver driver_fault_rough = {
	.name = "fault-rough",
	.type = "fault",
	.alone = "fault:loop:\\,ring=16,stall=50%",
	.has = HAS_FAR | HAS_FULL | HAS_ROOM | HAS_GONE | HAS_WAIT |
	       HAS_OFFLOAD | HAS_FACTS | HAS_FAR_PORT,
	.bad = fault_bad,
	.prepare = prepare_nothing,
	.open = fault_rough_open,
	.far_send = pair_far_send,
	.far_receive = pair_far_receive,
	.vanish = loop_vanish,
};
