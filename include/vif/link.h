/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link: two ports and the workers that move packets between them.
 *
 * vif_link_new() plans: from the capabilities of both ports it derives what
 * happens to packets in each direction. Offloads that both can carry cross as
 * they are; superpackets that the destination cannot take are cut, and single
 * packets glued for one that can. The workers then receive, run the stages of
 * the plan, and send, until they are stopped or a port is gone.
 *
 * Threads: the functions belong to one controlling thread, except where they
 * say otherwise. Workers are threads made by vif_link_start(), or threads of
 * the program that call vif_link_run().
 */
#ifndef VIF_LINK_H
#define VIF_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vif/error.h>
#include <vif/port.h>

#ifdef __cplusplus
extern "C" {
#endif

struct vif_link;

/* The two directions, also as index. */
enum vif_direction {
	VIF_A_TO_B,
	VIF_B_TO_A,
	VIF_DIRECTION_N,
};

/* What happens when the destination has no room. */
enum vif_full {
	VIF_FULL_WAIT, /* stop receiving, so that the source's queue decides */
	VIF_FULL_DROP, /* drop and count, as a NIC does */
};

/* Whether single packets are glued into superpackets on the way. */
enum vif_link_glue {
	VIF_LINK_GLUE_AUTO, /* where the source delivers them one by one */
	VIF_LINK_GLUE_ON,   /* wherever the destination takes superpackets */
	VIF_LINK_GLUE_OFF,
};

/* What becomes of offloads that the destination cannot take. */
enum vif_link_cut {
	VIF_LINK_CUT_AUTO, /* the link cuts superpackets, finishes checksums */
	VIF_LINK_CUT_OFF,  /* the source is asked to leave nothing undone */
};

enum vif_link_limits {
	VIF_LINK_WORKERS_MAX = 512,
	VIF_LINK_SPIN_US_MAX = 1000000,
	VIF_LINK_DRAIN_MS_MAX = 60000,
};

/**
 * struct vif_link_config - choices of a link
 *
 * Zero everywhere means default. Copied by vif_link_new().
 */
struct vif_link_config {
	size_t size;         /* sizeof(struct vif_link_config) */
	uint32_t n_worker;   /* threads; 0: one for each pair of queues */
	uint32_t spin_us;    /* microseconds to poll before sleeping */
	enum vif_full full;  /* policy of both directions */
	const uint32_t *cpu; /* CPU of each worker, reused in turn; copied */
	uint32_t n_cpu;      /* entries of @cpu; 0: do not pin */
	enum vif_link_glue glue;
	enum vif_link_cut cut;
};

/* What became of one offload in one direction, and why. */
struct vif_link_plan {
	uint32_t gso;    /* superpackets that cross whole, VIF_GSO_BIT() */
	uint32_t cut;    /* superpackets that are cut on the way */
	uint32_t glue;   /* superpackets that are made on the way */
	bool csum;       /* unfinished checksums cross */
	bool finish;     /* checksums are finished on the way */
	bool varies;     /* more is cut or finished, or less glued, as the peer
			  * of a port makes it necessary; text says what */
	uint32_t n_lane; /* groups of queues that can run in parallel */
	char text[1024]; /* the whole plan as one line for people */
};

/* Counters of one direction. */
struct vif_link_flow {
	uint64_t rx_packets; /* received from the source */
	uint64_t rx_bytes;
	uint64_t rx_superpackets;
	uint64_t tx_packets; /* sent to the destination */
	uint64_t tx_bytes;
	uint64_t tx_superpackets;
	uint64_t bursts;             /* batches that held at least one packet */
	uint64_t waits;              /* times the destination had no room */
	uint64_t cut_superpackets;   /* that were cut on the way */
	uint64_t cut_segments;       /* that came of them */
	uint64_t glued_packets;      /* that were glued on the way */
	uint64_t glued_superpackets; /* that came of them */
	uint64_t finished;           /* packets that got a checksum */
	/* of tx_superpackets, refused by the kernel and sent as segments */
	uint64_t refused_superpackets;
	uint64_t drops[VIF_DROP_N];
};

/* Counters of a link. */
struct vif_link_stats {
	struct vif_link_flow flow[VIF_DIRECTION_N];
	uint64_t sleeps; /* times a worker went to sleep */
};

/**
 * vif_link_new() - plan a link between two ports
 * @a:        open port, not started; borrowed until vif_link_free().
 * @b:        the other one.
 * @config:   borrowed; NULL for defaults.
 * @ret_link: the link, not running; unchanged on failure.
 * @error:    filled on failure; may be NULL.
 *
 * With VIF_LINK_CUT_OFF it lowers what the ports deliver to what the other side
 * takes; that stays so when it fails later on.
 *
 * Return: 0; -EINVAL for a @config out of range; -EPROTOTYPE when the ports
 * cannot be joined, with the reason and the remedy in @error; -ENOMEM, -EMFILE,
 * -ENFILE; errors of vif_port_set().
 * Context: any thread; may block shortly.
 * Ownership: the caller frees it with vif_link_free().
 */
VIF_API int vif_link_new(struct vif_port *a, struct vif_port *b,
			 const struct vif_link_config *config,
			 struct vif_link **ret_link, struct vif_error *error);

/**
 * vif_link_free() - free a link
 * @link: taken; NULL is allowed. Stopped first if it still runs; threads in
 *        vif_link_run() must have returned. The ports stay open and the
 *        caller's.
 *
 * Context: controlling thread; blocks until the workers have ended.
 */
VIF_API void vif_link_free(struct vif_link *link);

/**
 * vif_link_plan() - the plan of one direction
 * @link:      any link.
 * @direction: which one.
 *
 * Return: the plan, borrowed until vif_link_free().
 * Context: any thread; never blocks.
 */
VIF_API const struct vif_link_plan *vif_link_plan(const struct vif_link *link,
						  enum vif_direction direction);

/**
 * vif_link_workers() - number of workers
 * @link: any link.
 *
 * Return: workers that vif_link_start() starts, at least 1.
 * Context: any thread; never blocks.
 */
VIF_API unsigned int vif_link_workers(const struct vif_link *link);

/**
 * vif_link_start() - start both ports and a thread for each worker
 * @link:  a new link; a link runs once.
 * @error: filled on failure; may be NULL.
 *
 * The threads block all signals.
 *
 * Return: 0, -EALREADY when it was started or stopped before, errors of
 * vif_port_start() and of making threads. After a failure nothing runs.
 * Context: controlling thread; may block shortly.
 */
VIF_API int vif_link_start(struct vif_link *link, struct vif_error *error);

/**
 * vif_link_run() - be a worker, in the calling thread
 * @link:   a link whose ports the program has started itself.
 * @worker: 0 to vif_link_workers() - 1; each must be run by one thread.
 *
 * Instead of vif_link_start(), for programs that bring their own threads.
 *
 * Return: 0 after vif_link_stop(); the error that ended the link otherwise;
 * -EINVAL for a worker that is not there.
 * Context: blocks until the link ends.
 */
VIF_API int vif_link_run(struct vif_link *link, unsigned int worker);

/**
 * vif_link_stop() - stop a link and wait for its threads
 * @link:     any link; stopping twice does nothing.
 * @drain_ms: longest time to deliver what the ports have already accepted; 0
 *            drops it, VIF_LINK_DRAIN_MS_MAX is the most.
 *
 * Workers go on until their source is found empty once, then end. What is
 * still under way after @drain_ms is dropped and counted. Threads in
 * vif_link_run() are told to end, too, but not waited for.
 *
 * Return: 0, or the error that had ended the link before.
 * Context: controlling thread; blocks up to @drain_ms and a moment.
 */
VIF_API int vif_link_stop(struct vif_link *link, unsigned int drain_ms);

/**
 * vif_link_abort() - end a link at once
 * @link: any link.
 *
 * Like vif_link_stop() without draining and without waiting. Cuts short a
 * drain under way in another thread.
 *
 * Context: any thread; never blocks; safe in a signal handler.
 */
VIF_API void vif_link_abort(struct vif_link *link);

/**
 * vif_link_wait_fd() - descriptor that tells of the end
 * @link: any link.
 *
 * Readable, for poll(2), once the link has ended by itself because a port is
 * gone. Do not read from it; ask vif_link_error().
 *
 * Return: the descriptor, which stays the link's.
 * Context: any thread; never blocks.
 */
VIF_API int vif_link_wait_fd(const struct vif_link *link);

/**
 * vif_link_error() - why a link ended by itself
 * @link:  any link.
 * @error: filled when it has; may be NULL.
 *
 * Return: 0 while it runs or was stopped; the first error otherwise, -ENODEV
 * when a device is gone.
 * Context: any thread; never blocks.
 */
VIF_API int vif_link_error(const struct vif_link *link,
			   struct vif_error *error);

/**
 * vif_link_stats() - read the counters of a link
 * @link:      any link.
 * @ret_stats: the sums over all workers.
 *
 * Context: any thread; never blocks. Two numbers may be a moment apart while
 * the link runs.
 */
VIF_API void vif_link_stats(const struct vif_link *link,
			    struct vif_link_stats *ret_stats);

#ifdef __cplusplus
}
#endif

#endif
