/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A whole trunk at work (Z6): calls of its program, records of its peer, and
 * time, in any order.
 *
 * First byte: see stage_begin(). Then steps, each a byte for what happens, and
 * what that takes. The program keeps what it is told of, and lets all of it go
 * some time or not at all.
 *
 * There are persons, whose keys are known to both sides: the program can be any
 * of them as well, and dial them; the peer dials them, too.
 */
#include "tests/fuzz/trunk_input.h"

enum { CIRCUITS = 8, FLOWS = 16, STEPS_MAX = 400, PERSONS = 4 };

struct play {
	struct hostile h;
	struct input input;
	struct vif_circuit *circuit[CIRCUITS];
	struct vif_flow *flow[FLOWS];
};

struct person {
	uint8_t secret[VIF_KEY_LEN];
	uint8_t key[VIF_KEY_LEN];
};

static struct play play;
static struct person persons[PERSONS];
static uint8_t bytes[VIF_PACKET_LEN_MAX];

/* The first time: it costs more than most inputs. */
static void make_persons(void)
{
	if (persons[0].secret[0])
		return;
	for (int i = 0; i < PERSONS; i++) {
		memset(persons[i].secret, 'a' + i, VIF_KEY_LEN);
		require(vif_key_public(persons[i].secret, persons[i].key) == 0);
	}
}

static void keep_circuit(struct vif_circuit *circuit)
{
	for (int i = 0; i < CIRCUITS; i++)
		if (!play.circuit[i]) {
			play.circuit[i] = circuit;
			return;
		}
	vif_circuit_free(circuit);
}

static void keep_flow(struct vif_flow *flow)
{
	for (int i = 0; i < FLOWS; i++)
		if (!play.flow[i]) {
			play.flow[i] = flow;
			return;
		}
	vif_flow_close(flow);
}

static struct vif_circuit **any_circuit(void)
{
	return &play.circuit[input_byte(&play.input) % CIRCUITS];
}

static struct vif_flow **any_flow(void)
{
	return &play.flow[input_byte(&play.input) % FLOWS];
}

/* Only what is new is kept: ends are found out by who asks. */
static void take_news(void)
{
	struct vif_trunk_event event;

	while (vif_trunk_next_event(play.h.trunk, &event)) {
		play.h.n_event[event.type]++;
		if (event.type == VIF_CIRCUIT_INCOMING)
			keep_circuit(event.circuit);
		if (event.type == VIF_FLOW_INCOMING)
			keep_flow(event.flow);
	}
}

static void peer_says(void)
{
	static uint8_t record[HOSTILE_PLAIN + 64];
	size_t len = input_seal(&play.h, &play.input, record);

	(void)vif_trunk_receive(play.h.trunk, record, len);
}

static void peer_accepts(void)
{
	struct hostile *h = &play.h;

	if (h->heard[FRAME_TRUNK_OPEN].n == 0)
		return;
	hostile_accept(h, h->heard[FRAME_TRUNK_OPEN].header.id);
}

static void use_trunk(void)
{
	struct vif_trunk *trunk = play.h.trunk;

	switch (input_byte(&play.input) % 8) {
	case 0:
		(void)vif_trunk_listen(trunk, false);
		break;
	case 1:
		(void)vif_trunk_listen(trunk, true);
		break;
	case 2:
		(void)vif_trunk_drain(trunk);
		break;
	case 3:
		(void)vif_trunk_close(trunk, 0, "closed");
		break;
	case 4:
		(void)vif_trunk_shut_remote(trunk, play.h.pair.public_key);
		break;
	case 5:
		peer_accepts();
		break;
	case 6:
		play.h.is_deaf = !play.h.is_deaf;
		break;
	default:
		play.h.now_ns += 100000000u * (uint64_t)input_byte(&play.input);
		vif_trunk_advance(trunk, play.h.now_ns);
	}
}

static void dial(void)
{
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = (enum vif_circuit_mode)(input_byte(&play.input) % 4),
	};
	struct vif_circuit *circuit;

	if (vif_circuit_dial(play.h.trunk, &config, &circuit) == 0)
		keep_circuit(circuit);
}

/* Whether the peer has no other circuit in the place of this one. */
static bool has_place(uint32_t id)
{
	uint32_t other = play.h.sealed[(id - 1) / 2 % HOSTILE_CIRCUITS].id;

	return other == 0 || !circuit_find(play.h.trunk, other);
}

/*
 * By IK, and to the end if it is not refused: so the peer has the keys of all
 * circuits that are sealed.
 */
static void peer_dials(const struct person *to, enum vif_circuit_mode mode)
{
	struct hostile *h = &play.h;
	uint32_t id = h->trunk->next_remote;
	struct vif_circuit *circuit;

	if (h->trunk->state != TRUNK_OPEN || h->is_deaf || !has_place(id))
		return;
	hostile_dial(h, id, mode, to->key);
	hostile_confirm_to(h, id, mode);
	/* The peer's part has taken the news of it. */
	circuit = circuit_find(h->trunk, id);
	if (circuit && circuit->is_told)
		keep_circuit(circuit);
}

/* As one person, to another one: who is there, or not. */
static void dial_person(const struct person *from, const struct person *to)
{
	struct vif_circuit_config config = {
		.size = sizeof(config),
		.mode = VIF_CIRCUIT_SEALED,
		.identity = from->secret,
		.remote = to->key,
	};
	struct vif_circuit *circuit;

	if (vif_circuit_dial(play.h.trunk, &config, &circuit) == 0)
		keep_circuit(circuit);
}

static void use_persons(void)
{
	uint8_t what = input_byte(&play.input);
	const struct person *person = &persons[what / 8 % PERSONS];
	uint32_t before = play.h.trunk->n_identities;

	switch (what % 8) {
	case 0:
	case 1:
		if (vif_trunk_add_identity(play.h.trunk, person->secret) == 0)
			require(play.h.trunk->n_identities == before + 1);
		break;
	case 2:
		peer_dials(person, VIF_CIRCUIT_SEALED);
		break;
	case 3:
		peer_dials(person, VIF_CIRCUIT_BOUND);
		break;
	case 4:
		dial_person(person, &persons[what / 32 % PERSONS]);
		break;
	case 5:
		(void)vif_trunk_shut_remote(play.h.trunk, person->key);
		break;
	default:
		(void)vif_trunk_shut_remote(play.h.trunk,
					    play.h.pair.public_key);
	}
}

static void open_flow(struct vif_circuit *circuit)
{
	struct vif_flow_config config = {
		.size = sizeof(config),
		.packets = input_byte(&play.input) & 1,
	};
	struct vif_flow *flow;

	if (vif_flow_open(circuit, &config, &flow) == 0)
		keep_flow(flow);
}

static void use_circuit(struct vif_circuit **at)
{
	struct vif_circuit *circuit = *at;
	uint8_t what = input_byte(&play.input);

	if (!circuit)
		return;
	switch (what % 7) {
	case 0:
		(void)vif_circuit_accept(circuit);
		break;
	case 1:
		(void)vif_circuit_close(circuit, 0, "closed");
		break;
	case 2:
		vif_circuit_abort(circuit, 300, "aborted");
		break;
	case 3:
		*at = NULL;
		vif_circuit_free(circuit);
		break;
	case 4:
		(void)vif_circuit_listen(circuit, what & 16);
		break;
	default:
		open_flow(circuit);
	}
}

static void read_flow(struct vif_flow *flow)
{
	struct vif_packet packet;
	struct iovec seg;

	if (vif_flow_is_lane(flow))
		(void)vif_flow_receive_packet(flow, bytes, sizeof(bytes), &seg,
					      &packet);
	else
		(void)vif_flow_read(flow, bytes,
				    1u + input_byte(&play.input) * 64u);
}

static void write_flow(struct vif_flow *flow)
{
	size_t len = 1u + input_byte(&play.input) * 64u;
	struct iovec seg = { bytes, len };
	struct vif_packet packet = {
		.seg = &seg,
		.n_seg = 1,
		.len = (uint32_t)len,
	};

	if (vif_flow_is_lane(flow))
		(void)vif_flow_send_packet(flow, &packet);
	else
		(void)vif_flow_write(flow, bytes, len);
}

static void write_in_place(struct vif_flow *flow)
{
	void *room;
	size_t len;

	if (vif_flow_is_lane(flow) || vif_flow_reserve(flow, &room, &len) != 1)
		return;
	require(len > 0);
	memset(room, 7, len);
	(void)vif_flow_commit(flow, len / 2);
}

static void use_flow(struct vif_flow **at)
{
	struct vif_flow *flow = *at;

	if (!flow)
		return;
	switch (input_byte(&play.input) % 8) {
	case 0:
		(void)vif_flow_finish(flow);
		break;
	case 1:
		(void)vif_flow_reset(flow, 300);
		break;
	case 2:
		(void)vif_flow_stop(flow, 300);
		break;
	case 3:
		*at = NULL;
		vif_flow_close(flow);
		break;
	case 4:
		write_in_place(flow);
		break;
	case 5:
		read_flow(flow);
		break;
	default:
		write_flow(flow);
	}
}

static void step(void)
{
	uint8_t what = input_byte(&play.input);

	if (what >= 0xf0) {
		use_persons();
		return;
	}
	switch (what % 6) {
	case 0:
		use_trunk();
		break;
	case 1:
		dial();
		break;
	case 2:
		use_circuit(any_circuit());
		break;
	case 3:
		use_flow(any_flow());
		break;
	case 4:
		hostile_hear(&play.h);
		break;
	default:
		peer_says();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	make_persons();
	memset(&play, 0, sizeof(play));
	play.input = (struct input){ data, size };
	stage_begin(&play.h, input_byte(&play.input));
	/* From here on the program is ours. */
	play.circuit[0] = circuit_find(play.h.trunk, stage_id(&play.h, 0));
	play.circuit[1] = circuit_find(play.h.trunk, stage_id(&play.h, 1));
	for (int i = 0; i < STEPS_MAX && play.input.size > 0; i++) {
		step();
		take_news();
		check_trunk(play.h.trunk);
	}
	play.h.is_deaf = false;
	hostile_hear(&play.h);
	take_news();
	check_trunk(play.h.trunk);
	check_end(&play.h);
	hostile_fini(&play.h);
	return 0;
}
