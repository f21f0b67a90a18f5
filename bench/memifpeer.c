/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The other side of a memif link that is measured. It moves ring indices and
 * lengths and never touches a payload, so that it is not what limits.
 *
 *	memifpeer load ADDRESS SIZE MS [both]   server of the ids 0 and 1
 *	memifpeer ping ADDRESS COUNT GAP_US     the same
 *	memifpeer forward ADDRESS               two clients, for the ceiling
 *
 * Whoever is measured joins id 0 to id 1. "load" sends packets of SIZE bytes on
 * 0 and counts what arrives on 1, with "both" in both directions; "ping" sends
 * one packet around, 0 to 1 to 0, and waits GAP_US between two of them.
 * "forward" stands in the place of what is measured and moves no payload
 * either: what passes it is the most that "load" can do.
 *
 * The least of the protocol that this takes, by itself: it knows none of vif's
 * headers. It trusts its peer, as none that serves strangers may.
 */
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum limits {
	N_PORT = 2,
	N_REGION_MAX = 256,
	RECORD_LEN = 128,
	LOG2_SIZE = 10, /* "forward": rings and buffers as they are measured */
	BUFFER_SIZE = 2048,
	LINE = 64,
	BATCH = 256,
	TURNS = 64, /* between two looks at the clock */
	WARM_UP_MS = 200,
	PATIENCE_S = 30, /* on top of what is measured */
	SIZE_MIN = 60,
	COUNT_MAX = 10 * 1000 * 1000,
	MS_MAX = 600 * 1000,
	PING_WARM_UP = 500,
};

#define COOKIE UINT32_C(0x03e31f20)
#define NS_MS  UINT64_C(1000000)

enum { VERSION = 0x0200, MASK_EVENT = 1, NEXT = 1, TO_SERVER = 1 };

enum kind {
	ACK = 1,
	HELLO,
	INIT,
	ADD_REGION,
	ADD_RING,
	CONNECT,
	CONNECTED,
	DISCONNECT,
};

struct __attribute__((packed)) record {
	uint16_t kind;
	union {
		struct __attribute__((packed)) {
			char name[32];
			uint16_t version_min, version_max;
			uint16_t region, to_client, to_server; /* last index */
			uint8_t log2_size;
		} hello;
		struct __attribute__((packed)) {
			uint16_t version;
			uint32_t id;
			uint8_t mode;
			char secret[24], name[32];
		} init;
		struct __attribute__((packed)) {
			uint16_t index;
			uint64_t size;
		} region;
		struct __attribute__((packed)) {
			uint16_t flags, index, region;
			uint32_t offset;
			uint8_t log2_size;
			uint16_t private_size;
		} ring;
		char reason[100];
		char all[RECORD_LEN - 2];
	} u;
};
_Static_assert(sizeof(struct record) == RECORD_LEN, "as on the wire");

struct slot {
	uint16_t flags, region;
	uint32_t length, offset, metadata;
};

struct head_line {
	uint32_t cookie;
	uint16_t flags;
	uint16_t head;
};

/* One ring, as one side sees it. */
struct queue {
	struct head_line *first;
	uint16_t *tail;
	struct slot *slots;
	uint16_t size;
	uint16_t mine; /* the index we publish */
	uint16_t seen; /* the next of theirs */
	int event_fd;
};

struct port {
	int channel;
	unsigned int n_region;
	uint8_t *region[N_REGION_MAX];
	uint64_t size[N_REGION_MAX];
	struct queue tx, rx;
};

/* What is sent: so many slots for each packet. */
struct shape {
	uint32_t size;
	uint32_t buffer; /* what the peer's slots hold */
	uint32_t last;   /* length of the last piece */
	uint16_t n_slot;
};

struct tally {
	uint64_t packets;
	uint64_t bytes;
	uint64_t kicks;
	uint64_t overruns; /* the peer wrote slots that are not its */
};

static void die(const char *what)
{
	if (errno != 0)
		perror(what);
	else
		(void)fprintf(stderr, "%s\n", what);
	exit(1); /* NOLINT(concurrency-mt-unsafe): no threads */
}

static void check(bool good, const char *what)
{
	if (good)
		return;
	errno = 0;
	die(what);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		die("clock_gettime");
	return (uint64_t)now.tv_sec * 1000 * NS_MS + (uint64_t)now.tv_nsec;
}

/* The control channel */

static socklen_t fill_address(struct sockaddr_un *address, const char *text)
{
	size_t len = strlen(text);

	check(len > 0 && len < sizeof(address->sun_path), "bad address");
	memset(address, 0, sizeof(*address));
	address->sun_family = AF_UNIX;
	memcpy(address->sun_path, text, len);
	if (text[0] == '@')
		address->sun_path[0] = '\0';
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
}

static int new_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	if (fd < 0)
		die("socket");
	return fd;
}

static void send_record(int channel, const struct record *record, int fd)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = { .header = { .cmsg_len = CMSG_LEN(sizeof(int)),
				  .cmsg_level = SOL_SOCKET,
				  .cmsg_type = SCM_RIGHTS } };
	struct iovec piece = { (void *)record, sizeof(*record) };
	struct msghdr message = { .msg_iov = &piece, .msg_iovlen = 1 };

	if (fd >= 0) {
		message.msg_control = &control;
		message.msg_controllen = sizeof(control);
		memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	}
	if (sendmsg(channel, &message, MSG_NOSIGNAL) !=
	    (ssize_t)sizeof(*record))
		die("sendmsg");
}

/* The descriptor that came along, or -1. */
static int receive_record(int channel, struct record *ret)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int)) + CMSG_SPACE(64)];
	} control;
	struct iovec piece = { ret, sizeof(*ret) };
	struct msghdr message = { .msg_iov = &piece,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(channel, &message, MSG_CMSG_CLOEXEC);
	int fd = -1;

	if (len < 0)
		die("recvmsg");
	check(len == (ssize_t)sizeof(*ret), "the peer is gone");
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c;
	     c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS)
			memcpy(&fd, CMSG_DATA(c), sizeof(fd));
	}
	if (ret->kind == DISCONNECT) {
		(void)fprintf(stderr, "disconnected: %.96s\n",
			      ret->u.reason + 4);
		exit(1); /* NOLINT(concurrency-mt-unsafe): no threads */
	}
	return fd;
}

static void expect(int channel, enum kind kind, struct record *ret)
{
	(void)receive_record(channel, ret);
	check(ret->kind == kind, "another message was due");
}

static void send_kind(int channel, enum kind kind)
{
	struct record record = { .kind = (uint16_t)kind };

	send_record(channel, &record, -1);
}

static uint8_t *map(int fd, uint64_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

static void place(struct queue *queue, uint8_t *at, uint8_t log2_size,
		  int event_fd)
{
	check(!queue->slots, "only one queue is measured");
	queue->first = (struct head_line *)at;
	queue->tail = (uint16_t *)(at + LINE);
	queue->slots = (struct slot *)(at + (size_t)2 * LINE);
	queue->size = (uint16_t)(1u << log2_size);
	queue->event_fd = event_fd;
}

/* Server */

static void take_ring(struct port *port, const struct record *record, int fd)
{
	uint16_t region = record->u.ring.region;

	check(region < port->n_region && record->u.ring.log2_size <= 15,
	      "a ring nowhere");
	place(record->u.ring.flags & TO_SERVER ? &port->rx : &port->tx,
	      port->region[region] + record->u.ring.offset,
	      record->u.ring.log2_size, fd);
}

static void take_region(struct port *port, const struct record *record, int fd)
{
	check(port->n_region < N_REGION_MAX, "too many regions");
	port->region[port->n_region] = map(fd, record->u.region.size);
	port->size[port->n_region++] = record->u.region.size;
	(void)close(fd);
}

static void setup(struct port *port)
{
	struct record record;

	for (;;) {
		int fd = receive_record(port->channel, &record);

		if (record.kind == CONNECT)
			break;
		check(fd >= 0, "no descriptor");
		if (record.kind == ADD_REGION)
			take_region(port, &record, fd);
		else
			take_ring(port, &record, fd);
		send_kind(port->channel, ACK);
	}
	check(port->rx.slots && port->tx.slots, "a ring is missing");
	check(port->rx.first->cookie == COOKIE, "no cookie");
	port->rx.first->flags = MASK_EVENT;
	send_kind(port->channel, CONNECTED);
}

/* The ids tell which is which, whatever the order they come in. */
static void serve_one(int listener, struct port *ports)
{
	struct record record = { .kind = HELLO };
	int channel = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (channel < 0)
		die("accept");
	record.u.hello.version_min = record.u.hello.version_max = VERSION;
	record.u.hello.region = N_REGION_MAX - 1;
	record.u.hello.log2_size = 14;
	send_record(channel, &record, -1);
	expect(channel, INIT, &record);
	check(record.u.init.id < N_PORT && !ports[record.u.init.id].channel,
	      "an id that is not served");
	send_kind(channel, ACK);
	ports[record.u.init.id].channel = channel;
	setup(&ports[record.u.init.id]);
}

static void serve(const char *text, struct port *ports)
{
	struct sockaddr_un address;
	socklen_t len = fill_address(&address, text);
	int listener = new_socket();

	if (bind(listener, (struct sockaddr *)&address, len) < 0 ||
	    listen(listener, N_PORT) < 0)
		die(text);
	(void)puts("listening");
	(void)fflush(stdout);
	for (int i = 0; i < N_PORT; i++)
		serve_one(listener, ports);
	(void)close(listener);
}

static uint16_t peek(const uint16_t *index)
{
	return __atomic_load_n(index, __ATOMIC_ACQUIRE);
}

/* NOLINTNEXTLINE(readability-non-const-parameter): the builtin writes it */
static void publish(uint16_t *index, uint16_t value)
{
	__atomic_store_n(index, value, __ATOMIC_RELEASE);
}

static void kick(struct queue *queue, struct tally *tally)
{
	static const uint64_t one = 1;

	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	if (__atomic_load_n(&queue->first->flags, __ATOMIC_RELAXED) &
	    MASK_EVENT)
		return;
	tally->kicks++;
	if (write(queue->event_fd, &one, sizeof(one)) < 0 && errno != EAGAIN)
		die("eventfd");
}

static struct slot *slot_at(const struct queue *queue, uint16_t i)
{
	return &queue->slots[i & (queue->size - 1)];
}

/* Fill the slots of a packet. */
static void put(struct queue *queue, const struct shape *shape)
{
	for (uint16_t i = 1; i < shape->n_slot; i++) {
		struct slot *slot = slot_at(queue, queue->mine++);

		slot->length = shape->buffer;
		slot->flags = NEXT;
	}
	slot_at(queue, queue->mine)->length = shape->last;
	slot_at(queue, queue->mine++)->flags = 0;
}

static unsigned int server_send(struct port *port, const struct shape *shape,
				unsigned int n_max, struct tally *tally)
{
	struct queue *queue = &port->tx;
	uint16_t room = (uint16_t)(peek(&queue->first->head) - queue->mine);
	unsigned int n = room / shape->n_slot;

	if (n > n_max)
		n = n_max;
	if (n == 0)
		return 0;
	for (unsigned int i = 0; i < n; i++)
		put(queue, shape);
	publish(queue->tail, queue->mine);
	kick(queue, tally);
	return n;
}

static unsigned int server_receive(struct port *port, struct tally *tally)
{
	struct queue *queue = &port->rx;
	uint16_t head = peek(&queue->first->head);
	uint64_t packets = 0, bytes = 0;

	if (head == queue->seen)
		return 0;
	/* testpmd does so when it sends chains; what it wrote over is lost. */
	if ((uint16_t)(head - queue->seen) > queue->size) {
		tally->overruns++;
		queue->seen = head;
	}
	while (queue->seen != head) {
		struct slot *slot = slot_at(queue, queue->seen++);

		bytes += slot->length;
		packets += !(slot->flags & NEXT);
		/* Else a peer that never clears it would see its own again */
		if (slot->flags)
			slot->flags = 0;
	}
	publish(queue->tail, head);
	tally->packets += packets;
	tally->bytes += bytes;
	return (unsigned int)packets;
}

/* Load */

static uint16_t sum16(const uint8_t *at, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < len; i += 2)
		sum += (uint32_t)at[i] << 8 | at[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* UDP from 10.0.0.1 to 10.0.0.2, without a checksum. */
static void write_frame(uint8_t *at, uint32_t size)
{
	uint8_t head[] = { 2,    0, 0,  0, 0, 2, 2,    0, 0,  0,  0, 1, 8,  0,
			   0x45, 0, 0,  0, 0, 0, 0x40, 0, 64, 17, 0, 0, 10, 0,
			   0,    1, 10, 0, 0, 2, 0x10, 0, 0,  9,  0, 0, 0,  0 };
	uint16_t ip_len = (uint16_t)(size - 14), udp_len, sum;

	udp_len = (uint16_t)(ip_len - 20);
	head[16] = (uint8_t)(ip_len >> 8);
	head[17] = (uint8_t)ip_len;
	head[38] = (uint8_t)(udp_len >> 8);
	head[39] = (uint8_t)udp_len;
	sum = sum16(head + 14, 20);
	head[24] = (uint8_t)(sum >> 8);
	head[25] = (uint8_t)sum;
	memcpy(at, head, sizeof(head));
}

/* Once, before anything is sent: the buffers stay with their slots. */
static void write_frames(struct port *port, uint32_t size, uint32_t *ret_buffer)
{
	struct queue *queue = &port->tx;

	/* Clients of some makes lend all slots but one. */
	while (peek(&queue->first->head) < queue->size - 1)
		;
	*ret_buffer = queue->slots[0].length;
	for (uint16_t i = 0; i < queue->size - 1; i++) {
		struct slot *slot = slot_at(queue, i);

		check(slot->region < port->n_region &&
			      slot->length >= SIZE_MIN &&
			      (uint64_t)slot->offset + slot->length <=
				      port->size[slot->region],
		      "a buffer nowhere");
		write_frame(port->region[slot->region] + slot->offset, size);
	}
}

static void shape_packets(struct port *ports, uint32_t size, struct shape *ret)
{
	for (int i = 0; i < N_PORT; i++)
		write_frames(&ports[i], size, &ret->buffer);
	ret->size = size;
	ret->n_slot = (uint16_t)((size + ret->buffer - 1) / ret->buffer);
	ret->last = size - (uint32_t)(ret->n_slot - 1) * ret->buffer;
}

static void load_turns(struct port *ports, const struct shape *shape, int n_way,
		       struct tally *sent, struct tally *got)
{
	for (int i = 0; i < TURNS; i++) {
		for (int way = 0; way < n_way; way++) {
			sent->packets +=
				server_send(&ports[way], shape, BATCH, sent);
			(void)server_receive(&ports[!way], got);
		}
	}
}

static uint64_t load_for(struct port *ports, const struct shape *shape,
			 int n_way, uint64_t ms, struct tally *ret_sent,
			 struct tally *ret_got)
{
	uint64_t start_ns = now_ns(), took_ns;

	memset(ret_sent, 0, sizeof(*ret_sent));
	memset(ret_got, 0, sizeof(*ret_got));
	do {
		load_turns(ports, shape, n_way, ret_sent, ret_got);
		took_ns = now_ns() - start_ns;
	} while (took_ns < ms * NS_MS);
	return took_ns;
}

/* A chain may have been on the way when the counting began, or ended. */
static bool is_whole(const struct tally *got, uint32_t size)
{
	uint64_t expected = got->packets * size;

	return got->bytes < expected + size && got->bytes + size > expected;
}

static void load(const char *address, uint32_t size, uint64_t ms, bool both)
{
	struct port ports[N_PORT] = { 0 };
	struct tally sent, got;
	struct shape shape = { 0 };
	uint64_t took_ns;
	int n_way = both ? 2 : 1;

	serve(address, ports);
	shape_packets(ports, size, &shape);
	(void)load_for(ports, &shape, n_way, WARM_UP_MS, &sent, &got);
	took_ns = load_for(ports, &shape, n_way, ms, &sent, &got);
	printf("{\"sent\": %llu, \"packets\": %llu, \"bytes\": %llu, "
	       "\"kicks\": %llu, \"overruns\": %llu, \"took_ns\": %llu, \"mpps\": %.4f, "
	       "\"whole\": %s}\n",
	       (unsigned long long)sent.packets,
	       (unsigned long long)got.packets, (unsigned long long)got.bytes,
	       (unsigned long long)sent.kicks, (unsigned long long)got.overruns,
	       (unsigned long long)took_ns,
	       (double)got.packets * 1e3 / (double)took_ns,
	       is_whole(&got, size) ? "true" : "false");
}

/* Ping */

/* From one port to the other; nothing else is on the way. */
static void cross(struct port *ports, int from, const struct shape *shape,
		  struct tally *tally)
{
	while (server_send(&ports[from], shape, 1, tally) == 0)
		;
	while (server_receive(&ports[!from], tally) == 0)
		;
}

static int by_size(const void *left, const void *right)
{
	uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;

	return (a > b) - (a < b);
}

static void report(uint64_t *ns, size_t n, const struct tally *tally)
{
	static const struct {
		const char *name;
		double share;
	} points[] = {
		{ "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "max", 1 }
	};

	qsort(ns, n, sizeof(*ns), by_size);
	(void)putchar('{');
	for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
		printf("\"%s\": %.3f, ", points[i].name,
		       (double)ns[(size_t)((double)(n - 1) * points[i].share)] /
			       1e3);
	printf("\"kicks\": %llu}\n", (unsigned long long)tally->kicks);
}

static void ping(const char *address, size_t count, uint64_t gap_ns)
{
	struct port ports[N_PORT] = { 0 };
	struct tally tally = { 0 };
	struct shape shape = { 0 };
	uint64_t *ns = calloc(count, sizeof(*ns));

	if (!ns)
		die("calloc");
	serve(address, ports);
	shape_packets(ports, SIZE_MIN, &shape);
	for (size_t i = 0; i < count + PING_WARM_UP; i++) {
		uint64_t start_ns = now_ns(), end_ns;

		cross(ports, 0, &shape, &tally);
		cross(ports, 1, &shape, &tally);
		end_ns = now_ns();
		if (i >= PING_WARM_UP)
			ns[i - PING_WARM_UP] = end_ns - start_ns;
		while (now_ns() < end_ns + gap_ns)
			;
	}
	report(ns, count, &tally);
	free(ns);
}

/* Forward: a client */

static void send_ring(struct port *port, uint16_t flags, struct queue *queue,
		      size_t offset)
{
	struct record record = { .kind = ADD_RING };
	int fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);

	if (fd < 0)
		die("eventfd");
	place(queue, port->region[0] + offset, LOG2_SIZE, fd);
	queue->first->cookie = COOKIE;
	record.u.ring.flags = flags;
	record.u.ring.offset = (uint32_t)offset;
	record.u.ring.log2_size = LOG2_SIZE;
	send_record(port->channel, &record, fd);
	expect(port->channel, ACK, &record);
}

static void send_region(struct port *port, uint64_t size)
{
	struct record record = { .kind = ADD_REGION };
	int fd = memfd_create("memifpeer", MFD_CLOEXEC);

	if (fd < 0 || ftruncate(fd, (off_t)size) < 0)
		die("memfd");
	port->region[0] = map(fd, size);
	port->size[0] = size;
	port->n_region = 1;
	record.u.region.size = size;
	send_record(port->channel, &record, fd);
	expect(port->channel, ACK, &record);
	(void)close(fd);
}

/* The buffers of a ring, one after another. */
static void lay_out(struct queue *queue, size_t offset)
{
	for (uint32_t i = 0; i < queue->size; i++) {
		queue->slots[i].length = BUFFER_SIZE;
		queue->slots[i].offset = (uint32_t)offset + i * BUFFER_SIZE;
	}
}

static void join(const char *text, uint32_t id, struct port *port)
{
	const size_t ring =
		(size_t)2 * LINE + sizeof(struct slot) * (1u << LOG2_SIZE);
	const size_t buffers = (size_t)BUFFER_SIZE << LOG2_SIZE;
	struct record record;
	struct sockaddr_un address;
	socklen_t len = fill_address(&address, text);

	port->channel = new_socket();
	if (connect(port->channel, (struct sockaddr *)&address, len) < 0)
		die(text);
	expect(port->channel, HELLO, &record);
	record = (struct record){ .kind = INIT };
	record.u.init.version = VERSION;
	record.u.init.id = id;
	send_record(port->channel, &record, -1);
	expect(port->channel, ACK, &record);
	send_region(port, 2 * (ring + buffers));
	send_ring(port, TO_SERVER, &port->tx, 0);
	send_ring(port, 0, &port->rx, ring);
	lay_out(&port->tx, 2 * ring);
	lay_out(&port->rx, 2 * ring + buffers);
	send_kind(port->channel, CONNECT);
	expect(port->channel, CONNECTED, &record);
	port->rx.first->flags = MASK_EVENT;
	port->rx.mine = port->rx.size;
	publish(&port->rx.first->head, port->rx.mine);
}

/* What a forwarder cannot do without: two indices read, two written. */
static void forward_one(struct queue *in, struct queue *out,
			struct tally *tally)
{
	uint16_t n = (uint16_t)(peek(in->tail) - in->seen);
	uint16_t room = (uint16_t)(out->size - out->mine + peek(out->tail));

	if (n > room)
		n = room;
	if (n > BATCH)
		n = BATCH;
	if (n == 0)
		return;
	for (uint16_t i = 0; i < n; i++) {
		struct slot *from = slot_at(in, in->seen++);
		struct slot *to = slot_at(out, out->mine++);

		to->length = from->length;
		to->flags = from->flags;
		from->length = BUFFER_SIZE;
		from->flags = 0;
	}
	publish(&out->first->head, out->mine);
	in->mine = (uint16_t)(in->mine + n);
	publish(&in->first->head, in->mine);
	kick(out, tally);
}

static void forward(const char *address)
{
	struct port ports[N_PORT] = { 0 };
	struct tally tally = { 0 };
	char byte;

	for (uint32_t id = 0; id < N_PORT; id++)
		join(address, id, &ports[id]);
	/* Until the server goes. */
	do {
		for (int i = 0; i < TURNS * TURNS; i++) {
			forward_one(&ports[0].rx, &ports[1].tx, &tally);
			forward_one(&ports[1].rx, &ports[0].tx, &tally);
		}
	} while (recv(ports[0].channel, &byte, 1, MSG_DONTWAIT | MSG_PEEK) < 0);
}

static unsigned long number(const char *text, unsigned long least,
			    unsigned long most)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	check(*text != '\0' && *end == '\0' && errno == 0 && value >= least &&
		      value <= most,
	      "bad number");
	return value;
}

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";

	(void)alarm(PATIENCE_S);
	if (argc == 3 && strcmp(what, "forward") == 0) {
		(void)alarm(0);
		forward(argv[2]);
	} else if ((argc == 5 || argc == 6) && strcmp(what, "load") == 0) {
		unsigned long ms = number(argv[4], 1, MS_MAX);

		(void)alarm(PATIENCE_S + (unsigned int)(ms / 1000));
		load(argv[2], (uint32_t)number(argv[3], SIZE_MIN, UINT16_MAX),
		     ms, argc == 6);
	} else if (argc == 5 && strcmp(what, "ping") == 0) {
		ping(argv[2], number(argv[3], 1, COUNT_MAX),
		     number(argv[4], 0, MS_MAX) * 1000);
	} else {
		(void)fputs("usage: memifpeer load ADDRESS SIZE MS [both] | "
			    "ping ADDRESS COUNT GAP_US | forward ADDRESS\n",
			    stderr);
		return 2;
	}
	return 0;
}
