/* SPDX-License-Identifier: Apache-2.0 */
/* The records of a memif control channel, protocol 2.0. */
#include "wire/memif_msg.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

/* Where the fields are. The type is the first one of every record. */
enum memif_msg_offsets {
	AT_TYPE = 0,

	AT_HELLO_NAME = 2,
	AT_HELLO_MIN_VERSION = 34,
	AT_HELLO_MAX_VERSION = 36,
	AT_HELLO_MAX_REGION = 38,
	AT_HELLO_MAX_S2C = 40,
	AT_HELLO_MAX_C2S = 42,
	AT_HELLO_MAX_LOG2 = 44,

	AT_INIT_VERSION = 2,
	AT_INIT_ID = 4,
	AT_INIT_MODE = 8,
	AT_INIT_SECRET = 9,
	AT_INIT_NAME = 33,

	AT_REGION_INDEX = 2,
	AT_REGION_SIZE = 4,

	AT_RING_FLAGS = 2,
	AT_RING_INDEX = 4,
	AT_RING_REGION = 6,
	AT_RING_OFFSET = 8,
	AT_RING_LOG2 = 12,
	AT_RING_PRIVATE = 13,

	AT_CONNECT_NAME = 2,

	AT_DISCONNECT_CODE = 2,
	AT_DISCONNECT_REASON = 6,

	AT_RIDER = 100,
	AT_RIDER_VERSION = 116,
	AT_RIDER_TYPE = 117,
	AT_RIDER_RIDE = 118,
	AT_RIDER_NONCE = 120,
};

static_assert(AT_HELLO_NAME + MEMIF_MSG_NAME_SIZE == AT_HELLO_MIN_VERSION,
	      "no holes");
static_assert(AT_INIT_SECRET + MEMIF_MSG_SECRET_SIZE == AT_INIT_NAME,
	      "no holes");
static_assert(AT_DISCONNECT_REASON + MEMIF_MSG_REASON_SIZE <= MEMIF_MSG_LEN,
	      "the longest one fits");
static_assert(AT_INIT_NAME + MEMIF_MSG_NAME_SIZE <= AT_RIDER,
	      "the longest one with a rider leaves room for it");
static_assert(AT_RIDER_NONCE + sizeof(uint64_t) == MEMIF_MSG_LEN,
	      "a rider sits at the end");

enum rider_facts { RIDER_VERSION = 1 };

/* Drawn by lot: nothing looks like it by accident. */
static const uint8_t rider_magic[AT_RIDER_VERSION - AT_RIDER] = {
	0xcb, 0xd6, 0xb9, 0x6d, 0x03, 0xa8, 0x63, 0x30,
	0xfb, 0x79, 0x25, 0x47, 0xbe, 0x2f, 0xe2, 0x54,
};

/* Numbers in the order of the machine. */
#define PUT(out, at, value) memcpy((out) + (at), &(value), sizeof(value))
#define GET(in, at, value)  memcpy(&(value), (in) + (at), sizeof(value))

static void put_text(uint8_t *at, const char *text, size_t size)
{
	memcpy(at, text, strnlen(text, size - 1));
}

/* A peer's text may lack the NUL, and have anything behind it. */
static void get_text(const uint8_t *at, char *ret_text, size_t size)
{
	size_t len = strnlen((const char *)at, size - 1);

	memcpy(ret_text, at, len);
	memset(ret_text + len, 0, size - len);
}

/* What people read: a terminal must not obey it, and JSON has to be UTF-8. */
static void get_words(const uint8_t *at, char *ret_text, size_t size)
{
	get_text(at, ret_text, size);
	for (char *c = ret_text; *c != '\0'; c++)
		if (*c < ' ' || *c > '~')
			*c = '?';
}

static void put_rider(uint8_t *out, enum memif_msg_type type,
		      const struct memif_msg_rider *rider)
{
	if (!rider->ride)
		return;
	memcpy(out + AT_RIDER, rider_magic, sizeof(rider_magic));
	out[AT_RIDER_VERSION] = RIDER_VERSION;
	out[AT_RIDER_TYPE] = (uint8_t)type;
	PUT(out, AT_RIDER_RIDE, rider->ride);
	PUT(out, AT_RIDER_NONCE, rider->nonce);
}

/* The type keeps a record that is sent back from counting as the answer. */
static void get_rider(const uint8_t *in, enum memif_msg_type type,
		      struct memif_msg_rider *rider)
{
	if (memcmp(in + AT_RIDER, rider_magic, sizeof(rider_magic)) != 0 ||
	    in[AT_RIDER_VERSION] != RIDER_VERSION ||
	    in[AT_RIDER_TYPE] != (uint8_t)type)
		return;
	GET(in, AT_RIDER_RIDE, rider->ride);
	GET(in, AT_RIDER_NONCE, rider->nonce);
	rider->ride &= MEMIF_RIDE_ALL;
	if (!(rider->ride & MEMIF_RIDE_CSUM))
		rider->ride = 0;
}

static void put_hello(uint8_t *out, const struct memif_msg_hello *hello)
{
	put_text(out + AT_HELLO_NAME, hello->name, sizeof(hello->name));
	PUT(out, AT_HELLO_MIN_VERSION, hello->min_version);
	PUT(out, AT_HELLO_MAX_VERSION, hello->max_version);
	PUT(out, AT_HELLO_MAX_REGION, hello->max_region);
	PUT(out, AT_HELLO_MAX_S2C, hello->max_s2c_ring);
	PUT(out, AT_HELLO_MAX_C2S, hello->max_c2s_ring);
	PUT(out, AT_HELLO_MAX_LOG2, hello->max_log2_size);
	put_rider(out, MEMIF_MSG_HELLO, &hello->rider);
}

static void get_hello(const uint8_t *in, struct memif_msg_hello *hello)
{
	get_words(in + AT_HELLO_NAME, hello->name, sizeof(hello->name));
	GET(in, AT_HELLO_MIN_VERSION, hello->min_version);
	GET(in, AT_HELLO_MAX_VERSION, hello->max_version);
	GET(in, AT_HELLO_MAX_REGION, hello->max_region);
	GET(in, AT_HELLO_MAX_S2C, hello->max_s2c_ring);
	GET(in, AT_HELLO_MAX_C2S, hello->max_c2s_ring);
	GET(in, AT_HELLO_MAX_LOG2, hello->max_log2_size);
	get_rider(in, MEMIF_MSG_HELLO, &hello->rider);
}

static void put_init(uint8_t *out, const struct memif_msg_init *init)
{
	PUT(out, AT_INIT_VERSION, init->version);
	PUT(out, AT_INIT_ID, init->id);
	PUT(out, AT_INIT_MODE, init->mode);
	put_text(out + AT_INIT_SECRET, init->secret, sizeof(init->secret));
	put_text(out + AT_INIT_NAME, init->name, sizeof(init->name));
	put_rider(out, MEMIF_MSG_INIT, &init->rider);
}

static void get_init(const uint8_t *in, struct memif_msg_init *init)
{
	GET(in, AT_INIT_VERSION, init->version);
	GET(in, AT_INIT_ID, init->id);
	GET(in, AT_INIT_MODE, init->mode);
	get_text(in + AT_INIT_SECRET, init->secret, sizeof(init->secret));
	get_words(in + AT_INIT_NAME, init->name, sizeof(init->name));
	get_rider(in, MEMIF_MSG_INIT, &init->rider);
}

static void put_add_ring(uint8_t *out, const struct memif_msg_add_ring *ring)
{
	PUT(out, AT_RING_FLAGS, ring->flags);
	PUT(out, AT_RING_INDEX, ring->index);
	PUT(out, AT_RING_REGION, ring->region);
	PUT(out, AT_RING_OFFSET, ring->offset);
	PUT(out, AT_RING_LOG2, ring->log2_size);
	PUT(out, AT_RING_PRIVATE, ring->private_len);
}

static void get_add_ring(const uint8_t *in, struct memif_msg_add_ring *ring)
{
	GET(in, AT_RING_FLAGS, ring->flags);
	GET(in, AT_RING_INDEX, ring->index);
	GET(in, AT_RING_REGION, ring->region);
	GET(in, AT_RING_OFFSET, ring->offset);
	GET(in, AT_RING_LOG2, ring->log2_size);
	GET(in, AT_RING_PRIVATE, ring->private_len);
}

void memif_msg_encode(const struct memif_msg *msg, uint8_t out[MEMIF_MSG_LEN])
{
	uint16_t type = (uint16_t)msg->type;

	assert(type > MEMIF_MSG_NONE && type < MEMIF_MSG_N);
	memset(out, 0, MEMIF_MSG_LEN);
	PUT(out, AT_TYPE, type);
	switch (msg->type) {
	case MEMIF_MSG_HELLO:
		put_hello(out, &msg->hello);
		break;
	case MEMIF_MSG_INIT:
		put_init(out, &msg->init);
		break;
	case MEMIF_MSG_ADD_REGION:
		PUT(out, AT_REGION_INDEX, msg->add_region.index);
		PUT(out, AT_REGION_SIZE, msg->add_region.size);
		break;
	case MEMIF_MSG_ADD_RING:
		put_add_ring(out, &msg->add_ring);
		break;
	case MEMIF_MSG_CONNECT:
	case MEMIF_MSG_CONNECTED:
		put_text(out + AT_CONNECT_NAME, msg->connect.name,
			 sizeof(msg->connect.name));
		if (msg->type == MEMIF_MSG_CONNECTED)
			put_rider(out, msg->type, &msg->connect.rider);
		break;
	case MEMIF_MSG_DISCONNECT:
		PUT(out, AT_DISCONNECT_CODE, msg->disconnect.code);
		put_text(out + AT_DISCONNECT_REASON, msg->disconnect.reason,
			 sizeof(msg->disconnect.reason));
		break;
	case MEMIF_MSG_ACK:
	case MEMIF_MSG_NONE:
	case MEMIF_MSG_N:
		break;
	}
}

int memif_msg_decode(const uint8_t *in, size_t len, struct memif_msg *ret_msg)
{
	struct memif_msg msg = { 0 };
	uint16_t type;

	if (len != MEMIF_MSG_LEN)
		return -EBADMSG;
	GET(in, AT_TYPE, type);
	if (type == MEMIF_MSG_NONE || type >= MEMIF_MSG_N)
		return -EBADMSG;
	msg.type = (enum memif_msg_type)type;
	switch (msg.type) {
	case MEMIF_MSG_HELLO:
		get_hello(in, &msg.hello);
		break;
	case MEMIF_MSG_INIT:
		get_init(in, &msg.init);
		break;
	case MEMIF_MSG_ADD_REGION:
		GET(in, AT_REGION_INDEX, msg.add_region.index);
		GET(in, AT_REGION_SIZE, msg.add_region.size);
		break;
	case MEMIF_MSG_ADD_RING:
		get_add_ring(in, &msg.add_ring);
		break;
	case MEMIF_MSG_CONNECT:
	case MEMIF_MSG_CONNECTED:
		get_words(in + AT_CONNECT_NAME, msg.connect.name,
			  sizeof(msg.connect.name));
		if (msg.type == MEMIF_MSG_CONNECTED)
			get_rider(in, msg.type, &msg.connect.rider);
		break;
	case MEMIF_MSG_DISCONNECT:
		GET(in, AT_DISCONNECT_CODE, msg.disconnect.code);
		get_words(in + AT_DISCONNECT_REASON, msg.disconnect.reason,
			  sizeof(msg.disconnect.reason));
		break;
	case MEMIF_MSG_ACK:
	case MEMIF_MSG_NONE:
	case MEMIF_MSG_N:
		break;
	}
	*ret_msg = msg;
	return 0;
}

const char *memif_msg_name(unsigned int type)
{
	static const char *const names[MEMIF_MSG_N] = {
		[MEMIF_MSG_NONE] = "NONE",
		[MEMIF_MSG_ACK] = "ACK",
		[MEMIF_MSG_HELLO] = "HELLO",
		[MEMIF_MSG_INIT] = "INIT",
		[MEMIF_MSG_ADD_REGION] = "ADD_REGION",
		[MEMIF_MSG_ADD_RING] = "ADD_RING",
		[MEMIF_MSG_CONNECT] = "CONNECT",
		[MEMIF_MSG_CONNECTED] = "CONNECTED",
		[MEMIF_MSG_DISCONNECT] = "DISCONNECT",
	};

	return type < MEMIF_MSG_N ? names[type] : "unknown";
}
