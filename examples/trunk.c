/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ends of a trunk, and a question with its answer on a flow.
 * Both are this program; two processes with TCP would do the same.
 */
#include <stdio.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <vif/vif.h>

struct end {
	int fd;
	struct vif_trunk *trunk;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int make(struct end *end, enum vif_trunk_role role)
{
	uint8_t identity[VIF_KEY_LEN]; /* kept in a file in real life */
	struct vif_trunk_config config = {
		.size = sizeof(config),
		.identity = identity,
	};
	struct vif_error error;

	if (getrandom(identity, sizeof(identity), 0) != sizeof(identity))
		return -1;
	if (vif_trunk_new(role, &config, now_ns(), &end->trunk, &error) == 0)
		return vif_trunk_listen(end->trunk, true);
	(void)fprintf(stderr, "%s: %s\n", error.what, error.why);
	return -1;
}

/* The accepter's program: take what comes, and answer. */
static void handle(const struct vif_trunk_event *event)
{
	char text[64];
	int64_t n;

	if (event->type == VIF_CIRCUIT_INCOMING)
		(void)vif_circuit_accept(event->circuit);
	if (event->type != VIF_FLOW_READABLE)
		return;
	n = vif_flow_read(event->flow, text, sizeof(text));
	if (n > 0)
		(void)printf("%.*s\n", (int)n, text);
	if (n > 0 && text[0] == 'w')
		(void)vif_flow_write(event->flow, "fine", 4);
}

/* What one end has to do when its socket is ready. Returns bytes sent. */
static ssize_t turn(struct end *end)
{
	static uint8_t bytes[VIF_TRUNK_SEND_MIN];
	struct vif_trunk_event event;
	ssize_t n = recv(end->fd, bytes, sizeof(bytes), MSG_DONTWAIT);

	vif_trunk_advance(end->trunk, now_ns());
	if (n > 0)
		(void)vif_trunk_receive(end->trunk, bytes, (size_t)n);
	while (vif_trunk_next_event(end->trunk, &event))
		handle(&event);
	n = vif_trunk_send(end->trunk, bytes, sizeof(bytes));
	return n > 0 ? send(end->fd, bytes, (size_t)n, MSG_NOSIGNAL) : 0;
}

int main(void)
{
	struct end end[2];
	struct vif_circuit *circuit;
	struct vif_flow *flow;
	int fd[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fd) < 0)
		return 1;
	end[0].fd = fd[0], end[1].fd = fd[1];
	if (make(&end[0], VIF_TRUNK_DIALER) < 0 ||
	    make(&end[1], VIF_TRUNK_ACCEPTER) < 0 ||
	    vif_circuit_dial(end[0].trunk, NULL, &circuit) < 0 ||
	    vif_flow_open(circuit, NULL, &flow) < 0 ||
	    vif_flow_write(flow, "well?", 5) != 5)
		return 1;
	while (turn(&end[0]) + turn(&end[1]) > 0)
		;
	vif_flow_close(flow);
	vif_trunk_free(end[0].trunk);
	vif_trunk_free(end[1].trunk);
	return 0;
}
