// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dm-remap-loopback-setup/script.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <fstream>

#include "tools/common/system_failure.h"

namespace dmremap::loopback {
namespace {

constexpr const char *kFirstLines =
	"#!/bin/bash\n"
	"# Written by dm-remap-loopback-setup --output-script. Run it as root.\n"
	"set -euo pipefail\n";

// Ends a here-document; no line of a table looks like it.
constexpr const char *kTableEnd = "END_OF_TABLE";

// One word for the shell, whatever bytes it has.
std::string quoted(const std::string &text)
{
	std::string result = "'";
	for (const char c : text)
		result += c == '\'' ? "'\\''" : std::string(1, c);
	return result + "'";
}

std::string make_image(const ImageFile &image, bool sparse)
{
	const std::string path = quoted(image.path);
	if (image.exists)
		return fmt::format("sized {} {}\n", path, image.bytes);
	return fmt::format("absent {}\n{} {} -- {}\nMADE+=({})\n", path,
			   sparse ? "truncate -s" : "fallocate -l", image.bytes, path, path);
}

std::string attach(const char *variable, const ImageFile &image, uint32_t sector_bytes)
{
	return fmt::format("{}=$(losetup --find --show --sector-size {} -- {})\n", variable,
			   sector_bytes, quoted(image.path));
}

// A failure takes away what was made until then; so do the lines of undo() by hand.
std::string undo()
{
	return fmt::format("MADE=() MAIN='' SPARE=''\n"
			   "undo() {{\n"
			   "    trap - ERR\n"
			   "    ! dmsetup info {0} >/dev/null 2>&1 || dmsetup remove --retry {0}\n"
			   "    ! dmsetup info {1} >/dev/null 2>&1 || dmsetup remove --retry {1}\n"
			   "    [[ -z $SPARE ]] || losetup -d \"$SPARE\"\n"
			   "    [[ -z $MAIN ]] || losetup -d \"$MAIN\"\n"
			   "    ((${{#MADE[@]}} == 0)) || rm -f -- \"${{MADE[@]}}\"\n"
			   "}}\n"
			   "absent() {{\n"
			   "    [[ ! -e $1 ]] || {{ echo \"$1 exists already\" >&2; return 5; }}\n"
			   "}}\n"
			   "sized() {{\n"
			   "    [[ $(stat -c %s -- \"$1\") == \"$2\" ]] ||\n"
			   "        {{ echo \"$1 has not $2 bytes\" >&2; return 5; }}\n"
			   "}}\n"
			   "for name in {0} {1}; do\n"
			   "    if dmsetup info \"$name\" >/dev/null 2>&1; then\n"
			   "        echo \"a mapped device $name exists already\" >&2\n"
			   "        exit 5\n"
			   "    fi\n"
			   "done\n"
			   "trap undo ERR\n\n",
			   kRemapName, kLinearName);
}

bool is_ours(const std::string &path)
{
	std::ifstream in(path);
	const std::string wanted = kFirstLines;
	std::string found(wanted.size(), '\0');
	in.read(found.data(), static_cast<std::streamsize>(found.size()));
	return in && found == wanted;
}

}  // namespace

std::string set_up_script(const Plan &plan)
{
	std::string text = std::string(kFirstLines) + undo();
	text += make_image(plan.main, plan.sparse) + make_image(plan.spare, plan.sparse);
	text += attach("MAIN", plan.main, plan.sector_bytes);
	text += attach("SPARE", plan.spare, plan.sector_bytes);
	text += "modprobe dm-remap\n\n";
	text += fmt::format("dmsetup create {} <<{}\n{}{}\n", kLinearName, kTableEnd,
			    to_text(plan.linear_table("$MAIN")), kTableEnd);
	text += fmt::format("dmsetup create {} <<{}\n{}{}\n", kRemapName, kTableEnd,
			    to_text(plan.remap_table("$SPARE")), kTableEnd);
	return text + fmt::format("echo \"{} is ready, on $MAIN and $SPARE\"\n", kRemapName);
}

std::string add_script(const Table &table)
{
	return fmt::format("{0}\n"
			   "# With another table loaded, resume exchanges it.\n"
			   "dmsetup load {1} <<'{2}'\n{3}{2}\n"
			   "trap 'dmsetup resume {1}; dmsetup resume {4}' EXIT\n"
			   "dmsetup table {4} | dmsetup load {4}\n"
			   "dmsetup suspend {4}\n"
			   "dmsetup suspend {1}\n",
			   kFirstLines, kLinearName, kTableEnd, to_text(table), kRemapName);
}

void write_script(const std::string &path, const std::string &text)
{
	struct stat file;
	if (stat(path.c_str(), &file) == 0 && !is_ours(path))
		throw Failure(ExitCode::busy,
			      path + " exists already and is no script of this program; it stays as "
				     "it is");
	const std::string fresh = path + ".new";
	std::ofstream out(fresh);
	out << text;
	out.close();
	if (!out || chmod(fresh.c_str(), 0755) != 0 || rename(fresh.c_str(), path.c_str()) != 0)
		fail(path + " cannot be written", errno);
}

}  // namespace dmremap::loopback
