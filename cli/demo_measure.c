/* SPDX-License-Identifier: Apache-2.0 */
/* The measurements of vif demo: orders to the ends, counters of the link. */
#include "cli/demo.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/error.h"

enum {
	N_ECHO4 = 2000,
	N_ECHO6 = 500,
	DRAIN_MS = 200,
	/* An end answers within a few stalls; more means it hangs. */
	ANSWER_MS = 5 * DEMO_STALL_MS,
};

/* Tell whether a signal is waiting, and remember which. */
static bool interrupted(struct demo *demo, int timeout_ms)
{
	struct pollfd wait = { .fd = demo->signal_fd, .events = POLLIN };
	struct signalfd_siginfo info;

	if (poll(&wait, 1, timeout_ms) <= 0)
		return false;
	if (read(demo->signal_fd, &info, sizeof(info)) != (ssize_t)sizeof(info))
		return false;
	demo->signal = (int)info.ssi_signo;
	return true;
}

/* Receive the answer of an end; 1 when it came. */
static int take_answer(struct demo *demo, unsigned int end,
		       struct demo_answer *answer, struct vif_error *error)
{
	ssize_t len = recv(demo->host[end].fd, answer, sizeof(*answer), 0);

	/* A signal to the whole process group hits an end first at times. */
	if (len != (ssize_t)sizeof(*answer) && interrupted(demo, 0))
		return -EINTR;
	if (len != (ssize_t)sizeof(*answer))
		return error_set(error, len < 0 ? -errno : -ECONNRESET,
				 "end %s is gone", demo_end_name[end]);
	if (answer->code < 0)
		return error_set(error, answer->code, "end %s: %s",
				 demo_end_name[end], answer->what);
	return 1;
}

/* One wait for the ends; the bits of those that answered, or an error. */
static int wait_ends(struct demo *demo, unsigned int pending, int timeout_ms,
		     struct vif_error *error)
{
	struct pollfd wait[] = {
		{ .fd = demo->signal_fd, .events = POLLIN },
		{ .fd = demo->link ? vif_link_wait_fd(demo->link) : -1,
		  .events = POLLIN },
		{ .fd = pending & 1 ? demo->host[0].fd : -1, .events = POLLIN },
		{ .fd = pending & 2 ? demo->host[1].fd : -1, .events = POLLIN },
	};
	int n = poll(wait, 4, timeout_ms);

	if (n < 0)
		return errno == EINTR ? 0 :
					error_set(error, -errno, "cannot wait");
	if (n == 0)
		return error_set(error, -ETIMEDOUT, "an end does not answer");
	if (wait[0].revents && interrupted(demo, 0))
		return -EINTR;
	if (wait[1].revents && vif_link_error(demo->link, error) < 0)
		return error->code;
	return (wait[2].revents ? 1 : 0) | (wait[3].revents ? 2 : 0);
}

/* Wait until the pending ends have answered. */
static int collect(struct demo *demo, unsigned int pending, int timeout_ms,
		   struct demo_answer answer[2], struct vif_error *error)
{
	while (pending) {
		int ready = wait_ends(demo, pending, timeout_ms, error);

		if (ready < 0)
			return ready;
		for (unsigned int end = 0; end < 2; end++) {
			int code = 1;

			if ((unsigned int)ready & (1u << end))
				code = take_answer(demo, end, &answer[end],
						   error);
			if (code < 0)
				return code;
		}
		pending &= ~(unsigned int)ready;
	}
	return 0;
}

int demo_collect(struct demo *demo, unsigned int ends,
		 struct demo_answer answer[2], struct vif_error *error)
{
	return collect(demo, ends, ANSWER_MS, answer, error);
}

/* Give both ends their orders and wait for the answers. */
static int ask(struct demo *demo, struct demo_order order[2],
	       struct demo_answer answer[2], struct vif_error *error)
{
	int timeout_ms = ANSWER_MS;
	unsigned int pending = 0;

	/* The receiver listens all the time, so any sequence will do. */
	for (unsigned int end = 0; end < 2; end++) {
		if (order[end].verbs == DEMO_IDLE)
			continue;
		if (send(demo->host[end].fd, &order[end], sizeof(order[end]),
			 MSG_NOSIGNAL) < 0)
			return error_set(error, -errno, "end %s is gone",
					 demo_end_name[end]);
		pending |= 1u << end;
		if (order[end].time_ms)
			timeout_ms = (int)order[end].time_ms + ANSWER_MS;
	}
	return collect(demo, pending, timeout_ms, answer, error);
}

static int ping(struct demo *demo, const char *peer, uint32_t n_echo,
		struct demo_ping *ret_ping, struct vif_error *error)
{
	struct demo_order order[2] = {
		{ .verbs = DEMO_PING, .n_echo = n_echo },
	};
	struct demo_answer answer[2];
	int code;

	(void)snprintf(order[0].peer, sizeof(order[0].peer), "%s", peer);
	code = ask(demo, order, answer, error);
	if (code == 0)
		*ret_ping = answer[0].ping;
	return code;
}

int demo_measure_ping(struct demo *demo, struct demo_result *result,
		      struct vif_error *error)
{
	int code = ping(demo, demo_address4[1], N_ECHO4, &result->ping4, error);

	if (code < 0 || !demo->has_ipv6)
		return code;
	return ping(demo, demo_address6[1], N_ECHO6, &result->ping6, error);
}

/* What a direction did between two readings of the counters. */
static struct demo_flow flow_between(const struct vif_link_flow *before,
				     const struct vif_link_flow *after,
				     const struct demo_stream *stream)
{
	return (struct demo_flow){
		.stream = *stream,
		.packets = after->tx_packets - before->tx_packets,
		.bytes = after->tx_bytes - before->tx_bytes,
		.superpackets =
			after->tx_superpackets - before->tx_superpackets,
	};
}

/* One transfer by a set of senders; fills the flows from them. */
static int transfer(struct demo *demo, unsigned int senders, uint32_t time_ms,
		    struct demo_flow flow[VIF_DIRECTION_N],
		    struct vif_error *error)
{
	struct demo_order order[2] = { { .time_ms = time_ms },
				       { .time_ms = time_ms } };
	struct vif_link_stats before, after;
	struct demo_answer answer[2];
	int code;

	for (unsigned int end = 0; end < 2; end++) {
		if (!(senders & (1u << end)))
			continue;
		order[end].verbs |= DEMO_SEND;
		order[!end].verbs |= DEMO_RECEIVE;
		(void)snprintf(order[end].peer, sizeof(order[end].peer), "%s",
			       demo_address4[!end]);
	}
	vif_link_stats(demo->link, &before);
	code = ask(demo, order, answer, error);
	if (code < 0)
		return code;
	vif_link_stats(demo->link, &after);
	/* End a sends in direction VIF_A_TO_B, end b in VIF_B_TO_A. */
	for (unsigned int way = 0; way < VIF_DIRECTION_N; way++)
		if (senders & (1u << way))
			flow[way] = flow_between(&before.flow[way],
						 &after.flow[way],
						 &answer[!way].received);
	return 0;
}

int demo_measure_tcp(struct demo *demo, enum demo_load load, uint32_t time_ms,
		     struct demo_result *result, struct vif_error *error)
{
	struct demo_flow *flow = result->flow[load];
	int code;

	if (load == DEMO_BOTH)
		return transfer(demo, 3, time_ms, flow, error);
	code = transfer(demo, 1, time_ms, flow, error);
	if (code < 0)
		return code;
	return transfer(demo, 2, time_ms, flow, error);
}

int demo_finish(struct demo *demo, struct demo_result *result,
		struct vif_error *error)
{
	int code = vif_link_stop(demo->link, DRAIN_MS);

	vif_link_stats(demo->link, &result->stats);
	if (code < 0)
		(void)vif_link_error(demo->link, error);
	return code;
}
