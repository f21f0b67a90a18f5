/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shared memory of a memif link.
 *
 * The client makes it and sends descriptors of it; the server judges what it is
 * sent, before it maps anything. Memory whose size is not sealed could be taken
 * away under a thread that reads it (SIGBUS), so it is refused, unless the seal
 * can still be set, or the guard of guard.h was asked for. The same goes for huge
 * pages: a peer can punch a hole, and the pool may have none left to fill it.
 *
 * A set belongs to the controlling thread. Data threads read region[].base,
 * size and dead while the link is up; they must have left before
 * memif_regions_fini().
 */
#ifndef PORT_MEMIF_REGION_H
#define PORT_MEMIF_REGION_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum memif_region_limits {
	MEMIF_REGION_SET_MAX = 256, /* what the protocol can number usefully */
};

/* What to do with memory that can shrink. */
enum memif_unsealed {
	MEMIF_UNSEALED_REFUSE,
	MEMIF_UNSEALED_GUARD, /* installs a handler of SIGBUS: see guard.h */
};

/* Why memory, or a descriptor for events, is not taken. */
enum memif_verdict {
	MEMIF_VERDICT_GOOD,
	MEMIF_VERDICT_UNSEALED,   /* good, but needs the guard */
	MEMIF_VERDICT_EMPTY,      /* size 0 */
	MEMIF_VERDICT_TOO_MANY,   /* regions */
	MEMIF_VERDICT_TOO_LARGE,  /* by itself, or with the others */
	MEMIF_VERDICT_NOT_MEMORY, /* no file in memory, which cannot stall us */
	MEMIF_VERDICT_READ_ONLY,  /* not open for both ways */
	MEMIF_VERDICT_SHORT,      /* the file is shorter than promised */
	MEMIF_VERDICT_CAN_SHRINK, /* not sealed, and there is no guard */
	MEMIF_VERDICT_HUGE, /* huge pages can run out, and there is no guard */
	MEMIF_VERDICT_NOT_EVENT, /* no eventfd */
	MEMIF_VERDICT_N
};

/* A sentence for people, and for the reason of a DISCONNECT. */
const char *memif_verdict_text(enum memif_verdict verdict);

struct memif_region {
	uint8_t *base; /* NULL before it is mapped */
	uint64_t size;
	uint64_t map_size; /* size in whole pages of its kind */
	int fd;            /* -1: none */
	bool is_borrowed;  /* base is the program's: not to be unmapped */
	bool is_guarded;
	atomic_bool dead; /* shrank under us; base reads as zeros now */
};

struct memif_regions {
	struct memif_region region[MEMIF_REGION_SET_MAX];
	uint16_t n;
	uint64_t total;     /* bytes of all */
	uint64_t total_max; /* bytes; 0: no limit but the address space */
};

/* total_max as above. Cannot fail; fini is safe afterwards. */
void memif_regions_init(struct memif_regions *regions, uint64_t total_max);

/* Unmap and close everything. May come twice. */
void memif_regions_fini(struct memif_regions *regions);

/*
 * memif_regions_create() - make one more region (client)
 *
 * A sealed memfd, mapped, zeroed. size is rounded up to whole pages. Returns the
 * index, or -E2BIG, -ENOMEM, -EMFILE, -ENFILE, or another error of
 * memfd_create(2), ftruncate(2), fcntl(2) and mmap(2).
 */
int memif_regions_create(struct memif_regions *regions, uint64_t size);

/*
 * memif_regions_borrow() - add memory of the program (client)
 *
 * fd is what the peer maps; both stay the program's, and have to outlive the
 * set. base is aligned to 64. Returns the index, -E2BIG or -EINVAL.
 */
int memif_regions_borrow(struct memif_regions *regions, int fd, void *base,
			 uint64_t size);

/*
 * memif_regions_judge() - look at memory that a peer sent (server)
 *
 * fd stays the caller's. Sets the seal against shrinking if it is missing and
 * can be set. MEMIF_VERDICT_GOOD and, with MEMIF_UNSEALED_GUARD,
 * MEMIF_VERDICT_UNSEALED may be added.
 */
enum memif_verdict memif_regions_judge(const struct memif_regions *regions,
				       int fd, uint64_t size,
				       enum memif_unsealed unsealed);

/*
 * memif_regions_add() - take over memory that has been judged (server)
 *
 * fd is taken, also on failure. Does not map yet. Returns the index or -E2BIG.
 */
int memif_regions_add(struct memif_regions *regions, int fd, uint64_t size,
		      enum memif_verdict verdict);

/*
 * memif_regions_map() - map all that is not mapped (server, at CONNECT)
 *
 * Returns 0, or an error of mmap(2); -ENOSPC when there are too many guarded
 * regions in this process.
 */
int memif_regions_map(struct memif_regions *regions);

/* Whether memory of the link is gone. Any thread. */
static inline bool memif_region_is_dead(const struct memif_region *region)
{
	return atomic_load_explicit(&region->dead, memory_order_relaxed);
}

/*
 * memif_regions_fit() - whether a ring fits where the peer says it lies
 *
 * line is 64 or 128. That rings do not overlap is for the caller to see to.
 */
bool memif_regions_fit(const struct memif_regions *regions, uint16_t region,
		       uint32_t offset, uint8_t log2_size, uint8_t line);

#endif
