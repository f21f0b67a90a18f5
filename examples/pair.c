/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ports inside a program of your own: sends packets into one end of a loop and
 * receives them at the other. Any other address works in the same way.
 *
 *     cc pair.c $(pkg-config --cflags --libs vif) && ./a.out
 */
#include <stdio.h>
#include <stdlib.h>

#include <vif/vif.h>

/* A packet of the loop begins with an IP header; this is all it looks at. */
static unsigned char hello[3][40] = { { 0x45 }, { 0x45 }, { 0x45 } };

static int fail(const struct vif_error *error)
{
	char line[512];

	vif_error_text(error, line, sizeof(line));
	(void)fprintf(stderr, "%s\n", line);
	if (error->hint[0])
		(void)fprintf(stderr, "hint: %s\n", error->hint);
	return EXIT_FAILURE;
}

static int send_all(struct vif_port *port)
{
	struct vif_batch *batch;
	unsigned int sent = 0;
	int r = vif_batch_new(3, 3, &batch);

	if (r < 0)
		return r;
	for (int i = 0; i < 3; i++)
		vif_batch_add(batch, hello[i], sizeof(hello[i]));
	while (sent < batch->n) {
		r = vif_port_tx(port, 0, batch->packet + sent, batch->n - sent);
		if (r < 0)
			break;
		sent += (unsigned int)r;
		if (r == 0) /* no room: sleep until there is */
			r = vif_port_wait(port, 0, VIF_WAIT_TX, -1);
		if (r < 0)
			break;
	}
	vif_batch_free(batch);
	return r < 0 ? r : 0;
}

static int receive(struct vif_port *port, unsigned int n)
{
	struct vif_batch *batch;
	int r = vif_batch_new(64, 64, &batch);

	if (r < 0)
		return r;
	while (n > 0 && r >= 0) {
		r = vif_port_rx(port, 0, batch);
		for (unsigned int i = 0; r > 0 && i < batch->n; i++, n--)
			printf("a packet of %u bytes\n", batch->packet[i].len);
		if (r > 0) /* the bytes were ours until here */
			vif_port_rx_done(port, 0, batch);
		if (r == 0)
			r = vif_port_wait(port, 0, VIF_WAIT_RX, -1);
	}
	vif_batch_free(batch);
	return r < 0 ? r : 0;
}

int main(void)
{
	struct vif_port_config config = { .size = sizeof(config) };
	struct vif_port *a, *b;
	struct vif_error error;
	int r;

	if (vif_port_open("loop:,mtu=9000", NULL, &a, &error) < 0)
		return fail(&error);
	config.peer = a; /* only loop needs this: its other end */
	if (vif_port_open("loop:", &config, &b, &error) < 0) {
		vif_port_close(a);
		return fail(&error);
	}
	r = vif_port_start(a, &error);
	if (r == 0)
		r = vif_port_start(b, &error);
	if (r == 0)
		r = send_all(a);
	if (r == 0)
		r = receive(b, 3);
	vif_port_close(b);
	vif_port_close(a);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
