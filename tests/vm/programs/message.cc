// SPDX-License-Identifier: GPL-2.0-or-later
// vm-test-message: sends messages to a device-mapper target by the bare ioctl: thousands in the
// time that dmsetup takes for a few, and with a reply buffer as small as asked for.
//
//	vm-test-message [OPTION...] NAME WORD...
//	vm-test-message [OPTION...] NAME <LINES
//	vm-test-message -s NAME             the status line of each target instead
//
//	-a SECTOR  to the target that holds it    -r ROOM  bytes for the reply
//	-p  the bare reply; when refused the errno, and exit status 1
//	-q  only a count of the lines accepted and refused
//
// Otherwise one line for each message: its errno (0: accepted), "fits", "none" or "full" for the
// reply, the reply with line ends as semicolons.
#include "control.h"

#include <iostream>

namespace {

struct Options {
	std::string name;
	uint64_t sector = 0;
	size_t room = 16384;
	bool plain = false;
	bool quiet = false;
	bool status = false;
};

bool parse(int argc, char **argv, Options *options)
{
	for (int c; (c = getopt(argc, argv, "+a:r:pqs")) != -1;) {
		switch (c) {
		case 'a':
			options->sector = strtoull(optarg, nullptr, 10);
			break;
		case 'r':
			options->room = strtoull(optarg, nullptr, 10);
			break;
		case 'p':
			options->plain = true;
			break;
		case 'q':
			options->quiet = true;
			break;
		case 's':
			options->status = true;
			break;
		default:
			return false;
		}
	}
	if (optind >= argc)
		return false;
	options->name = argv[optind++];
	return true;
}

int print_plain(const Outcome &outcome)
{
	printf("%s\n", outcome.error ? outcome.name() : outcome.reply.c_str());
	return outcome.error ? 1 : 0;
}

int print(const Options &options, const Outcome &outcome)
{
	if (options.plain)
		return print_plain(outcome);
	std::string reply = outcome.reply;
	for (char &c : reply)
		if (c == '\n')
			c = ';';
	printf("%s %s %s\n", outcome.name(), outcome.reply_state, reply.c_str());
	return 0;
}

// Every line of standard input, to its end.
int send_lines(Control &control, const Options &options)
{
	unsigned long long accepted = 0;
	unsigned long long refused = 0;
	for (std::string line; std::getline(std::cin, line);) {
		const Outcome outcome =
			control.message(options.name, options.sector, line, options.room);
		++(outcome.error ? refused : accepted);
		if (!options.quiet)
			print(options, outcome);
	}
	if (options.quiet)
		printf("%llu accepted, %llu refused\n", accepted, refused);
	return 0;
}

}  // namespace

int main(int argc, char **argv)
{
	Options options;
	if (!parse(argc, argv, &options)) {
		fprintf(stderr, "usage: vm-test-message [-a SECTOR] [-r ROOM] [-pqs] NAME [WORD...]\n");
		return 2;
	}
	Control control;
	if (options.status)
		return print_plain(control.status(options.name));
	if (optind == argc)
		return send_lines(control, options);
	std::string text = argv[optind];
	while (++optind < argc)
		text += std::string(" ") + argv[optind];
	return print(options, control.message(options.name, options.sector, text, options.room));
}
