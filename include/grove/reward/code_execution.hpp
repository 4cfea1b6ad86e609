// SPDX-License-Identifier: Apache-2.0
// A reward that runs the model's code. Needs the library grove::cpu, Linux and a Python.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "grove/completion.hpp"
#include "grove/problem.hpp"
#include "grove/reward/sandbox.hpp"

namespace grove {

/// The text of the last complete fenced block of a language (```python), or none.
std::optional<std::string_view> last_code_block(std::string_view text, std::string_view language = "python");

struct CodeExecutionOptions {
  bool allowed = false;                                                ///< nothing runs unless the user says so
  std::vector<std::string> python = {"/usr/bin/python3", "-I", "-B"};  ///< no shim: it cannot start processes
  std::string tests = "tests";                                         ///< column of the data set
  bool all_or_nothing = false;  ///< 1 for all tests passed, else 0, in place of the share of those passed
  std::size_t processes = 4;    ///< at once
  SandboxLimits limits{};       ///< of one test
};

/// The share of a problem's tests that the completion's last ```python block passes (`code` of open-r1; its
/// `binary_code` with `all_or_nothing`). Tests are a column of the data set: Python text that raises where the code is
/// wrong; or a JSON list of such texts; or a JSON list of {"input", "output"}: what is read from standard input and
/// must then stand on standard output, white space at the ends of lines and of the text aside.
///
/// Every test runs in a process of its own, in a sandbox (grove/reward/sandbox.hpp). Code that shares a process with
/// its test can be written to fool it; tests by input and output cannot be fooled so.
///
/// 0 without code; declines a problem without tests; throws Error where a test cannot be read or run.
class CodeExecution {
 public:
  static constexpr std::string_view name = "code";

  /// Throws Error where it is not allowed, or the sandbox does not hold here.
  explicit CodeExecution(CodeExecutionOptions options);

  std::optional<double> operator()(Problem const& problem, Completion const& completion) const;

 private:
  class Seats;
  CodeExecutionOptions options_;
  std::shared_ptr<Seats> seats_;
};

}  // namespace grove
