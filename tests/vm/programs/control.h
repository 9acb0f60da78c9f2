// SPDX-License-Identifier: GPL-2.0-or-later
// Control: device-mapper's ioctls, bare.
#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <string>
#include <sys/ioctl.h>
#include <unistd.h>
#include <vector>

struct Outcome {
	int error = 0;
	const char *reply_state = "none"; // or "fits", or "full" when more room is asked for
	std::string reply;

	const char *name() const { return error ? strerrorname_np(error) : "0"; }
};

class Control {
public:
	Control() : fd_(open("/dev/mapper/control", O_RDWR | O_CLOEXEC))
	{
		if (fd_ < 0) {
			perror("/dev/mapper/control");
			exit(2);
		}
	}

	Outcome message(const std::string &name, uint64_t sector, const std::string &text, size_t room)
	{
		// The kernel wants the message inside the buffer that takes the reply.
		const size_t least = sizeof(dm_target_msg) + text.size() + 1;
		prepare(name, room > least ? room : least);
		auto *message = reinterpret_cast<dm_target_msg *>(data());
		message->sector = sector;
		memcpy(message->message, text.c_str(), text.size() + 1);
		Outcome outcome = call(DM_TARGET_MSG);
		if (outcome.error || !(head()->flags & DM_DATA_OUT_FLAG))
			return outcome;
		outcome.reply_state = head()->flags & DM_BUFFER_FULL_FLAG ? "full" : "fits";
		outcome.reply = buffer_.data() + head()->data_start;
		return outcome;
	}

	// The status line, or with DM_STATUS_TABLE_FLAG the table line, of every target.
	Outcome status(const std::string &name, uint32_t flags = 0)
	{
		prepare(name, 65536);
		head()->flags = flags;
		Outcome outcome = call(DM_TABLE_STATUS);
		const char *at = buffer_.data() + head()->data_start;
		const char *first = at;
		for (uint32_t i = 0; !outcome.error && i < head()->target_count; ++i) {
			const auto *spec = reinterpret_cast<const dm_target_spec *>(at);
			outcome.reply += std::to_string(spec->sector_start) + ' ' +
					 std::to_string(spec->length) + ' ' + spec->target_type + ' ' +
					 (at + sizeof(*spec)) + '\n';
			at = first + spec->next;
		}
		return outcome;
	}

	// Creates a device with a table of one target; the device is gone again when that failed.
	Outcome create(const std::string &name, uint64_t start, uint64_t length,
		       const std::string &type, const std::string &words)
	{
		prepare(name, 0);
		Outcome outcome = call(DM_DEV_CREATE);
		if (outcome.error)
			return outcome;
		prepare(name, sizeof(dm_target_spec) + words.size() + 8);
		head()->target_count = 1;
		auto *spec = reinterpret_cast<dm_target_spec *>(data());
		spec->sector_start = start;
		spec->length = length;
		strncpy(spec->target_type, type.c_str(), sizeof(spec->target_type) - 1);
		memcpy(spec + 1, words.c_str(), words.size() + 1);
		outcome = call(DM_TABLE_LOAD);
		if (outcome.error) {
			prepare(name, 0);
			call(DM_DEV_REMOVE);
		}
		return outcome;
	}

private:
	static constexpr size_t kStart = (sizeof(dm_ioctl) + 7) & ~size_t{7};

	dm_ioctl *head() { return reinterpret_cast<dm_ioctl *>(buffer_.data()); }
	char *data() { return buffer_.data() + kStart; }

	void prepare(const std::string &name, size_t room)
	{
		buffer_.assign(kStart + room, 0);
		head()->version[0] = 4;
		head()->data_size = static_cast<uint32_t>(buffer_.size());
		head()->data_start = kStart;
		strncpy(head()->name, name.c_str(), sizeof(head()->name) - 1);
	}

	Outcome call(unsigned long request)
	{
		Outcome outcome;
		if (ioctl(fd_, request, buffer_.data()) < 0)
			outcome.error = errno;
		return outcome;
	}

	int fd_;
	std::vector<char> buffer_;
};
