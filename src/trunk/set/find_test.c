/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of sets of trunks: that all are found, however many there are. */
#include "trunk/set/set.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "tests/set_rig.h"

enum {
	N_TARGETS = 3000,
	CHAIN_MAX = 10, /* of so many that are spread, never mind the seed */
};

/* Addresses that differ in one number alone. */
static int get(struct set_rig *s, unsigned int i,
	       struct vif_trunk_found *ret_found)
{
	char address[16];

	(void)snprintf(address, sizeof(address), "%u", i);
	return set_rig_get(s, address, ret_found);
}

static void start(struct set_rig *s, uint64_t seed)
{
	set_rig_init(s, US);
	s->keys.random = seed;
	s->config.entries_max = N_TARGETS;
	s->config.waiters_max = 2 * N_TARGETS;
	set_rig_make(s);
}

static uint32_t longest_chain(const struct key_table *table)
{
	uint32_t longest = 0;

	for (uint32_t i = 0; i < table->n_bucket; i++) {
		struct list *link, *after;
		uint32_t n = 0;

		list_foreach(key_table_at(table, i), link, after)
			n++;
		longest = n > longest ? n : longest;
	}
	return longest;
}

static void all_are_found(void **state)
{
	static struct vif_trunk_found found[N_TARGETS];
	struct vif_trunk_found again;
	struct set_rig s;

	(void)state;
	start(&s, 1);
	for (unsigned int i = 0; i < N_TARGETS; i++)
		assert_int_equal(get(&s, i, &found[i]), VIF_TRUNK_SET_CONNECT);
	assert_in_range(longest_chain(&s.set->by_target), 1, CHAIN_MAX);
	for (unsigned int i = 0; i < N_TARGETS; i++)
		assert_int_equal(get(&s, i, &again), VIF_TRUNK_SET_WAIT);
	for (unsigned int i = 0; i < N_TARGETS; i += 2)
		vif_trunk_attempt_fail(found[i].attempt, 300, NULL);
	set_rig_events(&s);
	assert_int_equal(s.n_failed, N_TARGETS);
	for (unsigned int i = 0; i < N_TARGETS; i++)
		assert_int_equal(get(&s, i, &again),
				 i % 2 ? VIF_TRUNK_SET_WAIT :
					 VIF_TRUNK_SET_CONNECT);
	set_rig_fini(&s);
}

/* They dial once, for whatever address we have for them. */
static void one_trunk_serves_all_addresses(void **state)
{
	struct vif_trunk_found found;
	struct rig *theirs;
	struct set_rig s;

	(void)state;
	start(&s, 1);
	for (unsigned int i = 0; i < N_TARGETS; i++)
		assert_int_equal(get(&s, i, &found), VIF_TRUNK_SET_CONNECT);
	theirs = set_rig_accepted(&s);
	set_rig_events(&s);
	assert_int_equal(s.n_up, N_TARGETS);
	assert_ptr_equal(s.up, theirs->end[1]);
	assert_int_equal(get(&s, 0, &found), VIF_TRUNK_SET_READY);
	set_rig_free_pair(theirs);
	set_rig_fini(&s);
}

static const struct set_entry *only_entry(const struct set_rig *s)
{
	return container_of(list_first(&s->set->entries), struct set_entry,
			    all);
}

/* Nobody can know which keys fall together. */
static void each_set_has_a_seed_of_its_own(void **state)
{
	struct vif_trunk_found found;
	struct set_rig s[2];

	(void)state;
	for (unsigned int i = 0; i < 2; i++) {
		start(&s[i], i + 1);
		assert_int_equal(get(&s[i], 0, &found), VIF_TRUNK_SET_CONNECT);
	}
	assert_true(only_entry(&s[0])->by_target.hash !=
		    only_entry(&s[1])->by_target.hash);
	assert_true(only_entry(&s[0])->by_remote.hash !=
		    only_entry(&s[1])->by_remote.hash);
	for (int i = 0; i < 2; i++)
		set_rig_fini(&s[i]);
}

static int no_random(void *user, uint8_t *bytes, size_t len)
{
	(void)user, (void)bytes, (void)len;
	return -ENOSYS;
}

static void without_a_seed_there_is_no_set(void **state)
{
	struct vif_trunk_set *set = NULL;
	struct vif_error error;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, US);
	s.config.random = no_random;
	assert_int_equal(vif_trunk_set_new(&s.config, 0, &set, &error),
			 -ENOSYS);
	assert_int_equal(error.code, -ENOSYS);
	assert_null(set);
}

static int count_random(void *user, uint8_t *bytes, size_t len)
{
	(void)rig_random(user, bytes, len);
	return (int)len;
}

/* As getrandom() does: what is not an error is none. */
static void a_seed_may_be_counted(void **state)
{
	struct vif_trunk_found found;
	struct set_rig s;

	(void)state;
	set_rig_init(&s, US);
	s.keys.random = 1;
	s.config.random = count_random;
	set_rig_make(&s);
	assert_int_equal(get(&s, 0, &found), VIF_TRUNK_SET_CONNECT);
	assert_int_equal(get(&s, 0, &found), VIF_TRUNK_SET_WAIT);
	set_rig_fini(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_are_found),
		cmocka_unit_test(one_trunk_serves_all_addresses),
		cmocka_unit_test(each_set_has_a_seed_of_its_own),
		cmocka_unit_test(without_a_seed_there_is_no_set),
		cmocka_unit_test(a_seed_may_be_counted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
