/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The bare loop again, with an io_uring instead of read and write: what could a
 * port gain by it? Figures and verdict: docs/design/tun-uring.md.
 *
 * usage: uringcable WAY[,OPTION...] KIND NETNS_A NAME_A NETNS_B NAME_B
 *
 *   plain    read and write, a packet each, as in barecable.c
 *   burst    read and write, up to depth packets one way first, packed
 *   writes   reads one by one, writes of a burst submitted together
 *   batch    reads that do not wait, and writes, submitted together; poll
 *   posted   single reads posted into buffers of their own
 *   multi    one multishot read for each device, and a ring of buffers
 *
 *   depth=N  packets of a burst, or buffers posted; default 8
 *   split    what a port could do: no submission for two devices at once; for
 *            posted and multi it implies coop
 *   mixed    batch: split, and single packets by read and write
 *   fixed    registered buffers, except for multishot reads
 *   link     writes of a burst chained, so that their order is guaranteed
 *   coop     completions at any system call, not only when waiting for them
 *
 * Devices are made and lines are said as by barecable. Packets of a device are
 * written in the order of their completions, which is the order of its reads;
 * see the page above for why the order of the writes holds.
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "device.h"
#include "ring.h"

/* Since Linux 6.7. */
enum { OP_READ_MULTISHOT = 49 };

enum limits {
	DEPTH_MAX = 128,
	/* Half of them are read into while the others are written. */
	BUFFERS = 2 * DEPTH_MAX,
	/* Whole pages, and the packets of all buffers begin alike. */
	BUFFER_SIZE = 17 * 4096,
	ARENA_SIZE = 3 * 65536,
};

enum request { READ = 1, WRITE = 2 };

struct way {
	uint32_t depth;
	bool split;
	bool mixed;
	bool fixed;
	bool link;
	bool coop;
};

/* A device, and what has been read from it. */
struct side {
	int fd;
	uint32_t index; /* also in the table of registered files */
	struct side *peer;
	struct ring *ring; /* for reads here, and for writes to here */
	char *memory;
	uint32_t n_posted; /* reads in the ring */
	uint32_t n_free;
	uint16_t free[BUFFERS];
	struct io_uring_buf_ring *buffers; /* multi: what is free is there */
	uint32_t want;                     /* batch: reads to submit */
	uint32_t n_got;                    /* batch: packets of this round */
	uint32_t streak; /* batch: rounds in which all reads had one */
};

static struct way way = { .depth = 8 };
static struct ring rings[2];
static struct side sides[2];
static uint32_t n_written[2]; /* by ring: writes that have not completed */
static struct io_uring_sqe *last_write; /* since the last submission */
static uint32_t last_write_at;

static char *packet_at(const struct side *side, uint32_t buffer)
{
	/* What follows the header begins a cache line. */
	return side->memory + (size_t)buffer * BUFFER_SIZE + CACHE_LINE -
	       HEADER_LEN;
}

static struct io_uring_sqe *queue(struct ring *ring, const struct side *device,
				  uint8_t opcode)
{
	struct io_uring_sqe *sqe = ring_queue(ring);

	sqe->opcode = opcode;
	sqe->flags = IOSQE_FIXED_FILE;
	sqe->fd = (int)device->index;
	return sqe;
}

static void set_data(struct io_uring_sqe *sqe, enum request request,
		     const struct side *side, uint32_t buffer)
{
	sqe->user_data = (uint64_t)request << 32 | side->index << 16 | buffer;
}

static struct io_uring_sqe *queue_read(struct side *side, uint32_t buffer)
{
	struct io_uring_sqe *sqe =
		queue(side->ring, side,
		      way.fixed ? IORING_OP_READ_FIXED : IORING_OP_READ);

	sqe->addr = (uintptr_t)packet_at(side, buffer);
	sqe->len = PACKET_MAX;
	sqe->buf_index = way.fixed ? (uint16_t)side->index : 0;
	set_data(sqe, READ, side, buffer);
	side->n_posted++;
	return sqe;
}

/* What was read from a side goes to the other one. */
static void queue_write(struct side *from, uint32_t buffer, uint32_t len)
{
	struct side *to = from->peer;
	struct io_uring_sqe *sqe =
		queue(to->ring, to,
		      way.fixed ? IORING_OP_WRITE_FIXED : IORING_OP_WRITE);

	sqe->addr = (uintptr_t)packet_at(from, buffer);
	sqe->len = len;
	sqe->buf_index = way.fixed ? (uint16_t)from->index : 0;
	set_data(sqe, WRITE, from, buffer);
	n_written[to->ring - rings]++;
	/* One that fails must not take the rest along: hard. */
	if (way.link && last_write && last_write_at + 1 == to->ring->tail &&
	    last_write->fd == sqe->fd)
		last_write->flags |= IOSQE_IO_HARDLINK;
	last_write = sqe;
	last_write_at = to->ring->tail;
}

static void submit(struct ring *ring, uint32_t n_wait)
{
	last_write = NULL;
	ring_enter(ring, n_wait);
}

static void put_back(struct side *side, uint32_t buffer)
{
	struct io_uring_buf *entry;
	uint16_t tail;

	if (!side->buffers) {
		side->free[side->n_free++] = (uint16_t)buffer;
		return;
	}
	side->n_free++;
	tail = side->buffers->tail;
	entry = &side->buffers->bufs[tail & (DEPTH_MAX - 1)];
	entry->addr = (uintptr_t)packet_at(side, buffer);
	entry->len = PACKET_MAX;
	entry->bid = (uint16_t)buffer;
	/* Pairs with the kernel's acquire: the entry is filled in. */
	__atomic_store_n(&side->buffers->tail, (uint16_t)(tail + 1),
			 __ATOMIC_RELEASE);
}

static bool is_over(int result)
{
	return result < 0 && result != -EAGAIN && result != -EINTR &&
	       result != -ENOBUFS && result != -ENOMEM;
}

static void have_read(struct side *side, const struct io_uring_cqe *cqe)
{
	uint32_t buffer = cqe->user_data & UINT16_MAX;

	if (is_over(cqe->res))
		exit(0); /* device gone. NOLINT(concurrency-*) */
	if (!(cqe->flags & IORING_CQE_F_MORE))
		side->n_posted--;
	if (cqe->flags & IORING_CQE_F_BUFFER) {
		buffer = cqe->flags >> IORING_CQE_BUFFER_SHIFT;
		side->n_free--;
	} else if (side->buffers) {
		return; /* no more buffers */
	}
	if (cqe->res <= 0) {
		put_back(side, buffer);
		return;
	}
	side->n_got++;
	queue_write(side, buffer, (uint32_t)cqe->res);
}

static void take_completions(struct ring *ring)
{
	struct io_uring_cqe cqe;

	while (ring_next(ring, &cqe)) {
		struct side *side = &sides[cqe.user_data >> 16 & 1];

		if (cqe.user_data >> 32 == READ) {
			have_read(side, &cqe);
			continue;
		}
		n_written[ring - rings]--;
		put_back(side, cqe.user_data & UINT16_MAX);
	}
}

/* plain, burst, writes */

static void put(int fd, const char *packet, size_t len)
{
	struct pollfd room = { .fd = fd, .events = POLLOUT };

	while (write(fd, packet, len) < 0) {
		if (errno == EAGAIN)
			wait_for(&room, 1);
		else if (errno != EINTR)
			return; /* refused, or the device is down: dropped */
	}
}

static bool move_plain(struct side *side)
{
	ssize_t len = read(side->fd, packet_at(side, 0), PACKET_MAX);

	if (len < 0)
		return errno == EINTR;
	put(side->peer->fd, packet_at(side, 0), (size_t)len);
	return true;
}

static size_t padded(size_t len)
{
	return (len + CACHE_LINE - 1) / CACHE_LINE * CACHE_LINE;
}

/* As a port of vif does it: packed, so that a burst stays in the cache. */
static bool move_burst(struct side *side)
{
	ssize_t len[DEPTH_MAX];
	uint32_t n = 0;
	size_t at = 0;

	for (; n < way.depth && at + PACKET_MAX <= ARENA_SIZE; n++) {
		len[n] = read(side->fd, packet_at(side, 0) + at, PACKET_MAX);
		if (len[n] < 0)
			break;
		at += padded((size_t)len[n]);
	}
	at = 0;
	for (uint32_t i = 0; i < n; i++) {
		put(side->peer->fd, packet_at(side, 0) + at, (size_t)len[i]);
		at += padded((size_t)len[i]);
	}
	return n > 0 || errno == EINTR;
}

static bool move_writes(struct side *side)
{
	uint32_t n = 0;

	for (; n < way.depth; n++) {
		uint32_t buffer = side->free[side->n_free - 1];
		ssize_t len =
			read(side->fd, packet_at(side, buffer), PACKET_MAX);

		if (len < 0)
			break;
		side->n_free--;
		queue_write(side, buffer, (uint32_t)len);
	}
	if (n == 0)
		return errno == EINTR;
	submit(side->ring, n);
	take_completions(side->ring);
	return true;
}

static void loop_calls(bool (*move)(struct side *side))
{
	struct pollfd fds[] = {
		{ .fd = sides[0].fd, .events = POLLIN },
		{ .fd = sides[1].fd, .events = POLLIN },
	};

	for (;;) {
		bool moved_a = move(&sides[0]);
		bool moved_b = move(&sides[1]);

		if (!moved_a && !moved_b)
			wait_for(fds, 2);
	}
}

/* batch: nothing stays in the ring, so poll is what sleeps */

static void queue_batch(struct side *side)
{
	side->n_got = 0;
	for (uint32_t i = 0; i < side->want; i++)
		queue_read(side, side->free[--side->n_free])->rw_flags =
			RWF_NOWAIT;
}

static void submit_all(struct ring *ring)
{
	submit(ring, ring->n_queued);
	take_completions(ring);
}

static void move_batch(struct side *side)
{
	if (way.mixed && side->want == 1) {
		side->n_got = move_plain(side);
		return;
	}
	queue_batch(side);
	submit_all(side->ring); /* reads */
	if (side->ring->n_queued > 0)
		submit_all(side->ring); /* writes */
}

static void round_batch(void)
{
	if (way.split) {
		move_batch(&sides[0]);
		move_batch(&sides[1]);
		return;
	}
	queue_batch(&sides[0]);
	queue_batch(&sides[1]);
	/* The writes that follow from it go with the next reads. */
	submit_all(sides[0].ring);
}

/*
 * Asks for more when everything asked for was there; beginning with one by one,
 * only when that happens again.
 */
static void adapt(struct side *side)
{
	bool full = side->n_got > 0 && side->n_got == side->want;

	side->streak = full ? side->streak + 1 : 0;
	if (!full)
		side->want = side->n_got;
	else if (!way.mixed || side->streak > 1)
		side->want *= 2;
	if (side->want > way.depth)
		side->want = way.depth;
	if (side->want == 0)
		side->want = 1;
}

static void loop_batch(void)
{
	struct pollfd fds[] = {
		{ .fd = sides[0].fd, .events = POLLIN },
		{ .fd = sides[1].fd, .events = POLLIN },
	};

	for (;;) {
		round_batch();
		if (sides[0].n_got > 0 || sides[1].n_got > 0) {
			adapt(&sides[0]);
			adapt(&sides[1]);
			continue;
		}
		wait_for(fds, 2);
		for (int i = 0; i < 2; i++)
			sides[i].want = fds[i].revents != 0;
	}
}

/* posted, multi: reads wait in the ring */

static void post_reads(struct side *side)
{
	struct io_uring_sqe *sqe;

	if (side->buffers && side->n_posted == 0 && side->n_free > 0) {
		sqe = queue(side->ring, side, OP_READ_MULTISHOT);
		sqe->flags |= IOSQE_BUFFER_SELECT;
		sqe->buf_group = (uint16_t)side->index;
		set_data(sqe, READ, side, 0);
		side->n_posted++;
	}
	while (!side->buffers && side->n_posted < way.depth && side->n_free > 0)
		queue_read(side, side->free[--side->n_free]);
}

/* One ring: it submits the writes of the last burst, and waits for the next. */
static void loop_one_ring(void)
{
	struct ring *ring = sides[0].ring;

	for (;;) {
		bool posted;

		post_reads(&sides[0]);
		post_reads(&sides[1]);
		/* Without a read posted, only writes are sure to complete. */
		posted = sides[0].n_posted > 0 && sides[1].n_posted > 0;
		submit(ring, n_written[0] + posted);
		take_completions(ring);
	}
}

/* A ring for each device: poll is what sleeps. */
static void loop_split(void)
{
	struct pollfd fds[] = {
		{ .fd = rings[0].fd, .events = POLLIN },
		{ .fd = rings[1].fd, .events = POLLIN },
	};

	for (;;) {
		bool idle = true;

		for (int i = 0; i < 2; i++) {
			post_reads(&sides[i]);
			if (!ring_is_pending(&rings[i]))
				continue;
			idle = false;
			submit(&rings[i], n_written[i]);
			take_completions(&rings[i]);
		}
		if (idle)
			wait_for(fds, 2);
	}
}

static void loop_posted(void)
{
	if (way.split)
		loop_split();
	else
		loop_one_ring();
}

/* Setting up */

static void *allocate(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

static void add_buffer_ring(struct side *side)
{
	struct io_uring_buf_reg request = { .ring_entries = DEPTH_MAX,
					    .bgid = (uint16_t)side->index };

	side->buffers = allocate(DEPTH_MAX * sizeof(struct io_uring_buf));
	request.ring_addr = (uintptr_t)side->buffers;
	ring_register(side->ring, IORING_REGISTER_PBUF_RING, &request, 1);
}

/*
 * With DEFER_TASKRUN the kernel looks for data only in io_uring_enter(), and
 * poll(2) on the ring never returns; so, no such ring where poll sleeps.
 */
static void set_up_rings(bool two)
{
	uint32_t flags = IORING_SETUP_SINGLE_ISSUER | IORING_SETUP_TASKRUN_FLAG;
	int fds[] = { sides[0].fd, sides[1].fd };
	struct iovec memory[] = {
		{ sides[0].memory, (size_t)BUFFERS * BUFFER_SIZE },
		{ sides[1].memory, (size_t)BUFFERS * BUFFER_SIZE },
	};

	flags |= way.coop || two ? IORING_SETUP_COOP_TASKRUN :
				   IORING_SETUP_DEFER_TASKRUN;
	for (int i = 0; i < 1 + two; i++) {
		ring_open(&rings[i], flags);
		ring_register(&rings[i], IORING_REGISTER_FILES, fds, 2);
		if (way.fixed)
			ring_register(&rings[i], IORING_REGISTER_BUFFERS,
				      memory, 2);
	}
}

static void set_up_side(uint32_t index, int fd)
{
	struct side *side = &sides[index];

	side->fd = fd;
	side->index = index;
	side->peer = &sides[1 - index];
	side->want = 1;
	side->memory = allocate((size_t)BUFFERS * BUFFER_SIZE);
}

static void run_plain(void)
{
	loop_calls(move_plain);
}

static void run_burst(void)
{
	loop_calls(move_burst);
}

static void run_writes(void)
{
	loop_calls(move_writes);
}

static const struct loop {
	const char *name;
	void (*run)(void);
	uint32_t n_ring;
	bool multishot;
} loops[] = {
	{ "plain", run_plain },       { "burst", run_burst },
	{ "writes", run_writes, 1 },  { "batch", loop_batch, 1 },
	{ "posted", loop_posted, 2 }, { "multi", loop_posted, 2, true },
};

static bool parse_option(const char *option)
{
	char *end;

	if (strcmp(option, "split") == 0)
		way.split = true;
	else if (strcmp(option, "mixed") == 0)
		way.split = way.mixed = true;
	else if (strcmp(option, "fixed") == 0)
		way.fixed = true;
	else if (strcmp(option, "link") == 0)
		way.link = true;
	else if (strcmp(option, "coop") == 0)
		way.coop = true;
	else if (strncmp(option, "depth=", 6) == 0)
		way.depth = (uint32_t)strtoul(option + 6, &end, 10);
	else
		return false;
	return way.depth > 0 && way.depth <= DEPTH_MAX;
}

static const struct loop *parse(char *text)
{
	const char *name = strsep(&text, ",");

	while (text)
		if (!parse_option(strsep(&text, ",")))
			return NULL;
	for (size_t i = 0; i < sizeof(loops) / sizeof(loops[0]); i++)
		if (strcmp(loops[i].name, name) == 0)
			return &loops[i];
	return NULL;
}

static void set_up(const struct loop *loop)
{
	bool two = loop->n_ring == 2 && way.split;
	uint32_t n = loop->multishot ? way.depth : 2 * way.depth;

	if (loop->n_ring > 0)
		set_up_rings(two);
	for (uint32_t i = 0; i < 2; i++) {
		sides[i].ring = &rings[two ? i : 0];
		if (loop->multishot)
			add_buffer_ring(&sides[i]);
		for (uint32_t buffer = 0; buffer < n; buffer++)
			put_back(&sides[i], buffer);
	}
}

int main(int argc, char **argv)
{
	const struct loop *loop = argc == 7 ? parse(argv[1]) : NULL;

	if (!loop) {
		(void)fprintf(stderr, "usage: uringcable WAY[,OPTION...] KIND "
				      "NETNS_A NAME_A NETNS_B NAME_B\n");
		return 2;
	}
	set_up_side(0, make_device(argv[2], argv[3], argv[4]));
	set_up_side(1, make_device(argv[2], argv[5], argv[6]));
	set_up(loop);
	say_ready();
	loop->run();
}
