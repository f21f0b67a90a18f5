/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two links in one process, with an in-memory cable between them:
 *
 *     A --- link --- loop == loop --- link --- B
 *
 * usage: twolinks A LOOP B [cut=off] [glue=off]
 *
 * Prints "ready" when packets flow, and on SIGTERM what became of them.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vif/vif.h>

static int fail(const struct vif_error *error)
{
	char line[512];

	vif_error_text(error, line, sizeof(line));
	(void)fprintf(stderr, "%s\n", line);
	return EXIT_FAILURE;
}

/* The ports in the order in which they are joined. */
struct cable {
	struct vif_port *port[4]; /* A, loop, loop, B */
	struct vif_link *link[2];
};

static int open_ports(struct cable *cable, char **argv, struct vif_error *error)
{
	struct vif_port_config config = { .size = sizeof(config) };
	int r = vif_port_open(argv[1], NULL, &cable->port[0], error);

	if (r == 0)
		r = vif_port_open(argv[2], NULL, &cable->port[1], error);
	config.peer = cable->port[1];
	if (r == 0)
		r = vif_port_open("loop:", &config, &cable->port[2], error);
	if (r == 0)
		r = vif_port_open(argv[3], NULL, &cable->port[3], error);
	return r;
}

static int start_links(struct cable *cable,
		       const struct vif_link_config *config,
		       struct vif_error *error)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < 2; i++) {
		r = vif_link_new(cable->port[2 * i], cable->port[2 * i + 1],
				 config, &cable->link[i], error);
		if (r == 0)
			r = vif_link_start(cable->link[i], error);
	}
	return r;
}

static void tell(const struct cable *cable)
{
	for (int i = 0; i < 2; i++) {
		struct vif_link_stats stats;

		vif_link_stats(cable->link[i], &stats);
		for (uint32_t d = 0; d < VIF_DIRECTION_N; d++) {
			const struct vif_link_flow *flow = &stats.flow[d];

			printf("%s\n  %llu packets in %llu bursts, %llu cut "
			       "into %llu, %llu glued into %llu, %llu waits\n",
			       vif_link_plan(cable->link[i], d)->text,
			       (unsigned long long)flow->rx_packets,
			       (unsigned long long)flow->bursts,
			       (unsigned long long)flow->cut_superpackets,
			       (unsigned long long)flow->cut_segments,
			       (unsigned long long)flow->glued_packets,
			       (unsigned long long)flow->glued_superpackets,
			       (unsigned long long)flow->waits);
		}
	}
}

int main(int argc, char **argv)
{
	struct vif_link_config config = { .size = sizeof(config) };
	struct cable cable = { .link = { NULL } };
	struct vif_error error;
	sigset_t set;
	int number;

	if (argc < 4)
		return EXIT_FAILURE;
	for (int i = 4; i < argc; i++) {
		if (strcmp(argv[i], "cut=off") == 0)
			config.cut = VIF_LINK_CUT_OFF;
		if (strcmp(argv[i], "glue=off") == 0)
			config.glue = VIF_LINK_GLUE_OFF;
	}
	(void)sigemptyset(&set);
	(void)sigaddset(&set, SIGTERM);
	(void)pthread_sigmask(SIG_BLOCK, &set, NULL);
	if (open_ports(&cable, argv, &error) < 0 ||
	    start_links(&cable, &config, &error) < 0)
		return fail(&error);
	(void)puts("ready");
	(void)fflush(stdout);
	(void)sigwait(&set, &number);
	for (int i = 0; i < 2; i++)
		(void)vif_link_stop(cable.link[i], 0);
	tell(&cable);
	for (int i = 0; i < 2; i++)
		vif_link_free(cable.link[i]);
	for (int i = 0; i < 4; i++)
		vif_port_close(cable.port[i]);
	return EXIT_SUCCESS;
}
