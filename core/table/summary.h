// SPDX-License-Identifier: GPL-2.0-or-later
// The summary: a dense bitmap of what may be mapped, so that a lookup which finds nothing, nearly
// all of them, ends after a load or two of small memory.
//
// One bit per 64 MiB (`top`, a word per 4 GiB), one per 512 KiB (`mid`, a chunk of 512 words per 16
// GiB, there from its first use to the end) and one per region of 128 KiB (`fine`, a chunk per 4
// GiB, there while something is mapped in it). For 16 TiB of main, top is 32 KiB and stays in a
// first-level cache; mid is at most 4 MiB and answers 97 of 100 misses beside 10^6 scattered
// extents. Fine bits are up to 16 MiB, a cache miss for hits and misses alike, so the first look
// asks them only when extents are dense (more than 1/8 of the mid bits below set top bits are set),
// and then instead of the mid bits, which would be a jump that cannot be foreseen. (Measured: with
// fine bits always, hits among 10^5 extents take twice as long; without, misses among 10^7 do.)
//
// Invariant: a region with a slot has its fine, mid and top bit set. Bits are set before the slot
// is published and cleared after its last piece is gone, so readers see a superset. A chunk that
// is taken out stays readable, all 0, until a grace period ends.
//
// Concurrency: one writer; readers load words in any order, each alone.
#pragma once

#include "core/table/coarse.h"
#include "core/table/limbo.h"

namespace remap {

template <MemoryPlatform P> class Summary {
public:
	Summary(Memory<P> &memory, Limbo<P> &limbo) : memory_(memory), limbo_(limbo) {}

	Status create(Sector main_sectors)
	{
		spans_ = div_round_up(main_sectors, u64{1} << kSpanBits);
		top_ = memory_.template make<Atomic<u64>>(top_bytes());
		mid_ = memory_.template make<Atomic<Bits *>>(mid_bytes());
		span_ = memory_.template make<Span>(span_bytes());
		if (top_ && mid_ && span_)
			return {};
		destroy();
		return Error::no_memory;
	}

	void destroy()
	{
		for (u64 i = 0; span_ && i < spans_; i++) {
			memory_.deallocate(span_[i].fine.load_relaxed(), sizeof(Bits));
			memory_.deallocate(span_[i].coarse.load_relaxed(), sizeof(Coarse));
		}
		for (u64 i = 0; mid_ && i < areas(); i++)
			memory_.deallocate(mid_[i].load_relaxed(), sizeof(Bits));
		memory_.deallocate(top_, top_bytes());
		memory_.deallocate(mid_, mid_bytes());
		memory_.deallocate(span_, span_bytes());
		top_ = nullptr;
		mid_ = nullptr;
		span_ = nullptr;
		chunk_bytes_ = 0;
	}

	enum class Look : u8 { clean, clean_here, mapped };

	// Reader. One look: `clean`: nothing is mapped in the `want` sectors from `at` on;
	// `clean_here`: not at `at`, and sectors_clean() tells how far; `mapped`: its region may
	// have something. What is asked mostly ends below the same bit as it begins: then neither a
	// jump nor a count of zeros hangs on the words.
	[[gnu::always_inline]] Look look(Sector at, u64 want) const
	{
		const u64 top = top_[at >> kSpanBits].load_relaxed() >> ((at >> kBlockBits) & 63);
		if (!(top & 1)) [[likely]]
			return same_unit<kBlockBits>(at, want);
		if (dense_.load_relaxed()) {
			const Bits *bits = span_[at >> kSpanBits].fine.load_acquire();
			if (!bits || !((bits->word[fine_index(at)].load_relaxed() >>
					((at >> kRegionBits) & 63)) &
				       1)) [[likely]]
				return same_unit<kRegionBits>(at, want);
			return Look::mapped;
		}
		const Bits *bits = mid_[at >> kAreaBits].load_acquire();
		if (!((bits->word[mid_index(at)].load_relaxed() >> ((at >> kMidBits) & 63)) & 1))
			[[likely]]
			return same_unit<kMidBits>(at, want);
		return Look::mapped;
	}

	// The number of sectors from `at` on of which one look shows that nothing is mapped, which
	// may reach beyond the end of main; 0 when the region of `at` may have something.
	u64 sectors_clean(Sector at) const
	{
		const u64 top = top_[at >> kSpanBits].load_relaxed() >> ((at >> kBlockBits) & 63);
		if (!(top & 1))
			return stretch(top, at, kBlockBits);
		const Bits *bits = mid_[at >> kAreaBits].load_acquire();
		const u64 mid = bits->word[mid_index(at)].load_relaxed() >> ((at >> kMidBits) & 63);
		if (!(mid & 1))
			return stretch(mid, at, kMidBits);
		return clean_fine(at);
	}

	// The coarse word of the 8 MiB that hold `at`, or 0. Reader.
	Word coarse(Sector at) const
	{
		const Coarse *coarse = span_[at >> kSpanBits].coarse.load_acquire();
		if (!coarse) [[likely]]
			return 0;
		return coarse->word[(at >> kCoarseBits) & 511].load_acquire();
	}

	// Writer. Secures what mark() needs. Content stays as it is.
	bool secure(u64 region)
	{
		return secure_block(mid_[region >> (kAreaBits - kRegionBits)]) &&
		       secure_block(span_[region >> (kSpanBits - kRegionBits)].fine);
	}
	bool secure_coarse(u64 coarse)
	{
		return secure_block(span_[coarse >> (kSpanBits - kCoarseBits)].coarse);
	}
	// REQUIRES: secure_coarse(). Or nullptr.
	Coarse *coarse_block(u64 coarse)
	{
		return span_[coarse >> (kSpanBits - kCoarseBits)].coarse.load_relaxed();
	}

	// Writer. Whether all 64 regions of a coarse one have their bit.
	bool all_marked(u64 coarse) const
	{
		const Bits *fine = span_[coarse >> (kSpanBits - kCoarseBits)].fine.load_relaxed();
		return fine && fine->word[coarse & 511].load_relaxed() == ~u64{0};
	}

	void mark(u64 region);
	void unmark(u64 region);

	u64 chunk_bytes() const { return chunk_bytes_ + top_bytes() + mid_bytes() + span_bytes(); }
	u64 spans() const { return spans_; }

private:
	struct Bits {
		Atomic<u64> word[512];
	};
	struct Span {
		Atomic<Bits *> fine;
		Atomic<Coarse *> coarse;
	};

	usize top_bytes() const { return spans_ * sizeof(u64); }
	void unmark_top(Sector at);

	u64 areas() const { return div_round_up(spans_, 1u << (kAreaBits - kSpanBits)); }
	usize mid_bytes() const { return areas() * sizeof(Atomic<Bits *>); }
	usize span_bytes() const { return spans_ * sizeof(Span); }

	template <u32 kBits> static Look same_unit(Sector at, u64 want)
	{
		const u64 unit_left = (u64{1} << kBits) - (at & low_mask(kBits));
		return want <= unit_left ? Look::clean : Look::clean_here;
	}

	u64 clean_fine(Sector at) const
	{
		const Bits *bits = span_[at >> kSpanBits].fine.load_acquire();
		const u64 word = bits ? bits->word[fine_index(at)].load_relaxed() : 0;
		const u64 fine = word >> ((at >> kRegionBits) & 63);
		return fine & 1 ? 0 : stretch(fine, at, kRegionBits);
	}

	// `word` is a word shifted right until bit 0, which is clear, is the one of `at`: how far
	// the clear bits reach, at most to the end of the word.
	static u64 stretch(u64 word, Sector at, u32 bits)
	{
		const Sector word_end = (at | ((u64{64} << bits) - 1)) + 1;
		const Sector end = word ? ((at >> bits) + lowest_bit(word)) << bits : word_end;
		return end - at;
	}

	template <class T> bool secure_block(Atomic<T *> &pointer)
	{
		if (pointer.load_relaxed())
			return true;
		T *block = memory_.template make<T>();
		if (!block)
			return false;
		chunk_bytes_ += sizeof(T);
		pointer.store_release(block);
		return true;
	}

	template <class T> void retire_block(Atomic<T *> &pointer)
	{
		T *block = pointer.load_relaxed();
		Errand *errand = block ? limbo_.make_errand() : nullptr;
		if (!errand)
			return; // none, or it stays, empty, for what comes next
		pointer.store_release(nullptr);
		chunk_bytes_ -= sizeof(T);
		errand->block = block;
		errand->bytes = sizeof(T);
		limbo_.add(errand);
	}

	static u64 fine_index(Sector at) { return (at >> kCoarseBits) & 511; }
	static u64 mid_index(Sector at) { return (at >> (kMidBits + 6)) & 511; }

	// Whether the bit was clear.
	static bool set_bit(Atomic<u64> &word, u64 bit)
	{
		const u64 before = word.load_relaxed();
		const u64 mask = u64{1} << (bit & 63);
		word.store_release(before | mask);
		return !(before & mask);
	}
	static void clear_bit(Atomic<u64> &word, u64 bit)
	{
		word.store_release(word.load_relaxed() & ~(u64{1} << (bit & 63)));
	}

	static constexpr u64 kMidPerTop = u64{1} << (kBlockBits - kMidBits);
	void update_density() { dense_.store_relaxed(mid_set_ * 8 > top_set_ * kMidPerTop); }

	Memory<P> &memory_;
	Limbo<P> &limbo_;
	Atomic<bool> dense_;
	u64 top_set_ = 0; // bits
	u64 mid_set_ = 0;
	u64 spans_ = 0;
	u64 chunk_bytes_ = 0;
	Atomic<u64> *top_ = nullptr;
	Atomic<Bits *> *mid_ = nullptr;
	Span *span_ = nullptr;
};

// Writer. Sets the bits of a region. REQUIRES: secure().
template <MemoryPlatform P> void Summary<P>::mark(u64 region)
{
	const Sector at = region << kRegionBits;
	set_bit(span_[at >> kSpanBits].fine.load_relaxed()->word[fine_index(at)], region);
	Bits *mid = mid_[at >> kAreaBits].load_relaxed();
	if (!set_bit(mid->word[mid_index(at)], at >> kMidBits))
		return;
	mid_set_++;
	top_set_ += set_bit(top_[at >> kSpanBits], at >> kBlockBits);
	update_density();
}

// Writer. Clears the bits of a region whose slot is gone.
template <MemoryPlatform P> void Summary<P>::unmark(u64 region)
{
	constexpr u32 kMidRegions = 1u << (kMidBits - kRegionBits);
	const Sector at = region << kRegionBits;
	Span &span = span_[at >> kSpanBits];
	Bits *bits = span.fine.load_relaxed();
	if (!bits)
		return;
	Atomic<u64> &fine = bits->word[fine_index(at)];
	clear_bit(fine, region);
	if ((fine.load_relaxed() >> round_down(region & 63, kMidRegions)) & low_mask(kMidRegions))
		return;
	// The two words of the 64 MiB.
	Atomic<u64> *mid = &mid_[at >> kAreaBits].load_relaxed()->word[mid_index(at) & ~u64{1}];
	clear_bit(mid[mid_index(at) & 1], at >> kMidBits);
	mid_set_--;
	if (!(mid[0].load_relaxed() | mid[1].load_relaxed()))
		unmark_top(at);
	update_density();
}

template <MemoryPlatform P> void Summary<P>::unmark_top(Sector at)
{
	Span &span = span_[at >> kSpanBits];
	Atomic<u64> &top = top_[at >> kSpanBits];
	clear_bit(top, at >> kBlockBits);
	top_set_--;
	if (top.load_relaxed())
		return;
	retire_block(span.fine);
	retire_block(span.coarse);
}

} // namespace remap
