/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The trial.
 *
 *     packet -> vif-in -> forwarded by the kernel -> vif-out -> compared
 *
 * Twice: with vif-out asking for superpackets, which shows what the kernel
 * delivers, and with vif-out asking for none, which shows what it makes of those
 * it takes. Nobody else is in the namespace, and what its devices say by
 * themselves (RFC 4862, RFC 3810) is told apart by its ports.
 */
#include "port/tun/trial.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/error.h"
#include "os/netns.h"
#include "os/rtnl.h"
#include "os/tun.h"
#include "port/tun/io.h"
#include "port/tun/ladder.h"
#include "port/tun/trial_packet.h"

enum trial_limits {
	WAIT_MS = 500,   /* for a mark; it is there at once */
	BURST = 64,      /* packets read at a time */
	BURSTS_MAX = 64, /* until the mark has to be there */
	FIRST_NUMBER = 1024,
};

static const char *const device_names[2] = { "vif-in", "vif-out" };

struct trial {
	uint32_t kinds; /* asked for */
	struct tun_trial result;
	struct vif_error *error;
	struct rtnl rtnl;
	struct tun_io end[2];
	int n_end; /* open */
	struct tun_refusals refusals;
	struct vif_batch *batch;
	bool has_ip6;
	uint16_t number; /* of the last packet */
	struct trial_packet packet;
	struct trial_packet mark;
	struct trial_expect expect;
};

static int open_end(struct trial *trial, const char *name)
{
	unsigned int flags = IFF_TUN | IFF_NO_PI | IFF_VNET_HDR | IFF_TUN_EXCL;
	struct tun_io *io = &trial->end[trial->n_end];
	int fd = tun_open();
	int header_size = 0;
	int r;

	if (fd < 0)
		return fd;
	r = tun_attach(fd, name, flags);
	if (r == 0)
		r = tun_get_header_size(fd, &header_size);
	if (r == 0)
		r = tun_io_init(io, fd, &trial->refusals);
	if (r < 0) {
		(void)close(fd); /* nothing was sent through it */
		return r;
	}
	io->header_size = (uint32_t)header_size;
	io->medium = VIF_MEDIUM_IP;
	trial->n_end++;
	return 0;
}

/* Sets up a device with its addresses; it need not have one of IPv6. */
static int set_up(struct trial *trial, const char *name,
		  const struct trial_end *end)
{
	struct rtnl_addr ip4 = { .family = AF_INET,
				 .prefix_len = 24,
				 .addr = end->own4 };
	struct rtnl_addr ip6 = { .family = AF_INET6,
				 .prefix_len = 64,
				 .addr = end->own6 };
	struct rtnl_link link;
	int r = rtnl_link_get(&trial->rtnl, name, &link);

	if (r < 0)
		return r;
	ip4.index = ip6.index = link.index;
	r = rtnl_addr_add(&trial->rtnl, &ip4);
	if (r == 0)
		r = rtnl_link_set_up(&trial->rtnl, link.index, true);
	if (r == 0 && rtnl_addr_add(&trial->rtnl, &ip6) < 0)
		trial->has_ip6 = false;
	return r;
}

static int make_devices(struct trial *trial)
{
	int r = rtnl_open(&trial->rtnl);

	if (r < 0)
		return error_set(trial->error, r, "cannot open netlink");
	trial->has_ip6 = true;
	for (size_t i = 0; r == 0 && i < ARRAY_LEN(trial->end); i++) {
		r = open_end(trial, device_names[i]);
		if (r == 0)
			r = set_up(trial, device_names[i], &trial_ends[i]);
	}
	if (r < 0)
		return error_set(trial->error, r,
				 "cannot make devices for a trial");
	if (netns_setting("ipv6/conf/all/forwarding", "1") < 0)
		trial->has_ip6 = false;
	r = netns_setting("ipv4/ip_forward", "1");
	return r < 0 ? error_set(trial->error, r,
				 "cannot switch forwarding on") :
		       0;
}

/* Returns 1 when the kernel took the packet, 0 when it refused it. */
static int send_one(struct trial *trial, const struct vif_packet *packet)
{
	static const struct vif_port_caps caps = {
		.len_max = VIF_PACKET_LEN_MAX,
		.seg_max = VIF_PACKET_SEG_MAX,
		.tx_gso = VIF_GSO_ALL,
		.tx_csum = true,
	};
	struct port_counters counters = { 0 };
	int r = tun_io_tx(&trial->end[0], &caps, &counters, packet, 1);

	if (r < 0)
		return r;
	return counter_read(&counters.packets) == 1 &&
	       counter_read(&counters.refused_superpackets) == 0;
}

/* Looks through a burst. Returns whether the mark was there. */
static bool find_mark(struct trial *trial)
{
	const struct vif_batch *batch = trial->batch;

	for (uint32_t i = 0; i < batch->n; i++) {
		const struct vif_packet *came = &batch->packet[i];

		if (!trial_packet_is_of_flow(&trial->mark, came))
			continue;
		if (trial_expect_same(&trial->mark.packet, came))
			return true;
		trial_expect_take(&trial->expect, came);
	}
	return false;
}

/* Receives until the mark comes: 1; or no more comes: 0. */
static int receive(struct trial *trial)
{
	struct pollfd fd = { .fd = trial->end[1].fd, .events = POLLIN };
	struct port_counters counters = { 0 };

	for (int i = 0; i < BURSTS_MAX; i++) {
		int n = tun_io_rx(&trial->end[1], &counters, trial->batch);
		bool found;

		if (n < 0)
			return n;
		found = find_mark(trial);
		vif_batch_clear(trial->batch);
		if (found)
			return 1;
		/* A thread that gets no signals is not interrupted. */
		if (n == 0 && poll(&fd, 1, WAIT_MS) <= 0)
			return 0;
	}
	return 0;
}

/* Sends one packet, and judges what comes out. */
static int try_one(struct trial *trial, enum trial_flow flow,
		   const struct trial_size *size, enum trial_way way,
		   enum trial_fault *ret_fault)
{
	uint16_t number = trial->number++;
	int taken, marked;

	trial_packet_make(&trial->packet, flow, size, number);
	trial_packet_make_mark(&trial->mark, flow, number);
	trial_expect_start(&trial->expect, &trial->packet.packet, way);
	taken = send_one(trial, &trial->packet.packet);
	if (taken < 0)
		return taken;
	marked = send_one(trial, &trial->mark.packet);
	if (marked > 0)
		marked = receive(trial);
	if (marked < 0)
		return marked;
	*ret_fault = trial_expect_end(&trial->expect);
	if (marked == 0)
		*ret_fault = TRIAL_LOST;
	if (taken == 0)
		*ret_fault = TRIAL_REFUSED;
	return 0;
}

static void note(struct tun_trial *result, uint8_t gso, enum trial_way way,
		 enum trial_fault fault)
{
	if (fault == TRIAL_GOOD)
		return;
	if (result->fault[gso] == TRIAL_GOOD)
		result->fault[gso] = fault;
	/* What is not taken tells nothing of what would be delivered. */
	if (way == TRIAL_CUT || fault == TRIAL_REFUSED)
		result->tx_bad |= VIF_GSO_BIT(gso);
	else
		result->rx_bad |= VIF_GSO_BIT(gso);
}

static int try_flow(struct trial *trial, enum trial_flow flow,
		    enum trial_way way)
{
	struct tun_trial *result = &trial->result;
	const uint32_t *bad =
		way == TRIAL_WHOLE ? &result->rx_bad : &result->tx_bad;
	int r = 0;

	for (size_t i = 0; r == 0 && i < TRIAL_SIZES_N; i++) {
		uint8_t gso = trial_gso(flow, &trial_sizes[i]);
		enum trial_fault fault = TRIAL_GOOD;

		/* Each loss takes time, and one is enough. */
		if ((result->tried & ~*bad & VIF_GSO_BIT(gso)) == 0)
			continue;
		r = try_one(trial, flow, &trial_sizes[i], way, &fault);
		note(result, gso, way, fault);
	}
	return r;
}

static int try_way(struct trial *trial, enum trial_way way)
{
	int r = 0;

	for (int flow = 0; r == 0 && flow < TRIAL_FLOW_N; flow++)
		if (trial->has_ip6 || !trial_flow_is_ip6((enum trial_flow)flow))
			r = try_flow(trial, (enum trial_flow)flow, way);
	return r;
}

/* Whether a packet with nothing left undone passes: else nothing is shown. */
static int try_mark(struct trial *trial, enum trial_flow flow)
{
	int r;

	trial_packet_make_mark(&trial->mark, flow, trial->number++);
	r = send_one(trial, &trial->mark.packet);
	return r > 0 ? receive(trial) : r;
}

static int try_marks(struct trial *trial)
{
	int r = try_mark(trial, TRIAL_UDP4);

	if (r == 0)
		return -ETIMEDOUT;
	if (r > 0 && trial->has_ip6) {
		r = try_mark(trial, TRIAL_UDP6);
		trial->has_ip6 = r > 0;
	}
	return r < 0 ? r : 0;
}

static int try_all(struct trial *trial)
{
	int fd = trial->end[1].fd;
	struct tun_rung rung = { .mask = 0 };
	int r = try_marks(trial);

	if (r < 0)
		return r;
	r = tun_ladder_climb(fd, VIF_GSO_ALL, &rung);
	if (r < 0)
		return r;
	trial->result.tried =
		trial->kinds & (rung.gso | VIF_GSO_BIT(VIF_GSO_NONE));
	if (!trial->has_ip6)
		trial->result.tried &= ~VIF_GSO_BIT(VIF_GSO_TCP6);
	r = try_way(trial, TRIAL_WHOLE);
	if (r == 0)
		r = tun_set_offload(fd, 0);
	return r < 0 ? r : try_way(trial, TRIAL_CUT);
}

/* Runs inside the namespace. */
static int run_inside(void *argument)
{
	struct trial *trial = argument;
	int r = make_devices(trial);

	if (r == 0) {
		r = try_all(trial);
		if (r < 0)
			error_set(trial->error, r,
				  "cannot try the kernel's offloads");
	}
	/*
	 * Devices that stay are not waited for when they are closed. They end
	 * with the namespace, and the namespace with this thread.
	 */
	for (int i = 0; i < trial->n_end; i++) {
		(void)tun_set_persist(trial->end[i].fd, 1); /* else slower */
		tun_io_fini(&trial->end[i]);
	}
	rtnl_close(&trial->rtnl);
	return r;
}

int tun_trial_run(uint32_t kinds, struct tun_trial *ret_trial,
		  struct vif_error *error)
{
	struct trial *trial = calloc(1, sizeof(*trial));
	int r = -ENOMEM;

	if (trial)
		r = vif_batch_new(BURST, BURST, &trial->batch);
	if (r < 0) {
		free(trial);
		return error_set(error, r, "cannot try the kernel's offloads");
	}
	trial->kinds = kinds & TUN_TRIAL_ALL;
	trial->error = error;
	trial->number = FIRST_NUMBER;
	r = netns_call_new(run_inside, trial, error);
	if (r == 0)
		*ret_trial = trial->result;
	vif_batch_free(trial->batch);
	free(trial);
	return r;
}
