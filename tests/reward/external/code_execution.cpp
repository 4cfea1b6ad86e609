// SPDX-License-Identifier: Apache-2.0
// Code that is right, wrong, and hostile.
#include "grove/reward/code_execution.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "grove/concepts.hpp"
#include "grove/error.hpp"
#include "grove/reward/score_batch.hpp"
#include "reward/helpers.hpp"
#include "support/catch.hpp"
#include "support/temporary_folder.hpp"

using grove::CodeExecution;
using grove::SandboxLimits;
using grove::SandboxResult;
using std::chrono::milliseconds;
using test::asks;
using test::says;
using End = SandboxResult::End;

namespace {

static_assert(grove::Reward<CodeExecution>);

bool no_python() {
  bool const none = !std::filesystem::exists("/usr/bin/python3");
  if (none) WARN("no /usr/bin/python3: skipped");
  return none;
}

SandboxResult python(std::string const& code, SandboxLimits const& limits = {}, std::string const& input = "") {
  return grove::run_in_sandbox({"/usr/bin/python3", "-I", "-B", "-c", code}, input, "", limits);
}

/// What the code printed when it tried a thing: "EPERM", say, or "done".
std::string attempt(std::string const& statement) {
  auto const result = python(
      "import os, sys, socket, errno, ctypes, threading, subprocess, signal, tempfile\n"
      "try:\n    " +
      statement +
      "\n    print('done')\n"
      "except OSError as e:\n    print(errno.errorcode.get(e.errno, e))\n");
  INFO(statement << ": ended " << static_cast<int>(result.end) << " with " << result.code);
  return result.output.substr(0, result.output.find('\n'));
}

std::size_t children_of_ours() {
  std::size_t count = 0;
  std::string const path = "/proc/self/task";
  for (auto const& task : std::filesystem::directory_iterator(path)) {
    std::ifstream in(task.path() / "children");
    for (std::string pid; in >> pid;) ++count;
  }
  return count;
}

std::string fenced(std::string const& code) { return "<think>hm</think>\nHere:\n```python\n" + code + "\n```\n"; }

grove::Problem with_tests(std::string tests) {
  auto problem = asks("");
  problem.columns.emplace_back("tests", std::move(tests));
  return problem;
}

CodeExecution reward(bool all_or_nothing = false, milliseconds deadline = milliseconds(5000)) {
  return CodeExecution({.allowed = true, .all_or_nothing = all_or_nothing, .limits = {.deadline = deadline}});
}

double score(std::string const& code, std::string const& tests, bool all_or_nothing = false) {
  return reward(all_or_nothing)(with_tests(tests), says(fenced(code))).value();
}

}  // namespace

TEST_CASE("the last complete block of a language is the code") {
  CHECK(grove::last_code_block("```python\na\n```\nthen\n```python\nb\nc\n```\nend") == "b\nc\n");
  CHECK(grove::last_code_block("```python\na\n```\n```python\nopen") == "a\n");
  CHECK(grove::last_code_block("```python3\na\n```") == std::nullopt);
  CHECK(grove::last_code_block("none") == std::nullopt);
  CHECK(grove::last_code_block("```js\na\n```", "js") == "a\n");
}

TEST_CASE("code runs only where that was allowed") {
  CHECK_THROWS_AS(CodeExecution({}), grove::Error);
  CHECK_THROWS_AS(CodeExecution({.allowed = true, .python = {}}), grove::Error);
  CHECK_THROWS_AS(CodeExecution({.allowed = true, .processes = 0}), grove::Error);
  CHECK_THROWS_AS(CodeExecution({.allowed = true, .python = {"/no/such/python"}}), grove::Error);
  CHECK_THROWS_AS(CodeExecution({.allowed = true, .python = {"/bin/true"}}), grove::Error);
}

TEST_CASE("code is scored by the share of tests that it passes") {
  if (no_python()) return;
  std::string const twice = "def twice(x):\n    return 2 * x\n";
  CHECK(score(twice, "assert twice(2) == 4") == 1);
  CHECK(score(twice, "assert twice(2) == 5") == 0);
  CHECK(score("def twice(x", "assert twice(2) == 4") == 0);
  std::string const tests = R"(["assert twice(2) == 4", "assert twice(1) == 3", "assert twice('ab') == 'abab'"])";
  CHECK(score(twice, tests) == Approx(2.0 / 3));
  CHECK(score(twice, tests, true) == 0);
  CHECK(score("print(int(input()) + 1)", R"([{"input": "4\n", "output": "5"}, {"input": "7", "output": "9"}])") == 0.5);
  CHECK(score("print('a  \\nb\\n\\n')", R"([{"input": "", "output": "a\nb"}])") == 1);
  CHECK(score("print(input()[::-1])",
              "[{\"input\": \"\xc3\xa4\xf0\x9f\x98\x80\", \"output\": \"\xf0\x9f\x98\x80\xc3\xa4\"}]") == 1);

  auto const judge = reward();
  CHECK(judge(with_tests("assert True"), says("no code")) == 0.0);
  CHECK(judge(asks(""), says(fenced(twice))) == std::nullopt);
  CHECK(judge(with_tests("[]"), says(fenced(twice))) == std::nullopt);
  CHECK_THROWS_AS(judge(with_tests("[{\"input\": 3}]"), says(fenced(twice))), grove::Error);
  CHECK_THROWS_AS(judge(with_tests("[1,"), says(fenced(twice))), grove::Error);
}

TEST_CASE("leaving early is not passing") {
  if (no_python()) return;
  for (auto const* leave : {"import sys; sys.exit(0)", "import os; os._exit(0)", "raise SystemExit(0)", "quit()"}) {
    INFO(leave);
    CHECK(score(leave, "assert False") == 0);
  }
}

TEST_CASE("hostile code: no process, no network, no file, no signal") {
  if (no_python()) return;
  CHECK(attempt("os.fork()") == "EPERM");
  CHECK(attempt("subprocess.run(['/bin/true'])") == "EPERM");
  CHECK(attempt("os.posix_spawn('/bin/true', ['true'], {})") == "EPERM");
  CHECK(attempt("socket.socket(socket.AF_INET, socket.SOCK_STREAM)") == "EPERM");
  CHECK(attempt("socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)") == "EPERM");
  CHECK(attempt("socket.create_connection(('127.0.0.1', 80))") == "EPERM");
  CHECK(attempt("os.kill(os.getppid(), signal.SIGTERM)") == "EPERM");
  CHECK(attempt("import fcntl; fcntl.fcntl(0, fcntl.F_SETOWN, os.getppid())") == "EPERM");
  CHECK(attempt("import fcntl; fcntl.fcntl(0, 10, signal.SIGKILL)") == "EPERM");  // F_SETSIG
  CHECK(attempt("import fcntl; fcntl.fcntl(0, fcntl.F_GETFD)") == "done");
  CHECK(attempt("os.setuid(0)") == "EPERM");
  CHECK(attempt("os.unshare(0) if hasattr(os, 'unshare') else os.chroot('/')") == "EPERM");
  CHECK(attempt("t = threading.Thread(target=print); t.start(); t.join()") == "");  // threads are fine

  TemporaryFolder const folder("sandbox");
  std::filesystem::create_directories(folder.path);
  auto const file = (folder.path / "file").string();
  std::ofstream(file) << "mine";
  for (std::string const& statement :
       {"open('" + file + "', 'w')", "open('" + file + "', 'a')", "open('" + file + "', 'r+')",
        "os.remove('" + file + "')", "os.rename('" + file + "', '" + file + "2')", "os.truncate('" + file + "', 0)",
        "os.chmod('" + file + "', 0)", "os.mkdir('" + file + "2')", "os.symlink('a', '" + file + "2')",
        "os.link('" + file + "', '" + file + "2')", "os.mkfifo('" + file + "2')",
        "os.open('" + file + "2', os.O_CREAT)", "os.utime('" + file + "')"}) {
    INFO(statement);
    CHECK(attempt(statement) == "EPERM");
  }
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
  std::ifstream in(file);
  CHECK(std::string(std::istreambuf_iterator<char>(in), {}) == "mine");
}

TEST_CASE("hostile code: a fork bomb, an endless loop, a sleep and a stubborn child end at the deadline") {
  if (no_python()) return;
  SandboxLimits const limits{.deadline = milliseconds(700)};
  for (auto const* code :
       {"import os\nwhile True:\n    try: os.fork()\n    except OSError: pass", "while True: pass",
        "import time; time.sleep(60)",
        "import signal, time\nfor s in range(1, 65):\n    try: signal.signal(s, signal.SIG_IGN)\n    except Exception: "
        "pass\nwhile True: time.sleep(1)",
        "import os, time\nos.close(1); os.close(2)\ntime.sleep(60)",
        "import threading\nwhile True:\n    try: threading.Thread(target=lambda: exec('while True: pass'), "
        "daemon=True).start()\n"
        "    except RuntimeError: pass"}) {
    INFO(code);
    auto const begin = std::chrono::steady_clock::now();
    auto const result = python(code, limits);
    CHECK(result.end == End::Deadline);
    CHECK(std::chrono::steady_clock::now() - begin < milliseconds(5000));
    CHECK(children_of_ours() == 0);
  }
}

TEST_CASE("hostile code: huge output, huge memory, deep recursion, a crash") {
  if (no_python()) return;
  SandboxLimits const limits{.output = 10'000};
  auto const flood = python("while True: print('x' * 100000)", limits);
  CHECK(flood.end == End::Output);
  CHECK(flood.output.size() == 10'000);
  auto const exact = python("print('x' * 9999)", limits);
  CHECK(exact.end == End::Exited);
  CHECK(exact.output.size() == 10'000);
  auto const errors = python("import sys\nfor _ in range(1000): sys.stderr.write('x' * 100000)", limits);
  CHECK(errors.end == End::Exited);
  CHECK(errors.output.empty());
  auto const memory = python("a = bytearray(4 << 30)");
  CHECK(memory.end == End::Exited);
  CHECK(memory.code == 1);  // MemoryError
  CHECK(python("def f(): f()\nf()").code == 1);
  auto const crash = python("import ctypes; ctypes.string_at(0)");
  CHECK(crash.end == End::Killed);
  CHECK(python("import os; os.abort()").end == End::Killed);
  CHECK(python("import sys; sys.exit(3)").code == 3);
}

TEST_CASE("the sandbox shows nothing of ours: no environment, no open file") {
  if (no_python()) return;
  auto const inherited = ::open("/dev/null", O_RDONLY);  // not close-on-exec
  REQUIRE(inherited >= 0);
  CHECK(python("import os; print(sorted(os.listdir('/proc/self/fd')), dict(os.environ), os.getcwd())").output ==
        "['0', '1', '2', '3', '4'] {'LC_CTYPE': 'C.UTF-8'} /\n");
  ::close(inherited);
  CHECK(python("print(input())", {}, "hello").output == "hello\n");
}

TEST_CASE("many tests run at once on a Scorer's threads") {
  if (no_python()) return;
  test::Answers answers;
  for (int i = 0; i < 12; ++i)
    answers.add(with_tests("assert x == " + std::to_string(i)),
                says(fenced("x = " + std::to_string(i % 2 == 0 ? i : -1))));
  auto const matrix = grove::score_batch(reward(), answers, 4);
  for (std::size_t i = 0; i < 12; ++i) CHECK(matrix(0, i) == (i % 2 == 0 ? 1.0 : 0.0));
}
