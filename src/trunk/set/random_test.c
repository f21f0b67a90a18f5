/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of sets of trunks: anything in any order.
 *
 * Programs that dial at random, give up, forget to pin keys, and lose their
 * connections. After each step: who got a trunk got one of the key he asked for
 * that can carry circuits; each waiter hears of one result, and of no failure
 * while his attempt goes on; no attempt is there twice.
 */
#include "trunk/set/set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/set_rig.h"

enum {
	N_WAITERS = 12,
	N_ATTEMPTS = 8,
	N_PAIRS = 6,
	N_TARGETS = 2 * 3 * 2 * 2,
	N_STEPS = 400,
	N_SEEDS = 60,
};

struct dialer {
	struct vif_trunk_waiter *waiter; /* NULL: free */
	struct vif_trunk_target target;
	unsigned int kind;             /* number of the target */
	unsigned int attempt;          /* that he waits for */
	const struct set_entry *asked; /* of that */
};

struct world {
	struct set_rig s;
	struct rig other; /* a third one; only his key */
	uint64_t random;
	struct dialer dialer[N_WAITERS];
	struct vif_trunk_attempt *attempt[N_ATTEMPTS];
	unsigned int n_begun[N_TARGETS]; /* attempts */
	struct rig *pair[N_PAIRS];
	int ours[N_PAIRS]; /* which end is */
	unsigned int n_up, n_failed, n_ready, n_unwanted, n_backoff;
};

static unsigned int pick(struct world *w, unsigned int n)
{
	w->random = w->random * 6364136223846793005u + 1442695040888963407u;
	return (unsigned int)(w->random >> 33) % n;
}

static struct vif_trunk *ours(const struct world *w, unsigned int i)
{
	return w->pair[i] ? w->pair[i]->end[w->ours[i]] : NULL;
}

static void check_trunk(const struct vif_trunk *trunk,
			const struct vif_trunk_target *target)
{
	assert_int_equal(trunk->state, TRUNK_OPEN);
	assert_int_equal(trunk_may_open(trunk), 0);
	if (target->remote)
		assert_memory_equal(trunk->remote, target->remote, VIF_KEY_LEN);
	if (target->local)
		assert_memory_equal(trunk->identity.public_key, target->local,
				    VIF_KEY_LEN);
	if (target->only_dialled || !target->remote)
		assert_int_equal(trunk->role, VIF_TRUNK_DIALER);
}

static void keep_attempt(struct world *w, struct vif_trunk_attempt *attempt)
{
	for (int i = 0; i < N_ATTEMPTS; i++)
		assert_ptr_not_equal(w->attempt[i], attempt);
	for (int i = 0; i < N_ATTEMPTS; i++) {
		if (w->attempt[i])
			continue;
		w->attempt[i] = attempt;
		return;
	}
	vif_trunk_attempt_fail(attempt, 300, "too many");
}

static void choose_target(struct world *w, struct dialer *dialer)
{
	static const char address[] = "abc";
	const uint8_t *remotes[] = { w->s.keys.key[THEM], w->other.key[0],
				     NULL };
	unsigned int where = pick(w, 2), who = pick(w, 3);
	bool has_local = pick(w, 3), only_dialled = pick(w, 4) == 0;

	dialer->kind = ((where * 3 + who) * 2 + has_local) * 2 + only_dialled;
	dialer->target = (struct vif_trunk_target){
		.size = sizeof(dialer->target),
		.address = &address[where],
		.address_len = 1,
		.remote = remotes[who],
		.local = has_local ? w->s.keys.key[US] : NULL,
		.only_dialled = only_dialled,
	};
}

static void ask(struct world *w)
{
	struct dialer *dialer = &w->dialer[pick(w, N_WAITERS)];
	struct vif_trunk_found found;
	int r;

	if (dialer->waiter)
		return;
	choose_target(w, dialer);
	r = vif_trunk_set_get(w->s.set, &dialer->target, dialer, &found);
	if (r == -ENOSPC || r == -EDQUOT)
		return;
	assert_true(r > 0);
	dialer->waiter = found.waiter;
	if (r == VIF_TRUNK_SET_READY)
		check_trunk(found.trunk, &dialer->target);
	w->n_begun[dialer->kind] += r == VIF_TRUNK_SET_CONNECT;
	dialer->attempt = w->n_begun[dialer->kind];
	dialer->asked = found.waiter ? found.waiter->entry : NULL;
	if (r == VIF_TRUNK_SET_CONNECT)
		keep_attempt(w, found.attempt);
	w->n_ready += r == VIF_TRUNK_SET_READY;
	w->n_backoff += r == VIF_TRUNK_SET_BACKOFF;
}

static void cancel(struct world *w)
{
	struct dialer *dialer = &w->dialer[pick(w, N_WAITERS)];

	if (dialer->waiter)
		vif_trunk_waiter_cancel(dialer->waiter);
	dialer->waiter = NULL;
}

/* Whether what is being made for a target is what he waits for. */
static bool attempt_goes_on(const struct world *w, const struct dialer *dialer)
{
	struct list *link, *after;

	if (dialer->attempt != w->n_begun[dialer->kind])
		return false; /* there has been another one since */
	list_foreach(&w->s.set->entries, link, after) {
		const struct set_entry *entry =
			container_of(link, struct set_entry, all);

		if (entry == dialer->asked)
			return entry->state == SET_TRYING;
	}
	return false;
}

static void hear_failure(struct world *w, const struct dialer *dialer,
			 uint32_t reason)
{
	assert_int_not_equal(reason, VIF_REASON_NONE);
	assert_false(attempt_goes_on(w, dialer));
	w->n_failed++;
}

static void hear(struct world *w)
{
	struct vif_trunk_set_event event;
	struct dialer *dialer;

	if (!vif_trunk_set_next_event(w->s.set, &event))
		return;
	if (event.type == VIF_TRUNK_SET_UNWANTED) {
		w->n_unwanted++;
		for (int i = 0; i < N_ATTEMPTS; i++)
			if (w->attempt[i] == event.attempt)
				w->attempt[i] = NULL;
		vif_trunk_attempt_fail(event.attempt, 0, NULL);
		return;
	}
	dialer = event.user;
	assert_non_null(dialer->waiter);
	dialer->waiter = NULL;
	if (event.type == VIF_TRUNK_SET_UP)
		check_trunk(event.trunk, &dialer->target);
	else
		hear_failure(w, dialer, event.reason);
	w->n_up += event.type == VIF_TRUNK_SET_UP;
}

/* To whoever it may be: nobody pins keys here. */
static int make_pair(struct world *w, int dialer)
{
	unsigned int i = pick(w, N_PAIRS);
	int theirs = dialer == US;

	if (w->pair[i])
		return -1;
	w->pair[i] = set_rig_pair(&w->s, dialer);
	w->ours[i] = dialer == US ? 0 : 1;
	if (pick(w, 3) == 0)
		memcpy(w->pair[i]->secret[theirs], w->other.secret[0],
		       VIF_KEY_LEN);
	rig_make(w->pair[i]);
	if (pick(w, 2))
		rig_run(w->pair[i]);
	return (int)i;
}

static void connect_one(struct world *w)
{
	unsigned int a = pick(w, N_ATTEMPTS);
	int i, r;

	if (!w->attempt[a])
		return;
	if (pick(w, 3) == 0) {
		vif_trunk_attempt_fail(w->attempt[a], 300, "no");
		w->attempt[a] = NULL;
		return;
	}
	i = make_pair(w, US);
	if (i < 0)
		return;
	r = vif_trunk_attempt_attach(w->attempt[a], ours(w, (unsigned int)i));
	if (r == 0)
		w->attempt[a] = NULL;
	else
		assert_int_equal(r, -ETIMEDOUT);
}

static void accept_one(struct world *w)
{
	int i = make_pair(w, THEM);
	int r;

	if (i < 0)
		return;
	rig_run(w->pair[i]);
	r = vif_trunk_set_add(w->s.set, ours(w, (unsigned int)i), NULL);
	assert_true(r == 0 || r == -ENOSPC || r == -EDQUOT);
}

static void drop_pair(struct world *w, unsigned int i)
{
	if (w->pair[i])
		set_rig_free_pair(w->pair[i]);
	w->pair[i] = NULL;
}

static void disturb(struct world *w)
{
	unsigned int i = pick(w, N_PAIRS);
	struct vif_trunk *trunk = ours(w, i);
	struct vif_circuit *circuit;

	if (!trunk)
		return;
	switch (pick(w, 8)) {
	case 0:
		drop_pair(w, i);
		break;
	case 1:
		vif_trunk_receive_end(trunk);
		break;
	case 2:
		(void)vif_trunk_drain(w->pair[i]->end[pick(w, 2)]);
		break;
	case 3:
		(void)vif_trunk_set_retire(trunk);
		break;
	case 4:
		vif_trunk_set_remove(trunk);
		break;
	case 5:
		(void)vif_circuit_dial(trunk, NULL, &circuit);
		break;
	case 6:
		(void)vif_trunk_set_shut_remote(w->s.set, w->s.keys.key[THEM]);
		break;
	default:
		rig_run(w->pair[i]);
		break;
	}
}

static void pass_time(struct world *w)
{
	uint64_t ns = pick(w, 20);

	set_rig_advance(&w->s, ns);
	for (unsigned int i = 0; i < N_PAIRS; i++)
		if (w->pair[i])
			rig_advance(w->pair[i], ns);
	assert_true(vif_trunk_set_deadline(w->s.set) > w->s.now_ns);
}

static void step(struct world *w)
{
	static void (*const any[])(struct world *) = {
		ask,         ask,        cancel,  hear,      hear,
		connect_one, accept_one, disturb, pass_time,
	};

	any[pick(w, sizeof(any) / sizeof(any[0]))](w);
}

/* Counts that are kept against what is there. */
static void check_set(const struct world *w)
{
	struct vif_trunk_set_stats stats;
	struct vif_trunk *trunk = NULL;
	uint32_t n_waiters = 0, n_trunks = 0;

	for (int i = 0; i < N_WAITERS; i++)
		n_waiters += w->dialer[i].waiter != NULL;
	while ((trunk = vif_trunk_set_next(w->s.set, trunk))) {
		assert_int_not_equal(trunk->state, TRUNK_ENDED);
		n_trunks++;
	}
	vif_trunk_set_stats(w->s.set, &stats);
	assert_int_equal(stats.waiters, n_waiters);
	assert_int_equal(stats.trunks, n_trunks);
	assert_true(w->s.set->n_entries <= w->s.config.entries_max);
	assert_true(w->s.set->n_accepted <= w->s.config.accepted_max);
}

static void finish(struct world *w)
{
	(void)vif_trunk_set_drain(w->s.set);
	for (unsigned int i = 0; i < N_PAIRS; i++)
		drop_pair(w, i);
	for (int i = 0; i < N_WAITERS + N_ATTEMPTS; i++)
		hear(w);
	for (int i = 0; i < N_ATTEMPTS; i++)
		if (w->attempt[i])
			vif_trunk_attempt_fail(w->attempt[i], 0, NULL);
	for (int i = 0; i < N_WAITERS; i++)
		assert_null(w->dialer[i].waiter);
	assert_int_equal(w->s.set->n_entries + w->s.set->n_accepted, 0);
	set_rig_fini(&w->s);
}

static void live(struct world *w, unsigned int seed)
{
	set_rig_init(&w->s, seed % 2 ? US : THEM);
	rig_init(&w->other);
	w->other.secret[0][0] ^= 1;
	w->other.secret[0][5] ^= 1;
	if (vif_key_public(w->other.secret[0], w->other.key[0]) < 0)
		abort();
	w->s.config.attempt_ns = 100;
	w->s.config.idle_ns = 50;
	w->s.config.backoff_ns = seed % 3 ? 40 : 0;
	w->s.config.backoff_max_ns = 100;
	w->s.config.entries_max = 7;
	w->s.config.accepted_max = 3;
	w->s.config.accepted_key_max = 2;
	w->s.config.waiters_max = 10;
	set_rig_make(&w->s);
	w->random = seed;
	for (int i = 0; i < N_STEPS; i++) {
		step(w);
		check_set(w);
	}
	finish(w);
}

static void anything_in_any_order(void **state)
{
	static struct world w;
	unsigned int n_up = 0, n_failed = 0, n_ready = 0, n_unwanted = 0;
	unsigned int n_backoff = 0;

	(void)state;
	for (unsigned int seed = 1; seed <= N_SEEDS; seed++) {
		memset(&w, 0, sizeof(w));
		print_message("seed %u\n", seed);
		live(&w, seed);
		n_up += w.n_up;
		n_failed += w.n_failed;
		n_ready += w.n_ready;
		n_unwanted += w.n_unwanted;
		n_backoff += w.n_backoff;
	}
	print_message("%u up, %u failed, %u ready, %u unwanted, %u later\n",
		      n_up, n_failed, n_ready, n_unwanted, n_backoff);
	assert_true(n_up > 50 && n_failed > 50 && n_ready > 50 &&
		    n_unwanted > 20 && n_backoff > 20);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(anything_in_any_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
