/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Making, judging and mapping the shared memory of a memif link.
 *
 * A file on a disk, or worse in FUSE, could stall whoever touches a page of it,
 * so only files that live in memory are let in: memfds, tmpfs, hugetlbfs.
 */
#include "port/memif/region.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "base/bits.h"
#include "port/memif/guard.h"
#include "ring/memif_ring.h"

const char *memif_verdict_text(enum memif_verdict verdict)
{
	static const char *const texts[] = {
		[MEMIF_VERDICT_GOOD] = "good",
		[MEMIF_VERDICT_UNSEALED] = "memory is not sealed",
		[MEMIF_VERDICT_EMPTY] = "region without a byte",
		[MEMIF_VERDICT_TOO_MANY] = "too many regions",
		[MEMIF_VERDICT_TOO_LARGE] = "region is too large",
		[MEMIF_VERDICT_NOT_MEMORY] = "region is not a file in memory",
		[MEMIF_VERDICT_READ_ONLY] = "region cannot be written",
		[MEMIF_VERDICT_SHORT] = "region is shorter than announced",
		[MEMIF_VERDICT_CAN_SHRINK] =
			"region is not sealed against shrinking",
		[MEMIF_VERDICT_HUGE] = "region is of huge pages",
		[MEMIF_VERDICT_NOT_EVENT] = "ring event is not an eventfd",
	};

	static_assert(ARRAY_LEN(texts) == MEMIF_VERDICT_N, "all have a text");
	return (size_t)verdict < ARRAY_LEN(texts) ? texts[verdict] : "?";
}

void memif_regions_init(struct memif_regions *regions, uint64_t total_max)
{
	memset(regions, 0, sizeof(*regions));
	regions->total_max = total_max > 0 && total_max < PTRDIFF_MAX ?
				     total_max :
				     PTRDIFF_MAX;
}

void memif_regions_fini(struct memif_regions *regions)
{
	for (uint16_t i = 0; i < regions->n; i++) {
		struct memif_region *region = &regions->region[i];

		if (region->is_guarded)
			memif_guard_remove(region);
		if (region->base && !region->is_borrowed)
			(void)munmap(region->base, region->map_size);
		if (region->fd >= 0 && !region->is_borrowed)
			(void)close(region->fd);
	}
	memif_regions_init(regions, regions->total_max);
}

/* Whether so many bytes more are too many, in this set or for mmap(2). */
static bool is_too_large(const struct memif_regions *regions, uint64_t size)
{
	return size > regions->total_max ||
	       regions->total > regions->total_max - size;
}

static struct memif_region *append(struct memif_regions *regions, int fd,
				   uint64_t size)
{
	struct memif_region *region = &regions->region[regions->n++];

	region->fd = fd;
	region->size = size;
	region->map_size = size;
	regions->total += size;
	return region;
}

/* A file of that size, which can neither shrink nor grow. */
static int make_memory(uint64_t size)
{
	int fd = memfd_create("vif-memif", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	int r;

	if (fd < 0)
		return -errno;
	if (ftruncate(fd, (off_t)size) == 0 &&
	    fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL) ==
		    0)
		return fd;
	r = -errno;
	(void)close(fd);
	return r;
}

static int map(struct memif_region *region)
{
	void *base = mmap(NULL, region->map_size, PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_NORESERVE, region->fd, 0);

	if (base == MAP_FAILED)
		return -errno;
	region->base = base;
	return 0;
}

int memif_regions_create(struct memif_regions *regions, uint64_t size)
{
	uint64_t page = (uint64_t)sysconf(_SC_PAGESIZE);
	struct memif_region *region;
	int r;

	if (size == 0)
		return -EINVAL;
	if (regions->n == MEMIF_REGION_SET_MAX || is_too_large(regions, size) ||
	    is_too_large(regions, align_up(size, page)))
		return -E2BIG;
	r = make_memory(align_up(size, page));
	if (r < 0)
		return r;
	region = append(regions, r, align_up(size, page));
	r = map(region);
	return r < 0 ? r : regions->n - 1;
}

int memif_regions_borrow(struct memif_regions *regions, int fd, void *base,
			 uint64_t size)
{
	struct memif_region *region;

	if (!base || (uintptr_t)base % 64 != 0 || size == 0 || fd < 0)
		return -EINVAL;
	if (regions->n == MEMIF_REGION_SET_MAX || is_too_large(regions, size))
		return -E2BIG;
	region = append(regions, fd, size);
	region->base = base;
	region->is_borrowed = true;
	return regions->n - 1;
}

static bool lives_in_memory(int fd, bool *ret_huge)
{
	struct statfs fs;

	if (fstatfs(fd, &fs) < 0)
		return false;
	*ret_huge = (unsigned long)fs.f_type == HUGETLBFS_MAGIC;
	return *ret_huge || (unsigned long)fs.f_type == TMPFS_MAGIC;
}

/* Sets the seal if it is missing and the owner left that open. */
static bool is_sealed(int fd)
{
	int seals = fcntl(fd, F_GET_SEALS);

	if (seals >= 0 && (seals & F_SEAL_SHRINK))
		return true;
	return seals >= 0 && fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0;
}

static bool is_writable(int fd)
{
	int flags = fcntl(fd, F_GETFL);
	int seals = fcntl(fd, F_GET_SEALS);

	return flags >= 0 && (flags & O_ACCMODE) == O_RDWR &&
	       (seals < 0 || !(seals & (F_SEAL_WRITE | F_SEAL_FUTURE_WRITE)));
}

enum memif_verdict memif_regions_judge(const struct memif_regions *regions,
				       int fd, uint64_t size,
				       enum memif_unsealed unsealed)
{
	struct stat info;
	bool sealed, huge;

	if (size == 0)
		return MEMIF_VERDICT_EMPTY;
	if (regions->n == MEMIF_REGION_SET_MAX)
		return MEMIF_VERDICT_TOO_MANY;
	if (is_too_large(regions, size))
		return MEMIF_VERDICT_TOO_LARGE;
	if (fstat(fd, &info) < 0 || !S_ISREG(info.st_mode) ||
	    !lives_in_memory(fd, &huge))
		return MEMIF_VERDICT_NOT_MEMORY;
	if (!is_writable(fd))
		return MEMIF_VERDICT_READ_ONLY;
	/* The size is looked at after the seal: then it stays that large. */
	sealed = is_sealed(fd);
	if (fstat(fd, &info) < 0 || (uint64_t)info.st_size < size)
		return MEMIF_VERDICT_SHORT;
	if (sealed && !huge)
		return MEMIF_VERDICT_GOOD;
	if (unsealed == MEMIF_UNSEALED_GUARD)
		return MEMIF_VERDICT_UNSEALED;
	return huge ? MEMIF_VERDICT_HUGE : MEMIF_VERDICT_CAN_SHRINK;
}

/* munmap(2) wants whole pages of hugetlbfs, and st_blksize tells their size. */
static uint64_t whole_pages(int fd, uint64_t size)
{
	struct stat info;

	if (fstat(fd, &info) < 0 || info.st_blksize <= 0)
		return size;
	return align_up(size, (uint64_t)info.st_blksize);
}

int memif_regions_add(struct memif_regions *regions, int fd, uint64_t size,
		      enum memif_verdict verdict)
{
	struct memif_region *region;

	assert(verdict <= MEMIF_VERDICT_UNSEALED);
	if (regions->n == MEMIF_REGION_SET_MAX) {
		(void)close(fd);
		return -E2BIG;
	}
	region = append(regions, fd, size);
	region->map_size = whole_pages(fd, size);
	region->is_guarded = verdict == MEMIF_VERDICT_UNSEALED;
	return regions->n - 1;
}

static int map_one(struct memif_region *region)
{
	int r = map(region);

	if (r < 0 || !region->is_guarded)
		return r;
	r = memif_guard_add(region);
	if (r < 0) {
		(void)munmap(region->base, region->map_size);
		region->base = NULL;
	}
	return r;
}

int memif_regions_map(struct memif_regions *regions)
{
	int r = 0;

	for (uint16_t i = 0; r == 0 && i < regions->n; i++)
		if (!regions->region[i].base)
			r = map_one(&regions->region[i]);
	return r;
}

bool memif_regions_fit(const struct memif_regions *regions, uint16_t region,
		       uint32_t offset, uint8_t log2_size, uint8_t line)
{
	uint64_t end;

	if (region >= regions->n || (line != 64 && line != 128) ||
	    log2_size < MEMIF_RING_LOG2_MIN ||
	    log2_size > MEMIF_RING_LOG2_MAX || offset % MEMIF_RING_ALIGN != 0)
		return false;
	end = (uint64_t)offset + memif_ring_bytes(line, log2_size);
	return end <= regions->region[region].size;
}
