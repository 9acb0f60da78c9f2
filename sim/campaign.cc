// SPDX-License-Identifier: GPL-2.0-or-later
#include "sim/campaign.h"

#include <limits.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

namespace remap::sim {

namespace {

volatile sig_atomic_t stop_asked;

// So that a campaign that is interrupted still tells how far it came. read() is not restarted.
void stop_at_signals()
{
	struct sigaction action = {};
	action.sa_handler = [](int) { stop_asked = 1; };
	sigaction(SIGINT, &action, nullptr);
	sigaction(SIGTERM, &action, nullptr);
}

} // namespace

void Tally::add(const Findings &findings)
{
	constexpr u64 kOperations = 200, kCrashes = 3; // in each seed, at least
	++runs;
	operations += findings.operations;
	crashes += findings.crashes;
	torn += findings.torn;
	bad += findings.bad;
	given_up += findings.given_up;
	too_short += findings.ok() && !findings.given_up &&
		     (findings.operations < kOperations || findings.crashes < kCrashes);
	kinds.add(findings.kinds);
	++broken[static_cast<usize>(findings.broken)];
}

void Tally::add(const Tally &other)
{
	if (!other.ok() && (ok() || other.broken_item < broken_item))
		broken_item = other.broken_item;
	items += other.items;
	runs += other.runs;
	operations += other.operations;
	crashes += other.crashes;
	torn += other.torn;
	bad += other.bad;
	given_up += other.given_up;
	too_short += other.too_short;
	kinds.add(other.kinds);
	for (usize i = 0; i < std::size(broken); ++i)
		broken[i] += other.broken[i];
}

// Each round has an item for each job. Which one changes from round to round in a way that has no period,
// as workloads that are alike, and take as long, come at regular distances.
u64 Campaign::item_of(u32 job, u64 round) const
{
	return round * jobs_ + (job + static_cast<u32>(__builtin_popcountll(round))) % jobs_;
}

u32 Campaign::job_of(u64 item) const
{
	const u32 turned = static_cast<u32>(__builtin_popcountll(item / jobs_)) % jobs_;
	return static_cast<u32>((item % jobs_ + jobs_ - turned) % jobs_);
}

Tally Campaign::run(u64 first, u64 count, const One &one)
{
	int ends[2];
	if (pipe(ends)) {
		std::perror("dmremap-sim: pipe");
		std::exit(2);
	}
	std::fflush(nullptr);
	done_.assign(jobs_, 0);
	for (u32 job = 0; job < jobs_; ++job) {
		const int child = fork();
		if (child < 0) {
			std::perror("dmremap-sim: fork");
			std::exit(2);
		}
		if (!child) {
			close(ends[0]);
			signal(SIGINT, SIG_DFL);
			signal(SIGTERM, SIG_DFL);
			for (u64 round = 0; round * jobs_ < count; ++round) {
				const u64 i = item_of(job, round);
				if (i >= count)
					continue;
				Tally tally = one(first + i);
				tally.items = 1;
				tally.broken_item = first + i;
				if (write(ends[1], &tally, sizeof(tally)) != sizeof(tally))
					_exit(2);
			}
			_exit(0);
		}
		workers_.push_back(child);
	}
	close(ends[1]);
	stop_at_signals();
	const Tally all = collect(ends[0], first, count);
	close(ends[0]);
	stop();
	return all;
}

// A tally is shorter than what a pipe takes at once, so those of different processes never mix.
Tally Campaign::collect(int pipe, u64 first, u64 count)
{
	Tally all, one;
	static_assert(sizeof(one) <= PIPE_BUF);
	while (all.items < count && all.ok() && !stop_asked &&
	       read(pipe, &one, sizeof(one)) == sizeof(one)) {
		++done_[job_of(one.broken_item - first)];
		all.add(one);
		show(all.items, count);
	}
	if (progress_)
		std::fprintf(stderr, "\r\033[K");
	return all;
}

bool Campaign::interrupted() { return stop_asked; }

u64 Campaign::done() const
{
	u64 least = kNever;
	for (u32 job = 0; job < jobs_; ++job)
		least = min_of(least, item_of(job, done_[job]));
	return least;
}

void Campaign::show(u64 done, u64 count) const
{
	constexpr u64 kWidth = 40;
	const u64 step = count < 1000 ? 1 : count / 1000;
	if (!progress_ || done % step)
		return;
	char bar[kWidth + 1];
	for (u64 i = 0; i < kWidth; ++i)
		bar[i] = i < done * kWidth / count ? '#' : '.';
	bar[kWidth] = '\0';
	std::fprintf(stderr, "\r[%s] %llu of %llu", bar, static_cast<unsigned long long>(done),
		     static_cast<unsigned long long>(count));
}

void Campaign::stop()
{
	for (const int worker : workers_)
		kill(worker, SIGTERM);
	for (const int worker : workers_)
		waitpid(worker, nullptr, 0);
	workers_.clear();
}

} // namespace remap::sim
