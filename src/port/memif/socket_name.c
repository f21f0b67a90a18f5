/* SPDX-License-Identifier: Apache-2.0 */
/* Names of control sockets. */
#include "port/memif/socket_name.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"

enum socket_name_numbers {
	/* One byte is the NUL: in front of an abstract name, behind a path. */
	NAME_MAX_LEN = sizeof(((struct sockaddr_un *)0)->sun_path) - 1,
	LINE_SIZE = 512, /* of the kernel's list */
	FIELD_FLAGS = 3,
	FIELD_TYPE = 4,
	FIELD_PATH = 7,
	FLAG_LISTENING = 0x10000, /* __SO_ACCEPTCON of linux/net.h */
};

static int refuse(int code, const char *why, struct vif_error *error)
{
	error_set(error, code, "cannot use the socket name");
	return error_why(error, code, "%s", why);
}

int memif_socket_name_set(struct memif_socket_name *name, const char *text,
			  size_t len, struct vif_error *error)
{
	bool is_abstract = len > 0 && (text[0] == '@' || text[0] == '\0');
	size_t at = is_abstract ? 1 : 0;

	/* Some programs pad names; on the wire the length is exact. */
	while (len > at && text[len - 1] == '\0')
		len--;
	if (len == at)
		return refuse(-EINVAL, "it is empty", error);
	if (memchr(text + at, '\0', len - at))
		return refuse(-EINVAL, "there is a NUL in it", error);
	if (len - at > NAME_MAX_LEN) {
		(void)refuse(-ENAMETOOLONG, "it is too long", error);
		return error_hint(error, -ENAMETOOLONG,
				  "a name has at most %d bytes", NAME_MAX_LEN);
	}
	*name = (struct memif_socket_name){ .address.sun_family = AF_UNIX };
	memcpy(name->address.sun_path + at, text + at, len - at);
	memcpy(name->text + at, text + at, len - at);
	name->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (is_abstract)
		name->text[0] = '@';
	else
		name->len++; /* the NUL */
	return 0;
}

/*
 * Whether a line of /proc/net/unix is about a listening socket of records with
 * that name. Fields are separated by single blanks, but for the inode.
 */
static bool is_listener(char *line, const char *wanted)
{
	char *rest, *field = strtok_r(line, " ", &rest);
	unsigned long flags = 0, type = 0;

	for (int i = 1; field && i < FIELD_PATH; i++) {
		field = strtok_r(NULL, " ", &rest);
		if (field && i == FIELD_FLAGS)
			flags = strtoul(field, NULL, 16);
		if (field && i == FIELD_TYPE)
			type = strtoul(field, NULL, 16);
	}
	/* What is left is the name, whatever blanks it has. */
	return field && flags & FLAG_LISTENING && type == SOCK_SEQPACKET &&
	       strcmp(rest, wanted) == 0;
}

static bool is_listed(const char *wanted)
{
	char line[LINE_SIZE];
	bool found = false;
	/* The thread may be in another namespace than its process. */
	FILE *list = fopen("/proc/thread-self/net/unix", "re");

	if (!list)
		return false;
	while (!found && fgets(line, sizeof(line), list)) {
		line[strcspn(line, "\n")] = '\0';
		found = is_listener(line, wanted);
	}
	(void)fclose(list); /* only read */
	return found;
}

bool memif_socket_name_listens(const struct memif_socket_name *name)
{
	return is_listed(name->text);
}

bool memif_socket_name_other(const struct memif_socket_name *name)
{
	char wanted[MEMIF_SOCKET_TEXT_SIZE + 1];

	if (memif_socket_name_is_abstract(name))
		return is_listed(name->text + 1);
	(void)snprintf(wanted, sizeof(wanted), "@%s", name->text);
	return is_listed(wanted);
}
