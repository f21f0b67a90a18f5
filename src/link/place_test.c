/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of when a wire has packets put where the destination wants them, with
 * ports that do nothing but note what they are asked.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "link/wire.h"
#include "port/ops.h"

enum place_facts { ROOM = 3, LONG = 9000, SHORT = 1500 };

struct fake {
	struct vif_port port;
	/* as a source */
	uint32_t len;   /* of the packets it has; 0: none */
	int into_fails; /* what rx_into returns, or 0 */
	uint32_t n_rx, n_into;
	struct iovec seg;
	/* as a destination */
	uint32_t n_places; /* pieces it has */
	uint32_t takes;    /* packets of a burst it takes */
	uint32_t n_asked, n_ended, n_tx;
	bool is_lent;
};

static struct fake *fake_of(struct vif_port *port)
{
	return (struct fake *)port; /* it comes first */
}

static int lend_two(struct fake *fake, struct vif_batch *batch)
{
	static uint8_t bytes[LONG];

	for (uint32_t i = 0; i < 2 && fake->len > 0; i++)
		assert_non_null(vif_batch_add(batch, bytes, fake->len));
	return (int)batch->n;
}

static int fake_rx(struct vif_port *port, unsigned int queue,
		   struct vif_batch *batch)
{
	assert_int_equal(queue, 0);
	fake_of(port)->n_rx++;
	return lend_two(fake_of(port), batch);
}

static int fake_rx_into(struct vif_port *port, unsigned int queue,
			const struct iovec *piece, unsigned int n,
			struct vif_batch *batch)
{
	assert_int_equal(queue, 0);
	assert_int_equal(n, ROOM);
	assert_int_equal(piece[ROOM - 1].iov_len, ROOM - 1);
	fake_of(port)->n_into++;
	return fake_of(port)->into_fails ? fake_of(port)->into_fails :
					   lend_two(fake_of(port), batch);
}

static void fake_rx_done(struct vif_port *port, unsigned int queue,
			 struct vif_batch *batch)
{
	(void)port;
	(void)queue;
	assert_int_equal(batch->n, 2);
}

static int fake_tx(struct vif_port *port, unsigned int queue,
		   const struct vif_packet *packet, unsigned int n)
{
	(void)packet;
	assert_true(queue < port->caps.n_queue);
	fake_of(port)->n_tx++;
	return (int)(n < fake_of(port)->takes ? n : fake_of(port)->takes);
}

static unsigned int fake_tx_places(struct vif_port *port, unsigned int queue,
				   struct iovec *piece, unsigned int n)
{
	struct fake *fake = fake_of(port);

	assert_int_equal(queue, 0);
	assert_false(fake->is_lent);
	assert_true(n >= ROOM);
	fake->n_asked++;
	fake->is_lent = fake->n_places > 0;
	for (uint32_t i = 0; i < fake->n_places; i++)
		piece[i] = (struct iovec){ NULL, i };
	return fake->n_places;
}

static void fake_tx_places_end(struct vif_port *port, unsigned int queue)
{
	assert_int_equal(queue, 0);
	assert_true(fake_of(port)->is_lent);
	fake_of(port)->is_lent = false;
	fake_of(port)->n_ended++;
}

static const struct vif_port_ops able = {
	.rx = fake_rx,
	.rx_done = fake_rx_done,
	.tx = fake_tx,
	.tx_places = fake_tx_places,
	.tx_places_end = fake_tx_places_end,
	.rx_into = fake_rx_into,
};

static const struct vif_port_ops plain = {
	.rx = fake_rx,
	.rx_done = fake_rx_done,
	.tx = fake_tx,
};

struct bench {
	struct fake source, destination;
	struct wire wire;
};

static const struct stages_config none = { .seg_max = 1 };

static void bench_init(struct bench *bench, uint32_t n_queue,
		       const struct stages_config *stages)
{
	*bench = (struct bench){
		.source.port = { .ops = &able, .caps.n_queue = 1 },
		.source.len = LONG,
		.destination.port = { .ops = &able, .caps.n_queue = n_queue },
		.destination.n_places = ROOM,
		.destination.takes = 64,
	};
	bench->wire = (struct wire){
		.source = &bench->source.port,
		.destination = &bench->destination.port,
		.full = VIF_FULL_WAIT,
		.medium = VIF_MEDIUM_IP,
		.tx_stride = 1,
		.n_tx_queue = n_queue,
	};
	assert_int_equal(wire_init(&bench->wire, stages), 0);
}

/* Pumps once. Returns what comes of it; nothing stays lent. */
static int pump(struct bench *bench)
{
	struct vif_port *failed = NULL;
	int r = wire_pump(&bench->wire, &failed);

	assert_false(bench->destination.is_lent);
	return r;
}

static void expect(const struct bench *bench, uint32_t n_rx, uint32_t n_into)
{
	assert_int_equal(bench->source.n_rx, n_rx);
	assert_int_equal(bench->source.n_into, n_into);
}

static void only_long_packets_are_placed(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 1, &none);
	assert_int_equal(pump(&bench), WIRE_MOVED); /* who knows */
	expect(&bench, 1, 0);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	expect(&bench, 1, 2);
	bench.source.len = SHORT;
	assert_int_equal(pump(&bench), WIRE_MOVED); /* still as before */
	expect(&bench, 1, 3);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	expect(&bench, 3, 3);
	assert_int_equal(bench.destination.n_ended, 3);
	wire_fini(&bench.wire);
}

static void an_idle_source_gives_the_room_back(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 1, &none);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	bench.source.len = 0;
	assert_int_equal(pump(&bench), WIRE_IDLE);
	assert_int_equal(bench.destination.n_ended, 1);
	bench.source.into_fails = -ENODEV;
	assert_int_equal(pump(&bench), -ENODEV);
	assert_int_equal(bench.destination.n_ended, 2);
	wire_fini(&bench.wire);
}

/* Without room the packet is read as ever, and waits. */
static void no_room_is_no_reason_to_stop(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 1, &none);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	bench.destination.n_places = 0;
	assert_int_equal(pump(&bench), WIRE_MOVED);
	expect(&bench, 2, 0);
	assert_int_equal(bench.destination.n_asked, 1);
	assert_int_equal(bench.destination.n_ended, 0);
	bench.destination.n_places = ROOM;
	bench.source.into_fails = -ENOBUFS;
	assert_int_equal(pump(&bench), WIRE_MOVED);
	expect(&bench, 3, 1);
	bench.destination.n_places = 0;
	bench.destination.takes = 1;
	assert_int_equal(pump(&bench), WIRE_BLOCKED);
	bench.destination.takes = 64;
	assert_int_equal(pump(&bench), WIRE_MOVED);
	assert_int_equal(counter_read(&bench.wire.drops[VIF_DROP_FULL]), 0);
	wire_fini(&bench.wire);
}

/* What could not be placed is in memory of the source, and does wait. */
static void room_that_does_not_fit_is_given_back(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 1, &none);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	bench.source.into_fails = -ENOBUFS;
	bench.destination.takes = 1;
	assert_int_equal(pump(&bench), WIRE_BLOCKED);
	expect(&bench, 2, 1);
	assert_int_equal(bench.destination.n_ended, 1);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	assert_int_equal(bench.destination.n_ended, 1);
	assert_int_equal(counter_read(&bench.wire.drops[VIF_DROP_FULL]), 0);
	wire_fini(&bench.wire);
}

/* A peer that takes back what it has offered cannot have them wait there. */
static void what_is_lent_does_not_wait(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 1, &none);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	bench.destination.takes = 1;
	assert_int_equal(pump(&bench), WIRE_MOVED);
	assert_int_equal(counter_read(&bench.wire.drops[VIF_DROP_FULL]), 1);
	assert_int_equal(bench.wire.batch->n, 0);
	wire_fini(&bench.wire);
}

static void stopped_destinations_have_no_room(void **state)
{
	struct bench bench;

	(void)state;
	bench_init(&bench, 1, &none);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	atomic_store(&bench.destination.port.stopped, true);
	assert_int_equal(pump(&bench), -ESHUTDOWN);
	assert_int_equal(bench.destination.n_asked, 0);
	wire_abandon(&bench.wire);
	wire_fini(&bench.wire);
}

/* Not without both ports, not over several queues, and not to be changed. */
static void others_are_not_asked(void **state)
{
	static const struct stages_config cuts = { .medium = VIF_MEDIUM_IP,
						   .cut = VIF_GSO_ALL,
						   .seg_max = 64 };
	struct bench bench;

	(void)state;
	for (int i = 0; i < 4; i++) {
		bench_init(&bench, i == 2 ? 2 : 1, i == 3 ? &cuts : &none);
		if (i == 0)
			bench.source.port.ops = &plain;
		if (i == 1)
			bench.destination.port.ops = &plain;
		bench.source.port.caps.rx_gso = VIF_GSO_ALL;
		for (int n = 0; n < 3; n++)
			assert_int_equal(pump(&bench), WIRE_MOVED);
		expect(&bench, 3, 0);
		assert_int_equal(bench.destination.n_asked, 0);
		wire_fini(&bench.wire);
	}
}

/* The stages have nothing to do, as long as the peer is like that. */
static void idle_stages_do_not_matter(void **state)
{
	static const struct stages_config ready = {
		.medium = VIF_MEDIUM_IP,
		.cut_ready = VIF_GSO_ALL,
		.finish_ready = true,
		.glue = VIF_GSO_ALL,
		.glue_ready = true,
		.seg_max = 64,
	};
	struct bench bench;

	(void)state;
	bench_init(&bench, 1, &ready);
	bench.source.port.caps.rx_gso = VIF_GSO_ALL;
	bench.source.port.caps.rx_csum = true;
	bench.destination.port.caps.offload_varies = true;
	assert_int_equal(pump(&bench), WIRE_MOVED);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	expect(&bench, 1, 1);
	port_vary(&bench.destination.port, PORT_CSUM | VIF_GSO_ALL, 0);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	expect(&bench, 2, 1);
	port_vary(&bench.destination.port, VIF_GSO_BIT(VIF_GSO_UDP), 0);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	expect(&bench, 3, 1);
	port_vary(&bench.destination.port, 0, 0);
	assert_int_equal(pump(&bench), WIRE_MOVED);
	expect(&bench, 3, 2);
	wire_fini(&bench.wire);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_long_packets_are_placed),
		cmocka_unit_test(an_idle_source_gives_the_room_back),
		cmocka_unit_test(no_room_is_no_reason_to_stop),
		cmocka_unit_test(room_that_does_not_fit_is_given_back),
		cmocka_unit_test(what_is_lent_does_not_wait),
		cmocka_unit_test(stopped_destinations_have_no_room),
		cmocka_unit_test(others_are_not_asked),
		cmocka_unit_test(idle_stages_do_not_matter),
	};

	return cmocka_run_group_tests_name("wire_place", tests, NULL, NULL);
}
