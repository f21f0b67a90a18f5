// SPDX-License-Identifier: Apache-2.0
/*
 * Numbered datagrams as fast as they go, and a sink that tells which of them
 * arrived, how often, and in what order. Each flow has numbers of its own.
 */
#include "traffic.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
	FLOWS = 64,
	BURST = 32,
	BURST_BYTES = 65507, /* what one UDP_SEGMENT send can take */
	SINK_BUFFER = 256 << 20,
};

/* What a datagram starts with; both ends run on the same machine. */
struct mark {
	uint64_t flow;
	uint64_t number;
};

static_assert(sizeof(struct mark) == 16, "the smallest datagram");

/* What arrived of one flow. */
struct seen {
	uint8_t *bit;   /* one for each number */
	uint64_t n_bit; /* room */
	uint64_t next;  /* one more than the highest number so far */
};

struct sink {
	int fd;
	struct seen seen[FLOWS];
	uint64_t received; /* each number once */
	uint64_t duplicates;
	uint64_t reordered; /* came after a higher number of their flow */
	uint64_t bad;
	struct mmsghdr message[BURST];
	struct iovec piece[BURST];
	struct mark mark[BURST];
};

static void seen_grow(struct seen *seen, uint64_t number)
{
	uint64_t n_bit = seen->n_bit ? seen->n_bit : 1 << 16;

	while (n_bit <= number)
		n_bit *= 2;
	seen->bit = realloc(seen->bit, n_bit / 8);
	if (!seen->bit)
		die("allocate");
	memset(seen->bit + seen->n_bit / 8, 0, (n_bit - seen->n_bit) / 8);
	seen->n_bit = n_bit;
}

static void sink_count(struct sink *sink, const struct mark *mark, size_t len)
{
	struct seen *seen;
	uint8_t mask = (uint8_t)(1u << (mark->number % 8));

	if (len < sizeof(*mark) || mark->flow >= FLOWS || mark->number >> 36) {
		sink->bad++;
		return;
	}
	seen = &sink->seen[mark->flow];
	if (mark->number >= seen->n_bit)
		seen_grow(seen, mark->number);
	if (seen->bit[mark->number / 8] & mask) {
		sink->duplicates++;
		return;
	}
	seen->bit[mark->number / 8] |= mask;
	sink->received++;
	if (mark->number < seen->next)
		sink->reordered++;
	else
		seen->next = mark->number + 1;
}

static void sink_init(struct sink *sink, const struct options *options)
{
	int size = SINK_BUFFER;

	sink->fd = socket_bound(options, SOCK_DGRAM);
	if (setsockopt(sink->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size,
		       sizeof(size)) &&
	    setsockopt(sink->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
		die("receive buffer");
	for (unsigned int i = 0; i < BURST; i++) {
		sink->piece[i].iov_base = &sink->mark[i];
		sink->piece[i].iov_len = sizeof(sink->mark[i]);
		sink->message[i].msg_hdr.msg_iov = &sink->piece[i];
		sink->message[i].msg_hdr.msg_iovlen = 1;
	}
}

/* Take all there is. */
static void sink_receive(struct sink *sink)
{
	int n;

	while ((n = recvmmsg(sink->fd, sink->message, BURST, MSG_DONTWAIT,
			     NULL)) > 0) {
		for (int i = 0; i < n; i++)
			sink_count(sink, &sink->mark[i],
				   sink->message[i].msg_len);
	}
}

/* Datagrams the socket itself had no room for: the test's loss, not ours. */
static uint32_t sink_overflows(const struct sink *sink)
{
	uint32_t info[SK_MEMINFO_VARS];
	socklen_t len = sizeof(info);

	if (getsockopt(sink->fd, SOL_SOCKET, SO_MEMINFO, info, &len))
		die("SO_MEMINFO");
	return info[SK_MEMINFO_DROPS];
}

int udp_sink(const struct options *options)
{
	struct sink *sink = allocate(1, sizeof(*sink));

	sink_init(sink, options);
	print_ready(sink->fd);
	while (!stopped) {
		if (wait_for(sink->fd, POLLIN, 100))
			sink_receive(sink);
	}
	sink_receive(sink); /* what came before the signal */
	printf("{\"received\":%" PRIu64 ",\"duplicates\":%" PRIu64
	       ",\"reordered\":%" PRIu64 ",\"bad\":%" PRIu64
	       ",\"overflows\":%" PRIu32 "}\n",
	       sink->received, sink->duplicates, sink->reordered, sink->bad,
	       sink_overflows(sink));
	return 0;
}

struct source {
	int fd[FLOWS];
	uint64_t number[FLOWS]; /* of the next datagram */
	uint32_t n_flow;
	uint32_t size;  /* of a datagram */
	uint32_t burst; /* datagrams in a burst */
	bool segment;
	uint64_t sent;
	uint64_t errors;
	uint64_t next_ns; /* when the rate allows the next burst */
	const char *last_error;
	struct mmsghdr message[BURST];
	struct iovec piece[BURST];
	uint8_t data[BURST_BYTES + 1];
};

static void source_init(struct source *source, const struct options *options)
{
	int size;

	source->n_flow = options->flows ? options->flows : 1;
	source->size = options->size ? options->size : 64;
	if (source->size < sizeof(struct mark) || source->size > BURST_BYTES) {
		errno = EINVAL;
		die("--size");
	}
	source->burst = BURST_BYTES / source->size;
	source->burst = source->burst < BURST ? source->burst : BURST;
	source->segment = options->segment;
	size = (int)source->size;
	for (uint32_t i = 0; i < source->n_flow; i++) {
		source->fd[i] = socket_connected(options, SOCK_DGRAM);
		if (source->segment &&
		    setsockopt(source->fd[i], IPPROTO_UDP, UDP_SEGMENT, &size,
			       sizeof(size)))
			die("UDP_SEGMENT");
	}
	for (uint32_t i = 0; i < source->burst; i++) {
		source->piece[i].iov_base =
			source->data + (size_t)i * source->size;
		source->piece[i].iov_len = source->size;
		source->message[i].msg_hdr.msg_iov = &source->piece[i];
		source->message[i].msg_hdr.msg_iovlen = 1;
	}
}

/* Number the next datagrams of a flow; a number is used once, if ever. */
static void source_number(struct source *source, uint32_t flow)
{
	struct mark mark = { .flow = flow };

	for (uint32_t i = 0; i < source->burst; i++) {
		mark.number = source->number[flow] + i;
		memcpy(source->piece[i].iov_base, &mark, sizeof(mark));
	}
}

/* Returns how many datagrams of a burst were sent, or -1. */
static int source_burst(struct source *source, uint32_t flow)
{
	size_t len = (size_t)source->burst * source->size;

	if (!source->segment)
		return sendmmsg(source->fd[flow], source->message,
				source->burst, 0);
	if (send(source->fd[flow], source->data, len, 0) < 0)
		return -1;
	return (int)source->burst;
}

static void source_send(struct source *source, uint32_t flow)
{
	const struct timespec pause = { .tv_nsec = 1000000 };
	int n;

	source_number(source, flow);
	n = source_burst(source, flow);
	if (n > 0) {
		source->sent += (uint64_t)n;
		source->number[flow] += (uint64_t)n;
	} else if (errno != EINTR) {
		source->errors++;
		source->last_error = reason();
		(void)nanosleep(&pause, NULL); /* the device is down or gone */
	}
}

/*
 * Wait until the rate allows the next burst; without a rate it always does.
 * Time that was lost is not made up for: that would be a larger burst.
 */
static void source_pace(struct source *source, uint64_t rate)
{
	const struct timespec pause = { .tv_nsec = 200000 };
	uint64_t now = now_ns();

	if (!rate)
		return;
	while (now < source->next_ns && !stopped) {
		(void)nanosleep(&pause, NULL); /* cut short by SIGTERM */
		now = now_ns();
	}
	source->next_ns =
		source->next_ns + 1000000 < now ? now : source->next_ns;
	source->next_ns += source->burst * (uint64_t)1000000000 / rate;
}

int udp_count(const struct options *options)
{
	struct source *source = allocate(1, sizeof(*source));

	source_init(source, options);
	for (uint32_t flow = 0; !stopped; flow = (flow + 1) % source->n_flow) {
		if (options->count && source->sent >= options->count)
			break;
		source_pace(source, options->rate);
		source_send(source, flow);
	}
	printf("{\"sent\":%" PRIu64 ",\"errors\":%" PRIu64
	       ",\"last_error\":\"%s\"}\n",
	       source->sent, source->errors,
	       source->last_error ? source->last_error : "");
	return 0;
}
