// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/sandbox.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>
#include <utility>

#include "grove/error.hpp"

namespace grove {
namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void fail(std::string const& program, std::string const& what, int error) {
  throw Error(program, what + ": " + std::generic_category().message(error), "a program to run in a sandbox");
}

/// A file descriptor that is closed with it.
class File {
 public:
  File() = default;
  explicit File(int number) : number_(number) {}
  ~File() { close(); }
  File(File&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  File& operator=(File&& other) noexcept {
    std::swap(number_, other.number_);
    return *this;
  }
  int number() const { return number_; }
  void close() {
    if (number_ >= 0) ::close(number_);
    number_ = -1;
  }

 private:
  int number_ = -1;
};

/// A file in memory that holds the text, to be read from its beginning.
File file_with(std::string_view text, std::string const& program) {
  File file(memfd_create("grove", MFD_CLOEXEC));
  if (file.number() < 0) fail(program, "no memory for its input", errno);
  while (!text.empty()) {
    auto const n = write(file.number(), text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) fail(program, "no memory for its input", errno);
    text.remove_prefix(static_cast<std::size_t>(n));
  }
  lseek(file.number(), 0, SEEK_SET);
  return file;
}

std::pair<File, File> pipe_for(std::string const& program) {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail(program, "no pipe", errno);
  return {File(ends[0]), File(ends[1])};
}

/// What the child needs after fork, where nothing may be allocated.
struct Start {
  char const* program = nullptr;
  char* const* arguments = nullptr;
  std::array<int, 4> files{};  ///< standard input, output and error, and number 3
  int trouble = -1;            ///< takes the number of the error that kept it from starting
  SandboxLimits limits{};
};

bool limit(int resource, std::size_t value) {
  rlimit const both{value, value};
  return setrlimit(static_cast<__rlimit_resource_t>(resource), &both) == 0;
}

bool set_limits(SandboxLimits const& limits) {
  auto const seconds = std::chrono::ceil<std::chrono::seconds>(limits.deadline).count();
  return limit(RLIMIT_CPU, static_cast<std::size_t>(seconds) + 1) && limit(RLIMIT_AS, limits.memory) &&
         limit(RLIMIT_FSIZE, 0) && limit(RLIMIT_NPROC, limits.threads) && limit(RLIMIT_NOFILE, limits.open_files) &&
         limit(RLIMIT_CORE, 0);
}

/// Puts the files in their places and closes all others. The sources may stand in each other's places, so they are
/// moved out of the way first.
bool place_files(std::array<int, 4> files, int& trouble) {
  for (auto& file : files)
    if ((file = fcntl(file, F_DUPFD, 16)) < 0) return false;
  if ((trouble = fcntl(trouble, F_DUPFD_CLOEXEC, 16)) < 0) return false;
  for (int place = 0; place < 4; ++place)
    if (dup2(files[static_cast<std::size_t>(place)], place) < 0) return false;
  if (dup3(trouble, 4, O_CLOEXEC) < 0) return false;
  trouble = 4;
  return syscall(SYS_close_range, 5U, ~0U, 0U) == 0;
}

/// The child's way from fork to the program: system calls only.
[[noreturn]] void become(Start start) {
  // Namespaces are a second wall: where the system allows none, the filter stands alone.
  unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  std::array<char*, 1> environment{nullptr};
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  if (setpgid(0, 0) == 0 && chdir("/") == 0 && place_files(start.files, start.trouble) && set_limits(start.limits) &&
      detail::allow_only_computing())
    execve(start.program, start.arguments, environment.data());
  int const error = errno;
  if (write(start.trouble, &error, sizeof error) < 0) _exit(126);
  _exit(127);
}

/// Reads what the child writes until it ends, the deadline passes or it writes too much.
SandboxResult::End listen(int pipe, SandboxLimits const& limits, Clock::time_point deadline, std::string& output) {
  std::array<char, 16384> buffer{};
  for (;;) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) return SandboxResult::End::Deadline;
    pollfd ready{.fd = pipe, .events = POLLIN, .revents = 0};
    auto const polled = poll(&ready, 1, static_cast<int>(std::min<long long>(left, 1'000'000)));
    if (polled < 0 && errno != EINTR) return SandboxResult::End::Killed;
    if (polled <= 0) continue;
    auto const n = read(pipe, buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return SandboxResult::End::Exited;
    auto const room = limits.output - output.size();
    output.append(buffer.data(), std::min(static_cast<std::size_t>(n), room));
    if (static_cast<std::size_t>(n) > room) return SandboxResult::End::Output;
  }
}

/// Waits for a child whose output has ended: it may go on without one, but not beyond the deadline.
bool ends_by(pid_t pid, Clock::time_point deadline, int& status) {
  for (;;) {
    auto const ended = waitpid(pid, &status, WNOHANG);
    if (ended == pid) return true;
    if (ended < 0 && errno != EINTR)
      throw Error("the sandbox", "its program cannot be waited for", "SIGCHLD not ignored");
    if (Clock::now() >= deadline) return false;
    usleep(500);
  }
}

}  // namespace

SandboxResult run_in_sandbox(std::vector<std::string> const& command, std::string_view input, std::string_view extra,
                             SandboxLimits const& limits) {
  if (command.empty()) throw Error("run_in_sandbox", "the command is empty", "a program and its arguments");
  auto const& program = command.front();
  std::vector<char*> arguments;
  for (auto const& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
  arguments.push_back(nullptr);
  auto const in = file_with(input, program), more = file_with(extra, program);
  auto [output, output_end] = pipe_for(program);
  auto [trouble, trouble_end] = pipe_for(program);
  File const nothing(open("/dev/null", O_WRONLY | O_CLOEXEC));
  if (nothing.number() < 0) fail(program, "no /dev/null", errno);
  Start const start{program.c_str(),
                    arguments.data(),
                    {in.number(), output_end.number(), nothing.number(), more.number()},
                    trouble_end.number(),
                    limits};
  auto const deadline = Clock::now() + limits.deadline;
  auto const pid = fork();
  if (pid < 0) fail(program, "no process for it", errno);
  if (pid == 0) become(start);
  output_end.close();
  trouble_end.close();

  SandboxResult result;
  result.end = listen(output.number(), limits, deadline, result.output);
  int status = 0;
  if (result.end != SandboxResult::End::Exited || !ends_by(pid, deadline, status)) {
    if (result.end == SandboxResult::End::Exited) result.end = SandboxResult::End::Deadline;
    kill(-pid, SIGKILL);
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  int error = 0;
  if (read(trouble.number(), &error, sizeof error) == sizeof error)
    fail(program, "cannot be started in a sandbox", error);
  if (result.end == SandboxResult::End::Exited && WIFSIGNALED(status)) result.end = SandboxResult::End::Killed;
  result.code = WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status);
  return result;
}

}  // namespace grove
