/* SPDX-License-Identifier: Apache-2.0 */
/* One TCP stream: a sender that sends for a time, and a receiver. */
#include "cli/demo_traffic.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "cli/cli.h"

/* Large enough that system calls cost little beside the copying. */
enum { CHUNK_SIZE = 256 * 1024 };

static struct sockaddr_in address_of(in_addr_t ip)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(DEMO_TCP_PORT),
		.sin_addr.s_addr = ip,
	};
}

/* Limit every later connect, accept, send and recv on a socket. */
static int limit_waits(int fd)
{
	struct timeval limit = { .tv_sec = DEMO_STALL_MS / 1000 };

	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)))
		return -errno;
	return 0;
}

/* What these calls report when the limit has passed depends on the call. */
static int stall_code(int code)
{
	return code == EAGAIN || code == EINPROGRESS ? -ETIMEDOUT : -code;
}

static int bind_listener(int fd)
{
	struct sockaddr_in any = address_of(htonl(INADDR_ANY));
	int code = limit_waits(fd);

	if (code < 0)
		return code;
	if (bind(fd, (const struct sockaddr *)&any, sizeof(any)) < 0 ||
	    listen(fd, 1) < 0)
		return -errno;
	return 0;
}

int demo_listen(void)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int code;

	if (fd < 0)
		return -errno;
	code = bind_listener(fd);
	if (code < 0) {
		(void)close(fd); /* never used */
		return code;
	}
	return fd;
}

static int connect_to(int fd, const char *peer)
{
	struct sockaddr_in to = address_of(0);
	int code = limit_waits(fd);

	if (code < 0)
		return code;
	if (inet_pton(AF_INET, peer, &to.sin_addr) != 1)
		return -EINVAL;
	if (connect(fd, (const struct sockaddr *)&to, sizeof(to)) < 0)
		return stall_code(errno);
	return 0;
}

/* Send until the time is over, then wait until the receiver has it all. */
static int send_for(int fd, uint32_t time_ms, const void *chunk)
{
	uint64_t end_ns = cli_now_ns() + time_ms * 1000000ull;
	char last;

	while (cli_now_ns() < end_ns) {
		if (send(fd, chunk, CHUNK_SIZE, MSG_NOSIGNAL) < 0)
			return stall_code(errno);
	}
	if (shutdown(fd, SHUT_WR) < 0)
		return -errno;
	if (recv(fd, &last, 1, 0) < 0)
		return stall_code(errno);
	return 0;
}

int demo_send(const char *peer, uint32_t time_ms)
{
	void *chunk = calloc(1, CHUNK_SIZE);
	int fd, code;

	if (!chunk)
		return -ENOMEM;
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	code = fd < 0 ? -errno : connect_to(fd, peer);
	if (code == 0)
		code = send_for(fd, time_ms, chunk);
	if (fd >= 0)
		(void)close(fd); /* the receiver has answered already */
	free(chunk);
	return code;
}

static int read_all(int fd, void *chunk, struct demo_stream *ret_stream)
{
	struct demo_stream stream = { 0 };
	uint64_t first_ns = 0, now_ns;
	ssize_t len;

	for (;;) {
		len = recv(fd, chunk, CHUNK_SIZE, 0);
		if (len < 0)
			return stall_code(errno);
		if (len == 0)
			break;
		now_ns = cli_now_ns();
		/* The clock starts with the first bytes; they do not count. */
		if (first_ns == 0)
			first_ns = now_ns;
		else
			stream.bytes += (uint64_t)len;
		stream.elapsed_ns = now_ns - first_ns;
	}
	*ret_stream = stream;
	return 0;
}

int demo_receive(int listen_fd, struct demo_stream *ret_stream)
{
	void *chunk = malloc(CHUNK_SIZE);
	int fd, code;

	if (!chunk)
		return -ENOMEM;
	fd = accept(listen_fd, NULL, NULL); /* an end never calls exec() */
	code = fd < 0 ? stall_code(errno) : limit_waits(fd);
	if (code == 0)
		code = read_all(fd, chunk, ret_stream);
	if (fd >= 0)
		(void)close(fd); /* only read from */
	free(chunk);
	return code;
}
