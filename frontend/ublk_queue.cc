// SPDX-License-Identifier: GPL-2.0-or-later
#include "frontend/ublk_queue.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "core/base/bits.h"
#include "host/io_errno.h"
#include "host/open_failure.h"

namespace remap::frontend::ublk {
namespace {

constexpr usize kMemory = usize{Queue::kDepth} * kMaxBytes;

void *map_memory(usize bytes, int protection, int flags, int descriptor)
{
	void *memory = mmap(nullptr, bytes, protection, flags | MAP_POPULATE, descriptor,
			    UBLKSRV_CMD_BUF_OFFSET);
	if (memory == MAP_FAILED)
		throw host::OpenFailure(errno == ENOMEM ? ENOMEM : ENODEV,
					std::string("no memory for a ublk device: ") +
						std::strerror(errno));
	return memory;
}

usize page_bytes() { return static_cast<usize>(sysconf(_SC_PAGESIZE)); }

}  // namespace

void Tag::done(int result)
{
	if (result == UBLK_IO_RES_OK)
		queue->begin(*this);
	else
		queue->returned();
}

void Tag::ended()
{
	queue->answer(*this, status == IoStatus::ok ? static_cast<int>(bytes)
						    : -host::block_errno_of(status));
}

Queue::Queue(host::Volume &volume, int descriptor)
    : volume_(volume), descriptor_(descriptor),
      descriptions_bytes_(round_up(kDepth * sizeof(ublksrv_io_desc), page_bytes())),
      tags_(new Tag[kDepth])
{
	descriptions_ = static_cast<const ublksrv_io_desc *>(
		map_memory(descriptions_bytes_, PROT_READ, MAP_SHARED, descriptor));
	try {
		memory_ = static_cast<u8 *>(map_memory(kMemory, PROT_READ | PROT_WRITE,
						       MAP_PRIVATE | MAP_ANONYMOUS, -1));
	} catch (...) {
		munmap(const_cast<ublksrv_io_desc *>(descriptions_), descriptions_bytes_);
		throw;
	}
	for (u16 i = 0; i < kDepth; ++i) {
		tags_[i].queue = this;
		tags_[i].memory = memory_ + usize{i} * kMaxBytes;
		tags_[i].number = i;
	}
}

Queue::~Queue()
{
	munmap(memory_, kMemory);
	munmap(const_cast<ublksrv_io_desc *>(descriptions_), descriptions_bytes_);
}

void Queue::start()
{
	tags_out_ = kDepth;
	for (u16 i = 0; i < kDepth; ++i)
		give(tags_[i], kFetch, 0);
}

void Queue::give(Tag &tag, u32 command, int result)
{
	ublksrv_io_cmd what = {};
	what.tag = tag.number;
	what.result = result;
	what.addr = reinterpret_cast<u64>(tag.memory);
	volume_.reactor().start(tag, [&](io_uring_sqe *sqe) {
		io_uring_prep_rw(IORING_OP_URING_CMD, sqe, descriptor_, nullptr, 0, 0);
		sqe->cmd_op = command;
		std::memcpy(command_in(sqe), &what, sizeof(what));
	});
}

void Queue::begin(Tag &tag)
{
	const Asked asked = asked_for(descriptions_[tag.number], volume_.sectors());
	if (asked.error)
		return answer(tag, -asked.error);
	tag.op = asked.op;
	tag.flush = asked.flush;
	tag.fua = asked.fua;
	tag.sector = asked.sector;
	tag.sectors = asked.sectors;
	tag.data = asked.has_data() ? tag.memory : nullptr;
	tag.bytes = asked.bytes();
	volume_.submit(tag);
}

void Queue::returned()
{
	given_up_.store_relaxed(true);
	--tags_out_;
}

}  // namespace remap::frontend::ublk
