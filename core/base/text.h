// SPDX-License-Identifier: GPL-2.0-or-later
// Text: builds a sentence in a buffer of fixed size. What does not fit is cut, the result always
// ends with a NUL, and fits() tells.
#pragma once

#include "core/base/types.h"

namespace remap {

class Text {
public:
	// REQUIRES: room >= 1.
	Text(char *buffer, usize room) : buffer_(buffer), room_(room) { buffer_[0] = '\0'; }

	Text &operator<<(char c)
	{
		if (length_ + 1 >= room_) {
			fits_ = false;
			return *this;
		}
		buffer_[length_++] = c;
		buffer_[length_] = '\0';
		return *this;
	}

	Text &operator<<(const char *words)
	{
		while (*words)
			*this << *words++;
		return *this;
	}

	Text &operator<<(u64 number)
	{
		char digits[20];
		usize count = 0;
		do {
			digits[count++] = static_cast<char>('0' + number % 10);
			number /= 10;
		} while (number);
		while (count)
			*this << digits[--count];
		return *this;
	}
	Text &operator<<(u32 number) { return *this << u64{number}; }

	// At most `limit` bytes of a word that came from outside, so that one wrong argument of
	// three thousand digits does not push the rest of the sentence out.
	Text &quoted(const char *word, usize limit = 32)
	{
		*this << '\'';
		for (usize i = 0; word[i]; ++i) {
			if (i == limit) {
				*this << "...";
				break;
			}
			*this << (word[i] >= ' ' && word[i] < 127 ? word[i] : '?');
		}
		return *this << '\'';
	}

	usize length() const { return length_; }
	usize room_left() const { return room_ - 1 - length_; }
	bool fits() const { return fits_; }
	// Takes back everything behind the first `length` bytes. REQUIRES: length <= length().
	void cut(usize length)
	{
		length_ = length;
		buffer_[length_] = '\0';
		fits_ = true;
	}

private:
	char *buffer_;
	usize room_;
	usize length_ = 0;
	bool fits_ = true;
};

}  // namespace remap
