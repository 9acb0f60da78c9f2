// SPDX-License-Identifier: GPL-2.0-or-later
// Box: lines in a frame of 77 columns, with colours or without. A line that is longer sticks out.
#pragma once

#include <string>

namespace dmremap {

enum class Colour { green = 32, yellow = 33, red = 31, cyan = 36, bold = 1 };

class Box {
public:
	Box(const std::string &title, bool colours);

	// `text` in a colour, or as it is.
	std::string paint(Colour colour, const std::string &text) const;

	void section(const std::string &title);
	void row(const std::string &label, const std::string &value);
	void line(const std::string &text);
	// The frame is closed; what was drawn.
	std::string finish();

private:
	void edge(const char *left, const char *right);

	bool colours_;
	std::string text_;
};

}  // namespace dmremap
