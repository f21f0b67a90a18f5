/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Dialers share trunks: who asks first for an address is told to connect, and all
 * get circuits on that trunk. Far ends are here, too; time stands still: trunk.c.
 */
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include <vif/vif.h>

static const uint8_t secret[2][VIF_KEY_LEN] = { "ours", "theirs" };
static struct vif_trunk *trunk[4]; /* dialled and accepted, twice */
static int fd[4], n_ends, n_circuits;

static int connect_to(struct vif_trunk_attempt *attempt)
{
	struct vif_trunk_config config = { .size = sizeof(config) };
	struct vif_trunk **end = &trunk[n_ends];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, &fd[n_ends]) < 0)
		return -1;
	n_ends += 2;
	for (int i = 0; i < 2; i++) {
		config.identity = secret[i];
		if (vif_trunk_new(i ? VIF_TRUNK_ACCEPTER : VIF_TRUNK_DIALER,
				  &config, 0, &end[i], NULL) < 0)
			return -1;
	}
	if (vif_trunk_listen(end[1], true) < 0)
		return -1;
	return vif_trunk_attempt_attach(attempt, end[0]);
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

	for (bool moves = true; moves;) {
		moves = vif_trunk_set_next_event(set, &event);
		if (moves && event.type == VIF_TRUNK_SET_UP)
			(void)vif_circuit_dial(event.trunk, NULL, &circuit);
		if (moves && event.type == VIF_TRUNK_SET_FAILED)
			printf("nobody is there: %s\n", event.text);
		for (int i = 0; i < n_ends; i++)
			moves |= trunk[i] && turn(i);
	}
}

int main(void)
{
	struct vif_trunk_target target = { sizeof(target), NULL, 1 };
	struct vif_trunk_found found;
	struct vif_circuit *circuit;
	struct vif_trunk_set *set;

	if (vif_trunk_set_new(NULL, 0, &set, NULL) < 0)
		return 1;
	for (int i = 0, r; i < 6; i++) {
		target.address = i % 2 ? "b" : "a";
		r = vif_trunk_set_get(set, &target, NULL, &found);
		if (r == VIF_TRUNK_SET_CONNECT && connect_to(found.attempt) < 0)
			vif_trunk_attempt_fail(found.attempt, 0, "no trunk");
		if (r == VIF_TRUNK_SET_READY)
			(void)vif_circuit_dial(found.trunk, NULL, &circuit);
		if (i >= 3) /* so that the last two are not the first */
			run(set);
	}
	printf("%d circuits on %d trunks\n", n_circuits, n_ends / 2);
	(void)vif_trunk_set_drain(set); /* circuits end, then the trunks */
	run(set);
	for (int i = 0; i < n_ends; i++) {
		vif_trunk_free(trunk[i]);
		(void)close(fd[i]);
	}
	vif_trunk_set_free(set);
	return n_circuits != 6 || n_ends != 4;
}
