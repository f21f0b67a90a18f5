/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two trunks on a connection made up, with a clock and randomness made up: what
 * happens is decided by a seed alone.
 *
 * Each direction of the connection holds so many bytes, delays them, hands them
 * over in portions of any size, and can be cut after any byte. The trunks are
 * asked for bytes as a program with a socket would: a buffer full at a time,
 * the next when the last has gone.
 *
 * One simulation at a time in a process: the plaintext of records is looked at
 * on its way into the functions that seal, see trunk_wire.h.
 */
#ifndef TESTS_SIM_TRUNK_NET_H
#define TESTS_SIM_TRUNK_NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <vif/flow.h>
#include <vif/trunk_stats.h>

#define SIM_US    UINT64_C(1000)
#define SIM_MS    (1000 * SIM_US)
#define SIM_S     (1000 * SIM_MS)
#define SIM_NEVER UINT64_MAX

enum sim_numbers {
	SIM_PIPE_MAX = 1 << 18,   /* bytes on the way, at most */
	SIM_MARKS = 64,           /* times of arrival that are told apart */
	SIM_OUT_MAX = 4 << 16,    /* of the buffer between trunk and pipe */
	SIM_IDLE_JUMPS_MAX = 200, /* of the clock, while nothing moves */
};

enum sim_side { SIM_DIALER, SIM_ACCEPTER, SIM_SIDES };

struct wire;

struct sim_random {
	uint64_t state;
};

/* Bytes before this one are there at that time. */
struct sim_mark {
	uint64_t before;
	uint64_t at_ns;
};

/* From one side to the other. */
struct sim_pipe {
	uint8_t bytes[SIM_PIPE_MAX];
	size_t capacity;
	uint64_t pushed; /* bytes, ever */
	uint64_t popped;
	struct sim_mark mark[SIM_MARKS];
	unsigned int first_mark;
	unsigned int n_mark;
	uint64_t cut_at; /* byte that does not arrive any more, nor any after */
	bool closed;     /* by its sender, or cut: its end follows the bytes */
	bool stalled;    /* its receiver does not read */
};

struct sim_end {
	const struct sim_net *net;
	struct vif_trunk *trunk;
	struct sim_random random; /* that the trunk gets */
	uint8_t out[SIM_OUT_MAX];
	size_t out_size; /* of the buffer, as far as it is used */
	size_t out_len;
	size_t out_at;
	bool saw_end; /* of what the other side sends */
};

struct sim_net {
	struct sim_random random;
	uint64_t now_ns;
	uint64_t delay_max_ns;
	size_t portion_max; /* bytes handed over at once */
	bool exact;         /* portions and delays are always the largest */
	bool cut;           /* it has happened */
	bool tells;         /* print what the trunks log */
	uint64_t moved;     /* bytes, ever, either way */
	bool swapped;       /* the accepter's side has dialled */
	struct wire *wire;  /* its account, if there are several; or NULL */
	struct sim_pipe pipe[SIM_SIDES]; /* by sender */
	struct sim_end end[SIM_SIDES];
};

/* What to print when a check fails: which run it was, and how to see it again.
 */
extern char sim_title[256];

_Noreturn void sim_fail(const char *file, int line, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

#define sim_check(condition)                                         \
	do {                                                         \
		if (!(condition))                                    \
			sim_fail(__FILE__, __LINE__, "not true: %s", \
				 #condition);                        \
	} while (0)

/* Prints both values when they differ. */
#define sim_check_equal(a, b)                                                  \
	do {                                                                   \
		int64_t sim_a_ = (int64_t)(a);                                 \
		int64_t sim_b_ = (int64_t)(b);                                 \
		if (sim_a_ != sim_b_)                                          \
			sim_fail(__FILE__, __LINE__, "%s is %lld, %s is %lld", \
				 #a, (long long)sim_a_, #b,                    \
				 (long long)sim_b_);                           \
	} while (0)

uint64_t sim_random_next(struct sim_random *random);
/* From 0 to n - 1. */
uint32_t sim_pick(struct sim_random *random, uint32_t n);
/* From 1 to max, small numbers as often as large ones. */
size_t sim_pick_size(struct sim_random *random, size_t max);

/* Keys, each the same in all runs. */
const uint8_t *sim_private_key(unsigned int n);
const uint8_t *sim_public_key(unsigned int n);

/*
 * sim_net_init() - a connection without trunks, fast and wide
 *
 * Everything is in the seed. The fields that describe the connection may be
 * changed before the trunks are made; so may who of them dials.
 */
void sim_net_init(struct sim_net *net, uint64_t seed);

/* sim_net_trunk() - make a trunk; identity, random and user are filled in */
void sim_net_trunk(struct sim_net *net, enum sim_side side,
		   const struct vif_trunk_config *config);

/* sim_net_fini() - free both trunks */
void sim_net_fini(struct sim_net *net);

/* sim_net_send() - let a side send up to max bytes; whether anything moved */
bool sim_net_send(struct sim_net *net, enum sim_side side, size_t max);

/* sim_net_deliver() - let a side receive up to max bytes, or the end */
bool sim_net_deliver(struct sim_net *net, enum sim_side side, size_t max);

/* sim_net_move() - one of these at random, in the portions of the seed */
bool sim_net_move(struct sim_net *net);

/* sim_net_next_time() - when something happens by itself; SIM_NEVER: never */
uint64_t sim_net_next_time(const struct sim_net *net);

/* sim_net_advance() - set the clock, for both trunks */
void sim_net_advance(struct sim_net *net, uint64_t now_ns);

/* sim_net_cut() - nothing that is sent from now on arrives */
void sim_net_cut(struct sim_net *net, bool lose_what_is_on_the_way);

/* sim_net_is_over() - both trunks are closed, and both saw the end */
bool sim_net_is_over(const struct sim_net *net);

/* sim_net_enter() - the trunk of this side is called next */
void sim_net_enter(enum sim_side side);

/* sim_net_enter_on() - the same, where there are several connections */
void sim_net_enter_on(const struct sim_net *net, enum sim_side side);

static inline enum sim_side sim_other(enum sim_side side)
{
	return side == SIM_DIALER ? SIM_ACCEPTER : SIM_DIALER;
}

#endif
