// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/part.h"

#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/fs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "host/io_errno.h"
#include "host/volume.h"

namespace remap::host {
namespace {

constexpr u32 kZeroBytes = 131072;
alignas(4096) const u8 kZeroes[kZeroBytes] = {};

}  // namespace

void Part::start()
{
	ServingHost &host = volume->host();
	const DeviceFile &file = host.file(device);
	// A disk discards a bad sector as it does any other.
	if (bytes && request->op != Op::discard && host.is_faulty(device, physical, bytes / kSectorBytes))
		volume->part_ended(*this, IoStatus::medium);
	else if (file.is_in_memory() && moves_data())
		done(transfer_now(file.descriptor()));
	else
		transfer(file.descriptor());
}

bool Part::moves_data() const { return bytes && (request->op == Op::read || request->op == Op::write); }

void Part::run() { volume->written(*this); }

// What is in memory has no latency to hide: it would go through the ring, and a write through one of
// the ring's threads as well, for nothing.
int Part::transfer_now(int descriptor) const
{
	const off_t position = static_cast<off_t>(physical * kSectorBytes + finished);
	u8 *const at = data + finished;
	const u64 left = bytes - finished;
	const iovec vector = {at, left};
	const ssize_t result = request->op == Op::read ? pread(descriptor, at, left, position)
			       : request->fua ? pwritev2(descriptor, &vector, 1, position, RWF_DSYNC)
					      : pwrite(descriptor, at, left, position);
	return result < 0 ? -errno : static_cast<int>(result);
}

void Part::transfer(int descriptor)
{
	const u64 position = physical * kSectorBytes + finished;
	const u32 left = static_cast<u32>(bytes - finished);
	volume->reactor().start(*this, [&](io_uring_sqe *sqe) {
		if (!bytes) {
			io_uring_prep_fsync(sqe, descriptor, IORING_FSYNC_DATASYNC);
		} else if (request->op == Op::read) {
			io_uring_prep_read(sqe, descriptor, data + finished, left, position);
		} else if (request->op == Op::write) {
			io_uring_prep_write(sqe, descriptor, data + finished, left, position);
			sqe->rw_flags = request->fua ? RWF_DSYNC : 0;
		} else if (writes_zeroes) {
			io_uring_prep_write(sqe, descriptor, kZeroes,
					    static_cast<u32>(min_of<u64>(bytes - finished,
									 kZeroBytes)),
					    position);
		} else {
			// A hole reads as zeros, on files and on devices; a device that cannot
			// promise it refuses.
			const int how = request->op == Op::discard || request->frees
						? FALLOC_FL_PUNCH_HOLE
						: FALLOC_FL_ZERO_RANGE;
			io_uring_prep_fallocate(sqe, descriptor, how | FALLOC_FL_KEEP_SIZE,
						static_cast<off_t>(position),
						static_cast<off_t>(bytes));
		}
	});
}

// A discard is a hint: a device that does not know it has done it by ignoring it.
void Part::done(int result)
{
	const bool moves = moves_data() || writes_zeroes;
	if (result == -EINTR || result == -EAGAIN) {
		start();
	} else if (bytes && result == -EOPNOTSUPP && request->op == Op::write_zeroes && !writes_zeroes) {
		writes_zeroes = true;
		start();
	} else if (bytes && result == -EOPNOTSUPP && request->op == Op::discard) {
		volume->part_ended(*this, IoStatus::ok);
	} else if (result < 0) {
		volume->part_ended(*this, io_status_of(-result));
	} else if (!moves) {
		volume->part_ended(*this, IoStatus::ok);
	} else if (result == 0) {
		volume->part_ended(*this, IoStatus::io); // the file has become shorter
	} else if ((finished += static_cast<u32>(result)) < bytes) {
		start();
	} else {
		volume->part_ended(*this, IoStatus::ok);
	}
}

}  // namespace remap::host
