/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a peer can send that costs it nothing, in the smallest records.
 *
 * There are circuit 1 with flow 1, which has got a byte; circuit 3, which is
 * gone; and circuit 5, which takes no flows. The trunk takes no circuits any
 * more.
 */
#include "bench/trunk/flood.h"

enum ids {
	CIRCUIT = 1,
	GONE = 3,
	DEAF = 5,
	FLOW = 1,
	UNKNOWN = 200, /* types of frames that may be skipped */
	CODE = 300,
};

/* Limits that no honest peer has said. */
#define LIMIT (UINT64_C(1) << 32)

static struct record_header control(void)
{
	return (struct record_header){ .type = RECORD_CONTROL };
}

static struct record_header of_circuit(uint32_t id)
{
	return (struct record_header){ .type = RECORD_CIRCUIT, .circuit = id };
}

static struct record_header empty(struct flood *flood)
{
	hostile_frame(&flood->h, FRAME_DATA, 0, FLOW, 1, NULL, 0);
	return of_circuit(CIRCUIT);
}

static struct record_header credit(struct flood *flood)
{
	hostile_frame(&flood->h, FRAME_CREDIT, 0, flood->n % 2 ? FLOW : 0,
		      LIMIT + flood->n, NULL, 0);
	return of_circuit(CIRCUIT);
}

static struct record_header limit(struct flood *flood)
{
	hostile_frame(&flood->h, FRAME_TRUNK_LIMIT, 0, 0, LIMIT + flood->n,
		      NULL, 0);
	return control();
}

static struct record_header shut(struct flood *flood)
{
	hostile_code_frame(&flood->h, FRAME_TRUNK_SHUT, GONE, 0, CODE);
	return control();
}

static struct record_header stop(struct flood *flood)
{
	hostile_code_frame(&flood->h, FRAME_STOP, FLOW, 0, CODE);
	return of_circuit(CIRCUIT);
}

/* A flow, and it is over. */
static struct record_header reset(struct flood *flood)
{
	uint32_t id = flood->next_flow;

	flood->next_flow += 2;
	hostile_frame(&flood->h, FRAME_DATA, FRAME_DATA_OPEN, id, 0, NULL, 0);
	hostile_code_frame(&flood->h, FRAME_RESET, id, 0, CODE);
	return of_circuit(CIRCUIT);
}

static struct record_header ping(struct flood *flood)
{
	hostile_frame(&flood->h, FRAME_TRUNK_PING, 0, 0, flood->n, NULL, 0);
	return control();
}

static struct record_header refused_circuit(struct flood *flood)
{
	uint8_t body[CORE_OPEN_MAX];
	size_t len = hostile_open_body(&flood->h, VIF_CIRCUIT_DERIVED, body);

	hostile_frame(&flood->h, FRAME_TRUNK_OPEN, 0, flood->next_circuit,
		      hostile_hop(1 << 20), body, len);
	flood->next_circuit += 2;
	return control();
}

static struct record_header refused_flow(struct flood *flood)
{
	hostile_frame(&flood->h, FRAME_DATA, FRAME_DATA_OPEN,
		      flood->next_refused, 0, NULL, 0);
	flood->next_refused += 2;
	return of_circuit(DEAF);
}

static struct record_header unknown(struct flood *flood)
{
	hostile_frame(&flood->h, UNKNOWN, 0, 0, 0, NULL, 0);
	return flood->n % 2 ? of_circuit(CIRCUIT) : control();
}

static struct record_header pad(struct flood *flood)
{
	bool is_control = flood->n % 2;

	hostile_frame(&flood->h, is_control ? FRAME_TRUNK_PAD : FRAME_PAD, 0, 0,
		      0, NULL, 0);
	return is_control ? control() : of_circuit(CIRCUIT);
}

static struct record_header rekey(struct flood *flood)
{
	hostile_frame(&flood->h, FRAME_TRUNK_REKEY, 0, 0, flood->n + 1, NULL,
		      0);
	flood->is_rekey = true;
	return control();
}

/* A record may have crossed the end of its circuit. */
static struct record_header late(struct flood *flood)
{
	hostile_frame(&flood->h, FRAME_PAD, 0, 0, 0, NULL, 0);
	return of_circuit(GONE);
}

/* What everybody may send; the program reads it. */
static struct record_header data(struct flood *flood)
{
	struct record_header header = of_circuit(CIRCUIT);

	hostile_frame(&flood->h, FRAME_DATA, 0, FLOW, flood->at++, NULL, 1);
	header.flags = RECORD_DATA;
	return header;
}

/* The same through a relay, sealed for who is behind it. */
static struct record_header relayed(struct flood *flood)
{
	struct record_header header = {
		.type = RECORD_SEALED,
		.flags = RECORD_DATA,
		.circuit = CIRCUIT,
	};

	hostile_frame(&flood->h, FRAME_DATA,
		      flood->at == 0 ? FRAME_DATA_OPEN : 0, FLOW, flood->at,
		      NULL, 1);
	flood->at++;
	hostile_seal_inner(&flood->h, header.flags, CIRCUIT);
	return header;
}

/* In any order, but for the change of keys, which ends it at once. */
static struct record_header all(struct flood *flood)
{
	static struct record_header (*const makes[])(struct flood * flood) = {
		empty, credit,          limit,        shut,    stop, reset,
		ping,  refused_circuit, refused_flow, unknown, pad,  late,
	};

	flood->random = flood->random * 1664525 + 1013904223;
	return makes[(flood->random >> 8) % ARRAY_LEN(makes)](flood);
}

static const struct flood_kind kinds[] = {
	{ "empty", empty, false },
	{ "credit", credit, false },
	{ "limit", limit, false },
	{ "shut", shut, false },
	{ "stop", stop, false },
	{ "reset", reset, false },
	{ "ping", ping, false },
	{ "refused_circuit", refused_circuit, false },
	{ "refused_flow", refused_flow, false },
	{ "unknown", unknown, false },
	{ "pad", pad, false },
	{ "rekey", rekey, false },
	{ "late", late, false },
	{ "data", data, false },
	{ "relayed", relayed, true },
	{ "all", all, false },
};

const struct flood_kind *flood_kind_of(const char *name)
{
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return &kinds[i];
	usage();
}
