// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dm-remap-loopback-setup/image_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <filesystem>

#include "host/exclusive.h"
#include "tools/dm-remap-loopback-setup/quantity.h"
#include "tools/common/system_failure.h"

namespace dmremap::loopback {
namespace {

namespace fs = std::filesystem;

void require_usable(const std::string &path, const struct stat &file, uint64_t bytes,
		    const char *size_option)
{
	if (!S_ISREG(file.st_mode))
		throw Failure(ExitCode::wrong_device,
			      path + " exists and is no regular file; it stays as it is");
	const auto found = static_cast<uint64_t>(file.st_size);
	if (found != bytes)
		throw Failure(ExitCode::busy,
			      fmt::format("{} exists already and has {}, not {}; it stays as it is. "
					  "{} {} uses it with its content",
					  path, size_text(found), size_text(bytes), size_option,
					  found));
	const std::string loop = remap::host::loop_device_of(file);
	if (!loop.empty())
		throw Failure(ExitCode::busy,
			      fmt::format("{} is attached to {} already", path, loop));
}

// Room for all of it when it is not to be sparse.
void give_size(int fd, const ImageFile &image, bool sparse)
{
	const auto bytes = static_cast<off_t>(image.bytes);
	const int error = sparse ? ftruncate(fd, bytes) ? errno : 0 : posix_fallocate(fd, 0, bytes);
	if (error)
		fail(fmt::format("{} cannot be made with {}", image.path, size_text(image.bytes)),
		     error);
}

void give_name(int fd, const std::string &path)
{
	const std::string unnamed = fmt::format("/proc/self/fd/{}", fd);
	if (linkat(AT_FDCWD, unnamed.c_str(), AT_FDCWD, path.c_str(), AT_SYMLINK_FOLLOW) != 0)
		fail(path + " cannot be made", errno);
}

// The file that has just got its name, so that a loop device on it shows this name: one on the file as it
// was opened shows a deleted one for ever, and nobody finds out that the file is attached.
Descriptor by_name(const std::string &path, const FileIdentity &identity)
{
	Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
	if (!file)
		fail(path, errno);
	if (!(identity_of(file.get(), path) == identity))
		throw Failure(ExitCode::busy, path + " was replaced by somebody else meanwhile");
	return file;
}

}  // namespace

ImageFile ImageFile::look(const std::string &path, uint64_t bytes, const char *size_option)
{
	ImageFile image{fs::absolute(path).lexically_normal(), bytes, false};
	struct stat file;
	if (stat(image.path.c_str(), &file) == 0) {
		require_usable(image.path, file, bytes, size_option);
		image.exists = true;
		return image;
	}
	if (errno != ENOENT)
		fail(image.path, errno);
	const fs::path folder = fs::path(image.path).parent_path();
	if (stat(folder.c_str(), &file) != 0)
		fail(folder, errno);
	return image;
}

Descriptor ImageFile::open(bool sparse,
			   const std::function<void(const FileIdentity &)> &before_named) const
{
	if (exists) {
		Descriptor file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
		if (!file)
			fail(path, errno);
		return file;
	}
	const std::string folder = fs::path(path).parent_path();
	Descriptor file(::open(folder.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
	const bool unnamed = static_cast<bool>(file);
	// Not every file system has files without a name. Then there is a moment in which the file
	// is there and the record is not.
	if (!unnamed)
		file = Descriptor(
			::open(path.c_str(), O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
	if (!file)
		fail(path + " cannot be made", errno);
	const FileIdentity identity = identity_of(file.get(), path);
	before_named(identity);
	give_size(file.get(), *this, sparse);
	if (!unnamed)
		return file;
	give_name(file.get(), path);
	return by_name(path, identity);
}

}  // namespace dmremap::loopback
