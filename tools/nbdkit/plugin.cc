// SPDX-License-Identifier: GPL-2.0-or-later
// The plugin of nbdkit: `nbdkit dm-remap main=FILE spare=FILE...` serves what `dmremap serve` does, with
// nbdkit's filters above it.
//
// Threads. nbdkit calls from any number of threads (the model "parallel"); one more, the reactor's, does
// all that there is to do on the volume, as in `dmremap serve`. A call hands its request to the reactor
// (worker.h) and sleeps until it has ended, so there are as many requests at work as nbdkit has threads
// (its option --threads). No order among them is kept or promised, as NBD has it; a flush takes in what
// was answered before it, on whatever connection, so clients may have several.
//
// Processes. nbdkit forks before it serves. Whatever can be refused is refused before, where somebody
// reads it: the devices are taken and the set is opened in get_ready(). Threads and the ring do not
// survive a fork, so they begin in after_fork(), in the process that serves. The descriptors that hold
// the devices and the set's name survive it.
#define NBDKIT_API_VERSION 2
#include <nbdkit-plugin.h>

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "core/remap_core.h"
#include "host/allocation.h"
#include "host/io_errno.h"
#include "tools/nbdkit/server.h"
#include "tools/nbdkit/worker.h"

#define THREAD_MODEL NBDKIT_THREAD_MODEL_PARALLEL

namespace {

using namespace dmremap;
using remap::kSectorBytes;
using remap::Op;
using remap::Sector;
using remap::u32;
using remap::u64;
using remap::u8;

// Lookups for one answer about extents.
constexpr u32 kLooks = 1024;

// Never deleted but in cleanup(): the process that forked ends with exit(), and must not end the set.
Parameters *g_given;
Server *g_server;

remap::host::Volume &volume() { return g_server->volume(); }

// A C program is above: nothing is thrown through it.
template <class Call> int guarded(Call &&call)
{
	try {
		call();
		return 0;
	} catch (const std::bad_alloc &) {
		nbdkit_error("not enough memory");
		nbdkit_set_error(ENOMEM);
	} catch (const std::exception &failure) {
		nbdkit_error("%s", failure.what());
	}
	return -1;
}

// nbdkit's working directory is another one when it serves.
std::string absolute(const char *path)
{
	char *found = nbdkit_absolute_path(path);
	if (!found)
		throw std::bad_alloc();
	const std::string result = found;
	std::free(found);
	return result;
}

// ---- parameters ----

// Those that are features of a table line, with its names but for the hyphens.
std::string feature_of(std::string key)
{
	std::replace(key.begin(), key.end(), '-', '_');
	return key;
}

bool note_feature(const std::string &key, const char *value)
{
	std::vector<std::string> &words = g_given->features;
	for (const char *name : {"heal", "allow-degraded"}) {
		if (key != name)
			continue;
		const int wanted = nbdkit_parse_bool(value);
		if (wanted < 0)
			throw Failure(ExitCode::wrong_arguments, key + " is true or false");
		if (wanted)
			words.push_back(feature_of(key));
		return true;
	}
	for (const char *name : {"on-write-error", "on-read-error", "retries", "budget", "scan-rate"}) {
		if (key != name)
			continue;
		words.insert(words.end(), {feature_of(key), value});
		return true;
	}
	return false;
}

void note(const std::string &key, const char *value)
{
	if (key == "main")
		g_given->main = absolute(value);
	else if (key == "spare")
		g_given->spares.push_back(absolute(value));
	else if (key == "set")
		g_given->set = value;
	else if (key == "main-id")
		g_given->main_id = value;
	else if (key == "name")
		g_given->name = value;
	else if (key == "control")
		g_given->control = absolute(value);
	else if (key == "fail-sectors")
		g_given->bad.push_back(value);
	else if (!note_feature(key, value))
		throw Failure(ExitCode::wrong_arguments,
			      fmt::format("there is no parameter '{}'", key));
}

int config(const char *key, const char *value)
{
	return guarded([&] { note(key, value); });
}

// ---- life ----

void load() { g_given = new Parameters; }

int get_ready()
{
	return guarded([] { g_server = new Server(*g_given, nbdkit_shutdown); });
}

int after_fork()
{
	return guarded([] { g_server->begin(); });
}

void cleanup()
{
	if (!g_server)
		return;
	g_server->end();
	delete g_server;
	g_server = nullptr;
}

// ---- connections ----

void *open_connection(int)
{
	volume().host().count_users(1);
	return NBDKIT_HANDLE_NOT_NEEDED;
}

void close_connection(void *) { volume().host().count_users(-1); }

int64_t get_size(void *) { return static_cast<int64_t>(volume().sectors() * kSectorBytes); }

int block_size(void *, uint32_t *minimum, uint32_t *preferred, uint32_t *maximum)
{
	*minimum = volume().block_bytes();
	*preferred = std::max<u32>(4096, *minimum);
	*maximum = 0xffffffff / *preferred * *preferred;
	return 0;
}

int yes(void *) { return 1; }
int can_fua(void *) { return NBDKIT_FUA_NATIVE; }

// ---- requests ----

const char *name_of(Op op)
{
	constexpr const char *kNames[] = {"read", "write", "write of zeros", "discard"};
	static_assert(static_cast<u32>(Op::read) == 0 && static_cast<u32>(Op::write) == 1 &&
		      static_cast<u32>(Op::write_zeroes) == 2 && static_cast<u32>(Op::discard) == 3);
	return kNames[static_cast<u32>(op)];
}

int failed(const std::string &what, int error)
{
	nbdkit_error("%s: %s", what.c_str(), std::strerror(error));
	nbdkit_set_error(error);
	return -1;
}

bool is_aligned(u64 offset, u32 count)
{
	const u32 block = volume().block_bytes();
	if (offset % block == 0 && count % block == 0)
		return true;
	nbdkit_error("offset and length are not multiples of %u bytes; the filter 'blocksize' makes "
		     "them so", block);
	nbdkit_set_error(EINVAL);
	return false;
}

int ended(Op op, u64 offset, u32 count, remap::IoStatus status)
{
	const int error = remap::host::errno_of(status);
	if (!error)
		return 0;
	return failed(fmt::format("{} of {} bytes at {}", name_of(op), count, offset), error);
}

// `copy(memory, done, part)` is called before each part of a write, and after each of a read.
template <class Copy> int transfer(Op op, bool fua, u32 count, u64 offset, Copy &&copy)
{
	if (!is_aligned(offset, count))
		return -1;
	Worker &worker = Worker::mine();
	u8 *memory = worker.memory();
	if (!memory)
		return failed(name_of(op), ENOMEM);
	for (u32 done = 0; done < count;) {
		const u32 part = std::min(count - done, Worker::kBytes);
		if (op == Op::write)
			copy(memory, done, part);
		const remap::IoStatus status =
			worker.perform(volume(), op, fua, (offset + done) / kSectorBytes,
				       part / kSectorBytes, memory);
		if (status != remap::IoStatus::ok)
			return ended(op, offset, count, status);
		if (op == Op::read)
			copy(memory, done, part);
		done += part;
	}
	return 0;
}

int pread(void *, void *buffer, uint32_t count, uint64_t offset, uint32_t)
{
	return transfer(Op::read, false, count, offset, [&](const u8 *memory, u32 done, u32 part) {
		std::memcpy(static_cast<u8 *>(buffer) + done, memory, part);
	});
}

int pwrite(void *, const void *buffer, uint32_t count, uint64_t offset, uint32_t flags)
{
	return transfer(Op::write, flags & NBDKIT_FLAG_FUA, count, offset,
			[&](u8 *memory, u32 done, u32 part) {
				std::memcpy(memory, static_cast<const u8 *>(buffer) + done, part);
			});
}

int without_data(Op op, u32 count, u64 offset, u32 flags)
{
	if (!is_aligned(offset, count))
		return -1;
	return ended(op, offset, count,
		     Worker::mine().perform(volume(), op, flags & NBDKIT_FLAG_FUA,
					    offset / kSectorBytes, count / kSectorBytes, nullptr));
}

int trim(void *, uint32_t count, uint64_t offset, uint32_t flags)
{
	return without_data(Op::discard, count, offset, flags);
}

int zero(void *, uint32_t count, uint64_t offset, uint32_t flags)
{
	return without_data(Op::write_zeroes, count, offset, flags);
}

int flush(void *, uint32_t)
{
	const int error = remap::host::errno_of(Worker::mine().flush(volume()));
	return error ? failed("flush", error) : 0;
}

// Collected on the reactor's thread, told on this one.
int extents(void *, uint32_t count, uint64_t offset, uint32_t flags, struct nbdkit_extents *told)
{
	const Sector begin = offset / kSectorBytes;
	const Sector end = (offset + count + kSectorBytes - 1) / kSectorBytes;
	std::vector<remap::host::Run> runs;
	const int collected = guarded([&] {
		runs.reserve(kLooks);
		Worker::mine().ask(volume(), [&] {
			for (Sector at = begin; at < end && runs.size() < kLooks; at += runs.back().sectors)
				runs.push_back(remap::host::allocation_at(volume(), at, end - at));
		});
	});
	if (collected < 0)
		return -1;
	Sector at = begin;
	for (const remap::host::Run &run : runs) {
		if (nbdkit_add_extent(told, at * kSectorBytes, run.sectors * kSectorBytes,
				      run.hole ? NBDKIT_EXTENT_HOLE | NBDKIT_EXTENT_ZERO : 0) < 0)
			return -1;
		at += run.sectors;
		if (flags & NBDKIT_FLAG_REQ_ONE)
			break;
	}
	return 0;
}

constexpr const char *kHelp =
	"main=FILE           (required) The disk, or an image file.\n"
	"spare=FILE          (required) The device or image file that takes remaps; of a set\n"
	"                    with several spares each of them, up to four.\n"
	"set=UUID            Serve this set only.\n"
	"main-id=ID          What main is known by, as --main-id of 'dmremap format'.\n"
	"name=NAME           What 'dmremap status' and others call the device.\n"
	"control=PATH        Its control socket; by default by NAME in the run directory.\n"
	"on-write-error=remap|fail, on-read-error=retry|fail, retries=N, budget=REMAPS/SECONDS,\n"
	"scan-rate=SECTORS, heal=true\n"
	"                    What is done about errors, as the options of 'dmremap serve'.\n"
	"allow-degraded=true Start without spares that the set records as gone.\n"
	"fail-sectors=N|FIRST-LAST\n"
	"                    For trying it out: sectors of main that fail; as often as needed.";

nbdkit_plugin made()
{
	nbdkit_plugin plugin = {};
	plugin.name = "dm-remap";
	plugin.longname = "dm-remap";
	plugin.version = REMAP_VERSION;
	plugin.description = "a disk with its bad sectors on another device";
	plugin.magic_config_key = "main";
	plugin.config_help = kHelp;
	plugin.errno_is_preserved = 0;
	plugin.load = load;
	plugin.config = config;
	plugin.get_ready = get_ready;
	plugin.after_fork = after_fork;
	plugin.cleanup = cleanup;
	plugin.open = open_connection;
	plugin.close = close_connection;
	plugin.get_size = get_size;
	plugin.block_size = block_size;
	plugin.can_multi_conn = yes;
	plugin.can_extents = yes;
	plugin.can_fua = can_fua;
	plugin.pread = pread;
	plugin.pwrite = pwrite;
	plugin.trim = trim;
	plugin.zero = zero;
	plugin.flush = flush;
	plugin.extents = extents;
	return plugin;
}

nbdkit_plugin plugin = made();

}  // namespace

NBDKIT_REGISTER_PLUGIN(plugin)
