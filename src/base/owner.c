/* SPDX-License-Identifier: Apache-2.0 */
/* Which process something belongs to. */
#include "base/owner.h"

#include <stddef.h>
#include <sys/mman.h>

static uint32_t *make_mark(void)
{
	void *page = mmap(NULL, sizeof(uint32_t), PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	if (madvise(page, sizeof(uint32_t), MADV_WIPEONFORK) < 0) {
		(void)munmap(page, sizeof(uint32_t));
		return NULL;
	}
	return page;
}

void owner_init(struct owner *owner)
{
	uint32_t *mark = make_mark();

	if (mark)
		*mark = 1;
	*owner = (struct owner){ .mark = mark, .pid = getpid() };
}

void owner_fini(struct owner *owner)
{
	if (owner->mark)
		(void)munmap((void *)(uintptr_t)owner->mark, sizeof(uint32_t));
	owner->mark = NULL;
}
