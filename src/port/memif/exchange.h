/* SPDX-License-Identifier: Apache-2.0 */
/* A handshake over a channel: what the machine wants sent, and what comes. */
#ifndef PORT_MEMIF_EXCHANGE_H
#define PORT_MEMIF_EXCHANGE_H

#include "port/memif/channel.h"
#include "port/memif/handshake.h"

/*
 * memif_exchange_send() - fulfil MEMIF_WANT_SEND
 *
 * pass_fd is what memif_handshake_outgoing() asks for, or -1. When the peer is
 * gone, its last word is looked for, and the machine told. A last word of ours
 * is not waited for. Returns false when the socket has to be polled first.
 */
bool memif_exchange_send(struct memif_handshake *handshake, int fd,
			 const struct memif_outgoing *outgoing, int pass_fd);

/*
 * memif_exchange_receive() - fulfil MEMIF_WANT_RECORD
 *
 * Returns false when there is nothing. A descriptor that the machine wants to
 * have judged goes to ret_fd, others are closed, and ret_fd is -1.
 */
bool memif_exchange_receive(struct memif_handshake *handshake, int fd,
			    int *ret_fd);

/* MEMIF_WANT_SEND without a descriptor, if that is all that is wanted. */
bool memif_exchange_send_plain(struct memif_handshake *handshake, int fd);

#endif
