/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making a listening socket.
 *
 * A program that crashed leaves its socket file behind, and bind(2) refuses the
 * name for ever. Such a file is told from a live one by connecting to it: the
 * kernel refuses when nobody listens. A file that the kernel lists as listening
 * is not even tried, because some servers do not survive a client that leaves
 * at once.
 */
#include "port/memif/bind.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "os/netns.h"

enum bind_numbers {
	MODE_DEFAULT = 0600,
};

static const struct sockaddr *address_of(const struct memif_socket_name *name)
{
	return (const struct sockaddr *)&name->address;
}

static int make_socket(void)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0);

	return fd < 0 ? -errno : fd;
}

/* Returns -ECONNREFUSED when nobody listens there. */
static int probe(const struct memif_socket_name *name)
{
	int fd, code;

	if (memif_socket_name_listens(name))
		return 0;
	fd = make_socket();
	if (fd < 0)
		return fd;
	code = connect(fd, address_of(name), name->len) < 0 ? -errno : 0;
	(void)close(fd); /* only asked */
	return code;
}

static int is_taken(const struct memif_socket_name *name, const char *why,
		    struct vif_error *error)
{
	error_set(error, -EADDRINUSE, "cannot listen");
	error_where(error, -EADDRINUSE, name->text);
	return error_why(error, -EADDRINUSE, "%s", why);
}

static int is_alive(const struct memif_socket_name *name,
		    struct vif_error *error)
{
	(void)is_taken(name, "a server listens there already", error);
	return error_hint(error, -EADDRINUSE,
			  "use role=client to connect to it, or give this one "
			  "another name");
}

/* "a directory" and so on, so that nobody has to look what is in the way. */
static const char *kind_of(mode_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return "a file";
	case S_IFDIR:
		return "a directory";
	case S_IFLNK:
		return "a symbolic link";
	case S_IFIFO:
		return "a pipe";
	default:
		return "a device";
	}
}

/* It may be precious, so it is its owner's to remove. */
static int is_other_file(const struct memif_socket_name *name, mode_t mode,
			 struct vif_error *error)
{
	error_set(error, -EEXIST, "cannot listen");
	error_where(error, -EEXIST, name->text);
	error_why(error, -EEXIST, "there is %s, which is no socket",
		  kind_of(mode));
	if (S_ISDIR(mode))
		return error_hint(error, -EEXIST,
				  "name a socket within it, such as "
				  "%.100s/memif.sock",
				  name->text);
	return error_hint(error, -EEXIST,
			  "remove it if nobody needs it, or choose another "
			  "path");
}

static int is_other_socket(const struct memif_socket_name *name,
			   struct vif_error *error)
{
	(void)is_taken(name, "a socket of another kind listens there", error);
	return error_hint(error, -EADDRINUSE,
			  "another program has it, and it is not memif: "
			  "choose another path");
}

/* Removes a socket file that nobody listens on. */
static int remove_stale(const struct memif_socket_name *name,
			struct vif_error *error)
{
	struct stat before, after;
	int code;

	if (lstat(name->text, &before) < 0)
		return errno == ENOENT ? 0 :
					 is_taken(name, "stat failed", error);
	if (!S_ISSOCK(before.st_mode))
		return is_other_file(name, before.st_mode, error);
	code = probe(name);
	if (code != -ECONNREFUSED) {
		if (code == -ENOENT)
			return 0; /* it has just been removed */
		if (code == -EPROTOTYPE)
			return is_other_socket(name, error);
		return is_alive(name, error);
	}
	/* Another server may have replaced it meanwhile. */
	if (lstat(name->text, &after) < 0)
		return 0;
	if (before.st_ino != after.st_ino || before.st_dev != after.st_dev)
		return is_alive(name, error);
	if (unlink(name->text) == 0 || errno == ENOENT)
		return 0;
	code = -errno;
	error_set(error, code, "cannot remove the socket left behind");
	return error_where(error, code, name->text);
}

static int explain(const struct memif_socket_name *name, int code,
		   struct vif_error *error)
{
	error_set(error, code, "cannot listen");
	error_where(error, code, name->text);
	if (code == -ENOENT)
		return error_hint(error, code,
				  "its directory has to be made first");
	if (code == -EACCES)
		return error_hint(error, code,
				  "its directory is not ours to write to");
	return code;
}

static int bind_path(int fd, const struct memif_socket_name *name, mode_t mode,
		     struct vif_error *error)
{
	int r = 0;

	/* What the file will have at most, from its first moment. */
	if (fchmod(fd, mode) < 0)
		return explain(name, -errno, error);
	for (int i = 0; i < 2; i++) {
		if (bind(fd, address_of(name), name->len) == 0)
			return 0;
		if (errno != EADDRINUSE)
			return explain(name, -errno, error);
		r = remove_stale(name, error);
		if (r < 0)
			return r;
	}
	return is_alive(name, error);
}

/* Owner and mode. The umask may have taken away bits of the latter. */
static int dress_path(const struct memif_bind_config *config,
		      struct memif_bound *bound, struct vif_error *error)
{
	const char *path = config->name.text;
	mode_t mode = config->mode ? config->mode : MODE_DEFAULT;
	struct stat info;
	int code;

	if (lstat(path, &info) < 0)
		return explain(&config->name, -errno, error);
	bound->made_path = true;
	bound->dev = info.st_dev;
	bound->ino = info.st_ino;
	if (config->chown && lchown(path, config->uid, config->gid) < 0) {
		code = -errno;
		error_set(error, code, "cannot give the socket away");
		return error_where(error, code, path);
	}
	if ((info.st_mode & 07777) != mode && chmod(path, mode) < 0)
		return explain(&config->name, -errno, error);
	return 0;
}

struct binding {
	const struct memif_bind_config *config;
	struct memif_bound bound;
	struct vif_error *error;
};

static int bind_and_listen(struct binding *binding)
{
	const struct memif_bind_config *config = binding->config;
	const struct memif_socket_name *name = &config->name;
	mode_t mode = config->mode ? config->mode : MODE_DEFAULT;
	int fd = binding->bound.fd;
	int r;

	if (memif_socket_name_is_abstract(name)) {
		if (bind(fd, address_of(name), name->len) < 0)
			return errno == EADDRINUSE ?
				       is_alive(name, binding->error) :
				       explain(name, -errno, binding->error);
	} else {
		r = bind_path(fd, name, mode, binding->error);
		if (r == 0)
			r = dress_path(config, &binding->bound, binding->error);
		if (r < 0)
			return r;
	}
	return listen(fd, config->backlog) < 0 ?
		       explain(name, -errno, binding->error) :
		       0;
}

static int bind_here(void *argument)
{
	struct binding *binding = argument;
	int r;

	binding->bound.fd = make_socket();
	if (binding->bound.fd < 0)
		return error_set(binding->error, binding->bound.fd,
				 "cannot make a socket");
	r = bind_and_listen(binding);
	if (r < 0)
		memif_unbind(&binding->bound, &binding->config->name);
	return r;
}

int memif_bind(const struct memif_bind_config *config,
	       struct memif_bound *ret_bound, struct vif_error *error)
{
	struct binding binding = { .config = config, .error = error };
	bool abstract = memif_socket_name_is_abstract(&config->name);
	int r = netns_call(abstract ? config->netns_fd : -1, bind_here,
			   &binding, error);

	if (r == 0)
		*ret_bound = binding.bound;
	return r;
}

static bool has_option(int fd, int option, int wanted)
{
	int value = 0;
	socklen_t len = sizeof(value);

	return getsockopt(fd, SOL_SOCKET, option, &value, &len) == 0 &&
	       value == wanted;
}

int memif_bind_adopt(int fd, struct memif_bound *ret_bound,
		     struct memif_socket_name *ret_name,
		     struct vif_error *error)
{
	const size_t head = offsetof(struct sockaddr_un, sun_path);
	struct sockaddr_un address = { 0 };
	socklen_t len = sizeof(address);
	int flags = fcntl(fd, F_GETFL);
	int r;

	error_set(error, -EINVAL, "cannot use descriptor %d", fd);
	if (flags < 0 || !has_option(fd, SO_DOMAIN, AF_UNIX) ||
	    !has_option(fd, SO_TYPE, SOCK_SEQPACKET) ||
	    !has_option(fd, SO_ACCEPTCONN, 1))
		return error_why(error, -EINVAL,
				 "it is no listening socket of Unix records");
	if (getsockname(fd, (struct sockaddr *)&address, &len) < 0 ||
	    len <= head || len > sizeof(address))
		return error_why(error, -EINVAL, "it has no name");
	r = memif_socket_name_set(ret_name, address.sun_path, len - head,
				  error);
	if (r < 0)
		return r;
	/* accept(2) must not wait for a client that has just left. */
	if (fcntl(fd, F_SETFL, flags | O_NONBLOCK) < 0 ||
	    fcntl(fd, F_SETFD, FD_CLOEXEC) < 0)
		return error_why(error, -EINVAL, "its flags cannot be set");
	*ret_bound = (struct memif_bound){ .fd = fd };
	return 0;
}

void memif_unbind(struct memif_bound *bound,
		  const struct memif_socket_name *name)
{
	struct stat info;

	if (bound->made_path && lstat(name->text, &info) == 0 &&
	    info.st_dev == bound->dev && info.st_ino == bound->ino)
		(void)unlink(name->text); /* the next server can do it, too */
	if (bound->fd >= 0)
		(void)close(bound->fd);
	*bound = (struct memif_bound){ .fd = -1 };
}
