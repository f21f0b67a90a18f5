/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the memif backend share. */
#ifndef PORT_MEMIF_PORT_H
#define PORT_MEMIF_PORT_H

#include "base/bits.h"
#include "port/address.h"
#include "port/memif/interface.h"
#include "port/offload_key.h"
#include "port/ops.h"

/* Filled from the keys of the address; see the table in options.c. */
struct memif_options {
	uint32_t role; /* index into its choices */
	uint32_t id;
	const char *secret;
	const char *secret_file;
	uint32_t mode;
	uint32_t queues, qpairs;
	bool has_queues;
	uint32_t ring, rsize; /* slots; log2 */
	bool has_ring, has_rsize;
	uint64_t buffer;
	uint32_t bsize;
	bool has_buffer;
	uint32_t rx;
	uint32_t unsealed;
	bool resync;
	uint32_t line;
	uint32_t mtu;
	uint32_t offload; /* enum port_offload */
	const char *name;
	const char *netns;
	bool abstract, has_abstract;
};

enum memif_key_counts { MEMIF_KEYS_N = 20 };
extern const struct port_key memif_keys[MEMIF_KEYS_N];

/* By enum vif_memif_mode and enum vif_memif_rx_mode; NULL behind the last. */
extern const char *const memif_mode_names[];
extern const char *const memif_rx_mode_names[];

/* What the options ask for; the configs refer to the rest. */
struct memif_wish {
	struct vif_memif_socket_config socket;
	struct vif_memif_interface_config interface;
	char path[ADDRESS_LEN_MAX];
	char secret[64]; /* wiped by the caller */
};

/*
 * memif_options_apply() - the options as configs
 *
 * ret_wish refers to itself and to options: it stays where it is. Returns 0, or
 * a negative errno with error filled.
 */
int memif_options_apply(const struct memif_options *options, const char *main,
			struct memif_wish *ret_wish, struct vif_error *error);

struct memif_port {
	struct vif_port port;
	/* immutable after open */
	struct vif_memif *memif; /* shared with a sibling, or ours */
	struct vif_memif_socket *socket;
	struct vif_memif_interface *interface;
	uint32_t buffer; /* client: bytes of one; server: 0 */
	uint16_t ride;   /* enum memif_ride: what it does if the peer does */
	/* controlling thread */
	bool has_started;
};

#endif
