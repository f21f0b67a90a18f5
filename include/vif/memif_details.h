/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known of memif interfaces and their queues, for people and programs.
 * Nothing here changes anything.
 */
#ifndef VIF_MEMIF_DETAILS_H
#define VIF_MEMIF_DETAILS_H

#include <vif/memif.h>
#include <vif/stats.h>

#ifdef __cplusplus
extern "C" {
#endif

/* What is known of a connection. Strings end in NUL. */
struct vif_memif_details {
	enum vif_memif_state state;
	enum vif_memif_role role;
	enum vif_memif_mode mode;
	uint32_t id;
	bool has_secret;
	char socket[112];   /* path, or @name */
	char name[32];      /* ours */
	char app_name[32];  /* ours */
	char peer_name[32]; /* its interface; "" while there is none */
	char peer_app[32];  /* its program */
	char reason[256];   /* why the last connection ended or failed */
	char hint[384];     /* what to do about that, or "" */
	uint32_t n_rx;      /* queues there are now; 0 while not connected */
	uint32_t n_tx;
	bool offload_csum; /* agreed on for this connection, as asked for */
	uint32_t offload_gso;
	uint32_t n_region;   /* of shared memory */
	uint64_t region_len; /* bytes of them together */
	uint64_t connects;   /* times it was connected */
	uint64_t failures;   /* connections that did not come about */
};

/* What is known of one queue. */
struct vif_memif_queue_details {
	uint32_t ring; /* slots */
	/*
	 * Bytes of a slot's buffer, as laid out; a little more than configured
	 * between two vifs. 0: not known yet.
	 */
	uint32_t buffer;
	uint16_t head; /* as in shared memory */
	uint16_t tail;
	bool interrupts; /* the receiver wants to be woken */
	enum vif_memif_rx_mode rx_mode;
	int fd; /* to wait on; -1: none */
	/* of this connection */
	uint64_t kicks;   /* times the peer was woken */
	uint64_t sleeps;  /* times this side went to sleep */
	uint64_t waits;   /* times it waited for room */
	uint64_t pulled;  /* packets whose headers, or all, had to be copied */
	uint64_t empty;   /* packets without a byte, which were dropped */
	uint64_t faults;  /* of the peer; more than one only with resync */
	uint64_t skipped; /* slots left out for them, received or not */
	/* since the interface was opened */
	uint64_t packets;
	uint64_t bytes;
	uint64_t drops[VIF_DROP_N];
};

/**
 * vif_memif_details() - what is known of an interface
 * @interface:   borrowed.
 * @ret_details: filled.
 *
 * Context: control thread.
 */
VIF_API void vif_memif_details(const struct vif_memif_interface *interface,
			       struct vif_memif_details *ret_details);

/**
 * vif_memif_rx_details() - what is known of a receiving queue
 * @interface:   borrowed.
 * @queue:       0 to n_rx of the details - 1.
 * @ret_details: filled; unchanged on failure.
 *
 * Return: 0, -ENOTCONN, or -EINVAL for a queue that is not there.
 * Context: control thread.
 */
VIF_API int vif_memif_rx_details(const struct vif_memif_interface *interface,
				 unsigned int queue,
				 struct vif_memif_queue_details *ret_details);

/**
 * vif_memif_tx_details() - what is known of a sending queue
 * @interface:   borrowed.
 * @queue:       0 to n_tx of the details - 1.
 * @ret_details: filled; unchanged on failure.
 *
 * Return: as vif_memif_rx_details().
 * Context: control thread.
 */
VIF_API int vif_memif_tx_details(const struct vif_memif_interface *interface,
				 unsigned int queue,
				 struct vif_memif_queue_details *ret_details);

#ifdef __cplusplus
}
#endif

#endif
