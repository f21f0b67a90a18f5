// SPDX-License-Identifier: Apache-2.0
/*
 * Traffic for the network tests: one end of a conversation, inside a network
 * namespace, with the result as one line of JSON on stdout.
 *
 * Servers print "ready PORT" first, so that a test waits for that line and
 * never sleeps. SIGTERM ends the modes without a count; they still print.
 */
#include "traffic.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

volatile sig_atomic_t stopped;

static const struct {
	const char *name;
	int (*run)(const struct options *options);
	int n_arguments;
	const char *help;
} modes[] = {
	{ "tcp-serve", tcp_serve, 1, "ADDRESS --bytes N [--streams N]" },
	{ "tcp-send", tcp_send, 2, "ADDRESS PORT --bytes N [--streams N]" },
	{ "udp-echo", udp_echo, 1, "ADDRESS" },
	{ "udp-sizes", udp_sizes, 2, "ADDRESS PORT --sizes 0-40,1500" },
	{ "udp-sink", udp_sink, 1, "ADDRESS" },
	{ "udp-count", udp_count, 2,
	  "ADDRESS PORT [--count N] [--size N] [--flows N] [--rate N] "
	  "[--segment]" },
	{ "ping", ping, 1, "ADDRESS [--count N] [--size N] [--df]" },
};

enum { N_MODES = sizeof(modes) / sizeof(modes[0]) };

/* The only texts it makes up on the fly are for numbers that mean nothing. */
const char *reason(void)
{
	return strerror(errno); /* NOLINT(concurrency-mt-unsafe) */
}

void die(const char *what)
{
	(void)fprintf(stderr, "traffic: %s: %s\n", what, reason());
	exit(1); /* NOLINT(concurrency-mt-unsafe) */
}

void *allocate(size_t n, size_t size)
{
	void *memory = calloc(n, size);

	if (!memory)
		die("allocate");
	return memory;
}

uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now); /* cannot fail */
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

bool wait_for(int fd, short events, int timeout_ms)
{
	struct pollfd poll_fd = { .fd = fd, .events = events };
	int r = poll(&poll_fd, 1, timeout_ms);

	if (r < 0 && errno != EINTR)
		die("poll");
	return r > 0;
}

static struct addrinfo *resolve(const struct options *options, int type)
{
	const struct addrinfo hints = {
		.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
		.ai_socktype = type,
	};
	struct addrinfo *info;

	if (getaddrinfo(options->address, options->port, &hints, &info)) {
		errno = EINVAL;
		die(options->address);
	}
	return info;
}

int socket_bound(const struct options *options, int type)
{
	struct addrinfo *info = resolve(options, type);
	int fd = socket(info->ai_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, info->ai_addr, info->ai_addrlen))
		die("bind");
	freeaddrinfo(info);
	return fd;
}

int socket_connected(const struct options *options, int type)
{
	struct addrinfo *info = resolve(options, type);
	const struct timeval limit = { .tv_sec = options->timeout_ms / 1000 };
	int fd = socket(info->ai_family, type | SOCK_CLOEXEC, 0);

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, info->ai_addr, info->ai_addrlen))
		die("connect");
	freeaddrinfo(info);
	return fd;
}

/* The port is at the same place in both families. */
uint16_t port_of(const struct sockaddr_storage *address)
{
	struct sockaddr_in in;

	memcpy(&in, address, sizeof(in));
	return ntohs(in.sin_port);
}

void print_ready(int fd)
{
	struct sockaddr_storage address;
	socklen_t len = sizeof(address);

	if (getsockname(fd, (struct sockaddr *)&address, &len))
		die("getsockname");
	printf("ready %u\n", port_of(&address));
	if (fflush(stdout))
		die("stdout");
}

static void enter_netns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, CLONE_NEWNET))
		die(path);
	(void)close(fd);
}

static uint64_t parse_number(const char *text, uint64_t max)
{
	char *end;
	unsigned long long value;

	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno == 0 && (end == text || *end || value > max))
		errno = EINVAL;
	if (errno)
		die(text);
	return value;
}

enum option_id {
	OPTION_NETNS,
	OPTION_BYTES,
	OPTION_COUNT,
	OPTION_DF,
	OPTION_FLOWS,
	OPTION_RATE,
	OPTION_SEGMENT,
	OPTION_SIZE,
	OPTION_SIZES,
	OPTION_STREAMS,
	OPTION_TIMEOUT,
	OPTION_N,
};

static const struct option long_options[] = {
	[OPTION_NETNS] = { "netns", required_argument, NULL, OPTION_NETNS },
	[OPTION_BYTES] = { "bytes", required_argument, NULL, OPTION_BYTES },
	[OPTION_COUNT] = { "count", required_argument, NULL, OPTION_COUNT },
	[OPTION_DF] = { "df", no_argument, NULL, OPTION_DF },
	[OPTION_FLOWS] = { "flows", required_argument, NULL, OPTION_FLOWS },
	[OPTION_RATE] = { "rate", required_argument, NULL, OPTION_RATE },
	[OPTION_SEGMENT] = { "segment", no_argument, NULL, OPTION_SEGMENT },
	[OPTION_SIZE] = { "size", required_argument, NULL, OPTION_SIZE },
	[OPTION_SIZES] = { "sizes", required_argument, NULL, OPTION_SIZES },
	[OPTION_STREAMS] = { "streams", required_argument, NULL,
			     OPTION_STREAMS },
	[OPTION_TIMEOUT] = { "timeout-ms", required_argument, NULL,
			     OPTION_TIMEOUT },
	[OPTION_N] = { NULL, 0, NULL, 0 },
};

/* False when there is no such option. */
static bool set_option(struct options *options, int id, const char *value)
{
	switch (id) {
	case OPTION_NETNS:
		enter_netns(value);
		return true;
	case OPTION_BYTES:
		options->bytes = parse_number(value, UINT64_MAX);
		return true;
	case OPTION_COUNT:
		options->count = parse_number(value, UINT64_MAX);
		return true;
	case OPTION_DF:
		options->dont_fragment = true;
		return true;
	case OPTION_FLOWS:
		options->flows = (uint32_t)parse_number(value, 64);
		return true;
	case OPTION_RATE:
		options->rate = parse_number(value, UINT32_MAX);
		return true;
	case OPTION_SEGMENT:
		options->segment = true;
		return true;
	case OPTION_SIZE:
		options->size = (uint32_t)parse_number(value, 65535);
		return true;
	case OPTION_SIZES:
		options->sizes = value;
		return true;
	case OPTION_STREAMS:
		options->streams = (uint32_t)parse_number(value, 64);
		return true;
	case OPTION_TIMEOUT:
		options->timeout_ms = (int)parse_number(value, 3600000);
		return true;
	default:
		return false;
	}
}

static int usage(void)
{
	(void)fprintf(stderr, "usage: traffic MODE ... [--netns PATH] "
			      "[--timeout-ms N]\n");
	for (size_t i = 0; i < N_MODES; i++)
		(void)fprintf(stderr, "  %s %s\n", modes[i].name,
			      modes[i].help);
	return 2;
}

static void on_stop(int number)
{
	(void)number;
	stopped = 1;
}

static void set_signals(void)
{
	struct sigaction action = { .sa_handler = on_stop };

	(void)sigaction(SIGTERM, &action, NULL); /* valid, cannot fail */
	(void)sigaction(SIGINT, &action, NULL);
	action.sa_handler = SIG_IGN;
	(void)sigaction(SIGPIPE, &action, NULL);
	/* A test that is killed must not leave traffic behind. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL))
		die("prctl");
}

static int run_mode(size_t mode, struct options *options, char **argument)
{
	options->address = argument[0];
	options->port = modes[mode].n_arguments > 1 ? argument[1] : "0";
	return modes[mode].run(options);
}

int main(int argc, char **argv)
{
	struct options options = { .timeout_ms = 10000 };
	int id;

	set_signals();
	/* There is one thread yet. NOLINTNEXTLINE(concurrency-mt-unsafe) */
	while ((id = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		if (!set_option(&options, id, optarg))
			return usage();
	}
	for (size_t i = 0; optind < argc && i < N_MODES; i++) {
		if (!strcmp(argv[optind], modes[i].name) &&
		    argc - optind - 1 == modes[i].n_arguments)
			return run_mode(i, &options, argv + optind + 1);
	}
	return usage();
}
