/* SPDX-License-Identifier: Apache-2.0 */
/* The keys of memif: addresses, ours and those of other programs. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "port/memif/port.h"

static const char *const roles[] = { "client", "server", "slave", "master",
				     NULL };
const char *const memif_mode_names[] = { "ethernet", "ip", "punt", NULL };
const char *const memif_rx_mode_names[] = { "adaptive", "interrupt", "poll",
					    NULL };
static const char *const unsealed[] = { "no", "guard", NULL };
static const char *const lines[] = { "auto", "64", "128", NULL };

#define FIELD(name) offsetof(struct memif_options, name)

const struct port_key memif_keys[MEMIF_KEYS_N] = {
	{ "role", PORT_KEY_CHOICE, FIELD(role), "client",
	  "the server listens, the client connects and owns the memory",
	  .choices = roles },
	{ "id", PORT_KEY_UINT, FIELD(id), "0",
	  "number of the interface on its socket; the same at both sides",
	  .max = UINT32_MAX },
	{ "secret-file", PORT_KEY_STRING, FIELD(secret_file), NULL,
	  "file whose first line, at most 23 bytes, both sides must have" },
	{ "mode", PORT_KEY_CHOICE, FIELD(mode), "ethernet",
	  "what packets start with; the same at both sides",
	  .choices = memif_mode_names },
	{ "queues", PORT_KEY_UINT, FIELD(queues), "1",
	  "queues in each direction; a server takes at most so many", .min = 1,
	  .max = 255, .seen_offset = FIELD(has_queues) },
	{ "ring", PORT_KEY_UINT, FIELD(ring), "1024",
	  "client: packets a queue holds, a power of two", .min = 2,
	  .max = 32768, .seen_offset = FIELD(has_ring) },
	{ "buffer", PORT_KEY_SIZE, FIELD(buffer), "2048",
	  "client: bytes of a buffer; longer packets take several", .min = 64,
	  .max = 65535, .seen_offset = FIELD(has_buffer) },
	{ "rx", PORT_KEY_CHOICE, FIELD(rx), "adaptive",
	  "how to learn of packets: sleep, be woken by each burst, or never "
	  "sleep",
	  .choices = memif_rx_mode_names },
	{ "unsealed", PORT_KEY_CHOICE, FIELD(unsealed), "no",
	  "server: memory a client could cut short (DPDK zero-copy); guard: "
	  "catch the SIGBUS",
	  .choices = unsealed },
	{ "resync", PORT_KEY_BOOL, FIELD(resync), "no",
	  "leave out what is wrong in the peer's rings and go on, as DPDK's "
	  "chains need; without it, that ends the connection" },
	{ "line", PORT_KEY_CHOICE, FIELD(line), "auto",
	  "bytes of a cache line that the peer was built for",
	  .choices = lines },
	{ "mtu", PORT_KEY_UINT, FIELD(mtu), "1500",
	  "largest plain packet expected, bytes from L3 on; only told",
	  .min = 68, .max = 65535 },
	{ "offload", PORT_KEY_CHOICE, FIELD(offload), "auto",
	  "what goes along with packets if the peer is a vif: off, csum, also "
	  "TCP superpackets (tso), also UDP (tso+uso), or the best (auto)",
	  .choices = port_offload_choices },
	{ "name", PORT_KEY_STRING, FIELD(name), NULL,
	  "what the peer is told, at most 31 bytes; default: memif and the id" },
	{ "netns", PORT_KEY_STRING, FIELD(netns), NULL,
	  "network namespace of an abstract name: a name, a path or a process "
	  "id" },
	{ "secret", PORT_KEY_STRING, FIELD(secret), NULL,
	  "as secret-file, but in the list of processes for all to see" },
	{ "qpairs", PORT_KEY_UINT, FIELD(qpairs), NULL, "as queues", .min = 1,
	  .max = 255 },
	{ "rsize", PORT_KEY_UINT, FIELD(rsize), NULL,
	  "as ring, but the power that 2 is raised to", .min = 1, .max = 15,
	  .seen_offset = FIELD(has_rsize) },
	{ "bsize", PORT_KEY_UINT, FIELD(bsize), NULL, "as buffer", .min = 64,
	  .max = 65535 },
	{ "socket-abstract", PORT_KEY_BOOL, FIELD(abstract), NULL,
	  "whether the name is abstract, also without @",
	  .seen_offset = FIELD(has_abstract) },
};

static int refuse(struct vif_error *error, const char *key, const char *why)
{
	error_set(error, -EINVAL, "bad value for key '%s'", key);
	return error_why(error, -EINVAL, "%s", why);
}

/* The first line of a file, without its end. */
static int read_secret(const char *file, char secret[64],
		       struct vif_error *error)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;
	int r = 0;

	if (fd >= 0)
		n = read(fd, secret, 63);
	if (n < 0)
		r = -errno;
	if (fd >= 0)
		(void)close(fd); /* it was only read */
	if (r < 0)
		return error_set(error, r, "cannot read the secret in %.128s",
				 file);
	secret[n] = '\0';
	secret[strcspn(secret, "\r\n")] = '\0';
	if (secret[0] == '\0')
		return refuse(error, "secret-file", "its first line is empty");
	return 0;
}

static int take_secret(const struct memif_options *options, char secret[64],
		       struct vif_error *error)
{
	int r = 0;

	secret[0] = '\0';
	if (options->secret && options->secret_file)
		return refuse(error, "secret", "there is a secret-file, too");
	if (options->secret_file)
		r = read_secret(options->secret_file, secret, error);
	else if (options->secret)
		(void)snprintf(secret, 64, "%s", options->secret);
	if (r == 0 && strlen(secret) >= MEMIF_MSG_SECRET_SIZE)
		return refuse(error, options->secret ? "secret" : "secret-file",
			      "peers compare 23 bytes at most");
	return r;
}

/* '@' in front says that a name is abstract. */
static int take_path(const struct memif_options *options, const char *main,
		     char path[ADDRESS_LEN_MAX], struct vif_error *error)
{
	bool at = main[0] == '@';

	if (main[0] == '\0') {
		error_set(error, -EINVAL, "the address names no socket");
		return error_hint(error, -EINVAL,
				  "write memif:/run/NAME.sock or memif:@NAME");
	}
	if (options->has_abstract && !options->abstract && at)
		return refuse(error, "socket-abstract",
			      "the name begins with @");
	(void)snprintf(path, ADDRESS_LEN_MAX, "%s%s",
		       options->abstract && !at ? "@" : "", main);
	return 0;
}

static int log2_of(uint32_t value)
{
	return 31 - __builtin_clz(value);
}

static int take_ring(const struct memif_options *options, uint32_t *ret_log2,
		     struct vif_error *error)
{
	if (options->has_rsize) {
		if (options->has_ring &&
		    options->ring != UINT32_C(1) << options->rsize)
			return refuse(error, "rsize", "ring says otherwise");
		*ret_log2 = options->rsize;
		return 0;
	}
	*ret_log2 = (uint32_t)log2_of(options->ring);
	if (options->ring == UINT32_C(1) << *ret_log2)
		return 0;
	error_set(error, -EINVAL, "bad value '%" PRIu32 "' for key 'ring'",
		  options->ring);
	error_why(error, -EINVAL, "it is no power of two");
	return error_hint(error, -EINVAL, "write %" PRIu32 " or %" PRIu32,
			  UINT32_C(1) << *ret_log2, UINT32_C(2) << *ret_log2);
}

/* What has two names may be given by both if they agree; see take_ring(). */
static int check_values(const struct memif_options *options,
			struct vif_error *error)
{
	if (options->qpairs && options->has_queues &&
	    options->qpairs != options->queues)
		return refuse(error, "qpairs", "queues says otherwise");
	if (options->bsize && options->has_buffer &&
	    options->bsize != options->buffer)
		return refuse(error, "bsize", "buffer says otherwise");
	if (options->name && strlen(options->name) >= MEMIF_MSG_NAME_SIZE)
		return refuse(error, "name", "peers take 31 bytes at most");
	return 0;
}

static int take_sizes(const struct memif_options *options, uint32_t *ret_log2,
		      struct vif_error *error)
{
	int r = check_values(options, error);

	return r < 0 ? r : take_ring(options, ret_log2, error);
}

int memif_options_apply(const struct memif_options *options, const char *main,
			struct memif_wish *ret_wish, struct vif_error *error)
{
	static const uint32_t line_bytes[] = { 0, 64, 128 };
	uint32_t queues = options->qpairs ? options->qpairs : options->queues;
	uint32_t log2 = 0;
	int r = take_path(options, main, ret_wish->path, error);

	if (r == 0)
		r = take_secret(options, ret_wish->secret, error);
	if (r == 0)
		r = take_sizes(options, &log2, error);
	if (r < 0)
		return r;
	ret_wish->socket = (struct vif_memif_socket_config){
		.size = sizeof(ret_wish->socket),
		.path = ret_wish->path,
		.netns = options->netns,
	};
	ret_wish->interface = (struct vif_memif_interface_config){
		.size = sizeof(ret_wish->interface),
		.role = options->role % 2 ? VIF_MEMIF_SERVER : VIF_MEMIF_CLIENT,
		.mode = (enum vif_memif_mode)options->mode,
		.id = options->id,
		.name = options->name,
		.secret = ret_wish->secret,
		.n_rx = queues,
		.n_tx = queues,
		.ring_log2 = log2,
		.buffer = options->bsize ? options->bsize :
					   (uint32_t)options->buffer,
		.line = line_bytes[options->line],
		.rx_mode = (enum vif_memif_rx_mode)options->rx,
		.unsealed = (enum vif_memif_unsealed)options->unsealed,
		.resync = options->resync,
	};
	return 0;
}
