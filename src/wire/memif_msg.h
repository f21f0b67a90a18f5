/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The records of a memif control channel.
 *
 * Every record has 128 bytes and no holes, with numbers in the byte order of
 * the machine: both ends run on the same one. The documents of the protocol
 * say master and slave, S2M and M2S; we say server and client, c2s and s2c.
 */
#ifndef WIRE_MEMIF_MSG_H
#define WIRE_MEMIF_MSG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum memif_msg_sizes {
	MEMIF_MSG_LEN = 128,
	/* With the NUL that readers must not rely on. */
	MEMIF_MSG_NAME_SIZE = 32,
	MEMIF_MSG_SECRET_SIZE = 24,
	MEMIF_MSG_REASON_SIZE = 96,
};

enum memif_msg_numbers {
	MEMIF_MSG_VERSION = 0x0200, /* the only one there is */
};

/* Who sends it, and whether a descriptor comes along. */
enum memif_msg_type {
	MEMIF_MSG_NONE = 0,       /* never sent */
	MEMIF_MSG_ACK = 1,        /* server */
	MEMIF_MSG_HELLO = 2,      /* server */
	MEMIF_MSG_INIT = 3,       /* client */
	MEMIF_MSG_ADD_REGION = 4, /* client, the memory */
	MEMIF_MSG_ADD_RING = 5,   /* client, the eventfd */
	MEMIF_MSG_CONNECT = 6,    /* client */
	MEMIF_MSG_CONNECTED = 7,  /* server */
	MEMIF_MSG_DISCONNECT = 8, /* either */
	MEMIF_MSG_N
};

/*
 * What two vifs say to each other in bytes that nobody else looks at: HELLO
 * offers, INIT asks, CONNECTED grants. See docs/design/memif-offload.md.
 */
enum memif_ride {
	MEMIF_RIDE_CSUM = 1, /* unfinished checksums */
	MEMIF_RIDE_TCP = 2,  /* TCP superpackets */
	MEMIF_RIDE_UDP = 4,  /* UDP superpackets */
	MEMIF_RIDE_ALL = 7,
};

struct memif_msg_rider {
	uint16_t ride;  /* set of enum memif_ride; 0: there is no rider */
	uint64_t nonce; /* of the server, for this connection */
};

enum memif_mode {
	MEMIF_MODE_ETHERNET = 0,
	MEMIF_MODE_IP = 1,
	MEMIF_MODE_PUNT = 2, /* only a number: nobody implements it */
};

enum memif_msg_ring_flags {
	MEMIF_MSG_RING_C2S =
		1, /* packets from the client; S2M in the documents */
};

/* The largest index of a ring, not how many there may be. */
struct memif_msg_hello {
	char name[MEMIF_MSG_NAME_SIZE];
	uint16_t min_version;
	uint16_t max_version;
	uint16_t max_region;
	uint16_t max_s2c_ring;
	uint16_t max_c2s_ring;
	uint8_t max_log2_size;
	struct memif_msg_rider rider;
};

struct memif_msg_init {
	uint32_t id;
	uint16_t version;
	uint8_t mode;
	char secret[MEMIF_MSG_SECRET_SIZE];
	char name[MEMIF_MSG_NAME_SIZE];
	struct memif_msg_rider rider;
};

struct memif_msg_add_region {
	uint64_t size;
	uint16_t index;
};

struct memif_msg_add_ring {
	uint32_t offset;
	uint16_t flags;
	uint16_t index;
	uint16_t region;
	uint16_t private_len; /* of a header in front of packets: 0 */
	uint8_t log2_size;
};

/* CONNECT and CONNECTED */
struct memif_msg_connect {
	char name[MEMIF_MSG_NAME_SIZE];
	struct memif_msg_rider rider; /* of CONNECTED */
};

struct memif_msg_disconnect {
	uint32_t code; /* 0 from everybody */
	char reason[MEMIF_MSG_REASON_SIZE];
};

struct memif_msg {
	enum memif_msg_type type;
	union {
		struct memif_msg_hello hello;
		struct memif_msg_init init;
		struct memif_msg_add_region add_region;
		struct memif_msg_add_ring add_ring;
		struct memif_msg_connect connect;
		struct memif_msg_disconnect disconnect;
	};
};

/*
 * memif_msg_encode() - write a message as a record
 *
 * Writes all bytes; those that nothing is said in are 0. Texts are cut to what
 * fits in front of a NUL. A rider without a ride is not written.
 */
void memif_msg_encode(const struct memif_msg *msg, uint8_t out[MEMIF_MSG_LEN]);

/*
 * memif_msg_decode() - read a record
 *
 * Texts end in NUL, and what a peer left behind theirs is gone. Numbers are as
 * the peer wrote them: nothing but length and type is checked. Of a rider, all
 * that is fixed is: what is not quite one is none, and so is one that asks for
 * superpackets without unfinished checksums. Returns 0, or -EBADMSG with ret
 * unchanged.
 */
int memif_msg_decode(const uint8_t *in, size_t len, struct memif_msg *ret_msg);

/* "HELLO" and so on, or "unknown". */
const char *memif_msg_name(unsigned int type);

#endif
