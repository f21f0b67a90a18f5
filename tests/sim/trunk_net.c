/* SPDX-License-Identifier: Apache-2.0 */
/* A connection, a clock and randomness, all made up. */
#include "tests/sim/trunk_net.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/sim/trunk_wire.h"

enum { N_KEYS = 8 };

char sim_title[256] = "";

void sim_fail(const char *file, int line, const char *format, ...)
{
	va_list arguments;

	(void)fflush(stdout);
	(void)fprintf(stderr, "%s: %s:%d: ", sim_title, file, line);
	va_start(arguments, format);
	(void)vfprintf(stderr, format, arguments);
	va_end(arguments);
	(void)fputc('\n', stderr);
	exit(1); /* NOLINT(concurrency-mt-unsafe): one thread */
}

/* splitmix64 */
uint64_t sim_random_next(struct sim_random *random)
{
	uint64_t z = random->state += 0x9e3779b97f4a7c15;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

uint32_t sim_pick(struct sim_random *random, uint32_t n)
{
	return (uint32_t)(sim_random_next(random) % n);
}

size_t sim_pick_size(struct sim_random *random, size_t max)
{
	size_t top = max;

	for (uint32_t halves = sim_pick(random, 24); halves > 0; halves--)
		if (top > 1)
			top /= 2;
	return sim_random_next(random) % top + 1;
}

const uint8_t *sim_private_key(unsigned int n)
{
	static uint8_t key[N_KEYS][VIF_KEY_LEN];

	sim_check(n < N_KEYS);
	memset(key[n], 'a' + (int)n, VIF_KEY_LEN);
	return key[n];
}

/* Made once: they cost more than a small run. */
const uint8_t *sim_public_key(unsigned int n)
{
	static uint8_t key[N_KEYS][VIF_KEY_LEN];
	static bool made[N_KEYS];

	sim_check(n < N_KEYS);
	if (!made[n])
		sim_check(vif_key_public(sim_private_key(n), key[n]) == 0);
	made[n] = true;
	return key[n];
}

void sim_net_init(struct sim_net *net, uint64_t seed)
{
	net->random = (struct sim_random){ seed };
	net->now_ns = SIM_S;
	net->delay_max_ns = 0;
	net->portion_max = SIM_PIPE_MAX;
	net->exact = true;
	net->cut = net->tells = false;
	net->moved = 0;
	net->wire = NULL;
	net->swapped = false;
	for (int side = 0; side < SIM_SIDES; side++) {
		struct sim_pipe *pipe = &net->pipe[side];
		struct sim_end *end = &net->end[side];

		pipe->capacity = SIM_PIPE_MAX;
		pipe->pushed = pipe->popped = 0;
		pipe->first_mark = pipe->n_mark = 0;
		pipe->cut_at = SIM_NEVER;
		pipe->closed = pipe->stalled = false;
		end->net = net;
		end->trunk = NULL;
		end->random.state = sim_random_next(&net->random);
		end->out_size = VIF_TRUNK_SEND_MIN;
		end->out_len = end->out_at = 0;
		end->saw_end = false;
	}
}

static int fill_random(void *user, uint8_t *bytes, size_t len)
{
	struct sim_end *end = user;

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)sim_random_next(&end->random);
	return 0;
}

static void tell(void *user, enum vif_log_level level, const char *text)
{
	const struct sim_end *end = user;

	(void)level;
	if (end->net->tells)
		printf("%14" PRIu64 " side %d: %s\n", end->net->now_ns,
		       end == &end->net->end[SIM_ACCEPTER], text);
}

void sim_net_trunk(struct sim_net *net, enum sim_side side,
		   const struct vif_trunk_config *config)
{
	static const enum vif_trunk_role roles[] = { VIF_TRUNK_DIALER,
						     VIF_TRUNK_ACCEPTER };
	struct sim_end *end = &net->end[side];
	struct vif_trunk_config own = *config;
	struct vif_error error = { 0 };
	int ret;

	own.size = sizeof(own);
	own.random = fill_random;
	own.user = end;
	own.log = tell;
	own.log_level = VIF_LOG_DEBUG;
	if (!own.identity)
		own.identity = sim_private_key(side);
	sim_net_enter_on(net, side);
	ret = vif_trunk_new(roles[net->swapped ? sim_other(side) : side], &own,
			    net->now_ns, &end->trunk, &error);
	if (ret != 0)
		sim_fail(__FILE__, __LINE__, "no trunk: %s: %s: %s (%s)",
			 error.where, error.what, error.why, error.hint);
}

void sim_net_fini(struct sim_net *net)
{
	for (int side = 0; side < SIM_SIDES; side++) {
		sim_net_enter_on(net, (enum sim_side)side);
		vif_trunk_free(net->end[side].trunk);
		net->end[side].trunk = NULL;
	}
}

/* The pipe */

static void add_mark(struct sim_pipe *pipe, uint64_t at_ns)
{
	struct sim_mark *last =
		&pipe->mark[(pipe->first_mark + pipe->n_mark + SIM_MARKS - 1) %
			    SIM_MARKS];

	if (pipe->n_mark > 0 && at_ns < last->at_ns)
		at_ns = last->at_ns;
	if (pipe->n_mark == 0 ||
	    (at_ns != last->at_ns && pipe->n_mark < SIM_MARKS)) {
		last = &pipe->mark[(pipe->first_mark + pipe->n_mark) %
				   SIM_MARKS];
		pipe->n_mark++;
	}
	*last = (struct sim_mark){ pipe->pushed, at_ns };
}

static uint64_t arrival_time(struct sim_net *net)
{
	if (net->delay_max_ns == 0)
		return net->now_ns;
	if (net->exact)
		return net->now_ns + net->delay_max_ns;
	return net->now_ns + sim_random_next(&net->random) % net->delay_max_ns;
}

static void put_in(struct sim_net *net, struct sim_pipe *pipe,
		   const uint8_t *bytes, size_t n)
{
	size_t at = pipe->pushed % SIM_PIPE_MAX;
	size_t first = n < SIM_PIPE_MAX - at ? n : SIM_PIPE_MAX - at;

	if (n == 0)
		return;
	memcpy(pipe->bytes + at, bytes, first);
	memcpy(pipe->bytes, bytes + first, n - first);
	pipe->pushed += n;
	add_mark(pipe, arrival_time(net));
}

/* Takes as much as there is room for. What lies behind a cut is lost. */
static size_t push(struct sim_net *net, enum sim_side side,
		   const uint8_t *bytes, size_t len)
{
	struct sim_pipe *pipe = &net->pipe[side];
	size_t room = pipe->capacity - (size_t)(pipe->pushed - pipe->popped);
	size_t n = len < room ? len : room;

	if (pipe->closed)
		return len;
	if (pipe->pushed + n >= pipe->cut_at) {
		put_in(net, pipe, bytes, (size_t)(pipe->cut_at - pipe->pushed));
		sim_net_cut(net, false);
		return len;
	}
	put_in(net, pipe, bytes, n);
	return n;
}

/* Bytes that have arrived. */
static size_t n_arrived(const struct sim_net *net, const struct sim_pipe *pipe)
{
	uint64_t before = pipe->popped;

	for (unsigned int i = 0; i < pipe->n_mark; i++) {
		const struct sim_mark *mark =
			&pipe->mark[(pipe->first_mark + i) % SIM_MARKS];

		if (mark->at_ns > net->now_ns)
			break;
		before = mark->before;
	}
	return (size_t)(before - pipe->popped);
}

static void pop(struct sim_pipe *pipe, size_t n)
{
	pipe->popped += n;
	while (pipe->n_mark > 0 &&
	       pipe->mark[pipe->first_mark].before <= pipe->popped) {
		pipe->first_mark = (pipe->first_mark + 1) % SIM_MARKS;
		pipe->n_mark--;
	}
}

void sim_net_cut(struct sim_net *net, bool lose_what_is_on_the_way)
{
	net->cut = true;
	for (int side = 0; side < SIM_SIDES; side++) {
		struct sim_pipe *pipe = &net->pipe[side];

		pipe->closed = true;
		if (lose_what_is_on_the_way) {
			pipe->popped = pipe->pushed;
			pipe->n_mark = 0;
		}
	}
}

/* The ends */

static void ask_for_bytes(struct sim_end *end)
{
	bool wants = vif_trunk_wants_send(end->trunk);
	int64_t n = vif_trunk_send(end->trunk, end->out, end->out_size);

	sim_check(n >= 0);
	sim_check(n <= (int64_t)end->out_size);
	sim_check(wants || n == 0);
	/* It may have looked better than it was, but only once. */
	sim_check(n > 0 || !vif_trunk_wants_send(end->trunk));
	end->out_at = 0;
	end->out_len = (size_t)n;
}

bool sim_net_send(struct sim_net *net, enum sim_side side, size_t max)
{
	struct sim_end *end = &net->end[side];
	size_t n;

	sim_net_enter_on(net, side);
	if (end->out_at == end->out_len)
		ask_for_bytes(end);
	if (end->out_at == end->out_len) {
		if (net->pipe[side].closed || !vif_trunk_is_closed(end->trunk))
			return false;
		net->pipe[side].closed = true;
		return true;
	}
	n = end->out_len - end->out_at;
	n = push(net, side, end->out + end->out_at, n < max ? n : max);
	end->out_at += n;
	net->moved += n;
	return n > 0;
}

static bool deliver_end(struct sim_net *net, enum sim_side side)
{
	const struct sim_pipe *pipe = &net->pipe[sim_other(side)];
	struct sim_end *end = &net->end[side];

	if (!pipe->closed || pipe->popped != pipe->pushed || end->saw_end)
		return false;
	end->saw_end = true;
	vif_trunk_receive_end(end->trunk);
	return true;
}

bool sim_net_deliver(struct sim_net *net, enum sim_side side, size_t max)
{
	struct sim_pipe *pipe = &net->pipe[sim_other(side)];
	struct sim_end *end = &net->end[side];
	size_t n = n_arrived(net, pipe);
	size_t at = pipe->popped % SIM_PIPE_MAX;
	int ret;

	if (pipe->stalled || end->saw_end)
		return false;
	sim_net_enter_on(net, side);
	if (n == 0)
		return deliver_end(net, side);
	if (n > max)
		n = max;
	if (n > SIM_PIPE_MAX - at)
		n = SIM_PIPE_MAX - at;
	ret = vif_trunk_receive(end->trunk, pipe->bytes + at, n);
	sim_check(ret == 0 || ret == -ECONNABORTED);
	pop(pipe, n);
	net->moved += n;
	return true;
}

static size_t portion(struct sim_net *net)
{
	if (net->exact)
		return net->portion_max;
	return sim_pick_size(&net->random, net->portion_max);
}

bool sim_net_move(struct sim_net *net)
{
	uint32_t first = sim_pick(&net->random, 4);

	for (uint32_t i = 0; i < 4; i++) {
		uint32_t what = (first + i) % 4;
		enum sim_side side = what % 2 ? SIM_ACCEPTER : SIM_DIALER;
		bool moved = what < 2 ?
				     sim_net_send(net, side, portion(net)) :
				     sim_net_deliver(net, side, portion(net));

		if (moved)
			return true;
	}
	return false;
}

/* The clock */

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t sim_net_next_time(const struct sim_net *net)
{
	uint64_t at = SIM_NEVER;

	for (int side = 0; side < SIM_SIDES; side++) {
		const struct sim_pipe *pipe = &net->pipe[side];

		at = earlier(at, vif_trunk_deadline(net->end[side].trunk));
		if (pipe->n_mark > 0 && !pipe->stalled)
			at = earlier(at, pipe->mark[pipe->first_mark].at_ns);
	}
	return at;
}

void sim_net_advance(struct sim_net *net, uint64_t now_ns)
{
	sim_check(now_ns >= net->now_ns);
	net->now_ns = now_ns;
	for (int side = 0; side < SIM_SIDES; side++) {
		struct vif_trunk *trunk = net->end[side].trunk;

		sim_net_enter_on(net, (enum sim_side)side);
		vif_trunk_advance(trunk, now_ns);
		/* A timer that stays over would keep its program busy. */
		sim_check(vif_trunk_deadline(trunk) > now_ns);
	}
}

bool sim_net_is_over(const struct sim_net *net)
{
	for (int side = 0; side < SIM_SIDES; side++)
		if (!vif_trunk_is_closed(net->end[side].trunk) ||
		    !net->pipe[side].closed)
			return false;
	return true;
}

void sim_net_enter(enum sim_side side)
{
	wire_enter(side);
}

void sim_net_enter_on(const struct sim_net *net, enum sim_side side)
{
	if (net->wire)
		wire_switch(net->wire);
	wire_enter(side);
}
