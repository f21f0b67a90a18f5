/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many memif links in one process with nothing to do: "memifidle N DIR".
 *
 * Each is a server and a client, by a socket of their own in DIR. Prints "ready"
 * when all are up, and rests until SIGTERM. How much CPU, memory and descriptors
 * that takes is for others to look at; bench/memif.py does.
 */
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>

#include <vif/memif.h>

enum idle_limits {
	IDLE_LINKS_MAX = 100000,
};

static volatile sig_atomic_t is_over;
static struct vif_memif *memif;
static unsigned long n_up;

static void on_sigterm(int number)
{
	(void)number;
	is_over = 1;
	vif_memif_cancel(memif); /* NOLINT(bugprone-signal-handler): may */
}

static void on_connect(void *user, struct vif_memif_interface *interface)
{
	(void)user, (void)interface;
	n_up++;
}

static void die(const struct vif_error *error)
{
	char text[1024];

	(void)vif_error_text(error, text, sizeof(text));
	(void)fprintf(stderr, "memifidle: %s\n", text);
	exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
}

static void open_link(const char *directory, unsigned long i)
{
	char path[108];
	struct vif_memif_socket_config socket_config = {
		.size = sizeof(socket_config),
		.path = path,
	};
	struct vif_memif_socket *socket = NULL;
	struct vif_error error;

	(void)snprintf(path, sizeof(path), "%s/%lu", directory, i);
	if (vif_memif_socket_open(memif, &socket_config, &socket, &error) < 0)
		die(&error);
	for (int server = 1; server >= 0; server--) {
		struct vif_memif_interface_config config = {
			.size = sizeof(config),
			.role = server ? VIF_MEMIF_SERVER : VIF_MEMIF_CLIENT,
			.on_connect = on_connect,
		};
		struct vif_memif_interface *interface;

		if (vif_memif_open(socket, &config, &interface, &error) < 0)
			die(&error);
	}
}

/* As many descriptors as this user may have. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit); /* opening will tell */
}

int main(int argc, char **argv)
{
	unsigned long n = argc == 3 ? strtoul(argv[1], NULL, 10) : 0;
	struct vif_error error;

	if (n == 0 || n > IDLE_LINKS_MAX) {
		(void)fprintf(stderr, "usage: memifidle N DIR\n");
		return 2;
	}
	raise_limit();
	if (vif_memif_new(NULL, &memif, &error) < 0)
		die(&error);
	(void)signal(SIGTERM, on_sigterm); /* a signal that there is */
	for (unsigned long i = 0; i < n; i++)
		open_link(argv[2], i);
	while (n_up < 2 * n && !is_over)
		(void)vif_memif_poll(memif, -1);
	(void)puts("ready");
	(void)fflush(stdout);
	while (!is_over)
		(void)vif_memif_poll(memif, -1);
	vif_memif_free(memif);
	return 0;
}
