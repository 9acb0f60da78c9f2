// SPDX-License-Identifier: GPL-2.0-or-later
// tools-test-message MAIN SPARE[,SPARE...] [--leave-open|--allow-degraded] MESSAGE...: starts the engine
// on image files, sends it messages as dmsetup would, and closes the set, unless it is left open as a power
// cut leaves it.
#include <cstdio>
#include <cstring>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "core/engine/engine.h"
#include "host/posix_host.h"

namespace {

using remap::host::Access;
using remap::host::DeviceFile;
using remap::host::PosixHost;

bool send(remap::Engine<PosixHost> &engine, const std::string &message)
{
	std::istringstream stream(message);
	std::vector<std::string> words;
	for (std::string word; stream >> word;)
		words.push_back(word);
	std::vector<char *> argv;
	for (std::string &word : words)
		argv.push_back(word.data());
	static char reply[65536];
	const int done = engine.message(static_cast<remap::u32>(argv.size()), argv.data(), reply,
					sizeof(reply));
	std::printf("%s%s", reply, *reply && reply[strlen(reply) - 1] != '\n' ? "\n" : "");
	return done >= 0;
}

int refuse(const remap::Refusal &why, remap::Status status)
{
	std::fprintf(stderr, "tools-test-message: %s\n",
		     why.any() ? why.text() : remap::text_of(status.error()));
	return 1;
}

}  // namespace

int main(int argc, char **argv)
{
	if (argc < 4)
		return 2;
	DeviceFile main(argv[1], Access::look);
	std::vector<std::unique_ptr<DeviceFile>> files;
	std::vector<DeviceFile *> spares;
	remap::Geometry geometry{main.sectors(), {}, 1};
	std::istringstream paths(argv[2]);
	for (std::string path; std::getline(paths, path, ',');) {
		files.push_back(std::make_unique<DeviceFile>(path, Access::read_write));
		spares.push_back(files.back().get());
		geometry.spares.add(files.back()->sectors());
	}
	PosixHost host(&main, spares, true);
	remap::Engine<PosixHost> engine(host);
	remap::Refusal why;
	const bool leave_open = strcmp(argv[3], "--leave-open") == 0;
	remap::Terms terms;
	terms.allow_degraded = strcmp(argv[3], "--allow-degraded") == 0;
	const remap::Status made = engine.create(geometry, terms, why);
	if (!made.ok())
		return refuse(why, made);
	const remap::Status started = engine.start(why);
	if (!started.ok())
		return refuse(why, started);
	for (int i = leave_open || terms.allow_degraded ? 4 : 3; i < argc; ++i)
		if (!send(engine, argv[i])) {
			for (const std::string &line : host.lines())
				std::fprintf(stderr, "%s\n", line.c_str());
			return 1;
		}
	if (!leave_open)
		engine.postsuspend();
	return 0;
}
