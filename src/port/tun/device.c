/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attaching to a TUN or TAP device.
 *
 * A device that nobody has is made with IFF_TUN_EXCL, so that we never join a
 * running one by accident. One that is there already is taken over only if it
 * is of the right kind and nobody is attached to it: the kernel refuses a
 * second owner only for single-queue devices.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/bits.h"
#include "base/error.h"
#include "os/tun.h"
#include "port/tun/tun.h"
#include "port/units.h"

static const char *kind_name(bool is_tap)
{
	return is_tap ? "TAP" : "TUN";
}

static int check_name(const char *name, struct vif_error *error)
{
	static const char *const reserved[] = { ".", "..", "all", "default" };
	bool good = strlen(name) < IF_NAMESIZE && !strpbrk(name, "/: \t\n%");

	for (size_t i = 0; i < ARRAY_LEN(reserved); i++)
		good = good && strcmp(name, reserved[i]) != 0;
	if (good)
		return 0;
	error_set(error, -EINVAL, "'%.64s' is no name for a device", name);
	error_why(error, -EINVAL,
		  "names have 1 to %d characters, without space, '/', ':' or "
		  "'%%', and the kernel reserves some",
		  IF_NAMESIZE - 1);
	return error_hint(error, -EINVAL,
			  "leave it out to let the kernel choose one");
}

static int cannot_open(int code, struct vif_error *error)
{
	error_set(error, code, "cannot open /dev/net/tun");
	if (code == -EACCES || code == -EPERM)
		return error_hint(error, code,
				  "run as root, or in a user namespace: "
				  "unshare -Urn; 'vif probe' tells what is "
				  "missing");
	if (code == -ENOENT || code == -ENODEV)
		return error_hint(error, code,
				  "load the driver with 'modprobe tun', or in "
				  "a container pass --device /dev/net/tun");
	if (code == -EMFILE)
		return error_hint(error, code,
				  "'ulimit -n' raises the limit; each queue "
				  "takes one");
	return code;
}

static int cannot_attach(const struct tun *tun, const char *name, int code,
			 struct vif_error *error)
{
	if (name[0] == '\0')
		error_set(error, code, "cannot make a %s device",
			  kind_name(tun->is_tap));
	else
		error_set(error, code, "cannot make %s device '%s'",
			  kind_name(tun->is_tap), name);
	if (code == -EPERM)
		return error_hint(
			error, code,
			"that takes CAP_NET_ADMIN: run as root or below "
			"'unshare -Urn', or have root make the device with "
			"'ip tuntap add dev NAME mode %s user YOU'",
			tun->is_tap ? "tap" : "tun");
	if (code == -E2BIG)
		return error_why(error, code,
				 "the kernel gives a device no more than %d "
				 "queues",
				 PORT_QUEUES_MAX);
	return code;
}

static int not_ours(const struct tun *tun, const char *name,
		    struct vif_error *error)
{
	const struct rtnl_link *link = &tun->before;

	error_set(error, -EEXIST, "cannot use device '%s'", name);
	if (strcmp(link->kind, "tun") != 0)
		error_why(error, -EEXIST, "it is a %s device, not %s",
			  link->kind[0] ? link->kind : "foreign",
			  kind_name(tun->is_tap));
	else
		error_why(error, -EEXIST, "it is a %s device, not %s",
			  kind_name(link->tun_is_tap), kind_name(tun->is_tap));
	if (strcmp(link->kind, "tun") == 0)
		return error_hint(error, -EEXIST,
				  "write %s:%s, or another "
				  "name",
				  link->tun_is_tap ? "tap" : "tun", name);
	return error_hint(error, -EEXIST, "choose another name");
}

static int in_use(const char *name, struct vif_error *error)
{
	error_set(error, -EBUSY, "cannot use device '%s'", name);
	error_why(error, -EBUSY, "another program is attached to it");
	return error_hint(error, -EBUSY,
			  "stop that program, or choose another name");
}

static int queue_mismatch(const struct tun *tun, const char *name,
			  struct vif_error *error)
{
	error_set(error, -EINVAL, "cannot use device '%s' with %u queues", name,
		  tun->options.queues);
	error_why(error, -EINVAL, "it was made for a single queue");
	return error_hint(error, -EINVAL,
			  "leave out queues=, or make it anew with 'ip tuntap "
			  "add dev %s mode %s multi_queue'",
			  name, tun->is_tap ? "tap" : "tun");
}

/* Whether the device that is there already may be taken over. */
static int judge_existing(struct tun *tun, const char *name,
			  unsigned int *flags, struct vif_error *error)
{
	struct rtnl_link *link = &tun->before;
	int r = rtnl_link_get(&tun->rtnl, name, link);

	if (r < 0)
		return error_set(error, r, "cannot look at device '%s'", name);
	if (strcmp(link->kind, "tun") != 0 ||
	    (link->has_tun && link->tun_is_tap != tun->is_tap))
		return not_ours(tun, name, error);
	if (link->tun_queues > 0)
		return in_use(name, error);
	*flags &= ~(unsigned int)IFF_TUN_EXCL;
	if (link->tun_multi_queue)
		*flags |= IFF_MULTI_QUEUE;
	else if (tun->options.queues > 1)
		return queue_mismatch(tun, name, error);
	return 0;
}

static int attach_first(struct tun *tun, const char *name, unsigned int *flags,
			struct vif_error *error)
{
	int fd = tun->queue[0].fd;
	int r = tun_attach(fd, name, *flags);

	/* Kernels and devices without the header: judged by TUNGETIFF later. */
	if (r == -EINVAL && (*flags & IFF_VNET_HDR)) {
		*flags &= ~(unsigned int)IFF_VNET_HDR;
		r = tun_attach(fd, name, *flags);
	}
	if (r == 0) {
		tun->created = true;
		return 0;
	}
	/* A foreign device of that name gives EINVAL, a TUN or TAP EBUSY. */
	if ((r != -EBUSY && r != -EINVAL) || name[0] == '\0')
		return cannot_attach(tun, name, r, error);
	*flags |= IFF_VNET_HDR;
	r = judge_existing(tun, name, flags, error);
	if (r < 0)
		return r;
	r = tun_attach(fd, name, *flags);
	if (r == -EBUSY)
		return in_use(name, error);
	return r < 0 ? cannot_attach(tun, name, r, error) : 0;
}

static int attach_rest(struct tun *tun, const char *name, unsigned int flags,
		       struct vif_error *error)
{
	int r = 0;

	flags &= ~(unsigned int)IFF_TUN_EXCL;
	for (uint32_t i = 1; r == 0 && i < tun->options.queues; i++) {
		r = tun_attach(tun->queue[i].fd, name, flags);
		if (r < 0)
			cannot_attach(tun, name, r, error);
	}
	return r;
}

static int open_queues(struct tun *tun, struct vif_error *error)
{
	uint32_t n = tun->options.queues;

	tun->queue = calloc(n, sizeof(*tun->queue));
	if (!tun->queue)
		return error_set(error, -ENOMEM, "cannot open the device");
	for (; tun->n_queue < n; tun->n_queue++) {
		struct tun_io *queue = &tun->queue[tun->n_queue];
		int fd = tun_open();

		if (fd < 0)
			return cannot_open(fd, error);
		if (tun_io_init(queue, fd, &tun->refusals) < 0) {
			(void)close(fd); /* not attached yet */
			return error_set(error, -ENOMEM,
					 "cannot make a buffer");
		}
		queue->medium = tun->is_tap ? VIF_MEDIUM_ETH : VIF_MEDIUM_IP;
	}
	return 0;
}

enum owner_kind { OWNER_USER, OWNER_GROUP };

static const char *const owner_keys[] = { "owner", "group" };

/* Entries of large groups need room; one that is too large is an error. */
static int find_id(enum owner_kind kind, const char *name, uint32_t *ret_id)
{
	char buffer[32768];
	struct passwd user, *found_user = NULL;
	struct group group, *found_group = NULL;
	int r;

	if (kind == OWNER_USER)
		r = getpwnam_r(name, &user, buffer, sizeof(buffer),
			       &found_user);
	else
		r = getgrnam_r(name, &group, buffer, sizeof(buffer),
			       &found_group);
	if (found_user)
		*ret_id = found_user->pw_uid;
	else if (found_group)
		*ret_id = found_group->gr_gid;
	else
		return r != 0 ? -r : -EINVAL;
	return 0;
}

static int find_owner(enum owner_kind kind, const char *name, uint32_t *ret_id,
		      struct vif_error *error)
{
	uint64_t number;
	int r = 0;

	if (!name)
		return 0;
	if (units_uint(name, &number) == 0 && number < UINT32_MAX)
		*ret_id = (uint32_t)number;
	else
		r = find_id(kind, name, ret_id);
	if (r == 0)
		return 0;
	error_set(error, r, "bad value '%s' for key '%s'", name,
		  owner_keys[kind]);
	if (r != -EINVAL && r != -ENOENT)
		return r;
	error_why(error, -EINVAL, "there is no such %s",
		  kind == OWNER_USER ? "user" : "group");
	return error_hint(error, -EINVAL, "write a name or a number");
}

int tun_device_find_owner(struct tun *tun, struct vif_error *error)
{
	int r = find_owner(OWNER_USER, tun->options.owner, &tun->owner, error);

	if (r == 0)
		r = find_owner(OWNER_GROUP, tun->options.group, &tun->group,
			       error);
	return r;
}

int tun_device_keep(struct tun *tun, struct vif_error *error)
{
	const struct tun_options *options = &tun->options;
	int fd = tun->queue[0].fd;
	int r = 0;

	if (options->has_owner)
		r = tun_set_owner(fd, tun->owner);
	if (r == 0 && options->has_group)
		r = tun_set_group(fd, tun->group);
	if (r < 0)
		return error_set(error, r, "cannot set who owns the device");
	if (!options->has_persist)
		return 0;
	r = tun_set_persist(fd, options->persist);
	if (r < 0)
		return error_set(error, r, "cannot make the device persistent");
	tun->persists = options->persist || options->fd.n > 0;
	return 0;
}

bool tun_device_is_gone(const struct tun *tun)
{
	char name[IF_NAMESIZE];
	unsigned int flags;

	return tun_get(tun->queue[0].fd, name, &flags) == -EBADFD;
}

/* Somebody may have come between our look at the device and our attaching. */
static int check_alone(struct tun *tun, const char *name,
		       struct vif_error *error)
{
	int r = rtnl_link_get(&tun->rtnl, name, &tun->link);

	if (r < 0)
		return error_set(error, r, "cannot look at the device");
	if (tun->link.tun_multi_queue && tun->link.tun_queues > tun->n_queue)
		return in_use(name, error);
	return 0;
}

int tun_device_attach(struct tun *tun, const char *name,
		      struct vif_error *error)
{
	unsigned int flags = IFF_NO_PI | IFF_TUN_EXCL | IFF_VNET_HDR |
			     (tun->is_tap ? IFF_TAP : IFF_TUN);
	char real_name[IF_NAMESIZE];
	int r = check_name(name, error);

	if (r < 0 || (r = open_queues(tun, error)) < 0)
		return r;
	if (tun->options.queues > 1)
		flags |= IFF_MULTI_QUEUE;
	r = attach_first(tun, name, &flags, error);
	if (r < 0)
		return r;
	tun->attached = true;
	tun->persists = !tun->created && tun->before.tun_persist;
	r = tun_get(tun->queue[0].fd, real_name, &flags);
	if (r < 0)
		return error_set(error, r, "cannot look at the device");
	r = attach_rest(tun, real_name, flags & ~(unsigned int)IFF_PERSIST,
			error);
	return r < 0 ? r : check_alone(tun, real_name, error);
}

void tun_device_fini(struct tun *tun)
{
	for (uint32_t i = 0; i < tun->n_queue; i++)
		tun_io_fini(&tun->queue[i]);
	free(tun->queue);
	tun->queue = NULL;
	tun->n_queue = 0;
	tun->attached = false;
}
