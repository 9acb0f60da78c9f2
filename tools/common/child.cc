// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/common/child.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdlib>

#include "tools/common/system_failure.h"

namespace dmremap {
namespace {

constexpr char kAdministrators[] = "/usr/local/sbin:/usr/sbin:/sbin";

// The path of a program; empty: there is none.
std::string find(const std::string &name)
{
	if (name.find('/') != std::string::npos)
		return name;
	const char *own = std::getenv("PATH");
	std::string rest = (own ? std::string(own) : "") + ":" + kAdministrators;
	while (!rest.empty()) {
		const std::string path = rest.substr(0, rest.find(':')) + "/" + name;
		if (access(path.c_str(), X_OK) == 0)
			return path;
		rest.erase(0,
			   rest.find(':') == std::string::npos ? rest.size() : rest.find(':') + 1);
	}
	return "";
}

} // namespace

Child::Child(const std::vector<std::string> &words, const std::string &errors)
{
	const std::string path = find(words[0]);
	if (path.empty())
		throw Failure(ExitCode::wrong_device, "the program " + words[0] + " is not there");
	std::vector<char *> arguments;
	for (const std::string &word : words)
		arguments.push_back(const_cast<char *>(word.c_str()));
	arguments.push_back(nullptr);
	int ends[2];
	if (pipe2(ends, O_CLOEXEC) != 0)
		fail("pipe", errno);
	output_ = Descriptor(ends[0]);
	const Descriptor input(ends[1]);
	const Descriptor log(
		errors.empty()
			? -1
			: open(errors.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
	pid_ = fork();
	if (pid_ < 0)
		fail("fork", errno);
	if (pid_ == 0) {
		dup2(input.get(), STDOUT_FILENO);
		dup2(log ? log.get() : input.get(), STDERR_FILENO);
		execv(path.c_str(), arguments.data());
		_exit(127);
	}
}

Child::~Child()
{
	send(SIGTERM);
	wait();
}

bool Child::read_line(std::string *line)
{
	for (;;) {
		const size_t end = buffer_.find('\n');
		if (end != std::string::npos) {
			*line = buffer_.substr(0, end);
			buffer_.erase(0, end + 1);
			return true;
		}
		char more[4096];
		const ssize_t got = read(output_.get(), more, sizeof(more));
		if (got > 0)
			buffer_.append(more, static_cast<size_t>(got));
		else if (got == 0 || errno != EINTR)
			break;
	}
	*line = std::move(buffer_);
	buffer_.clear();
	return !line->empty();
}

void Child::send(int signal)
{
	if (status_ < 0)
		kill(pid_, signal);
}

int Child::wait()
{
	int ended = 0;
	if (status_ < 0) {
		while (waitpid(pid_, &ended, 0) < 0 && errno == EINTR) {
		}
		status_ = WIFEXITED(ended) ? WEXITSTATUS(ended) : 128 + WTERMSIG(ended);
	}
	return status_;
}

} // namespace dmremap
