/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Drivers of memif: a client with a server at its far side, and the other way
 * round. Both are in one process, which the protocol does not notice.
 *
 * Interrupt mode, because the cases count on threads that park at once.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/contract/contract.h"
#include "tests/contract/pair.h"

static int prepare_nothing(void)
{
	return 0;
}

/* Each pair has a name of its own, which nobody else uses. */
static void make_name(char *name, size_t size)
{
	static unsigned int n;

	(void)snprintf(name, size, "@vif-contract-%d-%u", (int)getpid(), n++);
}

static void serve(struct vif_port *port)
{
	uint64_t deadline_ns;

	(void)vif_port_service(port, now_ns(), &deadline_ns);
}

static bool is_up(const struct vif_port *port)
{
	return vif_port_state(port) == VIF_PORT_UP;
}

static int bring_up(struct rig *rig)
{
	uint64_t end_ns = now_ns() + CONTRACT_PATIENCE_MS * 1000000ull;

	while (!is_up(rig->port) || !is_up(rig->far)) {
		if (now_ns() > end_ns)
			return -ETIMEDOUT;
		serve(rig->far);
		serve(rig->port);
	}
	return 0;
}

struct kind {
	const char *near; /* role of the port under test */
	const char *far;
	const char *keys; /* of both */
	bool is_shared;   /* one context */
};

static int open_kind(struct rig *rig, const char *keys, const struct kind *kind)
{
	struct vif_port_config config = rig_config(rig);
	char name[64], address[256];
	int r;

	make_name(name, sizeof(name));
	(void)snprintf(address, sizeof(address),
		       "memif:%s,role=%s,ring=%d,rx=interrupt%s%s", name,
		       kind->far, CONTRACT_RING, kind->keys, keys);
	r = vif_port_open(address, NULL, &rig->far, &rig->error);
	if (r < 0)
		return r;
	config.sibling = kind->is_shared ? rig->far : NULL;
	(void)snprintf(address, sizeof(address),
		       "memif:%s,role=%s,ring=%d,rx=interrupt%s%s", name,
		       kind->near, CONTRACT_RING, kind->keys, keys);
	r = vif_port_open(address, &config, &rig->port, &rig->error);
	if (r == 0)
		r = vif_port_start(rig->far, &rig->error);
	return r < 0 ? r : bring_up(rig);
}

static int client_open(struct rig *rig, const char *keys)
{
	static const struct kind kind = { "client", "server", "", false };

	return open_kind(rig, keys, &kind);
}

static int server_open(struct rig *rig, const char *keys)
{
	static const struct kind kind = { "server", "client", "", false };

	return open_kind(rig, keys, &kind);
}

static int sibling_open(struct rig *rig, const char *keys)
{
	static const struct kind kind = { "client", "server", "", true };

	return open_kind(rig, keys, &kind);
}

/* Packets of 1400 bytes are chains of three. */
static int ip_open(struct rig *rig, const char *keys)
{
	static const struct kind kind = { "client", "server",
					  ",mode=ip,buffer=512", false };

	return open_kind(rig, keys, &kind);
}

static const char *const memif_bad[] = {
	"memif:",
	"memif:@",
	"memif:@a,role=boss",
	"memif:@a,ring=100",
	"memif:@a,ring=65536",
	"memif:@a,ring=64,rsize=7",
	"memif:@a,buffer=63",
	"memif:@a,buffer=65536",
	"memif:@a,queues=0",
	"memif:@a,queues=256",
	"memif:@a,line=32",
	"memif:@a,rx=often",
	"memif:@a,mode=l4",
	"memif:@a,id=4294967296",
	"memif:@a,secret=123456789012345678901234",
	"memif:@a,secret-file=/nonexistent/secret",
	"memif:@a,secret-file=/dev/null",
	"memif:@a,secret=x,secret-file=/dev/null",
	"memif:@a,name=12345678901234567890123456789012",
	"memif:@a,socket-abstract=no",
	"memif:@a,netns=/nonexistent/netns",
	"memif:/nonexistent/socket,role=server",
	"memif:/dev/null,role=server",
	NULL,
};

enum memif_has {
	MEMIF_HAS = HAS_FAR | HAS_FULL | HAS_WAIT | HAS_FACTS | HAS_FAR_PORT,
};

const struct driver driver_memif = {
	.name = "memif",
	.type = "memif",
	.alone = "memif:@vif-contract-alone,role=client",
	.has = MEMIF_HAS,
	.bad = memif_bad,
	.prepare = prepare_nothing,
	.open = client_open,
	.far_send = pair_far_send,
	.far_receive = pair_far_receive,
};

const struct driver driver_memif_server = {
	.name = "memif-server",
	.type = "memif",
	.alone = "memif:@vif-contract-alone,role=server",
	.has = MEMIF_HAS,
	.bad = memif_bad,
	.prepare = prepare_nothing,
	.open = server_open,
	.far_send = pair_far_send,
	.far_receive = pair_far_receive,
};

const struct driver driver_memif_sibling = {
	.name = "memif-sibling",
	.type = "memif",
	.alone = "memif:@vif-contract-alone,role=master",
	.has = MEMIF_HAS,
	.bad = memif_bad,
	.prepare = prepare_nothing,
	.open = sibling_open,
	.far_send = pair_far_send,
	.far_receive = pair_far_receive,
};

const struct driver driver_memif_ip = {
	.name = "memif-ip",
	.type = "memif",
	.alone = "memif:@vif-contract-alone,role=slave,mode=ip",
	.has = HAS_FAR | HAS_WAIT | HAS_FACTS | HAS_FAR_PORT,
	.bad = memif_bad,
	.prepare = prepare_nothing,
	.open = ip_open,
	.far_send = pair_far_send,
	.far_receive = pair_far_receive,
};
