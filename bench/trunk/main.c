/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How fast is the core of trunks, how fair, how large?
 *
 * usage: trunk [--ms N] [--turns N] WORK ARGUMENT...
 *
 * Measures one thing and prints one line of JSON. bench/trunk.py knows what to
 * ask for; docs/design/bench-trunk.md says what it means.
 */
#include "bench/trunk/trunk.h"

#include <stdio.h>
#include <time.h>

#include "base/cpu.h"

enum limits {
	SLICE_NS = 500 * 1000,
	SLICES_MAX = 20 * 1000,
	MS_DEFAULT = 100,
	MS_MAX = 10 * 1000, /* at least SLICE_NS each, so they fit */
	TURNS_MAX = 1000 * 1000,
};

/* What all works are told. */
static uint32_t ms = MS_DEFAULT, n_turn;

void usage(void)
{
	(void)fprintf(stderr,
		      "usage: trunk [--ms N] [--turns N] flow KIND FLOWS WRITE"
		      " [stalled|idle]\n"
		      "       trunk socket KIND MIB\n"
		      "       trunk fair RECORD WRITE WRITE\n"
		      "       trunk echo RECORD CIRCUITS same|own\n"
		      "       trunk stall flow|circuit RTT_US\n"
		      "       trunk memory idle|turn FLOWS\n"
		      "       trunk flood FLOOD MIB MS\n"
		      "       trunk [--ms N] handshake xx|ik\n"
		      "       trunk ciphers\n"
		      "KIND: derived|sealed chacha|aes RECORD\n"
		      "FLOOD: empty, late, all, ...: see flood_kind.c\n");
	exit(2); /* NOLINT(concurrency-mt-unsafe): no threads */
}

void die(const char *what)
{
	(void)fprintf(stderr, "trunk: %s\n", what);
	exit(1); /* NOLINT(concurrency-mt-unsafe): no threads that mind */
}

int choose(const char *word, const char *const *list)
{
	for (int i = 0; list[i]; i++)
		if (strcmp(word, list[i]) == 0)
			return i;
	usage();
}

uint32_t number(const char *word, uint32_t max)
{
	char *end;
	unsigned long value = strtoul(word, &end, 10);

	if (*end || value == 0 || value > max)
		usage();
	return (uint32_t)value;
}

struct kind kind_of(char **words)
{
	static const char *const modes[] = { "derived", "sealed", NULL };
	static const char *const ciphers[] = { "chacha", "aes", NULL };
	struct kind kind = {
		.mode = choose(words[0], modes) == 0 ? VIF_CIRCUIT_DERIVED :
						       VIF_CIRCUIT_SEALED,
		.is_aes = choose(words[1], ciphers) == 1,
		.record_max = number(words[2], VIF_TRUNK_RECORD_MAX),
	};

	if (kind.record_max < VIF_TRUNK_RECORD_MIN)
		usage();
	return kind;
}

uint64_t cpu_ns(int clock)
{
	struct timespec now;

	if (clock_gettime(clock, &now) < 0)
		die("clock_gettime");
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int by_size(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

double median(double *values, size_t n)
{
	qsort(values, n, sizeof(values[0]), by_size);
	return values[n / 2];
}

/* Not inlined: callgrind counts what happens in here. */
__attribute__((noinline)) static void turns(struct work *work, uint32_t n)
{
	for (uint32_t i = 0; i < n; i++)
		work->turn(work);
}

/* Nanoseconds of a unit, out of at least SLICE_NS of them. */
static double slice(struct work *work)
{
	uint64_t start_ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	uint64_t done = work->done, ns;

	do {
		turns(work, 1);
		ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns;
	} while (ns < SLICE_NS);
	return (double)ns / (double)(work->done - done);
}

void duel(struct work *mine, struct work *peer)
{
	static double ours[SLICES_MAX], theirs[SLICES_MAX];
	uint64_t start_ns = cpu_ns(CLOCK_THREAD_CPUTIME_ID);
	size_t n = 0;

	(void)slice(mine); /* windows grow, caches fill */
	if (n_turn > 0) {
		turns(mine, n_turn);
		return;
	}
	while (n < 5 || cpu_ns(CLOCK_THREAD_CPUTIME_ID) - start_ns <
				(uint64_t)ms * 1000000) {
		ours[n] = slice(mine);
		theirs[n++] = slice(peer);
	}
	(void)printf("{\"mine_ns\":%.6f,\"peer_ns\":%.6f}\n", median(ours, n),
		     median(theirs, n));
}

/* The number behind an option, if it is that option. */
static bool take_number(char ***words, const char *name, uint32_t max,
			uint32_t *ret_number)
{
	if (!(*words)[0] || strcmp((*words)[0], name) != 0)
		return false;
	if (!(*words)[1])
		usage();
	*ret_number = number((*words)[1], max);
	*words += 2;
	return true;
}

static void ciphers_main(char **words, int n)
{
	(void)words;
	if (n != 0)
		usage();
	(void)printf("chacha%s\n", cpu_has_aes() ? " aes" : "");
}

int main(int argc, char **argv)
{
	static const char *const names[] = { "flow",      "socket", "fair",
					     "echo",      "stall",  "memory",
					     "handshake", "flood",  "ciphers",
					     NULL };
	static void (*const works[])(char **, int) = {
		flow_main,      socket_main, fair_main,
		echo_main,      stall_main,  memory_main,
		handshake_main, flood_main,  ciphers_main,
	};
	char **words = argv + 1;

	(void)argc;
	while (take_number(&words, "--ms", MS_MAX, &ms) ||
	       take_number(&words, "--turns", TURNS_MAX, &n_turn))
		;
	if (!words[0])
		usage();
	works[choose(words[0], names)](words + 1,
				       (int)(argv + argc - words) - 1);
	return 0;
}
