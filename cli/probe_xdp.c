/* SPDX-License-Identifier: Apache-2.0 */
/* Checks of vif probe: AF_XDP sockets and the programs that feed them. */
#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cli/probe_checks.h"
#include "cli/uapi.h"

enum { CHUNK_SIZE = 4096, N_CHUNK = 16, N_ENTRY = 16 };

static int set_option(int fd, int option, const void *value, socklen_t size)
{
	return setsockopt(fd, SOL_XDP, option, value, size) < 0 ? -errno : 0;
}

/* Lend memory to the socket and size all its rings. */
static int set_up(int fd)
{
	static const int rings[] = { XDP_UMEM_FILL_RING,
				     XDP_UMEM_COMPLETION_RING, XDP_RX_RING };
	void *memory =
		mmap(NULL, (size_t)CHUNK_SIZE * N_CHUNK, PROT_READ | PROT_WRITE,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct xdp_umem_reg reg = {
		.addr = (uint64_t)(uintptr_t)memory,
		.len = (uint64_t)CHUNK_SIZE * N_CHUNK,
		.chunk_size = CHUNK_SIZE,
	};
	int n_entry = N_ENTRY;
	int code;

	if (memory == MAP_FAILED)
		return -errno;
	code = set_option(fd, XDP_UMEM_REG, &reg, sizeof(reg));
	for (size_t i = 0; i < sizeof(rings) / sizeof(rings[0]); i++)
		if (code == 0)
			code = set_option(fd, rings[i], &n_entry,
					  sizeof(n_entry));
	return code;
}

int probe_xdp_socket(unsigned long value, struct probe_finding *finding)
{
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);

	(void)value;
	(void)finding;
	if (fd < 0)
		return -errno;
	(void)close(fd); /* nothing was set up */
	return 0;
}

int probe_xdp_bind(unsigned long value, struct probe_finding *finding)
{
	struct sockaddr_xdp address = {
		.sxdp_family = AF_XDP,
		.sxdp_flags = (uint16_t)(XDP_COPY | value),
		.sxdp_ifindex = if_nametoindex("lo"),
	};
	int fd = socket(AF_XDP, SOCK_RAW | SOCK_CLOEXEC, 0);
	int code = fd < 0 ? -errno : set_up(fd);
	int tries = 100;

	(void)finding;
	if (code < 0)
		return code;
	/*
	 * The kernel releases the socket of an earlier check some time after
	 * its process has ended; the queue is busy until then.
	 */
	do {
		code = bind(fd, (const struct sockaddr *)&address,
			    sizeof(address)) < 0 ?
			       -errno :
			       0;
	} while (code == -EBUSY && tries-- > 0 && poll(NULL, 0, 10) == 0);
	return code;
}

int probe_xdp_program(unsigned long value, struct probe_finding *finding)
{
	/* The smallest program: return XDP_PASS. */
	static const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K,
		  .dst_reg = BPF_REG_0,
		  .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_XDP,
		.insns = (uint64_t)(uintptr_t)pass,
		.insn_cnt = sizeof(pass) / sizeof(pass[0]),
		.license = (uint64_t)(uintptr_t) "Apache-2.0",
	};

	(void)value;
	(void)finding;
	return syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr)) < 0 ?
		       -errno :
		       0;
}
