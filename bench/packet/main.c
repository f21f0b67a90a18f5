/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How long do checksums, cutting and gluing take?
 *
 * usage: packet [--ms N] [--turns N] checksum BODY LENGTH
 *        packet [--ms N] [--turns N] cut KIND WAY SUMS CACHE
 *        packet [--ms N] [--turns N] glue KIND TRAFFIC SUMS CACHE
 *        packet bodies
 *
 * Does one kind of work for N milliseconds and prints one line of JSON, or does
 * it N times, for a tool that counts instructions. bench/packet.py knows what
 * to ask for; docs/design/bench-packet.md says what it means.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bench/packet/packet.h"

enum limits {
	SLICE_NS = 500 * 1000,
	SLICE_MAX = 10 * 1000,
	MS_DEFAULT = 50,
	MS_MAX = 4000, /* at least SLICE_NS each, so SLICE_MAX is enough */
	TURNS_MAX = 1000 * 1000,
};

void usage(void)
{
	(void)fprintf(
		stderr,
		"usage: packet [--ms N] [--turns N] checksum BODY LENGTH\n"
		"       packet [--ms N] [--turns N] cut tcp4|tcp6|udp4"
		" pieces|in-place unfinished|finished warm|cold\n"
		"       packet [--ms N] [--turns N] glue tcp4|tcp6|udp4"
		" one|flows|ids|acks complete|verified warm|cold\n"
		"       packet bodies\n");
	exit(2); /* NOLINT(concurrency-mt-unsafe): no threads */
}

void die(const char *what)
{
	(void)fprintf(stderr, "packet: %s\n", what);
	exit(1); /* NOLINT(concurrency-mt-unsafe): no threads */
}

int choose(const char *word, const char *const *list)
{
	for (int i = 0; list[i]; i++)
		if (strcmp(word, list[i]) == 0)
			return i;
	usage();
}

bool is_cold(const char *word)
{
	static const char *const caches[] = { "warm", "cold", NULL };

	return choose(word, caches) == 1;
}

/* CPU time of the thread: what else the machine does is not in it. */
static uint64_t now_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now) < 0)
		die("clock_gettime");
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Not inlined: callgrind counts what happens in here. */
__attribute__((noinline)) static void turns(const struct work *work, uint64_t n)
{
	for (uint64_t i = 0; i < n; i++)
		work->turn(work->of);
}

static uint64_t slice_ns(const struct work *work, uint64_t n)
{
	uint64_t start_ns = now_ns();

	turns(work, n);
	return now_ns() - start_ns;
}

static int by_size(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

/* Nanoseconds of a turn: the median of many slices. */
static double measure(const struct work *work, uint64_t ms)
{
	static uint64_t slice[SLICE_MAX];
	uint64_t n_turn = 1, sum_ns = 0, median_ns;
	size_t n = 0;

	while (slice_ns(work, n_turn) < SLICE_NS)
		n_turn *= 2;
	while (n < SLICE_MAX && sum_ns < ms * 1000000) {
		slice[n] = slice_ns(work, n_turn);
		sum_ns += slice[n++];
	}
	qsort(slice, n, sizeof(slice[0]), by_size);
	median_ns = slice[n / 2];
	return (double)median_ns / (double)n_turn;
}

/* The number behind an option, if it is that option. */
static bool take_number(char ***words, const char *name, uint64_t max,
			uint64_t *number)
{
	if (!(*words)[0] || strcmp((*words)[0], name) != 0)
		return false;
	if (!(*words)[1])
		usage();
	*number = strtoul((*words)[1], NULL, 10);
	if (*number == 0 || *number > max)
		usage();
	*words += 2;
	return true;
}

static void find_work(char **words, struct work *ret_work)
{
	static const char *const names[] = { "checksum", "cut", "glue", NULL };
	static void (*const works[])(char **, int, struct work *) = {
		checksum_work,
		cut_work,
		glue_work,
	};
	int n = 0;

	while (words[n])
		n++;
	if (n == 0)
		usage();
	works[choose(words[0], names)](words + 1, n - 1, ret_work);
}

int main(int argc, char **argv)
{
	uint64_t ms = MS_DEFAULT, n_turn = 0;
	char **words = argv + 1;
	struct work work;

	if (argc == 2 && strcmp(argv[1], "bodies") == 0) {
		checksum_list();
		return 0;
	}
	while (take_number(&words, "--ms", MS_MAX, &ms) ||
	       take_number(&words, "--turns", TURNS_MAX, &n_turn))
		;
	find_work(words, &work);
	if (n_turn > 0)
		turns(&work, n_turn);
	else
		(void)printf("{\"turn_ns\":%.2f,\"n_unit\":%u,"
			     "\"n_byte\":%u}\n",
			     measure(&work, ms), work.n_unit, work.n_byte);
	return 0;
}
