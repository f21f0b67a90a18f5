/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the modes of the traffic program share: options, sockets, and streams
 * of bytes that both ends can make and compare.
 */
#ifndef TESTS_NET_TRAFFIC_H
#define TESTS_NET_TRAFFIC_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdnoreturn.h>
#include <sys/socket.h>

/* The command line; zero means default. */
struct options {
	const char *address;
	const char *port;
	const char *sizes;  /* udp-sizes: "0-40,1500" */
	uint64_t bytes;     /* tcp: each way, for each stream */
	uint64_t count;     /* udp-count, ping: 0 is until SIGTERM */
	uint64_t rate;      /* udp-count: datagrams per second */
	uint32_t streams;   /* tcp */
	uint32_t flows;     /* udp-count */
	uint32_t size;      /* udp-count, ping: bytes of payload */
	bool segment;       /* udp-count: let UDP_SEGMENT cut */
	bool dont_fragment; /* ping */
	int timeout_ms;     /* longest time without progress */
};

/* Set by SIGTERM and SIGINT. */
extern volatile sig_atomic_t stopped;

/* The modes; each returns the exit code. */
int tcp_serve(const struct options *options);
int tcp_send(const struct options *options);
int udp_echo(const struct options *options);
int udp_sizes(const struct options *options);
int udp_sink(const struct options *options);
int udp_count(const struct options *options);
int ping(const struct options *options);

/* What errno means; static text. */
const char *reason(void);

/* Print "traffic: what: reason of errno" and exit with 1. */
noreturn void die(const char *what);

/* Socket bound to options->address, or connected to it; never fails. */
int socket_bound(const struct options *options, int type);
int socket_connected(const struct options *options, int type);

/* Tell the test that the socket can be reached: "ready PORT". */
void print_ready(int fd);

/* Port of an address of either family. */
uint16_t port_of(const struct sockaddr_storage *address);

/* Wait for poll(2) events; false after timeout_ms or a signal. */
bool wait_for(int fd, short events, int timeout_ms);

/* Monotonic time in nanoseconds. */
uint64_t now_ns(void);

/* Allocate zeroed memory; never fails. */
void *allocate(size_t n, size_t size);

/*
 * A stream of pseudo-random bytes: four xorshift64 lanes, so that the compiler
 * can use vector instructions. Made in whole steps of 32 bytes.
 */
enum { STREAM_STEP = 32 };

struct stream {
	uint64_t lane[4];
};

void stream_init(struct stream *stream, uint64_t seed);

/* Make the next bytes; len is a multiple of STREAM_STEP. */
void stream_next(struct stream *stream, uint8_t *data, size_t len);

/*
 * A 64-bit hash of a stream that does not depend on how it is cut into
 * pieces: XXH64.
 */
struct hash {
	uint64_t lane[4];
	uint64_t len;
	uint8_t tail[32]; /* bytes that do not fill a step yet */
	size_t tail_len;
};

void hash_init(struct hash *hash);
void hash_add(struct hash *hash, const uint8_t *data, size_t len);
uint64_t hash_value(const struct hash *hash);

#endif
