/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both sides of the memif handshake over a channel in memory, with a virtual
 * clock and everything that can happen to a channel.
 *
 *	memif_sim          every cut at every record and byte, then random runs
 *	memif_sim SEED     one random run again, told step by step
 *
 * Whatever happens, in the end both sides are up with the same geometry, and
 * agree on the offload state that may ride along, which is what both want; or
 * each one is down with a reason (or killed), and neither has been neither for
 * longer than the time of the handshake.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <vif/packet.h>

#include "base/bits.h"
#include "port/memif/handshake.h"
#include "tests/memif_places.h"

#define TIMEOUT (5000 * MEMIF_MS)

enum sim_numbers {
	N_SEED = 20000,
	N_RESTART_SEED = 500,
	N_RESTART = 20,
	PIPE_SIZE = 16,
	N_FLIPPED_BITS = 3,
};

enum side { SERVER, CLIENT, SIDES };

/* What happens to the record with a certain number, or when it is sent. */
enum mishap {
	MISHAP_NONE,
	MISHAP_SHORT,   /* it arrives with less bytes */
	MISHAP_LONG,    /* ... with more */
	MISHAP_CUT,     /* it arrives, but descriptors did not fit */
	MISHAP_FD_MORE, /* one descriptor more */
	MISHAP_FD_LESS, /* or less */
	MISHAP_TWICE,   /* it arrives twice */
	MISHAP_FLIP,    /* some bits are wrong */
	MISHAP_LOST,    /* it does not arrive */
	MISHAP_BREAK,   /* the channel breaks, for both */
	MISHAP_KILL,    /* the one who sends it is killed */
	MISHAP_KILL_PEER,
	MISHAP_LEAVE, /* ... leaves, with a reason */
	MISHAP_LEAVE_PEER,
	MISHAP_HANG, /* ... says nothing any more */
	MISHAP_N
};

struct record {
	uint8_t bytes[MEMIF_MSG_LEN];
	size_t len;
	unsigned int n_fd;
	bool cut;
	uint64_t at_ns;
};

/* From one side to the other. */
struct pipe {
	struct record record[PIPE_SIZE];
	unsigned int n;
	bool closed; /* by the sender: after the last record comes the end */
	bool hangs;
};

struct end {
	struct memif_handshake hs;
	struct pipe to_peer;
	bool killed;
};

struct sim {
	uint64_t random;
	uint64_t now_ns;
	uint64_t start_ns;
	uint64_t delay_max_ns;
	enum mishap mishap;
	unsigned int at_record; /* counted from 0, both directions together */
	size_t len;             /* for MISHAP_SHORT */
	unsigned int n_sent;
	uint64_t nonce; /* of the last connection */
	bool tell;
	struct memif_handshake_config config[SIDES];
	struct end end[SIDES];
	char title[128]; /* of the run, for failures */
};

static const char *const side_names[] = { "server", "client" };

static void check_that(const struct sim *sim, bool holds, const char *condition,
		       int line)
{
	if (holds)
		return;
	(void)fprintf(stderr, "%s: line %d: not true: %s\n", sim->title, line,
		      condition);
	for (int i = 0; i < SIDES; i++) {
		const struct memif_handshake *hs = &sim->end[i].hs;

		(void)fprintf(stderr, "  %s: state %d, want %d, %s: %s\n",
			      side_names[i], hs->state, hs->want,
			      memif_down_name(hs->down), hs->reason);
	}
	exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
}

#define check(sim, condition) check_that(sim, condition, #condition, __LINE__)

/* splitmix64 */
static uint64_t next_random(struct sim *sim)
{
	uint64_t z = sim->random += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static unsigned int pick(struct sim *sim, unsigned int n)
{
	return (unsigned int)(next_random(sim) % n);
}

static void set_up(struct sim *sim, const char *title)
{
	*sim = (struct sim){ .now_ns = 1, .delay_max_ns = 1000 };
	(void)snprintf(sim->title, sizeof(sim->title), "%s", title);
	sim->config[SERVER] = (struct memif_handshake_config){
		.role = MEMIF_SERVER,
		.n_ring = { 4, 4 },
		.n_region_max = 4,
		.line_default = 64,
		.bytes_max = UINT64_C(1) << 32,
		.secret = "secret",
		.name = "server",
		.ride = MEMIF_RIDE_ALL,
	};
	sim->config[CLIENT] = (struct memif_handshake_config){
		.role = MEMIF_CLIENT,
		.n_ring = { 1, 1 },
		.log2_size = 10,
		.line = 64,
		.timeout_ns = TIMEOUT,
		.secret = "secret",
		.name = "client",
		.ride = MEMIF_RIDE_ALL,
		.buffer_len = 2048,
	};
}

static bool is_settled(const struct end *end)
{
	return end->killed || end->hs.state == MEMIF_STATE_UP ||
	       end->hs.state == MEMIF_STATE_DOWN;
}

static void kill_end(struct end *end)
{
	end->killed = true;
	end->to_peer.closed = true;
	end->to_peer.hangs = false; /* the kernel closes for it */
}

/* Sending */

static void flip_bits(struct sim *sim, struct record *record)
{
	for (unsigned int i = pick(sim, N_FLIPPED_BITS) + 1; i > 0; i--)
		record->bytes[pick(sim, MEMIF_MSG_LEN)] ^=
			(uint8_t)(1 << pick(sim, 8));
}

static void push(struct sim *sim, struct pipe *pipe,
		 const struct record *record)
{
	struct record *to = &pipe->record[pipe->n];
	uint64_t before = pipe->n > 0 ? to[-1].at_ns : 0;

	check(sim, pipe->n < PIPE_SIZE);
	*to = *record;
	to->at_ns = sim->now_ns + next_random(sim) % sim->delay_max_ns;
	if (to->at_ns < before)
		to->at_ns = before;
	pipe->n++;
}

static void leave(struct end *end)
{
	if (!end->killed)
		memif_handshake_fail(&end->hs, MEMIF_DOWN_LOCAL, "enough");
}

/* The record has just been sent; happens to both, or to record. */
static void happen_to_ends(struct sim *sim, struct end *end, struct end *peer)
{
	switch (sim->mishap) {
	case MISHAP_BREAK:
		end->to_peer = (struct pipe){ .closed = true };
		peer->to_peer = (struct pipe){ .closed = true };
		break;
	case MISHAP_KILL:
		kill_end(end);
		break;
	case MISHAP_KILL_PEER:
		kill_end(peer);
		break;
	case MISHAP_LEAVE:
		leave(end);
		break;
	case MISHAP_LEAVE_PEER:
		leave(peer);
		break;
	case MISHAP_HANG:
		end->to_peer.hangs = true;
		break;
	default:
		break;
	}
}

/* Returns how often the record arrives. */
static int happen_to_record(struct sim *sim, struct record *record)
{
	switch (sim->mishap) {
	case MISHAP_SHORT:
		record->len = sim->len;
		break;
	case MISHAP_LONG:
		record->len++;
		break;
	case MISHAP_CUT:
		record->cut = true;
		break;
	case MISHAP_FD_MORE:
		record->n_fd++;
		break;
	case MISHAP_FD_LESS:
		record->n_fd = 0;
		break;
	case MISHAP_FLIP:
		flip_bits(sim, record);
		break;
	case MISHAP_TWICE:
		return 2;
	case MISHAP_LOST:
		return 0;
	default:
		break;
	}
	return 1;
}

static void send_record(struct sim *sim, enum side side)
{
	struct end *end = &sim->end[side];
	struct end *peer = &sim->end[1 - side];
	bool now = sim->n_sent++ == sim->at_record;
	struct memif_outgoing out;
	struct record record = { .len = MEMIF_MSG_LEN };
	int n = 1;

	memif_handshake_outgoing(&end->hs, &out);
	memcpy(record.bytes, out.bytes, sizeof(record.bytes));
	record.n_fd = out.attach != MEMIF_ATTACH_NOTHING;
	if (sim->tell)
		printf("%12" PRIu64 " %s sends %s\n", sim->now_ns,
		       side_names[side], memif_msg_name(out.bytes[0]));
	if (now)
		n = happen_to_record(sim, &record);
	while (n-- > 0)
		push(sim, &end->to_peer, &record);
	memif_handshake_sent(&end->hs);
	if (now)
		happen_to_ends(sim, end, peer);
}

/* What the socket would say to a send when the peer has closed. */
static void broken_pipe(struct sim *sim, enum side side)
{
	struct end *end = &sim->end[side];
	struct pipe *from = &sim->end[1 - side].to_peer;

	for (unsigned int i = 0; i < from->n; i++) {
		const struct record *record = &from->record[i];
		const struct memif_incoming incoming = {
			record->bytes, record->len, record->n_fd, record->cut
		};

		memif_handshake_record(&end->hs, &incoming);
	}
	from->n = 0;
	memif_handshake_eof(&end->hs);
}

static void build(struct memif_handshake *hs)
{
	struct memif_geometry *geometry = &hs->geometry;

	geometry->n_region = 2;
	geometry->region_size[0] = memif_geometry_lay_out(geometry);
	geometry->region_size[1] = 1 << 20;
	memif_handshake_done(hs);
}

static void do_want(struct sim *sim, enum side side)
{
	struct end *end = &sim->end[side];
	const struct memif_found found = { .config = &sim->config[SERVER] };

	switch (memif_handshake_want(&end->hs)) {
	case MEMIF_WANT_SEND:
		if (sim->end[1 - side].to_peer.closed)
			broken_pipe(sim, side);
		else
			send_record(sim, side);
		break;
	case MEMIF_WANT_BUILD:
		build(&end->hs);
		break;
	case MEMIF_WANT_FIND:
		memif_handshake_found(&end->hs, &found);
		break;
	default:
		memif_handshake_done(&end->hs);
	}
}

static void do_wants(struct sim *sim, enum side side)
{
	struct end *end = &sim->end[side];

	while (!end->killed && !end->to_peer.hangs &&
	       memif_handshake_want(&end->hs) != MEMIF_WANT_RECORD) {
		if (memif_handshake_want(&end->hs) == MEMIF_WANT_DOWN) {
			end->to_peer.closed = true;
			break;
		}
		do_want(sim, side);
	}
}

/* Receiving */

static void deliver(struct sim *sim, enum side side)
{
	struct memif_handshake *hs = &sim->end[side].hs;
	struct pipe *from = &sim->end[1 - side].to_peer;
	const struct record record = from->record[0];
	const struct memif_incoming incoming = { record.bytes, record.len,
						 record.n_fd, record.cut };

	from->n--;
	memmove(from->record, from->record + 1,
		from->n * sizeof(from->record[0]));
	memif_handshake_record(hs, &incoming);
	if (sim->tell)
		printf("%12" PRIu64 " %s gets %s\n", sim->now_ns,
		       side_names[side], memif_msg_name(record.bytes[0]));
}

/* When something will come to a side next, or MEMIF_NEVER. */
static uint64_t arrival(const struct sim *sim, enum side side)
{
	const struct pipe *from = &sim->end[1 - side].to_peer;

	if (from->n > 0)
		return from->record[0].at_ns;
	return from->closed ? sim->now_ns : MEMIF_NEVER;
}

static uint64_t next_time(const struct sim *sim, enum side side)
{
	const struct end *end = &sim->end[side];
	uint64_t at = arrival(sim, side);
	uint64_t deadline = memif_handshake_deadline(&end->hs);

	/* One that hangs does nothing, not even notice that it is late. */
	if (end->killed || end->to_peer.hangs ||
	    end->hs.state == MEMIF_STATE_DOWN)
		return MEMIF_NEVER;
	return at < deadline ? at : deadline;
}

static void happen(struct sim *sim, enum side side)
{
	struct end *end = &sim->end[side];

	if (arrival(sim, side) > sim->now_ns)
		memif_handshake_timer(&end->hs, sim->now_ns);
	else if (sim->end[1 - side].to_peer.n > 0)
		deliver(sim, side);
	else
		memif_handshake_eof(&end->hs);
}

static void check_time(const struct sim *sim)
{
	for (int i = 0; i < SIDES; i++)
		if (!sim->end[i].to_peer.hangs)
			check(sim,
			      is_settled(&sim->end[i]) ||
				      sim->now_ns <= sim->start_ns + TIMEOUT);
}

/* Until nothing will happen any more. */
static void run(struct sim *sim)
{
	for (;;) {
		uint64_t at[SIDES];
		enum side first;

		for (int i = 0; i < SIDES; i++)
			do_wants(sim, (enum side)i);
		/* The first may have woken up a want of the other. */
		do_wants(sim, SERVER);
		for (int i = 0; i < SIDES; i++)
			at[i] = next_time(sim, (enum side)i);
		if (at[0] == MEMIF_NEVER && at[1] == MEMIF_NEVER)
			return;
		first = at[SERVER] <= at[CLIENT] ? SERVER : CLIENT;
		sim->now_ns = at[first];
		happen(sim, first);
		for (int i = 0; i < SIDES; i++)
			do_wants(sim, (enum side)i);
		check_time(sim);
	}
}

static void connect_ends(struct sim *sim)
{
	const struct memif_msg_hello hello = {
		.name = "sim",
		.max_region = 255,
		.max_s2c_ring = 3,
		.max_c2s_ring = 3,
		.max_log2_size = MEMIF_LOG2_MAX,
		.rider = { .ride = sim->config[SERVER].ride,
			   .nonce = ++sim->nonce },
	};

	memset(sim->end, 0, sizeof(sim->end));
	sim->n_sent = 0;
	sim->start_ns = sim->now_ns;
	memif_handshake_init_server(&sim->end[SERVER].hs, &hello, TIMEOUT);
	memif_handshake_init_client(&sim->end[CLIENT].hs, &sim->config[CLIENT]);
	for (int i = 0; i < SIDES; i++)
		memif_handshake_start(&sim->end[i].hs, sim->now_ns);
}

static bool is_up(const struct sim *sim)
{
	return sim->end[SERVER].hs.state == MEMIF_STATE_UP &&
	       sim->end[CLIENT].hs.state == MEMIF_STATE_UP &&
	       !sim->end[SERVER].killed && !sim->end[CLIENT].killed;
}

/* What both want, and a ring has room for; nothing without checksums. */
static uint16_t ride_of(const struct sim *sim)
{
	const struct memif_handshake_config *client = &sim->config[CLIENT];
	uint64_t room = (uint64_t)client->buffer_len << client->log2_size;
	uint16_t ride = client->ride & sim->config[SERVER].ride;

	if (!(ride & MEMIF_RIDE_CSUM))
		return 0;
	return room < 2 * (uint64_t)VIF_PACKET_LEN_MAX ? MEMIF_RIDE_CSUM : ride;
}

static void check_geometry(const struct sim *sim)
{
	const struct memif_geometry *a = &sim->end[SERVER].hs.geometry;
	const struct memif_geometry *b = &sim->end[CLIENT].hs.geometry;

	check(sim, a->mode == b->mode);
	check(sim, a->line == b->line);
	check(sim, a->n_region == b->n_region);
	check(sim, memcmp(a->region_size, b->region_size,
			  sizeof(a->region_size)) == 0);
	check(sim, same_places(a, b));
	check(sim, a->ride == ride_of(sim));
	check(sim, b->ride == ride_of(sim));
}

static void check_result(const struct sim *sim)
{
	if (is_up(sim)) {
		/* Wrong bits may still be right numbers. */
		if (sim->mishap != MISHAP_FLIP)
			check_geometry(sim);
		return;
	}
	for (int i = 0; i < SIDES; i++) {
		const struct end *end = &sim->end[i];

		if (end->killed || end->to_peer.hangs)
			continue;
		/* Nobody asks a peer that is up whether it still lives. */
		if (sim->end[1 - i].to_peer.hangs &&
		    end->hs.state == MEMIF_STATE_UP)
			continue;
		check(sim, end->hs.state == MEMIF_STATE_DOWN);
		check(sim, end->hs.down != MEMIF_DOWN_NONE);
		check(sim, end->hs.reason[0] != '\0');
		check(sim, !strstr(end->hs.reason, "secret") ||
				   end->hs.down == MEMIF_DOWN_PEER ||
				   end->hs.down == MEMIF_DOWN_SECRET_WRONG);
	}
}

/* How many records a handshake without mishaps has. */
static unsigned int n_record_of(unsigned int n_ring)
{
	struct sim sim;

	set_up(&sim, "undisturbed");
	sim.at_record = UINT32_MAX;
	sim.config[CLIENT].n_ring[0] = (uint16_t)n_ring;
	connect_ends(&sim);
	run(&sim);
	check(&sim, is_up(&sim));
	check_result(&sim);
	return sim.n_sent;
}

static void run_cut(enum mishap mishap, unsigned int at_record, size_t len)
{
	char title[128];
	struct sim sim;

	(void)snprintf(title, sizeof(title),
		       "mishap %d at record %u, %zu bytes", (int)mishap,
		       at_record, len);
	set_up(&sim, title);
	sim.mishap = mishap;
	sim.at_record = at_record;
	sim.len = len;
	connect_ends(&sim);
	run(&sim);
	/* Wrong bits, and the loss of nothing, may do no harm. */
	if (mishap != MISHAP_FLIP && mishap != MISHAP_FD_LESS &&
	    mishap != MISHAP_NONE)
		check(&sim, !is_up(&sim));
	check_result(&sim);
}

static unsigned long cut_everywhere(void)
{
	unsigned int n_record = n_record_of(1);
	unsigned long n = 0;

	for (unsigned int k = 0; k < n_record; k++) {
		for (size_t len = 0; len < MEMIF_MSG_LEN; len++, n++)
			run_cut(MISHAP_SHORT, k, len);
		for (int mishap = MISHAP_LONG; mishap < MISHAP_N; mishap++, n++)
			run_cut((enum mishap)mishap, k, 0);
	}
	return n;
}

static void randomize(struct sim *sim)
{
	static const uint64_t delays[] = { 1, MEMIF_MS, 400 * MEMIF_MS,
					   3000 * MEMIF_MS };
	static const uint16_t rides[] = { 0, MEMIF_RIDE_CSUM, MEMIF_RIDE_TCP,
					  MEMIF_RIDE_CSUM | MEMIF_RIDE_TCP,
					  MEMIF_RIDE_ALL };
	struct memif_handshake_config *client = &sim->config[CLIENT];
	struct memif_handshake_config *server = &sim->config[SERVER];

	sim->delay_max_ns = delays[pick(sim, ARRAY_LEN(delays))];
	for (int to = 0; to < MEMIF_DIRECTIONS; to++) {
		client->n_ring[to] = (uint16_t)(1 + pick(sim, 6));
		server->n_ring[to] = (uint16_t)(3 + pick(sim, 6));
	}
	client->log2_size = (uint8_t)(2 + pick(sim, MEMIF_LOG2_MAX - 1));
	client->line = pick(sim, 2) ? 64 : 128;
	client->mode = pick(sim, 8) ? MEMIF_MODE_ETHERNET : MEMIF_MODE_IP;
	client->secret[0] = pick(sim, 8) ? 's' : 'S';
	client->buffer_len = pick(sim, 2) ? 2048 : 256;
	client->ride = rides[pick(sim, ARRAY_LEN(rides))];
	server->ride = rides[pick(sim, ARRAY_LEN(rides))];
}

static void choose_mishap(struct sim *sim)
{
	sim->mishap = (enum mishap)pick(sim, MISHAP_N);
	sim->at_record = pick(sim, 30);
	sim->len = pick(sim, MEMIF_MSG_LEN);
}

/* How runs ended, so that it is noticed when they all end the same way. */
struct tally {
	unsigned long up;
	unsigned long rides; /* of them, with offload state */
	unsigned long down[MEMIF_DOWN_N];
};

static void count(struct tally *tally, const struct sim *sim)
{
	tally->up += is_up(sim);
	tally->rides += is_up(sim) && sim->end[CLIENT].hs.geometry.ride != 0;
	for (int i = 0; i < SIDES; i++)
		tally->down[sim->end[i].hs.down]++;
}

static void check_tally(const struct tally *tally)
{
	static const enum memif_down wanted[] = {
		MEMIF_DOWN_LOCAL,        MEMIF_DOWN_PEER,
		MEMIF_DOWN_EOF,          MEMIF_DOWN_TIMEOUT,
		MEMIF_DOWN_MODE,         MEMIF_DOWN_SECRET_WRONG,
		MEMIF_DOWN_RECORD_LEN,   MEMIF_DOWN_RECORD_CUT,
		MEMIF_DOWN_RECORD_TYPE,  MEMIF_DOWN_RECORD_ORDER,
		MEMIF_DOWN_FD_MISSING,   MEMIF_DOWN_FD_EXTRA,
		MEMIF_DOWN_REGION_INDEX, MEMIF_DOWN_RING_INDEX,
		MEMIF_DOWN_RING_COUNT,
	};

	for (int i = 0; i < MEMIF_DOWN_N; i++)
		if (tally->down[i] > 0)
			printf("%8lu %s\n", tally->down[i],
			       memif_down_name((enum memif_down)i));
	printf("%8lu up, %lu of them with offload state\n", tally->up,
	       tally->rides);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++) {
		if (tally->down[wanted[i]] > 0)
			continue;
		(void)fprintf(stderr, "no run ended by %s\n",
			      memif_down_name(wanted[i]));
		exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
	}
	if (tally->up < N_SEED / 10 || tally->rides < tally->up / 10) {
		(void)fprintf(stderr, "hardly any run ended up\n");
		exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
	}
}

static void run_seed(uint64_t seed, bool tell, struct tally *tally)
{
	char title[128];
	struct sim sim;

	(void)snprintf(title, sizeof(title), "seed %" PRIu64, seed);
	set_up(&sim, title);
	sim.random = seed;
	sim.tell = tell;
	randomize(&sim);
	choose_mishap(&sim);
	connect_ends(&sim);
	run(&sim);
	check_result(&sim);
	count(tally, &sim);
}

/* Either side goes and comes again and again; once let alone, they meet. */
static void run_restarts(uint64_t seed)
{
	char title[128];
	struct sim sim;

	(void)snprintf(title, sizeof(title), "restarts, seed %" PRIu64, seed);
	set_up(&sim, title);
	sim.random = seed;
	for (int i = 0; i < N_RESTART; i++) {
		choose_mishap(&sim);
		connect_ends(&sim);
		run(&sim);
		check_result(&sim);
	}
	sim.mishap = MISHAP_NONE;
	connect_ends(&sim);
	run(&sim);
	check(&sim, is_up(&sim));
	check_result(&sim);
}

int main(int argc, char **argv)
{
	struct tally tally = { 0 };

	if (argc > 1) {
		run_seed(strtoull(argv[1], NULL, 10), true, &tally);
		return 0;
	}
	printf("%u records with one ring each way, %u with three\n",
	       n_record_of(1), n_record_of(3));
	printf("%lu mishaps\n", cut_everywhere());
	for (uint64_t seed = 0; seed < N_SEED; seed++)
		run_seed(seed, false, &tally);
	check_tally(&tally);
	for (uint64_t seed = 0; seed < N_RESTART_SEED; seed++)
		run_restarts(seed);
	printf("%d random runs, %d times %d restarts\n", N_SEED, N_RESTART_SEED,
	       N_RESTART);
	return 0;
}
