// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/fiber.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <new>

namespace remap::sim {

namespace {

// With a page below that nobody may touch: the core promises to live on a small stack.
void *make_stack(usize bytes)
{
	void *memory =
		mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED || mprotect(memory, 4096, PROT_NONE))
		throw std::bad_alloc();
	return memory;
}

} // namespace

Fibers::~Fibers()
{
	for (const auto &fiber : fibers_)
		munmap(fiber->stack, kStackBytes);
}

Fibers::Fiber *Fibers::idle_one()
{
	for (const auto &fiber : fibers_)
		if (!fiber->alive)
			return fiber.get();
	fibers_.push_back(std::make_unique<Fiber>());
	Fiber *made = fibers_.back().get();
	made->owner = this;
	made->id = static_cast<Id>(fibers_.size() - 1);
	made->stack = make_stack(kStackBytes);
	return made;
}

Fibers::Id Fibers::spawn(std::function<void()> body)
{
	Fiber *fiber = idle_one();
	fiber->body = std::move(body);
	fiber->alive = true;
	getcontext(&fiber->context);
	fiber->context.uc_stack.ss_sp = fiber->stack;
	fiber->context.uc_stack.ss_size = kStackBytes;
	fiber->context.uc_link = &scheduler_;
	// makecontext() hands over ints only.
	const u64 address = reinterpret_cast<u64>(fiber);
	makecontext(&fiber->context, reinterpret_cast<void (*)()>(&Fibers::enter), 2,
		    static_cast<unsigned int>(address), static_cast<unsigned int>(address >> 32));
	living_.push_back(fiber->id);
	return fiber->id;
}

void Fibers::enter(unsigned int low, unsigned int high)
{
	Fiber *fiber = reinterpret_cast<Fiber *>(u64{high} << 32 | low);
	fiber->body();
	fiber->alive = false;
}

void Fibers::resume(Id id)
{
	Fiber *fiber = fibers_[id].get();
	running_ = fiber;
	swapcontext(&scheduler_, &fiber->context);
	running_ = nullptr;
	if (!fiber->alive) {
		fiber->body = nullptr;
		living_.erase(std::find(living_.begin(), living_.end(), id));
	}
}

void Fibers::pause()
{
	Fiber *fiber = running_;
	swapcontext(&fiber->context, &scheduler_);
}

} // namespace remap::sim
