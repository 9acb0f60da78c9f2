// SPDX-License-Identifier: GPL-2.0-or-later
// Result<T>: a value or an Error. Nothing in the core throws.
//
//	Result<u32> width = parse_width(word);
//	u32 value = TRY(parse_width(word));   // returns the error from the enclosing function
#pragma once

#include "core/base/error.h"

namespace remap {

template <class T> class [[nodiscard]] Result {
public:
	constexpr Result(T value) : value_(value) {}
	constexpr Result(Error error) : error_(error) {}

	constexpr bool ok() const { return error_ == Error::ok; }
	constexpr explicit operator bool() const { return ok(); }
	constexpr Error error() const { return error_; }
	// REQUIRES: ok().
	constexpr const T &value() const { return value_; }
	constexpr T &value() { return value_; }

private:
	T value_{};
	Error error_ = Error::ok;
};

template <> class [[nodiscard]] Result<void> {
public:
	constexpr Result() = default;
	constexpr Result(Error error) : error_(error) {}

	constexpr bool ok() const { return error_ == Error::ok; }
	constexpr explicit operator bool() const { return ok(); }
	constexpr Error error() const { return error_; }
	constexpr void value() const {}

private:
	Error error_ = Error::ok;
};

using Status = Result<void>;

// Statement expressions are a GNU extension that both g++ and clang++ have.
#define TRY(expression)                                                                          \
	__extension__({                                                                          \
		auto remap_try_result = (expression);                                            \
		if (!remap_try_result.ok()) [[unlikely]]                                         \
			return remap_try_result.error();                                         \
		remap_try_result.value();                                                        \
	})

}  // namespace remap
