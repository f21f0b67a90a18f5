/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Abstract names belong to a network namespace; paths do not.
 *
 *	first:  the listener          second: this test, and the client
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <unistd.h>

#include "port/memif/channel.h"
#include "tests/memif/cord.h"
#include "tests/own_netns.h"

static int first_fd;

static void an_abstract_name_of_another_namespace(void **state)
{
	struct cord cord = cord_defaults();
	struct vif_error error;

	(void)state;
	cord.listener_config.bind.name = place_name(place_abstract("s"));
	cord.listener_config.bind.netns_fd = first_fd;
	cord.config[CLIENT].socket = cord.listener_config.bind.name;
	cord_open_listener(&cord);
	cord_open_end(&cord, SERVER);

	assert_int_equal(
		memif_channel_connect(&cord.config[CLIENT].socket, -1, &error),
		-ECONNREFUSED);
	assert_non_null(strstr(error.hint, "namespace"));
	cord.config[CLIENT].netns_fd = first_fd;
	cord_open_end(&cord, CLIENT);
	cord_settle(&cord);
	assert_true(cord_is_up(&cord));
	cord_check_packets(&cord);
	cord_close(&cord);
}

/* The same name is another one here. */
static void the_same_name_in_two_namespaces(void **state)
{
	struct cord there = cord_defaults();
	struct cord here = cord_defaults();

	(void)state;
	there.listener_config.bind.name = place_name(place_abstract("s"));
	there.listener_config.bind.netns_fd = first_fd;
	here.listener_config.bind.name = there.listener_config.bind.name;
	cord_open_listener(&there);
	cord_open_listener(&here);
	memif_listener_fini(&there.listener);
	memif_listener_fini(&here.listener);
	memif_poller_fini(&there.poller);
	memif_poller_fini(&here.poller);
}

/* The hint is looked up where the connection was tried. */
static void hints_of_another_namespace(void **state)
{
	struct cord cord = cord_defaults();
	struct memif_socket_name name = place_name(place_abstract("s"));
	struct vif_error error;

	(void)state;
	cord.listener_config.bind.netns_fd = first_fd; /* of no use to a path */
	cord_open_listener(&cord);
	/* The list of the other namespace does not have the path. */
	assert_int_equal(memif_channel_connect(&name, first_fd, &error),
			 -ECONNREFUSED);
	assert_null(strstr(error.hint, "leave the @ away"));
	assert_int_equal(memif_channel_connect(&name, -1, &error),
			 -ECONNREFUSED);
	assert_non_null(strstr(error.hint, "leave the @ away"));
	memif_listener_fini(&cord.listener);
	memif_poller_fini(&cord.poller);
}

#define PLACED(test) \
	cmocka_unit_test_setup_teardown(test, place_make, place_remove)

int main(void)
{
	const struct CMUnitTest tests[] = {
		PLACED(an_abstract_name_of_another_namespace),
		PLACED(the_same_name_in_two_namespaces),
		PLACED(hints_of_another_namespace),
	};
	int r = own_netns_enter();

	if (r != 0)
		return r;
	first_fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (first_fd < 0 || unshare(CLONE_NEWNET) < 0) {
		print_message("SKIP: no second network namespace\n");
		return OWN_NETNS_SKIP;
	}
	r = cmocka_run_group_tests(tests, NULL, NULL);
	(void)close(first_fd);
	return r;
}
