// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace grove::detail {

/// A child process that exchanges lines with its parent; killed with its process group and reaped at the latest when
/// this object ends. Its input and output are one socket.
class ChildProcess {
 public:
  using Clock = std::chrono::steady_clock;

  /// Starts a program with its arguments. Throws Error that names it where it cannot be started.
  explicit ChildProcess(std::vector<std::string> const& command);
  ~ChildProcess();
  ChildProcess(ChildProcess const&) = delete;
  ChildProcess& operator=(ChildProcess const&) = delete;

  /// Writes a line and reads one, both without their newline. Throws Error where the process ends, the deadline passes,
  /// or the reply is longer than `max_reply` bytes or is not one line; the process is of no use then.
  std::string exchange(std::string_view line, Clock::time_point deadline, std::size_t max_reply);

  /// Whether it still lives and has said nothing that it was not asked for.
  bool is_waiting() const;

 private:
  void wait_until_ready(short events, Clock::time_point deadline) const;
  void send_all(std::string_view text, Clock::time_point deadline) const;
  [[noreturn]] void ended() const;

  int socket_ = -1;
  pid_t pid_ = -1;
};

}  // namespace grove::detail
