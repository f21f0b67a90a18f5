/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whoever is told of something may end everything at once: D8, "close from a
 * callback". What tells are events, so this is inside of the loop over them.
 *
 * A circuit and a flow live their whole life, so that there is each event. When
 * the one comes that it is about, the program closes or aborts or frees; it goes
 * on with the events that there are, and so does the other side.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/trunk_rig.h"

enum {
	EVENTS = VIF_FLOW_CLOSED + 1,
	CODE = 300,
	PIECE = 20000, /* read at once; less than half a window */
};

#define PATIENCE_NS UINT64_C(60000000000) /* all timers are over by then */

enum act { CLOSE, ABORT, FREE, FREE_CIRCUIT, ACTS };

struct scene {
	struct rig rig;
	struct vif_flow *flow[2];
	struct vif_circuit *freed; /* by the act */
	/* when to act, and what is done then */
	enum vif_trunk_event_type type;
	int side;
	enum act act;
	bool has_acted;
};

static void act(struct scene *scene, const struct vif_trunk_event *event)
{
	struct vif_trunk **trunk = &scene->rig.end[scene->side];

	scene->has_acted = true;
	switch (scene->act) {
	case CLOSE:
		(void)vif_trunk_close(*trunk, CODE, "closed");
		break;
	case ABORT:
		vif_trunk_abort(*trunk, CODE, "aborted");
		break;
	case FREE:
		vif_trunk_free(*trunk);
		*trunk = NULL;
		break;
	default:
		scene->freed = event->circuit;
		vif_circuit_free(event->circuit);
	}
}

/* What both programs do as long as nothing is in the way. */
static void live(struct scene *scene, int side,
		 const struct vif_trunk_event *event)
{
	static uint8_t bytes[1 << 20];

	if (event->type == VIF_CIRCUIT_INCOMING) {
		(void)vif_circuit_accept(event->circuit);
	} else if (event->type == VIF_CIRCUIT_READY) {
		if (vif_flow_open(event->circuit, NULL, &scene->flow[0]) == 0)
			(void)vif_flow_write(scene->flow[0], bytes,
					     sizeof(bytes));
	} else if (event->type == VIF_FLOW_INCOMING) {
		scene->flow[side] = event->flow;
	} else if (event->type == VIF_FLOW_WRITABLE) {
		/* He has seen that there was not enough room. */
		(void)vif_flow_write(event->flow, bytes, sizeof(bytes));
	}
}

static void take_news(struct scene *scene, int side)
{
	struct vif_trunk_event event;

	while (scene->rig.end[side] &&
	       vif_trunk_next_event(scene->rig.end[side], &event)) {
		/* What is gone is not heard of again, but for its flows. */
		assert_true(event.flow || !scene->freed ||
			    event.circuit != scene->freed ||
			    side != scene->side);
		scene->rig.seen[side] |= 1u << event.type;
		if (!scene->has_acted && side == scene->side &&
		    event.type == scene->type)
			act(scene, &event);
		else
			live(scene, side, &event);
	}
}

/* Half a trunk: what one says to nobody is lost. */
static size_t move(struct rig *rig, int from)
{
	int64_t n = 0;

	if (rig->end[from])
		n = vif_trunk_send(rig->end[from], rig->buffer,
				   sizeof(rig->buffer));
	if (n > 0 && rig->end[1 - from])
		(void)vif_trunk_receive(rig->end[1 - from], rig->buffer,
					(size_t)n);
	return n > 0 ? (size_t)n : 0;
}

static void run(struct scene *scene)
{
	size_t n;

	do {
		n = move(&scene->rig, 0) + move(&scene->rig, 1);
		take_news(scene, 0);
		take_news(scene, 1);
	} while (n > 0);
}

/* The accepter reads some, wants no more, and drains; the dialer closes. */
static void live_on(struct scene *scene)
{
	static uint8_t bytes[PIECE];
	struct rig *rig = &scene->rig;

	for (int i = 0; i < 4 && scene->flow[1] && rig->end[1]; i++) {
		(void)vif_flow_read(scene->flow[1], bytes, sizeof(bytes));
		run(scene);
	}
	if (scene->flow[1] && rig->end[1])
		(void)vif_flow_stop(scene->flow[1], CODE);
	run(scene);
	if (rig->end[1])
		(void)vif_trunk_drain(rig->end[1]);
	run(scene);
	if (scene->flow[0] && rig->end[0] && scene->freed != rig->circuit[0])
		(void)vif_circuit_close(rig->circuit[0], 0, NULL);
	run(scene);
}

/* Until both have ended, at the latest when they are out of patience. */
static void end(struct scene *scene)
{
	struct rig *rig = &scene->rig;

	for (int i = 0; i < 4; i++) {
		rig->now_ns += PATIENCE_NS;
		for (int side = 0; side < 2; side++)
			if (rig->end[side])
				vif_trunk_advance(rig->end[side], rig->now_ns);
		run(scene);
	}
	for (int side = 0; side < 2; side++)
		if (rig->end[side] && !rig->end[1 - side])
			vif_trunk_receive_end(rig->end[side]);
	run(scene);
	for (int side = 0; side < 2; side++)
		assert_true(!rig->end[side] ||
			    vif_trunk_is_closed(rig->end[side]));
}

static void play(struct scene *scene)
{
	struct rig *rig = &scene->rig;

	rig_init(rig);
	rig_make(rig);
	assert_int_equal(vif_circuit_dial(rig->end[0], NULL, &rig->circuit[0]),
			 0);
	run(scene);
	live_on(scene);
	end(scene);
	rig_fini(rig);
}

static void test_d8_close_when_told(void **state)
{
	(void)state;
	for (int type = 0; type < EVENTS; type++) {
		bool was_told = false;

		for (int side = 0; side < 2; side++)
			for (int what = 0; what < ACTS; what++) {
				struct scene scene = {
					.type = (enum vif_trunk_event_type)type,
					.side = side,
					.act = (enum act)what,
				};

				if (what == FREE_CIRCUIT &&
				    type < VIF_CIRCUIT_INCOMING)
					continue;
				play(&scene);
				was_told |= scene.has_acted;
			}
		if (!was_told)
			fail_msg("event %d never came", type);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_d8_close_when_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
