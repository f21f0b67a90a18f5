/* SPDX-License-Identifier: Apache-2.0 */
/* Loading a small eBPF program with bpf(2). */
#ifndef OS_BPF_H
#define OS_BPF_H

#include <linux/bpf.h>
#include <stdint.h>

/*
 * bpf_load_filter() - load a program of type BPF_PROG_TYPE_SOCKET_FILTER
 *
 * Returns a descriptor the caller closes, or a negative errno: -EPERM without
 * CAP_BPF where the system asks for it, -ENOSYS in a kernel without bpf(2).
 */
int bpf_load_filter(const struct bpf_insn *insn, uint32_t n_insn);

#endif
