/* SPDX-License-Identifier: Apache-2.0 */
/* Work: gluing a burst of packets. */
#include <stdlib.h>
#include <string.h>

#include "bench/packet/packet.h"
#include "packet/glue.h"

enum sizes {
	PAYLOAD = 1448,
	PITCH = 1536, /* of packets, which begin at a cache line as in a port */
};

/* What a burst is made of. */
enum traffic {
	ONE,   /* a flow, in order */
	FLOWS, /* a flow for each packet */
	IDS,   /* a flow, with IPv4 IDs that do not count up */
	ACKS,  /* a flow without payload */
};

static const struct {
	uint32_t n;   /* packets */
	uint32_t out; /* packets they become */
} bursts[] = {
	/* 45 of these fit into 64 KiB, so the last one is alone. */
	[ONE] = { 46, 2 },
	[FLOWS] = { GLUE_BURST_MAX, GLUE_BURST_MAX },
	[IDS] = { 46, 46 },
	[ACKS] = { 46, 46 },
};

struct pot {
	struct field field;
	struct vif_batch *in;
	struct vif_batch *out;
	struct glue glue;
};

/* A port would fill in the whole batch; here it only points elsewhere. */
static void turn(void *of)
{
	struct pot *pot = of;
	uint8_t *at = walk(&pot->field);

	for (uint32_t i = 0; i < pot->in->n; i++)
		pot->in->seg[i].iov_base = at + (size_t)i * PITCH;
	vif_batch_clear(pot->out);
	glue_burst(&pot->glue, pot->in, pot->out);
}

static struct recipe packet_of(enum kind kind, enum traffic traffic, uint32_t i)
{
	return (struct recipe){
		.kind = kind,
		.flow = traffic == FLOWS ? i : 0,
		.payload = traffic == ACKS ? 0 : PAYLOAD,
		.seq = traffic == ACKS ? 0 : i * PAYLOAD,
		.id = traffic == IDS ? 0 : (uint16_t)i,
	};
}

static void fill(struct pot *pot, enum kind kind, enum traffic traffic,
		 bool verified, bool cold)
{
	static uint8_t burst[GLUE_BURST_MAX * PITCH];

	for (size_t i = 0; i < sizeof(burst); i++)
		burst[i] = (uint8_t)(i * 43 + i / 256);
	for (uint32_t i = 0; i < bursts[traffic].n; i++) {
		struct recipe recipe = packet_of(kind, traffic, i);
		uint8_t *at = burst + (size_t)i * PITCH;
		struct vif_packet *packet;

		make_packet(&recipe, at);
		packet = vif_batch_add(pot->in, at,
				       header_len(kind) + recipe.payload);
		if (!packet)
			die("vif_batch_add");
		packet->csum = verified ? VIF_CSUM_VERIFIED : VIF_CSUM_COMPLETE;
	}
	make_field(&pot->field, burst, (size_t)bursts[traffic].n * PITCH, cold);
}

/* KIND one|flows|ids|acks complete|verified warm|cold */
void glue_work(char **words, int n_word, struct work *ret_work)
{
	static const char *const traffics[] = { "one", "flows", "ids", "acks",
						NULL };
	static const char *const sums[] = { "complete", "verified", NULL };
	struct pot *pot = calloc(1, sizeof(*pot));
	enum traffic traffic;
	enum kind kind;

	if (n_word != 4)
		usage();
	if (!pot ||
	    vif_batch_new(GLUE_BURST_MAX, GLUE_BURST_MAX, &pot->in) < 0 ||
	    vif_batch_new(GLUE_BURST_MAX, 2 * GLUE_BURST_MAX, &pot->out) < 0)
		die("calloc");
	glue_init(&pot->glue, VIF_MEDIUM_IP, VIF_GSO_ALL, VIF_PACKET_SEG_MAX);
	kind = (enum kind)choose(words[0], kind_names);
	traffic = (enum traffic)choose(words[1], traffics);
	if (kind == TCP6 && traffic == IDS) /* has none */
		usage();
	fill(pot, kind, traffic, choose(words[2], sums) == 1,
	     is_cold(words[3]));
	turn(pot);
	if (pot->out->n != bursts[traffic].out)
		die("a wrong number of packets");
	*ret_work = (struct work){ turn, pot, pot->in->n,
				   traffic == ACKS ? 0 : pot->in->n * PAYLOAD };
}
