/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two ends of a memif link as a program has them: through vif/memif.h alone.
 *
 *	pair_open(&pair, &config); pair_connect(&pair); ...; pair_close(&pair);
 */
#ifndef TESTS_MEMIF_ENDS_H
#define TESTS_MEMIF_ENDS_H

#include <stdatomic.h>

#include <vif/memif_queue.h>

#include "tests/memif/place.h"

enum ends_limits {
	ENDS_PATIENCE_MS = 20000,
	ENDS_BATCH = 64,
	ENDS_SEGS = 1024,
};

enum ends_side { SERVER, CLIENT, SIDES };

/* An interface, and what it was told. */
struct end {
	struct vif_memif *memif;
	struct vif_memif_socket *socket;
	struct vif_memif_interface *interface;
	struct vif_memif_interface_config config;
	atomic_uint n_connect;
	atomic_uint n_disconnect;
	atomic_uint n_failure;
	char reason[256];
	struct vif_error failure; /* the last one */
	/* Called last in the callbacks; may be NULL. */
	void (*connected)(struct end *end);
	void (*disconnected)(struct end *end);
	void (*failed)(struct end *end);
	void *user;
};

struct pair {
	struct end end[SIDES];
	bool is_shared; /* one context, and one socket */
	char path[128];
	struct vif_batch *batch[SIDES];
};

uint64_t ends_now_ns(void);

/* Contexts, sockets, interfaces: what follows must work. */
void end_open_context(struct end *end);
void end_open_socket(struct end *end, const char *path);
void end_open(struct end *end);
/* Interface and socket. */
void end_close(struct end *end);

/* Defaults for both, on the path "s" of the place. */
void pair_init(struct pair *pair);
/* Opens what pair->end[].config says. */
void pair_open(struct pair *pair);
void pair_close(struct pair *pair);
/* Services both ends until the condition holds, or fails the test. */
void pair_connect(struct pair *pair);
void pair_until(struct pair *pair, bool (*holds)(const struct pair *pair));
void pair_serve(struct pair *pair);
bool pair_is_up(const struct pair *pair);

/* Sends one packet of that many bytes, and fails unless the other end has it. */
void pair_pass(struct pair *pair, enum ends_side from, unsigned int queue,
	       uint32_t len);
void pair_check(struct pair *pair); /* a packet each way */

/* Bytes of packets: byte i is ends_byte(len, i). */
static inline uint8_t ends_byte(uint32_t seed, uint32_t i)
{
	return (uint8_t)(seed * 31 + i * 7);
}

void ends_fill(uint8_t *bytes, uint32_t seed, uint32_t len);
bool ends_holds(const struct vif_packet *packet, uint32_t seed, uint32_t len);

#endif
