/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Two trunks, two programs, a connection, a clock: everything at random, and all
 * of it decided by a seed.
 *
 *	trunk_sim [SEED [N]]    N runs from SEED on; by default 10000 from 1
 *
 * One seed in six is also that of a run with a relay, see trunk_relayed.h. In one
 * of five the two trunks have a budget of memory in common, which is small.
 *
 * A run opens circuits and flows of all kinds, moves bytes and packets, breaks
 * things, and ends: by a drain, a close, an abort or a cut. An independent model
 * knows what must come; it is compared after each step. A run that fails prints
 * its seed; trunk_sim SEED runs it again, and tells frame by frame.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "tests/sim/trunk_relayed.h"

enum {
	N_SEEDS = 10000,
	N_SEEDS_SMALL = 500,
	BUDGET_ONE_IN = 5,
	STEPS_MAX = 400,
	MOVES_MAX = 16, /* between two acts of programs, while winding up */
	NOTE_EVERY = 10000,
	ROUNDS_MAX = 2000000, /* of a run, before it is taken for endless */
};

static const char *const ending_names[] = {
	"drained",        "drained by both", "closed",
	"closed by both", "aborted",         "cut",
};

/* How runs went, so that it is noticed when they all go the same way. */
struct tally {
	uint64_t ending[ENDINGS]; /* before everything else was done */
	uint64_t clean, broken;   /* ends of streams */
	uint64_t frame[WIRE_TYPES];
	uint64_t modes[VIF_CIRCUIT_SEALED + 1];
	uint64_t packets, bytes;
	uint64_t budgets, refused,
		evicted; /* runs: with one, and those where */
};

struct sim {
	enum size size;
	struct sim_net net;
	struct wire wire;
	struct model model;
	struct vif_trunk_config config[SIM_SIDES];
	struct vif_trunk_budget *budget; /* NULL: none */
	struct program_habits habits;
	enum ending early;     /* in the middle of the run; END_NONE */
	unsigned int early_at; /* step */
	unsigned int n_steps;
	uint64_t n_checked; /* wire.n_changes at the last check */
};

/* Choices of a seed */

static void choose_end(struct sim *sim)
{
	struct sim_random *random = &sim->net.random;

	sim->n_steps = 1 + sim_pick(random, STEPS_MAX);
	sim->early = END_NONE;
	if (sim_pick(random, 2))
		return;
	sim->early = (enum ending)sim_pick(random, ENDINGS);
	sim->early_at = sim_pick(random, sim->n_steps);
	if (sim->early != END_CUT || sim_pick(random, 2))
		return;
	/* A cut at any byte, instead of at any step. */
	sim->early_at = UINT32_MAX;
	sim->net.pipe[sim_pick(random, 2)].cut_at =
		sim_pick_size(random, 1 << 17) - 1;
}

/* There has to be room for one circuit of either side. */
static uint32_t least_steps(const struct sim *sim)
{
	const uint32_t step = VIF_TRUNK_BUDGET_STEP;
	uint32_t most = sim->config[0].circuit_window;

	if (most < sim->config[1].circuit_window)
		most = sim->config[1].circuit_window;
	return (most + step - 1) / step;
}

static void choose_budget(struct sim *sim)
{
	static const uint64_t idle_ns[] = { 1, SIM_MS, SIM_S, SIM_NEVER };
	struct sim_random *random = &sim->net.random;
	uint32_t n_steps = sim->size == LARGE ? 16 : 3;
	const struct vif_trunk_budget_config config = {
		.size = sizeof(config),
		.limit = (least_steps(sim) + sim_pick(random, n_steps)) *
			 (uint64_t)VIF_TRUNK_BUDGET_STEP,
		.soft = sim_pick(random, 2) ? VIF_TRUNK_BUDGET_STEP : 0,
		.idle_ns = idle_ns[sim_pick(random, ARRAY_LEN(idle_ns))],
	};

	sim_check(vif_trunk_budget_new(&config, &sim->budget, NULL) == 0);
	sim->model.budget = sim->budget;
	sim->model.budget_limit = config.limit;
	for (int side = 0; side < SIM_SIDES; side++)
		sim->config[side].budget = sim->budget;
}

/* Each byte of it was given back. */
static void check_budget_is_whole(struct sim *sim)
{
	struct vif_trunk_budget_stats stats;

	vif_trunk_budget_stats(sim->budget, &stats);
	sim_check_equal(stats.taken, 0);
	sim_check_equal(stats.trunks, 0);
	sim_check(vif_trunk_budget_free(sim->budget) == 0);
}

/* A run */

static void check_news(struct sim *sim)
{
	if (sim->n_checked == sim->wire.n_changes)
		return;
	sim->n_checked = sim->wire.n_changes;
	model_check(&sim->model);
}

/* A jump of the clock; not far, or timers would end what is to be tested. */
static void wait_a_little(struct sim *sim)
{
	uint64_t next = sim_net_next_time(&sim->net);

	if (next <= sim->net.now_ns + SIM_S)
		sim_net_advance(&sim->net, next);
	else
		sim_net_advance(&sim->net, sim->net.now_ns + SIM_MS);
}

static void step(struct sim *sim)
{
	struct sim_random *random = &sim->net.random;
	enum sim_side side = sim_pick(random, 2) ? SIM_ACCEPTER : SIM_DIALER;

	if (sim_pick(random, 2))
		program_act(&sim->model, side, &sim->habits);
	else
		(void)model_events(&sim->model, side);
	model_check(&sim->model);
	for (uint32_t i = sim_pick(random, 8); i > 0; i--) {
		if (!sim_net_move(&sim->net)) {
			wait_a_little(sim);
			break;
		}
		check_news(sim);
	}
}

/* What grows only when something that programs wait for gets on. */
static uint64_t progress(const struct sim *sim)
{
	return sim->model.n_events + sim->wire.trunk[0].received +
	       sim->wire.trunk[1].received;
}

static bool move_some(struct sim *sim)
{
	uint64_t before = sim->wire.n_changes;
	bool any = false;

	for (int i = 0; i < MOVES_MAX && before == sim->wire.n_changes; i++) {
		if (!sim_net_move(&sim->net))
			break;
		any = true;
	}
	check_news(sim);
	return any;
}

/* Nothing can happen at this time any more; what about later? */
static void jump(struct sim *sim, unsigned int *n_jumps, uint64_t *progressed)
{
	uint64_t next = sim_net_next_time(&sim->net);
	bool arrives = sim->net.pipe[0].n_mark + sim->net.pipe[1].n_mark > 0;

	if (*progressed != progress(sim))
		*n_jumps = 0;
	*progressed = progress(sim);
	if (next == SIM_NEVER || *n_jumps > SIM_IDLE_JUMPS_MAX) {
		program_tell(&sim->model);
		sim_fail(__FILE__, __LINE__, "stuck");
	}
	if (!arrives)
		(*n_jumps)++;
	sim_net_advance(&sim->net, next);
}

/* Until both programs are done, and nothing moves. */
static void run_to_rest(struct sim *sim)
{
	unsigned int n_jumps = 0, n_rounds = 0;
	uint64_t progressed = 0;

	for (;;) {
		bool any = false;

		if (n_rounds++ > ROUNDS_MAX) {
			program_tell(&sim->model);
			sim_fail(__FILE__, __LINE__, "endless");
		}
		for (int side = 0; side < SIM_SIDES; side++) {
			any |= model_events(&sim->model, (enum sim_side)side);
			any |= program_wind_up(&sim->model, (enum sim_side)side,
					       sim->habits.read_max);
		}
		any |= move_some(sim);
		if (any)
			continue;
		if (sim->net.pipe[0].n_mark + sim->net.pipe[1].n_mark == 0 &&
		    program_is_done(&sim->model))
			break;
		jump(sim, &n_jumps, &progressed);
	}
	model_check(&sim->model);
	model_check_rest(&sim->model);
}

static void set_up(struct sim *sim, uint64_t seed)
{
	(void)snprintf(sim_title, sizeof(sim_title), "seed %" PRIu64, seed);
	sim_net_init(&sim->net, seed);
	model_init(&sim->model, &sim->net, &sim->wire, sim->config);
	sim->size = (enum size)sim_pick(&sim->net.random, SIZES);
	choice_connection(&sim->net);
	for (int side = 0; side < SIM_SIDES; side++) {
		choice_config(&sim->net.random, sim->size,
			      side == SIM_DIALER ?
				      sim_public_key(SIM_ACCEPTER) :
				      NULL,
			      &sim->config[side]);
		if (sim->config[side].flows_max < MODEL_FLOWS)
			sim->model.limits_flows = true;
	}
	sim->budget = NULL;
	if (seed % BUDGET_ONE_IN == 0)
		choose_budget(sim);
	choice_habits(&sim->model, sim->size, &sim->habits);
	choose_end(sim);
	wire_init(&sim->wire, &sim->net, sim->config);
	sim->n_checked = 0;
	for (int side = 0; side < SIM_SIDES; side++) {
		sim_net_trunk(&sim->net, (enum sim_side)side,
			      &sim->config[side]);
		sim_check(vif_trunk_listen(sim->net.end[side].trunk, true) ==
			  0);
	}
}

static void tear_down(struct sim *sim)
{
	/* A trunk takes with it what its program has not let go. */
	if (sim_pick(&sim->net.random, 2))
		program_let_go(&sim->model);
	sim_net_fini(&sim->net);
	wire_fini(&sim->wire);
	if (sim->budget)
		check_budget_is_whole(sim);
}

static void count_budget(struct tally *tally, const struct sim *sim)
{
	struct vif_trunk_budget_stats stats;

	if (!sim->budget)
		return;
	vif_trunk_budget_stats(sim->budget, &stats);
	tally->budgets++;
	tally->refused += stats.refused > 0;
	tally->evicted += stats.evicted > 0;
}

static void count(struct tally *tally, const struct sim *sim)
{
	const struct model *model = &sim->model;

	if (sim->early != END_NONE)
		tally->ending[sim->early]++;
	tally->clean += model->n_clean;
	tally->broken += model->n_broken;
	for (int i = 0; i < WIRE_TYPES; i++)
		tally->frame[i] += sim->wire.n_frame[i];
	for (uint32_t i = 0; i < model->n_circuit; i++)
		if (model->circuit[i].ready[model->circuit[i].opener])
			tally->modes[model->circuit[i].mode]++;
	for (uint32_t i = 0; i < model->n_flow; i++)
		for (int side = 0; side < SIM_SIDES; side++) {
			tally->packets += model->flow[i].stream[side].n_read;
			tally->bytes += model->flow[i].stream[side].read;
		}
}

static void run_seed(uint64_t seed, bool tell, struct tally *tally)
{
	static struct sim sim;

	set_up(&sim, seed);
	sim.net.tells = tell;
	sim.wire.watch = tell ? wire_tell : NULL;
	for (unsigned int i = 0; i < sim.n_steps; i++) {
		if (i == sim.early_at && sim.early != END_NONE)
			choice_end(&sim.model, sim.early);
		step(&sim);
	}
	run_to_rest(&sim);
	if (!sim_net_is_over(&sim.net)) {
		choice_end(&sim.model,
			   (enum ending)sim_pick(&sim.net.random, ENDINGS));
		run_to_rest(&sim);
	}
	count(tally, &sim);
	count_budget(tally, &sim);
	tear_down(&sim);
}

static void check_budgets(const struct tally *tally, uint64_t n)
{
	printf("%9" PRIu64 " with a budget, %" PRIu64
	       " where it was too small, %" PRIu64
	       " where a trunk was evicted\n",
	       tally->budgets, tally->refused, tally->evicted);
	sim_check(tally->refused >= n / 100);
	sim_check(tally->evicted >= n / 200);
}

/* Each thing must have happened, and not just once. */
static void check_tally(const struct tally *tally, uint64_t n)
{
	static const enum wire_type wanted[] = {
		WIRE_DATA,          WIRE_CREDIT,       WIRE_RESET,
		WIRE_STOP,          WIRE_CLOSE,        WIRE_TRUNK_READY,
		WIRE_TRUNK_PING,    WIRE_TRUNK_PONG,   WIRE_TRUNK_LIMIT,
		WIRE_TRUNK_OPEN,    WIRE_TRUNK_ACCEPT, WIRE_TRUNK_CONFIRM,
		WIRE_TRUNK_SHUT,    WIRE_TRUNK_REKEY,  WIRE_TRUNK_DRAIN,
		WIRE_TRUNK_DRAINED, WIRE_TRUNK_CLOSE,
	};

	(void)snprintf(sim_title, sizeof(sim_title), "%" PRIu64 " runs", n);
	for (int i = 0; i < ENDINGS; i++)
		printf("%9" PRIu64 " %s early\n", tally->ending[i],
		       ending_names[i]);
	printf("%9" PRIu64 " streams whole, %" PRIu64 " cut short\n",
	       tally->clean, tally->broken);
	printf("%9" PRIu64 " bytes, %" PRIu64 " packets\n", tally->bytes,
	       tally->packets);
	for (int i = 1; i < WIRE_TYPES; i++)
		if (tally->frame[i] > 0)
			printf("%9" PRIu64 " frames of type %d\n",
			       tally->frame[i], i);
	for (int i = 0; i < ENDINGS; i++)
		sim_check(tally->ending[i] >= n / 100);
	for (int i = VIF_CIRCUIT_DERIVED; i <= VIF_CIRCUIT_SEALED; i++)
		sim_check(tally->modes[i] >= n / 10);
	sim_check(tally->clean >= n && tally->broken >= n / 2);
	check_budgets(tally, n);
	sim_check(tally->packets >= n && tally->bytes >= 1000 * n);
	for (size_t i = 0; i < ARRAY_LEN(wanted); i++)
		sim_check(tally->frame[wanted[i]] >= n / 200);
}

static uint64_t number_of(const char *text)
{
	char *end;
	uint64_t number = strtoull(text, &end, 10);

	if (*text == '\0' || *end != '\0') {
		(void)fprintf(stderr, "trunk_sim: %s is no number\n", text);
		exit(2); /* NOLINT(concurrency-mt-unsafe): one thread */
	}
	return number;
}

int main(int argc, char **argv)
{
	const char *scale =
		getenv("VIF_TEST_SCALE"); /* NOLINT(concurrency-mt-unsafe) */
	bool is_small = scale && strcmp(scale, "small") == 0;
	uint64_t seed = argc > 1 ? number_of(argv[1]) : 1;
	uint64_t n = is_small ? N_SEEDS_SMALL : N_SEEDS;
	static struct tally tally;
	static struct relayed_tally relayed;

	if (argc > 1)
		n = argc > 2 ? number_of(argv[2]) : 1;
	/* Whoever follows a file of it wants to see how far it is. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	for (uint64_t i = 0; i < n; i++) {
		run_seed(seed + i, n == 1, &tally);
		if ((seed + i) % RELAYED_ONE_IN == 0)
			relayed_run(seed + i, n == 1, &relayed);
		if ((i + 1) % NOTE_EVERY == 0 && i + 1 < n)
			printf("%" PRIu64 " runs\n", i + 1);
	}
	if (n >= N_SEEDS) {
		check_tally(&tally, n);
		relayed_check(&relayed);
	}
	printf("%" PRIu64 " runs from seed %" PRIu64 "\n", n, seed);
	return 0;
}
