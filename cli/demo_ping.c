/* SPDX-License-Identifier: Apache-2.0 */
/* Round trip times of ICMP echoes, one after the other. */
#include "cli/demo_traffic.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/cli.h"

enum {
	PAYLOAD_SIZE = 56, /* what ping(8) sends */
	LOST_MS = 500,     /* an echo that took longer is lost */
	FIRST_MS = 20,     /* wait between tries for the first answer */
};

/* Same layout for both families: type, code, checksum, id, sequence. */
struct echo {
	uint8_t type;
	uint8_t code;
	uint16_t checksum;
	uint16_t id;
	uint16_t sequence;
	uint8_t payload[PAYLOAD_SIZE];
};

static_assert(sizeof(struct echo) == 8 + PAYLOAD_SIZE, "as on the wire");

/* One ping under way. */
struct pinger {
	int fd;
	bool is_ipv6;
	uint16_t id;
	uint16_t sequence;
};

/* The sum of RFC 1071 comes out right in either byte order. */
static uint16_t checksum(const void *data, size_t len)
{
	const uint8_t *bytes = data;
	uint32_t sum = 0;
	uint16_t word;

	for (size_t i = 0; i + sizeof(word) <= len; i += sizeof(word)) {
		memcpy(&word, bytes + i, sizeof(word));
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static int open_pinger(struct pinger *pinger, const char *peer)
{
	struct sockaddr_in6 to6 = { .sin6_family = AF_INET6 };
	struct sockaddr_in to4 = { .sin_family = AF_INET };
	bool is_ipv6 = inet_pton(AF_INET6, peer, &to6.sin6_addr) == 1;
	const struct sockaddr *to =
		is_ipv6 ? (const void *)&to6 : (const void *)&to4;
	socklen_t to_len = is_ipv6 ? sizeof(to6) : sizeof(to4);
	uint64_t deadline_ns = cli_now_ns() + DEMO_STALL_MS * 1000000ull;

	if (!is_ipv6 && inet_pton(AF_INET, peer, &to4.sin_addr) != 1)
		return -EINVAL;
	pinger->is_ipv6 = is_ipv6;
	pinger->id = htons((uint16_t)getpid());
	pinger->fd =
		socket(is_ipv6 ? AF_INET6 : AF_INET, SOCK_RAW | SOCK_CLOEXEC,
		       is_ipv6 ? (int)IPPROTO_ICMPV6 : (int)IPPROTO_ICMP);
	if (pinger->fd < 0)
		return -errno;
	/* The route appears when the port has set its device up. */
	while (connect(pinger->fd, to, to_len) < 0) {
		if (errno != ENETUNREACH || cli_now_ns() > deadline_ns)
			return -errno;
		(void)poll(NULL, 0, 1);
	}
	return 0;
}

static int send_echo(struct pinger *pinger)
{
	struct echo echo = {
		.type = pinger->is_ipv6 ? ICMP6_ECHO_REQUEST : ICMP_ECHO,
		.id = pinger->id,
		.sequence = htons(++pinger->sequence),
	};

	/* For ICMPv6, whose sum covers the addresses, the kernel does it. */
	if (!pinger->is_ipv6)
		echo.checksum = checksum(&echo, sizeof(echo));
	return send(pinger->fd, &echo, sizeof(echo), 0) < 0 ? -errno : 0;
}

/* Whether a received packet answers the echo sent last. */
static bool is_answer(const struct pinger *pinger, const uint8_t *data,
		      size_t len)
{
	uint8_t type = pinger->is_ipv6 ? ICMP6_ECHO_REPLY : ICMP_ECHOREPLY;
	struct echo echo;
	size_t skip = 0;

	/* Raw IPv4 sockets deliver the IP header, IPv6 ones do not. */
	if (!pinger->is_ipv6)
		skip = len ? (size_t)(data[0] & 0xf) * 4 : 0;
	if (len < skip + sizeof(echo))
		return false;
	memcpy(&echo, data + skip, sizeof(echo));
	return echo.type == type && echo.id == pinger->id &&
	       echo.sequence == htons(pinger->sequence);
}

/* Wait for the answer; returns 1, 0 when it is late, or a negative errno. */
static int wait_answer(const struct pinger *pinger, int timeout_ms)
{
	uint64_t end_ns = cli_now_ns() + (uint64_t)timeout_ms * 1000000u;
	struct pollfd wait = { .fd = pinger->fd, .events = POLLIN };
	uint8_t data[512];
	ssize_t len;

	for (;;) {
		len = recv(pinger->fd, data, sizeof(data), MSG_DONTWAIT);
		if (len >= 0 && is_answer(pinger, data, (size_t)len))
			return 1;
		if (len >= 0)
			continue;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
		if (cli_now_ns() >= end_ns)
			return 0;
		(void)poll(&wait, 1, timeout_ms);
	}
}

/* Get one echo through, however long the far end takes to come up. */
static int reach(struct pinger *pinger)
{
	uint64_t end_ns = cli_now_ns() + DEMO_STALL_MS * 1000000ull;
	int code = 0, sent;

	while (cli_now_ns() < end_ns) {
		sent = send_echo(pinger);
		code = wait_answer(pinger, FIRST_MS);
		if (code > 0)
			return 0;
		if (code == 0)
			code = sent;
	}
	return code < 0 ? code : -ETIMEDOUT;
}

static int compare(const void *a, const void *b)
{
	uint64_t left = *(const uint64_t *)a, right = *(const uint64_t *)b;

	return left < right ? -1 : left > right;
}

/* Nearest rank, of n sorted samples. */
static uint64_t percentile(const uint64_t *sample, uint32_t n, uint32_t percent)
{
	uint32_t rank = (uint32_t)(((uint64_t)n * percent + 99) / 100);

	return n ? sample[rank ? rank - 1 : 0] : 0;
}

static int measure(struct pinger *pinger, uint32_t n_echo, uint64_t *sample,
		   struct demo_ping *ret_ping)
{
	uint64_t end_ns = cli_now_ns() + DEMO_STALL_MS * 1000000ull;
	struct demo_ping ping = { 0 };
	uint32_t n = 0;
	uint64_t start_ns;
	int code;

	while (ping.sent < n_echo && cli_now_ns() < end_ns) {
		start_ns = cli_now_ns();
		code = send_echo(pinger);
		if (code < 0)
			return code;
		ping.sent++;
		code = wait_answer(pinger, LOST_MS);
		if (code < 0)
			return code;
		if (code > 0)
			sample[n++] = cli_now_ns() - start_ns;
	}
	qsort(sample, n, sizeof(*sample), compare);
	ping.lost = ping.sent - n;
	ping.p50_ns = percentile(sample, n, 50);
	ping.p90_ns = percentile(sample, n, 90);
	ping.p99_ns = percentile(sample, n, 99);
	ping.max_ns = percentile(sample, n, 100);
	*ret_ping = ping;
	return 0;
}

int demo_ping(const char *peer, uint32_t n_echo, struct demo_ping *ret_ping)
{
	struct pinger pinger = { .fd = -1 };
	uint64_t *sample;
	int code;

	if (n_echo == 0 || n_echo > DEMO_PING_MAX)
		return -EINVAL;
	sample = calloc(n_echo, sizeof(*sample));
	if (!sample)
		return -ENOMEM;
	code = open_pinger(&pinger, peer);
	if (code == 0)
		code = reach(&pinger);
	if (code == 0)
		code = measure(&pinger, n_echo, sample, ret_ping);
	if (pinger.fd >= 0)
		(void)close(pinger.fd); /* nothing is buffered in it */
	free(sample);
	return code;
}
