// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/nbdkit/worker.h"

namespace dmremap {
namespace {

constexpr std::size_t kAlignment = 4096;

}  // namespace

Worker &Worker::mine()
{
	static thread_local Worker worker;
	return worker;
}

remap::u8 *Worker::memory()
{
	if (!memory_)
		memory_.reset(static_cast<remap::u8 *>(std::aligned_alloc(kAlignment, kBytes)));
	return memory_.get();
}

remap::IoStatus Worker::perform(remap::host::Volume &volume, remap::Op op, bool fua,
				remap::Sector sector, remap::u32 sectors, remap::u8 *data)
{
	io_.op = op;
	io_.flush = false;
	io_.fua = fua;
	io_.sector = sector;
	io_.sectors = sectors;
	io_.data = data;
	return submit(volume);
}

remap::IoStatus Worker::flush(remap::host::Volume &volume)
{
	io_.op = remap::Op::read;
	io_.flush = true;
	io_.fua = false;
	io_.sector = 0;
	io_.sectors = 0;
	io_.data = nullptr;
	return submit(volume);
}

remap::IoStatus Worker::submit(remap::host::Volume &volume)
{
	submit_.volume = &volume;
	volume.reactor().post(submit_);
	wait();
	return io_.status;
}

void Worker::ask(remap::host::Volume &volume, const std::function<void()> &what)
{
	ask_.what = &what;
	volume.reactor().post(ask_);
	wait();
}

// Told under the mutex: whoever waits may be gone as soon as he has it.
void Worker::end()
{
	const std::lock_guard<std::mutex> held(mutex_);
	ended_ = true;
	changed_.notify_one();
}

void Worker::wait()
{
	std::unique_lock<std::mutex> held(mutex_);
	changed_.wait(held, [this] { return ended_; });
	ended_ = false;
}

}  // namespace dmremap
