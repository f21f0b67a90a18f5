/* SPDX-License-Identifier: Apache-2.0 */
/* Runs of the simulator in which a relay is between two ends. */
#include "tests/sim/trunk_relayed.h"

#include <inttypes.h>
#include <stdio.h>

#include "base/bits.h"
#include "tests/sim/trunk_chain.h"

enum {
	SEEDS = 0x72656c6179, /* not those of runs without a relay */
	STEPS_MAX = 400,
	MOVES_MAX = 16, /* between two acts of programs, while winding up */
	ROUNDS_MAX = 2000000, /* of a run, before it is taken for endless */
	END_LEAVE = ENDINGS,  /* the relay takes the trunk out */
};

/* An end of one link, in the middle of the run. */
struct early_end {
	enum sim_side link;
	unsigned int ending; /* enum ending, or END_LEAVE */
	unsigned int at;     /* step; never for a cut at a byte */
	bool is_set;
};

struct run {
	struct chain chain;
	enum size size;
	struct program_habits near[SIM_SIDES]; /* of each link, and: */
	struct program_habits far;
	struct early_end early;
	unsigned int n_steps;
	uint64_t n_checked; /* changes() at the last check */
	uint64_t n_waits;
};

static struct sim_random *random_of(struct run *run)
{
	return &run->chain.net[SIM_DIALER].random;
}

static enum sim_side any_side(struct run *run)
{
	return sim_pick(random_of(run), 2) ? SIM_ACCEPTER : SIM_DIALER;
}

/* Choices of a seed */

/* A relay needs a window for each half, or passes little on. */
static void give_room(struct run *run, struct vif_trunk_config *relay)
{
	uint32_t hop = relay->hop_window ? relay->hop_window : 128 << 10;

	if (sim_pick(random_of(run), 4) > 0)
		relay->window += 12 * hop;
}

static void choose_configs(struct run *run)
{
	struct chain *chain = &run->chain;
	bool limits_flows = false;

	for (int i = 0; i < 2 * SIM_SIDES; i++) {
		enum sim_side end = i / 2 ? SIM_ACCEPTER : SIM_DIALER;
		enum sim_side side = i % 2 ? SIM_ACCEPTER : SIM_DIALER;
		struct vif_trunk_config *config = &chain->config[end][side];
		unsigned int other = chain->link[end].key[sim_other(side)];
		bool is_dialer =
			(side == SIM_DIALER) != chain->net[end].swapped;

		choice_config(random_of(run), run->size,
			      is_dialer ? sim_public_key(other) : NULL, config);
		if (side != end)
			give_room(run, config);
		if (config->flows_max < MODEL_FLOWS)
			limits_flows = true;
	}
	for (int end = 0; end < SIM_SIDES; end++) {
		chain->ends[end] = chain->config[end][end];
		chain->link[end].limits_flows = limits_flows;
	}
	chain->far.limits_flows = limits_flows;
}

static void choose_habits(struct run *run)
{
	choice_habits(&run->chain.far, run->size, &run->far);
	/* More than what a hop may hold. */
	run->chain.far.bytes_left *= 4;
	if (sim_pick(random_of(run), 2))
		run->far.write_max = run->far.read_max = MODEL_CHUNK;
	for (int end = 0; end < SIM_SIDES; end++) {
		struct program_habits *near = &run->near[end];

		choice_habits(&run->chain.link[end], run->size, near);
		near->circuits_max = 1 + near->circuits_max % 2;
		near->flows_max = 1 + near->flows_max % 4;
		run->chain.link[end].bytes_left /= 4;
	}
}

static void choose_end(struct run *run)
{
	struct early_end *early = &run->early;

	run->n_steps = 1 + sim_pick(random_of(run), STEPS_MAX);
	*early = (struct early_end){ 0 };
	if (sim_pick(random_of(run), 2))
		return;
	early->is_set = true;
	early->link = any_side(run);
	early->ending = sim_pick(random_of(run), ENDINGS + 1);
	early->at = sim_pick(random_of(run), run->n_steps);
	if (early->ending != END_CUT || sim_pick(random_of(run), 2))
		return;
	/* A cut at any byte, instead of at any step. */
	early->at = UINT32_MAX;
	run->chain.net[early->link].pipe[any_side(run)].cut_at =
		sim_pick_size(random_of(run), 1 << 17) - 1;
}

static void set_up(struct run *run, uint64_t seed)
{
	struct chain *chain = &run->chain;

	(void)snprintf(sim_title, sizeof(sim_title),
		       "seed %" PRIu64 ", relayed", seed);
	chain_init(chain, seed ^ SEEDS);
	run->size = (enum size)sim_pick(random_of(run), SIZES);
	for (int end = 0; end < SIM_SIDES; end++) {
		choice_connection(&chain->net[end]);
		chain->net[end].swapped = sim_pick(random_of(run), 2);
	}
	choose_configs(run);
	choose_habits(run);
	choose_end(run);
	run->n_checked = run->n_waits = 0;
	chain_start(chain);
	if (sim_pick(random_of(run), 2))
		chain_route(chain);
}

/* A run */

static uint64_t changes(const struct run *run)
{
	return run->chain.wire[0].n_changes + run->chain.wire[1].n_changes;
}

static void check(struct run *run)
{
	uint64_t min, max;

	chain_check(&run->chain);
	passed_held(&run->chain.passed, SIM_SIDES, false, &min, &max);
	if (max > 0)
		run->n_waits++;
}

static void check_news(struct run *run)
{
	if (run->n_checked == changes(run))
		return;
	run->n_checked = changes(run);
	check(run);
}

static void end_link(struct run *run, enum sim_side link, unsigned int ending)
{
	if (ending == END_LEAVE)
		chain_leave(&run->chain, link);
	else
		choice_end(&run->chain.link[link], (enum ending)ending);
}

/* A jump of the clock; not far, or timers would end what is to be tested. */
static void wait_a_little(struct run *run)
{
	uint64_t now = run->chain.net[0].now_ns;
	uint64_t next = chain_next_time(&run->chain);

	chain_advance(&run->chain, next <= now + SIM_S ? next : now + SIM_MS);
}

static void act(struct run *run)
{
	enum sim_side side = any_side(run);
	enum sim_side link = any_side(run);

	if (sim_pick(random_of(run), 4) > 0)
		program_act(&run->chain.far, side, &run->far);
	else
		program_act(&run->chain.link[link], side, &run->near[link]);
}

static void step(struct run *run)
{
	if (sim_pick(random_of(run), 2))
		act(run);
	else
		(void)chain_events(&run->chain);
	check(run);
	for (uint32_t i = sim_pick(random_of(run), 24); i > 0; i--) {
		if (!chain_move(&run->chain)) {
			wait_a_little(run);
			break;
		}
		check_news(run);
	}
}

/* Mostly programs begin when the relay knows its way. */
static void warm_up(struct run *run)
{
	struct chain *chain = &run->chain;

	if (sim_pick(random_of(run), 8) == 0)
		return;
	while (!chain->far.has_route && !model_is_cut(&chain->far)) {
		if (!chain_move(chain))
			wait_a_little(run);
		check_news(run);
		(void)chain_events(chain);
	}
}

/* What grows only when something that programs wait for gets on. */
static uint64_t progress(const struct run *run)
{
	uint64_t sum = run->chain.passed.n_records;

	for (int end = 0; end < SIM_SIDES; end++)
		sum += run->chain.link[end].n_events +
		       run->chain.wire[end].trunk[0].received +
		       run->chain.wire[end].trunk[1].received;
	return sum;
}

static bool move_some(struct run *run)
{
	uint64_t before = changes(run);
	bool any = false;

	for (int i = 0; i < MOVES_MAX && before == changes(run); i++) {
		if (!chain_move(&run->chain))
			break;
		any = true;
	}
	check_news(run);
	return any;
}

_Noreturn static void give_up(const struct run *run, const char *why)
{
	program_tell(&run->chain.link[0]);
	program_tell(&run->chain.link[1]);
	printf("through the relay:\n");
	program_tell(&run->chain.far);
	sim_fail(__FILE__, __LINE__, "%s", why);
}

/* Nothing can happen at this time any more; what about later? */
static void jump(struct run *run, unsigned int *n_jumps, uint64_t *progressed)
{
	uint64_t next = chain_next_time(&run->chain);

	if (*progressed != progress(run))
		*n_jumps = 0;
	*progressed = progress(run);
	if (next == SIM_NEVER || *n_jumps > SIM_IDLE_JUMPS_MAX)
		give_up(run, "stuck");
	if (!chain_arrives(&run->chain))
		(*n_jumps)++;
	chain_advance(&run->chain, next);
}

static bool wind_up(struct run *run)
{
	struct chain *chain = &run->chain;
	bool any = chain_events(chain);

	for (int side = 0; side < SIM_SIDES; side++) {
		for (int end = 0; end < SIM_SIDES; end++)
			any |= program_wind_up(&chain->link[end],
					       (enum sim_side)side,
					       run->near[end].read_max);
		any |= program_wind_up(&chain->far, (enum sim_side)side,
				       run->far.read_max);
	}
	return any;
}

/*
 * A relay cannot tell whether there are flows in what it passes on, so that its
 * drain is over only when the end that it has told lets go of its circuits.
 */
static bool leave_draining(struct run *run)
{
	struct chain *chain = &run->chain;
	bool any = false;

	/* Up to here nobody has lost anything by it. */
	model_check_rest(&chain->far);
	for (int end = 0; end < SIM_SIDES; end++) {
		enum sim_side side = (enum sim_side)end;

		if (!model_peer_drains(&chain->far, side))
			continue;
		for (uint32_t i = 0; i < chain->far.n_circuit; i++) {
			struct model_circuit *circuit = &chain->far.circuit[i];

			if (!circuit->handle[side] || circuit->closed[side] ||
			    circuit->ended[side])
				continue;
			model_close_circuit(&chain->far, circuit, side, false);
			any = true;
		}
	}
	return any;
}

static bool is_done(const struct run *run)
{
	return program_is_done(&run->chain.far) &&
	       program_is_done(&run->chain.link[0]) &&
	       program_is_done(&run->chain.link[1]);
}

/* Until all programs are done, and nothing moves. */
static void run_to_rest(struct run *run)
{
	unsigned int n_jumps = 0, n_rounds = 0;
	uint64_t progressed = 0;

	for (;;) {
		bool any;

		if (n_rounds++ > ROUNDS_MAX)
			give_up(run, "endless");
		any = wind_up(run);
		any |= move_some(run);
		if (any)
			continue;
		if (!chain_arrives(&run->chain)) {
			if (is_done(run))
				break;
			if (program_flows_are_done(&run->chain.far) &&
			    leave_draining(run))
				continue;
		}
		jump(run, &n_jumps, &progressed);
	}
	check(run);
	chain_check_rest(&run->chain);
}

static void tear_down(struct run *run)
{
	struct chain *chain = &run->chain;

	/* A trunk takes with it what its program has not let go. */
	if (sim_pick(random_of(run), 2)) {
		program_let_go(&chain->far);
		program_let_go(&chain->link[0]);
		program_let_go(&chain->link[1]);
	}
	chain_fini(chain);
}

static void count(struct relayed_tally *tally, const struct run *run)
{
	const struct model *far = &run->chain.far;

	tally->n++;
	if (run->early.is_set)
		tally->ending[run->early.ending]++;
	tally->clean += far->n_clean;
	tally->broken += far->n_broken;
	tally->records += run->chain.passed.n_records;
	tally->waits += run->n_waits;
	for (uint32_t i = 0; i < far->n_circuit; i++) {
		const struct model_circuit *circuit = &far->circuit[i];

		if (!circuit->ready[circuit->opener])
			continue;
		tally->circuits++;
		if (circuit->is_lost)
			tally->lost++;
	}
	for (uint32_t i = 0; i < far->n_flow; i++)
		for (int side = 0; side < SIM_SIDES; side++) {
			tally->packets += far->flow[i].stream[side].n_read;
			tally->bytes += far->flow[i].stream[side].read;
		}
}

static bool is_over(const struct run *run, enum sim_side link)
{
	return sim_net_is_over(&run->chain.net[link]);
}

void relayed_run(uint64_t seed, bool tell, struct relayed_tally *tally)
{
	static struct run run;

	set_up(&run, seed);
	for (int end = 0; end < SIM_SIDES; end++) {
		run.chain.net[end].tells = tell;
		run.chain.wire[end].watch = tell ? wire_tell_link : NULL;
		run.chain.wire[end].user = &run.chain.wire[end];
	}
	warm_up(&run);
	for (unsigned int i = 0; i < run.n_steps; i++) {
		if (run.early.is_set && i == run.early.at)
			end_link(&run, run.early.link, run.early.ending);
		step(&run);
	}
	run_to_rest(&run);
	if (is_over(&run, SIM_DIALER) != is_over(&run, SIM_ACCEPTER))
		tally->early_ends++;
	/* One after the other, as what is left must live on. */
	for (int n = 0; n < SIM_SIDES; n++) {
		enum sim_side link = any_side(&run);

		link = is_over(&run, link) ? sim_other(link) : link;
		if (is_over(&run, link))
			break;
		end_link(&run, link, sim_pick(random_of(&run), ENDINGS));
		run_to_rest(&run);
	}
	sim_check(is_over(&run, SIM_DIALER) && is_over(&run, SIM_ACCEPTER));
	count(tally, &run);
	tear_down(&run);
}

void relayed_check(const struct relayed_tally *tally)
{
	uint64_t n = tally->n;

	printf("%9" PRIu64 " runs with a relay: %" PRIu64 " circuits, %" PRIu64
	       " of them lost with a trunk\n",
	       n, tally->circuits, tally->lost);
	printf("%9" PRIu64 " records passed on, %" PRIu64 " looks at some\n",
	       tally->records, tally->waits);
	printf("%9" PRIu64 " streams whole, %" PRIu64 " cut short\n",
	       tally->clean, tally->broken);
	printf("%9" PRIu64 " bytes, %" PRIu64 " packets\n", tally->bytes,
	       tally->packets);
	printf("%9" PRIu64 " times one trunk outlived the other\n",
	       tally->early_ends);
	for (int i = 0; i <= ENDINGS; i++)
		sim_check(tally->ending[i] >= n / 100);
	sim_check(tally->circuits >= n / 2 && tally->lost >= n / 100);
	sim_check(tally->records >= n && tally->waits >= n);
	sim_check(tally->clean >= n && tally->broken >= n / 4);
	sim_check(tally->packets >= n / 4 && tally->bytes >= 500 * n);
	sim_check(tally->early_ends >= n / 10);
}
