// SPDX-License-Identifier: Apache-2.0
// Problems drawn by weight: levels in proportions that change with the step, and within a level those that are neither
// always nor never solved.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "grove/checkpoint/state.hpp"
#include "grove/error.hpp"
#include "grove/problem.hpp"
#include "grove/random.hpp"

namespace grove {

/// Shares of levels at some steps; between two of them they change linearly, before the first and behind the last they
/// stay. Shares of a step need not add up to 1.
struct LevelMix {
  struct At {
    std::uint64_t step = 0;                 ///< counted from 0
    std::map<std::string, double> share{};  ///< of each level
  };
  std::vector<At> points{};  ///< ascending steps

  double share(std::string const& level, std::uint64_t step) const {
    auto const value = [&](At const& at) {
      auto const found = at.share.find(level);
      return found == at.share.end() ? 0.0 : found->second;
    };
    auto const after = std::ranges::upper_bound(points, step, {}, &At::step);
    if (after == points.begin()) return value(points.front());
    auto const& before = *(after - 1);
    if (after == points.end()) return value(before);
    double const way = static_cast<double>(step - before.step) / static_cast<double>(after->step - before.step);
    return (1 - way) * value(before) + way * value(*after);
  }
};

struct CurriculumOptions {
  std::string column{};       ///< of the level; empty: one level
  LevelMix mix{};             ///< empty: levels count by how many problems they have
  bool by_pass_rate = false;  ///< weigh problems within a level
  double floor = 0.1;         ///< weight of a problem that is always or never solved, from 0 to 1
  double memory = 0.5;        ///< of a problem's older results when a new one comes, from 0 to 1
  std::size_t problems = 1;   ///< drawn a step
  std::uint64_t seed = 0;
};

/// A source of problems that learns: a draw depends on its index, the seed, the step's mix and the pass rates so far,
/// which are the state of a checkpoint. Draws are with replacement.
///
/// With pass rate p a problem has the weight floor + (1 - floor) * 4 p (1 - p), the variance of a right answer in
/// proportion to its largest; one that was not drawn yet has weight 1.
class Curriculum {
 public:
  /// Throws Error for a level without a share, one that no problem has, a step without shares, or numbers out of range.
  Curriculum(std::vector<Problem> problems, CurriculumOptions options)
      : problems_(std::make_shared<std::vector<Problem> const>(std::move(problems))),
        options_(std::move(options)),
        rate_(problems_->size(), unknown) {
    if (problems_->empty()) throw Error("data", "there is no problem in it", "at least one");
    if (!(options_.floor >= 0 && options_.floor <= 1)) refuse("floor is " + std::to_string(options_.floor));
    if (!(options_.memory >= 0 && options_.memory < 1)) refuse("memory is " + std::to_string(options_.memory));
    for (std::size_t i = 0; i < problems_->size(); ++i) levels_[level_of((*problems_)[i])].push_back(i);
    if (!options_.mix.points.empty()) check_mix();
  }

  Problem operator()(std::uint64_t draw) const { return (*problems_)[place_of(draw)]; }

  /// The share of right answers among the completions of each of the draws first, first + 1, ...; not a number for a
  /// draw that had none. All were drawn since the last call.
  void learn(std::uint64_t first, std::span<double const> pass_rates) {
    if (!options_.by_pass_rate) return;
    std::vector<std::pair<std::size_t, double>> results;
    for (std::size_t i = 0; i < pass_rates.size(); ++i)
      if (!std::isnan(pass_rates[i])) results.emplace_back(place_of(first + i), pass_rates[i]);
    for (auto const& [place, rate] : results)
      rate_[place] = rate_[place] == unknown ? rate : options_.memory * rate_[place] + (1 - options_.memory) * rate;
  }

  /// A problem's running pass rate; -1 before it was drawn.
  double pass_rate(std::size_t place) const { return rate_[place]; }

  void state(State& s) {
    s("pass_rates", rate_);
    if (rate_.size() != problems_->size())
      throw Error("curriculum", "the checkpoint has pass rates of " + std::to_string(rate_.size()) + " problems",
                  std::to_string(problems_->size()) + ", as the data has");
  }

 private:
  static constexpr double unknown = -1;

  [[noreturn]] static void refuse(std::string const& what) { throw Error("curriculum", what, "from 0 to 1"); }

  std::string level_of(Problem const& problem) const {
    if (options_.column.empty()) return "";
    auto const level = problem.column(options_.column);
    if (!level)
      throw Error("curriculum", "problem " + std::to_string(problem.id) + " has no column " + options_.column,
                  "a level in each problem", "name another column with curriculum_column");
    return std::string(*level);
  }

  void check_mix() const {
    std::string known;
    for (auto const& [level, places] : levels_) known += (known.empty() ? "" : ", ") + level;
    for (auto const& [level, places] : levels_)
      if (std::ranges::none_of(options_.mix.points,
                               [&, &level = level](auto const& at) { return at.share.contains(level); }))
        throw Error("curriculum", "level " + level + " has no share", "a share of each of: " + known);
    std::uint64_t last = 0;
    for (auto const& at : options_.mix.points) {
      double sum = 0;
      for (auto const& [level, share] : at.share) {
        if (!levels_.contains(level))
          throw Error("curriculum", "no problem has the level " + level, "one of: " + known);
        if (!(share >= 0) || std::isinf(share)) throw Error("curriculum", "level " + level + " has a negative share");
        sum += share;
      }
      if (!(sum > 0)) throw Error("curriculum", "all shares of step " + std::to_string(at.step) + " are 0");
      if (&at != &options_.mix.points.front() && at.step <= last)
        throw Error("curriculum", "step " + std::to_string(at.step) + " stands behind step " + std::to_string(last),
                    "ascending steps");
      last = at.step;
    }
  }

  double weight(std::size_t place) const {
    double const rate = rate_[place];
    if (!options_.by_pass_rate || rate == unknown) return 1;
    return options_.floor + (1 - options_.floor) * 4 * rate * (1 - rate);
  }

  /// The entry that `point` in [0, 1) of the sum of weights falls into.
  template <class Range, class Weight>
  static auto chosen(Range const& range, double point, Weight const& weight) {
    double sum = 0;
    for (auto const& entry : range) sum += weight(entry);
    auto last = range.begin();
    double reached = 0;
    for (auto at = range.begin(); at != range.end(); ++at) {
      double const own = weight(*at);
      if (own <= 0) continue;
      last = at;
      reached += own;
      if (point * sum < reached) break;
    }
    return last;
  }

  std::size_t place_of(std::uint64_t draw) const {
    RandomSequence random(RandomStream({options_.seed, Purpose::Data}), draw);
    auto const step = draw / options_.problems;
    double const level_point = random.uniform(), problem_point = random.uniform();
    auto const level = chosen(levels_, level_point, [&](auto const& entry) {
      return options_.mix.points.empty() ? static_cast<double>(entry.second.size())
                                         : options_.mix.share(entry.first, step);
    });
    auto const& places = level->second;
    auto const total = std::ranges::any_of(places, [&](std::size_t place) { return weight(place) > 0; });
    if (!total) return places[static_cast<std::size_t>(problem_point * static_cast<double>(places.size()))];
    return *chosen(places, problem_point, [&](std::size_t place) { return weight(place); });
  }

  std::shared_ptr<std::vector<Problem> const> problems_;
  CurriculumOptions options_;
  std::map<std::string, std::vector<std::size_t>> levels_;
  std::vector<double> rate_;
};

}  // namespace grove
