// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap/signature.h"

#include <blkid/blkid.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <memory>

#include "tools/common/failure.h"

namespace dmremap {
namespace {

struct ProbeDeleter {
	void operator()(blkid_probe probe) const { blkid_free_probe(probe); }
};
using Probe = std::unique_ptr<std::remove_pointer_t<blkid_probe>, ProbeDeleter>;

std::string value_of(const Probe &probe, const char *name)
{
	const char *value = nullptr;
	return blkid_probe_lookup_value(probe.get(), name, &value, nullptr) == 0 ? value : "";
}

std::string probe_descriptor(int fd, const std::string &path)
{
	const Probe probe(blkid_new_probe());
	if (!probe || blkid_probe_set_device(probe.get(), fd, 0, 0) != 0)
		throw Failure(ExitCode::wrong_device,
			      path + ": libblkid cannot look for signatures there");
	blkid_probe_enable_superblocks(probe.get(), 1);
	blkid_probe_set_superblocks_flags(probe.get(), BLKID_SUBLKS_TYPE | BLKID_SUBLKS_BADCSUM);
	blkid_probe_enable_partitions(probe.get(), 1);
	// One after the other, so that two signatures at once are one that was found.
	if (blkid_do_probe(probe.get()) != 0)
		return "";
	const std::string type = value_of(probe, "TYPE");
	const std::string table = value_of(probe, "PTTYPE");
	return !type.empty() ? type : !table.empty() ? table + " partition table" : "unnamed";
}

}  // namespace

std::string signature_on(const std::string &path)
{
	const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		throw Failure(ExitCode::wrong_device,
			      path + ": cannot be opened to look for signatures");
	try {
		const std::string found = probe_descriptor(fd, path);
		close(fd);
		return found;
	} catch (...) {
		close(fd);
		throw;
	}
}

}  // namespace dmremap
