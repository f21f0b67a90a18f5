/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of fault: addresses, and what each direction gets of them. */
#include <errno.h>

#include "base/error.h"
#include "port/fault/fault.h"

enum fault_direction {
	FAULT_BOTH,
	FAULT_RX,
	FAULT_TX,
};

static const char *const directions[] = {
	[FAULT_BOTH] = "both",
	[FAULT_RX] = "rx",
	[FAULT_TX] = "tx",
	NULL,
};

struct options {
	uint32_t seed;
	struct fault_rates rates;
	uint64_t delay_ns;
	uint32_t fail;
	uint32_t direction; /* enum fault_direction */
};

#define FIELD(name) offsetof(struct options, name)

const struct port_key fault_keys[FAULT_KEYS_N] = {
	{ "seed", PORT_KEY_UINT, FIELD(seed), "1",
	  "where chance begins; the same seed gives the same run" },
	{ "drop", PORT_KEY_PERCENT, FIELD(rates.drop), "0%",
	  "packets to drop" },
	{ "delay", PORT_KEY_TIME, FIELD(delay_ns), "0ms",
	  "time to hold received packets" },
	{ "reorder", PORT_KEY_PERCENT, FIELD(rates.reorder), "0%",
	  "packets to swap with the one after them" },
	{ "duplicate", PORT_KEY_PERCENT, FIELD(rates.duplicate), "0%",
	  "packets to pass twice" },
	{ "short", PORT_KEY_PERCENT, FIELD(rates.shorten), "0%",
	  "calls of tx that take less than they are offered" },
	{ "stall", PORT_KEY_PERCENT, FIELD(rates.stall), "0%",
	  "calls of rx and tx that do nothing" },
	{ "fail", PORT_KEY_UINT, FIELD(fail), NULL,
	  "packets after which the port is gone for good", .min = 1 },
	{ "direction", PORT_KEY_CHOICE, FIELD(direction), "both",
	  "where all of this but fail happens", .choices = directions },
};

static void take_options(struct fault *fault, const struct options *options)
{
	fault->seed = options->seed;
	fault->fail = options->fail;
	if (options->direction != FAULT_TX) {
		fault->rx_rates = options->rates;
		fault->delay_ns = options->delay_ns;
	}
	if (options->direction != FAULT_RX)
		fault->tx_rates = options->rates;
}

int fault_options(struct fault *fault, const struct address *address,
		  struct vif_error *error)
{
	struct options options = { .seed = 0 };
	int r = address_options(address, fault_keys, FAULT_KEYS_N, &options,
				error);

	if (r < 0)
		return r;
	if (options.delay_ns > 0 && options.direction == FAULT_TX) {
		error_set(error, -EINVAL, "cannot delay with direction=tx");
		return error_why(error, -EINVAL,
				 "only received packets can be held");
	}
	take_options(fault, &options);
	return 0;
}
