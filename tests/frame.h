/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Packets for tests, built from a list of layers such as
 * "eth vlan ip6 dst+8 tcp+12 data+100". "+N" makes a header or the payload
 * longer by N bytes. Each header names the next one; lengths and checksums
 * inside the headers stay 0.
 */
#ifndef TESTS_FRAME_H
#define TESTS_FRAME_H

#include <assert.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "wire/bytes.h"

enum frame_limits {
	FRAME_SIZE = 4096,
};

struct frame {
	uint8_t byte[FRAME_SIZE];
	size_t len;
	/* of the next header's number in the last one; 0: it has none */
	size_t next_at;
	int next_size;
};

/* What "+N" changes besides the length. */
enum frame_grow {
	FRAME_GROW_PLAIN,
	FRAME_GROW_IP4, /* IHL */
	FRAME_GROW_EXT, /* length of an IPv6 extension header */
	FRAME_GROW_TCP, /* data offset */
};

struct frame_layer {
	const char *name;
	uint16_t ethertype; /* how the layer before calls it */
	uint8_t proto;
	uint8_t len;
	uint8_t next_at;
	uint8_t next_size; /* bytes of that number; 0: nothing follows */
	enum frame_grow grow;
	uint8_t head[40];
};

#define FRAME_IP4(name, flags, offset)                                       \
	{                                                                    \
		name, 0x0800, 4, 20, 9, 1, FRAME_GROW_IP4,                   \
		{                                                            \
			0x45, 0, 0, 0, 0, 1, flags, offset, 64, 0, 0, 0, 10, \
				0, 0, 1, 10, 0, 0, 2                         \
		}                                                            \
	}
#define FRAME_FRAG(name, offset, flags)                 \
	{                                               \
		name, 0, 44, 8, 0, 1, FRAME_GROW_PLAIN, \
		{                                       \
			0, 0, offset, flags, 0, 0, 0, 1 \
		}                                       \
	}

static const struct frame_layer frame_layers[] = {
	{ "eth",
	  0,
	  0,
	  14,
	  12,
	  2,
	  FRAME_GROW_PLAIN,
	  { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 } },
	{ "vlan", 0x8100, 0, 4, 2, 2, FRAME_GROW_PLAIN, { 0, 5 } },
	{ "qinq", 0x88a8, 0, 4, 2, 2, FRAME_GROW_PLAIN, { 0, 6 } },
	{ "arp", 0x0806, 0, 28, 0, 0, FRAME_GROW_PLAIN, { 0, 1, 8, 0 } },
	FRAME_IP4("ip4", 0x40, 0),
	FRAME_IP4("ip4_first", 0x20, 0),
	FRAME_IP4("ip4_middle", 0x20, 185),
	FRAME_IP4("ip4_last", 0x01, 0),
	{ "ip6",
	  0x86dd,
	  41,
	  40,
	  6,
	  1,
	  FRAME_GROW_PLAIN,
	  { 0x60, 0, 0, 0, 0, 0, 0, 64, 0xfd, 0, 0,    0, 0, 0,
	    0,    0, 0, 0, 0, 0, 0, 0,  0,    1, 0xfd, 0, 0, 0,
	    0,    0, 0, 0, 0, 0, 0, 0,  0,    0, 0,    2 } },
	{ "hop", 0, 0, 8, 0, 1, FRAME_GROW_EXT, { 0 } },
	{ "route", 0, 43, 8, 0, 1, FRAME_GROW_EXT, { 0 } },
	{ "dst", 0, 60, 8, 0, 1, FRAME_GROW_EXT, { 0 } },
	FRAME_FRAG("ip6_atomic", 0, 0),
	FRAME_FRAG("ip6_reserved", 0, 6),
	FRAME_FRAG("ip6_first", 0, 1),
	FRAME_FRAG("ip6_middle", 5, 0xa9),
	FRAME_FRAG("ip6_last", 5, 0xa8),
	{ "tcp",
	  0,
	  6,
	  20,
	  0,
	  0,
	  FRAME_GROW_TCP,
	  { 0x03, 0xe8, 0x07, 0xd0, 0, 0, 0, 1, 0, 0, 0, 1, 0x50, 0x10 } },
	{ "udp", 0, 17, 8, 0, 0, FRAME_GROW_PLAIN, { 0x03, 0xe8, 0x07, 0xd0 } },
	{ "sctp",
	  0,
	  132,
	  12,
	  0,
	  0,
	  FRAME_GROW_PLAIN,
	  { 0x03, 0xe8, 0x07, 0xd0 } },
	{ "udplite",
	  0,
	  136,
	  8,
	  0,
	  0,
	  FRAME_GROW_PLAIN,
	  { 0x03, 0xe8, 0x07, 0xd0 } },
	{ "icmp", 0, 1, 8, 0, 0, FRAME_GROW_PLAIN, { 8, 0, 0, 0, 0, 1 } },
	{ "data", 0, 0, 0, 0, 0, FRAME_GROW_PLAIN, { 0 } },
};

static inline const struct frame_layer *frame_find(const char *name, size_t len)
{
	for (size_t i = 0; i < ARRAY_LEN(frame_layers); i++)
		if (strlen(frame_layers[i].name) == len &&
		    memcmp(frame_layers[i].name, name, len) == 0)
			return &frame_layers[i];
	(void)fprintf(stderr, "there is no layer '%.*s'\n", (int)len, name);
	abort();
}

static inline void frame_grow(uint8_t *head, enum frame_grow grow, size_t more)
{
	if (grow == FRAME_GROW_IP4)
		head[0] = (uint8_t)(head[0] + more / 4);
	else if (grow == FRAME_GROW_EXT)
		head[1] = (uint8_t)(more / 8);
	else if (grow == FRAME_GROW_TCP)
		head[12] = (uint8_t)(head[12] + (more / 4 << 4));
}

static inline void frame_add(struct frame *frame,
			     const struct frame_layer *layer, size_t more)
{
	uint8_t *head = frame->byte + frame->len;

	assert(frame->len + layer->len + more <= FRAME_SIZE);
	if (frame->next_size == 2)
		put_be16(frame->byte + frame->next_at, layer->ethertype);
	else if (frame->next_size == 1)
		frame->byte[frame->next_at] = layer->proto;
	memcpy(head, layer->head, layer->len);
	for (size_t i = 0; i < more; i++)
		head[layer->len + i] = (uint8_t)(i * 7);
	frame_grow(head, layer->grow, more);
	frame->next_at = frame->len + layer->next_at;
	frame->next_size = layer->next_size;
	frame->len += layer->len + more;
}

static inline struct frame frame_make(const char *layers)
{
	struct frame frame = { .len = 0 };

	while (*layers != '\0') {
		size_t word = strcspn(layers, " ");
		size_t name = strcspn(layers, " +");
		size_t more = 0;

		if (layers[name] == '+')
			more = strtoul(layers + name + 1, NULL, 10);
		frame_add(&frame, frame_find(layers, name), more);
		layers += word;
		layers += strspn(layers, " ");
	}
	return frame;
}

/* The first len bytes in a block of just that size, for the sanitizers. */
static inline uint8_t *frame_exact(const struct frame *frame, size_t len)
{
	uint8_t *exact = malloc(len > 0 ? len : 1);

	assert(exact && len <= frame->len);
	memcpy(exact, frame->byte, len);
	return exact;
}

#endif
