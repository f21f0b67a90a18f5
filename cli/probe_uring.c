/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of vif probe: io_uring, by its raw system calls. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>

#include "cli/probe_checks.h"
#include "cli/uapi.h"

/* More than any kernel has; the kernel fills in how many it knows. */
enum { N_OP_MAX = 256 };

static int open_ring(unsigned int *ret_features)
{
	struct io_uring_params params = { 0 };
	int fd = (int)syscall(SYS_io_uring_setup, 4, &params);

	if (fd < 0)
		return -errno;
	*ret_features = params.features;
	return fd;
}

int probe_uring_setup(unsigned long value, struct probe_finding *finding)
{
	unsigned int features = 0;
	int fd = open_ring(&features);

	(void)value;
	if (fd < 0)
		return fd;
	probe_add(finding->detail, sizeof(finding->detail), "features 0x%x",
		  features);
	return 0;
}

/* Ask for the known operations; the result is the caller's to free. */
static int ask_ops(struct io_uring_probe **ret_probe)
{
	struct io_uring_probe *probe;
	unsigned int features = 0;
	int fd = open_ring(&features);

	if (fd < 0)
		return fd;
	probe = calloc(1, sizeof(*probe) + N_OP_MAX * sizeof(probe->ops[0]));
	if (!probe)
		return -ENOMEM;
	if (syscall(SYS_io_uring_register, fd, IORING_REGISTER_PROBE, probe,
		    N_OP_MAX) < 0) {
		int code = -errno;

		free(probe);
		return code;
	}
	*ret_probe = probe;
	return 0;
}

static bool knows(const struct io_uring_probe *probe, unsigned long op)
{
	return op < probe->ops_len &&
	       (probe->ops[op].flags & IO_URING_OP_SUPPORTED);
}

int probe_uring_ops(unsigned long value, struct probe_finding *finding)
{
	/* What a packet port would use. */
	static const unsigned int needed[] = {
		IORING_OP_READV,      IORING_OP_WRITEV,
		IORING_OP_READ,       IORING_OP_WRITE,
		IORING_OP_READ_FIXED, IORING_OP_WRITE_FIXED,
		IORING_OP_POLL_ADD,   IORING_OP_ASYNC_CANCEL,
	};
	struct io_uring_probe *probe = NULL;
	int code = ask_ops(&probe);
	unsigned int n_known = 0;

	(void)value;
	if (!probe)
		return code;
	for (unsigned long op = 0; op < probe->ops_len; op++)
		n_known += knows(probe, op) ? 1 : 0;
	probe_add(finding->detail, sizeof(finding->detail), "%u", n_known);
	for (size_t i = 0; i < sizeof(needed) / sizeof(needed[0]); i++)
		if (!knows(probe, needed[i]))
			code = -EOPNOTSUPP;
	free(probe);
	return code;
}

int probe_uring_op(unsigned long value, struct probe_finding *finding)
{
	struct io_uring_probe *probe = NULL;
	int code = ask_ops(&probe);

	(void)finding;
	if (!probe)
		return code;
	if (!knows(probe, value))
		code = -EOPNOTSUPP;
	free(probe);
	return code;
}
