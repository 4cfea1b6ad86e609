// SPDX-License-Identifier: Apache-2.0
// Judges batches on kept threads, and keeps account of it: what was declined, what failed, how long it took.
#pragma once

#include <algorithm>
#include <atomic>
#include <chrono>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "grove/advantage/running_moments.hpp"
#include "grove/concepts.hpp"
#include "grove/error.hpp"
#include "grove/metrics.hpp"
#include "grove/reward/reward_list.hpp"
#include "grove/reward/scoring_options.hpp"
#include "grove/reward/within.hpp"
#include "grove/reward_matrix.hpp"
#include "grove/worker_pool.hpp"

namespace grove {

/// Account of one reward over some batches.
struct RewardStatistics {
  std::string name{};
  std::size_t declined = 0;          ///< no score, failures included
  std::size_t unparsed = 0;          ///< no answer could be read
  std::size_t errors = 0;            ///< the reward threw
  std::size_t slow = 0;              ///< it did not come back within the deadline
  std::string cause{};               ///< why the first of these failed; empty where none did
  std::uint64_t failed_problem = 0;  ///< the id of its problem
  RunningMoments scores{};           ///< of what was not declined
  std::vector<float> latency_ms{};   ///< of each call

  /// The latency that a share of the calls does not exceed; 0 without calls.
  double latency(double share) const {
    if (latency_ms.empty()) return 0;
    auto sorted = latency_ms;
    auto const rank = static_cast<std::size_t>(share * static_cast<double>(sorted.size()));
    auto const at = sorted.begin() + static_cast<std::ptrdiff_t>(std::min(rank, sorted.size() - 1));
    std::ranges::nth_element(sorted, at);
    return static_cast<double>(*at);
  }
};

/// Trajectories that show the problem and the completion of each sequence.
template <class T>
concept AnswersProblems = requires(T const& t, std::size_t i) {
  { t.problem(i) } -> std::convertible_to<Problem const&>;
  { t.completion(i) } -> std::convertible_to<Completion const&>;
};

/// Whoever judges batches owns one: a trainer, a program.
class Scorer {
 public:
  explicit Scorer(ScoringOptions options = {}) : options_(options), pool_(options.threads) {}

  /// The reward matrix of a batch. A reward that judges batches (`evaluate`) does it itself; others are called for each
  /// sample or group. Where one throws or is late it is counted and the fallback is its score; where one throws beyond
  /// `max_error_rate` of the batch this throws an Error with the reward, the problem and the cause.
  template <class R, class T>
  RewardMatrix operator()(R const& reward, T const& trajectories) {
    if constexpr (requires { reward.evaluate(trajectories, *this); })
      return reward.evaluate(trajectories, *this);
    else if constexpr (BatchReward<R, T>)
      return reward.evaluate(trajectories);
    else
      return detail::with_list(reward, [&](auto const& list) { return judge(list, trajectories, detached(reward)); });
  }

  /// Account of each reward since the last `report`.
  std::vector<RewardStatistics> const& statistics() const { return statistics_; }

  /// Sets `rewards/NAME/unparsed`, `rewards/NAME/errors` and `rewards/NAME/slow` where there were any (a replay, which
  /// judges nothing, has the same metrics as its recording then), `timing/rewards/NAME/p50_ms` and `p99_ms`; begins
  /// anew. (Mean, deviation and what was declined are told of the reward matrix.)
  void report(Metrics& metrics) {
    for (auto const& one : statistics_) {
      auto const key = "rewards/" + one.name + "/";
      if (one.unparsed > 0) metrics.set(key + "unparsed", static_cast<double>(one.unparsed));
      if (one.errors > 0) metrics.set(key + "errors", static_cast<double>(one.errors));
      if (one.slow > 0) metrics.set(key + "slow", static_cast<double>(one.slow));
      metrics.set("timing/" + key + "p50_ms", one.latency(0.5));
      metrics.set("timing/" + key + "p99_ms", one.latency(0.99));
    }
    statistics_.clear();
  }

 private:
  /// One reward over one batch, while threads work on it.
  struct Account {
    std::atomic<std::size_t> errors = 0, unparsed = 0, slow = 0;
    std::vector<float> latency_ms{};            ///< [samples], negative where there was no call
    std::vector<std::vector<double>> tokens{};  ///< [samples], empty where the score is one number
    std::size_t first_failed = static_cast<std::size_t>(-1);
    std::uint64_t failed_problem = 0;
    std::string cause{};
    std::mutex mutex{};

    /// Keeps the failure of the first sample, whichever thread comes first.
    void note(std::size_t sample, Problem const& problem, std::string why) {
      std::scoped_lock lock(mutex);
      if (sample >= first_failed) return;
      first_failed = sample;
      failed_problem = problem.id;
      cause = std::move(why);
    }
    /// A call that covers some samples did not come back in time.
    void late(std::size_t sample, std::size_t covered, Problem const& problem, std::chrono::milliseconds deadline) {
      slow += covered;
      note(sample, problem, "not back within the deadline of " + std::to_string(deadline.count()) + " ms");
    }
  };
  /// Completions that a reward sees at once.
  struct Together {
    std::size_t reward = 0;
    std::vector<std::size_t> samples{};
  };
  struct TooManyErrors {};
  /// Problems and completions that a reward sees together.
  template <class X>
  using Pointers = std::vector<X const*>;
  using Scores = std::vector<std::optional<double>>;
  /// Calls of a reward under the deadline, for which everything is copied: nothing where they are late. Empty without a
  /// deadline.
  struct Detached {
    std::function<std::optional<Score>(std::size_t, Problem const&, Completion const&)> score{};
    std::function<std::optional<Scores>(std::size_t, Pointers<Problem> const&, Pointers<Completion> const&)> together{};
  };

  template <class R>
  Detached detached(R const& reward) const {
    if (options_.deadline.count() == 0) return {};
    if constexpr (std::copy_constructible<R>) {
      auto const kept = std::make_shared<R const>(reward);
      auto const deadline = options_.deadline;
      return {.score =
                  [kept, deadline](std::size_t r, Problem const& problem, Completion const& completion) {
                    return detail::within(deadline, [kept, r, problem, completion] {
                      return detail::with_list(*kept,
                                               [&](auto const& list) { return list.score(r, problem, completion); });
                    });
                  },
              .together =
                  [kept, deadline](std::size_t r, Pointers<Problem> const& problems,
                                   Pointers<Completion> const& completions) {
                    return detail::within(deadline,
                                          [kept, r, problems = copies(problems), completions = copies(completions)] {
                                            return detail::with_list(*kept, [&](auto const& list) {
                                              return list.score_together(r, pointers(problems), pointers(completions));
                                            });
                                          });
                  }};
    } else {
      throw Error("ScoringOptions", "a deadline for a reward that cannot be copied", "0",
                  "let the reward be copyable: a call that is late goes on with a copy of it");
    }
  }

  template <class X>
  static std::vector<X> copies(Pointers<X> const& pointers) {
    std::vector<X> values;
    for (auto const* value : pointers) values.push_back(*value);
    return values;
  }
  template <class X>
  static Pointers<X> pointers(std::vector<X> const& values) {
    Pointers<X> pointers;
    for (auto const& value : values) pointers.push_back(&value);
    return pointers;
  }

  template <RewardList L, AnswersProblems T>
  RewardMatrix judge(L const& list, T const& trajectories, Detached const& detached) {
    std::size_t const n = trajectories.episodes.sequences();
    std::vector<std::string> names;
    std::vector<double> weights;
    for (std::size_t r = 0; r < list.size(); ++r) {
      names.push_back(list.name(r));
      weights.push_back(list.weight(r));
    }
    RewardMatrix matrix(names, weights, n);
    std::vector<Account> accounts(list.size());
    for (auto& account : accounts) {
      account.latency_ms.assign(n, -1.0F);
      account.tokens.resize(n);
    }
    auto const groups = groups_of(list, trajectories);
    try {
      pool_.for_each(groups.size() + n, [&](std::size_t i) {
        if (i < groups.size())
          judge_together(list, trajectories, groups[i], matrix, accounts[groups[i].reward], detached);
        else
          judge_alone(list, trajectories, i - groups.size(), matrix, accounts, detached);
      });
    } catch (TooManyErrors const&) {
      fail(names, accounts, n);
    }
    for (std::size_t r = 0; r < list.size(); ++r) {
      add(matrix, r, accounts[r]);
      for (std::size_t s = 0; s < n; ++s)
        if (auto& tokens = accounts[r].tokens[s]; !tokens.empty()) matrix.set_tokens(r, s, std::move(tokens));
    }
    return matrix;
  }

  template <RewardList L, AnswersProblems T>
  static std::vector<Together> groups_of(L const& list, T const& trajectories) {
    std::vector<Together> groups;
    auto const& ids = trajectories.episodes.group;
    for (std::size_t r = 0; r < list.size(); ++r) {
      if (list.judges(r) == Judges::Sample) continue;
      std::map<std::uint32_t, std::vector<std::size_t>> members;
      for (std::size_t s = 0; s < ids.size(); ++s) members[list.judges(r) == Judges::Batch ? 0 : ids[s]].push_back(s);
      for (auto& [id, samples] : members) groups.push_back({r, std::move(samples)});
    }
    return groups;
  }

  template <RewardList L, AnswersProblems T>
  void judge_alone(L const& list, T const& trajectories, std::size_t sample, RewardMatrix& matrix,
                   std::vector<Account>& accounts, Detached const& detached) const {
    Problem const& problem = trajectories.problem(sample);
    Completion const& completion = trajectories.completion(sample);
    for (std::size_t r = 0; r < list.size(); ++r) {
      if (list.judges(r) != Judges::Sample) continue;
      call(accounts[r], sample, 1, matrix.samples(), problem, [&] {
        matrix(r, sample) = options_.fallback;  // unless it is judged in time
        std::optional<Score> judged;
        if (detached.score)
          judged = detached.score(r, problem, completion);
        else
          judged.emplace(list.score(r, problem, completion));
        if (!judged.has_value()) {
          accounts[r].late(sample, 1, problem, options_.deadline);
          return;
        }
        auto& score = *judged;
        if (auto const length = trajectories.episodes.length(sample);
            !score.tokens.empty() && score.tokens.size() != length)
          throw Error("its result", std::to_string(score.tokens.size()) + " scores",
                      std::to_string(length) + ", one a token");
        matrix(r, sample) = static_cast<std::optional<double> const&>(score);
        if (score.unparsed) ++accounts[r].unparsed;
        accounts[r].tokens[sample] = std::move(score.tokens);
      });
    }
  }

  template <RewardList L, AnswersProblems T>
  void judge_together(L const& list, T const& trajectories, Together const& group, RewardMatrix& matrix,
                      Account& account, Detached const& detached) const {
    Pointers<Problem> problems;
    Pointers<Completion> completions;
    for (auto const sample : group.samples) {
      problems.push_back(&static_cast<Problem const&>(trajectories.problem(sample)));
      completions.push_back(&static_cast<Completion const&>(trajectories.completion(sample)));
    }
    for (auto const sample : group.samples) matrix(group.reward, sample) = options_.fallback;
    call(account, group.samples.front(), group.samples.size(), matrix.samples(), *problems.front(), [&] {
      auto const judged = detached.together ? detached.together(group.reward, problems, completions)
                                            : list.score_together(group.reward, problems, completions);
      if (!judged.has_value()) {
        account.late(group.samples.front(), group.samples.size(), *problems.front(), options_.deadline);
        return;
      }
      auto const& scores = *judged;
      if (scores.size() != group.samples.size())
        throw Error("its result", std::to_string(scores.size()) + " scores",
                    std::to_string(group.samples.size()) + ", one a completion");
      for (std::size_t i = 0; i < scores.size(); ++i) matrix(group.reward, group.samples[i]) = scores[i];
    });
  }

  /// Calls a reward for `covered` samples, the first of them `sample`, under the clock and with what it throws counted.
  template <class F>
  void call(Account& account, std::size_t sample, std::size_t covered, std::size_t samples, Problem const& problem,
            F const& judge_it) const {
    using Clock = std::chrono::steady_clock;
    auto const begin = Clock::now();
    auto const failed = [&](std::string const& cause) {
      account.note(sample, problem, cause);
      auto const errors = account.errors += covered;
      if (static_cast<double>(errors) > options_.max_error_rate * static_cast<double>(samples)) throw TooManyErrors{};
    };
    try {
      judge_it();
    } catch (std::exception const& e) {
      failed(e.what());
    } catch (...) {
      failed("it threw what is no std::exception");
    }
    account.latency_ms[sample] = std::chrono::duration<float, std::milli>(Clock::now() - begin).count();
  }

  [[noreturn]] void fail(std::vector<std::string> const& names, std::vector<Account> const& accounts,
                         std::size_t samples) const {
    auto const at =
        std::ranges::max_element(accounts, {}, [](Account const& account) { return account.errors.load(); });
    auto const allowed = static_cast<std::size_t>(options_.max_error_rate * static_cast<double>(samples));
    throw Error("reward " + names[static_cast<std::size_t>(at - accounts.begin())],
                "problem " + std::to_string(at->failed_problem) + ": " + at->cause,
                allowed == 0
                    ? ""
                    : "at most " + std::to_string(allowed) + " failures in " + std::to_string(samples) + " samples");
  }

  void add(RewardMatrix const& matrix, std::size_t r, Account const& account) {
    auto at = std::ranges::find(statistics_, matrix.name(r), &RewardStatistics::name);
    if (at == statistics_.end()) at = statistics_.insert(at, RewardStatistics{.name = matrix.name(r)});
    for (std::size_t s = 0; s < matrix.samples(); ++s) {
      if (auto const& score = matrix(r, s))
        at->scores.add(*score);
      else
        ++at->declined;
    }
    at->unparsed += account.unparsed;
    at->errors += account.errors;
    at->slow += account.slow;
    if (at->cause.empty() && !account.cause.empty()) {
      at->cause = account.cause;
      at->failed_problem = account.failed_problem;
    }
    for (auto const latency : account.latency_ms)
      if (latency >= 0) at->latency_ms.push_back(latency);
  }

  ScoringOptions options_;
  WorkerPool pool_;
  std::vector<RewardStatistics> statistics_;
};

}  // namespace grove
