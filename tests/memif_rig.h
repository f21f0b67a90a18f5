/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Both ends of a memif link without a control channel: what tests, fuzz targets
 * and benchmarks of the data path need.
 *
 * One region holds a ring for each direction, and the buffers of both behind
 * them. The server maps it a second time, as it would in another process.
 */
#ifndef TESTS_MEMIF_RIG_H
#define TESTS_MEMIF_RIG_H

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "port/memif/queue.h"

enum rig_end { RIG_CLIENT_TX, RIG_SERVER_RX, RIG_SERVER_TX, RIG_CLIENT_RX };

enum rig_sizes {
	RIG_ENDS = 4,
	RIG_BATCH = 64,
	RIG_SEGS = 4096,
};

/* Zero means what is behind it. */
struct rig_config {
	uint32_t buffer_size; /* 2048 */
	uint32_t stride;      /* buffer_size */
	uint32_t headroom;    /* 0 */
	uint32_t spins;       /* 3 */
	enum memif_rx_mode rx_mode;
	bool is_prompt;
	uint16_t index;    /* where all indices start; 0 */
	uint16_t ride;     /* 0 */
	uint8_t log2_size; /* 4 */
	uint8_t line;      /* 64 */
	bool resync;
	bool is_unsealed; /* memory that can shrink, and the guard */
	bool is_fenced; /* nothing within reach of a descriptor but the region */
};

struct rig {
	struct rig_config config;
	struct memif_regions client;
	struct memif_regions server;
	struct memif_kicker kicker;
	int event[2]; /* of each direction */
	struct port_counters counters[RIG_ENDS];
	struct memif_queue *queue[RIG_ENDS];
	struct memif_ring ring[2]; /* c2s, s2c; as the client sees them */
	struct vif_batch *batch;
	uint8_t *fence[2]; /* around what client and server map */
};

/* A descriptor reaches 4 GiB of offset and of length. */
#define RIG_FENCE_SIZE ((size_t)9 << 30)
#define RIG_FENCE_OFF  ((size_t)64 << 10)

/* Here nothing that must work may fail. */
static inline void rig_need(bool holds, const char *what)
{
	if (holds)
		return;
	perror(what);
	abort();
}

static inline uint32_t rig_ring_bytes(const struct rig *rig)
{
	return memif_ring_bytes(rig->config.line, rig->config.log2_size);
}

static inline uint32_t rig_buffers_offset(const struct rig *rig)
{
	return (2 * rig_ring_bytes(rig) + 63) / 64 * 64;
}

static inline uint32_t rig_direction(enum rig_end end)
{
	return end == RIG_CLIENT_TX || end == RIG_SERVER_RX ? 0 : 1;
}

/* Maps a region where any wrong access is deadly. */
static inline uint8_t *rig_put_fence(struct memif_regions *regions, int fd,
				     uint64_t size)
{
	uint8_t *fence =
		mmap(NULL, RIG_FENCE_SIZE, PROT_NONE,
		     MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	void *base;

	rig_need(fence != MAP_FAILED, "fence");
	base = mmap(fence + RIG_FENCE_OFF, size, PROT_READ | PROT_WRITE,
		    MAP_SHARED | MAP_FIXED, fd, 0);
	rig_need(base != MAP_FAILED, "mmap");
	rig_need(memif_regions_borrow(regions, fd, base, size) == 0, "borrow");
	return fence;
}

static inline void rig_make_fenced(struct rig *rig, uint64_t size)
{
	int fd = memfd_create("rig", MFD_CLOEXEC);

	size = (size + 4095) / 4096 * 4096;
	rig_need(ftruncate(fd, (off_t)size) == 0, "ftruncate");
	rig->fence[0] = rig_put_fence(&rig->client, fd, size);
	rig->fence[1] = rig_put_fence(&rig->server, fd, size);
}

static inline void rig_make_memory(struct rig *rig)
{
	uint64_t size =
		rig_buffers_offset(rig) +
		((uint64_t)2 * rig->config.stride << rig->config.log2_size);
	enum memif_verdict verdict = MEMIF_VERDICT_GOOD;
	int fd;

	memif_regions_init(&rig->client, 0);
	memif_regions_init(&rig->server, 0);
	if (rig->config.is_fenced) {
		rig_make_fenced(rig, size);
		return;
	}
	if (rig->config.is_unsealed) {
		fd = memfd_create("rig",
				  MFD_CLOEXEC); /* nothing can be sealed */
		verdict = MEMIF_VERDICT_UNSEALED;
		rig_need(ftruncate(fd, (off_t)size) == 0, "ftruncate");
		rig_need(memif_regions_add(&rig->client, fd, size, verdict) ==
				 0,
			 "add");
		rig_need(memif_regions_map(&rig->client) == 0, "map");
	} else {
		rig_need(memif_regions_create(&rig->client, size) == 0,
			 "memory");
	}
	fd = fcntl(rig->client.region[0].fd, F_DUPFD_CLOEXEC, 0);
	size = rig->client.region[0].size;
	rig_need(memif_regions_add(&rig->server, fd, size, verdict) == 0,
		 "add");
	rig_need(memif_regions_map(&rig->server) == 0, "map");
}

static inline struct memif_queue_config rig_queue_config(struct rig *rig,
							 enum rig_end end)
{
	uint32_t direction = rig_direction(end);
	bool is_client = end == RIG_CLIENT_TX || end == RIG_CLIENT_RX;

	return (struct memif_queue_config){
		.regions = is_client ? &rig->client : &rig->server,
		.kicker = rig->kicker.context ? &rig->kicker : NULL,
		.counters = &rig->counters[end],
		.medium = VIF_MEDIUM_ETH,
		.is_client = is_client,
		.is_tx = end == RIG_CLIENT_TX || end == RIG_SERVER_TX,
		.ride = rig->config.ride,
		.resync = rig->config.resync,
		.is_prompt = rig->config.is_prompt,
		.rx_mode = rig->config.rx_mode,
		.log2_size = rig->config.log2_size,
		.line = rig->config.line,
		.offset = direction * rig_ring_bytes(rig),
		.event_fd = rig->event[direction],
		.buffer_offset = rig_buffers_offset(rig) +
				 ((uint64_t)direction * rig->config.stride
				  << rig->config.log2_size),
		.buffer_stride = rig->config.stride,
		.buffer_size = rig->config.buffer_size,
		.headroom = rig->config.headroom,
		.spins = rig->config.spins,
	};
}

static inline void rig_start(struct rig *rig)
{
	for (int end = 0; end < RIG_ENDS; end++) {
		struct memif_queue_config config =
			rig_queue_config(rig, (enum rig_end)end);

		rig_need(memif_queue_new(&config, &rig->queue[end]) == 0,
			 "queue");
		memif_queue_set_index(rig->queue[end], rig->config.index);
		memif_queue_start(rig->queue[end]);
	}
}

static inline struct rig *rig_new(const struct rig_config *config)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	rig_need(rig, "calloc");
	rig->config = *config;
	if (!config->log2_size)
		rig->config.log2_size = 4;
	if (!config->line)
		rig->config.line = 64;
	if (!config->buffer_size)
		rig->config.buffer_size = 2048;
	if (!config->stride)
		rig->config.stride = rig->config.buffer_size;
	if (!config->spins)
		rig->config.spins = 3;
	(void)memif_kicker_init(&rig->kicker); /* it works without */
	for (int i = 0; i < 2; i++)
		rig_need((rig->event[i] = memif_event_create()) >= 0, "event");
	rig_make_memory(rig);
	for (uint32_t i = 0; i < 2; i++) {
		rig_need(memif_ring_attach(
				 &rig->ring[i],
				 rig->client.region[0].base +
					 (size_t)i * rig_ring_bytes(rig),
				 rig->config.line, rig->config.log2_size) == 0,
			 "ring");
		memif_ring_format(&rig->ring[i]);
		memif_ring_give(rig->ring[i].head, rig->config.index);
		memif_ring_give(rig->ring[i].tail, rig->config.index);
	}
	rig_start(rig);
	rig_need(vif_batch_new(RIG_BATCH, RIG_SEGS, &rig->batch) == 0, "batch");
	return rig;
}

static inline void rig_free(struct rig *rig)
{
	for (int end = 0; end < RIG_ENDS; end++)
		memif_queue_free(rig->queue[end]);
	if (rig->config.is_fenced) {
		(void)close(rig->client.region[0].fd);
		(void)munmap(rig->fence[0], RIG_FENCE_SIZE);
		(void)munmap(rig->fence[1], RIG_FENCE_SIZE);
	}
	memif_regions_fini(&rig->server);
	memif_regions_fini(&rig->client);
	memif_kicker_fini(&rig->kicker);
	(void)close(rig->event[0]);
	(void)close(rig->event[1]);
	vif_batch_free(rig->batch);
	free(rig);
}

/* Room for packets of one piece each, made anew for each burst. */
static inline struct vif_packet rig_packet(struct iovec *seg, void *data,
					   uint32_t len)
{
	*seg = (struct iovec){ data, len };
	return (struct vif_packet){ .seg = seg, .len = len, .n_seg = 1 };
}

static inline int rig_send(struct rig *rig, enum rig_end end, void *data,
			   uint32_t len)
{
	struct iovec seg;
	struct vif_packet packet = rig_packet(&seg, data, len);

	return memif_queue_tx(rig->queue[end], &packet, 1);
}

static inline int rig_receive(struct rig *rig, enum rig_end end)
{
	vif_batch_clear(rig->batch);
	return memif_queue_rx(rig->queue[end], rig->batch);
}

static inline void rig_done(struct rig *rig, enum rig_end end)
{
	memif_queue_rx_done(rig->queue[end]);
	vif_batch_clear(rig->batch);
}

#endif
