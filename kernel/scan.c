// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The scan of main in the background: when the core's turn comes, its reads, and whether somebody else
 * uses the disk. What is read, and what follows from it, the core decides.
 *
 * The work re-arms itself. It ends with a suspend, which waits for a turn under way, and with the set.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/gfp.h>
#include <linux/jiffies.h>
#include <linux/part_stat.h>
#include <linux/sched/mm.h>

#include "io.h"
#include "set.h"

static void scan_work(struct work_struct *work)
{
	struct remap_host *set = container_of(to_delayed_work(work), struct remap_host, scan);
	unsigned int noio = memalloc_noio_save();
	u32 milliseconds = remap_core_scan_turn(set->core);

	memalloc_noio_restore(noio);
	/* Nothing if remap_host_wake_scan() was called meanwhile. */
	if (milliseconds != REMAP_SCAN_IDLE)
		queue_delayed_work(system_unbound_wq, &set->scan, msecs_to_jiffies(milliseconds));
}

void remap_scan_init(struct remap_host *set)
{
	INIT_DELAYED_WORK(&set->scan, scan_work);
}

void remap_scan_stop(struct remap_host *set)
{
	cancel_delayed_work_sync(&set->scan);
}

void remap_host_wake_scan(struct remap_host *set)
{
	mod_delayed_work(system_unbound_wq, &set->scan, 0);
}

/*
 * Pages of its own for each piece: they are needed for as long as it is read, and now and then. One by one,
 * since memory may have no more of it in one piece for long.
 */
static bool fill_bio(struct bio *bio, unsigned int bytes)
{
	while (bytes) {
		struct page *page = alloc_page(GFP_NOIO | __GFP_NORETRY | __GFP_NOWARN);
		unsigned int part = min_t(unsigned int, bytes, PAGE_SIZE);

		if (!page)
			return false;
		__bio_add_page(bio, page, part, 0);
		bytes -= part;
	}
	return true;
}

uint8_t remap_host_scan_read(struct remap_host *set, uint64_t sector, uint32_t sectors)
{
	struct bio_vec vecs[DIV_ROUND_UP(REMAP_COPY_SECTORS << SECTOR_SHIFT, PAGE_SIZE)];
	u8 result = REMAP_IO_RESOURCE;
	struct bio bio;

	bio_init(&bio, set->bdev[0], vecs, ARRAY_SIZE(vecs), REQ_OP_READ);
	bio.bi_iter.bi_sector = sector;
	if (fill_bio(&bio, sectors << SECTOR_SHIFT)) {
		submit_bio_wait(&bio);
		result = remap_io_status(bio.bi_status);
	}
	bio_free_pages(&bio);
	bio_uninit(&bio);
	return result;
}

/*
 * As dm itself counts I/O of the mapped device: some is under way, or has ended since the last call. Who
 * sends the next one as soon as the last has ended is not to be met by the scan in between.
 */
bool remap_host_busy(struct remap_host *set)
{
	const struct block_device *whole = dm_disk(set->md)->part0;
	unsigned long ended = 0;
	long under_way = 0;
	bool some;
	int i;

	for_each_possible_cpu(i)
		under_way += part_stat_local_read_cpu(whole, in_flight[READ], i) +
			     part_stat_local_read_cpu(whole, in_flight[WRITE], i);
	for (i = 0; i < NR_STAT_GROUPS; i++)
		ended += part_stat_read(whole, ios[i]);
	some = under_way > 0 || ended != set->scan_saw;
	set->scan_saw = ended;
	return some;
}
