// SPDX-License-Identifier: Apache-2.0
/*
 * Bulk TCP in both directions of each connection at once. Each end sends a
 * pseudo-random stream and hashes what it sends and what it receives; the test
 * compares the hashes of the two ends.
 */
#include "traffic.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>

/* Large enough for few system calls, small enough for the L2 cache. */
enum { CHUNK = 128 * 1024 };

static_assert(CHUNK % STREAM_STEP == 0, "whole steps");

struct connection {
	int fd;
	uint16_t port; /* of the client; names the connection at both ends */
	int timeout_ms;
	uint64_t bytes;
	uint64_t sent;
	uint64_t received;
	uint64_t ns;
	struct stream stream;
	struct hash sent_hash;
	struct hash received_hash;
	const char *error; /* NULL while all is well */
	size_t out_at;     /* bytes of out already sent */
	size_t out_len;    /* bytes in out */
	bool shut;         /* our end was sent */
	bool ended;        /* the other end was received */
	uint8_t out[CHUNK];
	uint8_t in[CHUNK];
};

static void connection_init(struct connection *connection, int fd, bool client,
			    const struct options *options)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);
	int r;

	connection->fd = fd;
	connection->bytes = options->bytes;
	connection->timeout_ms = options->timeout_ms;
	r = client ? getsockname(fd, (struct sockaddr *)&address, &len) :
		     getpeername(fd, (struct sockaddr *)&address, &len);
	if (r || fcntl(fd, F_SETFL, O_NONBLOCK))
		die("connection");
	connection->port = port_of(&address);
	stream_init(&connection->stream, connection->port * 2u + client);
	hash_init(&connection->sent_hash);
	hash_init(&connection->received_hash);
}

/* Make the next chunk, or tell the other end that there is none. */
static void connection_fill(struct connection *connection)
{
	uint64_t left = connection->bytes - connection->sent;

	connection->out_at = 0;
	connection->out_len = left < CHUNK ? (size_t)left : CHUNK;
	if (left == 0) {
		if (shutdown(connection->fd, SHUT_WR))
			connection->error = reason();
		connection->shut = true;
		return;
	}
	stream_next(&connection->stream, connection->out, CHUNK);
	hash_add(&connection->sent_hash, connection->out, connection->out_len);
}

static void connection_send(struct connection *connection)
{
	ssize_t n;

	if (connection->out_at == connection->out_len)
		connection_fill(connection);
	if (connection->shut)
		return;
	n = send(connection->fd, connection->out + connection->out_at,
		 connection->out_len - connection->out_at, 0);
	if (n < 0 && errno != EAGAIN)
		connection->error = reason();
	if (n > 0) {
		connection->out_at += (size_t)n;
		connection->sent += (uint64_t)n;
	}
}

static void connection_receive(struct connection *connection)
{
	ssize_t n = recv(connection->fd, connection->in, CHUNK, 0);

	if (n < 0 && errno != EAGAIN)
		connection->error = reason();
	if (n == 0)
		connection->ended = true;
	if (n > 0) {
		connection->received += (uint64_t)n;
		hash_add(&connection->received_hash, connection->in, (size_t)n);
	}
}

static void connection_step(struct connection *connection)
{
	struct pollfd poll_fd = { .fd = connection->fd };

	if (!connection->shut)
		poll_fd.events |= POLLOUT;
	if (!connection->ended)
		poll_fd.events |= POLLIN;
	if (poll(&poll_fd, 1, connection->timeout_ms) == 0)
		connection->error = "no progress";
	if (poll_fd.revents & POLLOUT)
		connection_send(connection);
	if (poll_fd.revents & (POLLIN | POLLHUP | POLLERR))
		connection_receive(connection);
	if (stopped)
		connection->error = "stopped";
}

static void *connection_run(void *argument)
{
	struct connection *connection = argument;
	uint64_t start_ns = now_ns();

	while (!connection->error && !(connection->shut && connection->ended))
		connection_step(connection);
	if (!connection->error && connection->received != connection->bytes)
		connection->error = "wrong number of bytes received";
	connection->ns = now_ns() - start_ns;
	return NULL;
}

static void connection_print(const struct connection *connection)
{
	const char *error = connection->error;

	printf("{\"port\":%u,\"sent\":%" PRIu64 ",\"received\":%" PRIu64
	       ",\"sent_hash\":\"%016" PRIx64
	       "\",\"received_hash\":\"%016" PRIx64
	       "\",\"seconds\":%.6f,\"error\":%s%s%s}",
	       connection->port, connection->sent, connection->received,
	       hash_value(&connection->sent_hash),
	       hash_value(&connection->received_hash),
	       (double)connection->ns / 1e9, error ? "\"" : "",
	       error ? error : "null", error ? "\"" : "");
}

static int print_all(const struct connection *connection, uint32_t n)
{
	int code = 0;

	printf("{\"streams\":[");
	for (uint32_t i = 0; i < n; i++) {
		if (i > 0)
			printf(",");
		connection_print(&connection[i]);
		if (connection[i].error)
			code = 1;
	}
	printf("]}\n");
	return code;
}

/* Run every connection in a thread of its own and print the results. */
static int run_all(struct connection *connection, uint32_t n)
{
	pthread_t *thread = allocate(n, sizeof(*thread));

	for (uint32_t i = 0; i < n; i++) {
		errno = pthread_create(&thread[i], NULL, connection_run,
				       &connection[i]);
		if (errno)
			die("thread");
	}
	for (uint32_t i = 0; i < n; i++)
		(void)pthread_join(thread[i], NULL); /* made above */
	return print_all(connection, n);
}

int tcp_serve(const struct options *options)
{
	uint32_t n = options->streams ? options->streams : 1;
	struct connection *connection = allocate(n, sizeof(*connection));
	int fd = socket_bound(options, SOCK_STREAM);
	int one_fd;

	if (listen(fd, (int)n))
		die("listen");
	print_ready(fd);
	for (uint32_t i = 0; i < n; i++) {
		one_fd = accept4(fd, NULL, NULL, SOCK_CLOEXEC);
		if (one_fd < 0)
			die("accept");
		connection_init(&connection[i], one_fd, false, options);
	}
	return run_all(connection, n);
}

int tcp_send(const struct options *options)
{
	uint32_t n = options->streams ? options->streams : 1;
	struct connection *connection = allocate(n, sizeof(*connection));

	for (uint32_t i = 0; i < n; i++)
		connection_init(&connection[i],
				socket_connected(options, SOCK_STREAM), true,
				options);
	return run_all(connection, n);
}
