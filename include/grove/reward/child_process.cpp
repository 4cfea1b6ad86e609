// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "grove/error.hpp"

namespace grove::detail {
namespace {

std::string text_of(int error) { return std::generic_category().message(error); }

/// What posix_spawn is told: the socket as standard input and output, a process group of its own.
class SpawnPlan {
 public:
  explicit SpawnPlan(int child_end) {
    posix_spawn_file_actions_init(&actions_);
    posix_spawn_file_actions_adddup2(&actions_, child_end, STDIN_FILENO);
    posix_spawn_file_actions_adddup2(&actions_, child_end, STDOUT_FILENO);
    posix_spawnattr_init(&attributes_);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(&attributes_, POSIX_SPAWN_SETPGROUP);
  }
  ~SpawnPlan() {
    posix_spawn_file_actions_destroy(&actions_);
    posix_spawnattr_destroy(&attributes_);
  }
  SpawnPlan(SpawnPlan const&) = delete;
  SpawnPlan& operator=(SpawnPlan const&) = delete;

  int start(pid_t& pid, std::vector<std::string> const& command) {
    std::vector<char*> arguments;
    for (auto const& part : command) arguments.push_back(const_cast<char*>(part.c_str()));
    arguments.push_back(nullptr);
    return posix_spawnp(&pid, arguments.front(), &actions_, &attributes_, arguments.data(), environ);
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

}  // namespace

ChildProcess::ChildProcess(std::vector<std::string> const& command) {
  std::array<int, 2> ends{};
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
    throw Error(command.front(), "no socket for it: " + text_of(errno));
  int const failed = SpawnPlan(ends[1]).start(pid_, command);
  close(ends[1]);
  socket_ = ends[0];
  if (failed != 0) {
    close(socket_);
    throw Error(command.front(), "cannot be started: " + text_of(failed), "a program");
  }
}

ChildProcess::~ChildProcess() {
  close(socket_);
  kill(-pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

std::string ChildProcess::exchange(std::string_view line, Clock::time_point deadline, std::size_t max_reply) {
  send_all(std::string(line) + '\n', deadline);
  std::string reply;
  std::array<char, 4096> buffer{};
  for (;;) {
    wait_until_ready(POLLIN, deadline);
    auto const n = recv(socket_, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n <= 0) ended();
    reply.append(buffer.data(), static_cast<std::size_t>(n));
    auto const end = reply.find('\n');
    if (std::min(end, reply.size()) > max_reply)
      throw Error("its reply", "longer than " + std::to_string(max_reply) + " bytes", "one line");
    if (end == reply.npos) continue;
    if (end + 1 != reply.size()) throw Error("its reply", "more than one line", "one line for a request");
    reply.pop_back();
    return reply;
  }
}

bool ChildProcess::is_waiting() const {
  pollfd ready{.fd = socket_, .events = POLLIN, .revents = 0};
  return poll(&ready, 1, 0) == 0;
}

void ChildProcess::wait_until_ready(short events, Clock::time_point deadline) const {
  for (;;) {
    auto const left = std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count();
    if (left <= 0) throw Error("its reply", "none by the deadline");
    pollfd ready{.fd = socket_, .events = events, .revents = 0};
    auto const n = poll(&ready, 1, static_cast<int>(std::min<long long>(left, 1'000'000)));
    if (n > 0) return;
    if (n < 0 && errno != EINTR) throw Error("its reply", text_of(errno));
  }
}

void ChildProcess::send_all(std::string_view text, Clock::time_point deadline) const {
  while (!text.empty()) {
    wait_until_ready(POLLOUT, deadline);
    auto const n = send(socket_, text.data(), text.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (n < 0) ended();
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

void ChildProcess::ended() const { throw Error("the process", "ended or closed its output"); }

}  // namespace grove::detail
