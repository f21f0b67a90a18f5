/* SPDX-License-Identifier: Apache-2.0 */
/* A handshake over a channel. */
#include "port/memif/exchange.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"

static void close_if_open(int fd)
{
	if (fd >= 0)
		(void)close(fd); /* a peer's */
}

static void feed(struct memif_handshake *handshake,
		 const struct memif_received *received)
{
	const struct memif_incoming incoming = {
		.bytes = received->bytes,
		.len = received->len,
		.n_fd = received->n_fd,
		.cut = received->cut,
	};

	memif_handshake_record(handshake, &incoming);
}

/* The peer has closed. Perhaps it said why. */
static void last_word(struct memif_handshake *handshake, int fd)
{
	struct memif_received received;

	for (int i = 0; i < MEMIF_DRAIN_MAX; i++) {
		if (memif_channel_receive(fd, &received) != MEMIF_CHANNEL_DONE)
			break;
		feed(handshake, &received);
		close_if_open(received.fd);
		explicit_bzero(received.bytes, sizeof(received.bytes));
	}
	memif_handshake_eof(handshake);
}

static void cannot_send(struct memif_handshake *handshake, int fd, int code)
{
	char text[128];

	if (code == -EPIPE || code == -ECONNRESET)
		last_word(handshake, fd);
	else
		memif_handshake_fail(handshake, MEMIF_DOWN_SOCKET,
				     "cannot send: %s",
				     error_code_text(code, text, sizeof(text)));
}

bool memif_exchange_send(struct memif_handshake *handshake, int fd,
			 const struct memif_outgoing *outgoing, int pass_fd)
{
	bool is_last = handshake->state == MEMIF_STATE_CLOSING;
	int r = memif_channel_send(fd, outgoing->bytes, pass_fd);

	if (r == MEMIF_CHANNEL_LATER && !is_last)
		return false;
	if (r == MEMIF_CHANNEL_DONE || is_last)
		memif_handshake_sent(handshake);
	else
		cannot_send(handshake, fd, r);
	return true;
}

bool memif_exchange_send_plain(struct memif_handshake *handshake, int fd)
{
	struct memif_outgoing outgoing;

	memif_handshake_outgoing(handshake, &outgoing);
	return memif_exchange_send(handshake, fd, &outgoing, -1);
}

static bool is_to_be_judged(const struct memif_handshake *handshake)
{
	enum memif_want want = memif_handshake_want(handshake);

	return want == MEMIF_WANT_JUDGE_REGION || want == MEMIF_WANT_JUDGE_RING;
}

bool memif_exchange_receive(struct memif_handshake *handshake, int fd,
			    int *ret_fd)
{
	struct memif_received received;
	int r = memif_channel_receive(fd, &received);

	*ret_fd = -1;
	if (r == MEMIF_CHANNEL_LATER)
		return false;
	if (r != MEMIF_CHANNEL_DONE) {
		memif_handshake_eof(handshake);
		return true;
	}
	feed(handshake, &received);
	explicit_bzero(received.bytes, sizeof(received.bytes));
	if (is_to_be_judged(handshake))
		*ret_fd = received.fd;
	else
		close_if_open(received.fd);
	return true;
}
