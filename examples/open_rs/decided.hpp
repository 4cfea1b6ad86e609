// SPDX-License-Identifier: Apache-2.0
// open_rs generate --stop-decided: completions for curate's trivial stage, and no more of a prompt than change what the
// stage does with it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "grove/nn/cpu/early_end.hpp"
#include "grove/nn/cpu/generation_options.hpp"

namespace open_rs {

/// When curate drops a row: from or below which share of right completions, and what is right.
struct TrivialRule {
  double drop_from = 1, drop_below = 0;
  std::string verifier{};

  /// Of KEY=VALUE as for curate's --set. Throws grove::Error for other keys, bad numbers and unknown verifiers.
  static TrivialRule of(std::vector<std::string> const& settings);

  /// Whether `right` of `judged` completions decide over all `n`: the row is dropped or kept whatever the others are,
  /// and just so if there are no others.
  bool decides(std::size_t right, std::size_t judged, std::size_t n) const;

  bool is_right(std::string const& gold, std::string const& text) const;
};

/// Of each prompt the completions up to the first, in the order of their numbers, that decides. Which these are depends
/// on the completions alone, not on when each ends.
class DecidedGroups {
 public:
  using Write = std::function<void(grove::nn::cpu::GeneratedCompletion const&)>;

  /// A gold answer for each request of the call, `samples` completions each.
  DecidedGroups(TrivialRule rule, std::vector<std::string> golds, std::size_t samples, Write write);

  /// For the options of the call, which delivers completions as they end.
  grove::nn::cpu::EarlyEnd const& early_end() const { return early_end_; }

  /// Takes what the call delivers; what is whole is written, in the order of requests and numbers.
  void take(grove::nn::cpu::GeneratedCompletion&& generated);

  /// Completions that were not needed, and prompts that had any.
  std::size_t spared() const { return spared_; }
  std::size_t decided() const { return early_end_.count(); }

 private:
  struct Group {
    std::map<std::uint32_t, grove::nn::cpu::GeneratedCompletion> waiting{};  // those that ended before their turn
    std::vector<grove::nn::cpu::GeneratedCompletion> taken{};                // in order
    std::size_t right = 0;
    bool closed = false;
  };

  void judge_next(std::size_t request);

  TrivialRule rule_;
  std::vector<std::string> golds_;
  std::size_t samples_;
  Write write_;
  std::vector<Group> groups_;
  grove::nn::cpu::EarlyEnd early_end_;
  std::size_t written_ = 0;  // groups
  std::size_t spared_ = 0;
};

}  // namespace open_rs
