/* SPDX-License-Identifier: Apache-2.0 */
/* Runs every case a driver has what it takes for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/contract/contract.h"

static const struct driver *const drivers[] = {
	&driver_loop,          &driver_null,
	&driver_fault_loop,    &driver_fault_rough,
#ifdef CONTRACT_TUN
	&driver_tun,           &driver_tun_fd,
	&driver_tap,           &driver_fault_tun,
#endif
#ifdef CONTRACT_MEMIF
	&driver_memif,         &driver_memif_server,
	&driver_memif_sibling, &driver_memif_ip,
#endif
};

static const struct contract_case *const lists[] = {
	life_cases, facts_cases, wait_cases,    data_cases,
	lend_cases, drop_cases,  offload_cases, thread_cases,
};

enum main_limits {
	MAIN_CASES_MAX = 128,
};

static const struct driver *chosen;

static int set_up(void **state)
{
	struct rig *rig = calloc(1, sizeof(*rig));

	if (!rig)
		return -1;
	rig_init(rig, chosen);
	*state = rig;
	return 0;
}

static int tear_down(void **state)
{
	struct rig *rig = *state;
	unsigned int before = rig->n_fd, after;

	rig_close(rig);
	free(rig);
	after = count_fds();
	if (after == before)
		return 0;
	print_error("%u descriptors before, %u after\n", before, after);
	return -1;
}

static const struct driver *find(const char *name)
{
	for (size_t i = 0; i < sizeof(drivers) / sizeof(drivers[0]); i++)
		if (strcmp(drivers[i]->name, name) == 0)
			return drivers[i];
	return NULL;
}

/* Adds the cases of a list; those that do not apply are named instead. */
static size_t add_cases(const struct driver *driver,
			const struct contract_case *list,
			struct CMUnitTest *tests, size_t n)
{
	for (; list->name; list++) {
		if (list->needs & ~driver->has) {
			(void)printf("not for %s: %s\n", driver->name,
				     list->name);
			continue;
		}
		if (n == MAIN_CASES_MAX)
			abort();
		tests[n++] = (struct CMUnitTest){
			.name = list->name,
			.test_func = list->run,
			.setup_func = set_up,
			.teardown_func = tear_down,
			.initial_state = &chosen,
		};
	}
	return n;
}

int main(int argc, char **argv)
{
	struct CMUnitTest tests[MAIN_CASES_MAX];
	size_t n = 0;
	int r;

	chosen = argc > 1 ? find(argv[1]) : NULL;
	if (!chosen) {
		(void)fprintf(stderr, "usage: contract DRIVER [CASE]\n");
		return 2;
	}
	r = chosen->prepare();
	if (r != 0)
		return r;
	if (argc > 2)
		cmocka_set_test_filter(argv[2]);
	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		n = add_cases(chosen, lists[i], tests, n);
	return _cmocka_run_group_tests(chosen->name, tests, n, NULL, NULL);
}
