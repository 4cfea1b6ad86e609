// SPDX-License-Identifier: Apache-2.0
#include "open_rs/processes.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <sstream>
#include <system_error>
#include <thread>
#include <utility>

#include "grove/error.hpp"
#include "grove/nn/torch/device.hpp"
#include "open_rs/checkpoints.hpp"
#include "open_rs/rank_device.hpp"

namespace open_rs {
namespace {

using Clock = std::chrono::steady_clock;

/// One rank's process and what it has written of an unfinished line.
struct Child {
  pid_t pid = -1;
  std::size_t rank = 0;
  bool running = true;
  bool given_up = false;  // killed here, since it did not end when another failed
  struct Stream {
    int from = -1;
    int to = -1;
    std::string line{};
  };
  Stream out{}, err{};
};

/// Writes whole lines, each with the rank before it.
void forward(Child::Stream& stream, std::size_t rank, std::string_view text) {
  stream.line += text;
  for (std::size_t end = 0; (end = stream.line.find('\n')) != std::string::npos; stream.line.erase(0, end + 1)) {
    auto const line = "[rank " + std::to_string(rank) + "] " + stream.line.substr(0, end + 1);
    for (std::size_t at = 0; at < line.size();) {
      auto const written = ::write(stream.to, line.data() + at, line.size() - at);
      if (written <= 0) break;
      at += static_cast<std::size_t>(written);
    }
  }
}

/// Reads what there is; false at the end.
bool pump(Child::Stream& stream, std::size_t rank) {
  char buffer[4096];
  auto const n = ::read(stream.from, buffer, sizeof buffer);
  if (n < 0 && errno == EINTR) return true;
  if (n <= 0) {
    if (!stream.line.empty()) forward(stream, rank, "\n");
    ::close(std::exchange(stream.from, -1));
    return false;
  }
  forward(stream, rank, {buffer, static_cast<std::size_t>(n)});
  return true;
}

[[noreturn]] void become_rank(std::size_t rank, std::size_t processes, std::uint16_t port, std::string const& device,
                              Arguments const& arguments) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  auto const set = [](char const* name, std::string const& value) {
    ::setenv(name, value.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): the child of a fork has one thread
  };
  set("RANK", std::to_string(rank));
  set("LOCAL_RANK", std::to_string(rank));
  set("WORLD_SIZE", std::to_string(processes));
  set("LOCAL_WORLD_SIZE", std::to_string(processes));
  set("MASTER_ADDR", "127.0.0.1");
  set("MASTER_PORT", std::to_string(port));
  set("TORCHELASTIC_USE_AGENT_STORE", "True");
  if (!device.empty()) set("CUDA_VISIBLE_DEVICES", device);
  std::vector<std::string> words = arguments;
  words.insert(words.begin(), "open_rs");
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);
  ::execv("/proc/self/exe", argv.data());
  ::_exit(127);
}

Child start(std::size_t rank, std::size_t processes, std::uint16_t port, std::string const& device,
            Arguments const& arguments) {
  int out[2], err[2];
  if (::pipe2(out, O_CLOEXEC) != 0 || ::pipe2(err, O_CLOEXEC) != 0)
    throw grove::Error("--processes", "no pipe: " + std::generic_category().message(errno));
  Child child{.pid = ::fork(), .rank = rank, .out = {out[0], STDOUT_FILENO}, .err = {err[0], STDERR_FILENO}};
  if (child.pid < 0) throw grove::Error("--processes", "no process: " + std::generic_category().message(errno));
  if (child.pid == 0) {
    ::dup2(out[1], STDOUT_FILENO);
    ::dup2(err[1], STDERR_FILENO);
    become_rank(rank, processes, port, device, arguments);
  }
  ::close(out[1]);
  ::close(err[1]);
  return child;
}

void signal_all(std::vector<Child> const& children, int signal) {
  for (auto const& child : children)
    if (child.running) ::kill(child.pid, signal);
}

/// The exit code of a child that has ended, or none. Says of one that could not say it itself why it ended.
std::optional<int> ended(Child& child) {
  int status = 0;
  if (!child.running || ::waitpid(child.pid, &status, WNOHANG) != child.pid) return std::nullopt;
  child.running = false;
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  int const signal = WTERMSIG(status);
  if (!child.given_up)
    std::cerr << "open_rs: rank " + std::to_string(child.rank) + " was ended by signal " + std::to_string(signal) +
                     (signal == SIGKILL ? ", as the system does where memory is used up\n" : "\n");
  return 128 + signal;
}

/// The others have had their time to end by themselves.
void give_up(std::vector<Child>& children) {
  for (auto& child : children) {
    if (!child.running || std::exchange(child.given_up, true)) continue;
    std::cerr << "open_rs: rank " + std::to_string(child.rank) + " did not end when another failed, and is killed\n";
    ::kill(child.pid, SIGKILL);
  }
}

void pump_all(std::vector<Child>& children) {
  std::vector<pollfd> waits;
  std::vector<std::pair<Child*, Child::Stream*>> streams;
  for (auto& child : children)
    for (auto* stream : {&child.out, &child.err})
      if (stream->from >= 0) {
        waits.push_back({.fd = stream->from, .events = POLLIN, .revents = 0});
        streams.emplace_back(&child, stream);
      }
  if (::poll(waits.data(), waits.size(), 100) <= 0) return;
  for (std::size_t i = 0; i < waits.size(); ++i)
    if (waits[i].revents != 0) pump(*streams[i].second, streams[i].first->rank);
}

}  // namespace

void ProcessFlags::add_to(po::options_description& options) {
  options.add_options()  //
      ("processes", po::value(&processes)->default_value(1)->value_name("N"),
       "train on N processes of this machine, where no launcher (torchrun, mpirun, srun) is")  //
      ("deadline", po::value(&deadline)->default_value(600)->value_name("SECONDS"),
       "that a process waits for the others before it gives up")  //
      ("heartbeat", po::value(&heartbeat)->default_value(60)->value_name("SECONDS"),
       "of waiting after which a process says for whom; 0: never")  //
      ("placement", po::value(&placement)->value_name("colocated|split:K"),
       "every process samples and trains, or K only sample; as --set placement=...")  //
      ("zero", po::value(&zero)->value_name("0|1|2"),
       "what processes divide: nothing, optimizer state, gradients too; as --set zero=...");
}

std::vector<std::string> ProcessFlags::settings() const {
  std::vector<std::string> settings;
  if (!placement.empty()) settings.push_back("placement=" + placement);
  if (!zero.empty()) settings.push_back("zero=" + zero);
  return settings;
}

std::size_t ProcessFlags::ranks() const {
  auto const launch = grove::launch_from_environment();
  return launch ? launch->size : processes;
}

grove::Zero zero_level(std::size_t zero) {
  if (zero > 2) throw grove::Error("recipe", "zero is " + std::to_string(zero), "0, 1 or 2");
  return static_cast<grove::Zero>(zero);
}

bool is_launched() { return grove::launch_from_environment().has_value(); }

int launch(std::size_t processes, Arguments const& arguments) {
  grove::RankStore const store;
  auto const devices = grove::nn::torch::cuda_devices().size();
  char const* const visible = std::getenv("CUDA_VISIBLE_DEVICES");  // NOLINT(concurrency-mt-unsafe): one thread
  std::vector<Child> children;
  for (std::size_t rank = 0; rank < processes; ++rank)
    children.push_back(start(rank, processes, store.port(),
                             device_of_rank(rank, devices, visible != nullptr ? visible : ""), arguments));
  catch_signals();
  int code = 0;
  bool told = false;
  std::optional<Clock::time_point> failed;
  auto const runs = [](Child const& child) { return child.running || child.out.from >= 0 || child.err.from >= 0; };
  while (std::ranges::any_of(children, runs)) {
    pump_all(children);
    for (auto& child : children)
      if (auto const one = ended(child); one && *one != 0 && code == 0) {
        code = *one;
        failed = Clock::now();
      }
    if (asked_to_stop() && !std::exchange(told, true)) signal_all(children, SIGTERM);
    // The others notice by themselves and say so; one that hangs does not.
    if (failed && Clock::now() - *failed > std::chrono::seconds(3)) give_up(children);
  }
  return code;
}

grove::ProcessGroup meet(ProcessFlags const& flags) {
  auto const launch = grove::launch_from_environment();
  if (!launch) return {};
  return grove::ProcessGroup(*launch, std::chrono::seconds(flags.deadline),
                             {.every = std::chrono::seconds(flags.heartbeat),
                              .tell = [](std::string const& line) { std::cerr << "open_rs: " + line + "\n"; }});
}

std::size_t threads_of_rank() {
  auto const launch = grove::launch_from_environment();
  std::size_t const cores = std::max(1U, std::thread::hardware_concurrency());
  return launch ? std::max<std::size_t>(1, cores / launch->local_size) : cores;
}

std::string agreed(grove::ProcessGroup& ranks, std::string text) {
  auto size = static_cast<std::uint64_t>(text.size());
  ranks.broadcast(std::as_writable_bytes(std::span(&size, 1)));
  text.resize(size);
  ranks.broadcast(std::as_writable_bytes(std::span(text.data(), text.size())));
  return text;
}

void check_agreement(grove::ProcessGroup& ranks, grove::Settings const& settings) {
  if (ranks.size() == 1) return;
  std::string mine;
  for (auto const& [name, value] : settings) mine += name + " = " + value + '\n';
  std::istringstream first(agreed(ranks, mine)), own(mine);
  for (std::string theirs, line; std::getline(first, theirs);)
    if (!std::getline(own, line) || line != theirs)
      throw grove::Error("rank " + std::to_string(ranks.rank()), "has " + line, theirs + ", as rank 0",
                         "start all ranks with the same options and files");
}

}  // namespace open_rs
