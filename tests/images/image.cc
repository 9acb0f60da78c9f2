// SPDX-License-Identifier: GPL-2.0-or-later
// image check FOLDER   whether this machine writes and reads the images in FOLDER
// image write FOLDER   makes them; only for a new version of the format
#include <iostream>

#include "tests/images/history.h"

namespace {

using namespace remap::test;

void write_file(const std::string &name, const std::string &text)
{
	std::ofstream(name) << "# SPDX-License-Identifier: GPL-2.0-or-later\n" << text;
}

int write_images(const std::string &folder)
{
	for (const bool closed : {false, true}) {
		const std::string name = folder + (closed ? "/v1-clean" : "/v1-open");
		History history;
		if (!history.open() || !history.live(closed))
			return 1;
		write_file(name + ".hex", history.metadata());
		write_file(name + ".list", history.listing());
	}
	return 0;
}

}  // namespace

int main(int argc, char **argv)
{
	const std::string what = argc == 3 ? argv[1] : "";
	if (what == "write")
		return write_images(argv[2]);
	if (what != "check") {
		std::cerr << "usage: image check|write FOLDER\n";
		return 2;
	}
	for (const bool closed : {false, true}) {
		const std::string fault = image_fault(argv[2], closed);
		if (!fault.empty()) {
			std::cerr << fault << '\n';
			return 1;
		}
	}
	std::cout << "the images are written and read as they were\n";
	return 0;
}
