/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The traffic of vif demo: echoes one by one, and one TCP stream.
 *
 * Runs in the two ends. Every wait has a limit, so that an end always answers.
 */
#ifndef CLI_DEMO_TRAFFIC_H
#define CLI_DEMO_TRAFFIC_H

#include <stdbool.h>
#include <stdint.h>

enum {
	DEMO_TCP_PORT = 7777,
	DEMO_STALL_MS = 3000, /* longest wait for one step of an end */
	DEMO_PING_MAX = 10000,
};

/* Round trips of echoes that waited for one another. */
struct demo_ping {
	uint32_t sent;
	uint32_t lost;
	uint64_t p50_ns;
	uint64_t p90_ns;
	uint64_t p99_ns;
	uint64_t max_ns;
};

/* What a TCP stream brought. */
struct demo_stream {
	uint64_t bytes;
	uint64_t elapsed_ns; /* from the first byte to the last */
};

/*
 * demo_ping() - measure round trips to an address
 * @peer:     IPv4 or IPv6 address as text.
 * @n_echo:   1 to DEMO_PING_MAX; fewer if they take more than DEMO_STALL_MS.
 * @ret_ping: unchanged on failure.
 *
 * Waits for the first answer, which is not counted, so the address may still
 * be on its way up. Returns 0, -ETIMEDOUT when nobody answers, or the error of
 * a system call.
 */
int demo_ping(const char *peer, uint32_t n_echo, struct demo_ping *ret_ping);

/* Open the TCP socket that demo_receive() accepts from; returns it. */
int demo_listen(void);

/* Connect to the other end and send for that long. */
int demo_send(const char *peer, uint32_t time_ms);

/* Accept one connection and read it to its end. */
int demo_receive(int listen_fd, struct demo_stream *ret_stream);

#endif
