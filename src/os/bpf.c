/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a small eBPF program with bpf(2). */
#include "os/bpf.h"

#include <errno.h>
#include <sys/syscall.h>
#include <unistd.h>

int bpf_load_filter(const struct bpf_insn *insn, uint32_t n_insn)
{
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_SOCKET_FILTER,
		.insn_cnt = n_insn,
		.insns = (uintptr_t)insn,
		.license = (uintptr_t) "Apache-2.0",
	};
	long fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	return fd < 0 ? -errno : (int)fd;
}
