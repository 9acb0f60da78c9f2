// SPDX-License-Identifier: GPL-2.0-or-later
// The health score, how the use of the spare grows, and when it is full.
#include <cmath>
#include <functional>
#include <random>

#include "core/health/score.h"
#include "tests/unit/remap_set.h"

namespace remap::test {
namespace {

constexpr u64 kHour = 3600;
constexpr u64 kDay = Forecast::kDay;

// ---- the score ----

struct Known {
	const char *what;
	HealthInputs inputs;
	u32 score;
	const char *word;
};

// The states of docs/user/monitoring.md.
const Known kStates[] = {
	{"a new disk", {}, 100, "EXCELLENT"},
	{"one block remapped", {.spare_used = 8, .spare_total = 1000000}, 99, "EXCELLENT"},
	{"a bad track", {.spare_used = 4096, .spare_total = 1000000}, 99, "EXCELLENT"},
	{"one unreadable sector", {.spare_used = 8, .spare_total = 1000000, .unreadable_sectors = 1},
	 98, "EXCELLENT"},
	{"ten errors have been seen above", {.errors = 10}, 98, "EXCELLENT"},
	{"half of the spare is used", {.spare_used = 500000, .spare_total = 1000000}, 85, "GOOD"},
	{"the spare is full in three days",
	 {.spare_used = 500000, .spare_total = 1000000, .full_seconds = 3 * kDay}, 76, "FAIR"},
	{"a copy of the metadata is gone", {.mode = Mode::degraded}, 90, "GOOD"},
	{"the spare is full",
	 {.spare_used = 1000000, .spare_total = 1000000, .full_seconds = 0, .mode = Mode::degraded},
	 50, "POOR"},
	{"the spare fails as well",
	 {.spare_used = 200000, .spare_total = 1000000, .errors = 50, .bad_places = 500,
	  .mode = Mode::degraded},
	 69, "FAIR"},
	{"nothing can be recorded", {.mode = Mode::readonly}, 40, "POOR"},
	{"all at once",
	 {.spare_used = 1, .spare_total = 1, .unreadable_sectors = 5000, .errors = 5000,
	  .bad_places = 5000, .full_seconds = 0, .mode = Mode::readonly},
	 0, "CRITICAL"},
};

TEST(Score, OfTheDocumentedStates)
{
	EXPECT_EQ(std::size(kStates), 12u);
	for (const Known &state : kStates) {
		const u32 score = health_score(state.inputs);
		EXPECT_EQ(score, state.score) << state.what;
		EXPECT_STREQ(health_word(score), state.word) << state.what;
	}
}

// That the set knows of each, one at a time. What is subtracted is rounded up, so that any is seen.
TEST(Score, OfASetTellsEachInput)
{
	RemapSet pending({.physical_sectors = 8});
	pending.host.main.mark_unreadable(1003);
	EXPECT_EQ(pending.stamp(1003), RemapSet::kFailed);
	EXPECT_EQ(pending.number("health", "score"), 98u) << "and an error that went upward";
	EXPECT_EQ(pending.send("clear_stats"), 1);
	EXPECT_EQ(pending.number("health", "score"), 99u);
	RemapSet lost;
	EXPECT_EQ(lost.send("add_remap 1000 100 8 nocopy"), 1);
	EXPECT_EQ(lost.number("health", "score"), 98u) << "and room on the spare";
	RemapSet bad;
	EXPECT_EQ(bad.send("add_remap 1000 100 8"), 1);
	EXPECT_EQ(bad.number("health", "score"), 99u);
	bad.host.spare.mark_unwritable(bad.physical(100));
	EXPECT_EQ(bad.write(1000, 8, 7), IoStatus::ok);
	EXPECT_EQ(bad.bad_places(), 1u);
	EXPECT_EQ(bad.number("health", "score"), 98u);
	RemapSet readonly;
	readonly.host.spare.write_status = IoStatus::io;
	EXPECT_NE(readonly.send("sync"), 1);
	EXPECT_EQ(readonly.value("status", "mode"), "readonly");
	EXPECT_EQ(readonly.number("health", "score"), 40u);
}

TEST(Score, WordsChangeWhereTheyAreSaidTo)
{
	EXPECT_STREQ(health_word(95), "EXCELLENT");
	EXPECT_STREQ(health_word(94), "GOOD");
	EXPECT_STREQ(health_word(79), "FAIR");
	EXPECT_STREQ(health_word(59), "POOR");
	EXPECT_STREQ(health_word(39), "CRITICAL");
}

// From any state, more of one bad thing never raises it, and any of it is seen from the first on.
TEST(Score, NeverRisesWithAnythingBad)
{
	using Worse = std::function<void(HealthInputs &, u64)>;
	const Worse worse[] = {
		[](HealthInputs &in, u64 by) {
			in.spare_used = std::min(in.spare_used + by, in.spare_total);
		},
		[](HealthInputs &in, u64 by) { in.unreadable_sectors += by; },
		[](HealthInputs &in, u64 by) { in.errors += by; },
		[](HealthInputs &in, u64 by) { in.bad_places += by; },
		[](HealthInputs &in, u64 by) {
			in.full_seconds = std::min(in.full_seconds, 30 * kDay);
			in.full_seconds -= std::min(by * kHour, in.full_seconds);
		},
		[](HealthInputs &in, u64) {
			in.mode = in.mode == Mode::ok ? Mode::degraded : Mode::readonly;
		},
	};
	for (const Worse &one : worse) {
		HealthInputs inputs{.spare_total = u64{1} << 42};
		one(inputs, 1);
		EXPECT_LT(health_score(inputs), 100u);
	}
	std::mt19937_64 random(1);
	for (u32 run = 0; run < 1000; ++run) {
		HealthInputs inputs{.spare_total = 1 + random() % 5000};
		u32 last = 100;
		for (u32 step = 0; step < 100; ++step) {
			worse[random() % std::size(worse)](inputs, random() % 50);
			const u32 score = health_score(inputs);
			ASSERT_LE(score, last) << "run " << run;
			last = score;
		}
	}
}

// ---- the history ----

TEST(History, KeepsPointsApartAndForgetsTheOldest)
{
	History history;
	history.note(1000, 8);
	history.note(1010, 16);
	history.note(1060, 24);
	history.note(2000, 24);
	History::Points points = history.get();
	ASSERT_EQ(points.count, 2u) << "too early, or no change";
	EXPECT_EQ(points.point[0].seconds, 1000u);
	EXPECT_EQ(points.point[1].seconds, 1060u);
	EXPECT_EQ(points.point[1].used, 24u);
	for (u64 i = 1; i <= History::kPoints; ++i)
		history.note(2000 + i * 60, 24 + i);
	points = history.get();
	EXPECT_EQ(points.count, History::kPoints);
	EXPECT_EQ(points.point[0].used, 25u);
	history.begin();
	EXPECT_EQ(history.get().count, 0u);
}

// ---- the forecast ----

// What the spare held over time, and what the disk will do: reaches `total` in `left` seconds.
struct Series {
	const char *what;
	std::function<u64(u64)> used; // after so many seconds
	u64 seconds;		      // until now
	u64 step;		      // between two looks at it
	u64 total;
	double left;
};

Forecast look(const Series &series)
{
	History history;
	u64 now = 0;
	for (; now <= series.seconds; now += series.step)
		history.note(now, series.used(now));
	return forecast(history.get(), {series.seconds, series.used(series.seconds)}, series.total);
}

u64 noise(u64 at, u64 most)
{
	std::mt19937_64 random(at);
	return random() % (most + 1);
}

const Series kSeries[] = {
	{"a block an hour", [](u64 t) { return t / kHour * 8; }, 5 * kDay, kHour, 2000,
	 (2000.0 - 960) / 8 * kHour},
	{"a block a week", [](u64 t) { return t / (7 * kDay) * 8; }, 364 * kDay, kDay, 100000,
	 (100000.0 - 416) / 8 * 7 * kDay},
	{"a block a second", [](u64 t) { return t * 8; }, 2 * kHour, 1, 1000000,
	 (1000000.0 - 57600) / 8},
	{"a track every six hours", [](u64 t) { return t / (6 * kHour) * 4096; }, 20 * kDay, kHour,
	 1 << 20, ((1 << 20) - 80.0 * 4096) / 4096 * 6 * kHour},
	{"uneven blocks", [](u64 t) { return t / kHour * 80 + noise(t / kHour, 40); }, 10 * kDay,
	 kHour, 100000, (100000.0 - 19200) / 80 * kHour},
	{"nothing for a year, then a block a minute",
	 [](u64 t) { return t < 365 * kDay ? 8 : 8 + (t - 365 * kDay) / 60 * 8; },
	 365 * kDay + 2 * kHour, 60, 10000, (10000.0 - 968) / 8 * 60},
	{"twice as fast since yesterday",
	 [](u64 t) { return t < 9 * kDay ? t / 600 : 9 * kDay / 600 + (t - 9 * kDay) / 300; },
	 10 * kDay, 300, 10000, (10000.0 - 1296 - 288) * 300},
	{"some given back on the way", [](u64 t) { return 5000 + t / 600 * 8 - t / 6000 * 8; },
	 2 * kDay, 600, 100000, (100000.0 - 5000 - 288 * 8 + 28 * 8) / 72 * 6000},
	{"a very large spare", [](u64 t) { return t * 1000000000; }, 3000, 60, u64{1} << 42,
	 (4398046511104.0 - 3e12) / 1e9},
	{"full already", [](u64 t) { return std::min<u64>(t, 5000); }, 5000, 100, 5000, 0},
};

TEST(Forecast, WithinATenthOfTheTruth)
{
	EXPECT_EQ(std::size(kSeries), 10u);
	for (const Series &series : kSeries) {
		const Forecast found = look(series);
		EXPECT_EQ(found.trend, Trend::growing) << series.what;
		EXPECT_NEAR(static_cast<double>(found.full_seconds), series.left, series.left / 10)
			<< series.what;
		const double per_day = static_cast<double>(series.total - series.used(series.seconds)) /
				       series.left * kDay;
		if (series.left > 0) {
			EXPECT_NEAR(static_cast<double>(found.per_day), per_day, 1 + per_day / 10)
				<< series.what;
		}
	}
}

TEST(Forecast, FewerThanThreePointsSayNothing)
{
	History::Points points;
	for (u64 i = 0; i < 3; ++i) {
		const Forecast found = forecast(points, {i * 100, i * 8}, 1000);
		EXPECT_EQ(found.trend, i < 2 ? Trend::unknown : Trend::growing);
		if (i < 2) {
			EXPECT_EQ(found.full_seconds, Forecast::kNever);
		}
		points.add({i * 100, i * 8});
	}
}

TEST(Forecast, NeverFullWhatDoesNotGrow)
{
	const auto trend = [](const std::function<u64(u64)> &used) {
		return look({"", used, 10 * kDay, kHour, 1000000, 0});
	};
	const Forecast same = trend([](u64) { return 100; });
	EXPECT_EQ(same.trend, Trend::unknown) << "the first point and now are two";
	const Forecast less = trend([](u64 t) { return 900000 - t; });
	EXPECT_EQ(less.trend, Trend::steady);
	EXPECT_EQ(less.full_seconds, Forecast::kNever);
	EXPECT_EQ(less.per_day, 0u);
}

// Numbers at which products of 64 bits are too small.
TEST(Forecast, DividesLikeLongNumbers)
{
	EXPECT_EQ(mul_div(6, 7, 5), 8u);
	EXPECT_EQ(mul_div(~u64{0}, ~u64{0}, ~u64{0}), ~u64{0});
	EXPECT_EQ(mul_div(~u64{0}, 2, 1), ~u64{0});
	EXPECT_EQ(mul_div(~u64{0}, 0, 3), 0u);
	std::mt19937_64 random(2);
	for (u32 i = 0; i < 100000; ++i) {
		const u64 a = random() >> random() % 64;
		const u64 b = random() >> random() % 64;
		const u64 c = (random() >> random() % 64) | 1;
		const unsigned __int128 exact = static_cast<unsigned __int128>(a) * b / c;
		ASSERT_EQ(mul_div(a, b, c), exact >> 64 ? ~u64{0} : static_cast<u64>(exact));
	}
}

TEST(Forecast, OfASetWhoseMainFails)
{
	RemapSet set({.physical_sectors = 8});
	EXPECT_EQ(set.value("health", "trend"), "unknown");
	EXPECT_EQ(set.value("health", "spare_full_seconds"), "unknown");
	for (Sector block = 0; block < 10; ++block) {
		set.host.now += kHour;
		set.host.main.mark_unwritable(4096 + 64 * block, 8);
		ASSERT_EQ(set.write(4096 + 64 * block, 8, 1), IoStatus::ok);
		ASSERT_EQ(set.write(0, 8, 1), IoStatus::ok) << "main takes writes";
	}
	EXPECT_EQ(set.value("health", "trend"), "growing");
	EXPECT_EQ(set.number("health", "growth_per_day"), 24u * 8);
	const u64 left = set.data_sectors() - 80;
	const u64 said = set.number("health", "spare_full_seconds");
	EXPECT_NEAR(static_cast<double>(said), static_cast<double>(left / 8 * kHour), 10.0 * kHour);
	set.host.now += 1000 * kDay;
	EXPECT_LT(set.number("health", "growth_per_day"), 8u) << "quiet since";
	ASSERT_EQ(set.crash_and_reload(), Error::ok) << set.sentence;
	EXPECT_EQ(set.value("health", "trend"), "unknown") << "nothing is known of before";
}

TEST(Forecast, NothingIsFullThatShrinks)
{
	RemapSet set;
	for (u64 i = 0; i < 4; ++i)
		ASSERT_EQ(set.send("relocate " + std::to_string(8 * i) + " 8"), 1);
	for (u64 i = 0; i < 4; ++i) {
		set.host.now += kHour;
		ASSERT_EQ(set.send("remove_remap " + std::to_string(8 * i) + " 8"), 1);
	}
	EXPECT_EQ(set.value("health", "trend"), "steady");
	EXPECT_EQ(set.value("health", "growth_per_day"), "0");
	EXPECT_EQ(set.value("health", "spare_full_seconds"), "never");
}

}  // namespace
}  // namespace remap::test
