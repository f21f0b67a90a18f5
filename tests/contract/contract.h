/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The contract suite: what every port promises, tried on each of them.
 *
 * A driver knows how to open a port of its kind and, where that is possible,
 * how to stand at its far side. Cases say what they need of a driver and run
 * against all that have it.
 */
#ifndef CONTRACT_H
#define CONTRACT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <vif/vif.h>

#include "tests/contract/probe.h"

enum contract_limits {
	CONTRACT_PATIENCE_MS = 10000, /* for what should happen at once */
	CONTRACT_WAKE_MS = 100,       /* for waking parked threads */
	CONTRACT_RING = 64,           /* packets a bounded port holds */
	CONTRACT_BATCH = 32,
	CONTRACT_STATES = 4,
	CONTRACT_SKIP = 77,
};

/* What a driver has, and a case needs. */
enum contract_needs {
	HAS_FAR = 1,      /* packets can be sent and seen at its far side */
	HAS_FULL = 2,     /* tx runs out of room after CONTRACT_RING packets */
	HAS_GONE = 4,     /* the device, or the peer, can go away */
	HAS_DOWN = 8,     /* the device can be set down and up */
	HAS_WAIT = 16,    /* there is something to wait for on RX */
	HAS_OFFLOAD = 32, /* there is a key offload= */
	HAS_FACTS = 64,   /* describe has something to say */
	HAS_FAR_PORT = 128, /* the far side is a port */
	HAS_ROOM = 256,     /* room wakes who waits for it, and nothing else */
};

struct rig;

struct driver {
	const char *name;
	const char *type;       /* of the port under test */
	const char *alone;      /* an address that opens without a config */
	unsigned int has;       /* enum contract_needs */
	const char *const *bad; /* addresses that cannot be opened; NULL */

	/* Once, before everything. 0, or CONTRACT_SKIP with the reason said. */
	int (*prepare)(void);
	/* Opens rig->port, not started, and the far side. keys: ",k=v..." */
	int (*open)(struct rig *rig, const char *keys);
	/* The far side; NULL without HAS_FAR. */
	bool (*far_send)(struct rig *rig, const struct vif_packet *packet);
	bool (*far_receive)(struct rig *rig, struct probe_seen *ret_seen);
	void (*set_up)(struct rig *rig, bool up); /* HAS_DOWN */
	void (*vanish)(struct rig *rig);          /* HAS_GONE */
};

/* One port under test and its far side. */
struct rig {
	const struct driver *driver;
	struct vif_port *port;
	struct vif_port *far; /* HAS_FAR_PORT */
	int far_fd;           /* packet socket, or -1 */
	unsigned int ifindex;
	struct vif_batch *batch;     /* for receiving from port */
	struct vif_batch *far_batch; /* for receiving from far */
	uint32_t far_next;           /* first of far_batch not looked at */
	struct vif_error error;
	unsigned int n_fd; /* open descriptors before the case */
	/* noted by on_state */
	_Atomic unsigned int n_state[CONTRACT_STATES];
	_Atomic(struct vif_port *) state_port;
	/* what rig_rx() got, to be compared with the counters */
	uint64_t rx_packets;
	uint64_t rx_bytes;
};

struct contract_case {
	const char *name;
	void (*run)(void **state);
	unsigned int needs;
};

extern const struct driver driver_loop, driver_null, driver_fault_loop,
	driver_fault_rough, driver_tun, driver_tun_fd, driver_tap,
	driver_fault_tun, driver_memif, driver_memif_server,
	driver_memif_sibling, driver_memif_ip;

extern const struct contract_case life_cases[]; /* end with a NULL name */
extern const struct contract_case facts_cases[];
extern const struct contract_case wait_cases[];
extern const struct contract_case data_cases[];
extern const struct contract_case lend_cases[];
extern const struct contract_case drop_cases[];
extern const struct contract_case offload_cases[];
extern const struct contract_case thread_cases[];

/* A case's rig, from its cmocka state. */
static inline struct rig *rig_of(void **state)
{
	return *state;
}

/* Opens and starts, or fails the case. */
void rig_open(struct rig *rig, const char *keys);
void rig_up(struct rig *rig, const char *keys);
void rig_init(struct rig *rig, const struct driver *driver);
void rig_close(struct rig *rig); /* may come twice */

/* For drivers: a config that notes states in the rig. */
struct vif_port_config rig_config(struct rig *rig);

bool rig_is_eth(const struct rig *rig);

/*
 * Receives once something is there; waits for it. Returns how many packets
 * are in rig->batch, 0 when patience ran out, or a negative errno.
 */
int rig_rx(struct rig *rig, unsigned int queue);

/* Receives the next probe, from whichever queue, or fails the case. */
void rig_receive(struct rig *rig, struct probe_seen *ret_seen);

/* Sends all of it, waiting for room. Returns how many went, or an errno. */
int rig_tx(struct rig *rig, unsigned int queue, const struct vif_packet *packet,
	   unsigned int n);

/* Runs service until it has nothing more to say, or an error. */
int rig_service(struct rig *rig);

uint64_t now_ns(void); /* monotonic */
unsigned int count_fds(void);

/* A thread in vif_port_wait(). */
struct parker;
struct parker *parker_new(struct vif_port *port, unsigned int queue,
			  enum vif_wait what, int timeout_ms);
/* The same, and whenever it is told to try again it waits again. */
struct parker *parker_new_stubborn(struct vif_port *port, unsigned int queue,
				   enum vif_wait what);
void parker_until_parked(struct parker *parker);
/* Joins and frees. Returns what vif_port_wait() did, and when. */
int parker_join(struct parker *parker, uint64_t *ret_woken_ns);

#endif
