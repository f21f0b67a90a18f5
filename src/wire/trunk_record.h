/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records and frames of a trunk: their headers, read and written.
 *
 * docs/design/trunk.md, sections 1 and 2. Nothing here judges what it reads.
 */
#ifndef WIRE_TRUNK_RECORD_H
#define WIRE_TRUNK_RECORD_H

#include <stdint.h>

#include "wire/bytes.h"

enum record_sizes {
	RECORD_HEADER_LEN = 8,
	RECORD_TAG_LEN = 16,
	RECORD_BODY_MAX = 65535,
	FRAME_HEADER_LEN = 16,
};

enum record_type {
	RECORD_HELLO = 1,
	RECORD_HANDSHAKE = 2,
	RECORD_CONTROL = 3,
	RECORD_CIRCUIT = 4,
	RECORD_SEALED = 5,
};

enum record_flags {
	RECORD_DATA = 1, /* counts against credit */
};

enum frame_type {
	/* of a circuit */
	FRAME_DATA = 1,
	FRAME_CREDIT = 2,
	FRAME_RESET = 3,
	FRAME_STOP = 4,
	FRAME_CLOSE = 5,
	FRAME_REKEY = 6,
	FRAME_PAD = 7,
	/* of a trunk */
	FRAME_TRUNK_READY = 16,
	FRAME_TRUNK_PING = 17,
	FRAME_TRUNK_PONG = 18,
	FRAME_TRUNK_LIMIT = 19,
	FRAME_TRUNK_OPEN = 20,
	FRAME_TRUNK_ACCEPT = 21,
	FRAME_TRUNK_CONFIRM = 22,
	FRAME_TRUNK_SHUT = 23,
	FRAME_TRUNK_REKEY = 24,
	FRAME_TRUNK_DRAIN = 25,
	FRAME_TRUNK_DRAINED = 26,
	FRAME_TRUNK_CLOSE = 27,
	FRAME_TRUNK_PAD = 28,
	/* May be skipped by who does not know it. */
	FRAME_SKIPPABLE = 128,
};

enum frame_data_flags {
	FRAME_DATA_OPEN = 1,
	FRAME_DATA_FIN = 2,
	FRAME_DATA_PACKET = 4,
	FRAME_DATA_FLAGS = 7,
};

struct record_header {
	uint8_t type;
	uint8_t flags;
	uint16_t len; /* of the body */
	uint32_t circuit;
};

struct frame_header {
	uint8_t type;
	uint8_t flags;
	uint16_t len; /* of what follows the header */
	uint32_t id;
	uint64_t value;
};

static inline struct record_header
record_header_read(const uint8_t from[RECORD_HEADER_LEN])
{
	return (struct record_header){
		.type = from[0],
		.flags = from[1],
		.len = get_be16(from + 2),
		.circuit = get_be32(from + 4),
	};
}

static inline void record_header_write(const struct record_header *header,
				       uint8_t to[RECORD_HEADER_LEN])
{
	to[0] = header->type;
	to[1] = header->flags;
	put_be16(to + 2, header->len);
	put_be32(to + 4, header->circuit);
}

static inline struct frame_header
frame_header_read(const uint8_t from[FRAME_HEADER_LEN])
{
	return (struct frame_header){
		.type = from[0],
		.flags = from[1],
		.len = get_be16(from + 2),
		.id = get_be32(from + 4),
		.value = get_be64(from + 8),
	};
}

static inline void frame_header_write(const struct frame_header *header,
				      uint8_t to[FRAME_HEADER_LEN])
{
	to[0] = header->type;
	to[1] = header->flags;
	put_be16(to + 2, header->len);
	put_be32(to + 4, header->id);
	put_be64(to + 8, header->value);
}

#endif
