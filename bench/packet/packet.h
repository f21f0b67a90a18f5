/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the parts of the bench of packets share: work that can be repeated, and
 * packets to do it on.
 */
#ifndef BENCH_PACKET_H
#define BENCH_PACKET_H

#include <vif/packet.h>

/* Something to measure. */
struct work {
	void (*turn)(void *of); /* does it once */
	void *of;
	uint32_t n_unit; /* in a turn: segments, packets, or sums */
	uint32_t n_byte; /* in a turn: of payload, or summed up */
};

/* Each takes the words behind its own name, and fills in the work. */
void checksum_work(char **words, int n_word, struct work *ret_work);
void cut_work(char **words, int n_word, struct work *ret_work);
void glue_work(char **words, int n_word, struct work *ret_work);

/* Prints the names of the bodies this CPU has, one a line. */
void checksum_list(void);

/* The loop out of a textbook; see naive.c. */
uint64_t naive_sum(const uint8_t *data, size_t len);

void usage(void) __attribute__((noreturn));
void die(const char *what) __attribute__((noreturn));

/* Index of a word in a list that ends with NULL; anything else is usage(). */
int choose(const char *word, const char *const *list);

/* Whether the word is "cold", and not "warm". */
bool is_cold(const char *word);

enum kind { TCP4, TCP6, UDP4 };

extern const char *const kind_names[];

/* A packet to make; its payload is there already. */
struct recipe {
	enum kind kind;
	uint32_t flow; /* picks a port */
	uint32_t payload;
	uint32_t seq;
	uint16_t id;
	uint16_t gso_size; /* 0 for a packet that is none */
};

/* Bytes of L3 and L4 headers; TCP has its timestamps. */
uint32_t header_len(enum kind kind);

/* Writes the headers in front of the payload, with whatever checksum fits. */
void make_packet(const struct recipe *recipe, uint8_t *at);

/*
 * The same bursts of bytes over and over again. Warm, there is one of them,
 * which stays in the cache. Cold, there are so many that none is there anymore
 * when its turn comes again.
 */
struct field {
	uint8_t *byte;
	size_t pitch; /* of bursts */
	size_t n;     /* bursts */
	size_t next;
};

/* Makes a field of copies of one burst. It lives as long as the program. */
void make_field(struct field *field, const uint8_t *burst, size_t len,
		bool cold);

/* The next burst. */
static inline uint8_t *walk(struct field *field)
{
	uint8_t *at = field->byte + field->next * field->pitch;

	field->next = field->next + 1 == field->n ? 0 : field->next + 1;
	return at;
}

#endif
