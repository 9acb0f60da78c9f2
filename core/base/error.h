// SPDX-License-Identifier: GPL-2.0-or-later
// Every cause for which the core refuses or gives up, once: its name, its errno, its sentence.
//
// The sentence is what the user reads. Where numbers help, the place that refuses adds them with
// a Refusal (core/base/refusal.h); the cause stays the same.
#pragma once

#include "core/base/types.h"

namespace remap {

// X(name, errno on Linux, sentence)
#define REMAP_ERRORS(X)                                                                          \
	X(ok, 0, "no error")                                                                     \
	X(no_memory, 12, "not enough memory")                                                    \
	X(interrupted, 4, "interrupted; what was finished before is kept")                       \
	X(suspended, 16, "the device is suspended; resume it and try again")                     \
	X(wrong_argument, 22, "an argument is not valid")                                        \
	X(unknown_message, 22, "unknown message; 'help' lists the messages")                     \
	X(out_of_range, 34, "the range reaches beyond the device")                               \
	X(misaligned, 22, "the range is not aligned to the logical block size")                  \
	X(overlap, 17, "the range is mapped already")                                            \
	X(spare_in_use, 17, "the place on the spare is in use already")                          \
	X(not_mapped, 2, "nothing is mapped there")                                              \
	X(spare_full, 28, "the spare has no room left")                                          \
	X(table_full, 28, "the table holds as many extents as it can")                           \
	X(content_lost, 61, "the range has lost sectors; it stays mapped until they are written") \
	X(main_io, 5, "main refused the I/O")                                                    \
	X(spare_io, 5, "the spare refused the I/O")                                              \
	X(in_use, 16, "the device is open")                                                      \
	X(set_in_use, 16, "another mapped device uses the set on this spare")                    \
	X(read_only, 30, "the set is read-only")                                                 \
	X(broken, 5, "an internal check failed; the set was made read-only")                    \
	X(not_blank, 17, "the spare is not blank and not ours; nothing was written to it")       \
	X(wrong_set, 22, "the spare belongs to another set or another main device")              \
	X(unknown_format, 95, "the metadata has a format that this version does not know")       \
	X(damaged, 117, "the metadata is damaged beyond what its copies can mend")               \
	X(unwritable, 30, "the metadata can no longer be written; nothing can be changed")       \
	X(no_randomness, 11, "no random numbers for the name of a new set")

enum class Error : u8 {
#define X(name, number, text) name,
	REMAP_ERRORS(X)
#undef X
};

// The positive errno value that stands for `error` on Linux.
constexpr int errno_of(Error error)
{
	switch (error) {
#define X(name, number, text)                                                                    \
	case Error::name:                                                                        \
		return number;
		REMAP_ERRORS(X)
#undef X
	}
	return 5;
}

constexpr const char *text_of(Error error)
{
	switch (error) {
#define X(name, number, text)                                                                    \
	case Error::name:                                                                        \
		return text;
		REMAP_ERRORS(X)
#undef X
	}
	return "unknown error";
}

}  // namespace remap
