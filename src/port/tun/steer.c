/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which queue of a device gets a packet of the kernel.
 *
 * The kernel's own way follows the packets a program writes, which needs some
 * to be written, and moves a flow when the writer does. The program here looks
 * at the packet alone: addresses, and ports where there are any. It uses the
 * old packet loads (Documentation/bpf/classic_vs_extended.rst), relative to the
 * network header, so that it is the same for TUN and TAP. A load beyond the
 * packet ends it with 0. The kernel takes 16 bits of the result.
 */
#include "port/tun/steer.h"

#include <assert.h>
#include <errno.h>
#include <linux/filter.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/error.h"
#include "os/bpf.h"
#include "os/tun.h"
#include "wire/inet.h"

/* Loads put their result into r0 and take the packet from r6. */
#define LOAD(width, offset)                             \
	{                                               \
		.code = BPF_LD | BPF_ABS | (width),     \
		.imm = (int)((SKF_NET_OFF) + (offset)), \
	}
#define LOAD_AT(reg, width, offset)                                   \
	{                                                             \
		.code = BPF_LD | BPF_IND | (width), .src_reg = (reg), \
		.imm = (int)((SKF_NET_OFF) + (offset)),               \
	}
#define WITH_NUMBER(op, reg, number)                              \
	{                                                         \
		.code = BPF_ALU | (op) | BPF_K, .dst_reg = (reg), \
		.imm = (int)(number)                              \
	}
#define WITH_REG(op, reg, other)                                  \
	{                                                         \
		.code = BPF_ALU | (op) | BPF_X, .dst_reg = (reg), \
		.src_reg = (other)                                \
	}
/* The place of the jump itself is said, since an offset counts from there. */
#define JUMP(op, reg, number, from, to)                           \
	{                                                         \
		.code = BPF_JMP | (op) | BPF_K, .dst_reg = (reg), \
		.off = (to) - (from)-1, .imm = (number)           \
	}
#define EXIT                               \
	{                                  \
		.code = BPF_JMP | BPF_EXIT \
	}

/* r7 is the hash, r8 the length of the IP header, r9 the protocol. */
enum { R0, R1, R6 = 6, HASH, IP_LEN, PROTO };

enum place { AT_IP4 = 7, AT_IP6 = 20, AT_PORTS = 39, AT_END = 46, AT_N = 50 };

enum {
	MIX_ADDRESSES = 0x85ebca6b, /* odd, bits spread */
	MIX_ALL = 0x9e3779b1,
	FRAGMENT = 0x3fff, /* more fragments, or an offset */
};

static const struct bpf_insn by_hash[] = {
	/* All 64 bits: it is a pointer. */
	{ .code = BPF_ALU64 | BPF_MOV | BPF_X, .dst_reg = R6, .src_reg = R1 },
	LOAD(BPF_B, 0),
	WITH_NUMBER(BPF_RSH, R0, 4),
	JUMP(BPF_JEQ, R0, 4, 3, AT_IP4),
	JUMP(BPF_JEQ, R0, 6, 4, AT_IP6),
	WITH_NUMBER(BPF_MOV, R0, 0),
	EXIT,

	[AT_IP4] = LOAD(BPF_W, 12),
	WITH_REG(BPF_MOV, HASH, R0),
	LOAD(BPF_W, 16),
	WITH_REG(BPF_XOR, HASH, R0),
	LOAD(BPF_H, 6),
	JUMP(BPF_JSET, R0, FRAGMENT, 12, AT_END),
	LOAD(BPF_B, 9),
	WITH_REG(BPF_MOV, PROTO, R0),
	LOAD(BPF_B, 0),
	WITH_NUMBER(BPF_AND, R0, 15),
	WITH_NUMBER(BPF_LSH, R0, 2),
	WITH_REG(BPF_MOV, IP_LEN, R0),
	JUMP(BPF_JA, R0, 0, 19, AT_PORTS),

	[AT_IP6] = LOAD(BPF_W, 8),
	WITH_REG(BPF_MOV, HASH, R0),
	LOAD(BPF_W, 12),
	WITH_REG(BPF_XOR, HASH, R0),
	LOAD(BPF_W, 16),
	WITH_REG(BPF_XOR, HASH, R0),
	LOAD(BPF_W, 20),
	WITH_REG(BPF_XOR, HASH, R0),
	LOAD(BPF_W, 24),
	WITH_REG(BPF_XOR, HASH, R0),
	LOAD(BPF_W, 28),
	WITH_REG(BPF_XOR, HASH, R0),
	LOAD(BPF_W, 32),
	WITH_REG(BPF_XOR, HASH, R0),
	LOAD(BPF_W, 36),
	WITH_REG(BPF_XOR, HASH, R0),
	LOAD(BPF_B, 6),
	WITH_REG(BPF_MOV, PROTO, R0),
	WITH_NUMBER(BPF_MOV, IP_LEN, INET_IP6_LEN),

	[AT_PORTS] = JUMP(BPF_JEQ, PROTO, INET_PROTO_TCP, 39, 41),
	JUMP(BPF_JNE, PROTO, INET_PROTO_UDP, 40, AT_END),
	WITH_NUMBER(BPF_MUL, HASH, MIX_ADDRESSES),
	LOAD_AT(IP_LEN, BPF_H, 0),
	WITH_REG(BPF_XOR, HASH, R0),
	LOAD_AT(IP_LEN, BPF_H, 2),
	WITH_REG(BPF_XOR, HASH, R0),

	[AT_END] = WITH_NUMBER(BPF_MUL, HASH, MIX_ALL),
	WITH_NUMBER(BPF_RSH, HASH, 16),
	WITH_REG(BPF_MOV, R0, HASH),
	EXIT,
};

static_assert(ARRAY_LEN(by_hash) == AT_N, "jumps lead where they should");

static int cannot_steer(int code, struct vif_error *error)
{
	if (code == -ENOSYS || code == -ENOTTY || code == -EINVAL)
		code = -EOPNOTSUPP;
	error_set(error, code, "cannot choose queues by flow hash");
	if (code == -EOPNOTSUPP)
		return error_why(error, code, "this kernel has no eBPF for it");
	if (code != -EPERM)
		return code;
	error_why(error, code, "loading an eBPF program takes CAP_BPF");
	return error_hint(error, code,
			  "run as root of the host: a user namespace is not "
			  "enough; or leave the choice to the kernel, "
			  "steering=auto");
}

int tun_steer_by_hash(struct vif_error *error)
{
	int fd = bpf_load_filter(by_hash, ARRAY_LEN(by_hash));

	return fd < 0 ? cannot_steer(fd, error) : fd;
}

int tun_steer_set(int fd, int program_fd, struct vif_error *error)
{
	int r = tun_set_steering(fd, program_fd);

	if (r == 0)
		return 0;
	if (r == -ENOTTY || (r == -EINVAL && program_fd < 0))
		return cannot_steer(-EOPNOTSUPP, error);
	error_set(error, r, "cannot set the steering program");
	if (r == -EINVAL)
		return error_why(error, r,
				 "descriptor %d is no program of the type "
				 "BPF_PROG_TYPE_SOCKET_FILTER",
				 program_fd);
	return r;
}
