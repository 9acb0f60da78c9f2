// SPDX-License-Identifier: GPL-2.0-or-later
// tools-test-identity SYSFS MAJOR:MINOR - prints what tools/dmremap/main_identity.h finds there.
#include <sys/sysmacros.h>

#include <cstdio>

#include "tools/dmremap/main_identity.h"

int main(int argc, char **argv)
{
	unsigned int major = 0;
	unsigned int minor = 0;
	if (argc != 3 || std::sscanf(argv[2], "%u:%u", &major, &minor) != 2)
		return 2;
	std::printf("%s\n", dmremap::main_identity(makedev(major, minor), argv[1]).c_str());
	return 0;
}
