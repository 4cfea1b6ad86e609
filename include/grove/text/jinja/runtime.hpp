// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace grove::text::jinja {

class Namespace;

/// Nesting a value, an expression or a chain of calls may reach: deeper ones are an error, never a full stack.
struct Depth {
  static constexpr int value = 200;
  static constexpr int expression = 200;
  static constexpr int statement = 100;
  static constexpr int evaluation = 1500;
};

/// What one rendering carries along: where it is, what it may still spend, and how it fails.
class Runtime {
 public:
  Runtime(std::string name, std::uint64_t work) : name_(std::move(name)), work_(work), left_(work) {}
  Runtime(Runtime const&) = delete;
  Runtime& operator=(Runtime const&) = delete;
  ~Runtime();

  /// Throws grove::Error: "NAME, line N: WHAT; expected EXPECTED; FIX".
  [[noreturn]] void fail(std::string what, std::string expected = {}, std::string fix = {}) const;

  /// Spends work, and fails when none is left, so that no template runs or grows without bound.
  void charge(std::uint64_t units) {
    if (units > left_) exhausted();
    left_ -= units;
  }
  /// What making (or scanning) so many bytes costs. Called before the bytes are made.
  void charge_bytes(std::uint64_t bytes) { charge(1 + bytes / 16); }
  /// What making an object costs, without what it holds.
  void charge_object() { charge(6); }

  /// Values that can hold themselves are emptied at the end of the rendering.
  void own(std::shared_ptr<Namespace> value) { namespaces_.push_back(std::move(value)); }

  /// A scope of recursion in C++: fails beyond Depth::evaluation.
  class Level {
   public:
    explicit Level(Runtime& runtime) : runtime_(runtime) {
      if (++runtime_.depth_ > Depth::evaluation) runtime_.too_deep();
    }
    ~Level() { --runtime_.depth_; }
    Level(Level const&) = delete;
    Level& operator=(Level const&) = delete;

   private:
    Runtime& runtime_;
  };

  int line = 0;                               ///< of the template, of what is being evaluated
  std::chrono::system_clock::time_point now;  ///< for strftime_now

 private:
  [[noreturn]] void exhausted() const;
  [[noreturn]] void too_deep();

  std::string name_;
  std::uint64_t work_;
  std::uint64_t left_;
  int depth_ = 0;
  std::vector<std::shared_ptr<Namespace>> namespaces_;
};

}  // namespace grove::text::jinja
