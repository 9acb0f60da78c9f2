// SPDX-License-Identifier: GPL-2.0-or-later
// Child: another program that this one runs.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "tools/common/descriptor.h"

namespace dmremap {

class Child {
public:
	// Starts words[0], found in PATH or in the directories of the administrator's programs. Its
	// standard output is read by read_line(), its standard error as well, or it goes to the file
	// `errors`. Throws Failure when the program is not there.
	explicit Child(const std::vector<std::string> &words, const std::string &errors = "");
	// Asks it to end, if it has not, and waits.
	~Child();
	Child(const Child &) = delete;
	Child &operator=(const Child &) = delete;

	// Without the line's end. false: there is no further one.
	bool read_line(std::string *line);
	void send(int signal);
	// Waits until it has ended. Its exit status, or 128 and the number of the signal that ended it.
	int wait();

private:
	pid_t pid_ = -1;
	int status_ = -1;
	Descriptor output_;
	std::string buffer_;
};

}  // namespace dmremap
