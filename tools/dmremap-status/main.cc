// SPDX-License-Identifier: GPL-2.0-or-later
// dmremap-status: what a dm-remap device is like, for people, scripts and logs.
#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <thread>

#include "core/remap_core.h"
#include "tools/common/failure.h"
#include "tools/common/usage.h"
#include "tools/dmremap-status/formats.h"
#include "tools/dmremap-status/live.h"
#include "tools/dmremap-status/status_line.h"

namespace dmremap {
namespace {

struct Options {
	std::string device, input;
	std::string format = "human";
	double watch = 0;
	bool no_color = false;
	bool measure = false;
};

// More than any status line, and what is no text at all ends there.
constexpr size_t kMaxInput = 1 << 20;

std::string content_of(std::istream &stream)
{
	std::string content(kMaxInput, '\0');
	stream.read(content.data(), static_cast<std::streamsize>(content.size()));
	content.resize(static_cast<size_t>(stream.gcount()));
	return content;
}

std::string content_of(const std::string &path)
{
	if (path == "-")
		return content_of(std::cin);
	errno = 0;
	std::ifstream file(path);
	const std::string content = file ? content_of(file) : "";
	// The end of the file sets failbit only; a folder is noticed when it is read.
	if (!file.is_open() || file.bad()) {
		const int error = errno;
		throw Failure(error == EACCES ? ExitCode::no_permission : ExitCode::wrong_device,
			      fmt::format("{}: {}", path, strerror(error)));
	}
	return content;
}

Report report_of(const Options &options, bool first)
{
	if (options.input.empty())
		return live_report(options.device, options.measure && first);
	return parse_status_line(only_line(content_of(options.input),
					   options.input == "-" ? "standard input" : options.input));
}

bool colours_wanted(const Options &options)
{
	const char *no_color = std::getenv("NO_COLOR");
	return !options.no_color && !(no_color && *no_color) && isatty(STDOUT_FILENO);
}

std::string formatted(const Report &report, const Options &options, bool first)
{
	if (options.format == "json")
		return as_json(report);
	if (options.format == "csv")
		return as_csv(report, first);
	if (options.format == "compact")
		return as_compact(report);
	if (options.format == "raw")
		return report.raw + '\n';
	return as_human(report, colours_wanted(options));
}

void print(const std::string &text)
{
	if (std::fwrite(text.data(), 1, text.size(), stdout) != text.size() || std::fflush(stdout))
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("standard output: {}", strerror(errno)));
}

void run(const Options &options)
{
	// The box is drawn over the former one; lines and documents follow each other.
	const bool redraw = options.watch > 0 && options.format == "human" && isatty(STDOUT_FILENO);
	for (bool first = true;; first = false) {
		const std::string text = formatted(report_of(options, first), options, first);
		print(redraw ? "\033[H\033[J" + text : text);
		if (options.watch <= 0)
			return;
		std::this_thread::sleep_for(std::chrono::duration<double>(options.watch));
	}
}

void check(const Options &options)
{
	const char *wrong = nullptr;
	if (options.device.empty() && options.input.empty())
		wrong = "say which: a DEVICE, or a file with --input";
	else if (!options.device.empty() && !options.input.empty())
		wrong = "a DEVICE is asked, or a file is read with --input, not both";
	else if (options.input == "-" && options.watch > 0)
		wrong = "standard input has one status line; --watch needs a DEVICE or a file";
	else if (!options.input.empty() && options.measure)
		wrong = "--measure needs a DEVICE";
	if (wrong)
		throw Failure(ExitCode::wrong_arguments, wrong);
}

void add_options(CLI::App &program, Options *options)
{
	program.set_version_flag("-v,--version", "dmremap-status " REMAP_VERSION);
	program.add_option("DEVICE", options->device, "a mapped device, by name or path");
	program.add_option("-f,--format", options->format, "human, json, csv, raw or compact")
		->check(CLI::IsMember({"human", "json", "csv", "raw", "compact"}));
	program.add_option("-i,--input", options->input,
			   "read a status line from this file instead; '-' is standard input");
	program.add_option("-w,--watch", options->watch, "again every so many SECONDS")
		->check(CLI::Range(0.1, 86400.0));
	program.add_flag("-n,--no-color", options->no_color, "no colours, even on a terminal");
	program.add_flag("--measure", options->measure,
			 "measure latency and throughput from now on (makes a dm-stats region)");
	program.footer("Exit codes: 0 done, 1 wrong arguments, 2 no permission, 3 out of memory, "
		       "4 wrong device or not a status line.");
}

}  // namespace
}  // namespace dmremap

int main(int argc, char **argv)
{
	using namespace dmremap;
	CLI::App program("Show what a dm-remap device is like.", "dmremap-status");
	Options options;
	add_options(program, &options);
	try {
		program.parse(argc, argv);
		check(options);
		run(options);
	} catch (const CLI::ParseError &error) {
		return tell_usage(program, error) ? static_cast<int>(ExitCode::wrong_arguments) : 0;
	} catch (const std::bad_alloc &) {
		std::fprintf(stderr, "dmremap-status: not enough memory\n");
		return static_cast<int>(ExitCode::no_memory);
	} catch (const Failure &failure) {
		std::fprintf(stderr, "dmremap-status: %s\n", failure.what());
		return static_cast<int>(failure.code());
	}
	return 0;
}
