// SPDX-License-Identifier: GPL-2.0-or-later
// An unaligned write of the served file is alone among writes, and nobody waits for ever.
#include "frontend/write_gate.h"

#include <gtest/gtest.h>

#include <array>
#include <list>
#include <random>
#include <vector>

namespace remap::frontend {
namespace {

struct Write {
	Write *next = nullptr;
	bool aligned = true;
	u32 number = 0;
};

using Gate = WriteGate<Write>;

Write *next(Gate &gate)
{
	return gate.next([](const Write &write) { return write.aligned; });
}

// What an unaligned write does to the one block of this disk, in two steps.
class ReadModifyWrite : public Write {
public:
	ReadModifyWrite(u32 at, u8 value) : at_(at), value_(value) { aligned = false; }
	void read(const std::array<u8, 512> &block) { copy_ = block; }
	void write(std::array<u8, 512> *block)
	{
		copy_[at_] = value_;
		*block = copy_;
	}

private:
	u32 at_;
	u8 value_;
	std::array<u8, 512> copy_{};
};

TEST(WriteGate, TwoWritersOfOneBlockBothGetTheirBytes)
{
	std::array<u8, 512> block{};
	Gate gate;
	ReadModifyWrite a(3, 'a'), b(4, 'b');
	// Interleaved: the second comes while the first one has read and not written.
	ASSERT_TRUE(gate.enter(a, false));
	a.read(block);
	const bool begun = gate.enter(b, false);
	EXPECT_FALSE(begun);
	if (begun)
		b.read(block);
	a.write(&block);
	gate.leave();
	if (!begun) {
		ASSERT_EQ(next(gate), &b);
		b.read(block);
	}
	b.write(&block);
	gate.leave();
	EXPECT_EQ(block[3], 'a');
	EXPECT_EQ(block[4], 'b');
	EXPECT_EQ(next(gate), nullptr);
}

TEST(WriteGate, AnUnalignedOneWaitsForAlignedOnesAndHoldsBackLaterOnes)
{
	Gate gate;
	Write first, second, unaligned, later;
	unaligned.aligned = false;
	EXPECT_TRUE(gate.enter(first, true));
	EXPECT_TRUE(gate.enter(second, true));
	EXPECT_FALSE(gate.enter(unaligned, false));
	EXPECT_FALSE(gate.enter(later, true)); // or the unaligned one might wait for ever
	gate.leave();
	EXPECT_EQ(next(gate), nullptr);
	gate.leave();
	EXPECT_EQ(next(gate), &unaligned);
	EXPECT_EQ(next(gate), nullptr);
	gate.leave();
	EXPECT_EQ(next(gate), &later);
	gate.leave();
	EXPECT_EQ(next(gate), nullptr);
}

// Any sequence: alone means alone, the order is kept, and what can go on does.
TEST(WriteGate, AnySequenceKeepsTheRules)
{
	std::mt19937 random(20);
	Gate gate;
	std::list<Write> writes;
	std::vector<Write *> under_way;
	u32 begun = 0;
	const auto begins = [&](Write *write) {
		EXPECT_EQ(write->number, begun++);
		EXPECT_TRUE(under_way.empty() || (write->aligned && under_way[0]->aligned));
		under_way.push_back(write);
	};
	for (u32 turn = 0; turn < 100000; ++turn) {
		if (random() % 2 || under_way.empty()) {
			Write &write = writes.emplace_back();
			write.number = static_cast<u32>(writes.size()) - 1;
			write.aligned = random() % 4;
			if (gate.enter(write, write.aligned))
				begins(&write);
			EXPECT_FALSE(under_way.empty());
			continue;
		}
		under_way.erase(under_way.begin() +
				static_cast<std::ptrdiff_t>(random() % under_way.size()));
		gate.leave();
		while (Write *write = next(gate))
			begins(write);
		EXPECT_TRUE(begun == writes.size() || !under_way.empty());
	}
}

}  // namespace
}  // namespace remap::frontend
