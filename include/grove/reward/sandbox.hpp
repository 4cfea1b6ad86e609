// SPDX-License-Identifier: Apache-2.0
// Runs a program that may be hostile. Needs Linux on x86-64 or AArch64, and the library grove::cpu.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace grove {

struct SandboxLimits {
  std::chrono::milliseconds deadline{5'000};    ///< wall time; processor time is limited to as much
  std::size_t memory = std::size_t{512} << 20;  ///< bytes of address space
  std::size_t output = std::size_t{1} << 20;    ///< bytes on standard output
  std::size_t threads = 16;                     ///< RLIMIT_NPROC; processes of its own it can have none
  std::size_t open_files = 64;
};

/// How a run ended and what it wrote.
struct SandboxResult {
  enum class End : std::uint8_t { Exited, Killed, Deadline, Output };

  End end = End::Exited;
  int code = 0;          ///< exit code, or the signal where it was killed
  std::string output{};  ///< of standard output, up to the limit
};

/// Runs a program with its arguments (no shell, no PATH), `input` on standard input and `extra` to read from file
/// descriptor 3, and waits for it. The program has no environment, `/` as its folder, and sees no file of ours.
///
/// It can read files that we can, compute, write to standard output and start threads; a filter of system calls
/// (seccomp, a list of what is allowed) answers everything else with EPERM: no network, no process, no signal to
/// others, no file is opened for writing, made, moved or removed. Resource limits hold beside it, and, where the system
/// allows them, user, network and IPC namespaces of its own. It is killed at the deadline, and where it writes more
/// than the limit; standard error is thrown away.
///
/// Throws Error where the program cannot be started or the filter cannot be set: it never runs without.
SandboxResult run_in_sandbox(std::vector<std::string> const& command, std::string_view input, std::string_view extra,
                             SandboxLimits const& limits = {});

namespace detail {

/// Sets the filter for the calling thread and what it executes. Calls nothing but system calls. False where the system
/// refuses it.
bool allow_only_computing();

}  // namespace detail
}  // namespace grove
