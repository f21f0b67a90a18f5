/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names of control sockets: paths, and abstract names (unix(7)) that begin
 * with '@' or NUL and belong to a network namespace.
 */
#ifndef PORT_MEMIF_SOCKET_NAME_H
#define PORT_MEMIF_SOCKET_NAME_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <vif/error.h>

enum memif_socket_name_sizes {
	MEMIF_SOCKET_TEXT_SIZE = sizeof(((struct sockaddr_un *)0)->sun_path) + 2
};

struct memif_socket_name {
	struct sockaddr_un address;
	socklen_t len; /* exact: an abstract name ends with its last byte */
	char text[MEMIF_SOCKET_TEXT_SIZE]; /* with '@' for NUL */
};

/*
 * memif_socket_name_set() - understand a name
 *
 * name has len bytes, because one spelling of an abstract name begins with NUL.
 * Returns 0, or -EINVAL or -ENAMETOOLONG with error filled.
 */
int memif_socket_name_set(struct memif_socket_name *name, const char *text,
			  size_t len, struct vif_error *error);

static inline bool
memif_socket_name_is_abstract(const struct memif_socket_name *name)
{
	return name->text[0] == '@';
}

/*
 * memif_socket_name_listens() - whether something listens there
 *
 * As far as the kernel's list of sockets says, for the network namespace of the
 * calling thread; a path may also be listened on from elsewhere, or by another
 * spelling. Asking the list disturbs nobody.
 */
bool memif_socket_name_listens(const struct memif_socket_name *name);

/*
 * memif_socket_name_other() - whether the other kind of that name is listening
 *
 * For a path, whether there is a listener of the same name as an abstract one,
 * and the other way round.
 */
bool memif_socket_name_other(const struct memif_socket_name *name);

#endif
