/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of where rings may lie. */
#include "port/memif/geometry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/bits.h"
#include "tests/memif_places.h"

/* Two regions of a megabyte, and a ring of 1024 slots at the beginning. */
static void set_up(struct memif_geometry *geometry, uint8_t line)
{
	const struct memif_msg_add_ring first = {
		.flags = MEMIF_MSG_RING_C2S,
		.log2_size = 10,
	};

	*geometry = (struct memif_geometry){
		.n_region = 2,
		.line = line,
		.region_size = { 1 << 20, 1 << 20 },
	};
	memif_geometry_add_ring(geometry, &first);
}

struct ring_case {
	const char *what;
	struct memif_msg_add_ring ring;
	enum memif_down down;
	uint8_t line;
};

/* offset, flags, index, region, private_len, log2_size */
static const struct ring_case ring_cases[] = {
	{ "behind the first", { 16512, 0, 0, 0, 0, 10 }, MEMIF_DOWN_NONE, 64 },
	{ "the second to the server", { 16512, 1, 1, 0, 0, 10 }, 0, 64 },
	{ "other flags are nothing", { 16512, 0xfffe, 0, 0, 0, 10 }, 0, 64 },
	{ "other flags, to the server", { 16512, 0xffff, 1, 0, 0, 9 }, 0, 64 },
	{ "in the other region", { 0, 0, 0, 1, 0, 10 }, 0, 64 },
	{ "the smallest", { 16512, 0, 0, 0, 0, 1 }, 0, 64 },
	{ "the largest", { 0, 0, 0, 1, 0, 15 }, 0, 64 },
	{ "up to the end", { (1 << 20) - 16512, 0, 0, 0, 0, 10 }, 0, 64 },
	{ "up to the end, long lines",
	  { (1 << 20) - 16640, 0, 0, 0, 0, 10 },
	  0,
	  128 },

	{ "index of the first once more",
	  { 16512, 1, 0, 0, 0, 10 },
	  MEMIF_DOWN_RING_INDEX,
	  64 },
	{ "index too high",
	  { 16512, 0, 1, 0, 0, 10 },
	  MEMIF_DOWN_RING_INDEX,
	  64 },
	{ "index far away",
	  { 16512, 0, 65535, 0, 0, 10 },
	  MEMIF_DOWN_RING_INDEX,
	  64 },
	{ "no slots to speak of",
	  { 16512, 0, 0, 0, 0, 0 },
	  MEMIF_DOWN_RING_SIZE,
	  64 },
	{ "2^16 slots", { 0, 0, 0, 1, 0, 16 }, MEMIF_DOWN_RING_SIZE, 64 },
	{ "2^31 slots", { 0, 0, 0, 1, 0, 31 }, MEMIF_DOWN_RING_SIZE, 64 },
	{ "2^255 slots", { 0, 0, 0, 1, 0, 255 }, MEMIF_DOWN_RING_SIZE, 64 },
	{ "private header",
	  { 16512, 0, 0, 0, 1, 10 },
	  MEMIF_DOWN_RING_PRIVATE,
	  64 },
	{ "next region", { 0, 0, 0, 2, 0, 10 }, MEMIF_DOWN_RING_REGION, 64 },
	{ "region 255", { 0, 0, 0, 255, 0, 10 }, MEMIF_DOWN_RING_REGION, 64 },
	{ "region 65535",
	  { 0, 0, 0, 65535, 0, 10 },
	  MEMIF_DOWN_RING_REGION,
	  64 },
	{ "odd offset", { 16513, 0, 0, 0, 0, 10 }, MEMIF_DOWN_RING_ALIGN, 64 },
	{ "half a line", { 16544, 0, 0, 0, 0, 10 }, MEMIF_DOWN_RING_ALIGN, 64 },
	{ "a line too far",
	  { (1 << 20) - 16448, 0, 0, 0, 0, 10 },
	  MEMIF_DOWN_RING_RANGE,
	  64 },
	{ "long lines too far",
	  { (1 << 20) - 16576, 0, 0, 0, 0, 10 },
	  MEMIF_DOWN_RING_RANGE,
	  128 },
	{ "at the end", { 1 << 20, 0, 0, 1, 0, 10 }, MEMIF_DOWN_RING_RANGE, 64 },
	{ "around the end of 32 bits",
	  { 0xffffffc0, 0, 0, 0, 0, 10 },
	  MEMIF_DOWN_RING_RANGE,
	  64 },
	{ "the same place", { 0, 0, 0, 0, 0, 10 }, MEMIF_DOWN_RING_OVERLAP, 64 },
	{ "in the first", { 64, 0, 0, 0, 0, 1 }, MEMIF_DOWN_RING_OVERLAP, 64 },
	{ "in the last line of the first",
	  { 16448, 0, 0, 0, 0, 10 },
	  MEMIF_DOWN_RING_OVERLAP,
	  64 },
	{ "in the last long line of the first",
	  { 16576, 0, 0, 0, 0, 10 },
	  MEMIF_DOWN_RING_OVERLAP,
	  128 },
};

static void rings_are_judged(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(ring_cases); i++) {
		const struct ring_case *c = &ring_cases[i];
		struct memif_geometry geometry;
		struct memif_objection objection;

		print_message("%s\n", c->what);
		set_up(&geometry, c->line);
		objection = memif_geometry_ring(&geometry, &c->ring, 2);
		assert_int_equal(objection.down, c->down);
		assert_int_equal(objection.text[0] != '\0', c->down != 0);
	}
}

/* A large one around a small one, in both orders. */
static void overlaps_are_seen_from_outside(void **state)
{
	const struct memif_msg_add_ring inner = { 6400, 0, 0, 1, 0, 4 };
	const struct memif_msg_add_ring outer = { 0, 1, 1, 1, 0, 12 };
	struct memif_geometry geometry;

	(void)state;
	set_up(&geometry, 64);
	assert_int_equal(memif_geometry_ring(&geometry, &inner, 2).down, 0);
	memif_geometry_add_ring(&geometry, &inner);
	assert_int_equal(memif_geometry_ring(&geometry, &outer, 2).down,
			 MEMIF_DOWN_RING_OVERLAP);
}

static void rings_are_limited(void **state)
{
	struct memif_geometry geometry = { .n_region = 1, .line = 64 };
	struct memif_msg_add_ring ring = { .log2_size = 1 };

	(void)state;
	geometry.region_size[0] = 1 << 20;
	for (ring.index = 0; ring.index < MEMIF_RINGS_MAX; ring.index++) {
		assert_int_equal(
			memif_geometry_ring(&geometry, &ring, ring.index).down,
			MEMIF_DOWN_RING_COUNT);
		assert_int_equal(
			memif_geometry_ring(&geometry, &ring, UINT16_MAX).down,
			0);
		memif_geometry_add_ring(&geometry, &ring);
		ring.offset += 192;
	}
	assert_int_equal(memif_geometry_ring(&geometry, &ring, UINT16_MAX).down,
			 MEMIF_DOWN_RING_COUNT);
}

/* Rings at these offsets of region 0, in this order. */
struct line_case {
	const char *what;
	unsigned int n;
	uint32_t offset[4];
	uint8_t log2_size;
	uint8_t line;
	uint8_t line_default;
	uint8_t expected; /* 0: refused */
};

static const struct line_case line_cases[] = {
	{ "short", 2, { 0, 16512 }, 10, 0, 128, 64 },
	{ "long", 2, { 0, 16640 }, 10, 0, 64, 128 },
	{ "short, backwards", 2, { 16512, 0 }, 10, 0, 128, 64 },
	{ "long, backwards", 2, { 16640, 0 }, 10, 0, 64, 128 },
	{ "long, not at the beginning", 2, { 4096, 20736 }, 10, 0, 64, 128 },
	{ "long, four", 4, { 0, 16640, 33280, 49920 }, 10, 0, 64, 128 },
	{ "long, the smallest that are aligned", 2, { 0, 320 }, 2, 0, 64, 128 },
	{ "short, the largest", 2, { 0, 524416 }, 15, 0, 128, 64 },
	{ "a single one", 1, { 0 }, 10, 0, 128, 128 },
	{ "a single one, short", 1, { 0 }, 10, 0, 64, 64 },
	{ "far apart", 2, { 0, 65536 }, 10, 0, 64, 64 },
	{ "some close, some not", 3, { 0, 16640, 33152 }, 10, 0, 128, 64 },
	{ "between the two", 2, { 0, 16576 }, 10, 0, 64, 64 },
	{ "between the two, long", 2, { 0, 16576 }, 10, 0, 128, 0 },
	{ "told, and so it is", 2, { 0, 16640 }, 10, 128, 64, 128 },
	{ "told, but too close", 2, { 0, 16512 }, 10, 128, 64, 0 },
	{ "told short, though it looks long", 2, { 0, 16640 }, 10, 64, 64, 64 },
};

static void the_line_is_found(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(line_cases); i++) {
		const struct line_case *c = &line_cases[i];
		struct memif_geometry geometry = { .n_region = 1,
						   .line = c->line };
		struct memif_objection objection;

		print_message("%s\n", c->what);
		geometry.region_size[0] = 1 << 24;
		for (uint16_t k = 0; k < c->n; k++) {
			const struct memif_msg_add_ring ring = {
				.offset = c->offset[k],
				.flags = k % 2 ? 0 : MEMIF_MSG_RING_C2S,
				.log2_size = c->log2_size,
			};

			memif_geometry_add_ring(&geometry, &ring);
		}
		objection = memif_geometry_finish(&geometry, c->line_default);
		if (c->expected)
			assert_int_equal(geometry.line, c->expected);
		assert_int_equal(objection.down,
				 c->expected ? 0 : MEMIF_DOWN_RING_OVERLAP);
	}
}

/* It fits while the line is unknown, and does not when it is found long. */
static void the_last_ring_is_checked_again(void **state)
{
	struct memif_geometry geometry = { .n_region = 1 };
	struct memif_msg_add_ring ring = { .log2_size = 10 };

	(void)state;
	geometry.region_size[0] = 16640 + 16512;
	assert_int_equal(memif_geometry_ring(&geometry, &ring, 2).down, 0);
	memif_geometry_add_ring(&geometry, &ring);
	ring.index = 1;
	ring.offset = 16640;
	assert_int_equal(memif_geometry_ring(&geometry, &ring, 2).down, 0);
	memif_geometry_add_ring(&geometry, &ring);
	assert_int_equal(memif_geometry_finish(&geometry, 64).down,
			 MEMIF_DOWN_RING_RANGE);
}

static void one_ring_is_needed(void **state)
{
	struct memif_geometry geometry = { .n_region = 1 };

	(void)state;
	geometry.region_size[0] = 4096;
	assert_int_equal(memif_geometry_finish(&geometry, 64).down,
			 MEMIF_DOWN_RING_NONE);
}

/* What a client lays out passes a server, which finds the line. */
static void layouts_pass_the_judge(void **state)
{
	static const uint16_t counts[][2] = { { 1, 1 },    { 4, 2 },
					      { 1, 0 },    { 0, 3 },
					      { 255, 1 },  { 1, 255 },
					      { 256, 256 } };

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(counts) * 2 * MEMIF_LOG2_MAX; i++) {
		const uint16_t *n = counts[i % ARRAY_LEN(counts)];
		uint8_t line = i / ARRAY_LEN(counts) % 2 ? 64 : 128;
		uint8_t log2_size = (uint8_t)(1 + i / ARRAY_LEN(counts) / 2);
		struct memif_geometry ours = {
			.n_region = 1,
			.n_ring = { n[0], n[1] },
			.log2_size = log2_size,
			.line = line,
		};
		struct memif_geometry theirs = { .n_region = 1 };
		uint64_t len = memif_geometry_lay_out(&ours);

		assert_true(len <= UINT32_MAX);
		theirs.region_size[0] = len;
		for (int to = 0; to < MEMIF_DIRECTIONS; to++)
			for (uint16_t k = 0; k < n[to]; k++) {
				const struct memif_place *place =
					&ours.ring[to][k];
				const struct memif_msg_add_ring ring = {
					.offset = place->offset,
					.flags = to == MEMIF_C2S,
					.index = k,
					.log2_size = place->log2_size,
				};

				assert_int_equal(
					memif_geometry_ring(&theirs, &ring, 256)
						.down,
					0);
				memif_geometry_add_ring(&theirs, &ring);
			}
		assert_int_equal(memif_geometry_finish(&theirs, line).down, 0);
		assert_int_equal(theirs.line, line);
		assert_true(same_places(&ours, &theirs));
	}
}

/* Where DPDK, VPP, libmemif and gomemif have them. */
static void layouts_are_the_usual_ones(void **state)
{
	struct memif_geometry geometry = {
		.n_ring = { 2, 1 },
		.log2_size = 10,
		.line = 64,
	};

	(void)state;
	assert_int_equal(memif_geometry_lay_out(&geometry), 3 * 16512);
	assert_int_equal(geometry.ring[MEMIF_C2S][0].offset, 0);
	assert_int_equal(geometry.ring[MEMIF_C2S][1].offset, 16512);
	assert_int_equal(geometry.ring[MEMIF_S2C][0].offset, 2 * 16512);
	assert_int_equal(geometry.ring[MEMIF_S2C][0].log2_size, 10);
}

static void reasons_have_names(void **state)
{
	(void)state;
	for (int i = 0; i < MEMIF_DOWN_N; i++) {
		const char *name = memif_down_name((enum memif_down)i);

		assert_true(name[0] != '\0');
		for (int k = 0; k < i; k++)
			assert_string_not_equal(
				name, memif_down_name((enum memif_down)k));
	}
	assert_false(memif_down_is_violation(MEMIF_DOWN_SECRET_RATE));
	assert_true(memif_down_is_violation(MEMIF_DOWN_RECORD_LEN));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rings_are_judged),
		cmocka_unit_test(overlaps_are_seen_from_outside),
		cmocka_unit_test(rings_are_limited),
		cmocka_unit_test(the_line_is_found),
		cmocka_unit_test(the_last_ring_is_checked_again),
		cmocka_unit_test(one_ring_is_needed),
		cmocka_unit_test(layouts_pass_the_judge),
		cmocka_unit_test(layouts_are_the_usual_ones),
		cmocka_unit_test(reasons_have_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
