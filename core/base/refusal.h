// SPDX-License-Identifier: GPL-2.0-or-later
// Why a message was refused, in words: which argument, what was found, what would be right. dm
// cannot carry text with an error, so the sentence goes to the log and to `last_error` of the
// status message. Each message has its own, since several may run at once.
#pragma once

#include "core/base/error.h"
#include "core/base/text.h"

namespace remap {

class Refusal {
public:
	static constexpr usize kRoom = 200;

	const char *text() const { return buffer_; }
	bool any() const { return buffer_[0] != '\0'; }

	// The sentence without the message's word.
	const char *sentence() const { return buffer_ + sentence_; }

	// The word of the message that is being run; every sentence begins with it.
	void about(const char *word) { word_ = word; }

	// Begins the sentence, in place of an earlier one.
	Text begin()
	{
		Text text = plain();
		if (*word_)
			text << word_ << ": ";
		sentence_ = text.length();
		return text;
	}

	// Begins one that has no message to belong to.
	Text plain()
	{
		sentence_ = 0;
		return Text(buffer_, kRoom);
	}

private:
	const char *word_ = "";
	usize sentence_ = 0;
	char buffer_[kRoom] = "";
};

}  // namespace remap
