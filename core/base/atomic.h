// SPDX-License-Identifier: GPL-2.0-or-later
// Atomic<T>: a word that readers load without a lock while one writer stores it.
//
// <atomic> of a hosted library pulls in headers that a kernel build does not have; the compiler's
// builtins are the same instructions.
#pragma once

namespace remap {

// Without the order that makes publishing safe, to see that the tests with threads would notice.
#ifdef REMAP_BUG_RELAXED_STORE
inline constexpr int kStoreOrder = __ATOMIC_RELAXED;
#else
inline constexpr int kStoreOrder = __ATOMIC_RELEASE;
#endif

template <class T> class Atomic {
public:
	constexpr Atomic() = default;
	constexpr explicit Atomic(T value) : value_(value) {}
	Atomic(const Atomic &) = delete;
	Atomic &operator=(const Atomic &) = delete;

	// Sees all that was written before the store_release whose value it returns.
	T load_acquire() const { return load<__ATOMIC_ACQUIRE>(); }
	T load_relaxed() const { return load<__ATOMIC_RELAXED>(); }
	void store_release(T value) { __atomic_store(&value_, &value, kStoreOrder); }
	void store_relaxed(T value) { __atomic_store(&value_, &value, __ATOMIC_RELAXED); }
	T exchange(T value) { return __atomic_exchange_n(&value_, value, __ATOMIC_ACQ_REL); }
	// Whether it was `from`, and so is `to` now. Acquires and releases.
	bool replace(T from, T to)
	{
		return __atomic_compare_exchange_n(&value_, &from, to, false, __ATOMIC_ACQ_REL,
						   __ATOMIC_ACQUIRE);
	}
	// What was there before.
	T fetch_sub(T value) { return __atomic_fetch_sub(&value_, value, __ATOMIC_ACQ_REL); }
	T fetch_or(T value) { return __atomic_fetch_or(&value_, value, __ATOMIC_ACQ_REL); }
	T fetch_and(T value) { return __atomic_fetch_and(&value_, value, __ATOMIC_ACQ_REL); }
	// Counters that several contexts move; no order with other words.
	void add_relaxed(T value) { __atomic_fetch_add(&value_, value, __ATOMIC_RELAXED); }
	void sub_relaxed(T value) { __atomic_fetch_sub(&value_, value, __ATOMIC_RELAXED); }

private:
	// By address, since clang knows no enumerations otherwise.
	template <int kOrder> T load() const
	{
		T value;
		__atomic_load(&value_, &value, kOrder);
		return value;
	}

	T value_{};
};

// One load of a word that its only writer, who loads it too, stores plainly. Any context; the value
// may be old.
template <class T> T load_once(const T &word) { return __atomic_load_n(&word, __ATOMIC_RELAXED); }

}  // namespace remap
