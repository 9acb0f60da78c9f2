// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Blocking I/O for the core: to a device of the set, in physical sectors, from a context that may
 * sleep and never on behalf of dm's own submission path.
 *
 * Forward progress: bios are on the stack, the vectors of a read or write are the set's, so nothing
 * here allocates. Locking: the caller holds the writer's mutex (remap_host_lock()), which makes
 * the vectors its own.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/highmem.h>
#include <linux/mm.h>

#include "compat.h"
#include "io.h"
#include "set.h"

/* Whatever is not known here is of a kind on which nobody may act: as if the path had failed. */
u8 remap_io_status(blk_status_t status)
{
	switch (status) {
	case BLK_STS_OK:
		return REMAP_IO_OK;
	case BLK_STS_MEDIUM:
		return REMAP_IO_MEDIUM;
	case BLK_STS_TARGET:
		return REMAP_IO_TARGET;
	case BLK_STS_IOERR:
		return REMAP_IO_IO;
	case BLK_STS_PROTECTION:
		return REMAP_IO_PROTECTION;
	case BLK_STS_TIMEOUT:
		return REMAP_IO_TIMEOUT;
	case BLK_STS_RESOURCE:
	case BLK_STS_DEV_RESOURCE:
	case BLK_STS_DM_REQUEUE:
	case BLK_STS_AGAIN:
		return REMAP_IO_RESOURCE;
	case BLK_STS_NOTSUPP:
		return REMAP_IO_NOT_SUPPORTED;
	case BLK_STS_NOSPC:
		return REMAP_IO_NO_SPACE;
	case BLK_STS_TRANSPORT:
	case BLK_STS_RESV_CONFLICT:
	case BLK_STS_OFFLINE:
	default:
		return REMAP_IO_TRANSPORT;
	}
}

/* BLK_STS_AGAIN is not among them: only a bio that asked for it (REQ_NOWAIT) may get it. */
blk_status_t remap_blk_status(u8 status)
{
	switch (status) {
	case REMAP_IO_OK:
		return BLK_STS_OK;
	case REMAP_IO_MEDIUM:
		return BLK_STS_MEDIUM;
	case REMAP_IO_TARGET:
		return BLK_STS_TARGET;
	case REMAP_IO_PROTECTION:
		return BLK_STS_PROTECTION;
	case REMAP_IO_TRANSPORT:
		return BLK_STS_TRANSPORT;
	case REMAP_IO_TIMEOUT:
		return BLK_STS_TIMEOUT;
	case REMAP_IO_RESOURCE:
		return BLK_STS_RESOURCE;
	case REMAP_IO_NOT_SUPPORTED:
		return BLK_STS_NOTSUPP;
	case REMAP_IO_NO_SPACE:
		return BLK_STS_NOSPC;
	default:
		return BLK_STS_IOERR;
	}
}

/* Sends a bio that is on the stack and lets go of what it refers to. */
static u8 run(struct bio *bio)
{
	u8 status;

	submit_bio_wait(bio);
	status = remap_io_status(bio->bi_status);
	bio_uninit(bio);
	return status;
}

/* The buffer may be of any kind that remap_host_allocate() hands out. */
static void add_buffer(struct bio *bio, void *buffer, unsigned int bytes)
{
	while (bytes) {
		unsigned int offset = offset_in_page(buffer);
		unsigned int count = min_t(unsigned int, bytes, PAGE_SIZE - offset);
		struct page *page = is_vmalloc_addr(buffer) ? vmalloc_to_page(buffer)
							    : virt_to_page(buffer);

		__bio_add_page(bio, page, count, offset);
		buffer += count;
		bytes -= count;
	}
}

static u8 transfer(struct remap_host *set, u32 device, u64 sector, blk_opf_t opf, void *buffer,
		   u32 sectors)
{
	unsigned int bytes = sectors << SECTOR_SHIFT;
	struct bio bio;

	if (WARN_ON_ONCE(device >= set->devices || !sectors || sectors > REMAP_COPY_SECTORS))
		return REMAP_IO_IO;
	bio_init(&bio, set->bdev[device], set->vecs, ARRAY_SIZE(set->vecs), opf | REQ_SYNC);
	bio.bi_iter.bi_sector = sector;
	add_buffer(&bio, buffer, bytes);
	return run(&bio);
}

uint8_t remap_host_read(struct remap_host *set, uint32_t device, uint64_t sector, void *buffer,
			uint32_t sectors)
{
	unsigned int bytes = sectors << SECTOR_SHIFT;
	u8 status;

	/* Two addresses of one page: matters on machines whose caches can tell. */
	if (is_vmalloc_addr(buffer))
		flush_kernel_vmap_range(buffer, bytes);
	status = transfer(set, device, sector, REQ_OP_READ, buffer, sectors);
	if (is_vmalloc_addr(buffer))
		invalidate_kernel_vmap_range(buffer, bytes);
	return status;
}

/* Messages are refused before they come here; this keeps the promise whatever else would write. */
uint8_t remap_host_write(struct remap_host *set, uint32_t device, uint64_t sector,
			 const void *data, uint32_t sectors)
{
	void *buffer = (void *)data;

	if (!remap_host_writable(set))
		return REMAP_IO_NOT_SUPPORTED;
	if (is_vmalloc_addr(buffer))
		flush_kernel_vmap_range(buffer, sectors << SECTOR_SHIFT);
	return transfer(set, device, sector, REQ_OP_WRITE, buffer, sectors);
}

uint8_t remap_host_flush(struct remap_host *set, uint32_t device)
{
	struct bio bio;

	bio_init(&bio, set->bdev[device], NULL, 0, REQ_OP_WRITE | REQ_PREFLUSH | REQ_SYNC);
	return run(&bio);
}

/* What a bio asks of its way for its own sake, and a part of it that is sent again does not. */
#define IMPATIENT (REQ_NOWAIT | REQ_RAHEAD | REQ_FAILFAST_MASK | REQ_POLLED)

/*
 * `request` is a bio that was given to remap_core_deferred_write() or remap_core_recover(); its flags
 * go with its data.
 */
uint8_t remap_host_forward(struct remap_host *set, void *request, uint64_t first, uint32_t device,
			   uint64_t sector, uint32_t sectors)
{
	struct bio *whole = request;
	struct bio bio;
	u8 status;

	if (bio_init_clone(set->bdev[device], &bio, whole, GFP_NOIO))
		return REMAP_IO_RESOURCE;
	bio_trim(&bio, first, sectors);
	bio.bi_iter.bi_sector = sector;
	bio.bi_opf &= ~IMPATIENT;
	if (device && op_is_write(bio_op(whole)))
		this_cpu_inc(set->inflight.cpu->remapped_writes);
	else if (device)
		this_cpu_inc(set->inflight.cpu->remapped_reads);
	status = run(&bio);
	if (!device && op_is_write(bio_op(whole)) && status == REMAP_IO_OK)
		WRITE_ONCE(set->watch, REMAP_WATCH_SEEN);
	return status;
}

void remap_host_fetch(struct remap_host *set, void *request, uint64_t first, void *buffer,
		      uint32_t sectors)
{
	struct bio *whole = request;
	struct bvec_iter iter = whole->bi_iter;
	struct bio_vec vec;

	bio_advance_iter(whole, &iter, first << SECTOR_SHIFT);
	iter.bi_size = sectors << SECTOR_SHIFT;
	__bio_for_each_segment(vec, whole, iter, iter) {
		memcpy_from_bvec(buffer, &vec);
		buffer += vec.bv_len;
	}
}
