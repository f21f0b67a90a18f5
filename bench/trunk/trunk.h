/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the bench of trunks share: work that can be repeated, two
 * trunks in memory, and flows that always have something to send.
 */
#ifndef BENCH_TRUNK_H
#define BENCH_TRUNK_H

#include <stdbool.h>
#include <stdint.h>

#include "tests/trunk_rig.h"

enum bench_sizes {
	BENCH_WRITE_MAX = 65536, /* bytes of one write, and of one read */
	BENCH_FLOWS_MAX = 256,
};

/* Something to measure. A turn does some of it, and adds to done. */
struct work {
	void (*turn)(struct work *work);
	void *of;
	uint64_t done; /* bytes, or handshakes */
};

/* What records are to be like. */
struct kind {
	enum vif_circuit_mode mode;
	bool is_aes;
	uint32_t record_max;
};

void usage(void) __attribute__((noreturn));
void die(const char *what) __attribute__((noreturn));

/* Index of a word in a list that ends with NULL; anything else is usage(). */
int choose(const char *word, const char *const *list);

/* A number from 1 to max; anything else is usage(). */
uint32_t number(const char *word, uint32_t max);

/* The words MODE CIPHER RECORD. */
struct kind kind_of(char **words);

uint64_t cpu_ns(int clock); /* CLOCK_THREAD_CPUTIME_ID and its like */
double median(double *values, size_t n); /* sorts them */

/* Each takes the words behind its own name, n of them. */
void flow_main(char **words, int n);
void socket_main(char **words, int n);
void fair_main(char **words, int n);
void echo_main(char **words, int n);
void stall_main(char **words, int n);
void memory_main(char **words, int n);
void handshake_main(char **words, int n);
void flood_main(char **words, int n);

/*
 * duel() - two works side by side
 *
 * Slices of both in turn, in CPU time of the thread. Prints nanoseconds for
 * each unit of both, the medians, as JSON. Or, if the tool was asked to do a
 * number of turns, does that many of mine, and prints nothing.
 */
void duel(struct work *mine, struct work *peer);

/* bare.c: sealing and opening, and nothing else */

struct bare {
	struct kind kind;
	struct bare_layer *layer[2]; /* end to end, and of the hop */
	unsigned int n_layer;
	uint64_t n_record;
	uint8_t *plain, *record, *opened;
};

void bare_init(struct bare *bare, struct kind kind);

/* bare_seal() - a record of plain; returns its bytes in record */
uint32_t bare_seal(struct bare *bare);

/* bare_open() - returns the bytes in opened */
uint32_t bare_open(struct bare *bare);

/* bare_work() - seals and opens records, by the byte */
struct work bare_work(struct bare *bare);

/* ends.c: two trunks in memory */

/* ends_init() - ready for ends_start(); in between config may be changed */
void ends_init(struct rig *rig, struct kind kind);
void ends_start(struct rig *rig);

/* ends_dial() - a circuit, open at both ends */
struct vif_circuit *ends_dial(struct rig *rig, enum vif_circuit_mode mode);

/* ends_open() - a stream */
struct vif_flow *ends_open(struct vif_circuit *circuit);

/* A flow that always has something to send, in writes of one size. */
struct source {
	struct vif_flow *flow;
	uint32_t size; /* of a write */
	uint32_t left; /* of the one that was taken in part */
};

/* source_write() - one write; returns the bytes that were taken */
uint32_t source_write(struct source *source);

/* source_fill() - writes until nothing is taken; returns whether some was */
bool source_fill(struct source *source);

/*
 * sink_read() - take events of an end, and read what came
 *
 * A flow whose user is sink_stalled is not read. Returns bytes. Bytes are added
 * to the counter that is the user of a flow, if there is one.
 */
uint64_t sink_read(struct vif_trunk *trunk);

extern uint64_t sink_stalled;

/* record_len() - bytes of the record that begins here */
size_t record_len(const uint8_t *bytes);

/* record_has_data() - whether it may hold payload of flows */
bool record_has_data(const uint8_t *bytes);

/* records_in() - whole records in bytes that were given out */
uint32_t records_in(const uint8_t *bytes, size_t len);

/* held_now() - bytes of malloc that the core has, headers included; weigh.c */
int64_t held_now(void);

#endif
