/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UDP ping-pong between two network namespaces: how long is one round trip?
 *
 * usage: pingpong NETNS_A NETNS_B IP_B COUNT
 *
 * Sends a message of 64 bytes from namespace A to an echo in namespace B, waits
 * for it with a blocking socket, and repeats. Both sockets are made before the
 * first message, so there is nothing to wait for. Prints one line of JSON with
 * percentiles in microseconds, over COUNT round trips after a warm-up.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum limits {
	MESSAGE_LEN = 64,
	WARM_UP = 200,
	COUNT_MAX = 10 * 1000 * 1000,
	PORT = 7,
	/* A lost message ends the measurement: none may get lost here. */
	PATIENCE_S = 2,
};

static void die(const char *what)
{
	perror(what);
	exit(1); /* NOLINT(concurrency-mt-unsafe): no threads */
}

/* A UDP socket that lives in the namespace. */
static int open_socket(const char *netns)
{
	int netns_fd = open(netns, O_RDONLY | O_CLOEXEC);
	int fd;

	if (netns_fd < 0 || setns(netns_fd, CLONE_NEWNET) < 0)
		die(netns);
	(void)close(netns_fd);
	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("socket");
	return fd;
}

static void echo(int fd)
{
	char message[MESSAGE_LEN];
	struct sockaddr_in from;
	socklen_t from_len;

	for (;;) {
		ssize_t len;

		from_len = sizeof(from);
		len = recvfrom(fd, message, sizeof(message), 0,
			       (struct sockaddr *)&from, &from_len);
		if (len < 0)
			die("recvfrom");
		if (sendto(fd, message, (size_t)len, 0,
			   (struct sockaddr *)&from, from_len) < 0)
			die("sendto");
	}
}

static uint64_t now_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		die("clock_gettime");
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static uint64_t round_trip(int fd)
{
	char message[MESSAGE_LEN] = { 0 };
	uint64_t start_ns = now_ns();

	if (send(fd, message, sizeof(message), 0) < 0)
		die("send");
	if (recv(fd, message, sizeof(message), 0) != (ssize_t)sizeof(message))
		die("recv");
	return now_ns() - start_ns;
}

static int by_size(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static void report(uint64_t *ns, size_t n)
{
	static const struct {
		const char *name;
		double share;
	} points[] = { { "p50", 0.5 },
		       { "p90", 0.9 },
		       { "p99", 0.99 },
		       { "p999", 0.999 },
		       { "max", 1 } };
	double sum = 0;

	qsort(ns, n, sizeof(*ns), by_size);
	for (size_t i = 0; i < n; i++)
		sum += (double)ns[i];
	(void)printf("{\"count\":%zu,\"unit\":\"us\",\"mean\":%.2f,"
		     "\"min\":%.2f",
		     n, sum / (double)n / 1e3, (double)ns[0] / 1e3);
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		(void)printf(
			",\"%s\":%.2f", points[i].name,
			(double)ns[(size_t)(points[i].share * (double)(n - 1))] /
				1e3);
	(void)printf("}\n");
}

static void measure(int fd, size_t n)
{
	uint64_t *ns = calloc(n, sizeof(*ns));

	if (!ns)
		die("calloc");
	for (size_t i = 0; i < WARM_UP; i++)
		(void)round_trip(fd);
	for (size_t i = 0; i < n; i++)
		ns[i] = round_trip(fd);
	report(ns, n);
	free(ns);
}

int main(int argc, char **argv)
{
	struct timeval patience = { .tv_sec = PATIENCE_S };
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons(PORT) };
	unsigned long n;
	int ping, pong;
	pid_t child;

	if (argc != 5 || inet_pton(AF_INET, argv[3], &address.sin_addr) != 1 ||
	    (n = strtoul(argv[4], NULL, 10)) < 1 || n > COUNT_MAX) {
		(void)fprintf(stderr,
			      "usage: pingpong NETNS_A NETNS_B IP_B COUNT\n");
		return 2;
	}
	ping = open_socket(argv[1]);
	pong = open_socket(argv[2]);
	if (bind(pong, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("bind");
	if (connect(ping, (struct sockaddr *)&address, sizeof(address)) < 0)
		die("connect");
	if (setsockopt(ping, SOL_SOCKET, SO_RCVTIMEO, &patience,
		       sizeof(patience)) < 0)
		die("SO_RCVTIMEO");
	child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0)
			die("prctl");
		echo(pong);
	}
	measure(ping, n);
	if (kill(child, SIGKILL) < 0 || waitpid(child, NULL, 0) < 0)
		die("echo");
	return 0;
}
