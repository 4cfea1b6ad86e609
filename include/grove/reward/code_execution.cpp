// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/code_execution.hpp"

#include <condition_variable>
#include <mutex>
#include <random>
#include <utility>

#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "grove/reward/text.hpp"

namespace grove {
namespace {

using io::Json;

/// A test: a script behind the code, or input and output.
struct Test {
  std::string script{};
  std::optional<std::string> input{}, output{};
};

/// Runs code and test, then writes the word that says so; `exit` in the code is not the end of a test passed.
constexpr std::string_view harness = R"(
import os
with os.fdopen(3, encoding='utf-8') as f:
    code, test, word = eval(f.read())
scope = {'__name__': '__main__'}
exec(compile(code, 'answer', 'exec'), scope)
exec(compile(test, 'test', 'exec'), scope)
print(word, flush=True)
)";

/// Input and output belong to the code alone.
constexpr std::string_view plain_harness = R"(
import os
with os.fdopen(3, encoding='utf-8') as f:
    code = eval(f.read())[0]
exec(compile(code, 'answer', 'exec'), {'__name__': '__main__'})
)";

Test test_of(Json const& json) {
  if (json.is_string()) return {.script = json.get<std::string>()};
  io::JsonFields const fields(json, "tests");
  return {.input = fields.required<std::string>("input"), .output = fields.required<std::string>("output")};
}

std::vector<Test> tests_of(std::string_view column) {
  std::vector<Test> tests;
  if (!trimmed(column).starts_with('[')) return {{.script = std::string(column)}};
  auto const list = io::parse_json_line(column, "tests");
  for (auto const& one : list) tests.push_back(test_of(one));
  return tests;
}

/// A text as a Python literal: JSON's, but for characters beyond 16 bits, which stay as they are.
std::string literal(std::string_view text) { return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace); }

std::string secret_word() {
  std::random_device random;
  std::string word;
  for (int i = 0; i < 4; ++i) word += std::to_string(random()) + "-";
  return word;
}

/// Lines without white space at their ends, and without empty ones at the end.
std::string plain_lines(std::string_view text) {
  std::string lines;
  while (!text.empty()) {
    auto const end = std::min(text.find('\n'), text.size());
    auto line = text.substr(0, end);
    while (!line.empty() && (line.back() == ' ' || line.back() == '\t' || line.back() == '\r')) line.remove_suffix(1);
    lines.append(line).push_back('\n');
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  while (lines.ends_with('\n')) lines.pop_back();
  return lines;
}

bool passes(CodeExecutionOptions const& options, std::string_view code, Test const& test) {
  auto command = options.python;
  command.emplace_back("-c");
  command.emplace_back(test.output ? plain_harness : harness);
  auto const word = secret_word();
  std::string given = "[";
  given.append(literal(code)).append(",").append(literal(test.script)).append(",").append(literal(word)).append("]");
  auto const result = run_in_sandbox(command, test.input.value_or(""), given, options.limits);
  if (result.end != SandboxResult::End::Exited || result.code != 0) return false;
  return test.output ? plain_lines(result.output) == plain_lines(*test.output) : result.output.ends_with(word + "\n");
}

}  // namespace

std::optional<std::string_view> last_code_block(std::string_view text, std::string_view language) {
  std::string const open = "```" + std::string(language);
  for (auto at = text.rfind(open); at != text.npos; at = at > 0 ? text.rfind(open, at - 1) : text.npos) {
    auto const begin = text.find('\n', at);
    if (begin == text.npos || !trimmed(text.substr(at + open.size(), begin - at - open.size())).empty()) continue;
    auto const end = text.find("\n```", begin);
    if (end != text.npos) return text.substr(begin + 1, end - begin);
  }
  return std::nullopt;
}

/// The turn of those who wait for a process.
class CodeExecution::Seats {
 public:
  explicit Seats(std::size_t free) : free_(free) {}

  template <class F>
  bool in_turn(F const& f) {
    {
      std::unique_lock lock(mutex_);
      freed_.wait(lock, [&] { return free_ > 0; });
      --free_;
    }
    try {
      bool const result = f();
      leave();
      return result;
    } catch (...) {
      leave();
      throw;
    }
  }

 private:
  void leave() {
    std::scoped_lock lock(mutex_);
    ++free_;
    freed_.notify_one();
  }

  std::mutex mutex_;
  std::condition_variable freed_;
  std::size_t free_;
};

CodeExecution::CodeExecution(CodeExecutionOptions options) : options_(std::move(options)) {
  if (!options_.allowed)
    throw Error("CodeExecution", "running the model's code is not allowed", "consent",
                "set CodeExecutionOptions::allowed");
  if (options_.python.empty()) throw Error("CodeExecution", "python is empty", "a program and its arguments");
  if (options_.processes == 0) throw Error("CodeExecution", "0 processes", "at least 1");
  if (options_.limits.deadline.count() <= 0)
    throw Error("CodeExecution", "the deadline is not positive", "milliseconds");
  seats_ = std::make_shared<Seats>(options_.processes);
  Test const trial{.script = "assert answer == 42"};
  if (!passes(options_, "answer = 6 * 7", trial))
    throw Error("CodeExecution", options_.python.front() + " does not run in the sandbox", "a Python 3",
                "give the program itself, not a script that starts it, or more memory or time");
}

std::optional<double> CodeExecution::operator()(Problem const& problem, Completion const& completion) const {
  auto const column = problem.column(options_.tests);
  if (!column) return std::nullopt;
  auto const tests = tests_of(*column);
  if (tests.empty()) return std::nullopt;
  auto const code = last_code_block(completion.text);
  if (!code) return 0.0;
  std::size_t passed = 0;
  for (auto const& test : tests) {
    bool const good = seats_->in_turn([&] { return passes(options_, *code, test); });
    passed += good;
    if (!good && options_.all_or_nothing) return 0.0;
  }
  return static_cast<double>(passed) / static_cast<double>(tests.size());
}

}  // namespace grove
