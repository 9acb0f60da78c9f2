// SPDX-License-Identifier: GPL-2.0-or-later
#include "tools/dmremap-status/box.h"

#include <fmt/format.h>

namespace dmremap {
namespace {

constexpr size_t kInside = 75;

// Columns of UTF-8 text; escape sequences have none.
size_t columns(const std::string &text)
{
	size_t count = 0;
	for (size_t at = 0; at < text.size(); ++at) {
		if (text[at] == '\033')
			at = text.find('m', at);
		else
			count += (text[at] & 0xc0) != 0x80;
	}
	return count;
}

std::string padding(size_t used) { return std::string(used < kInside ? kInside - used : 0, ' '); }

}  // namespace

Box::Box(const std::string &title, bool colours) : colours_(colours)
{
	edge("┌", "┐");
	line(std::string((kInside - columns(title)) / 2, ' ') + paint(Colour::bold, title));
	edge("├", "┤");
}

std::string Box::paint(Colour colour, const std::string &text) const
{
	return colours_ ? fmt::format("\033[{}m{}\033[0m", static_cast<int>(colour), text) : text;
}

void Box::section(const std::string &title)
{
	edge("├", "┤");
	line("─ " + paint(Colour::bold, title));
}

void Box::row(const std::string &label, const std::string &value)
{
	line(fmt::format("  {:<22}: {}", label, value));
}

void Box::line(const std::string &text)
{
	const std::string side = paint(Colour::cyan, "│");
	text_ += side + text + padding(columns(text)) + side + '\n';
}

std::string Box::finish()
{
	edge("└", "┘");
	return text_;
}

void Box::edge(const char *left, const char *right)
{
	std::string line = left;
	for (size_t i = 0; i < kInside; ++i)
		line += "─";
	text_ += paint(Colour::cyan, line + right) + '\n';
}

}  // namespace dmremap
