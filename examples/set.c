/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialers share trunks: who asks first for an address is told to connect, and all
 * get circuits on that trunk. The far ends are in this program, too. For a clock
 * and for data see trunk.c: here time stands still.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vif/vif.h>

static const uint8_t secret[2][VIF_KEY_LEN] = { "ours", "theirs" };
static struct vif_trunk *trunk[4]; /* dialled and accepted, twice */
static int fd[4], n_ends, n_circuits;

static void connect_to(const char *address, struct vif_trunk_attempt *attempt)
{
	struct vif_trunk_config config = { .size = sizeof(config) };
	int r = 0, first = n_ends;

	if (*address == '?') /* nobody is there */
		r = -ECONNREFUSED;
	else if (first == 4)
		r = -ENOBUFS;
	else if (socketpair(AF_UNIX, SOCK_STREAM, 0, &fd[first]) < 0)
		r = -errno;
	else
		n_ends += 2;
	for (int i = 0; i < 2 && r == 0; i++) {
		config.identity = secret[i];
		r = vif_trunk_new(i ? VIF_TRUNK_ACCEPTER : VIF_TRUNK_DIALER,
				  &config, 0, &trunk[first + i], NULL);
	}
	if (r == 0)
		r = vif_trunk_listen(trunk[first + 1], true);
	if (r == 0)
		r = vif_trunk_attempt_attach(attempt, trunk[first]);
	if (r < 0)
		vif_trunk_attempt_fail(attempt, 0, strerror(-r));
}

static int ask(struct vif_trunk_set *set, char *address)
{
	/* With .remote nobody but the owner of that key would do. */
	const struct vif_trunk_target target = { sizeof(target), address, 1 };
	struct vif_circuit *circuit;
	struct vif_trunk_found found;
	int r = vif_trunk_set_get(set, &target, address, &found);

	if (r == VIF_TRUNK_SET_READY)
		return vif_circuit_dial(found.trunk, NULL, &circuit);
	if (r == VIF_TRUNK_SET_CONNECT)
		connect_to(address, found.attempt);
	return r; /* all who wait hear of it, he who connects as well */
}

static bool turn(int i)
{
	static uint8_t bytes[VIF_TRUNK_SEND_MIN];
	ssize_t n_in = recv(fd[i], bytes, sizeof(bytes), MSG_DONTWAIT), n_out;
	struct vif_trunk_event event;

	if (n_in > 0)
		(void)vif_trunk_receive(trunk[i], bytes, (size_t)n_in);
	while (vif_trunk_next_event(trunk[i], &event)) {
		n_circuits += event.type == VIF_CIRCUIT_READY;
		if (event.type == VIF_CIRCUIT_INCOMING)
			(void)vif_circuit_accept(event.circuit);
		if (event.type == VIF_CIRCUIT_CLOSED)
			vif_circuit_free(event.circuit);
	}
	n_out = vif_trunk_send(trunk[i], bytes, sizeof(bytes));
	if (n_out > 0 && send(fd[i], bytes, (size_t)n_out, MSG_NOSIGNAL) < 0)
		vif_trunk_receive_end(trunk[i]); /* the connection is broken */
	return n_in > 0 || n_out > 0;
}

/* Until nothing moves any more; others sleep until a socket is ready. */
static void run(struct vif_trunk_set *set)
{
	struct vif_trunk_set_event event;
	struct vif_circuit *circuit;
	bool moves = true;

	while (moves) {
		moves = vif_trunk_set_next_event(set, &event);
		if (moves && event.type == VIF_TRUNK_SET_UP)
			(void)vif_circuit_dial(event.trunk, NULL, &circuit);
		if (moves && event.type == VIF_TRUNK_SET_FAILED)
			printf("%s: %s\n", (char *)event.user, event.text);
		for (int i = 0; i < n_ends; i++)
			moves |= trunk[i] && turn(i);
	}
}

int main(void)
{
	static char dialled[][2] = { "a", "b", "a", "?", "a", "b" };
	struct vif_trunk_set *set;
	int n_bad = 0;

	if (vif_trunk_set_new(NULL, 0, &set, NULL) < 0)
		return 1;
	for (int i = 0; i < 6; i++) {
		n_bad += ask(set, dialled[i]) < 0;
		if (i >= 3) /* so that the last two are not the first */
			run(set);
	}
	printf("%d circuits on %d trunks\n", n_circuits, n_ends / 2);
	(void)vif_trunk_set_drain(set); /* circuits end, then the trunks */
	run(set);
	for (int i = 0; i < n_ends; i++) {
		n_bad += !trunk[i] || !vif_trunk_is_closed(trunk[i]);
		vif_trunk_free(trunk[i]);
		(void)close(fd[i]);
	}
	vif_trunk_set_free(set);
	return n_bad > 0 || n_circuits != 5 || n_ends != 4;
}
