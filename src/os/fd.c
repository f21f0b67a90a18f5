/* SPDX-License-Identifier: Apache-2.0 */
/* What descriptors are to each other. */
#include "os/fd.h"

#include <fcntl.h>
#include <linux/kcmp.h>
#include <sys/syscall.h>
#include <unistd.h>

enum fd_command {
	FD_DUPFD_QUERY = 1024 + 3, /* F_DUPFD_QUERY, since Linux 6.10 */
};

bool fd_is_copy(int a, int b)
{
	int same = fcntl(a, FD_DUPFD_QUERY, b);
	pid_t self;

	if (same >= 0)
		return same == 1;
	self = getpid();
	return syscall(SYS_kcmp, self, self, KCMP_FILE, a, b) == 0;
}
