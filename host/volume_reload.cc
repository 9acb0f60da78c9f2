// SPDX-License-Identifier: GPL-2.0-or-later
// The volume goes on with another list of spares: what a table reload is to a mapped device, suspend and
// resume with it. A new engine loads the set, as at the start, and takes in what is new.
//
// Messages and the scan end first, while I/O goes on, since they wait for it. Then requests that come are
// held, and those that came before end. From there on nothing uses the engine but the reactor's thread,
// which exchanges it, outside its read section: whatever loads a set waits for grace periods.
#include <new>
#include <utility>

#include "host/volume.h"

namespace remap::host {

void Reload::run() { volume_.hold(*this); }

Status Volume::reload(const SpareList &wanted, const Terms &terms, Refusal &why)
{
	// The reactor runs on until this is false, unless the end had begun before.
	reloading_.store(true);
	Status status = Error::interrupted;
	if (!ending_.load()) {
		Reload asked(*this, wanted, terms, why);
		gate_.close();
		interrupt();
		gate_.wait_empty();
		reactor_.post(asked);
		status = asked.wait();
		gate_.open();
	}
	reloading_.store(false);
	reactor_.wake();
	return status;
}

void Volume::hold(Reload &asked)
{
	reload_ = &asked;
	holding_ = true;
}

// Nothing is under way.
void Volume::carry_out()
{
	Reload &asked = *std::exchange(reload_, nullptr);
	Status status = Error::interrupted;
	if (!ending_.load())
		reactor_.outside([&] { status = exchange(asked); });
	if (!ending_.load() && !broken_.load()) {
		host_.suspend_ends();
		engine_->resume();
	}
	let_go();
	asked.end(status);
}

Status Volume::exchange(Reload &asked)
{
	const SpareList all = named(asked.wanted.geometry, false);
	const SpareList used = named(asked.wanted.geometry, true);
	engine_->postsuspend();
	// Only this set may take its place, and nothing is formatted.
	asked.terms.set = engine_->journal().superblock().set;
	std::unique_ptr<ServingEngine> next;
	const Status made = make(next, asked.wanted, asked.terms, asked.why);
	if (!made.ok()) { // it has written nothing, so the old one goes on
		Refusal none;
		host_.use(all.spare, all.geometry.spares.count);
		(void)engine_->start(none); // what its failure means is in the mode
		return made;
	}
	const Status started = put_in_place(next, asked.why);
	if (started.ok())
		return {};
	// It may have written: the old one may not know the set any more.
	Refusal why;
	if (make(next, used, asked.terms, why).ok() && put_in_place(next, why).ok())
		return started;
	host_.use(all.spare, all.geometry.spares.count);
	broken_.store(true);
	host_.log(LogLevel::error, why.any() ? why.text() : "the set cannot be loaded any more");
	return started;
}

// The spares of now, or those of them that the set uses.
SpareList Volume::named(const Geometry &like, bool used) const
{
	SpareList list;
	list.geometry = like;
	list.geometry.spares = {};
	for (DeviceIndex device = kFirstSpare; device < host_.devices(); ++device) {
		if (used && !in_use(device))
			continue;
		list.spare[list.geometry.spares.count] = &host_.file(device);
		list.geometry.spares.add(host_.file(device).sectors());
	}
	return list;
}

bool Volume::in_use(DeviceIndex device) const
{
	const Spares &spares = engine_->spares();
	const Members members = members_in_use(engine_->journal().superblock());
	for (u32 m = 0; m < spares.slots(); ++m)
		if (members >> m & 1 && spares.exists(m) && spares.device(m) == device)
			return true;
	return false;
}

// Reads what the spares say.
Status Volume::make(std::unique_ptr<ServingEngine> &next, const SpareList &list, const Terms &terms,
		    Refusal &why)
{
	next.reset(); // its memory first
	next.reset(new (std::nothrow) ServingEngine(host_));
	if (!next)
		return Error::no_memory;
	next->set_policy(policy_);
	host_.use(list.spare, list.geometry.spares.count);
	return next->create(list.geometry, terms, why);
}

Status Volume::put_in_place(std::unique_ptr<ServingEngine> &next, Refusal &why)
{
	if (engine_->owes_flush())
		next->owe_flush();
	TRY(next->start(why));
	engine_ = std::move(next);
	host_.clear_counters();
	host_.notify();
	return {};
}

void Volume::let_go()
{
	while (Waiter *waiter = held_) {
		held_ = waiter->next;
		if (!held_)
			held_end_ = &held_;
		begin(request_of(*waiter));
	}
	holding_ = false;
}

}  // namespace remap::host
