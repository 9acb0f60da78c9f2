// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dm-remap-loopback-setup/table_reader.h"

#include <fcntl.h>
#include <libdevmapper.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>

#include <cstring>
#include <new>
#include <vector>

#include "tools/common/descriptor.h"
#include "tools/common/system_failure.h"

namespace dmremap::loopback {
namespace {

constexpr size_t kFirstBytes = 65536;
constexpr size_t kMostBytes = size_t{1} << 30; // the kernel's own limit

// The header of a request, at the beginning of its buffer.
dm_ioctl &begin_request(std::vector<char> &buffer, const std::string &name)
{
	buffer.assign(buffer.size(), 0);
	auto *request = new (buffer.data()) dm_ioctl();
	request->version[0] = DM_VERSION_MAJOR;
	request->data_size = static_cast<uint32_t>(buffer.size());
	request->data_start = sizeof(dm_ioctl);
	request->flags = DM_STATUS_TABLE_FLAG;
	name.copy(request->name, sizeof(request->name) - 1);
	return *request;
}

}  // namespace

Table parse_reply(const char *reply, size_t bytes, uint32_t count)
{
	Table table;
	size_t at = 0;
	while (table.size() < count) {
		dm_target_spec spec;
		if (at > bytes || bytes - at <= sizeof(spec))
			throw Failure(ExitCode::wrong_device, "a table from the kernel breaks off");
		std::memcpy(&spec, reply + at, sizeof(spec));
		const char *arguments = reply + at + sizeof(spec);
		std::string text(arguments, strnlen(arguments, bytes - at - sizeof(spec)));
		text.erase(text.find_last_not_of(' ') + 1);
		table.push_back({spec.sector_start, spec.length,
				 std::string(spec.target_type,
					     strnlen(spec.target_type, sizeof(spec.target_type))),
				 text});
		// From the first target of all.
		at = spec.next;
	}
	return table;
}

Table read_table(const std::string &name)
{
	const std::string path = std::string(dm_dir()) + "/control";
	const Descriptor control(open(path.c_str(), O_RDWR | O_CLOEXEC));
	if (!control)
		fail(path, errno);
	for (size_t bytes = kFirstBytes; bytes <= kMostBytes; bytes *= 2) {
		std::vector<char> buffer(bytes);
		const dm_ioctl &request = begin_request(buffer, name);
		if (ioctl(control.get(), DM_TABLE_STATUS, buffer.data()) != 0)
			fail("the table of " + name + " cannot be read", errno);
		if (!(request.flags & DM_BUFFER_FULL_FLAG))
			return parse_reply(buffer.data() + request.data_start,
					   bytes - request.data_start, request.target_count);
	}
	throw Failure(ExitCode::no_memory, "the table of " + name + " is too large to be read");
}

}  // namespace dmremap::loopback
