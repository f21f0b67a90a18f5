/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A peer in another thread that writes whatever it likes into the rings, the
 * descriptors and the data, all the time, while our queues work on them.
 *
 * The memory lies within gigabytes that nobody may touch, so that no access out
 * of it goes unnoticed. What a queue says has to be within its word; a queue
 * that died is made anew. How long each call takes is bounded.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "base/bits.h"
#include "port/memif/queue.h"
#include "tests/memif_rig.h"
#include "wire/memif_msg.h"

enum hostile_test_sizes {
	CALLS = 40000,
	CALLS_SMALL = 4000, /* with VIF_TEST_SCALE=small */
	CALL_MAX_MS = 100,  /* of CPU, for a single call */
};

struct attack {
	struct rig *rig;
	atomic_bool done;
};

static uint64_t dice(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

/* A descriptor that is not always wrong, or nothing of it would be used. */
static struct memif_desc make_desc(struct rig *rig, uint64_t *seed)
{
	uint32_t size = (uint32_t)rig->server.region[0].size;
	uint64_t r = dice(seed);
	struct memif_desc desc = {
		.flags = (uint16_t)(r % 8 == 0),
		.region = (uint16_t)(r >> 8 & 255) == 0,
		.length = (uint32_t)(r >> 16) % 2048,
		.offset = (uint32_t)(r >> 32) % size,
		.metadata = (uint32_t)r,
	};

	if ((r >> 3) % 64 == 0)
		desc.length = (uint32_t)dice(seed);
	if ((r >> 4) % 64 == 0)
		desc.offset = (uint32_t)dice(seed);
	if ((r >> 5) % 64 == 0)
		desc.offset = size - (uint32_t)(r >> 40) % 2048;
	if ((r >> 6) % 64 == 0)
		desc.flags = (uint16_t)dice(seed);
	return desc;
}

/* Data races on purpose, which a race detector need not hear of. */
__attribute__((no_sanitize("thread"))) static void
scribble_data(struct rig *rig, uint64_t *seed)
{
	uint64_t at = dice(seed) % (rig->client.region[0].size - 64);

	for (int i = 0; i < 64; i++)
		((volatile uint8_t *)rig->client.region[0]
			 .base)[at + (uint64_t)i] = (uint8_t)*seed;
}

static void scribble_index(_Atomic uint16_t *index, uint64_t *seed)
{
	uint64_t r = dice(seed);

	if (r % 64 == 0)
		memif_ring_give(index, (uint16_t)(r >> 16));
	else
		memif_ring_give(index, (uint16_t)(memif_ring_look(index) +
						  (r >> 8) % 5));
}

static void *scribble(void *argument)
{
	struct attack *attack = argument;
	struct rig *rig = attack->rig;
	uint64_t seed = 88172645463325252u;

	while (!atomic_load(&attack->done)) {
		uint64_t r = dice(&seed);
		const struct memif_ring *ring = &rig->ring[r % 2];
		struct memif_desc desc = make_desc(rig, &seed);

		memif_slot_write(memif_ring_slot(ring, (uint16_t)(r >> 8)),
				 &desc);
		if ((r >> 24) % 4 == 0)
			scribble_index(ring->head, &seed);
		if ((r >> 26) % 4 == 0)
			scribble_index(ring->tail, &seed);
		if ((r >> 28) % 16 == 0)
			memif_ring_mask(ring, (r >> 32) % 2);
		if ((r >> 33) % 16 == 0)
			scribble_data(rig, &seed);
	}
	return NULL;
}

/* Every piece lies in the region, or in private memory if it may. */
static void check_batch(const struct rig *rig, enum rig_end end)
{
	const struct memif_region *region = end == RIG_SERVER_RX ?
						    &rig->server.region[0] :
						    &rig->client.region[0];
	volatile uint8_t sum = 0;

	for (uint32_t i = 0; i < rig->batch->n; i++) {
		const struct vif_packet *packet = &rig->batch->packet[i];
		uint64_t len = 0;

		assert_in_range(packet->n_seg, 1, VIF_PACKET_SEG_MAX);
		for (uint16_t s = 0; s < packet->n_seg; s++) {
			const uint8_t *data = packet->seg[s].iov_base;
			size_t n = packet->seg[s].iov_len;
			size_t off = (size_t)(data - region->base);

			len += n;
			assert_true(n > 0);
			if (s > 0 || packet->n_seg == 1)
				assert_true(
					!(packet->flags & VIF_PACKET_HOSTILE) ||
					packet->len <= VIF_PACKET_HDR_MAX ||
					(off < region->size &&
					 n <= region->size - off));
			sum = (uint8_t)(sum + data[0] + data[n - 1]);
		}
		assert_int_equal(len, packet->len);
		assert_in_range(len, 1, VIF_PACKET_LEN_MAX);
	}
}

static uint64_t cpu_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void receive(struct rig *rig, enum rig_end end)
{
	int r = rig_receive(rig, end);

	if (r <= 0)
		return;
	check_batch(rig, end);
	/* Sent on, once by copying and once by swapping. */
	(void)memif_queue_tx(rig->queue[RIG_SERVER_TX], rig->batch->packet,
			     (uint32_t)r);
	if (end == RIG_CLIENT_RX)
		(void)memif_queue_swap(rig->queue[end], rig->batch, 0,
				       (uint32_t)r, rig->queue[RIG_CLIENT_TX]);
	rig_done(rig, end);
}

static void reserve(struct rig *rig, enum rig_end end, uint64_t *seed)
{
	struct memif_buffer buffer[8];
	int n = memif_queue_reserve(rig->queue[end], buffer, 8);

	for (int i = 0; i < n; i++) {
		memset(buffer[i].data, 1, buffer[i].len);
		buffer[i].next = i + 1 < n && dice(seed) % 2;
	}
	if (n > 0)
		assert_int_equal(memif_queue_commit(rig->queue[end], buffer,
						    (uint32_t)n),
				 0);
}

static void send(struct rig *rig, enum rig_end end, uint64_t *seed)
{
	static uint8_t data[20000];
	uint64_t r = dice(seed);
	uint32_t len = (uint32_t)(r >> 8) % (r % 4 ? 200 : 20000) + 1;

	(void)rig_send(rig, end, data, len);
}

static void call(struct rig *rig, enum rig_end end, uint64_t *seed)
{
	if (end == RIG_SERVER_RX || end == RIG_CLIENT_RX)
		receive(rig, end);
	else if (dice(seed) % 4 == 0)
		reserve(rig, end, seed);
	else
		send(rig, end, seed);
	(void)memif_queue_arm(rig->queue[end]);
}

/* What died is replaced, as if the peer had connected again. */
static uint32_t replace_dead(struct rig *rig)
{
	uint32_t n = 0;

	for (int end = 0; end < RIG_ENDS; end++) {
		struct memif_queue_config config =
			rig_queue_config(rig, (enum rig_end)end);

		if (memif_queue_fault(rig->queue[end]) == MEMIF_FAULT_NONE)
			continue;
		memif_queue_free(rig->queue[end]);
		rig_need(memif_queue_new(&config, &rig->queue[end]) == 0,
			 "queue");
		memif_queue_start(rig->queue[end]);
		n++;
	}
	return n;
}

static uint32_t n_calls(void)
{
	/* NOLINTNEXTLINE(concurrency-mt-unsafe): nobody changes it */
	const char *scale = getenv("VIF_TEST_SCALE");

	return scale && strcmp(scale, "small") == 0 ? CALLS_SMALL : CALLS;
}

/*
 * An attack that nobody notices is none: on a busy machine the attacker may get
 * a CPU late. Rings that are mended do not die of it.
 */
static void withstand(const struct rig_config *config)
{
	struct attack attack = { .rig = rig_new(config) };
	bool must_die = !config->resync;
	uint64_t seed = 1234567, worst_ns = 0;
	uint32_t deaths = 0;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, scribble, &attack), 0);
	for (uint32_t i = 0; i < n_calls() || (must_die && deaths == 0); i++) {
		enum rig_end end = (enum rig_end)(dice(&seed) % RIG_ENDS);
		uint64_t start_ns = cpu_ns(), ns;

		call(attack.rig, end, &seed);
		ns = cpu_ns() - start_ns;
		worst_ns = ns > worst_ns ? ns : worst_ns;
		deaths += replace_dead(attack.rig);
	}
	atomic_store(&attack.done, true);
	assert_int_equal(pthread_join(thread, NULL), 0);
	(void)printf("%u links died; the worst call took %.1f ms\n", deaths,
		     (double)worst_ns / 1e6);
	assert_true(worst_ns < CALL_MAX_MS * UINT64_C(1000000));
	rig_free(attack.rig);
}

static void small_rings_withstand(void **state)
{
	(void)state;
	withstand(&(struct rig_config){ .is_fenced = true });
	withstand(&(struct rig_config){ .is_fenced = true, .resync = true });
}

static void large_rings_withstand(void **state)
{
	(void)state;
	withstand(&(struct rig_config){
		.is_fenced = true, .log2_size = 15, .buffer_size = 64 });
	withstand(&(struct rig_config){ .is_fenced = true,
					.resync = true,
					.log2_size = 15,
					.buffer_size = 64 });
}

/* It also says anything of its packets, and we send it some of its own. */
static void rings_with_offload_state_withstand(void **state)
{
	(void)state;
	withstand(&(struct rig_config){ .is_fenced = true,
					.ride = MEMIF_RIDE_ALL });
	withstand(&(struct rig_config){ .is_fenced = true,
					.ride = MEMIF_RIDE_ALL,
					.resync = true,
					.buffer_size = 64 });
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(small_rings_withstand),
		cmocka_unit_test(rings_with_offload_state_withstand),
		cmocka_unit_test(large_rings_withstand),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
