/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of guarded regions, and the handler of SIGBUS.
 *
 * The handler reads the table without a lock, at any time. An entry has a
 * sequence number, odd while it changes; the handler skips an entry that changed
 * meanwhile, for it cannot be the one it looks for: nobody is inside a region
 * that is being added or removed.
 *
 * The handler does not jump: the load or store that failed is done once more,
 * on a page of zeros. So no code of the data path has to be prepared for it, and
 * nothing it holds is lost.
 */
#include "port/memif/guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>

struct guard {
	_Atomic uint32_t sequence;
	uint8_t *_Atomic base; /* NULL: free */
	_Atomic size_t size;
	struct memif_region *_Atomic region;
};

static struct guard guards[MEMIF_GUARDS_MAX];
static pthread_mutex_t guards_lock = PTHREAD_MUTEX_INITIALIZER;
static bool is_installed;
static struct sigaction previous;

static void put_zeros(const struct guard *guard)
{
	struct memif_region *region = atomic_load(&guard->region);
	void *base = atomic_load(&guard->base);

	/* A plain system call, though no standard calls it signal-safe. */
	if (mmap(base, atomic_load(&guard->size), PROT_READ | PROT_WRITE,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1,
		 0) == MAP_FAILED)
		return; /* it faults again, for ever; there is no memory at all */
	atomic_store_explicit(&region->dead, true, memory_order_relaxed);
}

static bool guards_address(struct guard *guard, uintptr_t at)
{
	uint32_t before = atomic_load(&guard->sequence);
	uintptr_t base = (uintptr_t)atomic_load(&guard->base);
	size_t size = atomic_load(&guard->size);

	return base != 0 && at >= base && at - base < size && before % 2 == 0 &&
	       atomic_load(&guard->sequence) == before;
}

/* What would have happened without us. */
static void hand_on(int number, siginfo_t *info, void *context)
{
	if (previous.sa_flags & SA_SIGINFO) {
		previous.sa_sigaction(number, info, context);
	} else if (previous.sa_handler == SIG_DFL ||
		   previous.sa_handler == SIG_IGN) {
		/* A fault comes again at once; what was sent is sent again. */
		(void)sigaction(number, &previous, NULL);
		if (info->si_code <= 0)
			(void)raise(number);
	} else {
		previous.sa_handler(number);
	}
}

static void on_fault(int number, siginfo_t *info, void *context)
{
	uintptr_t at = (uintptr_t)info->si_addr;
	int saved = errno;

	for (size_t i = 0; i < MEMIF_GUARDS_MAX && info->si_code > 0; i++) {
		if (!guards_address(&guards[i], at))
			continue;
		put_zeros(&guards[i]);
		errno = saved;
		return;
	}
	hand_on(number, info, context);
	errno = saved;
}

static int install(void)
{
	struct sigaction action = {
		.sa_sigaction = on_fault,
		.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESTART,
	};

	if (is_installed)
		return 0;
	if (sigaction(SIGBUS, NULL, &previous) < 0 ||
	    sigaction(SIGBUS, &action, NULL) < 0)
		return -errno;
	is_installed = true;
	return 0;
}

static void change(struct guard *guard, struct memif_region *region)
{
	atomic_fetch_add(&guard->sequence, 1);
	atomic_store(&guard->base, region ? region->base : NULL);
	atomic_store(&guard->size, region ? region->map_size : 0);
	atomic_store(&guard->region, region);
	atomic_fetch_add(&guard->sequence, 1);
}

static struct guard *find(const struct memif_region *region)
{
	for (size_t i = 0; i < MEMIF_GUARDS_MAX; i++)
		if (atomic_load(&guards[i].region) == region)
			return &guards[i];
	return NULL;
}

int memif_guard_add(struct memif_region *region)
{
	struct guard *guard;
	int r;

	(void)pthread_mutex_lock(&guards_lock);
	guard = find(NULL);
	r = guard ? install() : -ENOSPC;
	if (r == 0)
		change(guard, region);
	(void)pthread_mutex_unlock(&guards_lock);
	return r;
}

void memif_guard_remove(struct memif_region *region)
{
	struct guard *guard;

	(void)pthread_mutex_lock(&guards_lock);
	guard = find(region);
	if (guard)
		change(guard, NULL);
	(void)pthread_mutex_unlock(&guards_lock);
}
