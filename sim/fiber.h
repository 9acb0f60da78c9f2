// SPDX-License-Identifier: GPL-2.0-or-later
// Fibers: the threads of the simulated machine. One runs at a time, and another takes over only
// where it says so, so a seed decides every interleaving.
#pragma once

#include <ucontext.h>

#include <functional>
#include <memory>
#include <vector>

#include "core/base/types.h"

namespace remap::sim {

class Fibers {
public:
	using Id = u32;

	Fibers() = default;
	Fibers(const Fibers &) = delete;
	Fibers &operator=(const Fibers &) = delete;
	~Fibers();

	// A thread that will run `body`; it does not begin yet. `body` must not throw.
	Id spawn(std::function<void()> body);
	// From outside of every fiber: runs one until it pauses or ends.
	void resume(Id id);
	// From inside: lets the caller of resume() go on.
	void pause();
	bool inside() const { return running_ != nullptr; }
	Id current() const { return running_->id; }
	bool alive(Id id) const { return id < fibers_.size() && fibers_[id]->alive; }
	const std::vector<Id> &living() const { return living_; }

private:
	static constexpr usize kStackBytes = usize{256} << 10;

	struct Fiber {
		Fibers *owner;
		Id id;
		bool alive = false;
		ucontext_t context;
		std::function<void()> body;
		void *stack;
	};

	static void enter(unsigned int low, unsigned int high);
	Fiber *idle_one();

	ucontext_t scheduler_;
	Fiber *running_ = nullptr;
	// Kept when they end: a stack is costly to make.
	std::vector<std::unique_ptr<Fiber>> fibers_;
	std::vector<Id> living_;
};

} // namespace remap::sim
