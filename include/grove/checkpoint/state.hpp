// SPDX-License-Identifier: Apache-2.0
// What a run must remember to go on exactly where it was: named numbers. Each part lists its own once,
//
//   void state(State& s) { s("collections", collections_); }
//
// and that one list writes them down and takes them over again.
#pragma once

#include <algorithm>
#include <charconv>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <unordered_map>
#include <utility>
#include <vector>

#include "grove/error.hpp"
#include "grove/io/dtype.hpp"

namespace grove {

class State;

/// A part of a run with something to remember.
template <class P>
concept Stateful = requires(P& part, State& s) {
  { part.state(s) } -> std::same_as<void>;
};

namespace detail {

/// The element type under which numbers of a C++ type are stored.
template <class T>
constexpr io::DType stored_as() {
  static_assert(std::is_arithmetic_v<T>, "grove::State stores numbers, spans and vectors of numbers, and parts.");
  if constexpr (std::same_as<T, bool>) return io::DType::Bool;
  if constexpr (std::floating_point<T>) return sizeof(T) == 8 ? io::DType::F64 : io::DType::F32;
  if constexpr (std::signed_integral<T>)
    return sizeof(T) == 8   ? io::DType::I64
           : sizeof(T) == 4 ? io::DType::I32
           : sizeof(T) == 2 ? io::DType::I16
                            : io::DType::I8;
  return sizeof(T) == 8   ? io::DType::U64
         : sizeof(T) == 4 ? io::DType::U32
         : sizeof(T) == 2 ? io::DType::U16
                          : io::DType::U8;
}

}  // namespace detail

class State {
 public:
  struct Entry {
    std::string name{};  ///< path of the part, with slashes between
    io::DType dtype = io::DType::U8;
    std::vector<std::size_t> shape{};  ///< empty for a single number
    std::span<const std::byte> bytes{};
    bool piece = false;  ///< a stretch of an array that ranks divide: `NAME@OFFSET`, and each rank has its own
    bool kept = false;   ///< the State has a copy of its own
  };

  /// Empty: parts write themselves down. Large arrays are not copied; see `detach`.
  State() = default;

  /// Parts take their numbers out of `entries`, whose bytes `owner` keeps alive. `source` is for messages.
  State(std::vector<Entry> entries, std::string source, std::shared_ptr<void const> owner)
      : entries_(std::move(entries)), source_(std::move(source)), owner_(std::move(owner)), loading_(true) {
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      places_.emplace(entries_[i].name, i);
      if (auto const at = entries_[i].name.rfind('@'); entries_[i].piece && at != std::string::npos)
        pieces_[entries_[i].name.substr(0, at)].emplace_back(number(entries_[i].name.substr(at + 1)), i);
    }
    taken_.resize(entries_.size());
  }

  bool loading() const { return loading_; }
  std::vector<Entry> const& entries() const { return entries_; }

  /// One number.
  template <class T>
    requires std::is_arithmetic_v<T>
  void operator()(std::string_view name, T& value) {
    if (loading_) {
      copy_to(take(name, detail::stored_as<T>(), {}, sizeof(T)), &value);
    } else {
      auto& copy = copies_.emplace_back(sizeof(T));
      std::memcpy(copy.data(), &value, sizeof(T));
      add(name, detail::stored_as<T>(), {}, copy);
    }
  }

  /// As many numbers as there are; they stay where they are until `detach` or the State's end.
  template <class T, std::size_t N>
  void operator()(std::string_view name, std::span<T, N> values) {
    array(name, detail::stored_as<T>(), {values.size()}, std::as_writable_bytes(values));
  }

  /// Numbers whose count is part of what is remembered.
  template <class T>
  void operator()(std::string_view name, std::vector<T>& values) {
    if (loading_) values.resize(find(name).bytes.size() / sizeof(T));
    (*this)(name, std::span(values));
  }

  /// The same for a vector that does not outlive the call.
  template <class T>
  void copied(std::string_view name, std::vector<T>& values) {
    (*this)(name, values);
    if (!loading_ && !values.empty()) keep_last();
  }

  /// Copies the array that was written down last, whose memory does not outlive the call.
  void keep_last() { keep(entries_.back()); }

  /// A part, or what `list` lists, under a name of its own.
  template <Stateful P>
  void operator()(std::string_view name, P& part) {
    within(name, [&] { part.state(*this); });
  }
  template <class F>
  void within(std::string_view name, F const& list) {
    auto const length = prefix_.size();
    prefix_.append(name).append("/");
    list();
    prefix_.resize(length);
  }

  /// An array of any element type and shape.
  void array(std::string_view name, io::DType dtype, std::vector<std::size_t> shape, std::span<std::byte> bytes) {
    if (loading_)
      copy_to(take(name, dtype, shape, bytes.size()), bytes.data());
    else
      add(name, dtype, std::move(shape), bytes);
  }

  /// Elements [offset, offset + values.size()) of an array of `whole` elements that ranks divide. Loading takes them
  /// out of the pieces of however many ranks there were, or out of the whole.
  template <class T>
  void piece(std::string_view name, std::size_t whole, std::size_t offset, std::span<T> values) {
    if (!loading_) {
      add(std::string(name) + "@" + std::to_string(offset), detail::stored_as<T>(), {values.size()},
          std::as_bytes(values));
      entries_.back().piece = true;
      return;
    }
    auto const key = prefix_ + std::string(name);
    auto parts = pieces_.contains(key) ? pieces_.at(key) : std::vector<std::pair<std::size_t, std::size_t>>();
    if (places_.contains(key)) parts.emplace_back(0, places_.at(key));
    std::size_t filled = 0, end = 0;
    for (auto const& [first, i] : parts) {
      auto const& entry = entries_[i];
      taken_[i] = true;
      auto const n = entry.bytes.size() / sizeof(T);
      end = std::max(end, first + n);
      if (entry.dtype != detail::stored_as<T>())
        throw Error(source_, "'" + entry.name + "' is " + text(entry.dtype, entry.shape),
                    text(detail::stored_as<T>(), {n}), "resume with the model and options that it was written with");
      auto const from = std::max(first, offset), to = std::min(first + n, offset + values.size());
      if (from >= to) continue;
      std::memcpy(values.data() + (from - offset), entry.bytes.data() + (from - first) * sizeof(T),
                  (to - from) * sizeof(T));
      filled += to - from;
    }
    if (filled != values.size() || end != whole)
      throw Error(source_, "'" + key + "' has " + std::to_string(end) + " elements", std::to_string(whole),
                  "resume with the model and options that it was written with, and all of its files");
  }

  /// Of an array that ranks divide this one takes nothing; what there is of it is another's.
  void left_to_others(std::string_view name) {
    auto const key = prefix_ + std::string(name);
    if (auto const at = places_.find(key); at != places_.end()) taken_[at->second] = true;
    if (auto const at = pieces_.find(key); at != pieces_.end())
      for (auto const& [offset, i] : at->second) taken_[i] = true;
  }

  /// Whether there is an entry of that name in the present part to load.
  bool has(std::string_view name) const {
    return places_.contains(prefix_ + std::string(name)) || pieces_.contains(prefix_ + std::string(name));
  }

  /// Copies what still lies in the parts' own memory, so that they may change while this is written.
  void detach() {
    for (auto& entry : entries_) keep(entry);
  }

  /// Throws Error for an entry that no part took: then it was another run's.
  void finish() const {
    for (std::size_t i = 0; i < entries_.size() && loading_; ++i)
      if (!taken_[i])
        throw Error(source_, "holds '" + entries_[i].name + "', which no part of this run takes", {},
                    "resume with the model and algorithm that it was written with");
  }

  std::string const& source() const { return source_; }

 private:
  void keep(Entry& entry) {
    if (!entry.kept) entry.bytes = copies_.emplace_back(entry.bytes.begin(), entry.bytes.end());
    entry.kept = true;
  }

  void add(std::string_view name, io::DType dtype, std::vector<std::size_t> shape, std::span<const std::byte> bytes) {
    entries_.push_back({prefix_ + std::string(name), dtype, std::move(shape), bytes});
  }

  Entry const& find(std::string_view name) {
    auto const at = places_.find(prefix_ + std::string(name));
    if (at == places_.end())
      throw Error(source_, "has no '" + prefix_ + std::string(name) + "'", {},
                  "resume with the model and algorithm that it was written with");
    taken_[at->second] = true;
    return entries_[at->second];
  }

  Entry const& take(std::string_view name, io::DType dtype, std::vector<std::size_t> const& shape, std::size_t size) {
    auto const& entry = find(name);
    if (entry.dtype != dtype || entry.shape != shape || entry.bytes.size() != size)
      throw Error(source_, "'" + entry.name + "' is " + text(entry.dtype, entry.shape), text(dtype, shape),
                  "resume with the model and options that it was written with");
    return entry;
  }

  static std::size_t number(std::string const& digits) {
    std::size_t value = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return value;
  }

  static void copy_to(Entry const& entry, void* to) {
    if (!entry.bytes.empty()) std::memcpy(to, entry.bytes.data(), entry.bytes.size());
  }

  static std::string text(io::DType dtype, std::vector<std::size_t> const& shape) {
    std::string text(io::safetensors_name(dtype));
    text += '[';
    for (std::size_t i = 0; i < shape.size(); ++i) text.append(i ? "," : "").append(std::to_string(shape[i]));
    return text + "]";
  }

  std::vector<Entry> entries_;
  std::deque<std::vector<std::byte>> copies_;  // elements stay in place
  std::unordered_map<std::string, std::size_t> places_;
  std::unordered_map<std::string, std::vector<std::pair<std::size_t, std::size_t>>> pieces_;  // offset, entry
  std::vector<bool> taken_;
  std::string prefix_, source_;
  std::shared_ptr<void const> owner_;
  bool loading_ = false;
};

}  // namespace grove
