// SPDX-License-Identifier: Apache-2.0
/*
 * Datagrams of given sizes with an echo of each: a datagram is known by its
 * length, and its content follows from its length.
 */
#include "traffic.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	SIZE_MAX_UDP = 65507,
	BUFFER = 65536,
	WINDOW = 8,                /* datagrams under way */
	WINDOW_BYTES = 192 * 1024, /* and their bytes, but at least one */
	TRIES = 4,
};

static_assert(BUFFER % STREAM_STEP == 0 && BUFFER > SIZE_MAX_UDP, "buffer");

/* A datagram that was sent and has not come back. */
struct flight {
	uint32_t size;
	unsigned int tries;
	uint64_t sent_ns;
};

struct exchange {
	int fd;
	int try_ms; /* before a datagram counts as lost */
	uint32_t *sizes;
	size_t n_sizes;
	size_t next; /* into sizes */
	struct flight flight[WINDOW];
	size_t n_flight;
	size_t flight_bytes;
	uint64_t echoed;
	uint64_t lost;
	uint64_t wrong;
	uint64_t duplicates;
	uint64_t slowest_ns; /* from the last try to the echo */
	const char *error;
	uint8_t made[BUFFER];
	uint8_t got[BUFFER];
};

static void make_content(uint8_t *data, uint32_t size)
{
	struct stream stream;

	stream_init(&stream, size);
	stream_next(&stream, data, (size | (STREAM_STEP - 1)) + (size_t)1);
}

static void add_size(struct exchange *exchange, unsigned long size)
{
	if (size > SIZE_MAX_UDP || exchange->n_sizes > SIZE_MAX_UDP) {
		errno = EINVAL;
		die("--sizes");
	}
	exchange->sizes[exchange->n_sizes++] = (uint32_t)size;
}

/* "0-40,1500" */
static void parse_sizes(struct exchange *exchange, const char *text)
{
	unsigned long first, last;
	char *end;

	exchange->sizes = allocate(SIZE_MAX_UDP + 1, sizeof(uint32_t));
	while (*text) {
		first = strtoul(text, &end, 10);
		last = first;
		if (*end == '-')
			last = strtoul(end + 1, &end, 10);
		if (end == text || (*end != ',' && *end != '\0')) {
			errno = EINVAL;
			die(text);
		}
		for (; first <= last; first++)
			add_size(exchange, first);
		text = *end ? end + 1 : end;
	}
}

static void flight_send(struct exchange *exchange, struct flight *flight)
{
	make_content(exchange->made, flight->size);
	if (send(exchange->fd, exchange->made, flight->size, 0) < 0)
		exchange->error = reason();
	flight->tries++;
	flight->sent_ns = now_ns();
}

static void send_window(struct exchange *exchange)
{
	struct flight *flight;
	uint32_t size;

	while (exchange->next < exchange->n_sizes && !exchange->error &&
	       exchange->n_flight < WINDOW) {
		size = exchange->sizes[exchange->next];
		if (exchange->n_flight > 0 &&
		    exchange->flight_bytes + size > WINDOW_BYTES)
			return;
		flight = &exchange->flight[exchange->n_flight++];
		*flight = (struct flight){ .size = size };
		exchange->flight_bytes += size;
		exchange->next++;
		flight_send(exchange, flight);
	}
}

/* Forget a datagram that came back; false when it was not under way. */
static bool take_flight(struct exchange *exchange, size_t size)
{
	uint64_t ns;

	for (size_t i = 0; i < exchange->n_flight; i++) {
		if (exchange->flight[i].size != size)
			continue;
		ns = now_ns() - exchange->flight[i].sent_ns;
		if (ns > exchange->slowest_ns)
			exchange->slowest_ns = ns;
		exchange->flight[i] = exchange->flight[--exchange->n_flight];
		exchange->flight_bytes -= size;
		return true;
	}
	return false;
}

static void receive_echo(struct exchange *exchange, size_t size)
{
	if (!take_flight(exchange, size)) {
		exchange->duplicates++;
		return;
	}
	make_content(exchange->made, (uint32_t)size);
	if (memcmp(exchange->made, exchange->got, size) != 0)
		exchange->wrong++;
	exchange->echoed++;
}

static void receive_all(struct exchange *exchange)
{
	ssize_t n;

	while (exchange->n_flight > 0) {
		n = recv(exchange->fd, exchange->got, BUFFER, MSG_DONTWAIT);
		if (n < 0 && errno != EAGAIN)
			exchange->error = reason();
		if (n < 0)
			return;
		receive_echo(exchange, (size_t)n);
	}
}

/* Send again what has been under way for too long. */
static void send_late(struct exchange *exchange)
{
	uint64_t limit_ns = now_ns() - (uint64_t)exchange->try_ms * 1000000;
	struct flight *flight;

	for (size_t i = 0; i < exchange->n_flight; i++) {
		flight = &exchange->flight[i];
		if (flight->sent_ns > limit_ns)
			continue;
		exchange->lost++;
		if (flight->tries == TRIES)
			exchange->error = "no echo";
		else
			flight_send(exchange, flight);
	}
}

static int print_exchange(const struct exchange *exchange)
{
	const char *error = exchange->error;

	printf("{\"sizes\":%zu,\"echoed\":%" PRIu64 ",\"lost\":%" PRIu64
	       ",\"wrong\":%" PRIu64 ",\"duplicates\":%" PRIu64
	       ",\"slowest_ms\":%.3f,\"error\":%s%s%s",
	       exchange->n_sizes, exchange->echoed, exchange->lost,
	       exchange->wrong, exchange->duplicates,
	       (double)exchange->slowest_ns / 1e6, error ? "\"" : "",
	       error ? error : "null", error ? "\"" : "");
	printf(",\"under_way\":[");
	for (size_t i = 0; i < exchange->n_flight; i++)
		printf("%s%u", i ? "," : "", exchange->flight[i].size);
	printf("]}\n");
	return error || exchange->wrong ? 1 : 0;
}

/* Room for what is under way, whatever the default of the system is. */
static void set_receive_buffer(int fd, int size)
{
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)))
		die("receive buffer");
}

int udp_sizes(const struct options *options)
{
	struct exchange *exchange = allocate(1, sizeof(*exchange));

	parse_sizes(exchange, options->sizes ? options->sizes : "0-65507");
	exchange->try_ms = options->timeout_ms / 3;
	exchange->fd = socket_connected(options, SOCK_DGRAM);
	set_receive_buffer(exchange->fd, 8 << 20);
	while (!exchange->error && !stopped) {
		send_window(exchange);
		if (exchange->n_flight == 0)
			break;
		(void)wait_for(exchange->fd, POLLIN, exchange->try_ms);
		receive_all(exchange);
		send_late(exchange);
	}
	return print_exchange(exchange);
}

int udp_echo(const struct options *options)
{
	uint8_t *data = allocate(1, BUFFER);
	struct sockaddr_storage from;
	uint64_t n_echoed = 0;
	socklen_t len;
	ssize_t n;
	int fd = socket_bound(options, SOCK_DGRAM);

	set_receive_buffer(fd, 8 << 20);
	print_ready(fd);
	while (!stopped) {
		if (!wait_for(fd, POLLIN, 100))
			continue;
		len = sizeof(from);
		n = recvfrom(fd, data, BUFFER, MSG_DONTWAIT,
			     (struct sockaddr *)&from, &len);
		if (n < 0)
			continue;
		if (sendto(fd, data, (size_t)n, 0, (struct sockaddr *)&from,
			   len) == n)
			n_echoed++;
	}
	printf("{\"echoed\":%" PRIu64 "}\n", n_echoed);
	return 0;
}
