// SPDX-License-Identifier: GPL-2.0-or-later
// The table line: what is accepted has two devices and well-formed values; what is refused has a
// sentence.
#include <cstdio>
#include <cstdlib>

#include "core/engine/table_line.h"
#include "fuzz/words.h"

using namespace remap;

extern "C" int LLVMFuzzerTestOneInput(const u8 *data, usize bytes)
{
	fuzz::Words words(std::string(reinterpret_cast<const char *>(data), bytes));
	TableLine line;
	const LineFault fault = TableLineParser(words.count(), words.pointers()).parse(&line);
	Uuid uuid;
	const bool sane = fault ? *fault.sentence && fault.found
				: line.main && line.spare &&
					  (!line.set || Uuid::parse(line.set, &uuid)) &&
					  (!line.main_id || strlen(line.main_id) <= kMainIdBytes);
	if (sane)
		return 0;
	std::fprintf(stderr, "broken promise: a table line is understood or refused\n");
	std::abort();
}
