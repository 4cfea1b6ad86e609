// SPDX-License-Identifier: Apache-2.0
// A reward in any language: a process that reads and writes lines of JSON. Needs the library grove::cpu.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grove/completion.hpp"
#include "grove/problem.hpp"

namespace grove {

struct ExternalOptions {
  std::vector<std::string> command{};          ///< program (looked for in PATH) and its arguments; no shell
  std::size_t processes = 1;                   ///< started when they are needed; each answers one request at a time
  std::chrono::milliseconds deadline{10'000};  ///< of one request
  std::chrono::milliseconds start_deadline{60'000};  ///< of the first request to a new process, start-up included
  std::size_t max_reply = std::size_t{1} << 20;      ///< bytes of a reply line
};

/// Asks a long-lived child process for each score. A request is one line on its standard input,
///   {"problem": {"id", "prompt", "messages", "gold", and the other columns}, "completion": {"text", "tokens",
///   "finish"}}
/// ("tokens" is their number), the reply one line on its standard output, {"score": number or null}; null declines.
///
/// Callers wait while all processes are busy, so there are never more requests under way than processes. A process that
/// lets a deadline pass, ends, or writes anything else is killed with its process group, the call throws Error with the
/// cause, and the next call starts another; one that ended or wrote between two requests is replaced in silence.
/// Processes end with the last copy of the reward. What they write to standard error goes to that of the program.
class ExternalReward {
 public:
  static constexpr std::string_view name = "external";

  /// Throws Error without a command or with numbers that are 0.
  explicit ExternalReward(ExternalOptions options);

  /// Throws Error where the process cannot be started, or fails as above.
  std::optional<double> operator()(Problem const& problem, Completion const& completion) const;

 private:
  class Crew;
  std::shared_ptr<Crew> crew_;
};

}  // namespace grove
