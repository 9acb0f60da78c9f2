// SPDX-License-Identifier: GPL-2.0-or-later
// vm-test-refuse: checks refusals by the dozen, all in one process.
//
//	vm-test-refuse message NAME <LINES
//	vm-test-refuse table DEVICE... <LINES
//
// A line is "ERRNO | SENTENCE | WORDS". The words are a message to the device-mapper device NAME,
// or a table of one target. It must be refused with this error, and with a sentence that matches
// this regular expression: in the kernel log, and for a message in `last_error` too. ERRNO is one
// too, and SENTENCE may be empty. Nothing may change: neither table, status nor list of NAME, and every
// DEVICE must still be free. Lines that are empty or begin with # are passed over. Exit status 1
// when anything was not so.
#include "control.h"

#include <iostream>
#include <regex>
#include <sstream>

namespace {

// The kernel log from the moment it was opened.
class Log {
public:
	Log() : fd_(open("/dev/kmsg", O_RDONLY | O_NONBLOCK | O_CLOEXEC))
	{
		lseek(fd_, 0, SEEK_END);
	}
	~Log() { close(fd_); }

	// What came since, without the fields in front.
	std::string read_all() const
	{
		std::string text;
		char record[8192];
		for (;;) {
			const ssize_t length = read(fd_, record, sizeof(record));
			if (length < 0 && errno == EPIPE)
				continue; // records were overwritten before they were read
			if (length <= 0)
				return text;
			const std::string line(record, static_cast<size_t>(length));
			text += line.substr(line.find(';') + 1);
		}
	}

private:
	int fd_;
};

struct Line {
	std::string error;
	std::string sentence;
	std::string words;
};

bool parse(const std::string &text, Line *line)
{
	const size_t first = text.find(" | ");
	const size_t second = first == std::string::npos ? first : text.find(" | ", first + 1);
	if (second == std::string::npos)
		return false;
	line->error = text.substr(0, first);
	line->sentence = second > first ? text.substr(first + 3, second - first - 3) : "";
	line->words = text.substr(second + 3);
	return true;
}

class Judge {
public:
	Judge(int argc, char **argv) : tables_(argv[1] == std::string("table"))
	{
		for (int i = 2; i < argc; ++i)
			names_.push_back(argv[i]);
	}

	bool judge(const Line &line)
	{
		const Log log;
		const std::string before = picture();
		const Outcome outcome = tables_ ? create(line.words) : send(names_[0], line.words);
		const std::string logged = log.read_all();
		std::string said = first_match(logged, line.sentence);
		bool well = true;
		if (!outcome.error || !std::regex_match(outcome.name(), std::regex(line.error)))
			well = wrong(line, std::string("got ") + outcome.name() + " " + outcome.reply);
		if (well && !line.sentence.empty() && said.empty())
			well = wrong(line, "the kernel log says only: " + logged);
		if (well && !tables_ && !line.sentence.empty())
			well = matches_last_error(line, logged);
		if (picture() != before)
			well = wrong(line, "it changed " + before + " to " + picture());
		if (well)
			printf("  ok: '%.60s': %s, %s\n", line.words.c_str(), outcome.name(),
			       said.c_str());
		return well;
	}

private:
	Outcome send(const std::string &name, const std::string &words)
	{
		return control_.message(name, 0, words, 16384);
	}

	Outcome create(const std::string &line)
	{
		std::istringstream in(line);
		uint64_t start = 0, length = 0;
		std::string type, words;
		in >> start >> length >> type;
		std::getline(in >> std::ws, words);
		return control_.create("refused", start, length, type, words);
	}

	std::string picture()
	{
		std::string text;
		for (const std::string &name : names_)
			text += tables_ ? free_or_not(name)
					: control_.status(name).reply +
						  control_.status(name, DM_STATUS_TABLE_FLAG).reply +
						  send(name, "list").reply;
		return text;
	}

	static std::string free_or_not(const std::string &device)
	{
		const int fd = open(device.c_str(), O_RDONLY | O_EXCL | O_CLOEXEC);
		if (fd < 0)
			return device + " in use; ";
		close(fd);
		return device + " free; ";
	}

	static std::string first_match(const std::string &text, const std::string &sentence)
	{
		const std::regex wanted(sentence);
		std::istringstream lines(text);
		for (std::string line; std::getline(lines, line);)
			if (std::regex_search(line, wanted))
				return line;
		return "";
	}

	bool matches_last_error(const Line &line, const std::string &logged)
	{
		const std::string status = send(names_[0], "status").reply;
		const size_t at = status.find("last_error=");
		if (at == std::string::npos)
			return wrong(line, "status has no last_error");
		const std::string said =
			status.substr(at + 11, status.find('\n', at) - at - 11);
		if (!std::regex_search(said, std::regex(line.sentence)))
			return wrong(line, "last_error is " + said);
		if (logged.find(said) == std::string::npos)
			return wrong(line, "the kernel log has another sentence than " + said);
		return true;
	}

	static bool wrong(const Line &line, const std::string &what)
	{
		printf("  FAILED: '%.200s': wanted %s | %s; %.1000s\n", line.words.c_str(),
		       line.error.c_str(), line.sentence.c_str(), what.c_str());
		return false;
	}

	bool tables_;
	std::vector<std::string> names_;
	Control control_;
};

}  // namespace

int main(int argc, char **argv)
{
	const std::string verb = argc > 1 ? argv[1] : "";
	if (argc < 3 || (verb != "message" && verb != "table")) {
		fprintf(stderr, "usage: vm-test-refuse message NAME | table DEVICE... <LINES\n");
		return 2;
	}
	Judge judge(argc, argv);
	unsigned failed = 0;
	unsigned judged = 0;
	for (std::string text; std::getline(std::cin, text);) {
		Line line;
		if (text.empty() || text[0] == '#')
			continue;
		if (!parse(text, &line)) {
			fprintf(stderr, "not a line: %s\n", text.c_str());
			return 2;
		}
		failed += !judge.judge(line);
		++judged;
	}
	printf("  %u refusals, %u not as they must be\n", judged, failed);
	return failed || !judged ? 1 : 0;
}
