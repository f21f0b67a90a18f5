/* SPDX-License-Identifier: Apache-2.0 */
/* The socket of a control channel. */
#include "port/memif/channel.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "os/netns.h"
#include "port/memif/limits.h"

enum channel_numbers {
	FDS_MAX = 253, /* SCM_MAX_FD of the kernel */
};

/* Connecting */

static int hint_at_other(const struct memif_socket_name *name, int code,
			 struct vif_error *error)
{
	if (memif_socket_name_is_abstract(name))
		return error_hint(error, code,
				  "a socket file of that name is listening: "
				  "leave the @ away");
	return error_hint(error, code,
			  "an abstract socket of that name is listening: use "
			  "@%s, or tell the server to listen on a path (DPDK: "
			  "socket-abstract=no)",
			  name->text);
}

static int hint_at_refusal(const struct memif_socket_name *name, int code,
			   struct vif_error *error)
{
	struct stat info;

	if (memif_socket_name_is_abstract(name))
		return error_hint(error, code,
				  "no server (role=server) listens in this "
				  "network namespace, which abstract names "
				  "belong to");
	if (stat(name->text, &info) == 0 && !S_ISSOCK(info.st_mode)) {
		error_why(error, code, "it is no socket");
		return error_hint(error, code,
				  "name the very socket that the server "
				  "listens on");
	}
	return error_hint(error, code,
			  "the socket was left behind by a server that is "
			  "gone: start the server again");
}

static int explain(const struct memif_socket_name *name, int code,
		   struct vif_error *error)
{
	error_set(error, code, "cannot connect to the server");
	error_where(error, code, name->text);
	if (code == -EAGAIN)
		return error_why(error, code, "it is busy with other clients");
	if ((code == -ECONNREFUSED || code == -ENOENT) &&
	    memif_socket_name_other(name))
		return hint_at_other(name, code, error);
	if (code == -ECONNREFUSED)
		return hint_at_refusal(name, code, error);
	if (code == -ENOENT)
		return error_hint(error, code,
				  "the server makes the socket: is it running, "
				  "is the path right, and is one end "
				  "role=server?");
	if (code == -EACCES || code == -EPERM)
		return error_hint(error, code,
				  "its file does not let this user connect: be "
				  "the user or group of the server, or have it "
				  "give the file to others (DPDK: owner-uid, "
				  "owner-gid)");
	if (code == -EPROTOTYPE)
		return error_why(error, code,
				 "it is a socket of another kind, not memif's");
	return code;
}

struct connecting {
	const struct memif_socket_name *name;
	struct vif_error *error;
};

static int connect_here(void *argument)
{
	const struct connecting *connecting = argument;
	const struct memif_socket_name *name = connecting->name;
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0);
	int code;

	if (fd < 0)
		return error_set(connecting->error, -errno,
				 "cannot make a socket");
	if (connect(fd, (const struct sockaddr *)&name->address, name->len) ==
	    0)
		return fd;
	code = -errno;
	(void)close(fd); /* never connected */
	return explain(name, code, connecting->error);
}

int memif_channel_connect(const struct memif_socket_name *name, int netns_fd,
			  struct vif_error *error)
{
	struct connecting connecting = { name, error };

	/* Paths are the same everywhere. */
	if (!memif_socket_name_is_abstract(name))
		netns_fd = -1;
	return netns_call(netns_fd, connect_here, &connecting, error);
}

/* Sending and receiving */

union control {
	char bytes[CMSG_SPACE(FDS_MAX * sizeof(int)) +
		   CMSG_SPACE(sizeof(struct ucred))];
	struct cmsghdr align;
};

int memif_channel_send(int fd, const uint8_t bytes[MEMIF_MSG_LEN], int pass_fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = { { 0 } };
	struct iovec iov = { (void *)bytes, MEMIF_MSG_LEN };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	struct cmsghdr *cmsg;
	ssize_t n;

	if (pass_fd >= 0) {
		msg.msg_control = control.bytes;
		msg.msg_controllen = sizeof(control.bytes);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = SOL_SOCKET;
		cmsg->cmsg_type = SCM_RIGHTS;
		cmsg->cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(cmsg), &pass_fd, sizeof(pass_fd));
	}
	do
		n = sendmsg(fd, &msg, MSG_NOSIGNAL | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		return MEMIF_CHANNEL_DONE;
	return errno == EAGAIN ? MEMIF_CHANNEL_LATER : -errno;
}

/* Keeps the first descriptor, and closes all others. */
static void take_fds(const struct cmsghdr *cmsg,
		     struct memif_received *received)
{
	size_t n = (cmsg->cmsg_len - CMSG_LEN(0)) / sizeof(int);

	if (cmsg->cmsg_level != SOL_SOCKET || cmsg->cmsg_type != SCM_RIGHTS)
		return;
	for (size_t i = 0; i < n; i++) {
		int fd;

		memcpy(&fd, CMSG_DATA(cmsg) + i * sizeof(fd), sizeof(fd));
		if (received->n_fd++ == 0)
			received->fd = fd;
		else
			(void)close(fd); /* the peer's, and unasked for */
	}
}

static ssize_t receive(int fd, struct msghdr *msg)
{
	const int flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC | MSG_TRUNC;
	bool was_reset = false;

	for (;;) {
		ssize_t n = recvmsg(fd, msg, flags);

		if (n >= 0)
			return n;
		if (errno == EINTR)
			continue;
		/*
		 * Told once when the peer closed without having read all; what
		 * it said before is still there.
		 */
		if (errno != ECONNRESET || was_reset)
			return -errno;
		was_reset = true;
	}
}

int memif_channel_receive(int fd, struct memif_received *ret_received)
{
	struct memif_received received = { .fd = -1 };
	union control control;
	struct iovec iov = { received.bytes, sizeof(received.bytes) };
	struct msghdr msg = {
		.msg_iov = &iov,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes),
	};
	ssize_t n = receive(fd, &msg);

	if (n < 0)
		return n == -EAGAIN ? MEMIF_CHANNEL_LATER : (int)n;
	for (struct cmsghdr *cmsg = CMSG_FIRSTHDR(&msg); cmsg;
	     cmsg = CMSG_NXTHDR(&msg, cmsg))
		take_fds(cmsg, &received);
	/* A record of no bytes looks the same, and ends it just as well. */
	if (n == 0) {
		if (received.fd >= 0)
			(void)close(received.fd); /* the peer's */
		return MEMIF_CHANNEL_EOF;
	}
	received.len = (size_t)n;
	received.cut = msg.msg_flags & MSG_CTRUNC;
	*ret_received = received;
	return MEMIF_CHANNEL_DONE;
}

void memif_channel_close(int fd)
{
	struct memif_received received;

	(void)shutdown(fd, SHUT_WR); /* may be broken already */
	for (int i = 0; i < MEMIF_DRAIN_MAX; i++) {
		if (memif_channel_receive(fd, &received) != MEMIF_CHANNEL_DONE)
			break;
		if (received.fd >= 0)
			(void)close(received.fd); /* the peer's */
		explicit_bzero(received.bytes, sizeof(received.bytes));
	}
	(void)close(fd); /* nothing can be done about it */
}
