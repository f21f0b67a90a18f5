/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The kernel's GRO as the judge of our gluing.
 *
 * Random bursts of several flows go through the kernel and through glue_burst().
 * For each packet both have decided which earlier one it is joined to, if any;
 * they must agree, but for what glue_policy.h lists. After such a difference the
 * two are not in the same state until both begin a new superpacket at the same
 * packet of the flow; what they do differently in between is counted apart.
 *
 * GRO lets go of what is older than a jiffy, so a burst may be torn where the
 * clock ticked. A burst that differs is therefore sent again, a few times: what
 * is a rule differs every time.
 *
 * usage: glue_oracle [BURSTS [SEED]]
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "packet/glue.h"
#include "tests/craft.h"
#include "tests/oracle/glue_policy.h"
#include "tests/oracle/gro_kernel.h"
#include "tests/round_trip.h"
#include "tests/stream.h"

enum {
	WINDOW = 32, /* bursts under way at a time */
	PORTS_EACH = GLUE_POLICY_PORTS,
	ATTEMPTS = 10,
	WAIT_MS = 5000,
};

static_assert((int)PORTS_EACH >= (int)STREAM_FLOWS, "a port for each flow");

/* What the kernel trims or drops before or after GRO is not its opinion. */
static const uint64_t odd =
	~(1ull << STREAM_BAD_IP) & ~(1ull << STREAM_TRAILER);

struct burst {
	uint64_t seed;
	uint32_t n;
	uint32_t n_seen;
	struct craft packet[GLUE_BURST_MAX];
	uint8_t byte[GLUE_BURST_MAX][STREAM_PACKET_MAX];
	size_t len[GLUE_BURST_MAX];
	bool seen[GLUE_BURST_MAX];
	int32_t kernels[GLUE_BURST_MAX];
};

struct oracle {
	struct gro_kernel kernel;
	struct glue glue;
	struct vif_batch *in;
	struct vif_batch *out;
	struct round_trip trip;
	bool shares[PORTS_EACH][PORTS_EACH]; /* places in our table */
	struct burst window[WINDOW];
	/* what was found */
	uint64_t joined, apart, later, again;
	uint64_t excused[GLUE_POLICY_N];
};

/* The burst of a seed has the same ports whenever it is sent. */
static struct burst *make_burst(struct oracle *oracle, uint64_t seed)
{
	uint32_t place = (uint32_t)(seed % WINDOW);
	struct burst *burst = &oracle->window[place];
	struct stream stream;

	stream_start(&stream, seed, (uint16_t)(place * PORTS_EACH), odd);
	burst->seed = seed;
	burst->n = stream_burst(&stream, burst->packet, GLUE_BURST_MAX);
	burst->n_seen = 0;
	memset(burst->seen, 0, sizeof(burst->seen));
	for (uint32_t i = 0; i < burst->n; i++)
		burst->len[i] = craft_put(&burst->packet[i], burst->byte[i]);
	return burst;
}

static void clear_window(struct oracle *oracle)
{
	for (uint32_t i = 0; i < WINDOW; i++)
		oracle->window[i].n = oracle->window[i].n_seen = 0;
}

/* Undoes the hop: TTL or hop limit, and the IPv4 checksum over it. */
static void undo_hop(uint8_t *ip)
{
	size_t len = (size_t)(ip[0] & 15) * 4;

	if (ip[0] >> 4 == 6) {
		ip[7]++;
		return;
	}
	ip[8]++;
	put_be16(ip + 10, 0);
	put_be16(ip + 10, (uint16_t)~naive_add(0, ip, len));
}

/* Takes out what the kernel's GRO may lose of packets it joins. */
static void forget(uint8_t *ip, size_t len)
{
	struct naive found;

	if (!naive_find(ip, len, &found))
		return;
	if (ip[0] >> 4 == 4) {
		memset(ip + 4, 0, 2);
		memset(ip + 10, 0, 2);
	}
	memset(ip + found.l4_off + naive_field(found.proto), 0, 2);
	if (found.proto == NAIVE_TCP)
		memset(ip + found.l4_off + 18, 0, 2);
}

static bool is_packet(const struct burst *burst, uint32_t i,
		      const uint8_t *byte, size_t len, bool in_super)
{
	uint8_t a[STREAM_PACKET_MAX], b[STREAM_PACKET_MAX];

	if (burst->seen[i] || burst->len[i] != len)
		return false;
	if (memcmp(burst->byte[i], byte, len) == 0)
		return true;
	if (!in_super)
		return false;
	memcpy(a, burst->byte[i], len);
	memcpy(b, byte, len);
	forget(a, len);
	forget(b, len);
	return memcmp(a, b, len) == 0;
}

static void print_bytes(const char *name, const uint8_t *byte, size_t len)
{
	(void)printf("  %s:", name);
	for (size_t i = 0; i < len && i < 100; i++)
		(void)printf("%s%02x", i % 4 ? "" : " ", byte[i]);
	(void)printf("\n");
}

/* For whoever has to find out: the packet, and what it might have been. */
static void print_stranger(const struct burst *burst, const uint8_t *byte,
			   size_t len)
{
	(void)printf("seed %llu: the kernel sent a packet of %zu bytes that is "
		     "none of ours\n",
		     (unsigned long long)burst->seed, len);
	print_bytes("it is", byte, len);
	for (uint32_t i = 0; i < burst->n; i++)
		if (!burst->seen[i] && burst->len[i] == len)
			print_bytes("ours is", burst->byte[i], len);
}

/* Notes a packet that came out of the kernel; returns which it is, or -1. */
static int32_t note(struct burst *burst, const uint8_t *byte, size_t len,
		    bool in_super, int32_t before)
{
	for (uint32_t i = 0; i < burst->n; i++) {
		if (!is_packet(burst, i, byte, len, in_super))
			continue;
		burst->seen[i] = true;
		burst->n_seen++;
		burst->kernels[i] = before;
		return (int32_t)i;
	}
	print_stranger(burst, byte, len);
	return -1;
}

static int note_super(struct burst *burst, const struct vif_packet *packet)
{
	static uint8_t byte[VIF_PACKET_LEN_MAX];
	uint8_t header[VIF_PACKET_HDR_MAX];
	struct vif_packet segment;
	struct iovec seg[2];
	int32_t before = -1;
	struct cut cut;

	if (cut_start(&cut, packet, VIF_MEDIUM_IP, true) < 0) {
		(void)printf("a superpacket of the kernel cannot be cut\n");
		return -1;
	}
	while (cut_next(&cut, header, seg, 2, &segment)) {
		size_t len = round_trip_flatten(&segment, byte);

		before = note(burst, byte, len, true, before);
		if (before < 0)
			return -1;
	}
	return 0;
}

/* Fills in a checksum that was left to whoever sends the packet. */
static void finish(const struct vif_packet *packet)
{
	uint8_t *l4 = (uint8_t *)packet->seg[0].iov_base + packet->l4_off;
	uint16_t sum =
		(uint16_t)~naive_add(0, l4, packet->len - packet->l4_off);

	if (sum == 0 && packet->csum_off == naive_field(NAIVE_UDP))
		sum = 0xffff;
	put_be16(l4 + packet->csum_off, sum);
}

/* The burst a packet belongs to, or NULL when it is not a test's. */
static struct burst *burst_of(struct oracle *oracle,
			      const struct vif_packet *packet)
{
	const uint8_t *ip = packet->seg[0].iov_base;
	struct naive found;
	uint16_t port;

	if (!naive_find(ip, packet->len, &found) ||
	    naive_word(ip + found.l4_off + 2) != 2000)
		return NULL;
	port = naive_word(ip + found.l4_off);
	if (port < 1000 || port >= 1000 + WINDOW * PORTS_EACH)
		return NULL;
	return &oracle->window[(port - 1000) / PORTS_EACH];
}

static int take(struct oracle *oracle, const struct vif_packet *packet)
{
	struct burst *burst = burst_of(oracle, packet);
	bool was_joined;
	int32_t at;

	if (!burst)
		return 0;
	undo_hop(packet->seg[0].iov_base);
	if (packet->gso != VIF_GSO_NONE)
		return note_super(burst, packet);
	/* Unfinished: it was joined, and cut again for want of a GSO type. */
	was_joined = packet->csum == VIF_CSUM_PARTIAL;
	if (was_joined)
		finish(packet);
	at = note(burst, packet->seg[0].iov_base, packet->len, was_joined, -1);
	return at < 0 ? -1 : 0;
}

/* Takes what has come out so far. */
static int receive(struct oracle *oracle)
{
	struct vif_port *out = oracle->kernel.out;
	struct vif_batch *batch = oracle->kernel.batch;
	int r;

	do {
		int fault = 0;

		r = vif_port_rx(out, 0, batch);
		for (uint32_t i = 0; r > 0 && fault == 0 && i < batch->n; i++)
			fault = take(oracle, &batch->packet[i]);
		vif_port_rx_done(out, 0, batch);
		if (fault < 0)
			return -1;
	} while (r > 0);
	return r;
}

static const struct burst *unfinished(const struct oracle *oracle)
{
	for (uint32_t i = 0; i < WINDOW; i++)
		if (oracle->window[i].n_seen < oracle->window[i].n)
			return &oracle->window[i];
	return NULL;
}

/* Sends the bursts of the window, and waits for all of them. */
static int ask_kernel(struct oracle *oracle)
{
	const struct burst *burst;

	for (uint32_t b = 0; b < WINDOW; b++) {
		burst = &oracle->window[b];
		for (uint32_t i = 0; i < burst->n; i++)
			if (gro_kernel_write(&oracle->kernel, burst->byte[i],
					     burst->len[i]) < 0)
				return -1;
		if (receive(oracle) < 0)
			return -1;
	}
	if (gro_kernel_flush(&oracle->kernel) < 0 || receive(oracle) < 0)
		return -1;
	while ((burst = unfinished(oracle))) {
		if (vif_port_wait(oracle->kernel.out, 0, VIF_WAIT_RX,
				  WAIT_MS) <= 0) {
			(void)printf("seed %llu: %u of %u packets came out\n",
				     (unsigned long long)burst->seed,
				     burst->n_seen, burst->n);
			return -1;
		}
		if (receive(oracle) < 0)
			return -1;
	}
	return 0;
}

/*
 * Whether two flows share a place in our table: then a packet of the one cannot
 * be joined over one of the other.
 */
static bool share_place(struct oracle *oracle, const struct craft *a,
			const struct craft *b)
{
	struct craft packet[3] = {
		{ .ip6 = a->ip6, .udp = a->udp, .port = a->port, .len = 1 },
		{ .ip6 = b->ip6, .udp = b->udp, .port = b->port, .len = 1 },
	};
	uint8_t byte[3][CRAFT_HEADER_MAX + 1];

	packet[2] = packet[0];
	packet[2].seq = packet[2].id = 1;
	vif_batch_clear(oracle->in);
	vif_batch_clear(oracle->out);
	for (int i = 0; i < 3; i++)
		(void)vif_batch_add(oracle->in, byte[i],
				    (uint32_t)craft_put(&packet[i], byte[i]));
	(void)glue_burst(&oracle->glue, oracle->in, oracle->out);
	return oracle->out->n == 3;
}

/* Fills shares for the flows of a burst. */
static void find_shares(struct oracle *oracle, const struct burst *burst)
{
	const struct craft *flow[PORTS_EACH] = { NULL };

	for (uint32_t i = 0; i < burst->n; i++)
		flow[burst->packet[i].port % PORTS_EACH] = &burst->packet[i];
	for (int a = 0; a < PORTS_EACH; a++)
		for (int b = 0; b < PORTS_EACH; b++)
			oracle->shares[a][b] =
				flow[a] && flow[b] && a != b &&
				share_place(oracle, flow[a], flow[b]);
}

/* Fills trip.before with our own opinion. */
static int ask_glue(struct oracle *oracle, struct burst *burst)
{
	const char *fault;

	vif_batch_clear(oracle->in);
	vif_batch_clear(oracle->out);
	for (uint32_t i = 0; i < burst->n; i++)
		if (!vif_batch_add(oracle->in, burst->byte[i],
				   (uint32_t)burst->len[i]))
			return -1;
	(void)glue_burst(&oracle->glue, oracle->in, oracle->out);
	fault = round_trip(oracle->in, oracle->out, VIF_MEDIUM_IP,
			   &oracle->trip);
	if (!fault)
		return 0;
	(void)printf("seed %llu: %s\n", (unsigned long long)burst->seed, fault);
	return -1;
}

/* Counts of one burst, which are thrown away if it has to be sent again. */
struct counts {
	uint64_t joined, apart, later;
	uint64_t excused[GLUE_POLICY_N];
};

/* Compares packet i of a flow that has been in step up to here, or has not. */
static bool compare_packet(const struct glue_verdict *verdict, uint32_t i,
			   bool *in_step, struct counts *counts)
{
	enum glue_policy policy;

	if (verdict->ours[i] == verdict->kernels[i]) {
		if (verdict->ours[i] >= 0) {
			counts->joined++;
			return true;
		}
		counts->apart++;
		/* What the kernel lets pass leaves its state as it is. */
		if (!glue_policy_passes_by(&verdict->packet[i]))
			*in_step = true;
		return true;
	}
	policy = glue_policy(verdict, i);
	if (policy != GLUE_POLICY_NONE)
		counts->excused[policy]++;
	else if (!*in_step)
		counts->later++;
	else
		return false;
	*in_step = false;
	return true;
}

/* Returns the packet for which there is no excuse, or -1. */
static int32_t compare(const struct glue_verdict *verdict,
		       struct counts *counts)
{
	bool in_step[PORTS_EACH];

	memset(in_step, true, sizeof(in_step));
	for (uint32_t i = 0; i < verdict->n; i++)
		if (!compare_packet(
			    verdict, i,
			    &in_step[verdict->packet[i].port % PORTS_EACH],
			    counts))
			return (int32_t)i;
	return -1;
}

static void count(struct oracle *oracle, const struct counts *counts)
{
	oracle->joined += counts->joined;
	oracle->apart += counts->apart;
	oracle->later += counts->later;
	for (int i = 0; i < GLUE_POLICY_N; i++)
		oracle->excused[i] += counts->excused[i];
}

static void print_packet(const struct glue_verdict *verdict, uint32_t i)
{
	const struct craft *packet = &verdict->packet[i];

	(void)printf("  %2u %s%s: id %u%s seq %u len %u flags %02x sum %u "
		     "tos %02x label %u options %u+%u frag %04x: ours %d, "
		     "kernel's %d\n",
		     i, packet->udp ? "udp" : "tcp", packet->ip6 ? "6" : "4",
		     packet->id, packet->df ? " DF" : "", packet->seq,
		     packet->len, packet->flags, packet->csum, packet->tos,
		     packet->label, packet->ip_options, packet->tcp_options,
		     packet->fragment, verdict->ours[i], verdict->kernels[i]);
}

/* Returns 0, 1 when it is worth another attempt, or -1. */
static int judge(struct oracle *oracle, struct burst *burst, bool is_last)
{
	struct counts counts = { .joined = 0 };
	struct glue_verdict verdict = {
		burst->packet,  burst->n,       oracle->trip.before,
		burst->kernels, oracle->shares,
	};
	int32_t at;

	find_shares(oracle, burst);
	if (ask_glue(oracle, burst) < 0)
		return -1;
	at = compare(&verdict, &counts);
	if (at < 0) {
		count(oracle, &counts);
		return 0;
	}
	if (!is_last)
		return 1;
	(void)printf("seed %llu: packet %d differs; its flow:\n",
		     (unsigned long long)burst->seed, at);
	for (uint32_t i = 0; i < burst->n; i++)
		if (burst->packet[i].port == burst->packet[at].port)
			print_packet(&verdict, i);
	return -1;
}

static int again(struct oracle *oracle, uint64_t seed)
{
	int r = 1;

	for (int i = 1; r == 1 && i < ATTEMPTS; i++) {
		struct burst *burst;

		oracle->again++;
		clear_window(oracle);
		burst = make_burst(oracle, seed);
		if (ask_kernel(oracle) < 0)
			return -1;
		r = judge(oracle, burst, i + 1 == ATTEMPTS);
	}
	return r;
}

static int run_window(struct oracle *oracle, uint64_t seed, uint32_t n)
{
	uint64_t torn[WINDOW];
	uint32_t n_torn = 0;

	clear_window(oracle);
	for (uint32_t i = 0; i < n; i++)
		(void)make_burst(oracle, seed + i);
	if (ask_kernel(oracle) < 0)
		return -1;
	for (uint32_t i = 0; i < n; i++) {
		uint32_t place = (uint32_t)((seed + i) % WINDOW);
		int r = judge(oracle, &oracle->window[place], false);

		if (r < 0)
			return -1;
		if (r > 0)
			torn[n_torn++] = seed + i;
	}
	for (uint32_t i = 0; i < n_torn; i++)
		if (again(oracle, torn[i]) < 0)
			return -1;
	return 0;
}

static int run(struct oracle *oracle, uint64_t n, uint64_t seed)
{
	for (uint64_t done = 0; done < n; done += WINDOW) {
		uint64_t left = n - done;

		if (run_window(oracle, seed + done,
			       left < WINDOW ? (uint32_t)left : WINDOW) < 0)
			return -1;
	}
	return 0;
}

static void report(const struct oracle *oracle, uint64_t n)
{
	(void)printf("%llu bursts, %llu sent again: %llu packets joined by "
		     "both, %llu by none, %llu different after an excuse\n",
		     (unsigned long long)n, (unsigned long long)oracle->again,
		     (unsigned long long)oracle->joined,
		     (unsigned long long)oracle->apart,
		     (unsigned long long)oracle->later);
	for (int i = GLUE_POLICY_NONE + 1; i < GLUE_POLICY_N; i++)
		(void)printf("excused %6llu: %s\n",
			     (unsigned long long)oracle->excused[i],
			     glue_policy_names[i]);
}

/* Whether most was judged, and not excused. */
static bool is_strict(const struct oracle *oracle)
{
	uint64_t excused = oracle->later;

	for (int i = 0; i < GLUE_POLICY_N; i++)
		excused += oracle->excused[i];
	return excused * 20 < oracle->joined + oracle->apart;
}

int main(int argc, char **argv)
{
	static struct oracle oracle;
	uint64_t n = argc > 1 ? strtoull(argv[1], NULL, 10) : 20000;
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	int r;

	(void)printf("seed %llu\n", (unsigned long long)seed);
	r = gro_kernel_open(&oracle.kernel);
	if (r != 0)
		return r;
	glue_init(&oracle.glue, VIF_MEDIUM_IP, VIF_GSO_ALL, VIF_PACKET_SEG_MAX);
	if (vif_batch_new(GLUE_BURST_MAX, GLUE_BURST_MAX, &oracle.in) == 0 &&
	    vif_batch_new(GLUE_BURST_MAX, 2 * GLUE_BURST_MAX, &oracle.out) == 0)
		r = run(&oracle, n, seed);
	else
		r = -1;
	report(&oracle, n);
	if (r == 0 && n >= 1000 && !is_strict(&oracle)) {
		(void)printf("too much was excused to have shown anything\n");
		r = -1;
	}
	vif_batch_free(oracle.in);
	vif_batch_free(oracle.out);
	gro_kernel_close(&oracle.kernel);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
