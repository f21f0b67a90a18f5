/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of the planner. */
#include "link/plan.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"

#define IP  VIF_MEDIUM_IP
#define ETH VIF_MEDIUM_ETH
#define ANY VIF_MEDIUM_ANY
#define TCP VIF_GSO_TCP
#define UDP VIF_GSO_BIT(VIF_GSO_UDP)
#define ALL VIF_GSO_ALL

/* Capabilities that a plan depends on. */
struct side {
	enum vif_medium medium;
	uint32_t n_queue;
	uint32_t rx_gso;
	uint32_t tx_gso;
	bool rx_csum;
	bool tx_csum;
	bool settable;
	uint32_t seg_max; /* 0: as many as a packet can have */
	bool varies;      /* as its peer does */
};

static const struct side whole = { IP, 1, ALL, ALL, true, true, true };
static const struct side fixed = { IP, 1, ALL, ALL, true, true, false };
static const struct side plain = { IP, 1, 0, 0, false, false, true };
static const struct side csum = { IP, 1, 0, 0, true, true, true };
static const struct side tcp = { IP, 1, TCP, TCP, true, true, true };
static const struct side udp = { IP, 1, UDP, UDP, true, true, true };
static const struct side eth = { ETH, 1, ALL, ALL, true, true, true };
static const struct side sink = { ANY, 1, 0, ALL, false, true, false };
/* Takes superpackets, but in one piece only. */
static const struct side flat = { IP, 1, 0, ALL, false, true, false, 1 };
static const struct side narrow = { IP, 1, 0, ALL, false, true, false, 63 };
/* Takes superpackets it cannot be given: their checksums are unfinished. */
static const struct side odd = { IP, 1, 0, ALL, false, false, true };

/* As good as all the others, if its peer is. */
static const struct side fickle = {
	IP, 1, ALL, ALL, true, true, false, 0, true
};
static const struct side fickle_tcp = { IP,   1,     TCP, TCP, true,
					true, false, 0,   true };

static struct vif_port_caps caps_of(const struct side *side)
{
	return (struct vif_port_caps){
		.medium = side->medium,
		.mtu = 1500,
		.len_max = 65535,
		.n_queue = side->n_queue,
		.seg_max = side->seg_max ? side->seg_max : 64,
		.rx_gso = side->rx_gso,
		.tx_gso = side->tx_gso,
		.rx_csum = side->rx_csum,
		.tx_csum = side->tx_csum,
		.rx_settable = side->settable,
		.offload_varies = side->varies,
	};
}

static const struct plan_choices defaults = { 0 };
static const struct plan_choices cut_off = { .cut = VIF_LINK_CUT_OFF };
static const struct plan_choices glue_on = { .glue = VIF_LINK_GLUE_ON };
static const struct plan_choices glue_off = { .glue = VIF_LINK_GLUE_OFF };

struct plan_case {
	const char *name;
	const struct plan_choices *choices;
	const struct side *a;
	const struct side *b;
	struct plan_direction to_b;
	struct plan_direction to_a;
};

/* What nobody has to do anything about. */
#define NOTHING    \
	{          \
		0, \
	}
#define WHOLE(kinds)                         \
	{                                    \
		.gso = (kinds), .csum = true \
	}
#define GLUED(kinds)            \
	{                       \
		.glue = (kinds) \
	}

#define READY(kinds)                                                \
	{                                                           \
		.gso = (kinds), .csum = true, .cut_ready = (kinds), \
		.finish_ready = true                                \
	}

static const struct plan_case plans[] = {
	{ "to a peer that may be ordinary",
	  &defaults,
	  &whole,
	  &fickle,
	  READY(ALL),
	  { .gso = ALL, .csum = true, .glue = ALL, .glue_ready = true } },
	{ "the same, without gluing", &glue_off, &whole, &fickle, READY(ALL),
	  WHOLE(ALL) },
	{ "the same, told to glue",
	  &glue_on,
	  &whole,
	  &fickle,
	  { .gso = ALL,
	    .csum = true,
	    .cut_ready = ALL,
	    .finish_ready = true,
	    .glue = ALL },
	  { .gso = ALL, .csum = true, .glue = ALL } },
	{ "the same, without cutting",
	  &cut_off,
	  &whole,
	  &fickle,
	  { .ask = true, .gso_lost = ALL, .csum_lost = true },
	  { .gso = ALL, .csum = true, .glue = ALL, .glue_ready = true } },
	{ "two peers that may be ordinary",
	  &defaults,
	  &fickle,
	  &fickle,
	  { .gso = ALL,
	    .csum = true,
	    .cut_ready = ALL,
	    .finish_ready = true,
	    .glue = ALL,
	    .glue_ready = true },
	  { .gso = ALL,
	    .csum = true,
	    .cut_ready = ALL,
	    .finish_ready = true,
	    .glue = ALL,
	    .glue_ready = true } },
	{ "a peer that takes no udp at best",
	  &defaults,
	  &whole,
	  &fickle_tcp,
	  { .gso = TCP,
	    .csum = true,
	    .cut = UDP,
	    .cut_ready = TCP,
	    .finish_ready = true },
	  { .gso = TCP, .csum = true, .glue = ALL, .glue_ready = true } },
	{ "a peer that may be ordinary, and plain",
	  &defaults,
	  &fickle,
	  &plain,
	  { .cut = ALL, .finish = true },
	  GLUED(ALL) },
	{ "a peer that may be ordinary, and a sink", &defaults, &fickle, &sink,
	  WHOLE(ALL), NOTHING },

	{ "everything", &defaults, &whole, &whole, WHOLE(ALL), WHOLE(ALL) },
	{ "frames", &defaults, &eth, &eth, WHOLE(ALL), WHOLE(ALL) },
	{ "nothing", &defaults, &plain, &plain, NOTHING, NOTHING },
	{ "one side plain",
	  &defaults,
	  &whole,
	  &plain,
	  { .cut = ALL, .finish = true },
	  GLUED(ALL) },
	{ "one side plain, nothing is glued",
	  &glue_off,
	  &whole,
	  &plain,
	  { .cut = ALL, .finish = true },
	  NOTHING },
	{ "one side plain, the source is asked",
	  &cut_off,
	  &whole,
	  &plain,
	  { .ask = true, .gso_lost = ALL, .csum_lost = true },
	  GLUED(ALL) },
	{ "checksums only",
	  &defaults,
	  &whole,
	  &csum,
	  { .csum = true, .cut = ALL },
	  { .csum = true, .glue = ALL } },
	{ "checksums only, the source is asked",
	  &cut_off,
	  &whole,
	  &csum,
	  { .csum = true, .ask = true, .gso_lost = ALL },
	  { .csum = true, .glue = ALL } },
	{ "checksums to plain",
	  &defaults,
	  &csum,
	  &plain,
	  { .finish = true },
	  NOTHING },
	{ "checksums to plain, the source is asked",
	  &cut_off,
	  &csum,
	  &plain,
	  { .ask = true, .csum_lost = true },
	  NOTHING },
	{ "udp is cut",
	  &defaults,
	  &whole,
	  &tcp,
	  { .gso = TCP, .csum = true, .cut = UDP },
	  WHOLE(TCP) },
	{ "udp is lost",
	  &cut_off,
	  &whole,
	  &tcp,
	  { .gso = TCP, .csum = true, .ask = true, .gso_lost = UDP },
	  WHOLE(TCP) },
	{ "udp is glued when told",
	  &glue_on,
	  &tcp,
	  &whole,
	  { .gso = TCP, .csum = true, .glue = ALL },
	  { .gso = TCP, .csum = true, .cut = UDP, .glue = TCP } },
	{ "nothing in common",
	  &defaults,
	  &tcp,
	  &udp,
	  { .csum = true, .cut = TCP },
	  { .csum = true, .cut = UDP } },
	{ "no checksum, no superpacket",
	  &defaults,
	  &whole,
	  &odd,
	  { .cut = ALL, .finish = true },
	  GLUED(ALL) },
	{ "fixed to whole", &defaults, &fixed, &whole, WHOLE(ALL), WHOLE(ALL) },
	{ "fixed to plain",
	  &defaults,
	  &fixed,
	  &plain,
	  { .cut = ALL, .finish = true },
	  GLUED(ALL) },
	{ "plain to a sink", &defaults, &plain, &sink, NOTHING, NOTHING },
	{ "glued for a sink", &glue_on, &plain, &sink, GLUED(ALL), NOTHING },
	{ "to a sink", &defaults, &whole, &sink, WHOLE(ALL), NOTHING },
	{ "frames to a sink", &defaults, &eth, &sink, WHOLE(ALL), NOTHING },
	{ "sink to sink", &defaults, &sink, &sink, NOTHING, NOTHING },
	{ "one piece", &defaults, &plain, &flat, { .gather = true }, NOTHING },
	{ "one piece of anything",
	  &defaults,
	  &whole,
	  &flat,
	  { .gso = ALL, .csum = true, .gather = true },
	  GLUED(ALL) },
	{ "a piece less than there can be",
	  &defaults,
	  &plain,
	  &narrow,
	  { .gather = true, .glue = ALL },
	  NOTHING },
};

static void compare(const char *name, const char *way,
		    const struct plan_direction *got,
		    const struct plan_direction *want)
{
	if (got->gso != want->gso || got->csum != want->csum ||
	    got->cut != want->cut || got->glue != want->glue ||
	    got->finish != want->finish || got->gather != want->gather ||
	    got->ask != want->ask || got->gso_lost != want->gso_lost ||
	    got->csum_lost != want->csum_lost ||
	    got->cut_ready != want->cut_ready ||
	    got->finish_ready != want->finish_ready ||
	    got->glue_ready != want->glue_ready)
		fail_msg("%s, %s: gso %#x csum %d cut %#x glue %#x finish %d "
			 "gather %d ask %d lost %#x %d, ready %#x %d %d",
			 name, way, got->gso, got->csum, got->cut, got->glue,
			 got->finish, got->gather, got->ask, got->gso_lost,
			 got->csum_lost, got->cut_ready, got->finish_ready,
			 got->glue_ready);
}

static void offloads_cross_where_both_can(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(plans); i++) {
		const struct plan_case *c = &plans[i];
		struct vif_port_caps a_caps = caps_of(c->a);
		struct vif_port_caps b_caps = caps_of(c->b);
		struct plan_port a = { "tun:a", &a_caps };
		struct plan_port b = { "tun:b", &b_caps };
		struct plan plan;

		assert_int_equal(plan_make(&a, &b, c->choices, &plan, NULL), 0);
		compare(c->name, "a to b", &plan.direction[VIF_A_TO_B],
			&c->to_b);
		compare(c->name, "b to a", &plan.direction[VIF_B_TO_A],
			&c->to_a);
		assert_int_equal(plan.n_lane, 1);
		/* And with the ends exchanged. */
		assert_int_equal(plan_make(&b, &a, c->choices, &plan, NULL), 0);
		compare(c->name, "b to a, exchanged",
			&plan.direction[VIF_A_TO_B], &c->to_a);
		compare(c->name, "a to b, exchanged",
			&plan.direction[VIF_B_TO_A], &c->to_b);
	}
}

struct lane_case {
	uint32_t a;
	uint32_t b;
	uint32_t n_lane;
};

static void lanes_are_what_both_have(void **state)
{
	static const struct lane_case cases[] = {
		{ 1, 1, 1 }, { 4, 4, 4 }, { 1, 4, 1 }, { 4, 1, 1 },
		{ 3, 2, 2 }, { 2, 3, 2 }, { 1, 2, 1 }, { 256, 256, 256 },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		struct vif_port_caps a_caps = caps_of(&whole);
		struct vif_port_caps b_caps = caps_of(&whole);
		struct plan_port a = { "tun:a", &a_caps };
		struct plan_port b = { "tun:b", &b_caps };
		struct plan plan;

		a_caps.n_queue = cases[i].a;
		b_caps.n_queue = cases[i].b;
		assert_int_equal(plan_make(&a, &b, &defaults, &plan, NULL), 0);
		assert_int_equal(plan.n_lane, cases[i].n_lane);
	}
}

struct refusal_case {
	const struct side *a;
	const struct side *b;
	const char *what;
	const char *why;
	const char *hint;
};

#define KINDS                                                              \
	"use ports of one kind, such as tun: and tun:, or tap: and tap:; " \
	"memif: has mode=ip for tun:"

static const struct refusal_case refusals[] = {
	{ &whole, &eth, "cannot link x:a to x:b",
	  "x:a carries IP packets, x:b carries Ethernet frames", KINDS },
	{ &eth, &whole, "cannot link x:a to x:b",
	  "x:a carries Ethernet frames, x:b carries IP packets", KINDS },
	{ &fixed, &plain, "cannot link x:a to x:b",
	  "x:a leaves work undone that x:b cannot take over",
	  "let the link do it with --cut auto, or open x:a with offload=off" },
	{ &plain, &fixed, "cannot link x:b to x:a",
	  "x:b leaves work undone that x:a cannot take over",
	  "let the link do it with --cut auto, or open x:b with offload=off" },
	{ &fixed, &csum, "cannot link x:a to x:b",
	  "x:a leaves work undone that x:b cannot take over",
	  "let the link do it with --cut auto, or open x:a with offload=off" },
	{ &fixed, &tcp, "cannot link x:a to x:b",
	  "x:a leaves work undone that x:b cannot take over",
	  "let the link do it with --cut auto, or open x:a with offload=off" },
};

static void refusals_say_what_to_change(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++) {
		struct vif_port_caps a_caps = caps_of(refusals[i].a);
		struct vif_port_caps b_caps = caps_of(refusals[i].b);
		struct plan_port a = { "x:a", &a_caps };
		struct plan_port b = { "x:b", &b_caps };
		struct plan plan = { .n_lane = 77 };
		struct vif_error error;

		memset(&error, 'x', sizeof(error));
		assert_int_equal(plan_make(&a, &b, &cut_off, &plan, &error),
				 -EPROTOTYPE);
		assert_int_equal(error.code, -EPROTOTYPE);
		assert_string_equal(error.what, refusals[i].what);
		assert_string_equal(error.why, refusals[i].why);
		assert_string_equal(error.hint, refusals[i].hint);
		assert_int_equal(plan.n_lane, 77);
		assert_int_equal(plan_make(&a, &b, &cut_off, &plan, NULL),
				 -EPROTOTYPE);
	}
}

/* Returns a bit for each worker that has something to do. */
static uint32_t deal(const struct plan *plan, uint32_t n_worker)
{
	uint32_t busy = 0;

	for (uint32_t d = 0; d < VIF_DIRECTION_N; d++) {
		for (uint32_t lane = 0; lane < plan->n_lane; lane++) {
			uint32_t worker = plan_worker(plan, d, lane, n_worker);

			assert_in_range(worker, 0, n_worker - 1);
			busy |= 1u << worker;
		}
	}
	return busy;
}

static void every_worker_has_work(void **state)
{
	(void)state;
	for (uint32_t n_lane = 1; n_lane <= 5; n_lane++) {
		struct plan plan = { .n_lane = n_lane };

		for (uint32_t n = 1; n <= 2 * n_lane; n++)
			assert_int_equal(deal(&plan, n), (1u << n) - 1);
	}
}

/* A worker for each lane serves both directions; more do not. */
static void directions_stay_together(void **state)
{
	(void)state;
	for (uint32_t n_lane = 1; n_lane <= 5; n_lane++) {
		struct plan plan = { .n_lane = n_lane };

		for (uint32_t lane = 0; lane < n_lane; lane++) {
			for (uint32_t n = 1; n <= n_lane; n++)
				assert_int_equal(
					plan_worker(&plan, VIF_A_TO_B, lane, n),
					plan_worker(&plan, VIF_B_TO_A, lane,
						    n));
			assert_int_not_equal(plan_worker(&plan, VIF_A_TO_B,
							 lane, 2 * n_lane),
					     plan_worker(&plan, VIF_B_TO_A,
							 lane, 2 * n_lane));
		}
	}
}

/* No worker has much more than another: lanes are dealt out in turn. */
static void work_is_shared_evenly(void **state)
{
	(void)state;
	for (uint32_t n_lane = 1; n_lane <= 5; n_lane++) {
		struct plan plan = { .n_lane = n_lane };

		for (uint32_t n = 1; n <= 2 * n_lane; n++) {
			uint32_t count[10] = { 0 };

			for (uint32_t i = 0; i < 2 * n_lane; i++)
				count[plan_worker(&plan, i / n_lane, i % n_lane,
						  n)]++;
			for (uint32_t w = 0; w < n; w++)
				assert_in_range(count[w], 2 * n_lane / n / 2,
						2 * n_lane / n + 2);
		}
	}
}

struct text_case {
	const struct plan_choices *choices;
	const struct side *a;
	const struct side *b;
	uint32_t a_queues;
	uint32_t b_queues;
	uint32_t a_mtu;
	uint32_t n_worker;
	const char *text;
};

static const struct text_case texts[] = {
	{ &defaults, &whole, &fickle, 1, 1, 1500, 1,
	  "tun:a -> tun:b: superpackets tcp4+tcp6+udp (cut while the peer of "
	  "tun:b cannot take them), checksums partial (finished while the peer "
	  "of tun:b wants them so), mtu 1500, 1 queue, 1 worker" },
	{ &defaults, &fickle, &whole, 1, 1, 1500, 1,
	  "tun:a -> tun:b: superpackets tcp4+tcp6+udp (if the peer of tun:a "
	  "sends any), glued tcp4+tcp6+udp (while tun:a delivers packets one "
	  "by one), checksums partial, mtu 1500, 1 queue, 1 worker" },
	{ &defaults, &whole, &fickle_tcp, 1, 1, 1500, 1,
	  "tun:a -> tun:b: superpackets tcp4+tcp6 (cut while the peer of tun:b "
	  "cannot take them) (udp cut: tun:b cannot take them), checksums "
	  "partial (finished while the peer of tun:b wants them so), mtu 1500, "
	  "1 queue, 1 worker" },
	{ &cut_off, &whole, &fickle, 1, 1, 1500, 1,
	  "tun:a -> tun:b: superpackets none (tcp4+tcp6+udp off: tun:b cannot "
	  "take them), checksums complete (tun:b wants them so), mtu 1500, 1 "
	  "queue, 1 worker" },

	{ &defaults, &whole, &whole, 1, 1, 1500, 1,
	  "tun:a -> tun:b: superpackets tcp4+tcp6+udp, checksums partial, "
	  "mtu 1500, 1 queue, 1 worker" },
	{ &defaults, &whole, &tcp, 4, 4, 1500, 8,
	  "tun:a -> tun:b: superpackets tcp4+tcp6 (udp cut: tun:b cannot take "
	  "them), checksums partial, mtu 1500, 4 queues, 8 workers" },
	{ &cut_off, &whole, &tcp, 4, 4, 1500, 8,
	  "tun:a -> tun:b: superpackets tcp4+tcp6 (udp off: tun:b cannot take "
	  "them), checksums partial, mtu 1500, 4 queues, 8 workers" },
	{ &defaults, &whole, &plain, 1, 2, 9000, 2,
	  "tun:a -> tun:b: superpackets none (tcp4+tcp6+udp cut: tun:b cannot "
	  "take them), checksums finished (tun:b wants them so), mtu 9000 "
	  "(larger than the 1500 of tun:b), 1 to 2 queues by flow hash, "
	  "2 workers" },
	{ &cut_off, &csum, &plain, 1, 1, 1500, 1,
	  "tun:a -> tun:b: superpackets none (tun:a makes none), checksums "
	  "complete (tun:b wants them so), mtu 1500, 1 queue, 1 worker" },
	{ &defaults, &plain, &whole, 3, 2, 576, 1,
	  "tun:a -> tun:b: superpackets none (tun:a makes none), glued "
	  "tcp4+tcp6+udp (tun:a delivers packets one by one), checksums "
	  "complete, mtu 576, 3 to 2 queues, 1 worker" },
	{ &glue_off, &csum, &whole, 1, 1, 1500, 1,
	  "tun:a -> tun:b: superpackets none (tun:a makes none), not glued (as "
	  "told), checksums partial, mtu 1500, 1 queue, 1 worker" },
	{ &glue_on, &plain, &plain, 1, 1, 1500, 1,
	  "tun:a -> tun:b: superpackets none (tun:a makes none), not glued "
	  "(tun:b cannot take what is glued), checksums complete, mtu 1500, 1 "
	  "queue, 1 worker" },
	{ &glue_on, &plain, &flat, 1, 1, 1500, 1,
	  "tun:a -> tun:b: superpackets none (tun:a makes none), not glued "
	  "(tun:b cannot take what is glued), checksums complete, copied "
	  "beyond 1 piece (tun:b takes no more), mtu 1500, 1 queue, 1 worker" },
	{ &glue_on, &tcp, &whole, 1, 1, 1500, 1,
	  "tun:a -> tun:b: superpackets tcp4+tcp6, glued tcp4+tcp6+udp (as "
	  "told), checksums partial, mtu 1500, 1 queue, 1 worker" },
	{ &defaults, &plain, &narrow, 1, 1, 1500, 1,
	  "tun:a -> tun:b: superpackets none (tun:a makes none), glued "
	  "tcp4+tcp6+udp (tun:a delivers packets one by one), checksums "
	  "complete, copied beyond 63 pieces (tun:b takes no more), mtu 1500, "
	  "1 queue, 1 worker" },
	{ &glue_off, &plain, &flat, 1, 1, 1500, 1,
	  "tun:a -> tun:b: superpackets none (tun:a makes none), checksums "
	  "complete, copied beyond 1 piece (tun:b takes no more), mtu 1500, 1 "
	  "queue, 1 worker" },
	{ &defaults, &sink, &whole, 1, 1, 1500, 1,
	  "tun:a -> tun:b: superpackets none, checksums complete, mtu 1500, "
	  "1 queue, 1 worker" },
};

static void plan_is_told_in_a_line(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		const struct text_case *c = &texts[i];
		struct vif_port_caps a_caps = caps_of(c->a);
		struct vif_port_caps b_caps = caps_of(c->b);
		struct plan_port port[2] = { { "tun:a", &a_caps },
					     { "tun:b", &b_caps } };
		struct plan plan;
		char text[512];

		a_caps.n_queue = c->a_queues;
		a_caps.mtu = c->a_mtu;
		b_caps.n_queue = c->b_queues;
		assert_int_equal(
			plan_make(&port[0], &port[1], c->choices, &plan, NULL),
			0);
		plan_text(&plan, VIF_A_TO_B, port, c->n_worker, text,
			  sizeof(text));
		assert_string_equal(text, c->text);
	}
}

static void other_direction_is_told_too(void **state)
{
	struct vif_port_caps a_caps = caps_of(&plain);
	struct vif_port_caps b_caps = caps_of(&tcp);
	struct plan_port port[2] = { { "tun:a", &a_caps },
				     { "tun:b", &b_caps } };
	struct plan plan;
	char text[512];

	(void)state;
	assert_int_equal(plan_make(&port[0], &port[1], &defaults, &plan, NULL),
			 0);
	plan_text(&plan, VIF_B_TO_A, port, 1, text, sizeof(text));
	assert_string_equal(text,
			    "tun:b -> tun:a: superpackets none (tcp4+tcp6 cut: "
			    "tun:a cannot take them), checksums finished "
			    "(tun:a wants them so), mtu 1500, 1 queue, "
			    "1 worker");
}

static void line_is_cut_to_the_buffer(void **state)
{
	struct vif_port_caps caps = caps_of(&whole);
	struct plan_port port[2] = { { "tun:a", &caps }, { "tun:b", &caps } };
	char full[512], text[512];
	struct plan plan;

	(void)state;
	assert_int_equal(plan_make(&port[0], &port[1], &defaults, &plan, NULL),
			 0);
	plan_text(&plan, VIF_B_TO_A, port, 1, full, sizeof(full));
	for (size_t size = 1; size <= strlen(full) + 1; size++) {
		memset(text, 'x', sizeof(text));
		plan_text(&plan, VIF_B_TO_A, port, 1, text, size);
		assert_int_equal(strlen(text), size - 1);
		assert_memory_equal(text, full, size - 1);
		assert_int_equal(text[size], 'x');
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(offloads_cross_where_both_can),
		cmocka_unit_test(lanes_are_what_both_have),
		cmocka_unit_test(refusals_say_what_to_change),
		cmocka_unit_test(every_worker_has_work),
		cmocka_unit_test(directions_stay_together),
		cmocka_unit_test(work_is_shared_evenly),
		cmocka_unit_test(plan_is_told_in_a_line),
		cmocka_unit_test(other_direction_is_told_too),
		cmocka_unit_test(line_is_cut_to_the_buffer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
