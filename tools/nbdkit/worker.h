// SPDX-License-Identifier: GPL-2.0-or-later
// Worker: a thread of nbdkit's, as it waits for the reactor's. Each has one of these for as long as it
// lives, with the memory that its requests are copied through: nbdkit's buffers are not aligned, and
// a volume wants them to be.
#pragma once

#include <condition_variable>
#include <cstdlib>
#include <functional>
#include <memory>
#include <mutex>

#include "host/volume.h"

namespace dmremap {

class Worker {
public:
	// The most that is copied at once.
	static constexpr remap::u32 kBytes = 1048576;

	static Worker &mine();

	// Returns when it has ended. `data` is aligned.
	remap::IoStatus perform(remap::host::Volume &volume, remap::Op op, bool fua,
				remap::Sector sector, remap::u32 sectors, remap::u8 *data);
	remap::IoStatus flush(remap::host::Volume &volume);
	// Calls what() on the reactor's thread, and returns after it.
	void ask(remap::host::Volume &volume, const std::function<void()> &what);
	// kBytes of memory; nullptr: there is none.
	remap::u8 *memory();

private:
	class Io final : public remap::host::IoRequest {
	public:
		explicit Io(Worker &owner) : worker(owner) {}
		void ended() override { worker.end(); }
		Worker &worker;
	};
	// On the reactor's thread. Nothing of the worker is touched after end(): it goes on with the next.
	class Submit final : public remap::host::Task {
	public:
		explicit Submit(Worker &owner) : worker(owner) {}
		void run() override { volume->submit(worker.io_); }
		Worker &worker;
		remap::host::Volume *volume = nullptr;
	};
	class Ask final : public remap::host::Task {
	public:
		explicit Ask(Worker &owner) : worker(owner) {}
		void run() override
		{
			(*what)();
			worker.end();
		}
		Worker &worker;
		const std::function<void()> *what = nullptr;
	};
	struct Free {
		void operator()(remap::u8 *memory) const { std::free(memory); }
	};

	remap::IoStatus submit(remap::host::Volume &volume);
	void end();
	void wait();

	Io io_{*this};
	Submit submit_{*this};
	Ask ask_{*this};
	std::mutex mutex_;
	std::condition_variable changed_;
	bool ended_ = false; // under mutex_
	std::unique_ptr<remap::u8, Free> memory_;
};

}  // namespace dmremap
