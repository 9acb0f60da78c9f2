// SPDX-License-Identifier: GPL-2.0-or-later
#include "host/device_file.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "core/base/bits.h"
#include "host/exclusive.h"
#include "host/io_errno.h"
#include "host/open_failure.h"

namespace remap::host {
namespace {

constexpr usize kAlignment = 4096;
// The most that goes through the bounce buffer at once.
constexpr usize kBounceBytes = 131072;

bool is_bounced(const void *buffer)
{
	return reinterpret_cast<uintptr_t>(buffer) % kAlignment != 0;
}

[[noreturn]] void fail(const std::string &path)
{
	const int error = errno;
	throw OpenFailure(error, error == EBUSY ? path + " is in use: it is mounted, or belongs to "
							 "a mapped device or another program"
						: path + ": " + strerror(error));
}

}  // namespace

DeviceFile::DeviceFile(const std::string &path, Access access)
    : path_(path), absolute_path_(std::filesystem::absolute(path))
{
	try {
		open(access);
		measure();
		if (block_device_)
			set_direct();
		if (!block_device_ && access != Access::look)
			take_file(fd_, path_);
	} catch (...) {
		if (fd_ >= 0)
			close(fd_);
		throw;
	}
}

DeviceFile::~DeviceFile()
{
	close(fd_);
	std::free(bounce_);
}

void DeviceFile::open(Access access)
{
	struct stat status;
	if (stat(path_.c_str(), &status) != 0)
		fail(path_);
	block_device_ = S_ISBLK(status.st_mode);
	if (!block_device_ && !S_ISREG(status.st_mode))
		throw OpenFailure(ENOTBLK, path_ + " is neither a block device nor a file");
	const int exclusive = block_device_ && access != Access::look ? O_EXCL : 0;
	const int mode = access == Access::read_write ? O_RDWR : O_RDONLY;
	fd_ = ::open(path_.c_str(), mode | exclusive | O_CLOEXEC);
	if (fd_ < 0)
		fail(path_);
	identity_ = block_device_ ? status.st_rdev : u64{status.st_ino} << 20 ^ status.st_dev;
}

void DeviceFile::measure()
{
	if (!block_device_) {
		struct stat status;
		if (fstat(fd_, &status) != 0)
			fail(path_);
		sectors_ = static_cast<Sector>(status.st_size) / kSectorBytes;
		struct statfs system;
		in_memory_ = fstatfs(fd_, &system) == 0 &&
			     (system.f_type == TMPFS_MAGIC || system.f_type == RAMFS_MAGIC);
		return;
	}
	u64 bytes = 0;
	int block = 0;
	if (ioctl(fd_, BLKGETSIZE64, &bytes) != 0 || ioctl(fd_, BLKSSZGET, &block) != 0)
		fail(path_);
	sectors_ = bytes / kSectorBytes;
	logical_block_ = physical_block_ = static_cast<u32>(block);
	unsigned int physical = 0;
	if (ioctl(fd_, BLKPBSZGET, &physical) == 0)
		physical_block_ = physical;
	int offset = 0;
	if (ioctl(fd_, BLKALIGNOFF, &offset) == 0)
		alignment_offset_ = offset;
}

void DeviceFile::set_direct()
{
	const int flags = fcntl(fd_, F_GETFL);
	if (!bounce_ && flags >= 0 && fcntl(fd_, F_SETFL, flags | O_DIRECT) == 0)
		bounce_ = static_cast<u8 *>(std::aligned_alloc(kAlignment, kBounceBytes));
}

// Kernels before 6.1 do not tell, and there a file goes through the page cache.
void DeviceFile::go_direct()
{
#ifdef STATX_DIOALIGN
	struct statx found = {};
	if (statx(fd_, "", AT_EMPTY_PATH, STATX_DIOALIGN, &found) == 0 &&
	    (found.stx_mask & STATX_DIOALIGN) && found.stx_dio_offset_align &&
	    found.stx_dio_offset_align <= kSectorBytes && found.stx_dio_mem_align <= kSectorBytes)
		set_direct();
#endif
}

DeviceFacts DeviceFile::facts() const
{
	return {sectors_, identity_, logical_block_, false};
}

// Calls call(bytes, position) until all is done.
template <class Call>
IoStatus DeviceFile::transfer(Sector sector, u8 *at, u32 count, Call &&call)
{
	usize left = usize{count} * kSectorBytes;
	off_t position = static_cast<off_t>(sector * kSectorBytes);
	while (left) {
		const usize want = bounce_ && is_bounced(at) ? min_of(left, kBounceBytes) : left;
		const ssize_t done = call(at, want, position);
		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return done ? io_status_of(errno) : IoStatus::io;
		at += done;
		position += done;
		left -= static_cast<usize>(done);
	}
	return IoStatus::ok;
}

IoStatus DeviceFile::read(Sector sector, void *buffer, u32 count)
{
	return transfer(sector, static_cast<u8 *>(buffer), count,
			[this](u8 *at, usize bytes, off_t position) {
				if (!bounce_ || !is_bounced(at))
					return pread(fd_, at, bytes, position);
				const ssize_t done = pread(fd_, bounce_, bytes, position);
				if (done > 0)
					memcpy(at, bounce_, static_cast<usize>(done));
				return done;
			});
}

IoStatus DeviceFile::write(Sector sector, const void *data, u32 count, bool through)
{
	const int flags = through ? RWF_DSYNC : 0;
	return transfer(sector, const_cast<u8 *>(static_cast<const u8 *>(data)), count,
			[&](u8 *at, usize bytes, off_t position) {
				iovec vector = {at, bytes};
				if (bounce_ && is_bounced(at))
					vector.iov_base = memcpy(bounce_, at, bytes);
				return pwritev2(fd_, &vector, 1, position, flags);
			});
}

IoStatus DeviceFile::write_zeroes(Sector sector, u32 count)
{
	alignas(kAlignment) static const u8 zeroes[kBounceBytes / 2] = {};
	const off_t position = static_cast<off_t>(sector * kSectorBytes);
	if (fallocate(fd_, FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE, position,
		      static_cast<off_t>(u64{count} * kSectorBytes)) == 0)
		return IoStatus::ok;
	if (errno != EOPNOTSUPP)
		return io_status_of(errno);
	for (u32 done = 0; done < count;) {
		const u32 part = min_of<u32>(count - done, sizeof(zeroes) / kSectorBytes);
		const IoStatus written = write(sector + done, zeroes, part);
		if (written != IoStatus::ok)
			return written;
		done += part;
	}
	return IoStatus::ok;
}

IoStatus DeviceFile::flush()
{
	return fdatasync(fd_) == 0 ? IoStatus::ok : io_status_of(errno);
}

}  // namespace remap::host
