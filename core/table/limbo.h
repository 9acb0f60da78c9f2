// SPDX-License-Identifier: GPL-2.0-or-later
// Limbo: what the writer took out of the structure but some reader may still look at.
//
// Three batches: what is retired gathers in `open`; when no batch waits, `open` becomes `waiting`
// and one grace period begins for all of it; when that has ended the batch becomes `ready` and is
// taken apart, a few objects with each operation. A reader that never leaves its section makes
// `open` grow; the writer never waits.
//
// Leaves and pages are linked through words of their own that readers do not look at, so retiring
// them needs no memory and cannot fail. Everything else takes an errand, made beforehand.
//
// Concurrency: writer only.
#pragma once

#include "core/table/leaf.h"
#include "core/table/memory.h"
#include "core/table/page.h"

namespace remap {

// Something to do after a grace period.
struct Errand {
	Errand *next;
	void *block; // to free; nullptr: drop the fine slots under a coarse word
	u64 bytes;   // of the block
	u64 coarse;  // number of the coarse region
	u32 cursor;  // fine slots dropped so far
	bool cancelled;
};

template <MemoryPlatform P> class Limbo {
public:
	explicit Limbo(Memory<P> &memory) : memory_(memory) {}

	void retire_leaf(Word word)
	{
		leaf_of(word)[0] = open_.leaves;
		open_.leaves = word;
		bytes_ += leaf_bytes(leaf_class(word));
	}

	void retire_page(Page *page)
	{
		page->next = open_.pages;
		open_.pages = page;
		bytes_ += Page::bytes(page->units);
	}

	Errand *make_errand() { return memory_.template make<Errand>(); }

	void add(Errand *errand)
	{
		errand->next = open_.errands;
		open_.errands = errand;
		bytes_ += sizeof(Errand) + errand->bytes;
	}

	// Moves the batches on as far as grace periods allow, without waiting.
	void advance()
	{
		if (!waiting_.empty() && ready_.empty() &&
		    memory_.platform().grace_elapsed(cookie_)) {
			ready_ = waiting_;
			waiting_ = Batch{};
		}
		if (waiting_.empty() && !open_.empty()) {
			waiting_ = open_;
			open_ = Batch{};
			cookie_ = memory_.platform().grace_start();
		}
	}

	// Frees one ready leaf or page. false: there is none.
	bool free_one() { return free_leaf(ready_) || free_page(ready_); }

	// The errand whose turn it is, or nullptr.
	Errand *due() { return ready_.errands; }
	void finish_due() { drop_errand(ready_); }

	// Whether anything waits.
	bool empty() const { return open_.empty() && waiting_.empty() && ready_.empty(); }
	u64 bytes() const { return bytes_; }

	// REQUIRES: no reader is left.
	void free_all()
	{
		free_batch(open_);
		free_batch(waiting_);
		free_batch(ready_);
	}

private:
	struct Batch {
		Word leaves = 0;
		Page *pages = nullptr;
		Errand *errands = nullptr;
		bool empty() const { return !leaves && !pages && !errands; }
	};

	void free_batch(Batch &batch)
	{
		while (free_leaf(batch) || free_page(batch) || drop_errand(batch)) {
		}
	}

	bool free_leaf(Batch &batch)
	{
		const Word word = batch.leaves;
		if (!word)
			return false;
		batch.leaves = leaf_of(word)[0];
		release(leaf_of(word), leaf_bytes(leaf_class(word)));
		return true;
	}

	bool free_page(Batch &batch)
	{
		Page *page = batch.pages;
		if (!page)
			return false;
		batch.pages = page->next;
		release(page, Page::bytes(page->units));
		return true;
	}

	bool drop_errand(Batch &batch)
	{
		Errand *errand = batch.errands;
		if (!errand)
			return false;
		batch.errands = errand->next;
		if (errand->block)
			release(errand->block, errand->bytes);
		release(errand, sizeof(Errand));
		return true;
	}

	void release(void *memory, u64 bytes)
	{
		bytes_ -= bytes;
		memory_.deallocate(memory, bytes);
	}

	Memory<P> &memory_;
	Batch open_;
	Batch waiting_;
	Batch ready_;
	u64 cookie_ = 0;
	u64 bytes_ = 0;
};

} // namespace remap
