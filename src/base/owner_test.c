/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of whom something belongs to; linked with --wrap=madvise. */
#include "base/owner.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/wait.h>

#include <cmocka.h>

static bool has_no_wipe; /* as before Linux 4.14 */

int __real_madvise(void *at, size_t len, int advice);
int __wrap_madvise(void *at, size_t len, int advice);

int __wrap_madvise(void *at, size_t len, int advice)
{
	if (!has_no_wipe)
		return __real_madvise(at, len, advice);
	errno = EINVAL;
	return -1;
}

/* What a child makes of it: 0 when it is not the child's. */
static int seen_by_child(struct owner *owner)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		int seen = owner_is_us(owner);

		owner_fini(owner);
		_exit(seen);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void check(void)
{
	struct owner owner;

	owner_init(&owner);
	if (has_no_wipe)
		assert_null(owner.mark);
	assert_true(owner_is_us(&owner));
	assert_int_equal(seen_by_child(&owner), 0);
	assert_true(owner_is_us(&owner));
	owner_fini(&owner);
	owner_fini(&owner);
}

static void a_child_is_somebody_else(void **state)
{
	(void)state;
	has_no_wipe = false;
	check();
}

static void the_process_id_will_do(void **state)
{
	(void)state;
	has_no_wipe = true;
	check();
}

/* Process ids are of a namespace; a child can have its parent's. */
static void an_equal_process_id_does_not_help(void **state)
{
	struct owner owner;
	pid_t pid;
	int status;

	(void)state;
	has_no_wipe = false;
	owner_init(&owner);
	if (!owner.mark) {
		owner_fini(&owner);
		(void)printf("skipped: no MADV_WIPEONFORK here\n");
		skip();
	}
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		owner.pid = getpid();
		_exit(owner_is_us(&owner));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	owner_fini(&owner);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_child_is_somebody_else),
		cmocka_unit_test(the_process_id_will_do),
		cmocka_unit_test(an_equal_process_id_does_not_help),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
