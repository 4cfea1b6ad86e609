// SPDX-License-Identifier: Apache-2.0
#include "grove/reward/external.hpp"

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <utility>

#include "grove/error.hpp"
#include "grove/io/json.hpp"
#include "grove/reward/child_process.hpp"

namespace grove {
namespace {

using io::Json;

std::string request_of(Problem const& problem, Completion const& completion) {
  Json asked = {{"id", problem.id}, {"prompt", problem.prompt}};
  Json messages = Json::array();
  for (auto const& message : problem.messages)
    messages.push_back({{"role", message.role}, {"content", message.content}});
  asked["messages"] = std::move(messages);
  for (auto const& [column, text] : problem.columns) asked[column] = text;
  asked["gold"] = problem.gold;
  Json const given = {{"text", completion.text},
                      {"tokens", completion.tokens.size()},
                      {"finish", completion.finish == Finish::Stop ? "stop" : "length"}};
  return Json{{"problem", std::move(asked)}, {"completion", given}}.dump(-1, ' ', false,
                                                                         Json::error_handler_t::replace);
}

std::optional<double> score_of(std::string const& reply) {
  auto const json = io::parse_json_line(reply, "its reply");
  auto const at = json.is_object() ? json.find("score") : json.end();
  if (!json.is_object() || at == json.end() || !(at->is_number() || at->is_null()))
    throw Error("its reply", io::excerpt(json), "{\"score\": a number or null}");
  return at->is_null() ? std::nullopt : std::optional(at->get<double>());
}

}  // namespace

/// The processes, and the turn of those who wait for one.
class ExternalReward::Crew {
 public:
  explicit Crew(ExternalOptions options) : options_(std::move(options)), seats_(options_.processes) {
    for (std::size_t i = 0; i < seats_.size(); ++i) free_.push_back(i);
  }

  std::optional<double> ask(std::string const& request) {
    auto const seat = take();
    auto& child = seats_[seat];
    try {
      if (child && !child->is_waiting()) child.reset();
      bool const fresh = child == nullptr;
      auto const deadline = detail::ChildProcess::Clock::now() + (fresh ? options_.start_deadline : options_.deadline);
      if (fresh) child = std::make_unique<detail::ChildProcess>(options_.command);
      auto const score = score_of(child->exchange(request, deadline, options_.max_reply));
      give_back(seat);
      return score;
    } catch (...) {
      child.reset();
      give_back(seat);
      throw;
    }
  }

 private:
  std::size_t take() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return !free_.empty(); });
    auto const seat = free_.back();
    free_.pop_back();
    return seat;
  }

  void give_back(std::size_t seat) {
    std::scoped_lock lock(mutex_);
    free_.push_back(seat);
    freed_.notify_one();
  }

  ExternalOptions options_;
  std::vector<std::unique_ptr<detail::ChildProcess>> seats_;
  std::vector<std::size_t> free_;
  std::mutex mutex_;
  std::condition_variable freed_;
};

ExternalReward::ExternalReward(ExternalOptions options) {
  if (options.command.empty() || options.command.front().empty())
    throw Error("ExternalReward", "the command is empty", "a program and its arguments");
  if (options.processes == 0) throw Error("ExternalReward", "0 processes", "at least 1");
  if (options.deadline.count() <= 0 || options.start_deadline.count() <= 0)
    throw Error("ExternalReward", "a deadline is not positive", "milliseconds");
  crew_ = std::make_shared<Crew>(std::move(options));
}

std::optional<double> ExternalReward::operator()(Problem const& problem, Completion const& completion) const {
  return crew_->ask(request_of(problem, completion));
}

}  // namespace grove
