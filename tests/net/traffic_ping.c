// SPDX-License-Identifier: Apache-2.0
/*
 * Echo requests, answered by the kernel of the other namespace. Of its own so
 * that the tests need no particular ping(8), and so that a size can be exact.
 */
#include "traffic.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/ip.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER = 65536, HEADER = 8 };

static_assert(sizeof(struct icmphdr) == HEADER, "v4 header");
static_assert(sizeof(struct icmp6_hdr) == HEADER, "v6 header");

struct pinger {
	int fd;
	int family;
	uint16_t id;
	uint32_t size; /* bytes after the ICMP header */
	uint64_t sent;
	uint64_t received;
	const char *error;
	uint8_t made[BUFFER]; /* the request, then what follows it */
	uint8_t got[BUFFER];
};

static uint16_t checksum(const uint8_t *data, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? data[i] : (uint32_t)data[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Type, code, checksum, id and number are at the same place in v4 and v6. */
static void make_request(struct pinger *pinger, uint16_t number)
{
	bool v4 = pinger->family == AF_INET;
	struct icmphdr header = {
		.type = v4 ? ICMP_ECHO : ICMP6_ECHO_REQUEST,
		.un.echo.id = htons(pinger->id),
		.un.echo.sequence = htons(number),
	};

	for (uint32_t i = 0; i < pinger->size; i++)
		pinger->made[HEADER + i] = (uint8_t)(i + number);
	memcpy(pinger->made, &header, HEADER);
	if (v4) /* the kernel does it for v6 */
		header.checksum =
			htons(checksum(pinger->made, HEADER + pinger->size));
	memcpy(pinger->made, &header, HEADER);
}

/* Whether len bytes in got are the answer to what is in made. */
static bool is_answer(const struct pinger *pinger, size_t len)
{
	const uint8_t *got = pinger->got;
	uint8_t type = ICMP6_ECHO_REPLY;

	if (pinger->family == AF_INET) { /* raw v4 sockets show the IP header */
		size_t skip = (size_t)(got[0] & 0xf) * 4;

		if (skip > len)
			return false;
		got += skip;
		len -= skip;
		type = ICMP_ECHOREPLY;
	}
	/* From byte 4: id, number and content. */
	return len == HEADER + pinger->size && got[0] == type &&
	       !memcmp(got + 4, pinger->made + 4, len - 4);
}

static bool receive_answer(struct pinger *pinger, int timeout_ms)
{
	uint64_t end_ns = now_ns() + (uint64_t)timeout_ms * 1000000;
	ssize_t n;

	while (now_ns() < end_ns && !stopped) {
		if (!wait_for(pinger->fd, POLLIN, timeout_ms))
			continue;
		n = recv(pinger->fd, pinger->got, BUFFER, MSG_DONTWAIT);
		if (n > 0 && is_answer(pinger, (size_t)n))
			return true;
	}
	return false;
}

static void set_dont_fragment(const struct pinger *pinger)
{
	int v4 = IP_PMTUDISC_DO;
	int v6 = IPV6_PMTUDISC_DO;
	int r = pinger->family == AF_INET ?
			setsockopt(pinger->fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4,
				   sizeof(v4)) :
			setsockopt(pinger->fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER,
				   &v6, sizeof(v6));

	if (r)
		die("MTU_DISCOVER");
}

static void pinger_init(struct pinger *pinger, const struct options *options)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST };
	struct addrinfo *info;

	if (options->size > BUFFER - HEADER ||
	    getaddrinfo(options->address, NULL, &hints, &info)) {
		errno = EINVAL;
		die(options->address);
	}
	pinger->family = info->ai_family;
	pinger->size = options->size ? options->size : 56;
	pinger->id = (uint16_t)getpid();
	pinger->fd = socket(info->ai_family, SOCK_RAW | SOCK_CLOEXEC,
			    info->ai_family == AF_INET ? IPPROTO_ICMP :
							 IPPROTO_ICMPV6);
	if (pinger->fd < 0 ||
	    connect(pinger->fd, info->ai_addr, info->ai_addrlen))
		die("ping");
	freeaddrinfo(info);
	if (options->dont_fragment)
		set_dont_fragment(pinger);
}

int ping(const struct options *options)
{
	struct pinger *pinger = allocate(1, sizeof(*pinger));
	uint64_t count = options->count ? options->count : 1;
	uint64_t start_ns = now_ns();

	pinger_init(pinger, options);
	while (!pinger->error && pinger->sent < count && !stopped) {
		make_request(pinger, (uint16_t)pinger->sent);
		if (send(pinger->fd, pinger->made, HEADER + pinger->size, 0) <
		    0) {
			pinger->error = reason();
			break;
		}
		pinger->sent++;
		if (receive_answer(pinger, options->timeout_ms))
			pinger->received++;
		else
			pinger->error = "no answer";
	}
	printf("{\"sent\":%" PRIu64 ",\"received\":%" PRIu64
	       ",\"seconds\":%.6f,\"error\":%s%s%s}\n",
	       pinger->sent, pinger->received,
	       (double)(now_ns() - start_ns) / 1e9, pinger->error ? "\"" : "",
	       pinger->error ? pinger->error : "null",
	       pinger->error ? "\"" : "");
	return pinger->error ? 1 : 0;
}
